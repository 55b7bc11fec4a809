from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

from labctl.errors import WiringError
from labctl.learn.budget import Budget
from labctl.learn.curves import StepCurves
from labctl.learn.sampler import Chain
from labctl.learn.spares import Watch
from tests.benchmarks.learn_spares import SOON, WEAK, watched
from tests.learn.harness import Gaussian, NoCurvature, told
from tests.learn.toy import HIGH, LOW, PULSES, ToyArray

NORMAL = Gaussian(np.array([0.5, -0.5, 0.0]), np.diag([2.0, 4.0, 6.0]))


def chain(array: ToyArray, **settings: object) -> Chain:
    return Chain(
        array,
        NORMAL,
        told(array),
        PULSES,
        np.random.default_rng(0),
        **settings,  # type: ignore[arg-type]
    )


def used(learner: Chain) -> set[tuple[int, int]]:
    return {(int(r), int(c)) for r, c in learner.placed.all_cells}


def steps(learner: Chain, number: int) -> None:
    for _ in range(number):
        learner.step()


def kill(array: ToyArray, cell: tuple[int, int]) -> None:
    array.dead[cell] = True


def test_a_cell_that_sticks_in_mid_training_is_replaced_and_told_of() -> None:
    array = ToyArray(4, 4, seed=1)
    learner = chain(array)
    learner.prepare()
    for _ in range(100):
        learner.step()
    assert learner.replaced == []
    lost = tuple(learner.placed.cells[1, 0].tolist())
    kill(array, lost)
    for _ in range(80):
        learner.step()
    [event] = learner.replaced
    assert (event.weight, event.slot, event.lost) == (1, 0, lost)
    assert 100 < event.step <= 180
    assert lost not in used(learner)
    assert event.spare in used(learner)
    assert learner.placement[lost] == -2
    assert learner.placement[event.spare] == 1
    assert "no longer moves" in str(event)
    assert "took its place after step" in str(event)


def test_the_weight_goes_on_where_it_was() -> None:
    array = ToyArray(4, 4, seed=1)
    learner = chain(array)
    learner.prepare()
    for _ in range(100):
        learner.step()
    kill(array, tuple(learner.placed.cells[1, 0].tolist()))
    before = learner.conductance[1, 0]
    while not learner.replaced:
        before = learner.conductance[1, 0]
        learner.step()
    assert abs(learner.conductance[1, 0] - before) < 1.5 * array.step


def test_working_cells_are_not_given_up() -> None:
    # 90 000 pulses on cells that differ by 30 %.
    array = ToyArray(seed=0)
    model = NoCurvature(np.linspace(-1, 1, 100), np.diag(np.linspace(1, 6, 100)))
    learner = Chain(array, model, told(array), PULSES, np.random.default_rng(0))
    learner.prepare()
    for _ in range(900):
        learner.step()
    assert learner.replaced == []


def test_cells_that_are_pushed_against_the_end_of_their_range_are_not_given_up() -> None:
    # Weights that are wanted far beyond reach; steps are known in the middle of the range only.
    array = ToyArray(4, 4, seed=1, levels=30, pulse_noise=0.2)
    known = told(array)
    low, high = LOW + 0.25 * array.range, HIGH - 0.25 * array.range
    grid = np.linspace(low, high, 129)
    variance = array.spread(grid) ** 2
    values = np.column_stack([array.up(grid), array.down(grid), variance, variance])
    known = replace(known, curves=StepCurves(low, high, values), window=(low, high))
    model = Gaussian(np.array([60.0, -60.0, 60.0]), np.eye(3))
    learner = Chain(array, model, known, PULSES, np.random.default_rng(0))
    learner.prepare()
    steps(learner, 400)
    signed = np.array([[1, -1], [-1, 1], [1, -1]]) * (learner.conductance - known.centre)
    assert (signed > 0.4 * array.range).all()
    assert learner.replaced == []
    # One that really sticks there is found as soon as it is wanted elsewhere.
    kill(array, tuple(learner.placed.cells[0, 0].tolist()))
    learner.with_model(Gaussian(np.zeros(3), np.eye(3)))
    steps(learner, 100)
    assert [(event.weight, event.slot) for event in learner.replaced] == [(0, 0)]


def test_a_cell_that_cannot_be_read_any_more_is_replaced() -> None:
    class Deaf(ToyArray):
        deaf: tuple[int, int] | None = None

        def read(self, cells, voltage=0.2, gate=5.0):  # type: ignore[no-untyped-def]
            readings = super().read(cells, voltage, gate)
            if self.deaf is not None:
                readings.conductance[(readings.cells == self.deaf).all(axis=1)] = np.nan
            return readings

    array = Deaf(4, 4, seed=2)
    learner = chain(array)
    learner.prepare()
    array.deaf = tuple(learner.placed.cells[0, 1].tolist())
    for _ in range(20):
        learner.step()
    [event] = learner.replaced
    assert (event.weight, event.slot) == (0, 1)
    assert "cannot be read any more" in str(event)
    assert np.isfinite(learner.weights).all()


def test_a_spare_that_is_dead_itself_is_passed_over() -> None:
    array = ToyArray(4, 4, seed=3)
    array.conductance[:] = 20e-6
    learner = chain(array)
    learner.prepare()
    spares = [(int(r), int(c)) for r, c in np.argwhere(learner.placement == -1)]
    array.dead[spares[0]] = True
    kill(array, tuple(learner.placed.cells[2, 1].tolist()))
    for _ in range(100):
        learner.step()
    [event] = learner.replaced
    assert event.spare == spares[1]
    assert learner.placement[spares[0]] == -2


def test_without_a_spare_the_chain_stops_and_says_so() -> None:
    array = ToyArray(2, 3, seed=4)
    learner = chain(array)
    learner.prepare()
    kill(array, tuple(learner.placed.cells[0, 0].tolist()))
    with pytest.raises(WiringError, match=r"no spare cell is left: of the chip's 6 cells 5"):
        steps(learner, 200)
    assert np.isfinite(learner.read_draws(2)).all()


def test_replacing_keeps_to_the_budget_and_the_state() -> None:
    array = ToyArray(4, 4, seed=1)
    learner = chain(array, budget=Budget(pulses=5000))
    learner.prepare()
    kill(array, tuple(learner.placed.cells[1, 0].tolist()))
    for _ in range(100):
        learner.step()
    assert learner.spent.pulses == array.counters.pulses
    twin = chain(copy.deepcopy(array))
    twin.restore(learner.state())
    assert twin.replaced == learner.replaced
    np.testing.assert_array_equal(twin.placement, learner.placement)
    for _ in range(30):
        np.testing.assert_array_equal(twin.step().weights, learner.step().weights)


def test_on_a_realistic_chip_dead_cells_are_found_and_slow_ones_are_not_wronged() -> None:
    # Pulses that move a cell by less than a read scatters. No cell was wronged in 2.9 million
    # pulses (python -m tests.benchmarks.learn spares); here are 240 000, the chip knows who died.
    settled = {"side": 24, "weights": 120, "steps": 1000}
    failing = watched(WEAK, failing=SOON, seed=1, **settled)
    sticking = watched(WEAK, sticking=4, seed=2, **settled)
    assert failing.wronged == sticking.wronged == 0
    assert len(failing.found) >= 5
    assert failing.missed == 0
    assert len(sticking.found) >= 20  # of 30, after at most 250 pulses each


@pytest.mark.parametrize(
    ("level", "polarity", "is_lost"),
    [(100e-6, 1, True), (180e-6, 1, False), (180e-6, -1, True), (20e-6, -1, False),
     (400e-6, 1, False), (400e-6, -1, True)],
)  # fmt: skip
def test_a_pulse_that_does_nothing_at_the_end_of_the_range_is_no_proof(
    level: float, polarity: int, is_lost: bool
) -> None:
    watch = Watch((1, 1), (0.0, 200e-6))
    one, way = np.zeros(1, dtype=np.int64), np.array([polarity], dtype=np.int8)
    here, factor = np.array([level]), np.ones((1, 1, 2))
    # 4 uS were expected, 4 uS is the scatter; reads scatter by 2 uS, or by far more outside.
    noise = 8e-12 if level < 200e-6 else 1e-8
    seen = np.array([[0.0], [4e-6], [16e-12], [noise]])
    for _ in range(60):
        watch.update(one, way, here, here, seen, factor)
    assert (watch.lost() == [(0, 0, "no longer moves")]) == is_lost
