"""Offsets of cells, followed so that what is left of them is white."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labctl.learn.celloffsets import GAINS, CellOffsets
from tests.learn.gated import RESET, SET, Gated, curve


def written(array: Gated, times: int, gain: float = 0.1) -> tuple[CellOffsets, np.ndarray]:
    """Write all cells over and over; return the offsets and the errors of what they foretold."""
    offsets = CellOffsets(curve(array, 12), gain)
    cells = np.argwhere(np.ones(array.shape, bool))
    where = cells[:, 0], cells[:, 1]
    gates = np.full(len(cells), 1.7)
    pulse = [replace(SET, gate=1.7)] * len(cells)
    errors = []
    for _ in range(times):
        array.pulse(cells, RESET)
        readings = array.pulse(cells, pulse, 0.2)
        assert readings is not None
        log = np.log(readings.conductance) - np.log(1e-4 * 0.7**2)
        errors.append(log - offsets.of(where))
        offsets.follow(where, readings.conductance, gates, keep=True)
    return offsets, np.array(errors)


def test_misses_of_cells_that_lean_add_up_until_they_are_followed() -> None:
    # 256 cells, 12 runs of 8 writes each: a ratio of variances is good to 3 %.
    offsets, _ = written(Gated(16, 16, seed=1, lean=0.3, forget=0.3), 100)
    gain = offsets.fit()
    assert offsets.adds_up[0] > 1.8
    assert (np.diff(offsets.adds_up) < 0.02).all()
    assert 0.07 <= gain <= 0.2
    assert offsets.adds_up[gain == GAINS][0] == pytest.approx(1.0, abs=0.15)


def test_cells_without_memory_are_averaged() -> None:
    offsets, _ = written(Gated(16, 16, seed=1), 100)
    assert offsets.fit() <= 0.02
    again, errors = written(Gated(16, 16, seed=1), 100, gain=0.0)
    # After 100 writes a mean of them is good to a tenth of the spread.
    late = errors[50:].mean(axis=0)
    assert np.sqrt(np.mean(late**2)) < 0.03
    assert again.gain == 0.0


def test_a_cell_that_changes_for_good_is_followed() -> None:
    array = Gated(4, 4, seed=1)
    offsets = CellOffsets(curve(array, 12), 0.1)
    array.own += 0.2
    where = np.indices(array.shape).reshape(2, -1)
    gates, cells = np.full(16, 1.7), where.T
    for _ in range(60):
        reached = array.pulse(cells, [replace(SET, gate=1.7)] * 16, 0.2)
        assert reached is not None
        offsets.follow((where[0], where[1]), reached.conductance, gates, keep=False)
    # What is left of 0.2 is 0.9^60; an offset is good to 0.023, the mean of 16 to 0.006.
    now = offsets.of((where[0], where[1])) - array.own.ravel()
    assert abs(now.mean()) < 0.04


def test_with_too_little_to_go_by_the_gain_stays() -> None:
    offsets, _ = written(Gated(4, 4, seed=1), 40, gain=0.07)
    assert offsets.fit() == 0.07
    assert np.isnan(offsets.adds_up).all()


def test_a_write_that_was_not_read_teaches_nothing() -> None:
    measured = curve(Gated(2, 2, seed=1), 12)
    offsets = CellOffsets(measured, 0.1)
    where = np.array([0, 1]), np.array([0, 1])
    before = offsets.of(where)
    offsets.follow(where, np.array([np.nan, 0.0]), np.array([1.7, 1.7]), keep=True)
    np.testing.assert_array_equal(offsets.of(where), before)
