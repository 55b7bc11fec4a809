"""Chips to learn on: realistic presets, formed, and calibrated by what is measured on them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from labctl.array import Pulse
from labctl.learn.calibration import Calibration, calibrate
from labctl.learn.initialise import PulsePair
from labctl.learn.operating import find_pulses
from labctl.learn.readnoise import ReadNoise
from labctl.learn.transitions import Transitions
from labctl.sim import SimulatedArray
from labctl.sim.chip import Chip, preset
from labctl.sim.chip.preset import pulses as recommended
from labctl.sim.timeline import Timeline

SPREAD = 0.30
"""Of the speed from cell to cell, whatever the preset says."""
SIDE = 32
PASSES, REPEATS, TURN = 60, 10, 0.3


@dataclass(frozen=True)
class Prepared:
    """A chip ready to learn."""

    array: SimulatedArray
    pulses: PulsePair
    calibration: Calibration


def formed(
    kind: str, rows: int, columns: int, seed: int, edges: bool = True, **changed: float
) -> SimulatedArray:
    """Return an array of formed cells; without ``edges`` a pulse is as short as it says.

    ``changed`` are numbers of the preset, to switch off what a chip does.
    """
    made = replace(preset(kind), **{"speed_spread": SPREAD, **changed})
    timeline = Timeline() if edges else Timeline(level=0.0)
    array = SimulatedArray(Chip(rows, columns, made, seed), timeline, exact=False)
    ramp = recommended(kind).form
    cells = array.all_cells
    for volts in np.arange(ramp.start, ramp.stop + 0.5 * ramp.step, ramp.step).tolist():
        pristine = cells[~(array.read(cells).conductance > 10e-6)]
        if len(pristine) == 0:
            break
        array.pulse(pristine, Pulse.set(volts, ramp.gate, ramp.width))
    return array


def prepared(
    kind: str,
    window: tuple[float, float],
    levels: float,
    seed: int = 1,
    *,
    side: int = SIDE,
    edges: bool = True,
) -> Prepared:
    """Form a chip, seek pulses for a window (S), measure transitions and calibrate by them."""
    array = formed(kind, side, side, seed, edges)
    up, down = recommended(kind).set, recommended(kind).reset
    start = PulsePair(
        Pulse.set(up.voltage, up.gate, up.width), Pulse.reset(down.voltage, down.gate, down.width)
    )
    cells = array.all_cells
    rng = np.random.default_rng(seed)
    pulses = find_pulses(array, cells[: 8 * side], start, window, rng, levels=levels).pulses
    polarity = rng.choice([-1, 1], len(cells))
    before = array.read(cells).conductance
    parts = []
    for _ in range(PASSES):
        polarity = np.where(rng.random(len(cells)) < TURN, -polarity, polarity)
        after = array.pulse(cells, pulses.of(polarity.astype(np.int8)), read=0.2)
        assert after is not None
        parts.append((*cells.T, polarity, before, after.conductance, after.flag))
        before = after.conductance
    transitions = Transitions.of(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    again = np.concatenate([array.read(cells).conductance for _ in range(REPEATS)])
    row, col = (np.tile(part, REPEATS) for part in cells.T)
    noise = ReadNoise.of(row, col, again, array.shape)
    return Prepared(array, pulses, calibrate(transitions, noise, array.shape))
