"""The published rule of Lin et al. (2025), as ``learn`` offers it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labctl.engine import runner
from labctl.engine.control import Control
from labctl.engine.progress import Progress
from labctl.errors import ProcedureError
from labctl.learn.lin2025 import Lin2025
from labctl.learn.rundraws import draws_of
from labctl.learn.source import measured
from labctl.store import Run, Status
from procedures.learn import Learn
from tests.learn.toy import ToyArray
from tests.procedures.toyruns import run

SHORT: dict[str, Any] = {
    "task": "pour", "hidden": "4", "rule": "lin2025", "prior_sd": 0.436, "steps": 150,
    "burn_in": 50, "thin": 5,
}  # fmt: skip
SIZE = 9 * 4 + 5 * 2


@pytest.fixture(scope="module")
def done(bench: tuple[ToyArray, Path]) -> Run:
    return run(Learn(**SHORT), bench).raise_unless_finished()


def test_weights_are_sums_of_three_cells(done: Run, bench: tuple[ToyArray, Path]) -> None:
    placement = done.frame("placement").query("weight >= 0")
    assert placement.groupby("weight")["slot"].apply(sorted).tolist() == [[0, 1, 2]] * SIZE
    assert (placement["sign"] == 1).all()
    weights, draws = done.frame("weights"), done.frame("draws")
    assert (weights[["plus_row", "plus_col", "minus_row", "minus_col"]] == -1).all(axis=None)
    found = measured("last", bench[1], bench[0].shape).calibration
    np.testing.assert_allclose(weights["kappa"], found.range * 1.1 / 3.6)
    np.testing.assert_allclose(draws["minus"], 3 * found.centre)
    value = (draws["plus"] - draws["minus"]) / weights["kappa"].iloc[0]
    np.testing.assert_allclose(draws["value"], value, atol=1e-9)


def test_few_weights_are_pulsed_every_sixth_step_and_not_read_back(done: Run) -> None:
    pulses = done.frame("pulses")
    assert 0 < len(pulses) <= Lin2025((36, 10)).pulsed(150)
    assert set(pulses["step"] % 6) == {0}
    assert pulses["after"].isna().all()
    # Ten passes over all cells before every step.
    reads = done.summary["reads"] - done.summary["initial_pulses"]
    assert reads == pytest.approx(150 * 10 * 3 * SIZE, rel=0.01)


def test_its_draws_are_exported_without_pairs(done: Run) -> None:
    draws = draws_of(done)
    assert draws.weights.shape == (1, 20, SIZE)
    assert (draws.cells == -1).all()
    assert np.isnan(draws.temperature).all()  # not the parameter's default, which it goes not by


def test_the_plan_counts_passes_and_what_is_pulsed_at_most() -> None:
    array, pulses = ToyArray(seed=0), []
    for chains in (1, 2):
        procedure = Learn(**SHORT, chains=chains)
        procedure.bind(array, None, np.random.default_rng(0))
        plan, reads = procedure.cost(), chains * 150 * 10 * 3 * SIZE
        assert plan.reads == reads
        pulsing = plan.pulses * array.timing.pulse_and_read(2e-4)
        assert procedure.estimate() == pytest.approx(pulsing + reads * array.timing.read)
        pulses.append(plan.pulses)
    # int(36 q) is 2 in each of 40 steps, q being 0.06375 and 0.9 of it, then 1.
    assert pulses == [(40 * 2 + 110 * 1) / 2, 40 * 2 + 110 * 1]


def test_the_published_rule_goes_on_where_it_was_broken_off(
    bench: tuple[ToyArray, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "PROGRESS_INTERVAL", 0.0)  # told of every unit
    control, first = Control(), Learn(**SHORT, chains=1)

    def look(progress: Progress) -> None:
        if progress.done >= 1 and control.state.value == "running":
            control.abort("Enough.")

    broken = run(first, bench, control=control, on_progress=look)
    assert broken.status is Status.ABORTED
    left, taken = first._chain.rule, first._chain.steps
    assert isinstance(left, Lin2025)
    assert 50 <= taken < 150
    taken_up: list[dict[str, np.ndarray]] = []
    restore = Lin2025.restore

    def restored(self: Lin2025, state: dict[str, Any]) -> None:
        restore(self, state)
        taken_up.append(self.state())

    monkeypatch.setattr(Lin2025, "restore", restored)
    done = run(Learn(**SHORT, chains=1), bench, resume=broken.path).raise_unless_finished()
    # What it goes by is not begun anew: the means, and the hits since its last pulses.
    np.testing.assert_array_equal(taken_up[0]["lin2025"], left.state()["lin2025"])
    assert np.abs(taken_up[0]["lin2025"][2]).sum() > 0
    assert done.frame("trace")["step"].tolist() == list(range(1, 151))
    assert set(done.frame("pulses")["step"] % 6) == {0}
    assert done.summary["draws"] == 20


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hidden": "1"}, "layers of 9, 4 weights are too small for one"),
        ({"schedule": "tempered"}, "goes by no temperature, so that a tempered schedule"),
    ],
)
def test_what_does_not_fit_it_is_refused_before_a_cell_is_touched(
    bench: tuple[ToyArray, Path], changes: dict[str, str], said: str
) -> None:
    array, _ = bench
    spent = array.counters.pulses + array.counters.reads
    done = run(Learn(**SHORT | changes), bench)
    assert done.status is Status.FAILED
    assert said in str(done.error)
    assert array.counters.pulses + array.counters.reads == spent


@pytest.mark.parametrize("idle", [{"temperature": 0.5}, {"share": 0.5}])
def test_what_it_does_not_go_by_is_refused(idle: dict[str, Any]) -> None:
    with pytest.raises(ProcedureError, match="rule is lin2025"):
        Learn(rule="lin2025", **idle).refuse_idle(idle)
    with pytest.raises(ProcedureError, match="counts only where rule is lin2025"):
        Learn(restarted=True).refuse_idle(["restarted"])
