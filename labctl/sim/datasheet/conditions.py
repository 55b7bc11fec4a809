"""Pulses under which a kind of chip is measured: those recommended, and those that go all the way.

The recommended SET and RESET are small steps. To cycle a cell between its low-resistance state
(LRS) and its high-resistance state (HRS) the data sheet looks for stronger pulses of the same width
as an experimenter would: the voltage goes up until nearly all that can be had is had.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.errors import BenchFileError
from labctl.sim.chip import Preset
from labctl.sim.chip.preset import pulses
from labctl.sim.datasheet.strip import Point, Strip

_CELLS = 48
_MOST_VOLTS = 6.0
_ENOUGH = 0.97


@dataclass(frozen=True, slots=True)
class Conditions:
    """The pulses of a data sheet.

    Attributes
    ----------
    forming
        V, float64, shape (n,): voltages of the forming ramp, in their order.
    forming_gate, forming_width
        V and s of each of its pulses.
    set_step, reset_step
        The recommended pulses.
    set_full, reset_full
        Pulses that go all the way: gate-limited SET under the forming gate, deep RESET.
    """

    forming: NDArray[np.float64]
    forming_gate: float
    forming_width: float
    set_step: Point
    reset_step: Point
    set_full: Point
    reset_full: Point


def form(
    strip: Strip, forming: NDArray[np.float64], gate: float, width: float
) -> NDArray[np.float64]:
    """Form each cell of a strip with rising pulses; a cell that is formed is left alone.

    The formed cells are the chosen ones afterwards.

    Returns
    -------
    NDArray[np.float64]
        V, (cells,): at which each formed; NaN where it did not.
    """
    formed = strip.chip.formed[0]
    volts = np.full(formed.size, np.nan)
    for volt in forming:
        if formed.all():
            break
        strip.choose(~formed)
        strip.pulse(Point(float(volt), gate, width))
        formed = strip.chip.formed[0]
        volts[formed & np.isnan(volts)] = volt
    strip.choose(formed)
    return volts


def conditions(kind: Preset, name: str, seed: int) -> Conditions:
    """Return the pulses for a kind of chip.

    Raises
    ------
    BenchFileError
        Not one cell forms under the recommended ramp.
    """
    advice = pulses(name)
    ramp = advice.form
    count = round((ramp.stop - ramp.start) / ramp.step) + 1
    forming = np.asarray(ramp.start + ramp.step * np.arange(count), dtype=np.float64)
    set_step = Point(abs(advice.set.voltage), advice.set.gate, advice.set.width)
    reset_step = Point(-abs(advice.reset.voltage), advice.reset.gate, advice.reset.width)
    strip = Strip(kind, _CELLS, seed)
    form(strip, forming, ramp.gate, ramp.width)
    if strip.cells == 0:
        raise BenchFileError(
            f"Not one of {_CELLS} cells of chip preset {kind.name!r} forms with {ramp.start:g} to "
            f"{ramp.stop:g} V on the bit line and {ramp.gate:g} V on the gate; see [pulses] form."
        )
    reset_full = _full(strip, reset_step, -0.05)
    strip.pulse(reset_full)
    set_full = _full(strip, set_step._replace(gate=ramp.gate), 0.1)
    return Conditions(forming, ramp.gate, ramp.width, set_step, reset_step, set_full, reset_full)


def formed_strip(kind: Preset, at: Conditions, cells: int, seed: int) -> Strip:
    """Return a strip formed and cycled once; cells that do not form are left out."""
    strip = Strip(kind, cells, seed)
    form(strip, at.forming, at.forming_gate, at.forming_width)
    strip.pulse(at.reset_full)
    strip.pulse(at.set_full)
    return strip


def _full(strip: Strip, start: Point, step: float) -> Point:
    """Return the first pulse that comes near what any stronger one would reach.

    Judged by the median of ln G; the strip is not changed.
    """
    sign = np.sign(step)
    before = _middle(strip)
    reached: list[tuple[Point, float]] = []
    for k in range(int(_MOST_VOLTS / abs(step))):
        point = start._replace(voltage=start.voltage + k * step)
        if abs(point.voltage) > _MOST_VOLTS:
            break
        trial = strip.copy()
        trial.pulse(point)
        reached.append((point, sign * (_middle(trial) - before)))
        # Three steps in a row that bring next to nothing, after a real change: the end.
        if len(reached) > 3 and reached[-1][1] > 0.5 and reached[-1][1] - reached[-4][1] < 0.06:
            break
    most = max(gain for _, gain in reached)
    return next(point for point, gain in reached if gain >= _ENOUGH * most)


def _middle(strip: Strip) -> float:
    return float(np.median(np.log(strip.conductance)))
