"""Figures, one noun per module: ``draw_*`` draws into given axes, ``*_figure`` returns a figure.

Conductances are given in S and shown in µS. Nothing to show gives a figure that says so.
"""

from __future__ import annotations

from labctl.analysis.figures.calibration import (
    Reliability,
    calibration_figure,
    draw_calibration,
    reliability,
)
from labctl.analysis.figures.chip_map import chip_map_figure, draw_chip_map
from labctl.analysis.figures.distributions import (
    distributions_figure,
    draw_cumulative,
    draw_histogram,
)
from labctl.analysis.figures.drift import drift_figure
from labctl.analysis.figures.forming import draw_forming, forming_figure
from labctl.analysis.figures.iv_loops import iv_loops_figure
from labctl.analysis.figures.learning_trace import (
    draw_score,
    draw_weights,
    learning_trace_figure,
)
from labctl.analysis.figures.placement import draw_placement, placement_figure
from labctl.analysis.figures.posterior_check import (
    draw_means,
    draw_sds,
    mean_error,
    posterior_check_figure,
    sd_ratio,
)
from labctl.analysis.figures.programming import (
    draw_programming,
    draw_programming_error,
    programming_figure,
)
from labctl.analysis.figures.read_noise import read_noise_figure
from labctl.analysis.figures.transition_map import draw_transition_map, transition_map_figure
from labctl.analysis.figures.transitions import Curve, draw_transitions, transitions_figure
from labctl.analysis.figures.uncertain import most_uncertain, uncertain_figure

__all__ = [
    "Curve",
    "Reliability",
    "calibration_figure",
    "chip_map_figure",
    "distributions_figure",
    "draw_calibration",
    "draw_chip_map",
    "draw_cumulative",
    "draw_forming",
    "draw_histogram",
    "draw_means",
    "draw_placement",
    "draw_programming",
    "draw_programming_error",
    "draw_score",
    "draw_sds",
    "draw_transition_map",
    "draw_transitions",
    "draw_weights",
    "drift_figure",
    "forming_figure",
    "iv_loops_figure",
    "learning_trace_figure",
    "mean_error",
    "most_uncertain",
    "placement_figure",
    "posterior_check_figure",
    "programming_figure",
    "read_noise_figure",
    "reliability",
    "sd_ratio",
    "transition_map_figure",
    "transitions_figure",
    "uncertain_figure",
]
