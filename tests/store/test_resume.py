"""Going on in the folder of a run that was broken off: journal, seams, files cut anywhere."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labctl.errors import StoreError
from labctl.store import Column, Run, RunReader, RunWriter, Status, load
from labctl.store.files import read_json, write_json
from labctl.store.journal import Done
from labctl.store.repair import repair
from labctl.store.seam import kept
from labctl.store.stream import StreamReader, StreamWriter, measure

TABLES = {
    "cells": {"unit": Column("int64"), "value": Column("float64", "S", "as read")},
    "notes": {"text": Column("str")},
}


def create(tmp_path):
    return RunWriter.create(tmp_path, "read_map", {"seed": 1}, TABLES)


def do_unit(writer, unit, rows=3):
    """Append the rows of a unit and note it, each in a batch of its own."""
    writer.append("cells", unit=np.full(rows, unit), value=np.arange(rows) * 1e-6)
    writer.append("notes", text=f"unit {unit}")
    writer.unit_done(unit, 0.5 * (unit + 1), json.dumps({"procedure": {"k": unit}}))
    writer.flush()


def broken_off(tmp_path, units=4, status="aborted", after=2):
    """A run with ``units`` done and ``after`` rows of the next one."""
    writer = create(tmp_path)
    for unit in range(units):
        do_unit(writer, unit)
    if after:
        writer.append("cells", unit=np.full(after, units), value=np.zeros(after))
    writer.finish(status, "Enough.")
    return writer.path


@pytest.mark.parametrize("status", ["aborted", "failed"])
def test_it_goes_on_behind_what_is_there_with_a_seam(tmp_path, status):
    path = broken_off(tmp_path, status=status)
    reader = RunReader(path)
    assert sorted(f.name for f in path.iterdir()) == [
        "_units.parquet", "cells.parquet", "notes.parquet", "run.json",
    ]  # fmt: skip
    writer = RunWriter.reopen(path)
    assert writer.done == Done(4, 2.0, {"cells": 12, "notes": 4}, {"procedure": {"k": 3}})
    assert reader.status is Status.RUNNING
    assert "error" not in reader.meta
    for unit in (4, 5):
        do_unit(writer, unit)
    assert reader.frame("cells").unit.tolist() == sorted(3 * [*range(6)])
    writer.finish("finished")
    run = Run(path)
    assert run.status is Status.FINISHED
    assert run.frame("cells").unit.tolist() == sorted(3 * [*range(6)])
    assert run.frame("notes").text.tolist() == [f"unit {k}" for k in range(6)]
    # What the broken-off unit had given is kept, and left out unless asked for.
    assert len(load(run)) == 18
    assert run.frame("cells", cut=True).unit.tolist() == [*sorted(3 * [*range(4)]), 4, 4,
                                                          4, 4, 4, 5, 5, 5]  # fmt: skip
    [seam] = run.seams
    assert (seam.status, seam.error, seam.units) == (status, "Enough.", 4)
    assert seam.rows == {"cells": (12, 14), "notes": (4, 4)}
    assert seam.ended <= seam.resumed
    assert run.meta["rows"] == {"cells": 20, "notes": 6}
    assert not list(path.glob("*.arrows"))


def test_it_can_be_broken_off_and_resumed_again_and_again(tmp_path):
    path = broken_off(tmp_path, units=1, after=1)
    for unit in range(1, 5):
        writer = RunWriter.reopen(path)
        assert writer.done.units == unit
        do_unit(writer, unit)
        writer.append("cells", unit=unit + 1, value=0.0)
        writer.finish("aborted")
    run = Run(path)
    assert run.frame("cells").unit.tolist() == [*sorted(3 * [*range(5)]), 5]
    assert [seam.units for seam in run.seams] == [1, 2, 3, 4]
    assert len(run.frame("cells", cut=True)) == 15 + 5


def test_who_follows_the_run_sees_the_rows_after_the_seam_once(tmp_path):
    path = broken_off(tmp_path, after=0)
    follower, late = RunReader(path), RunReader(path)
    assert len(follower.tail("cells")["unit"]) == 12
    writer = RunWriter.reopen(path)
    assert len(follower.tail("cells")["unit"]) == 0
    do_unit(writer, 4)
    assert follower.tail("cells")["unit"].tolist() == [4, 4, 4]
    assert late.tail("cells")["unit"].tolist() == sorted(3 * [*range(5)])
    do_unit(writer, 5)
    writer.finish("finished")
    assert follower.tail("cells")["unit"].tolist() == [5, 5, 5]
    assert late.tail("cells")["unit"].tolist() == [5, 5, 5]


def test_what_cannot_be_resumed_is_refused_and_left_as_it_is(tmp_path):
    with create(tmp_path) as writer:
        with pytest.raises(StoreError, match="running: somebody is writing"):
            RunWriter.reopen(writer.path)
        do_unit(writer, 0)
    before = (writer.path / "run.json").read_bytes()
    with pytest.raises(StoreError, match="finished; nothing of it is left"):
        RunWriter.reopen(writer.path)
    assert (writer.path / "run.json").read_bytes() == before
    path = broken_off(tmp_path)
    (path / "_units.parquet").unlink()
    with pytest.raises(StoreError, match="kept no journal"):
        RunWriter.reopen(path)
    with pytest.raises(StoreError, match="No table of a run may be called '_units'"):
        RunWriter.create(tmp_path, "x", {}, {"_units": {}})


def test_a_state_that_did_not_change_is_kept_once(tmp_path):
    writer = create(tmp_path)
    for unit, state in enumerate(["", '{"a": 1}', '{"a": 1}', '{"a": 1}']):
        writer.append("cells", unit=unit, value=0.0)
        writer.unit_done(unit, 0.0, state)
    writer.finish("aborted")
    journal = pa.parquet.read_table(writer.path / "_units.parquet")
    assert journal["state"].to_pylist() == ["", '{"a": 1}', "", ""]
    again = RunWriter.reopen(writer.path)
    assert again.done.state == {"a": 1}
    again.unit_done(4, 0.0, '{"a": 1}')
    again.finish("aborted")
    assert RunWriter.reopen(writer.path).done == Done(5, 0.0, {"cells": 4, "notes": 0}, {"a": 1})


def dead(path):
    """Make the writer of a run a process that is gone."""
    meta = read_json(path / "run.json")
    meta["process"] |= {"pid": 2**22 - 1, "started": 1.0}
    write_json(path / "run.json", meta)


@pytest.fixture(scope="module")
def crashed(tmp_path_factory):
    """The folder of a run that was killed after 6 units, and the ends of its batches."""
    writer = create(tmp_path_factory.mktemp("crashed"))
    ends = {"cells": [], "notes": [], "_units": []}
    for unit in range(6):
        do_unit(writer, unit)
        for table, found in ends.items():
            found.append(measure(writer.path / f"{table}.arrows").end)
    folder = writer.path.with_name("0009-read_map")
    shutil.copytree(writer.path, folder)
    writer.finish("aborted")
    dead(folder)
    return folder, ends


@settings(
    max_examples=120, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(data=st.data())
def test_files_cut_at_any_byte_give_back_every_whole_batch_and_the_run_goes_on(
    tmp_path, crashed, data
):
    source, ends = crashed
    path = tmp_path / "0009-read_map"
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(source, path)
    whole = {}
    for table, batches in ends.items():
        file = path / f"{table}.arrows"
        before = file.read_bytes()
        size = data.draw(st.integers(0, len(before)), label=table)
        # A file system that had noted the length but not the content leaves zeros.
        zeros = data.draw(st.sampled_from([0, 0, 1, 8, 5000]), label="zeros")
        after = before[:size] + bytes(zeros)
        file.write_bytes(after)
        whole[table] = sum(after[:end] == before[:end] for end in batches)
    reader = RunReader(path)
    assert reader.status is Status.INTERRUPTED
    assert len(reader.frame("cells")) == 3 * whole["cells"]
    outcome = repair(path)
    assert outcome.status is Status.INTERRUPTED
    rows = {table.table: table.rows for table in outcome.tables}
    assert rows == {"cells": 3 * whole["cells"], "notes": whole["notes"]}
    assert repair(path).was_whole or not all(
        measure(path / f"{table}.arrows").schema for table in ends
    )
    writer = RunWriter.reopen(path)
    assert writer.done.units == min(whole.values())
    for unit in range(writer.done.units, 8):
        do_unit(writer, unit)
    writer.finish("finished")
    run = Run(path)
    assert run.status is Status.FINISHED
    assert run.frame("cells").unit.tolist() == sorted(3 * [*range(8)])
    assert run.frame("notes").text.tolist() == [f"unit {k}" for k in range(8)]


@settings(deadline=None)
@given(data=st.data())
def test_a_batch_of_which_any_byte_has_changed_is_not_taken_for_whole(tmp_path_factory, data):
    schema = pa.schema([("x", pa.int32()), ("t", pa.string())])
    path = tmp_path_factory.mktemp("changed") / "a.arrows"
    writer = StreamWriter(path, schema)
    ends = []
    for k in range(3):
        writer.write(pa.record_batch([pa.array([k, k]), pa.array(["a", "bc"])], schema))
        ends.append(measure(path).end)
    writer.close()
    content = bytearray(path.read_bytes())
    batch = pa.ipc.read_message(pa.BufferReader(bytes(content[ends[0] : ends[1]])))
    body = ends[1] - batch.body.size
    place = data.draw(st.integers(body, ends[1] - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    whole = measure(path)
    assert (whole.rows, whole.end, whole.closed) == (2, ends[0], False)
    assert sum(batch.num_rows for batch in StreamReader(path).read_new()) == 2


def test_a_stream_without_checksums_is_read_and_gone_on_with(tmp_path):
    schema = pa.schema([("x", pa.int32())])
    batch = pa.record_batch([pa.array([1, 2], pa.int32())], schema)
    path = tmp_path / "old.arrows"
    with pa.ipc.new_stream(str(path), schema) as old:  # as labctl wrote it at first
        old.write_batch(batch)
    assert (measure(path).rows, measure(path).closed) == (2, True)
    writer = StreamWriter.go_on(path, schema)
    writer.write(batch)
    writer.close()
    assert pa.ipc.open_stream(path.read_bytes()).read_all()["x"].to_pylist() == [1, 2, 1, 2]
    assert sum(batch.num_rows for batch in StreamReader(path).read_new()) == 4


def test_a_lost_description_is_made_anew_from_the_tables(tmp_path, crashed):
    path = tmp_path / "0009-read_map"
    shutil.copytree(crashed[0], path)
    (path / "run.json").write_text('{"format": 1, "num')
    outcome = repair(path)
    assert "made anew" in outcome.notes[0]
    run = Run(path)
    assert (run.number, run.procedure, run.status) == (9, "read_map", Status.INTERRUPTED)
    assert run.tables == TABLES
    assert len(run.frame("cells")) == 18
    with pytest.raises(StoreError, match=r"its run\.json was lost"):
        RunWriter.reopen(path)


def test_repair_leaves_alone_what_is_whole_or_going_on(tmp_path):
    path = broken_off(tmp_path)
    before = {f.name: f.read_bytes() for f in path.iterdir()}
    assert repair(path).was_whole
    assert {f.name: f.read_bytes() for f in path.iterdir()} == before
    with create(tmp_path) as writer, pytest.raises(StoreError, match="somebody is writing it"):
        repair(writer.path)
    with pytest.raises(StoreError, match="not the folder of a run"):
        repair(tmp_path)


def test_a_stream_of_other_columns_is_not_written_to(tmp_path):
    StreamWriter(tmp_path / "a.arrows", pa.schema([("x", pa.int32())])).close()
    with pytest.raises(StoreError, match="other columns"):
        StreamWriter.go_on(tmp_path / "a.arrows", pa.schema([("y", pa.int32())]))


@given(
    st.integers(0, 30), st.integers(0, 30),
    st.lists(st.integers(0, 60), max_size=8).map(sorted),
)  # fmt: skip
def test_what_is_kept_is_what_no_cut_takes(first, count, edges):
    cuts = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    gone = {row for a, b in cuts for row in range(a, b)}
    left = [first + at + k for at, length in kept(first, count, cuts) for k in range(length)]
    assert left == [row for row in range(first, first + count) if row not in gone]
