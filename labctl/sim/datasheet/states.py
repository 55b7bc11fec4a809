"""The two end states over many cycles: spread from cell to cell and from cycle to cycle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from labctl.sim.datasheet import look
from labctl.sim.datasheet.strip import Point, Strip

_WAIT = 1e-3
"""s between pulse and look."""
_MOST_SHOWN = 400


@dataclass(frozen=True, slots=True)
class States:
    """Conductances after each half cycle.

    Attributes
    ----------
    low, high
        S, float64, (cycles, cells): after RESET (HRS) and after SET (LRS).
    set_full, reset_full
        The pulses.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    set_full: Point
    reset_full: Point


def measure_states(strip: Strip, set_full: Point, reset_full: Point, cycles: int) -> States:
    """Cycle the whole strip; it is left after a SET."""
    low, high = np.empty((cycles, strip.cells)), np.empty((cycles, strip.cells))
    for k in range(cycles):
        strip.pulse(reset_full, _WAIT)
        low[k] = strip.conductance
        strip.pulse(set_full, _WAIT)
        high[k] = strip.conductance
    return States(low, high, set_full, reset_full)


def device_to_device(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of each cell over cycles; (cycles, cells) to (cells,)."""
    return np.median(values, axis=0)


def cycle_to_cycle(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return every value as the median cell would have it: its own median taken out, (n,)."""
    own = np.median(values, axis=0)
    return np.asarray(np.median(own) * values / own).ravel()


def draw_states(axes: Axes, states: States) -> None:
    """Draw four distributions on a probability axis."""
    axes.set_title("LRS and HRS")
    axes.set_xscale("log")
    for values, colour in ((states.low, look.RESET_COLOUR), (states.high, look.SET_COLOUR)):
        for spread, style in ((device_to_device, "-"), (cycle_to_cycle, (0, (2, 1.2)))):
            x, score = look.scores(spread(values) * look.MICRO)
            # The ends matter on this axis, so what is left out lies evenly in the score.
            few = np.unique(
                np.searchsorted(score, np.linspace(score[0], score[-1], _MOST_SHOWN))
            ).clip(max=x.size - 1)
            axes.plot(x[few], score[few], color=colour, linestyle=style)
    look.probability_axis(axes)
    look.plain(axes.xaxis)
    axes.set_xlabel("conductance (µS)")
    axes.set_ylabel("values at or below (%)")
    look.legend_above(
        axes,
        4,
        [
            Line2D([], [], color=look.RESET_COLOUR, label="HRS"),
            Line2D([], [], color=look.SET_COLOUR, label="LRS"),
            Line2D([], [], color=look.GREY, label="cells"),
            Line2D([], [], color=look.GREY, linestyle=(0, (2, 1.2)), label="cycles"),
        ],
    )
    cycles, cells = states.low.shape
    up, down = states.set_full, states.reset_full
    look.note(
        axes,
        f"{cells} cells (medians), {cycles} cycles; SET {up.voltage:.2f} V, gate {up.gate:.3g} V, "
        f"{look.seconds(up.width)};\n"
        f"RESET {-down.voltage:.2f} V, gate {down.gate:.3g} V, {look.seconds(down.width)}",
    )
