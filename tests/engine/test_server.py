"""The engine on a simulated bench, asked through its own handler and over the wire."""

import os
import signal
import subprocess
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from labctl.bench import Bench
from labctl.engine.client import EngineClient
from labctl.engine.messages import Plain, Submit
from labctl.engine.server import Engine
from labctl.errors import EngineError, LatchedError, ProcedureError
from labctl.rendezvous import look_up
from labctl.store import Run, Status, runs

ENDLESS = {"cells": "0..1,0..3", "repeats": 100_000}


class Desk:
    """An engine in this process: served by a thread, asked by its handler."""

    def __init__(self, bench, folder):
        self.bench = bench
        self.engine = Engine(bench, folder)
        self.thread = threading.Thread(target=self.engine.serve, name="test-engine")
        self.thread.start()

    def ask(self, command):
        return self.engine.handle(Plain(command=command, token="t"))

    def submit(self, procedure, **parameters):
        request = Submit(token="t", procedure=procedure, parameters=parameters)
        return self.engine.handle(request)["id"]

    def wait_for(self, condition, what):
        for _ in range(1500):
            status = self.ask("status")
            if condition(status):
                return status
            threading.Event().wait(0.02)
        raise AssertionError(f"{what} did not come: {status}")

    def wait_until_reading(self):
        return self.wait_for(lambda s: s["current"] and s["current"]["done"] > 0, "reading")

    def wait_until_ended(self, run_id):
        return self.wait_for(lambda s: s["last"] and s["last"]["id"] == run_id, "the end")["last"]

    def close(self):
        self.ask("shutdown")
        self.thread.join(30.0)
        assert not self.thread.is_alive()


@pytest.fixture
def desk(bench_file, tmp_path):
    with Bench.open(bench_file()) as bench:
        desk = Desk(bench, tmp_path / "data")
        yield desk
        desk.close()


def test_idle_engine_tells_bench_and_chip(desk):
    status = desk.ask("status")
    assert status["state"] == "idle"
    assert (status["chip"], status["shape"]) == ("sim-16x16", [16, 16])
    assert status["queue"] == []
    assert status["current"] is status["last"] is status["last_run"] is status["latched"] is None


def test_submitted_runs_are_run_in_order_and_stored(desk):
    first = desk.submit("read_map", cells="0,0..3")
    second = desk.submit("read_map", cells="1,0..3", repeats="2")
    last = desk.wait_until_ended(second)
    assert (first, second) == (1, 2)
    assert last["status"] == "finished"
    done = runs(desk.engine._data_root)
    assert [len(run.frame("cells")) for run in done] == [4, 8]
    assert Path(last["run"]) == done[1].path
    assert done[1].meta["identities"]["smu"]
    assert desk.ask("status")["last_run"] == last["run"]
    assert desk.ask("status")["state"] == "idle"


def test_procedures_are_declared_for_forms(desk):
    listed = {p["name"]: p for p in desk.ask("procedures")["procedures"]}
    assert listed["read_map"]["text"].startswith("Read the conductance")
    assert [p["name"] for p in listed["read_map"]["parameters"]][:2] == ["cells", "voltage"]


def test_wrong_submissions_are_refused_and_nothing_is_queued(desk):
    for procedure, parameters, match in [
        ("raed_map", {}, "did you mean read_map"),
        ("read_map", {"voltage": 5}, "'voltage': 5"),
        ("read_map", {"cells": "row 99"}, "row 99"),
        ("read_map", {"cell": "all"}, "did you mean 'cells'"),
    ]:
        with pytest.raises(ProcedureError, match=match):
            desk.submit(procedure, **parameters)
    status = desk.ask("status")
    assert status["queue"] == []
    assert status["last"] is None


def test_reins_without_a_run_are_refused(desk):
    for verb in ("pause", "resume", "abort"):
        with pytest.raises(EngineError, match=f"no run to {verb}"):
            desk.ask(verb)


def test_pause_resume_and_abort_of_the_present_run(desk):
    run_id = desk.submit("read_map", **ENDLESS)
    desk.wait_until_reading()
    desk.ask("pause")
    assert desk.ask("status")["state"] == "paused"
    with pytest.raises(EngineError, match="Cannot pause a run that is paused"):
        desk.ask("pause")
    desk.ask("resume")
    with pytest.raises(EngineError, match="Cannot resume"):
        desk.ask("resume")
    desk.ask("abort")
    last = desk.wait_until_ended(run_id)
    assert (last["status"], last["error"]) == ("aborted", "Aborted by the user.")
    assert Run(last["run"]).status is Status.ABORTED
    assert desk.ask("status")["latched"] is None


def test_stop_ends_the_run_latches_and_lets_nothing_begin_by_itself(desk):
    desk.submit("read_map", **ENDLESS)
    desk.submit("read_map")
    status = desk.wait_until_reading()
    assert len(status["queue"]) == 1
    reply = desk.ask("stop")
    assert reply["latched"]
    status = desk.wait_for(lambda s: s["state"] == "idle", "idle")
    assert status["latched"]
    assert [run["id"] for run in status["queue"]] == [2]
    assert "stopped in an emergency" in status["held"]
    assert status["last"]["status"] == "aborted"
    assert desk.bench.safety.matrix.closed() == frozenset()
    with pytest.raises(LatchedError, match="acknowledge"):
        desk.submit("read_map")
    with pytest.raises(LatchedError, match="acknowledge"):
        desk.ask("release")
    desk.ask("acknowledge")
    assert desk.ask("status")["latched"] is None
    run_id = desk.submit("read_map", cells="0,0")
    status = desk.ask("status")
    assert (status["state"], [run["id"] for run in status["queue"]]) == ("idle", [2, run_id])
    desk.ask("release")
    assert desk.wait_until_ended(run_id)["status"] == "finished"
    assert len(runs(desk.engine._data_root)) == 3


def test_stop_of_an_idle_bench_latches_too(desk):
    assert desk.ask("stop")["latched"]
    assert desk.ask("status")["latched"]


def test_engine_outlives_a_procedure_that_fails(desk, monkeypatch):
    from procedures.read_map import ReadMap

    monkeypatch.setattr(ReadMap, "measure", lambda self, unit: 1 / 0)
    run_id = desk.submit("read_map")
    last = desk.wait_until_ended(run_id)
    assert last["status"] == "failed"
    assert "ZeroDivisionError" in last["error"]
    monkeypatch.undo()
    run_id = desk.submit("read_map", cells="0,0")
    assert desk.wait_until_ended(run_id)["status"] == "finished"


def test_engine_outlives_a_data_folder_that_cannot_be_written(desk):
    root = desk.engine._data_root
    root.write_text("in the way")
    with pytest.raises(EngineError, match=r"cannot be kept in .*Free some space"):
        desk.submit("read_map")
    assert desk.ask("status")["queue"] == []
    root.unlink()
    desk.ask("hold")
    run_id = desk.submit("read_map")
    for day in (0, 1):  # should midnight come between
        folder = root / f"{datetime.now().astimezone() + timedelta(day):%Y-%m-%d}"
        folder.write_text("in the way")
    desk.ask("release")
    last = desk.wait_until_ended(run_id)
    assert (last["status"], last["run"]) == ("failed", None)
    assert "Cannot make a run folder" in last["error"]
    assert desk.ask("status")["state"] == "idle"


def test_shutdown_aborts_the_run(desk):
    desk.submit("read_map", **ENDLESS)
    desk.wait_until_reading()
    desk.ask("shutdown")
    desk.thread.join(30.0)
    assert not desk.thread.is_alive()
    [run] = runs(desk.engine._data_root)
    assert run.status is Status.ABORTED
    with pytest.raises(EngineError, match="ending"):
        desk.submit("read_map")


@pytest.fixture
def bench_path(tmp_path, bench_text, monkeypatch):
    """A bench file whose engine is a process; ended afterwards."""
    monkeypatch.setenv("LABCTL_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    path = tmp_path / "bench.toml"
    path.write_text(bench_text, encoding="utf-8")
    yield path
    try:
        os.kill(look_up(path).pid, signal.SIGKILL)
    except EngineError:
        return


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_engine_process_from_start_to_end(bench_path, tmp_path):
    """One process for all of it, for it takes seconds to start."""
    with EngineClient.start(bench_path, tmp_path / "data") as client:
        run_id = client.submit("read_map", {"cells": "0,0..3"})
        ended = client.wait(run_id)
        assert ended["status"] == "finished"
        assert len(Run(ended["run"]).frame("cells")) == 4
        first = client.pid

        # It goes on when its client goes, and the next client finds it.
        client.submit("read_map", ENDLESS)
    with EngineClient.start(bench_path, tmp_path / "elsewhere") as client:
        assert client.pid == first
        assert client.status()["data_root"] == str(tmp_path / "data")

        # A second engine is refused, by name.
        command = [sys.executable, "-m", "labctl.engine", str(bench_path)]
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert f"already in use by process {first}" in second.stderr
        assert "Traceback" not in second.stderr

        # SIGTERM in the middle of a run.
        for _ in range(500):
            if client.status()["current"]:
                break
            threading.Event().wait(0.02)
        os.kill(first, signal.SIGTERM)
        for _ in range(500):
            try:
                look_up(bench_path)
            except EngineError:
                break
            threading.Event().wait(0.02)
    last = runs(tmp_path / "data")[-1]
    assert last.status is Status.ABORTED
    assert "SIGTERM" in last.error
    with pytest.raises(EngineError, match="No engine is running"):
        EngineClient.connect(bench_path)


def test_engine_that_cannot_open_its_bench_says_why(bench_path, tmp_path):
    bench_path.write_text(bench_path.read_text().replace("2636B", "2636Z"), encoding="utf-8")
    with pytest.raises(EngineError, match=r"could not start.*2636Z"):
        EngineClient.start(bench_path, tmp_path / "data")
