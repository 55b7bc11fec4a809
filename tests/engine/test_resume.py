"""Resuming: the units that are left, in the same run, with the state and randomness they need."""

import errno
import json
import threading

import numpy as np
import pytest

from labctl.engine.control import Control
from labctl.engine.runner import execute
from labctl.errors import DiskFullError, InstrumentError, StoreError
from labctl.procedure import Procedure
from labctl.store import Column, RunReader, RunWriter, Status
from tests.engine.bare import BareArray, ReadRows


class Walk(Procedure):
    """A random walk: what a unit gives depends on all before it."""

    tables = {
        "steps": {"unit": Column("int64"), "place": Column("float64"), "half": Column("int8")}
    }
    length = 12

    def prepare(self):
        self._place, self._path = float(self.rng.random()), np.zeros(2)
        self.array.read([[0, 0]])

    def resume(self, state):
        self._place, self._path = state["place"], state["path"]

    def units(self):
        return [{"step": k} for k in range(self.length)]

    def measure(self, unit):
        self.array.read([[0, 1]])
        self.record("steps", unit=unit["step"], place=self._place, half=0)
        self._place += float(self.rng.standard_normal())
        self._path = np.array([self._place, unit["step"]])
        self.array.read([[1, 1]])
        self.record("steps", unit=unit["step"], place=self._place, half=1)

    def state(self):
        return {"place": self._place, "path": self._path}

    def summary(self):
        return {"path": self._path}


def run(tmp_path, procedure, array=None, **how):
    how = {"meta": {"seed": 7}, "array": array or BareArray()} | how
    return execute(procedure, data_root=tmp_path, **how)


def abort_at(array, number):
    """Let an array abort its run at a read."""
    control = Control()

    def look(cell):
        if len(array.reads) == number:
            control.abort("Enough.")

    array.before_read = look
    return control


@pytest.mark.parametrize("at", [0, 1, 2, 7, 12, 23])
def test_a_resumed_run_gives_what_an_unbroken_one_gives(tmp_path, at):
    whole = run(tmp_path, Walk())
    array = BareArray()
    broken = run(tmp_path, Walk(), array, control=abort_at(array, at))
    assert broken.status is Status.ABORTED
    done = run(tmp_path, Walk(), resume=broken.path)
    assert done.path == broken.path
    assert done.status is Status.FINISHED
    assert done.meta["seed"] == 7
    np.testing.assert_array_equal(done.frame("steps"), whole.frame("steps"))
    assert done.summary == whole.summary
    progress = done.meta["progress"]
    assert progress["done"] == progress["total"] == 12
    [seam] = done.seams
    # Read 0 prepares, unit k has the reads 2 k + 1 and 2 k + 2. An abort is felt by the next
    # read; one that comes in the last read of a unit leaves that unit undone.
    assert seam.units == max(at - 1, 0) // 2
    assert seam.rows["steps"] == (2 * seam.units, at)


def test_every_break_is_survived(tmp_path):
    whole, folder = run(tmp_path, Walk()), None
    for _ in range(11):
        array = BareArray()
        control = abort_at(array, 3 if folder is None else 2)  # one unit and a half
        folder = run(tmp_path, Walk(), array, control=control, resume=folder).path
    done = run(tmp_path, Walk(), resume=folder)
    np.testing.assert_array_equal(done.frame("steps"), whole.frame("steps"))
    assert len(done.seams) == 11


def test_a_procedure_that_lists_other_units_since_is_not_resumed(tmp_path):
    array = BareArray()
    broken = run(tmp_path, Walk(), array, control=abort_at(array, 3))
    other = Walk()
    other.length = 13
    again = run(tmp_path, other, resume=broken.path)
    assert again.status is Status.FAILED
    assert "began with 12 units" in again.error
    assert run(tmp_path, Walk(), resume=broken.path).status is Status.FINISHED


def test_a_state_that_json_does_not_have_fails_the_run_by_name(tmp_path):
    class Odd(ReadRows):
        def state(self):
            return {"self": self}

    done = run(tmp_path, Odd())
    assert done.status is Status.FAILED
    assert "must be JSON-able; Odd is not" in done.error


class Disk:
    """The file of a stream on a disk that fills up when told so."""

    def __init__(self, file):
        self._file, self.is_full = file, False
        self.refused = threading.Event()

    def write(self, content):
        if self.is_full:
            self.refused.set()
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(content)

    def __getattr__(self, name):
        return getattr(self._file, name)


@pytest.fixture
def disk(monkeypatch):
    """The disk under the main table of the next run."""
    found = {}
    make = RunWriter.create.__func__

    def create(cls, *args):
        writer = make(cls, *args)
        stream = writer._streams["cells"]
        with writer._lock:
            stream._file = found["disk"] = Disk(stream._file)
        return writer

    monkeypatch.setattr(RunWriter, "create", classmethod(create))
    return lambda: found["disk"]


class Outputs:
    """What brings the outputs to zero, and says when it has."""

    def __init__(self):
        self.count, self.once = 0, threading.Event()

    def __call__(self):
        self.count += 1
        self.once.set()


def fill(array, disk, at=(1, 2)):
    """Fill the disk in the middle of a unit, and go on once the writer has felt it."""

    def look(cell):
        if cell == at:
            disk().is_full = True
        if cell == (1, 3):
            array_flush()

    def array_flush():
        assert disk().refused.wait(30)

    array.before_read = look


class Paced(ReadRows):
    """Reads rows cell by cell, so that rows wait while the disk is full."""

    def measure(self, unit):
        for column in range(self.array.shape[1]):
            readings = self.array.read([[unit, column]])
            self.record("cells", row=unit, col=column, conductance=float(readings.conductance[0]))


def test_a_full_disk_is_waited_for_at_zero_and_no_row_is_lost(tmp_path, disk):
    array, outputs, control = BareArray(), Outputs(), Control()
    fill(array, disk)
    seen = {}

    def free():
        assert outputs.once.wait(30)
        seen["waiting"], seen["reads"] = None, list(array.reads)
        for _ in range(1000):
            if control.waiting:
                seen["waiting"] = control.waiting
                break
            threading.Event().wait(0.01)
        disk().is_full = False

    helper = threading.Thread(target=free)
    helper.start()
    done = run(tmp_path, Paced(), array, on_exit=outputs, control=control, signals=False)
    helper.join()
    assert done.status is Status.FINISHED
    assert done.frame("cells")[["row", "col"]].to_numpy().tolist() == [
        [r, c] for r in range(4) for c in range(4)
    ]
    assert "No space left" in seen["waiting"]
    assert "free some space" in seen["waiting"]
    assert seen["reads"][-1] == (1, 3)  # the unit was done, and nothing begun
    assert outputs.count == 2  # while it waited, and at the end
    assert done.meta["waiting"] is None
    assert control.waiting is None


def test_a_run_that_waits_for_the_disk_can_be_aborted(tmp_path, disk):
    array, outputs, control = BareArray(), Outputs(), Control()
    fill(array, disk)

    def to_zero():
        outputs()
        disk().is_full = outputs.count == 1  # there is room again when the run has been ended

    def abort():
        assert outputs.once.wait(30)
        control.abort("Given up.")

    helper = threading.Thread(target=abort)
    helper.start()
    done = run(tmp_path, Paced(), array, on_exit=to_zero, control=control, signals=False)
    helper.join()
    assert done.status is Status.ABORTED
    assert done.error == "Given up."
    assert outputs.count == 2
    assert len(done.frame("cells")) == 8


def test_outputs_that_stay_on_while_the_disk_is_full_fail_the_run(tmp_path, disk):
    array = BareArray()
    fill(array, disk)

    def stuck():
        disk().is_full = False
        raise InstrumentError("The matrix does not answer.")

    done = run(tmp_path, Paced(), array, on_exit=stuck)
    assert done.status is Status.FAILED
    assert "The matrix does not answer" in done.error


def test_a_disk_without_room_for_parquet_leaves_the_streams(tmp_path, monkeypatch, caplog):
    def full(stream, parquet):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("labctl.store.writer.compact", full)
    done = run(tmp_path, ReadRows())
    assert done.status is Status.FINISHED
    assert len(done.frame("cells")) == 16
    assert sorted(f.suffix for f in done.path.iterdir()) == [
        ".arrows",
        ".arrows",
        ".arrows",
        ".json",
        ".txt",
    ]
    assert "stays a stream" in caplog.text


def test_without_patience_a_full_disk_is_an_error_at_once(tmp_path, disk):
    writer = RunWriter.create(tmp_path, "x", {}, ReadRows.tables)
    disk().is_full = True
    writer.append("cells", row=1, col=1, conductance=1e-6)
    with pytest.raises(DiskFullError, match="free some space"):
        writer.flush()
    disk().is_full = False
    writer.finish("finished")
    assert len(RunReader(writer.path).frame("cells")) == 1


def test_nothing_of_a_running_run_is_resumed(tmp_path):
    with (
        RunWriter.create(tmp_path, "walk", {"seed": 1}, Walk.tables) as writer,
        pytest.raises(StoreError, match="somebody is writing"),
    ):
        run(tmp_path, Walk(), resume=writer.path)
    assert json.loads((writer.path / "run.json").read_text())["status"] == "finished"
