"""Measure the transitions of an array on the spot, where no run of them is at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from labctl.array import READ_VOLTAGE, CellArray
from labctl.learn.calibration import calibrate
from labctl.learn.initialise import PulsePair
from labctl.learn.readnoise import ReadNoise
from labctl.learn.source import Measured
from labctl.learn.transitions import Transitions

_TURN = 0.3


def measure_transitions(
    array: CellArray,
    pulses: PulsePair,
    rng: np.random.Generator,
    *,
    passes: int = 30,
    repeats: int = 6,
    read_voltage: float = READ_VOLTAGE,
) -> Measured:
    """Calibrate all cells of an array, as the procedure ``transitions`` and its run would.

    Every pass gives each cell one pulse and reads it; cells keep their polarity for a few passes.

    Parameters
    ----------
    array
        Formed cells; those that do not follow their pulses are found to be no good.
    pulses
        SET and RESET that learning is to use.
    rng
        Chooses polarities.
    passes
        Pulses for each cell.
    repeats
        Reads with no pulse between them, for the read noise.
    read_voltage
        V.

    Raises
    ------
    CalibrationError
        Where the pulses do not balance over a common window; says what to change.
    LimitError
        Where a pulse is beyond a limit; nothing is applied then.
    """
    array.check([pulses.set, pulses.reset])
    cells = np.argwhere(np.ones(array.shape, dtype=bool)).astype(np.int64)
    polarity = rng.choice(np.array([-1, 1], dtype=np.int8), len(cells))
    before = array.read(cells, read_voltage).conductance
    parts = []
    for _ in range(passes):
        polarity = np.where(rng.random(len(cells)) < _TURN, -polarity, polarity)
        readings = array.pulse(cells, pulses.of(polarity), read_voltage)
        assert readings is not None
        parts.append((polarity, before, readings.conductance))
        before = readings.conductance
    ways, starts, ends = (np.concatenate(column) for column in zip(*parts, strict=True))
    again = [array.read(cells, read_voltage).conductance for _ in range(repeats)]
    row, col = np.tile(cells[:, 0], passes), np.tile(cells[:, 1], passes)
    noise = ReadNoise.of(
        np.tile(cells[:, 0], repeats), np.tile(cells[:, 1], repeats), np.concatenate(again),
        array.shape,
    )  # fmt: skip
    data = Transitions.of(row, col, ways, starts, ends)
    return Measured(calibrate(data, noise, array.shape), pulses, Path())
