"""The run folder: numbers, status, heartbeat, faults of the disk."""

import errno
import json
import subprocess
import sys
import threading

import pytest

from labctl.errors import AbortedError, LabctlError, StoreError
from labctl.store import Column, Run, RunReader, RunWriter, Status, find, load, runs
from labctl.store.files import new_run_folder, read_json, write_json
from labctl.store.stream import StreamWriter

TABLES = {"cells": {"row": Column("int32")}}


def create(tmp_path, name="read_map", **meta):
    return RunWriter.create(tmp_path, name, meta, TABLES)


def test_runs_are_numbered_through_all_days(tmp_path):
    (tmp_path / "2020-01-01" / "0041-form").mkdir(parents=True)
    for expected in (42, 43):
        with create(tmp_path) as writer:
            assert writer.number == expected
            assert writer.path.name == f"{expected:04d}-read_map"
    assert [run.number for run in runs(tmp_path)] == [42, 43]
    assert find(43, tmp_path).path == find("43", tmp_path).path == runs(tmp_path)[1].path
    assert not list(tmp_path.glob(".claim*"))


def test_threads_that_make_runs_at_once_get_numbers_of_their_own(tmp_path):
    numbers = []

    def make(name):
        for _ in range(10):
            numbers.append(new_run_folder(tmp_path, "2026-11-23", name)[0])

    threads = [threading.Thread(target=make, args=(f"p{k}",)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(numbers)) == 40


def test_claim_left_by_a_crash_only_skips_a_number(tmp_path):
    (tmp_path / ".claim-0001").touch()
    assert new_run_folder(tmp_path, "2026-11-23", "form")[0] == 2


def test_status_follows_the_writer_to_the_end(tmp_path):
    writer = create(tmp_path, chip="T1")
    run = Run(writer.path)
    assert run.status is Status.RUNNING
    writer.status(Status.PAUSED)
    assert run.status is Status.PAUSED
    writer.status(Status.RUNNING)
    writer.append("cells", row=1)
    writer.finish("finished", summary={"yield": 1.0})
    assert run.status is Status.FINISHED
    assert run.summary == {"yield": 1.0}
    assert run.meta["rows"] == {"cells": 1}
    assert run.meta["chip"] == "T1"
    assert run.raise_unless_finished() is run
    writer.finish("failed")  # a second end changes nothing
    assert run.status is Status.FINISHED


def test_exception_in_a_with_block_makes_the_run_failed(tmp_path):
    def work():
        with create(tmp_path) as writer:
            writer.append("cells", row=1)
            raise ValueError("no current")

    with pytest.raises(ValueError, match="no current"):
        work()
    [run] = runs(tmp_path)
    assert run.status is Status.FAILED
    assert run.error == "ValueError: no current"
    assert len(load(run)) == 1
    with pytest.raises(LabctlError, match="no current"):
        run.raise_unless_finished()


def test_aborted_run_found_later_raises_as_aborted(tmp_path):
    writer = create(tmp_path)
    writer.finish("aborted", "Received SIGINT.")
    with pytest.raises(AbortedError, match="SIGINT"):
        Run(writer.path).raise_unless_finished()


def test_status_that_ends_a_run_must_go_through_finish(tmp_path):
    with create(tmp_path) as writer, pytest.raises(StoreError, match="finish"):
        writer.status(Status.ABORTED)


def test_run_of_a_process_that_is_gone_is_interrupted(tmp_path):
    writer = create(tmp_path)
    path = writer.path
    writer.finish("finished")
    meta = read_json(path / "run.json") | {"status": "running"}
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    write_json(path / "run.json", meta | {"process": meta["process"] | {"pid": process.pid}})
    assert RunReader(path).status is Status.INTERRUPTED
    # The number of the process alone is not enough: it may have been given to another one.
    recycled = meta["process"] | {"started": meta["process"]["started"] - 1000.0}
    if "ticks" in recycled:  # Linux counts from the start of the computer
        recycled["ticks"] -= 100_000
    write_json(path / "run.json", meta | {"process": recycled})
    assert RunReader(path).status is Status.INTERRUPTED
    write_json(path / "run.json", meta)
    assert RunReader(path).status is Status.RUNNING


def test_run_on_another_computer_is_judged_by_its_heartbeat(tmp_path):
    writer = create(tmp_path)
    writer.finish("finished")
    file = writer.path / "run.json"
    meta = read_json(file) | {"status": "running", "process": {"host": "elsewhere"}}
    write_json(file, meta)
    assert RunReader(writer.path).status is Status.RUNNING
    write_json(file, meta | {"heartbeat": meta["heartbeat"] - 3600.0})
    assert RunReader(writer.path).status is Status.INTERRUPTED


def test_run_json_is_replaced_as_a_whole(tmp_path):
    file = tmp_path / "run.json"
    write_json(file, {"a": 1})
    broken = {"a": _Breaks()}
    with pytest.raises(RuntimeError):
        write_json(file, broken)
    assert json.loads(file.read_text()) == {"a": 1}


class _Breaks:
    def tolist(self):
        raise RuntimeError


def test_heartbeat_goes_on_without_any_rows(tmp_path):
    with create(tmp_path) as writer:
        reader = RunReader(writer.path)
        first, waiting = reader.meta["heartbeat"], threading.Event()
        for _ in range(100):
            if reader.meta["heartbeat"] > first:
                break
            waiting.wait(0.1)
        assert reader.meta["heartbeat"] > first


def test_rows_are_flushed_without_anybody_asking(tmp_path):
    with create(tmp_path) as writer:
        reader, waiting = RunReader(writer.path), threading.Event()
        writer.append("cells", row=1)
        rows = 0
        for _ in range(100):
            rows += reader.tail("cells")["row"].size
            if rows:
                break
            waiting.wait(0.1)
        assert rows == 1


class _FullDisk:
    """A file that takes a number of bytes and then no more, until told so."""

    def __init__(self, file, room):
        self._file, self.room = file, room

    def write(self, content):
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        sent = self._file.write(content[: self.room])
        self.room -= sent
        return sent

    def __getattr__(self, name):
        return getattr(self._file, name)


@pytest.mark.parametrize("room", [0, 1, 100, 150])
def test_full_disk_leaves_no_half_batch_and_loses_no_row(tmp_path, room):
    writer = create(tmp_path)
    writer.append("cells", row=1)
    writer.flush()
    stream: StreamWriter = writer._streams["cells"]
    disk = stream._file = _FullDisk(stream._file, room)
    writer.append("cells", row=2)
    with pytest.raises(StoreError, match=rf"{writer.path.name}.*No space left.*free some space"):
        writer.flush()
    reader = RunReader(writer.path)
    assert reader.tail("cells")["row"].tolist() == [1]
    disk.room = 10**9
    writer.flush()
    writer.append("cells", row=3)
    writer.finish("finished")
    assert reader.tail("cells")["row"].tolist() == [2, 3]
    assert load(writer.path).row.tolist() == [1, 2, 3]


def test_run_that_cannot_be_completed_is_failed_and_keeps_its_stream(tmp_path):
    writer = create(tmp_path)
    writer.append("cells", row=1)
    writer.flush()
    stream = writer._streams["cells"]
    stream._file = _FullDisk(stream._file, 0)
    writer.append("cells", row=2)
    with pytest.raises(StoreError, match="No space left"):
        writer.finish("finished")
    run = Run(writer.path)
    assert run.status is Status.FAILED
    assert "No space left" in run.error
    assert load(run).row.tolist() == [1]


def test_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(StoreError, match="not the folder of a run"):
        load(tmp_path)
    with pytest.raises(StoreError, match="no run 7"):
        load(7, data_root=tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(StoreError, match="Cannot read"):
        RunReader(tmp_path)


def test_data_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreError, match="Cannot make a run folder"):
        create(tmp_path / "data")
    assert runs(tmp_path / "nowhere") == []
