"""``labctl engine …``, ``labctl run`` and ``labctl resume`` with an engine on the bench."""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labctl import Bench
from labctl.cli import app
from labctl.engine.wire import Wire
from labctl.errors import AbortedError, EngineError, LabctlError, ProcedureError, StoreError
from labctl.rendezvous import claim
from labctl.store import Run, RunReader, Status, runs
from tests.engine.test_server import ENDLESS, Desk

ROOT = Path(__file__).parent.parent
LONG = [f"{name}={value}" for name, value in ENDLESS.items()]


@pytest.fixture
def bench_path(bench_file, tmp_path, monkeypatch):
    monkeypatch.setenv("LABCTL_RUNTIME_DIR", str(tmp_path / "runtime"))
    return bench_file()


@pytest.fixture
def desk(bench_path, tmp_path):
    """An engine in this process that clients find as they find any other."""
    with claim(bench_path) as right, Bench.open(bench_path, claimed=True) as bench:
        desk = Desk(bench, tmp_path / "data")
        wire = Wire(desk.engine.handle)
        wire.start()
        right.publish(wire.address, wire.token)
        yield desk
        wire.close()
        desk.close()


@pytest.fixture
def say(bench_path, tmp_path):
    """Give a command; return what it prints, or raise what it raises."""

    def say(line, data=tmp_path / "data"):
        words = shlex.split(line)
        named = ["--bench", str(bench_path)]
        if words[0] in ("run", "resume"):
            named += ["--data", str(data)]
        done = CliRunner().invoke(app, words + named, env={"COLUMNS": "200"})
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    return say


def test_the_queue_by_command(desk, say):
    say("engine queue hold")
    assert "Queued as job 1" in say("engine queue add read_map cells=0,0 'voltage=150 mV'")
    assert json.loads(say("engine queue add form cells=1,1 --json")) == {
        "id": 2, "held": "It was held by a user.",
    }  # fmt: skip
    assert "queue release" in say("run read_map cells=0,1 --detach")
    assert "Job 3 is at place 1." in say("engine queue move 3 1")
    assert json.loads(say("engine queue move 2 up --json")) == {"place": 2}
    assert "cells=0,0 voltage=0.15 gate=5.0 repeats=7" in say("engine queue edit 1 repeats=7")
    listed = json.loads(say("engine queue list --json"))
    assert [entry["id"] for entry in listed["queue"]] == [3, 2, 1]
    text = say("engine queue list")
    assert text.index("cells=0,1") < text.index("cells=1,1") < text.index("cells=0,0")
    assert "off the queue" in say("engine queue remove 2 1")
    for line, match in [
        ("engine queue move 3 0", "is no place: name 1"),
        ("engine queue move 3 top", "is no place"),
        ("engine queue remove 2", "Job 2 is not in the queue"),
        ("engine queue add", "Name a procedure"),
        ("engine queue add read_map --resume 1", "Name a procedure"),
        ("engine queue dismiss", "no unfinished run"),
        ("engine pause", "no run to pause"),
    ]:
        with pytest.raises(LabctlError, match=match):
            say(line)
    with pytest.raises(ProcedureError, match="'voltage': '9 V' is not possible"):
        say("engine queue edit 3 'voltage=9 V'")
    say("engine queue release")
    assert desk.wait_until_ended(3)["status"] == "finished"
    with pytest.raises(EngineError, match="not held"):
        say("engine queue release")


def test_reins_and_status_by_command(desk, say):
    assert "idle" in say("engine status")
    desk.submit("read_map", **ENDLESS)
    desk.wait_until_reading()
    assert "engine resume" in say("engine pause")
    assert "paused" in say("engine status")
    assert json.loads(say("engine resume --json")) == {"id": 1, "state": "running"}
    text = say("engine status")
    assert "job 1, read_map" in text
    assert "of 200000 units" in text
    assert "told to end" in say("engine abort")
    desk.wait_until_ended(1)
    assert json.loads(say("engine status --json"))["last"]["status"] == "aborted"
    assert "latched" in say("engine stop")
    assert "engine acknowledge" in say("engine status")
    assert say("engine acknowledge") == "Acknowledged.\n"


def test_with_an_engine_a_run_is_queued_there_followed_and_resumed(desk, say, tmp_path):
    text = say("run read_map cells=0,0..3")
    assert "as job 1. Ctrl-C ends this run." in text
    assert "finished in" in text
    [run] = runs(tmp_path / "data")
    assert len(run.frame("cells")) == 4
    with pytest.raises(ProcedureError, match="did you mean 'cells'"):
        say("run read_map cell=1")
    assert "keeps its runs in" in say("run read_map cells=1,1", data=tmp_path / "elsewhere")
    desk.submit("read_map", **ENDLESS)
    desk.wait_until_reading()
    assert "behind 1 other" in say("run read_map cells=2,2 --detach")
    say("engine queue remove 4")
    say("engine abort")
    desk.wait_until_ended(3)
    with pytest.raises(StoreError, match="finished; nothing of it is left"):
        say(f"resume {run.number}")
    aborted = runs(tmp_path / "data")[-1]
    before = len(aborted.frame("cells"))
    say(f"resume {aborted.number} --detach")
    desk.wait_until_reading()
    say("engine abort")
    desk.wait_until_ended(5)
    assert len(Run(aborted.path).frame("cells")) > before
    assert len(Run(aborted.path).seams) == 1


def test_a_run_that_fails_or_is_aborted_elsewhere_is_told_here(desk, say, monkeypatch):
    from procedures.read_map import ReadMap

    def abort_soon():
        desk.wait_until_reading()
        desk.ask("abort")

    other = threading.Thread(target=abort_soon)
    other.start()
    with pytest.raises(AbortedError, match="Aborted by the user") as caught:
        say("run read_map " + " ".join(LONG))
    other.join()
    assert "labctl resume" in caught.value.__notes__[0]
    monkeypatch.setattr(ReadMap, "measure", lambda self, unit: 1 / 0)
    with pytest.raises(LabctlError, match="ZeroDivisionError"):
        say("run read_map")


def test_without_an_engine_nothing_is_left_to_one(bench_path, say):
    with pytest.raises(EngineError, match="`labctl engine start` starts one"):
        say("run read_map --detach")
    with pytest.raises(EngineError, match="No engine is running"):
        say("engine queue list")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("waits", [False, True])
def test_ctrl_c_ends_the_run_it_asked_for_and_no_other(desk, bench_path, tmp_path, waits):
    if waits:
        desk.submit("read_map", **ENDLESS)
        desk.wait_until_reading()
    child = subprocess.Popen(
        [sys.executable, "-m", "labctl", "run", "read_map", *LONG, "--bench", str(bench_path)],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    number = 1 + waits
    if waits:
        desk.wait_for(lambda s: s["queue"], "the job")
    else:
        desk.wait_until_reading()
    child.stdout.readline()  # it says where the job is, and follows it from then on
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Traceback" not in said
    status = desk.ask("status")
    if waits:
        assert f"Job {number} was taken off the queue" in said
        assert status["queue"] == []
        assert status["state"] == "running"
    else:
        assert status["last"]["status"] == "aborted"
        assert RunReader(status["last"]["run"]).status is Status.ABORTED


def test_repair_by_command(tmp_path):
    from tests.store.test_resume import broken_off

    path = broken_off(tmp_path)
    runner = CliRunner()
    done = runner.invoke(app, ["data", "repair", "1", "--data", str(tmp_path)])
    assert "nothing was changed" in done.output
    assert "labctl resume" in done.output
    (path / "run.json").write_text("{")
    done = runner.invoke(app, ["data", "repair", str(path), "--json"])
    found = json.loads(done.output)
    assert found["status"] == "interrupted"
    assert [(t["table"], t["rows"]) for t in found["tables"]] == [("cells", 14), ("notes", 4)]
    assert not found["was_whole"]
    done = runner.invoke(app, ["data", "repair", str(path)])
    assert "nothing was changed" in done.output
    assert "labctl resume" not in done.output  # its parameters are lost
    for name, match in [("7", "There is no run 7"), (str(tmp_path), "not the folder of a run")]:
        done = runner.invoke(app, ["data", "repair", name, "--data", str(tmp_path)])
        assert isinstance(done.exception, StoreError)
        assert match in str(done.exception)
    (path / "cells.parquet").write_bytes(b"PAR1")
    done = runner.invoke(app, ["data", "repair", str(path)])
    assert "cannot be mended" in str(done.exception)
