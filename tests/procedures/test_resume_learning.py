"""A learning run whose engine is killed goes on with the weights that are on the chip."""

import os
import shutil
import signal
import sys

import numpy as np
import pytest

from labctl import Bench, sim
from labctl.engine.client import EngineClient
from labctl.engine.control import Control
from labctl.engine.local import resume
from labctl.engine.runner import execute
from labctl.errors import EngineError
from labctl.guard.latch import release_latch
from labctl.rendezvous import latch_file
from labctl.sim.array import SimulatedArray
from labctl.store import Run, RunReader, Status
from procedures.form import Form
from procedures.sample_posterior import SamplePosterior
from procedures.transitions import Transitions
from tests.served import Boxes, wait_for
from tests.truth import Truth

LEARNING = {"steps": 100, "burn_in": 20, "thin": 5}
STEPS = list(range(1, 101))


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
    last = draws[draws["draw"] == draws["draw"].max()].sort_values("weight")
    found = [
        np.abs(last[side].to_numpy() / conductance[weights[f"{side}_row"], weights[f"{side}_col"]]
               - 1.0)
        for side in ("plus", "minus")
    ]  # fmt: skip
    return np.concatenate(found)


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_an_engine_killed_in_the_middle_of_learning_and_its_run_resumed(
    lab, bench_text, monkeypatch
):
    """The boxes are in this process, on the network: they keep the chip as real ones would."""
    monkeypatch.setenv("LABCTL_RUNTIME_DIR", str(lab / "runtime"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    boxes = Boxes(lab, bench_text + state(lab))
    try:
        with EngineClient.start(boxes.path, lab / "data") as client:
            client.submit("sample_posterior", LEARNING)
            wait_for(lambda: (client.status()["current"] or {"done": 0})["done"] >= 3)
            folder = client.status()["current"]["run"]
            os.kill(client.pid, signal.SIGKILL)
        boxes.wait_safe()  # the guard brings the outputs to zero, and latches the bench
        wait_for(latch_file(boxes.path).exists)
        broken = RunReader(folder)
        wait_for(lambda: broken.meta["status"] == "interrupted")
        with pytest.raises(EngineError, match="could not start"):
            EngineClient.start(boxes.path, lab / "data")
        release_latch(latch_file(boxes.path))  # what `labctl bench acknowledge` does
        with EngineClient.start(boxes.path, lab / "data") as client:
            assert client.status()["unfinished"]["run"] == folder
            ended = client.wait(client.resume_run(folder))
            assert (ended["status"], ended["error"]) == ("finished", None)
            client.shutdown()
        run = Run(folder)
        check(run)
        [seam] = run.seams
        assert seam.status == "interrupted"
        assert 1 <= seam.units < 10  # what was done in the last second may be done again
        # The weights are on the chip: the last draw is what the cells are, but for their noise.
        with boxes.world.lock:
            deviation = on_chip(run, boxes.world.chip.conductance)
        assert np.median(deviation) < 0.1
    finally:
        boxes.stop()


def learn_half(bench, lab):
    """Abort a learning run in its sixth chunk; return it."""
    control, done = Control(), []
    interrupt = Control.interrupt

    class Half(SamplePosterior):
        name = "sample_posterior"

        def measure(self, unit):
            done.append(unit)
            if len(done) == 6:
                self.array.interrupt = lambda: control.abort("Half.") or interrupt(control)
            super().measure(unit)

    meta = bench.metadata() | {"seed": 5}
    return execute(
        Half(**LEARNING), array=bench.array, data_root=lab / "data", meta=meta, control=control,
        on_exit=bench.off,
    )  # fmt: skip


@pytest.mark.parametrize("is_kept", [True, False], ids=["closed properly", "killed"])
def test_with_the_chip_in_a_file_the_run_goes_on_from_what_the_file_holds(lab, bench_file, is_kept):
    path = bench_file(more=state(lab))
    before = (lab / "chip.npz").read_bytes()
    with Bench.open(path) as bench:
        broken = learn_half(bench, lab)
        assert broken.status is Status.ABORTED
    if not is_kept:  # the file is written when the bench is closed; a kill does not come so far
        (lab / "chip.npz").write_bytes(before)
    sim.discard(str(path.resolve()))
    assert ((lab / "chip.npz").read_bytes() == before) == (not is_kept)
    with Bench.open(path) as bench:
        run = resume(broken.path, bench)
        check(run)
        assert run.seams[0].units == 5
        assert np.median(on_chip(run, Truth(path).chip.conductance)) < 0.1
