"""Blocks of cells at one go: passes of reads, and pulses moved together, against one by one."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest

from labctl.array import CellArray, Pulse, PulseChoice, RepeatedReads
from labctl.errors import AbortedError, LimitError
from labctl.sim.array import SimulatedArray
from labctl.sim.chip import Chip, preset
from labctl.sim.timeline import Limits

FORMING = Pulse.set(3.5, 1.5, 1e-3)
SET, RESET = Pulse.set(1.11, 3.2, 2e-4), Pulse.reset(1.33, 4.75, 2e-4)


def formed(kind: str = "hfox-1t1r", side: int = 24, limits: Limits | None = None, **settings: bool):
    array = SimulatedArray(Chip(side, side, preset(kind), seed=5), limits=limits, **settings)
    for _ in range(4):
        array.pulse(array.all_cells, FORMING)
    return array


def scattered(array: SimulatedArray, number: int = 300) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.permutation(array.all_cells)[:number]


def same(one: SimulatedArray, other: SimulatedArray) -> None:
    assert one.now() == pytest.approx(other.now(), rel=0, abs=1e-9)
    assert one.chip.time == pytest.approx(other.chip.time, rel=0, abs=1e-9)
    assert dataclasses.asdict(one.counters) == pytest.approx(dataclasses.asdict(other.counters))
    np.testing.assert_array_equal(one.pulse_counts, other.pulse_counts)


@pytest.mark.parametrize("kind", ["hfox-1t1r", "taox-lin2025"])
@pytest.mark.parametrize("rest", [False, True])
def test_passes_of_reads_give_what_as_many_reads_give(kind: str, rest: bool) -> None:
    limits = Limits(bit_compliance=1e-3, bit_range=30e-6, source_compliance=1e-3)
    one, other = formed(kind, limits=limits), formed(kind, limits=limits)
    cells = scattered(one)
    for array in (one, other):
        if rest:  # nothing is selected after an error
            array.interrupt = _refuse
            with pytest.raises(AbortedError):
                array.read(cells)
            array.interrupt = None
    for _ in range(2):
        found = one.read_passes(cells, 5)
        expected = np.stack([other.read(cells).conductance for _ in range(5)])
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        same(one, other)
        for array in (one, other):
            array.pulse(cells[:40], SET, read=0.2)
    if kind == "hfox-1t1r":
        assert np.isnan(found).any()  # some are beyond the range of the meter
    np.testing.assert_allclose(one.read(cells).current, other.read(cells).current, rtol=1e-9)


def _refuse() -> None:
    raise AbortedError("enough")


def test_passes_of_other_selections_give_the_same_too() -> None:
    one, other = formed(), formed()
    for cells in (one.all_cells, [[3, 3], [3, 3], [1, 2]], one.all_cells[:1]):
        found = one.read_passes(cells, 3, 0.15, 3.0)
        expected = np.stack([other.read(cells, 0.15, 3.0).conductance for _ in range(3)])
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        same(one, other)
    assert one.read_passes([[0, 0]], 0).shape == (0, 1)
    with pytest.raises(LimitError, match="0 V measures nothing"):
        one.read_passes([[0, 0]], 2, 0.0)


def test_a_read_that_would_move_cells_is_done_one_by_one() -> None:
    one, other = formed(), formed()
    found = one.read_passes(one.all_cells[:50], 2, 0.9)
    expected = [other.read(other.all_cells[:50], 0.9).conductance for _ in range(2)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(one.chip.conductance, other.chip.conductance, rtol=1e-9)


def test_it_offers_repeated_reads() -> None:
    array = formed(side=4)
    assert isinstance(array, CellArray)
    assert isinstance(array, RepeatedReads)


def mixed(number: int) -> PulseChoice:
    which = np.random.default_rng(2).integers(0, 2, number)
    return PulseChoice((SET, RESET), which)


@pytest.mark.parametrize("read", [0.2, None])
def test_pulses_moved_together_spend_what_a_bench_would(read: float | None) -> None:
    exact, quick = formed(), formed(exact=False)
    cells = scattered(exact)
    for _ in range(3):
        one = quick.pulse(cells, mixed(300), read)
        other = exact.pulse(cells, list(mixed(300)), read)
    assert quick.now() == pytest.approx(exact.now(), rel=0, abs=1e-9)
    np.testing.assert_array_equal(quick.pulse_counts, exact.pulse_counts)
    np.testing.assert_array_equal(quick.chip.pulses, exact.chip.pulses)
    assert quick.counters.reads == exact.counters.reads
    assert quick.counters.relay_closures == exact.counters.relay_closures
    if read is not None:
        np.testing.assert_allclose(one.time, other.time, rtol=0, atol=1e-9)


def test_pulses_moved_together_follow_the_same_law() -> None:
    # The same 576 cells, pulsed once from the same state by either: means and sds of the steps. The
    # standard errors are 4 % of the step's sd for the mean, 3 % for the sd; four of them.
    exact = formed()
    for pulse in (RESET, SET, RESET):
        twin = SimulatedArray(copy.deepcopy(exact.chip), exact=False)
        moved = []
        for array in (exact, twin):
            before = array.chip.conductance.copy()
            array.pulse(array.all_cells, pulse)
            moved.append(np.log(array.chip.conductance / before).ravel())
        one, other = moved
        assert not np.array_equal(one, other)
        error = other.std() / np.sqrt(other.size)
        assert abs(one.mean() - other.mean()) < 4 * 2**0.5 * error + 0.02 * abs(one.mean())
        assert one.std() / other.std() == pytest.approx(1.0, abs=0.17)


def test_where_a_limit_of_current_is_in_force_it_is_cell_by_cell() -> None:
    limits = Limits(bit_compliance=1e-3, source_compliance=1e-3)
    exact, quick = formed(limits=limits), formed(limits=limits, exact=False)
    cells = scattered(exact)
    for array in (exact, quick):
        array.pulse(cells, mixed(300), 0.2)
    np.testing.assert_array_equal(exact.chip.conductance, quick.chip.conductance)


def test_a_choice_of_pulses_is_a_list_of_them() -> None:
    choice = mixed(20)
    assert list(choice) == [(SET, RESET)[k] for k in choice.which]
    assert list(choice[3:6]) == list(choice)[3:6]
    assert len(choice) == 20
    array = formed(side=4)
    with pytest.raises(LimitError, match="20 pulses for 16 cells"):
        array.pulse(array.all_cells, choice)
