"""Rows come back as they were given, whole, typed, in order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.errors import StoreError
from labctl.store import Column, RunReader, RunWriter, load
from labctl.store.rowbuffer import RowBuffer

TABLES = {
    "cells": {
        "time": Column("float64", "s", "bench time"),
        "row": Column("int16", "", "word line"),
        "formed": Column("bool"),
        "note": Column("str"),
    },
    "pulses": {"voltage": Column("float64", "V")},
}


@pytest.fixture
def writer(tmp_path):
    with RunWriter.create(tmp_path, "read_map", {"chip": "T1"}, TABLES) as writer:
        yield writer


def add(writer, count, start=0):
    for k in range(start, start + count):
        writer.append("cells", time=0.5 * k, row=k, formed=k % 2 == 0, note=f"n{k}")


def test_growing_table_is_read_while_it_grows_and_after(writer):
    reader = RunReader(writer.path)
    assert len(reader.tail("cells")["row"]) == 0
    seen = []
    for start in range(0, 30, 10):
        add(writer, 10, start)
        writer.flush()
        new = reader.tail("cells")
        seen += new["row"].tolist()
        assert seen == list(range(start + 10))
        assert reader.tail("cells")["row"].size == 0
    assert reader.frame("cells").note.tolist() == [f"n{k}" for k in range(30)]
    add(writer, 5, 30)
    writer.finish("finished")
    # The reader has 30 of 35 rows; the other five now come out of the Parquet file.
    assert reader.tail("cells")["row"].tolist() == [30, 31, 32, 33, 34]
    assert reader.tail("cells")["row"].size == 0
    assert not list(writer.path.glob("*.arrows"))
    assert reader.frame("cells").row.tolist() == list(range(35))


def test_units_and_types_come_back_from_stream_and_parquet(writer):
    add(writer, 3)
    writer.flush()
    frames = [load(writer.path)]
    writer.finish("finished")
    frames.append(load(writer.path, "cells"))
    for frame in frames:
        assert frame.attrs["units"] == {"time": "s", "row": "", "formed": "", "note": ""}
        assert frame.dtypes[["time", "row", "formed"]].astype(str).tolist() == [
            "float64",
            "int16",
            "bool",
        ]
        assert frame.time.tolist() == [0.0, 0.5, 1.0]
    import pyarrow.parquet as pq

    field = pq.read_schema(writer.path / "cells.parquet").field("time")
    assert field.metadata[b"unit"] == b"s"


def test_blocks_and_single_rows_keep_their_order_and_scalars_fill_a_block(writer):
    add(writer, 2)
    rows = np.array([7, 8, 9])
    time = rows * 1.0
    writer.append("cells", time=time, row=rows, formed=True, note="block")
    time[:] = rows[:] = 0  # the writer must have its own copy
    add(writer, 1, 2)
    writer.flush()
    frame = load(writer.path)
    assert frame.row.tolist() == [0, 1, 7, 8, 9, 2]
    assert frame.time.tolist() == [0.0, 0.5, 7.0, 8.0, 9.0, 1.0]
    assert frame.note.tolist() == ["n0", "n1", "block", "block", "block", "n2"]


def test_columns_may_come_in_any_order(writer):
    writer.append("cells", note="a", formed=True, row=3, time=1.0)
    writer.flush()
    assert load(writer.path).iloc[0].tolist() == [1.0, 3, True, "a"]


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"row": 1.5}, "'row'"),
        ({"row": 40_000}, "'row'.*int16"),
        ({"time": "late"}, "'time'"),
        ({"note": 3}, "'note'"),
        ({"formed": 2}, "'formed'"),
        ({"time": None}, "'time'"),
    ],
)
@pytest.mark.parametrize("block", [False, True])
def test_value_that_does_not_fit_is_refused_and_the_others_are_kept(writer, row, named, block):
    good = {"time": 1.0, "row": 1, "formed": True, "note": "x"}
    writer.append("cells", **good)
    wrong = good | row
    with pytest.raises(StoreError, match=named):  # noqa: PT012 - a single row fails at the flush
        writer.append("cells", **({k: [v] for k, v in wrong.items()} if block else wrong))
        writer.flush()
    writer.append("cells", **good)
    writer.flush()
    assert len(load(writer.path)) == 2


def test_wrong_columns_and_tables_are_named(writer):
    with pytest.raises(StoreError, match=r"missing formed, note; not declared colour"):
        writer.append("cells", time=1.0, row=1, colour="red")
    with pytest.raises(StoreError, match=r"no table 'cell'.*cells, pulses"):
        writer.append("cell", time=1.0)
    with pytest.raises(StoreError, match="differ in length"):
        writer.append("cells", time=[1.0, 2.0], row=[1], formed=True, note="x")
    with pytest.raises(StoreError, match="no table 'cell'"):
        RunReader(writer.path).frame("cell")


def test_type_that_tables_do_not_have_is_refused():
    with pytest.raises(StoreError, match="float63"):
        Column("float63")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.integers(-128, 127),
            st.lists(st.integers(-128, 127), max_size=5),
        ),
        max_size=30,
    )
)
def test_any_mixture_of_rows_and_blocks_comes_back_in_order(entries):
    buffer = RowBuffer("t", {"a": Column("int8"), "b": Column("float32")})
    expected = []
    for entry in entries:
        values = {"a": entry, "b": np.multiply(entry, 0.5)}
        if isinstance(entry, list):
            buffer.add_block(values)
            expected += entry
        else:
            assert buffer.add_row({"a": entry, "b": 0.5 * entry})
            expected.append(entry)
    batch = buffer.take()
    got = [] if batch is None else batch.column("a").to_pylist()
    assert got == expected
    assert buffer.take() is None


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    """A stream of five batches of different size: (run.json, bytes, [(rows, end of batch)])."""
    batches, rows = [], 0
    with RunWriter.create(tmp_path_factory.mktemp("cut"), "cut", {}, TABLES) as writer:
        for size in (1, 7, 2, 30, 4):
            index = np.arange(rows, rows + size)  # as a block, which is never divided
            writer.append("cells", time=0.5 * index, row=index, formed=True, note="n")
            rows += size
            writer.flush()
            content = (writer.path / "cells.arrows").read_bytes()
            batches.append((size, len(content)))
        meta = (writer.path / "run.json").read_bytes()
    return meta, content, batches


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_stream_cut_at_any_byte_gives_back_every_whole_batch(stream, tmp_path_factory, data):
    """What a power failure leaves: no row of a whole batch is lost, none is made up."""
    meta, content, batches = stream
    cut = data.draw(st.integers(0, len(content)))
    folder = tmp_path_factory.mktemp("run")
    (folder / "run.json").write_bytes(meta)
    (folder / "cells.arrows").write_bytes(content[:cut])
    rows = sum(size for size, end in batches if end <= cut)
    reader = RunReader(folder)
    assert reader.tail("cells")["row"].tolist() == list(range(rows))
    assert len(reader.frame("cells")) == rows
    # And the rest is read once it is there.
    (folder / "cells.arrows").write_bytes(content)
    assert reader.tail("cells")["row"].tolist() == list(range(rows, 44))


def test_zeros_after_the_last_batch_are_no_rows(writer, tmp_path):
    """Some file systems leave zeros at the end of a file after a power failure."""
    add(writer, 4)
    writer.flush()
    folder = tmp_path / "zeros"
    folder.mkdir()
    (folder / "run.json").write_bytes((writer.path / "run.json").read_bytes())
    content = (writer.path / "cells.arrows").read_bytes()
    (folder / "cells.arrows").write_bytes(content + bytes(5000))
    assert len(RunReader(folder).frame("cells")) == 4


def test_stream_is_readable_by_any_arrow_library(writer):
    import pyarrow as pa

    add(writer, 6)
    writer.flush()
    with pa.OSFile(str(writer.path / "cells.arrows")) as file:
        table = pa.ipc.open_stream(file).read_all()
    assert table.column("row").to_pylist() == list(range(6))
    assert table.schema.field("time").metadata == {b"unit": b"s", b"text": b"bench time"}
