from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labctl.engine import runner
from labctl.engine.control import Control
from labctl.engine.progress import Progress
from labctl.errors import BudgetSpent, ProcedureError, StoreError
from labctl.learn.oracles import ANSWERS, read_questions, write_answer
from labctl.learn.rundraws import draws_of
from labctl.learn.source import measured
from labctl.learn.tasks import load_task
from labctl.procedure import Procedure
from labctl.store import Run, Status
from procedures.active_learn import ActiveLearn
from procedures.learn import Learn, widths
from procedures.sample_posterior import SamplePosterior
from tests.learn.toy import ToyArray
from tests.procedures import toyruns
from tests.procedures.toyruns import calibrated

LEARN = {"task": "wine", "hidden": "none", "steps": 400, "burn_in": 200, "thin": 10}
ACTIVE = {
    "task": "wine", "hidden": "none", "initial": 8, "batch": 4, "rounds": 4,
    "first": 120, "steps": 60, "draws": 10,
}  # fmt: skip


def run(procedure: Procedure, array: ToyArray, root: Path, **how: Any) -> Run:
    return toyruns.run(procedure, (array, root), **how)


def abort_after(units: int) -> tuple[Control, Any]:
    control = Control()

    def look(progress: Progress) -> None:
        if progress.done >= units and control.state.value == "running":
            control.abort("Enough.")

    return control, look


def test_learn_trains_any_task_and_tells_what_it_cost(bench: tuple[ToyArray, Path]) -> None:
    done = run(Learn(**LEARN), *bench).raise_unless_finished()
    summary = done.summary
    assert summary["test_accuracy"] > 0.9
    assert summary["draws"] == 20
    assert summary["r_hat_max"] > 0
    assert summary["pulses_per_cell"] == pytest.approx(summary["pulses"] / 84)
    assert summary["pulses_of_worst_cell"] >= summary["pulses_per_cell"]
    assert summary["device_energy"] == summary["write_energy"] + summary["read_energy"] > 0
    assert summary["periphery_energy"] > 0
    # Pulses of 200 us between straight edges of 90 us: two thirds of 90 us at the full voltage.
    assert summary["assumed"]["edge"] == 90e-6
    assert summary["edge_energy"] == pytest.approx(0.3 * summary["write_energy"])
    assert summary["assumed"]["line_capacitance"] > 0
    assert summary["bench_time"] > 0
    assert summary["stopped"] == ""
    json.dumps(summary)
    progress = done.frame("progress")
    assert progress["step"].tolist() == [50 * k for k in range(1, 9)]
    assert progress["accuracy"].iloc[-1] > progress["accuracy"].iloc[0] - 0.1
    assert draws_of(done).weights.shape == (1, 20, 42)


def test_a_draw_may_be_the_mean_of_many_reads(bench: tuple[ToyArray, Path]) -> None:
    array, root = bench
    short = {**LEARN, "steps": 200, "burn_in": 100}
    once = run(Learn(**short), array, root).raise_unless_finished()
    often = run(Learn(**short, reads=5), array, root).raise_unless_finished()
    draws, weights = often.frame("draws"), often.frame("weights").set_index("weight")
    kappa = weights.loc[draws["weight"], "kappa"].to_numpy()[draws["kept"]]
    kept = draws[draws["kept"]]
    np.testing.assert_allclose(kept["value"], (kept["plus"] - kept["minus"]) / kappa, rtol=1e-9)
    # 20 draws of 84 cells, 5 reads each; the two runs differ in what preparing took.
    own = {r.path: r.summary["reads"] - r.summary["initial_pulses"] for r in (once, often)}
    assert own[often.path] - own[once.path] == pytest.approx(20 * 84 * 5, abs=300)
    plan = {reads: Learn(**short, reads=reads) for reads in (0, 5)}
    for procedure in plan.values():
        procedure.bind(array, None, np.random.default_rng(0))  # type: ignore[arg-type]
    assert plan[5].cost().reads - plan[0].cost().reads == 20 * 84 * 5
    assert plan[5].cost().pulses == plan[0].cost().pulses
    longer = plan[5].estimate() - plan[0].estimate()
    assert longer == pytest.approx(20 * 84 * 5 * array.timing.read)


def test_learn_takes_networks(bench: tuple[ToyArray, Path]) -> None:
    small = {**LEARN, "task": "pour", "hidden": "6", "temperature": 0.1, "share": 0.5}
    done = run(Learn(**{**small, "steps": 100, "burn_in": 50, "thin": 5}), *bench)
    done.raise_unless_finished()
    assert len(done.frame("weights")) == 9 * 6 + 7 * 2
    # Half of the weights are moved in a step.
    assert len(done.frame("pulses")) == pytest.approx(100 * 34, rel=0.1)


@pytest.mark.parametrize(
    ("kind", "parameters", "cold"),
    [(Learn, LEARN, 0.003), (ActiveLearn, {**ACTIVE, "rounds": 2}, 0.001)],
)
def test_pulses_too_coarse_for_the_posterior_are_told(
    bench: tuple[ToyArray, Path], kind: type[Procedure], parameters: dict[str, Any], cold: float
) -> None:
    fine = run(kind(**parameters), *bench).raise_unless_finished().summary
    assert 0 < fine["saturated"] < 0.2
    assert fine["warnings"] == []
    coarse = run(kind(**parameters, temperature=cold), *bench).raise_unless_finished().summary
    assert coarse["saturated"] > 0.2
    assert coarse["warnings"][-1].startswith(f"{coarse['saturated']:.0%} of the coins could not")
    assert "one pulse is larger than the posterior is wide" in coarse["warnings"][-1]


@pytest.mark.parametrize("text", ["", "none", "50, 50", "32 8"])
def test_hidden_layers_are_written_as_widths(text: str) -> None:
    assert widths(text) == {"50, 50": (50, 50), "32 8": (32, 8)}.get(text, ())


def test_other_hidden_layers_are_refused() -> None:
    with pytest.raises(ProcedureError, match="give their widths"):
        widths("0, many")


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ({"most_pulses": 14_000}, "All pulses are spent"),
        ({"most_energy": 4e-4}, "The energy is spent"),
        ({"most_wear": 160}, "pulses a cell may have"),
    ],
)
def test_a_budget_ends_the_learning_and_keeps_it(
    bench: tuple[ToyArray, Path], budget: dict[str, float], said: str
) -> None:
    done = run(Learn(**LEARN, **budget), *bench).raise_unless_finished()
    summary = done.summary
    assert said in summary["stopped"]
    assert "start another run with a larger one" in summary["stopped"]
    assert 200 < summary["steps"] < 400
    assert summary["test_accuracy"] > 0.8
    [(name, most)] = budget.items()
    spent = {"most_pulses": "pulses", "most_energy": "device_energy"}
    assert summary[spent.get(name, "pulses_of_worst_cell")] <= most


def test_a_budget_too_small_to_learn_anything_fails_the_run(bench: tuple[ToyArray, Path]) -> None:
    done = run(SamplePosterior(steps=200, burn_in=100, most_pulses=2000), *bench)
    assert done.status is Status.FAILED
    assert isinstance(done.exception, BudgetSpent)
    assert "All pulses are spent" in str(done.error)
    assert "start another run with a larger one" in str(done.error)
    assert len(done.frame("trace")) > 0


def test_a_budget_too_small_to_begin_with_says_so(bench: tuple[ToyArray, Path]) -> None:
    done = run(Learn(**LEARN, most_pulses=2), *bench)
    assert isinstance(done.exception, BudgetSpent)
    assert "not yet where the learning begins" in str(done.error)
    assert "start another run with a larger one" in str(done.error)


def test_learn_goes_on_where_it_was_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "PROGRESS_INTERVAL", 0.0)  # told of every unit
    array = calibrated(tmp_path)
    control, look = abort_after(3)
    broken = run(Learn(**LEARN), array, tmp_path, control=control, on_progress=look)
    assert broken.status is Status.ABORTED
    assert 50 <= broken.frame("trace")["step"].max() < 400
    done = run(Learn(**LEARN), array, tmp_path, resume=broken.path).raise_unless_finished()
    assert done.frame("trace")["step"].tolist() == list(range(1, 401))
    assert done.summary["steps"] == 400
    assert done.summary["draws"] == 20
    # What was spent before the break is in the account.
    assert done.summary["pulses"] == len(done.frame("pulses")) + done.summary["initial_pulses"]
    assert done.summary["relay_closures"] == 3 * done.summary["pulses"]
    assert done.summary["test_accuracy"] > 0.9


def test_a_budget_counts_what_was_spent_before_the_break(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "PROGRESS_INTERVAL", 0.0)  # told of every unit
    array = calibrated(tmp_path)
    control, look = abort_after(3)
    bounded = {**LEARN, "most_pulses": 14_000}
    broken = run(Learn(**bounded), array, tmp_path, control=control, on_progress=look)
    assert broken.status is Status.ABORTED
    done = run(Learn(**bounded), array, tmp_path, resume=broken.path).raise_unless_finished()
    assert "All pulses are spent" in done.summary["stopped"]
    assert 14_000 - 42 < done.summary["pulses"] <= 14_000
    assert done.summary["pulses"] == len(done.frame("pulses")) + done.summary["initial_pulses"]


def test_active_learn_asks_round_by_round(bench: tuple[ToyArray, Path]) -> None:
    done = run(ActiveLearn(**ACTIVE), *bench).raise_unless_finished()
    rounds, asked = done.frame("rounds"), done.frame("asked")
    assert rounds["labelled"].tolist() == [8, 12, 16, 20]
    assert asked.groupby("round").size().tolist() == [8, 4, 4, 4]
    assert asked["sample"].is_unique
    truth = load_task("wine").y_train
    np.testing.assert_array_equal(asked["label"], truth[asked["sample"]])
    assert rounds["accuracy"].iloc[-1] > 0.85
    assert rounds["pulses"].is_monotonic_increasing
    assert (rounds["epistemic"] > 0).all()
    assert done.summary["labelled"] == 20
    with pytest.raises(StoreError, match=r"run of active_learn.* one of sample_posterior"):
        draws_of(done)
    assert done.summary["periphery_energy"] > 0
    assert len(done.frame("draws")) == 10 * 42


def test_the_first_round_fits_the_scales_of_the_weights(bench: tuple[ToyArray, Path]) -> None:
    done = run(ActiveLearn(**{**ACTIVE, "rounds": 2, "first": 200}), *bench)
    done.raise_unless_finished()
    # They begin alike, as the priors are.
    assert done.frame("weights")["kappa"].nunique() > 10


def test_active_learn_goes_on_where_it_was_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "PROGRESS_INTERVAL", 0.0)  # told of every unit
    array = calibrated(tmp_path)
    control, look = abort_after(2)
    broken = run(ActiveLearn(**ACTIVE), array, tmp_path, control=control, on_progress=look)
    assert broken.status is Status.ABORTED
    before = broken.frame("asked")
    assert 8 <= len(before) < 20
    done = run(ActiveLearn(**ACTIVE), array, tmp_path, resume=broken.path).raise_unless_finished()
    after = done.frame("asked")
    assert after["sample"].tolist()[: len(before)] == before["sample"].tolist()
    assert after["sample"].is_unique
    assert done.frame("rounds")["labelled"].tolist() == [8, 12, 16, 20]
    assert done.summary["pulses"] == len(done.frame("pulses")) + done.summary["initial_pulses"]
    assert done.summary["relay_closures"] == 3 * done.summary["pulses"]


@pytest.mark.parametrize("kind", [Learn, ActiveLearn])
def test_a_budget_spent_on_preparing_is_not_given_again(
    tmp_path: Path, kind: type[Procedure]
) -> None:
    array = calibrated(tmp_path)
    pulses = measured("last", tmp_path, array.shape).pulses
    for _ in range(40):  # far from where the learning begins
        array.pulse(np.argwhere(np.ones(array.shape, dtype=bool)), pulses.set)
    before = array.counters.pulses
    parameters = {**(LEARN if kind is Learn else ACTIVE), "most_pulses": 300}
    broken = run(kind(**parameters), array, tmp_path)
    assert broken.status is Status.FAILED
    given = array.counters.pulses - before
    assert 0 < given <= 300
    again = run(kind(**parameters), array, tmp_path, resume=broken.path)
    assert again.status is Status.FAILED
    assert "its budget cannot be held" in again.error
    assert array.counters.pulses - before == given


def test_a_budget_ends_the_asking(bench: tuple[ToyArray, Path]) -> None:
    done = run(ActiveLearn(**ACTIVE, most_pulses=9000), *bench).raise_unless_finished()
    assert "All pulses are spent" in done.summary["stopped"]
    assert done.summary["rounds"] < 4
    assert done.summary["pulses"] <= 9000


def test_a_pool_from_csv_is_labelled_by_a_person(
    bench: tuple[ToyArray, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2))
    file = tmp_path / "pool.csv"
    known = {0: "low", 1: "high"}
    lines = [f"{a},{b},{known.get(k, '')}" for k, (a, b) in enumerate(x.tolist())]
    file.write_text("a,b,kind\n" + "\n".join(lines) + "\n", encoding="utf-8")
    seen: list[int] = []

    def person(self: ActiveLearn) -> None:
        folder = self._folder()
        assert folder is not None
        questions = read_questions(folder)
        assert questions is not None
        assert questions.features == ("a", "b")
        for question in questions.samples:
            seen.append(question.index)
            write_answer(folder, question.index, "high" if question.x[0] > 0 else "low")

    monkeypatch.setattr(ActiveLearn, "_wait_for_a_person", person)
    settings = {**ACTIVE, "pool": str(file), "label": "kind", "oracle": "person", "rounds": 3}
    done = run(ActiveLearn(**settings), *bench).raise_unless_finished()
    assert not {0, 1} & set(seen)
    assert done.frame("rounds")["labelled"].tolist() == [8, 12, 16]
    assert np.isnan(done.frame("rounds")["accuracy"]).all()
    assert (done.path / ANSWERS).exists()
    assert read_questions(done.path) is None


def test_a_run_that_waits_for_a_person_can_be_aborted_and_resumed(
    bench: tuple[ToyArray, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    array, root = bench
    settings = {**ACTIVE, "oracle": "person", "rounds": 2}
    control = Control()
    monkeypatch.setattr(array, "interrupt", None, raising=False)
    monkeypatch.setattr(
        "procedures.active_learn.RealClock.sleep", lambda self, seconds: control.abort("Enough.")
    )
    broken = run(ActiveLearn(**settings), array, root, control=control)
    assert broken.status is Status.ABORTED
    questions = read_questions(broken.path)
    assert questions is not None
    assert len(questions.samples) == 8

    def person(self: object, seconds: float) -> None:
        waiting = read_questions(broken.path)
        assert waiting is not None
        truth = load_task("wine").y_train
        for question in waiting.samples:
            write_answer(broken.path, question.index, waiting.classes[int(truth[question.index])])

    monkeypatch.setattr("procedures.active_learn.RealClock.sleep", person)
    done = run(ActiveLearn(**settings), array, root, resume=broken.path).raise_unless_finished()
    assert done.frame("rounds")["labelled"].tolist() == [8, 12]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pool": "/nowhere/pool.csv"}, "cannot be read"),
        ({"hidden": "wide"}, "give their widths"),
        ({"hidden": "200"}, "cells; of the chip's 256 cells"),
        ({"acquisition": "straddle"}, "straddle is for two classes; here are 3"),
    ],
)
def test_what_cannot_work_is_told_before_a_cell_is_touched(
    bench: tuple[ToyArray, Path], changes: dict[str, str], said: str
) -> None:
    counters = bench[0].counters
    spent = counters.pulses + counters.reads
    done = run(ActiveLearn(**{**ACTIVE, **changes}), *bench)
    assert done.status is Status.FAILED
    assert said in str(done.error)
    assert counters.pulses + counters.reads == spent
