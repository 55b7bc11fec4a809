"""What a cell does by itself in the first hours after a pulse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from labctl.sim.datasheet import look
from labctl.sim.datasheet.noise import PERIOD
from labctl.sim.datasheet.strip import Point, Strip

_FIRST, _LAST = 1e-3, 1e4
READS = 2000 * PERIOD
"""s, the time of 2 000 reads."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """Conductance over that right after the pulse.

    Attributes
    ----------
    time
        s, float64, (n,).
    after_set, after_reset
        G(t) / G(0), (n, cells).
    set_full, reset_full
        The pulses.
    """

    time: NDArray[np.float64]
    after_set: NDArray[np.float64]
    after_reset: NDArray[np.float64]
    set_full: Point
    reset_full: Point

    def at_reads(self, ratio: NDArray[np.float64]) -> float:
        """Return the median change at the time of 2 000 reads, relative."""
        return float(np.median(ratio[int(np.abs(np.log(self.time / READS)).argmin())]) - 1.0)


def watch(strip: Strip, time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Let a strip rest and return its conductance at the times given, S, (times, cells)."""
    out = np.empty((time.size, strip.cells))
    strip.rest()
    for k, step in enumerate(np.diff(time, prepend=0.0)):
        strip.chip.elapse(float(step))
        out[k] = strip.conductance
    return out


def measure_relaxation(strip: Strip, set_full: Point, reset_full: Point) -> Relaxation:
    """Program copies of a strip to LRS and HRS, and watch."""
    # Whole powers of ten and three points between: the time of 2 000 reads is one of them.
    time = np.geomspace(_FIRST, _LAST, round(np.log10(_LAST / _FIRST)) * 4 + 1)
    ratios = []
    for last in (set_full, reset_full):
        trial = strip.copy()
        trial.pulse(reset_full)
        trial.pulse(set_full)
        if last is reset_full:
            trial.pulse(reset_full)
        first = trial.conductance
        ratios.append(watch(trial, time) / first)
    return Relaxation(time, ratios[0], ratios[1], set_full, reset_full)


def draw_relaxation(axes: Axes, found: Relaxation) -> None:
    """Draw medians and 10-90 % bands against the logarithm of time."""
    axes.set_title("Relaxation")
    for ratio, colour, name in (
        (found.after_reset, look.RESET_COLOUR, "after RESET"),
        (found.after_set, look.SET_COLOUR, "after SET"),
    ):
        change = found.at_reads(ratio)
        look.quantile_band(
            axes, found.time, 100 * (ratio - 1), colour, f"{name}: {100 * change:+.1f} % at 10 s"
        )
    axes.axhline(0, color=look.INK, linewidth=0.8)
    axes.axvline(READS, color=look.GREY, linewidth=0.8, linestyle=":")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.2 * (high - low))
    look.times(axes, _FIRST, _LAST, only=("1 ms", "0.1 s", "1 s", "10 ms", "1 min", "1 h"))
    axes.set_xlabel("time after the pulse")
    axes.set_ylabel("change of conductance (%)")
    axes.legend(loc="upper left")
    look.note(
        axes,
        f"{found.after_set.shape[1]} cells at 25 °C; pulses as for LRS and HRS;\n"
        "median, 10-90 %; dotted: 2 000 reads",
    )
