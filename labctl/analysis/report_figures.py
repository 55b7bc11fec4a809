"""The figures of a report, with captions that say what one sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from labctl.analysis import quantities as q
from labctl.analysis.distributions import summarise
from labctl.analysis.figures import (
    calibration_figure,
    chip_map_figure,
    distributions_figure,
    forming_figure,
    learning_trace_figure,
    mean_error,
    posterior_check_figure,
    sd_ratio,
    transition_map_figure,
    transitions_figure,
    uncertain_figure,
)
from labctl.analysis.grids import as_map, conductance_map
from labctl.analysis.report_data import ReportData
from labctl.analysis.transitions import bin_by_polarity

_NONE: list[float] = []


@dataclass(frozen=True, slots=True)
class Plate:
    """One figure of the report.

    Attributes
    ----------
    name
        Short and unique: ``"chip_map"``.
    caption
        A sentence or two under it.
    columns
        How many of the three columns of the page it takes.
    """

    name: str
    figure: Figure
    caption: str
    columns: int = 1


def _column(frame: pd.DataFrame | None, name: str) -> NDArray[np.float64]:
    """Return a column as float64; empty where there is no table."""
    if frame is None:
        return np.empty(0)
    return frame[name].to_numpy(dtype=np.float64)


def _unformed(data: ReportData) -> NDArray[np.bool_]:
    if data.forming is None:
        return np.zeros(data.shape, bool)
    frame = data.forming
    return as_map(frame["row"], frame["col"], ~frame["formed"].astype(bool), data.shape) > 0


def chip_plates(data: ReportData) -> list[Plate]:
    """Return chip map and distributions."""
    missing = _unformed(data)
    if data.cells is None:
        grid = np.empty((0, 0))
        caption = "No map was read."
    else:
        grid = conductance_map(data.cells, data.shape)
        formed = summarise(grid[~missing])
        caption = (
            f"The chip after forming: median {q.prefixed(formed.median, 'S')}, middle half "
            f"{q.prefixed(formed.percentiles[25], 'S')} to "
            f"{q.prefixed(formed.percentiles[75], 'S')}. Hatched cells did not form or gave no "
            "usable reading."
        )
    sets = {}
    for label, frame in (("after forming", data.cells), (data.cells_later_label, data.cells_later)):
        if frame is not None:
            sets[label] = conductance_map(frame, data.shape)[~missing]
    return [
        Plate("chip_map", chip_map_figure(grid, missing if grid.size else None), caption),
        Plate(
            "distributions",
            distributions_figure(sets),
            "Conductance of the formed cells: histogram on a logarithmic axis (medians dashed) and "
            "cumulative share.",
            columns=2,
        ),
    ]


def pulse_plates(data: ReportData) -> list[Plate]:
    """Return forming, transition curves and the transition map."""
    frame = data.transitions
    before, after, polarity = (_column(frame, name) for name in ("before", "after", "polarity"))
    flag = None if frame is None else frame.get("flag")
    set_steps, reset_steps = bin_by_polarity(before, after, polarity, flag)
    fitted = data.set_fit is not None or data.reset_fit is not None
    formed = None if data.forming is None else data.forming["formed"].to_numpy(dtype=bool)
    return [
        Plate(
            "forming",
            forming_figure(_column(data.forming, "voltage"), formed),
            "Bit-line voltage at which the cells formed (bars), and the share of all cells formed "
            "up to each voltage (line).",
        ),
        Plate(
            "transitions",
            transitions_figure(
                set_steps,
                reset_steps,
                set_fit=data.set_fit,
                reset_fit=data.reset_fit,
                window=data.window,
            ),
            "Mean change by one pulse, against the conductance it starts from (bars: standard "
            "error), and spread of single pulses (band)"
            + ("; lines: the curves learning uses, ± one fitted sd (dashed)." if fitted else "."),
        ),
        Plate(
            "transition_map",
            transition_map_figure(before, after, polarity, flag),
            "Every pulse as a dot: SET lifts a cell above the diagonal, RESET drops it below. "
            "The scatter is the cell's own randomness and the noise of the two reads.",
        ),
    ]


def trace_plate(data: ReportData) -> Plate:
    """Return the learning trace."""
    trace = data.trace
    if trace is None:
        figure = learning_trace_figure(_NONE, _NONE, _NONE)
        return Plate("learning_trace", figure, "No chain was recorded.", columns=3)
    figure = learning_trace_figure(
        trace.step,
        trace.score,
        trace.weights,
        trace.names,
        score_label=trace.score_label,
        reference_mean=trace.reference_mean,
        reference_sd=trace.reference_sd,
        burn_in=trace.burn_in,
    )
    reference = (
        " A chain that samples wanders over the width of the reference (bars on the right: mean "
        "± sd); one that froze would be a flat line."
        if trace.reference_mean is not None
        else ""
    )
    caption = (
        "The chain while the cells learned: fit to the training data, and some weights as read "
        "back from the chip." + reference
    )
    return Plate("learning_trace", figure, caption, columns=3)


def posterior_plate(data: ReportData) -> Plate:
    """Return the check of the posterior against the reference."""
    p = data.posterior
    if p is None:
        figure = posterior_check_figure(_NONE, _NONE, _NONE, _NONE)
        return Plate("posterior_check", figure, "Nothing to compare with.", columns=2)
    figure = posterior_check_figure(p.mean, p.sd, p.reference_mean, p.reference_sd)
    error = mean_error(p.mean, p.reference_mean, p.reference_sd)
    ratio = sd_ratio(p.sd, p.reference_sd)
    caption = (
        "Posterior learned on the chip against the float reference, one dot a weight; on the line "
        f"is right. Root-mean-square error of the means {q.number(error)} reference sd, median "
        f"ratio of the sds {q.number(ratio)}."
    )
    return Plate("posterior_check", figure, caption, columns=2)


def calibration_plate(data: ReportData) -> Plate:
    """Return the reliability diagram."""
    p = data.predictions
    if p is None:
        return Plate("calibration", calibration_figure(_NONE, _NONE), "No predictions.")
    return Plate(
        "calibration",
        calibration_figure(p.probability, p.label),
        "How often predictions are right against how sure they were (bars: 68 %); below, how many "
        "samples each point stands for.",
    )


def uncertain_plate(data: ReportData) -> Plate:
    """Return the most uncertain samples."""
    p = data.predictions
    if p is None:
        figure = uncertain_figure(_NONE, _NONE, _NONE, _NONE)
        return Plate("uncertain", figure, "No predictions.", columns=2)
    figure = uncertain_figure(
        p.probability,
        p.label,
        p.aleatoric,
        p.epistemic,
        sample=p.sample,
        classes=p.classes,
        count=data.uncertain_samples,
    )
    return Plate(
        "uncertain",
        figure,
        "The test samples the model is least sure of. Left: what it says. Right: why it doubts: "
        "classes that overlap (aleatoric; more data will not help) or weights it does not know "
        "(epistemic; more data would).",
        columns=2,
    )


def sections(data: ReportData) -> list[tuple[str, list[Plate]]]:
    """Return the sections of the report: title and figures, in rows of three columns."""
    return [
        ("The chip", chip_plates(data)),
        ("Forming and single pulses", pulse_plates(data)),
        ("Learning on the chip", [trace_plate(data)]),
        ("Posterior and predictions", [posterior_plate(data), calibration_plate(data),
                                       uncertain_plate(data)]),
    ]  # fmt: skip
