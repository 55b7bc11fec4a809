"""A source meter that limits the current, and one that is late to."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from labctl.errors import LimitError
from labctl.sim.chip import Chip
from tests.sim.chip.probe import BIT, FREE, HFOX, lines, rest

# A cell that sets within microseconds once it has begun, behind a transistor that does not limit.
ABRUPT = dataclasses.replace(HFOX, thermal_resistance=5e6, transistor_gain=5e-3)
LIMIT = np.array([np.inf, 50e-6, np.inf, np.inf])


def reset_cell() -> Chip:
    """Return a chip of one cell, formed at a limit of 50 µA and RESET by a sweep."""
    chip = Chip(1, 1, ABRUPT, 3, noise=False)
    rest(chip)
    lines(chip, (0, 0))
    for volts in np.arange(1.0, 3.05, 0.02):
        chip.drive(np.array([5.0, volts, 0.0, 0.0]), LIMIT)
        chip.elapse(1e-3)
    for volts in np.arange(0.02, 1.8, 0.02):
        chip.drive(np.array([5.0, 0.0, volts, 0.0]), FREE)
        chip.elapse(1e-3)
    rest(chip)
    return chip


def sweep(reaction: float, splits: int = 1) -> float:
    """SET a cell by a staircase at a limit of 50 µA; return its conductance, µS."""
    chip = reset_cell()
    for volts in np.arange(0.1, 1.5, 0.01):
        chip.drive(np.array([5.0, volts, 0.0, 0.0]), LIMIT, np.full(4, reaction))
        for _ in range(splits):
            chip.elapse(1e-3 / splits)
    rest(chip)
    return float(chip.conductance[0, 0] * 1e6)


def test_an_ideal_limit_stops_the_filament_and_a_late_one_lets_it_overshoot():
    ideal, fast, slow, slower = (sweep(late) for late in (0.0, 1e-7, 20e-6, 100e-6))
    assert 60 < ideal < 120
    assert fast == pytest.approx(ideal, rel=0.01)
    assert slow > 1.5 * ideal
    assert 250 < slower < 400


def test_the_overshoot_does_not_depend_on_how_time_is_split():
    assert sweep(20e-6, 1) == pytest.approx(sweep(20e-6, 64), rel=0.02)


def test_a_source_that_limits_goes_on_limiting_until_it_is_let_go():
    chip = reset_cell()
    late = np.full(4, 100e-6)
    for volts in np.arange(0.1, 1.2, 0.01):  # a limit without delay: now the source limits
        chip.drive(np.array([5.0, volts, 0.0, 0.0]), LIMIT)
        chip.elapse(1e-3)
    assert chip.currents()[1][BIT]
    before = chip.conductance[0, 0]
    chip.drive(np.array([5.0, 1.21, 0.0, 0.0]), LIMIT, late)
    chip.elapse(1e-4)
    assert chip.conductance[0, 0] < 1.1 * before
    rest(chip)
    chip.drive(np.array([5.0, 1.21, 0.0, 0.0]), LIMIT, late)
    chip.elapse(1e-4)
    assert chip.conductance[0, 0] > 1.5 * before


def test_a_limit_shared_by_two_cells_overshoots_as_well():
    ends = []
    for reaction in (0.0, 20e-6):
        chip = Chip(1, 2, ABRUPT, 3, noise=False)
        rest(chip)
        lines(chip)
        for volts in np.arange(1.0, 3.05, 0.1):
            chip.drive(np.array([5.0, volts, 0.0, 0.0]), LIMIT, np.full(4, reaction))
            chip.elapse(1e-4)
        rest(chip)
        ends.append(chip.conductance.sum() * 1e6)
    assert ends[1] > 1.5 * ends[0]


@pytest.mark.parametrize("late", [-1e-6, np.nan, np.inf])
def test_an_impossible_reaction_is_refused(late):
    chip = Chip(1, 1, ABRUPT, 3)
    with pytest.raises(LimitError, match="reaction"):
        chip.drive(np.zeros(4), FREE, np.full(4, late))
