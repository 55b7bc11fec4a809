"""Rules and chains side by side, as procedures that learn offer them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from labctl.engine import runner
from labctl.engine.control import Control
from labctl.engine.progress import Progress
from labctl.errors import ProcedureError
from labctl.learn.diagnostics import diagnose
from labctl.learn.kappa import KappaCoin
from labctl.learn.models import LogisticRegression
from labctl.learn.posterior import effective_sample_size, r_hat
from labctl.learn.results import evaluate
from labctl.learn.rundraws import draws_of
from labctl.learn.source import measured
from labctl.learn.tasks import load_task
from labctl.procedure import Procedure
from labctl.store import Column, Run, Status
from procedures._sampling import _Sampling
from procedures.active_learn import ActiveLearn
from procedures.learn import Learn
from procedures.sample_posterior import SamplePosterior
from tests.learn.toy import ToyArray
from tests.procedures.toyruns import run

TWO: dict[str, Any] = {"rule": "kappa", "chains": 2, "steps": 200, "burn_in": 50, "thin": 5}
LEARN: dict[str, Any] = {
    "task": "wine", "hidden": "none", "steps": 200, "burn_in": 100, "thin": 5, "chains": 2,
}  # fmt: skip
ASK: dict[str, Any] = {
    "task": "wine", "hidden": "none", "initial": 8, "batch": 4, "rounds": 2, "first": 60,
    "steps": 30, "draws": 5, "chains": 2, "rule": "kappa",
}  # fmt: skip


@pytest.fixture(scope="module")
def two(bench: tuple[ToyArray, Path]) -> Run:
    return run(SamplePosterior(**TWO), bench).raise_unless_finished()


def broken_off(
    procedure: Procedure, bench: tuple[ToyArray, Path], units: int, patch: pytest.MonkeyPatch
) -> Run:
    """Abort a run after so many units."""
    patch.setattr(runner, "PROGRESS_INTERVAL", 0.0)  # told of every unit
    control = Control()

    def look(progress: Progress) -> None:
        if progress.done >= units and control.state.value == "running":
            control.abort("Enough.")

    broken = run(procedure, bench, control=control, on_progress=look)
    assert broken.status is Status.ABORTED
    return broken


def data() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    task = load_task("breast_cancer")
    return task.x_train, task.y_train


def cells_of(run: Run, chain: int) -> set[tuple[int, int]]:
    """The cells of the weights of one chain."""
    frame = run.frame("weights").query("chain == @chain")
    return {
        (int(row), int(col))
        for side in ("plus", "minus")
        for row, col in zip(frame[f"{side}_row"], frame[f"{side}_col"], strict=True)
    }


def test_chains_side_by_side_have_cells_of_their_own(two: Run) -> None:
    first, second = cells_of(two, 0), cells_of(two, 1)
    assert len(first) == len(second) == 62
    assert not first & second
    pulses = two.frame("pulses")
    pulsed = set(zip(pulses["row"], pulses["col"], strict=True))
    assert pulsed == first | second
    assert pulses.groupby("step").size().tolist() == [62] * 200


def test_every_draw_says_which_chain_it_is_of(two: Run) -> None:
    draws = two.frame("draws")
    assert draws["chain"].dtype == np.int16
    assert draws.groupby(["draw", "chain"]).size().tolist() == [31] * (40 * 2)
    weights = two.frame("weights")
    last = draws[draws["draw"] == 39].merge(weights, on=["chain", "weight"])
    value = (last["plus"] - last["minus"]) / last["kappa"]
    np.testing.assert_allclose(last["value"], value)


def test_results_are_of_all_chains(two: Run) -> None:
    kept = two.frame("draws").query("kept").sort_values(["chain", "draw", "weight"])
    draws = kept["value"].to_numpy().reshape(2, 30, 31)
    summary = two.summary
    assert (summary["chains"], summary["draws"], summary["steps"]) == (2, 30, 200)
    np.testing.assert_allclose(summary["posterior_mean"], draws.mean(axis=(0, 1)))
    assert summary["r_hat_max"] == pytest.approx(r_hat(draws).max())
    # Not that of all draws as they came, nor of the first chain alone.
    mixed = draws.swapaxes(0, 1).reshape(60, 31)
    assert summary["r_hat_max"] != pytest.approx(r_hat(mixed).max())
    assert summary["r_hat_max"] != pytest.approx(r_hat(draws[0]).max())
    assert summary["ess_min"] == pytest.approx(effective_sample_size(draws).min())
    assert summary["pulses"] == 200 * 62 + summary["initial_pulses"]
    assert summary["test_accuracy"] > 0.9
    assert two.frame("trace")["pulses"].iloc[-1] == 200 * 62
    assert two.frame("trace")["step"].tolist() == list(range(1, 201))


def test_three_chains_are_held_against_each_other() -> None:
    task = load_task("breast_cancer")
    draws = np.random.default_rng(0).normal(size=(3, 40, 31))
    found = evaluate(draws, task)
    np.testing.assert_array_equal(found.r_hat, r_hat(draws))
    np.testing.assert_array_equal(found.ess, effective_sample_size(draws))
    np.testing.assert_allclose(found.sd, draws.std(axis=(0, 1)))


def test_arviz_gets_each_chain_with_its_cells(two: Run) -> None:
    draws = draws_of(two)
    assert draws.weights.shape == (2, 30, 31)
    kept = two.frame("draws").query("kept and chain == 1").sort_values(["draw", "weight"])
    np.testing.assert_array_equal(draws.weights[1].ravel(), kept["value"])
    for chain in (0, 1):
        cells = {tuple(cell) for cell in draws.cells[chain].reshape(-1, 2).tolist()}
        assert cells == cells_of(two, chain)
    assert diagnose(draws.weights).chains == 2


def test_the_kappa_rule_brings_its_own_scale(two: Run, bench: tuple[ToyArray, Path]) -> None:
    rule = KappaCoin(measured("last", bench[1], bench[0].shape).calibration)
    expected = np.sqrt(2 * rule.variance)  # of priors N(0, 1)
    np.testing.assert_allclose(two.frame("weights")["kappa"], expected)


def test_at_another_temperature_the_prior_in_the_cells_is_cold_too(
    bench: tuple[ToyArray, Path],
) -> None:
    rule = KappaCoin(measured("last", bench[1], bench[0].shape).calibration)
    procedure = SamplePosterior(**{**TWO, "chains": 1, "temperature": 0.25})
    cold = run(procedure, bench).raise_unless_finished()
    # The model is cold, so that the chain must not be so again.
    weights = np.linspace(-1, 1, 31)
    chain, warm_model = procedure._chain, LogisticRegression(*data())
    np.testing.assert_allclose(chain.model.gradient(weights), 4 * warm_model.gradient(weights))
    assert chain.temperature == 1.0
    np.testing.assert_allclose(cold.frame("weights")["kappa"], np.sqrt(2 * rule.variance) / 0.5)
    sd = np.array(cold.summary["posterior_sd"])
    warm = run(SamplePosterior(**{**TWO, "chains": 1}), bench).raise_unless_finished()
    ratio = float(np.median(sd / np.array(warm.summary["posterior_sd"])))
    assert 0.35 < ratio < 0.75  # 0.5 but for chains of 30 draws


@pytest.mark.parametrize(
    ("procedure", "units"),
    [(SamplePosterior(**TWO), 7), (Learn(**LEARN), 3), (Learn(**LEARN, rule="kappa"), 3)],
)
def test_chains_go_on_where_they_were_broken_off(
    bench: tuple[ToyArray, Path],
    monkeypatch: pytest.MonkeyPatch,
    procedure: _Sampling,
    units: int,
) -> None:
    broken = broken_off(procedure, bench, units, monkeypatch)
    reached = int(broken.frame("trace")["step"].max())
    assert 50 < reached < 200
    # It has told of its placement, and of its weights not yet.
    told = draws_of(broken).cells
    assert len(broken.frame("weights")) == 0
    done = run(procedure, bench, resume=broken.path).raise_unless_finished()
    np.testing.assert_array_equal(told, draws_of(done).cells)
    assert done.frame("trace")["step"].tolist() == list(range(1, 201))
    draws = done.frame("draws")
    assert not draws.duplicated(["draw", "chain", "weight"]).any()
    kept = draws.query("kept").sort_values(["chain", "draw", "weight"])
    values = kept["value"].to_numpy().reshape(2, -1, draws["weight"].max() + 1)
    assert values.shape[1] == done.summary["draws"] == (200 - procedure.burn_in) // 5
    # Those of before the break are counted with the chain they are of.
    assert done.summary["r_hat_max"] == pytest.approx(np.nanmax(r_hat(values)))
    np.testing.assert_array_equal(draws_of(done).weights, values)
    assert done.summary["pulses"] == len(done.frame("pulses")) + done.summary["initial_pulses"]
    assert len(done.frame("pulses")) == 200 * 2 * values.shape[2]
    assert not cells_of(done, 0) & cells_of(done, 1)


def test_active_learning_may_have_chains_and_the_kappa_rule(
    bench: tuple[ToyArray, Path],
) -> None:
    done = run(ActiveLearn(**ASK), bench).raise_unless_finished()
    draws = done.frame("draws")
    assert draws.groupby(["draw", "chain"]).size().tolist() == [42] * (5 * 2)
    last = draws[draws["draw"] == 4]
    assert np.isfinite(last["plus"]).all()
    value = last.merge(done.frame("weights"), on=["chain", "weight"]).eval("(plus - minus) / kappa")
    np.testing.assert_allclose(last["value"], value)
    assert not cells_of(done, 0) & cells_of(done, 1)
    assert done.summary["pulses"] == 90 * 84 + done.summary["initial_pulses"]


def test_a_run_begun_before_there_were_chains_goes_on_as_one(
    bench: tuple[ToyArray, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(columns: dict[str, Column]) -> dict[str, Column]:
        return {name: column for name, column in columns.items() if name != "chain"}

    one = {**LEARN, "chains": 1}
    own = {name: Learn.tables[name] for name in Learn.tables}
    old = own | {name: without(own[name]) for name in ("draws", "weights")}
    with monkeypatch.context() as before:
        before.setattr(Learn, "tables", old)
        before.setattr(Learn, "_named", lambda self, chain: {})
        broken = broken_off(Learn(**one), bench, 3, before)
    assert "chain" not in broken.tables["draws"]
    done = run(Learn(**one), bench, resume=broken.path).raise_unless_finished()
    assert "chain" not in done.frame("draws")
    assert done.summary["draws"] == 20
    assert draws_of(done).weights.shape == (1, 20, 42)
    assert (draws_of(done).cells >= 0).all()


@pytest.mark.parametrize("kind", [SamplePosterior, Learn, ActiveLearn])
def test_the_plan_counts_chains(kind: type[Procedure]) -> None:
    plan = []
    for chains in (1, 3):
        shared = {"task": "wine", "hidden": "none"} if kind is not SamplePosterior else {}
        procedure = kind(**shared, chains=chains)
        procedure.bind(ToyArray(seed=0), None, np.random.default_rng(0))
        expected = procedure.cost()
        assert expected is not None
        plan.append((procedure.estimate(), expected.pulses, expected.reads))
    np.testing.assert_allclose(plan[1], 3 * np.array(plan[0]))


def untouched(bench: tuple[ToyArray, Path], procedure: Procedure) -> str:
    """Return what is said of a run that fails, and hold that it has touched no cell."""
    array, _ = bench
    spent, before = array.counters.pulses + array.counters.reads, array.conductance.copy()
    done = run(procedure, bench)
    assert done.status is Status.FAILED
    assert array.counters.pulses + array.counters.reads == spent
    np.testing.assert_array_equal(array.conductance, before)
    return str(done.error)


def test_chains_that_do_not_fit_are_refused_before_a_cell_is_touched(
    bench: tuple[ToyArray, Path],
) -> None:
    said = untouched(bench, SamplePosterior(chains=5))
    assert "155 weights as differential pairs need 310 cells" in said
    assert "fewer chains" in said


def test_the_kappa_rule_of_a_large_network_is_refused_before_a_cell_is_touched(
    bench: tuple[ToyArray, Path],
) -> None:
    said = untouched(bench, Learn(task="digits", rule="kappa"))
    assert "up to 256 weights bear; this model has 2410" in said
    assert "rule=coin" in said


def test_a_share_of_the_weights_is_the_coins_alone() -> None:
    with pytest.raises(ProcedureError, match="'share' counts only where rule is coin"):
        Learn(rule="kappa", share=0.5).refuse_idle(["rule", "share"])
    Learn(share=0.5).refuse_idle(["share"])
