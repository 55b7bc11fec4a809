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
_FAR = 5.0
"""A pulse that changes G by this factor goes all the way already."""
_STRONGER = np.arange(1.0, 1.41, 0.05)
_LONGER = (1.0, 10.0, 100.0)
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
    reset_full = _full(strip, reset_step)
    strip.pulse(reset_full)
    set_full = _full(strip, set_step._replace(gate=ramp.gate))
    return Conditions(forming, ramp.gate, ramp.width, set_step, reset_step, set_full, reset_full)


def formed_strip(kind: Preset, at: Conditions, cells: int, seed: int) -> Strip:
    """Return a strip formed and cycled once; cells that do not form are left out."""
    strip = Strip(kind, cells, seed)
    form(strip, at.forming, at.forming_gate, at.forming_width)
    strip.pulse(at.reset_full)
    strip.pulse(at.set_full)
    return strip


def _full(strip: Strip, start: Point) -> Point:
    """Return the recommended pulse if it goes far, else the first that nearly finds the end.

    Longer pulses are tried after stronger ones. Judged by the median of ln G; the strip is not
    changed.
    """
    if way(strip, start) >= np.log(_FAR):
        return start
    tried = [
        start._replace(voltage=start.voltage * float(factor), width=start.width * longer)
        for longer in _LONGER
        for factor in _STRONGER
    ]
    ways = [way(strip, point) for point in tried]
    return next(p for p, far in zip(tried, ways, strict=True) if far >= _ENOUGH * max(ways))


def way(strip: Strip, point: Point) -> float:
    """Return how far one pulse moves the median of ln G in its direction."""
    trial = strip.copy()
    trial.pulse(point)
    return float(np.sign(point.voltage)) * (_middle(trial) - _middle(strip))


def _middle(strip: Strip) -> float:
    return float(np.median(np.log(strip.conductance)))
