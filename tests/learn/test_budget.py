from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from labctl.errors import BudgetSpent, ProcedureError
from labctl.learn.budget import Budget
from labctl.learn.sampler import Chain
from tests.learn.harness import Gaussian, told
from tests.learn.toy import PULSES, ToyArray

NORMAL = Gaussian(np.array([0.5, -0.5, 0.0]), np.diag([2.0, 4.0, 6.0]))


def chain(budget: Budget, array: ToyArray | None = None) -> Chain:
    array = ToyArray(4, 4, seed=1) if array is None else array
    return Chain(array, NORMAL, told(array), PULSES, np.random.default_rng(0), budget=budget)


def run_out(learner: Chain, most: int = 10_000) -> str:
    for _ in range(most):
        try:
            learner.step()
        except BudgetSpent as spent:
            return str(spent)
    raise AssertionError("the budget was never spent")


def test_the_step_that_would_pass_the_pulses_is_not_taken() -> None:
    learner = chain(Budget(pulses=100))
    learner.prepare()
    before = learner.weights.copy()
    text = run_out(learner)
    array = learner.cells.array
    assert 97 < learner.spent.pulses <= 100
    assert learner.spent.pulses == array.counters.pulses
    assert "All pulses are spent" in text
    assert "of 100; the next step needs 3" in text
    assert not np.array_equal(learner.weights, before)
    # What was learned can still be read, and asking again changes nothing.
    steps, spent = learner.steps, array.counters.pulses
    run_out(learner, 1)
    learner.read_draws(3)
    assert (learner.steps, array.counters.pulses) == (steps, spent)


def test_preparing_keeps_to_the_budget_too() -> None:
    learner = chain(Budget(pulses=2))
    with pytest.raises(BudgetSpent, match="All pulses are spent"):
        learner.prepare()
    assert learner.cells.array.counters.pulses <= 2


def test_no_cell_is_worn_more_than_allowed() -> None:
    learner = chain(Budget(endurance=40))
    learner.prepare()
    text = run_out(learner)
    assert learner.cells.ledger.counts.max() == 40
    assert learner.spent.worn == 40
    assert "40 of the 40 pulses a cell may have" in text
    # A pulse on the fullest cell is the one refused: nobody is over.
    assert learner.cells.ledger.counts.sum() == learner.spent.pulses


@pytest.mark.parametrize("name", ["energy", "time"])
def test_energy_and_time_are_not_passed(name: str) -> None:
    array = ToyArray(4, 4, seed=1)
    trial = chain(Budget(), array)
    trial.prepare()
    for _ in range(100):
        trial.step()
    spent = trial.spent
    bound = spent.time if name == "time" else spent.write_energy + spent.read_energy
    learner = chain(Budget(**{name: bound}), copy.deepcopy(ToyArray(4, 4, seed=1)))
    learner.prepare()
    text = run_out(learner)
    reached = learner.spent
    used = reached.time if name == "time" else reached.write_energy + reached.read_energy
    assert 0.5 * bound < used <= bound
    assert f"The {'bench time' if name == 'time' else 'energy'} is spent" in text


def test_a_budget_counts_on_after_a_restore() -> None:
    array = ToyArray(4, 4, seed=1)
    first = chain(Budget(pulses=200), array)
    first.prepare()
    for _ in range(20):
        first.step()
    spent = first.spent
    second = chain(Budget(pulses=200), copy.deepcopy(array))
    second.restore(first.state())
    assert second.spent == spent
    run_out(second)
    assert 197 < second.spent.pulses <= 200
    assert second.spent.reads > spent.reads
    assert second.spent.time > spent.time


@pytest.mark.parametrize(
    "wrong", [{"pulses": 0}, {"energy": -1.0}, {"endurance": -3}, {"time": float("nan")}]
)
def test_budgets_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ProcedureError, match=f"for {next(iter(wrong))}"):
        Budget(**wrong)
