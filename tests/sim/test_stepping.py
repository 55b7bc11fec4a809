"""Passive arrays: what the unselected lines do to the other cells, and to a read."""

import dataclasses

import numpy as np
import pytest

from labctl.array import Pulse
from labctl.errors import BenchFileError
from labctl.sim.array import SimulatedArray
from labctl.sim.chip import Chip, preset
from labctl.sim.timeline import Limits, Timeline


def passive(inhibit: str) -> SimulatedArray:
    """Return a small passive array of formed cells without noise."""
    # Forming at once, without transistor or compliance, would break some of them.
    whole = {"forming_failures": 0.0, "failure_activity": 1e15}
    kind = dataclasses.replace(preset("hfox-1t1r"), **whole)
    chip = Chip(3, 3, kind, seed=2, source_lines="none", noise=False)
    free = np.full(4, np.inf)
    chip.connect(np.zeros(3, dtype=int), np.ones(3, dtype=int), np.empty(0, dtype=int))
    for level in (3.5, -1.3):
        chip.drive(np.array([0.0, level, 0.0, 0.0]), free)
        chip.elapse(1e-3)
    chip.drive(np.zeros(4), free)
    assert chip.formed.all()
    return SimulatedArray(chip, Timeline(), Limits(bit_compliance=5e-3), inhibit=inhibit)


@pytest.mark.parametrize(
    ("inhibit", "level", "pulse"),
    [
        ("ground", {(0, 1), (1, 1), (2, 1)}, Pulse.set(0.8, 0.0, 1e-4)),
        ("ground", {(1, 0), (1, 1), (1, 2)}, Pulse.reset(0.8, 0.0, 1e-4)),
        ("half", {(0, 1), (1, 1), (2, 1), (1, 0), (1, 2)}, Pulse.set(0.8, 0.0, 1e-4)),
        ("half", {(0, 1), (1, 1), (2, 1), (1, 0), (1, 2)}, Pulse.reset(0.8, 0.0, 1e-4)),
        ("third", {(1, 1)}, Pulse.set(0.8, 0.0, 1e-4)),  # 0.27 V is too little to move anything
        ("third", {(1, 1)}, Pulse.reset(0.8, 0.0, 1e-4)),
    ],
)
def test_in_a_passive_array_others_see_what_the_inhibit_scheme_leaves_them(inhibit, level, pulse):
    array = passive(inhibit)
    before = array.chip.stress
    array.pulse([[1, 1]], pulse)
    more = array.chip.stress - before
    assert {tuple(cell) for cell in np.argwhere(more.sum(axis=2) > 0).tolist()} == level
    assert more[1, 1, int(pulse.source_line > 0)] >= 1e-4
    assert array.counters.pulses == 1


@pytest.mark.parametrize("inhibit", ["ground", "half", "third"])
def test_a_read_of_a_passive_array_between_grounded_lines_is_that_of_its_cell(inhibit):
    array = passive(inhibit)
    array.wait(1e6)  # then the cells relax no further while they are read
    readings = array.read(array.all_cells)
    assert readings.conductance == pytest.approx(array.chip.conductance.ravel(), rel=1e-5)


def test_sneak_paths_add_to_a_read_of_a_floating_passive_array():
    array = passive("float")
    readings = array.read(array.all_cells)
    assert (readings.conductance > 1.1 * array.chip.conductance.ravel()).all()


def test_a_passive_cell_sweeps_through_a_set_and_a_reset():
    array = passive("third")
    loop = np.concatenate([np.linspace(0, v, 9) for v in (1.1, -1.3)])
    up = array.sweep((1, 1), loop.tolist(), 0.0, 1e-3)
    assert (up.current[1:9] > 0).all()
    assert (up.current[10:] < 0).all()
    assert up.current[5] > 0


def test_an_inhibit_scheme_there_is_not_is_refused():
    with pytest.raises(BenchFileError, match="inhibit"):
        passive("fifth")
