"""A learning run whose engine is killed goes on with the weights that are on the chip."""

import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from labctl import Bench, plugins, sim
from labctl.engine.client import EngineClient
from labctl.engine.control import Control
from labctl.engine.local import resume
from labctl.engine.local import run as run_here
from labctl.engine.runner import execute
from labctl.errors import BudgetSpent, EngineError
from labctl.guard.latch import release_latch
from labctl.learn.rundraws import draws_of
from labctl.learn.tasks import load_task
from labctl.rendezvous import latch_file
from labctl.sim.array import SimulatedArray
from labctl.store import Run, RunReader, Status
from labctl.store.compact import read_stream
from labctl.store.journal import TABLE as JOURNAL
from procedures.form import Form
from procedures.transitions import Transitions
from tests.served import Boxes, wait_for
from tests.truth import Truth

LEARNING = {"steps": 100, "burn_in": 20, "thin": 5}
STEPS = list(range(1, 101))
REGRESSION = {"task": "breast_cancer", "hidden": "none", "steps": 150, "burn_in": 50, "thin": 5}
ASKING = {
    "task": "breast_cancer", "hidden": "none", "initial": 8, "batch": 4, "rounds": 4,
    "first": 40, "steps": 30, "draws": 10,
}  # fmt: skip
WEIGHTS = 31


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A formed chip as a file, and a data folder with its transitions."""
    from tests.conftest import SIMULATED

    folder = tmp_path_factory.mktemp("learning")
    bench = folder / "bench.toml"
    bench.write_text(SIMULATED.read_text(encoding="utf-8"), encoding="utf-8")
    array = SimulatedArray.of_bench(bench)
    meta = {"seed": 3, "chip": "sim-16x16", "shape": [16, 16]}
    for procedure in (Form(), Transitions(passes=30, repeats=4)):
        execute(
            procedure, array=array, data_root=folder / "data", meta=meta
        ).raise_unless_finished()
    array.chip.save(folder / "chip.npz")
    return folder


@pytest.fixture
def lab(measured, tmp_path):
    """A copy of the chip file and of the data folder."""
    shutil.copy(measured / "chip.npz", tmp_path / "chip.npz")
    shutil.copytree(measured / "data", tmp_path / "data")
    return tmp_path


def state(folder):
    return f'state = "{(folder / "chip.npz").as_posix()}"\n'


def check(run: Run) -> None:
    """Hold that a run is whole: every step once, and draws that follow one another."""
    assert run.status is Status.FINISHED
    trace, draws = run.frame("trace"), run.frame("draws")
    assert trace["step"].tolist() == STEPS
    assert trace["time"].is_monotonic_increasing
    assert sorted(draws["step"].unique()) == STEPS[4::5]
    assert trace["pulses"].is_monotonic_increasing
    assert run.frame("pulses")["step"].nunique() == 100
    assert run.summary["draws"] == 16
    assert 0.5 < run.summary["test_accuracy"] <= 1.0


def on_chip(run: Run, conductance: np.ndarray) -> np.ndarray:
    """Return relative deviations of the last draw from what the cells really are."""
    draws, weights = run.frame("draws"), run.frame("weights")
    last = draws[draws["draw"] == draws["draw"].max()].sort_values(["chain", "weight"])
    weights = weights.sort_values(["chain", "weight"])
    found = [
        np.abs(last[side].to_numpy() / conductance[weights[f"{side}_row"], weights[f"{side}_col"]]
               - 1.0)
        for side in ("plus", "minus")
    ]  # fmt: skip
    return np.concatenate(found)


def check_learning(run: Run) -> None:
    """The same of ``learn``, and that the account has the pulses of both sittings."""
    assert run.status is Status.FINISHED
    steps = list(range(1, REGRESSION["steps"] + 1))
    assert run.frame("trace")["step"].tolist() == steps
    assert sorted(run.frame("draws")["step"].unique()) == steps[4::5]
    assert not run.frame("draws").duplicated(["draw", "weight"]).any()
    progress = run.frame("progress")
    assert progress["step"].tolist() == [50, 100, 150]
    pulses = run.frame("pulses")
    assert pulses.groupby("step").size().tolist() == [WEIGHTS] * len(steps)
    assert progress["pulses"].tolist() == [WEIGHTS * 50 * k for k in (1, 2, 3)]
    assert run.summary["pulses"] == len(pulses) + run.summary["initial_pulses"]
    assert run.summary["steps"] == len(steps)
    assert run.summary["draws"] == (REGRESSION["steps"] - REGRESSION["burn_in"]) // 5


def check_active(run: Run) -> None:
    """The same of ``active_learn``: no sample was asked for twice, no round is missing."""
    assert run.status is Status.FINISHED
    rounds, asked, pulses = (run.frame(name) for name in ("rounds", "asked", "pulses"))
    assert rounds["round"].tolist() == [0, 1, 2, 3]
    assert rounds["labelled"].tolist() == [8, 12, 16, 20]
    assert asked.groupby("round").size().tolist() == [8, 4, 4, 4]
    assert asked["sample"].is_unique
    truth = load_task("breast_cancer").y_train
    np.testing.assert_array_equal(asked["label"], truth[asked["sample"]])
    steps = ASKING["first"] + 3 * ASKING["steps"]
    assert pulses.groupby("step").size().tolist() == [WEIGHTS] * steps
    assert pulses["step"].unique().tolist() == list(range(1, steps + 1))
    assert rounds["pulses"].is_monotonic_increasing
    assert rounds["pulses"].iloc[-1] == run.summary["pulses"]
    assert run.summary["pulses"] == len(pulses) + run.summary["initial_pulses"]
    assert run.summary["labelled"] == 20
    assert len(run.frame("draws")) == ASKING["draws"] * WEIGHTS


def check_chains(run: Run) -> None:
    """Hold that two chains are whole: each with its draws, on cells of its own."""
    assert run.status is Status.FINISHED
    assert run.frame("trace")["step"].tolist() == STEPS
    draws, weights = run.frame("draws"), run.frame("weights")
    assert draws.groupby(["draw", "chain"]).size().tolist() == [WEIGHTS] * (20 * 2)
    assert not draws.duplicated(["draw", "chain", "weight"]).any()
    lines = [weights[[f"{side}_row", f"{side}_col"]].to_numpy() for side in ("plus", "minus")]
    assert len(np.unique(np.concatenate(lines), axis=0)) == 2 * 2 * WEIGHTS
    assert run.frame("pulses").groupby("step").size().tolist() == [2 * WEIGHTS] * 100
    assert draws_of(run).weights.shape == (2, 16, WEIGHTS)
    assert (run.summary["chains"], run.summary["draws"]) == (2, 16)
    assert run.summary["r_hat_max"] > 0.9
    assert run.summary["pulses"] == len(run.frame("pulses")) + run.summary["initial_pulses"]


def caught(client: EngineClient, units: int) -> tuple[str, int]:
    """Wait until so many units are in the journal of the present run; return it and all units."""
    seen = {}

    def is_far_enough() -> bool:
        status = client.status()
        last = status["last"]
        assert last["procedure"] == "transitions", f"the run ended before it was killed: {last}"
        seen.update(status["current"] or {"done": 0})
        if seen["done"] < units:
            return False
        journal = read_stream(Path(seen["run"]) / f"{JOURNAL}.arrows")
        return journal is not None and journal.num_rows >= units

    wait_for(is_far_enough)
    return seen["run"], seen["total"]


KILLED = {
    "sample_posterior": (LEARNING, 3, check),
    "learn": (REGRESSION, 1, check_learning),
    "active_learn": (ASKING, 1, check_active),
}
"""Parameters, units that are done when the engine is killed, and what must hold afterwards."""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
@pytest.mark.parametrize("name", KILLED)
def test_an_engine_killed_in_the_middle_of_learning_and_its_run_resumed(
    name, lab, bench_text, monkeypatch
):
    """The boxes are in this process, on the network: they keep the chip as real ones would."""
    parameters, units, holds = KILLED[name]
    monkeypatch.setenv("LABCTL_RUNTIME_DIR", str(lab / "runtime"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    boxes = Boxes(lab, bench_text + state(lab))
    before = int(boxes.world.chip.pulses.sum())
    try:
        with EngineClient.start(boxes.path, lab / "data") as client:
            client.submit(name, parameters)
            folder, total = caught(client, units)
            os.kill(client.pid, signal.SIGKILL)
        boxes.wait_safe()  # the guard brings the outputs to zero, and latches the bench
        wait_for(latch_file(boxes.path).exists)
        broken = RunReader(folder)
        wait_for(lambda: broken.meta["status"] == "interrupted")
        if name == "sample_posterior":  # the others need not wait for it
            with pytest.raises(EngineError, match="could not start"):
                EngineClient.start(boxes.path, lab / "data")
        release_latch(latch_file(boxes.path))  # what `labctl bench acknowledge` does
        with EngineClient.start(boxes.path, lab / "data") as client:
            assert client.status()["unfinished"]["run"] == folder
            ended = client.wait(client.resume_run(folder))
            assert (ended["status"], ended["error"]) == ("finished", None)
            client.shutdown()
        run = Run(folder)
        holds(run)
        [seam] = run.seams
        assert seam.status == "interrupted"
        assert 1 <= seam.units < total  # what was done in the last second may be done again
        # The weights are on the chip: what the cells were last read as is what they are, but for
        # their noise. What was pulsed again is on the chip twice, and in the account once.
        with boxes.world.lock:
            deviation = on_chip(run, boxes.world.chip.conductance)
            given = int(boxes.world.chip.pulses.sum()) - before
        assert np.median(deviation) < 0.1
        assert run.summary["pulses"] <= given < 2 * run.summary["pulses"]
    finally:
        boxes.stop()


TWO = "sample_posterior, two chains"
ABORTED = {**KILLED, TWO: (LEARNING | {"rule": "kappa", "chains": 2}, 3, check_chains)}


def learn_half(bench, lab, case):
    """Abort a learning run in the middle of a unit; return it."""
    parameters, units, _ = ABORTED[case]
    control, done, looks = Control(), [], []
    name = case.partition(",")[0]
    kind = plugins.procedure(name)

    def interrupt():
        if len(done) > units:
            looks.append(len(done))
        if len(looks) == 100:
            control.abort("Half.")
        control.interrupt()

    def measure(self, unit):
        done.append(unit)
        self.array.interrupt = interrupt
        kind.measure(self, unit)

    half = type("Half", (kind,), {"name": name, "measure": measure})
    meta = bench.metadata() | {"seed": 5}
    return execute(
        half(**parameters), array=bench.array, data_root=lab / "data", meta=meta, control=control,
        on_exit=bench.off,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("case", "is_kept"),
    [(case, True) for case in ABORTED] + [("sample_posterior", False)],
    ids=[f"{case}, closed properly" for case in ABORTED] + ["sample_posterior, killed"],
)
def test_with_the_chip_in_a_file_the_run_goes_on_from_what_the_file_holds(
    case, is_kept, lab, bench_file
):
    _, units, holds = ABORTED[case]
    path = bench_file(more=state(lab))
    before = (lab / "chip.npz").read_bytes()
    with Bench.open(path) as bench:
        broken = learn_half(bench, lab, case)
        assert broken.status is Status.ABORTED
    if not is_kept:  # the file is written when the bench is closed; a kill does not come so far
        (lab / "chip.npz").write_bytes(before)
    sim.discard(str(path.resolve()))
    assert ((lab / "chip.npz").read_bytes() == before) == (not is_kept)
    with Bench.open(path) as bench:
        run = resume(broken.path, bench)
        holds(run)
        assert run.seams[0].units == units
        assert np.median(on_chip(run, Truth(path).chip.conductance)) < 0.1


def test_of_a_run_that_its_budget_ended_nobody_says_that_resume_goes_on(lab, bench_file):
    bounded = REGRESSION | {"most_pulses": 2}
    with Bench.open(bench_file(more=state(lab))) as bench, pytest.raises(BudgetSpent) as ended:
        run_here("learn", bench, data=lab / "data", **bounded)
    assert "start another run with a larger one" in str(ended.value)
    [note] = ended.value.__notes__
    assert note.startswith("What was measured before is in ")
    assert "resume" not in note
