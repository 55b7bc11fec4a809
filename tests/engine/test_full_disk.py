"""A disk that is really full: a small file system in memory, of this test alone."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import json, os, sys, threading
from pathlib import Path

import numpy as np

from labctl import Bench, run
from labctl.engine.control import Control
from labctl.engine.runner import execute
from labctl.procedure import Procedure
from labctl.store import Column, RunReader
from tests.truth import Truth

disk, bench_file = Path(sys.argv[1]), Path(sys.argv[2])
left = os.statvfs(disk)
ballast = disk / "ballast"
ballast.write_bytes(bytes(left.f_bavail * left.f_frsize - 400_000))
control, told = Control(), []


class Fill(Procedure):
    tables = {"rows": {"unit": Column("int64"), "value": Column("float64")}}

    def units(self):
        return list(range(60))

    def measure(self, unit):
        bench.safety.word_line.meter.force(0.0)  # relays move at 0 V only
        self.array.read([[0, unit % 16]])
        bench.safety.word_line.meter.force(2.0)  # a level that must not stay while it waits
        self.record("rows", unit=np.full(1000, unit), value=np.arange(1000.0))
        self._sink.settle()  # a batch per unit, so that the disk fills up bit by bit


def free():
    pause = threading.Event()
    while control.waiting is None:
        pause.wait(0.01)
    reader = RunReader(folder[0])
    for _ in range(300):  # the word goes out with the next heartbeat
        if reader.meta["status"] == "paused":
            break
        pause.wait(0.01)
    told.append({
        "waiting": control.waiting,
        "levels": Truth(bench_file).levels(),
        "status": reader.status.value,
        "reason": reader.meta.get("waiting"),
        "free": os.statvfs(disk).f_bavail * left.f_frsize,
        "rows": len(reader.frame("rows")),
    })
    if "abort" not in sys.argv:
        ballast.unlink()
    else:
        control.abort("Given up.")


folder = []
threading.Thread(target=free, daemon=True).start()
with Bench.open(bench_file) as bench:
    how = dict(array=bench.array, data_root=disk / "data", signals=False, on_exit=bench.off)
    done = execute(Fill(), control=control, on_start=folder.append, **how)
    if "abort" in sys.argv:
        told[0] |= {"broken": done.status.value, "why": done.error,
                    "kept": len(done.frame("rows"))}
        ballast.unlink()
        done = execute(Fill(), resume=folder[0], **how)
frame = done.frame("rows")
print(json.dumps(told[0] | {
    "end": done.status.value, "error": done.error, "total": len(frame),
    "whole": bool((frame.unit.to_numpy() == np.repeat(np.arange(60), 1000)[: len(frame)]).all()),
    "files": sorted(file.name for file in folder[0].iterdir()),
}))
"""


def mounting() -> list[str] | None:
    """Return the words before a command that may mount what nobody else sees; None: cannot."""
    for words in (["unshare", "--mount"], ["unshare", "-Urm"]):
        test = [*words, "sh", "-c", "mount -t tmpfs -o size=64k tmpfs /tmp"]
        if shutil.which("unshare") and subprocess.run(test, capture_output=True).returncode == 0:
            return words
    return None


@pytest.fixture
def on_small_disk(tmp_path, bench_file):
    words = mounting()
    if words is None:
        pytest.skip("no file system may be mounted here")
    disk, bench = tmp_path / "disk", bench_file()
    disk.mkdir()

    def start(*more):
        script = f'mount -t tmpfs -o size=2m tmpfs "{disk}" && exec "$@"'
        command = [sys.executable, "-c", PROGRAM, str(disk), str(bench), *more]
        done = subprocess.run(
            [*words, "sh", "-c", script, "sh", *command],
            capture_output=True, text=True, cwd=ROOT, timeout=300,
            env={"LABCTL_RUNTIME_DIR": str(tmp_path / "runtime"), "PYTHONPATH": str(ROOT),
                 "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return start


def test_a_run_waits_at_zero_while_the_disk_is_full_and_goes_on(on_small_disk):
    found = on_small_disk()
    assert found["free"] < 64_000
    assert "outputs at zero" in found["waiting"]
    assert "No space left on device" in found["waiting"]
    assert "free some space" in found["waiting"]
    assert found["levels"] == [0.0, 0.0, 0.0]
    assert (found["status"], found["reason"]) == ("paused", found["waiting"])
    assert 10_000 < found["rows"] < 60_000
    assert (found["end"], found["error"]) == ("finished", None)
    assert found["total"] == 60_000
    assert found["whole"]


def test_a_run_aborted_on_a_full_disk_keeps_its_rows_and_is_resumed(on_small_disk):
    found = on_small_disk("abort")
    assert found["levels"] == [0.0, 0.0, 0.0]
    assert (found["broken"], found["why"]) == ("aborted", "Given up.")
    # The room that was kept for run.json has taken the rows that waited.
    assert found["kept"] > found["rows"] > 10_000
    assert found["kept"] % 1000 == 0
    assert (found["end"], found["total"], found["whole"]) == ("finished", 60_000, True)
