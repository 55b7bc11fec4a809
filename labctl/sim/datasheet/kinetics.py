"""Conductance against the width of one pulse, at three amplitudes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from labctl.sim.datasheet import look
from labctl.sim.datasheet.strip import Point, Strip

SHORTEST, LONGEST = 20e-9, 10e-3
"""s, ends of the pulse widths."""
_PER_DECADE = 6


@dataclass(frozen=True, slots=True)
class Kinetics:
    """What pulses of one polarity make of the cells.

    Attributes
    ----------
    points
        The pulses, weakest first; their width means nothing here.
    width
        s, float64, (n,).
    conductance
        S, (amplitudes, n, cells).
    start
        S, (cells,): before the pulse.
    """

    points: tuple[Point, ...]
    width: NDArray[np.float64]
    conductance: NDArray[np.float64]
    start: NDArray[np.float64]


def measure_kinetics(strip: Strip, points: tuple[Point, ...]) -> Kinetics:
    """Hold each amplitude over a fresh copy of the strip and look at widths in between.

    One long pulse seen at many moments is the same as many pulses of different width, each on
    cells in the first state: the law of a cell does not know where a pulse was cut.
    """
    count = round(np.log10(LONGEST / SHORTEST) * _PER_DECADE) + 1
    width = np.geomspace(SHORTEST, LONGEST, count)
    steps = np.diff(width, prepend=0.0)
    out = np.empty((len(points), width.size, strip.cells))
    for k, point in enumerate(points):
        trial = strip.copy()
        trial.drive(point.voltage, point.gate)
        for j, step in enumerate(steps):
            trial.chip.elapse(float(step))
            out[k, j] = trial.conductance
    return Kinetics(points, width, out, strip.conductance)


def draw_kinetics(axes: Axes, kinetics: Kinetics, *, low: float, high: float) -> None:
    """Draw medians and 10-90 % bands between ``low`` and ``high`` (S)."""
    rising = kinetics.points[0].voltage > 0
    axes.set_title("SET kinetics" if rising else "RESET kinetics")
    colours = look.THREE_SET if rising else look.THREE_RESET
    axes.set_yscale("log")
    for point, values, colour in zip(kinetics.points, kinetics.conductance, colours, strict=True):
        look.quantile_band(
            axes, kinetics.width, values * look.MICRO, colour, f"{abs(point.voltage):.2f} V",
            alpha=0.22,
        )  # fmt: skip
    axes.axhline(
        float(np.median(kinetics.start)) * look.MICRO, color=look.GREY, linewidth=0.8,
        linestyle=":",
    )  # fmt: skip
    axes.set_ylim(low * look.MICRO, high * look.MICRO)
    look.plain(axes.yaxis)
    look.times(axes, SHORTEST, LONGEST, only=("100 ns", "1 µs", "10 µs", "100 µs", "1 ms", "10 ms"))
    axes.set_xlabel("pulse width")
    axes.set_ylabel("conductance (µS)")
    look.legend_above(axes, len(kinetics.points))
    gate = kinetics.points[0].gate
    look.note(
        axes,
        f"{kinetics.start.size} cells from {'HRS' if rising else 'LRS'} (dotted); "
        f"{'bit' if rising else 'source'} line as stated,\ngate {gate:g} V; median, 10-90 %",
    )
