"""How many cycles the cells stand: window and failures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from labctl.sim.datasheet import look
from labctl.sim.datasheet.strip import Point, Strip

_PER_DECADE = 2
_MOST_CYCLES = 1e9
_MOST_FAILED = 0.2
_HARSHEST = 2.6
"""Times the RESET voltage."""
_MOST_PULSES = 12
_FEW = 8
_FRESH = 3
"""Cycles from which the wear of one cycle is taken."""


@dataclass(frozen=True, slots=True)
class Endurance:
    """The two states as the cells wear out.

    Attributes
    ----------
    cycles
        float64, (n,): real ones, or stress of the same wear.
    low, high
        S, (n, cells): HRS and LRS.
        NaN for cells that have failed.
    failed
        Share of cells that move no more, (n,).
    set_full, reset_full
        The pulses of a cycle.
    """

    cycles: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    failed: NDArray[np.float64]
    set_full: Point
    reset_full: Point

    @property
    def to_one_per_cent(self) -> float:
        """Cycles until one cell in a hundred of the good ones has failed; infinite if never."""
        beyond = self.failed - self.failed[0] >= 0.01
        if not beyond.any():
            return float("inf")
        k = int(beyond.argmax())
        ends = self.failed[[k - 1, k]] - self.failed[0]
        share = (0.01 - ends[0]) / (ends[1] - ends[0])
        return float(self.cycles[k - 1] * (self.cycles[k] / self.cycles[k - 1]) ** share)


def measure_endurance(
    strip: Strip, set_full: Point, reset_full: Point, most: float = _MOST_CYCLES
) -> Endurance:
    """Cycle, and between the looks wear the cells by longer stress.

    A million cycles one by one would take hours. Wear counts the hops of ions, whatever the
    pulses they came in, so a long pulse of the same wear stands for the cycles between two looks.
    """
    low, high, failed, cycles = [], [], [], []
    first = _wear(strip)
    for _ in range(_FRESH):
        _cycle(strip, set_full, reset_full)
    per_cycle = (_wear(strip) - first) / _FRESH
    harsh, rate = _harsh(strip, reset_full, 30.0 * per_cycle)
    for target in np.geomspace(10.0, most, round(_PER_DECADE * np.log10(most / 10.0)) + 1):
        rate = _wear_to(strip, harsh, first + per_cycle * (target - 1.0), rate)
        _cycle(strip, set_full, reset_full)  # away from where the stress left the cells
        low_now, high_now = _cycle(strip, set_full, reset_full)
        low.append(np.where(strip.failed, np.nan, low_now))
        high.append(np.where(strip.failed, np.nan, high_now))
        failed.append(float(strip.failed.mean()))
        cycles.append((_wear(strip) - first) / per_cycle)
        if failed[-1] - failed[0] > _MOST_FAILED:
            break
    return Endurance(
        np.array(cycles), np.array(low), np.array(high), np.array(failed), set_full, reset_full
    )


def _cycle(
    strip: Strip, set_full: Point, reset_full: Point
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Go through RESET and SET; return the conductance after each, S, (cells,)."""
    strip.pulse(reset_full)
    low = strip.conductance
    strip.pulse(set_full)
    return low, strip.conductance


def _wear(strip: Strip) -> float:
    """Return the median wear of the cells that live; of all where none does."""
    wear, failed = strip.wear, strip.failed
    return float(np.median(wear if failed.all() else wear[~failed]))


def _harsh(strip: Strip, pulse: Point, wear: float) -> tuple[Point, float]:
    """Return the weakest of ever stronger pulses that wears a few cells by ``wear`` at once.

    And the wear per second of it.
    """
    few = strip.copy()
    few.choose(few.chosen & (np.cumsum(few.chosen) <= _FEW))
    point, gained = pulse, 0.0
    for factor in np.arange(1.0, _HARSHEST, 0.1):
        point = pulse._replace(voltage=pulse.voltage * float(factor))
        trial = few.copy()
        trial.pulse(point)
        gained = _wear(trial) - _wear(few)
        if gained > wear:
            break
    return point, gained / point.width


def _wear_to(strip: Strip, pulse: Point, aim: float, rate: float) -> float:
    """Apply ``pulse`` as long as it takes until the median wear is near ``aim``.

    ``rate`` is its wear per second as far as known; returns what it was at last.
    """
    for _ in range(_MOST_PULSES):
        before = _wear(strip)
        if before >= 0.8 * aim:
            break
        width = (aim - before) / rate
        strip.pulse(pulse._replace(width=width))
        rate = float(np.clip((_wear(strip) - before) / width, 0.1 * rate, 10.0 * rate))
    return rate


def draw_endurance(axes: Axes, found: Endurance) -> None:
    """Draw medians and 10-90 % bands of both states, and the share of failed cells."""
    axes.set_title("Endurance")
    axes.set_xscale("log")
    axes.set_yscale("log")
    for values, colour, name in (
        (found.high, look.SET_COLOUR, "LRS"),
        (found.low, look.RESET_COLOUR, "HRS"),
    ):
        look.quantile_band(axes, found.cycles, values * look.MICRO, colour, name)
    look.plain(axes.yaxis)
    axes.set_xlabel("cycles")
    axes.set_ylabel("conductance (µS)")
    share = axes.twinx()
    share.plot(
        found.cycles, 100 * found.failed, color=look.INK, linewidth=1.0, linestyle=(0, (3, 1.5))
    )
    axes.plot([], [], color=look.INK, linewidth=1.0, linestyle=(0, (3, 1.5)), label="failed")
    share.set_ylim(0, max(100 * found.failed.max() * 1.1, 5))
    share.set_ylabel("failed cells (%)")
    share.spines["right"].set_visible(True)
    share.grid(visible=False)
    axes.set_xlim(found.cycles[0], found.cycles[-1])
    look.decades(axes.xaxis)
    look.legend_above(axes, 3)
    look.note(
        axes,
        f"{found.high.shape[1]} cells; pulses as for LRS and HRS;\n"
        "between the points, RESET stress of equal wear",
    )
