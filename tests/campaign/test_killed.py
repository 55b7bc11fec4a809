"""A campaign in a process of its own, on boxes that outlive it: Ctrl-C, kill -9, an engine."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from labctl import campaignconsole
from labctl.bench import Bench
from labctl.campaign import Record, load_plan, resume_campaign, run_campaign
from labctl.engine.client import EngineClient
from labctl.errors import CampaignError, LatchedError
from labctl.rendezvous import latch_file
from labctl.store import RunReader, Status, runs
from labctl.store.compact import read_stream
from labctl.store.journal import TABLE as JOURNAL
from tests.served import wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

TEXT = """\
[campaign]
name = "night"
seed = 7

[[step]]
name = "form"
procedure = "form"
parameters.cells = "0..1,0..1"

[[step]]
name = "levels"
for.target = ["30 µS", "60 µS"]
  [[step.step]]
  name = "program"
  procedure = "program"
  parameters = { cells = "= cells(form.cells.formed)", target = "= target", tolerance = "8 µS" }
  [[step.step]]
  name = "look"
  procedure = "read_map"
  parameters = { cells = "0..1,0..1", repeats = 150 }
  [[step.step]]
  name = "rest"
  wait = "0.3 s"

[[step]]
name = "told"
note = "{count(look.cells.conductance)} reads of {form.formed} cells"
"""
KEYS = [
    "form[0]",
    *[f"levels[{k}]/{name}[0]" for k in range(2) for name in ("program", "look", "rest")],
    "told[0]",
]


class Night:
    """The campaign in child processes on served boxes."""

    def __init__(self, boxes, folder: Path) -> None:
        self.boxes, self.folder = boxes("socket"), folder
        self.data = folder / "data"
        self.reads = 150
        self.write(TEXT)

    def write(self, text: str) -> None:
        """Write the campaign file; short ones read less."""
        (self.folder / "night.toml").write_text(text, encoding="utf-8")

    def shorten(self) -> None:
        self.reads = 10
        self.write(TEXT.replace("repeats = 150", "repeats = 10"))

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "labctl", "campaign", *words]
        command += ["--bench", str(self.boxes.path), "--data", str(self.data)]
        return subprocess.Popen(
            command, cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def resume(self) -> None:
        with Bench.open(self.boxes.path) as bench:
            resume_campaign("night", bench, data=self.data)

    def record(self) -> Record:
        return Record.open("night", self.data)

    def wait_for(self, process, condition):
        """Wait until the record is so; the process must not end before."""

        def reached():
            if process.poll() is not None:
                raise AssertionError(process.communicate()[1])
            return (
                self.data / "campaigns" / "0001-night" / "campaign.json"
            ).exists() and condition(self.record())

        wait_for(reached)

    def units(self, key) -> int:
        """Return how many units the journal on disk knows of; its rows come after theirs."""
        record = self.record()
        folder = record.run_of(record.entries.get(key, {}))
        journal = None if folder is None else read_stream(folder / f"{JOURNAL}.arrows")
        return 0 if journal is None else journal.num_rows


@pytest.fixture
def night(boxes, tmp_path):
    return Night(boxes, tmp_path)


def end(process) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def check_whole(night):
    """The campaign is done: every step once, every row once, however often it was broken off."""
    record = night.record()
    assert record.status == "finished"
    assert sorted(record.entries) == sorted(KEYS)
    assert {entry["status"] for entry in record.entries.values()} == {"finished"}
    measured = runs(night.data)
    assert len(measured) == 5
    assert all(run.status is Status.FINISHED for run in measured)
    owned = [entry["run"] for entry in record.entries.values() if entry["run"]]
    assert len(set(owned)) == 5
    for k in range(2):
        frame = RunReader(record.run_of(record.entries[f"levels[{k}]/look[0]"])).frame()
        assert frame.groupby("repeat").size().tolist() == [4] * night.reads
    [note] = [note["text"] for note in record.state["notes"] if note["step"] == "told"]
    assert note.startswith(f"{8 * night.reads} reads of ")
    return measured


def test_kill_9_in_the_middle_of_a_run_then_resume(night):
    key = "levels[0]/look[0]"
    process = night.start("run", "night.toml")
    night.wait_for(process, lambda record: key in record.entries and night.units(key) > 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    night.boxes.wait_safe()  # the guard brings the bench to zero
    record = night.record()
    assert record.status == "interrupted"
    assert record.entries[key]["status"] == "running"
    begun = record.entries[key]["run"]
    formed = record.entries["form[0]"]
    assert RunReader(record.run_of(record.entries[key])).status is Status.INTERRUPTED
    # The guard latches the bench: somebody has to look at it first.
    with pytest.raises(LatchedError, match="acknowledge"):
        Bench.open(night.boxes.path)
    latch_file(night.boxes.path).unlink()
    status, out, err = end(night.start("resume"))
    assert status == 0, err
    assert "interrupted" in out
    record = night.record()
    assert record.entries[key]["run"] == begun
    assert record.entries["form[0]"] == formed
    check_whole(night)
    run = RunReader(record.run_of(record.entries[key]))
    assert len(run.seams) == 1
    assert 0 < run.seams[0].units < 300
    assert night.boxes.safe()


def test_kill_9_between_the_run_and_its_note_is_no_loss(night):
    """The record that a kill has left may not know of a run that has begun, or has ended."""
    night.shorten()
    with Bench.open(night.boxes.path) as bench:
        record = run_campaign(load_plan(night.folder / "night.toml"), bench, data=night.data)
    key = "levels[1]/program[0]"
    forgotten = record.entries[key]["run"]
    for later in KEYS[KEYS.index(key) :]:
        entry = record.entries.pop(later)
        if entry["run"] and later != key:
            folder = record.run_of({"run": entry["run"]})
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()
    record.begin(key, "program", {"target": "60 µS"})
    record.entries[key]["attempts"] = 1  # killed with the run begun and not noted
    record.state["status"] = "aborted"
    record.state["notes"] = []
    record.save()
    night.resume()
    assert night.record().entries[key]["run"] == forgotten
    check_whole(night)


def test_ctrl_c_leaves_outputs_at_zero_and_the_campaign_resumable(night):
    key = "levels[1]/look[0]"
    process = night.start("run", "night.toml")
    night.wait_for(process, lambda record: key in record.entries and night.units(key) > 2)
    process.send_signal(signal.SIGINT)
    status, _, err = end(process)
    assert status == 130
    assert "labctl campaign resume" in err
    assert "Traceback" not in err
    assert night.boxes.safe()
    record = night.record()
    assert record.status == "aborted"
    assert record.entries[key]["status"] == "aborted"
    night.resume()
    check_whole(night)


def test_ctrl_c_in_a_wait_ends_it_at_once(night, capsys):
    night.write(TEXT.replace("0.3 s", "1000 s").replace("repeats = 150", "repeats = 2"))
    key = "levels[0]/rest[0]"
    process = night.start("run", "night.toml")
    night.wait_for(process, lambda record: key in record.entries)
    assert night.boxes.safe()  # it rests with its outputs at zero
    process.send_signal(signal.SIGINT)
    status, _, err = end(process)
    assert status == 130
    assert "resume" in err
    record = night.record()
    assert record.status == "aborted"
    assert record.entries[key]["status"] == "aborted"
    campaignconsole.status("night", night.data, False)
    shown = capsys.readouterr().out
    assert "levels[0]/rest[0]" in shown
    assert "aborted" in shown
    assert "labctl campaign resume 1" in shown


def test_a_campaign_is_refused_while_an_engine_has_the_bench(night):
    with EngineClient.start(night.boxes.path, night.data) as engine:
        status, _, err = end(night.start("run", "night.toml"))
        assert status == 1
        assert "an engine" in err
        assert "end the engine first" in err
        assert "Traceback" not in err
        assert not (night.data / "campaigns").exists()
        engine.shutdown()


def test_a_campaign_that_goes_on_is_not_begun_a_second_time(night):
    night.shorten()
    with Bench.open(night.boxes.path) as bench:
        refused = threading.Event()

        def look(progress):
            if progress.step == "look" and not refused.is_set():
                with pytest.raises(CampaignError, match="going on just now, in process"):
                    resume_campaign("night", bench, data=night.data)
                refused.set()

        plan = load_plan(night.folder / "night.toml")
        run_campaign(plan, bench, data=night.data, on_progress=look)
    assert refused.is_set()
    check_whole(night)
