"""Looking at what was measured: statistics, figures, the report.

The statistics are re-exported here and need NumPy only. Figures are in
:mod:`labctl.analysis.figures`, the figure of a run in :mod:`labctl.analysis.plot` and the report in
:mod:`labctl.analysis.report`; those import matplotlib, so nothing at start-up should import them.
"""

from __future__ import annotations

from labctl.analysis.distributions import (
    PERCENTILES,
    Summary,
    cumulative,
    histogram,
    log_edges,
    summarise,
    summarise_by,
    usable,
)
from labctl.analysis.grids import as_map, conductance_map, shape_of
from labctl.analysis.transitions import (
    RESET,
    SET,
    BinnedSteps,
    bin_by_polarity,
    bin_steps,
    even_edges,
)

__all__ = [
    "PERCENTILES",
    "RESET",
    "SET",
    "BinnedSteps",
    "Summary",
    "as_map",
    "bin_by_polarity",
    "bin_steps",
    "conductance_map",
    "cumulative",
    "even_edges",
    "histogram",
    "log_edges",
    "shape_of",
    "summarise",
    "summarise_by",
    "usable",
]
