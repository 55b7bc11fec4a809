"""Exports hold what the run holds, and come back as they were."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import labctl
from labctl.errors import StoreError
from labctl.store import Column, Run, RunWriter, Status, content
from labctl.store.column import schema_of
from labctl.store.content import Content
from labctl.store.exchange import KINDS, export, import_run, read_export
from labctl.store.reopening import look

ENDINGS = {"csv": "", "mat": ".mat", "netcdf": ".nc"}
COLUMNS = {
    "time": Column("float64", "s", "bench time"),
    "current": Column("float32", "µA"),
    "row": Column("int8", "", "word line"),
    "count": Column("int64"),
    "mask": Column("uint64"),
    "flag": Column("uint16"),
    "ok": Column("bool", "", "within the tolerance"),
    "note": Column("str", "", 'free "text", as it is'),
}
TABLES = {"cells": COLUMNS, "pulses": {"index": Column("int32"), "voltage": Column("float64", "V")}}


def bounds(name):
    info = np.iinfo(COLUMNS[name].dtype)
    return st.integers(int(info.min), int(info.max))


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "time": st.floats(),
            "current": st.floats(width=32),
            "ok": st.booleans(),
            "note": st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
            **{name: bounds(name) for name in ("row", "count", "mask", "flag")},
        }
    ),
    max_size=6,
)


@pytest.fixture
def run(tmp_path):
    writer = RunWriter.create(
        tmp_path / "data", "program", {"chip": "die-7", "parameters": {"target": 60.0}}, TABLES
    )
    for k, note in enumerate(["", "Ω größer", 'a "b", c', "two\nlines\r\n", " x "]):
        writer.append(
            "cells", time=[0.1 * k, np.nan][k == 3], current=1e-6 * k, row=-k, count=2**62 + k,
            mask=2**64 - 1, flag=k, ok=k % 2 == 0, note=note,
        )  # fmt: skip
    writer.finish(Status.ABORTED, "Somebody went home.", {"yield": 0.5})
    return Run(writer.path)


def same(one: pa.Table, other: pa.Table) -> bool:
    assert one.schema.equals(other.schema, check_metadata=True)
    for name in one.column_names:
        assert one.column(name).null_count == 0  # NaN is a number, nothing is not
        np.testing.assert_array_equal(
            one.column(name).to_numpy(zero_copy_only=False),
            other.column(name).to_numpy(zero_copy_only=False),
            strict=True,
        )
    return True


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS)
def test_any_rows_come_back_as_they_were(tmp_path_factory, kind, rows):
    if kind == "netcdf":
        rows = [row | {"note": row["note"].replace("\0", "")} for row in rows]
    schema = schema_of("cells", COLUMNS)
    table = pa.table({name: [row[name] for row in rows] for name in COLUMNS}, schema=schema)
    columns = {name: column.to_json() for name, column in COLUMNS.items()}
    before = Content({"tables": {"cells": columns}, "note": "µ", "nan": 1.5}, {"cells": table})
    path = tmp_path_factory.mktemp("export") / f"run{ENDINGS[kind]}"
    module = __import__(f"labctl.store.{KINDS[kind]}", fromlist=["write"])
    module.write(path, before)
    after = read_export(path)
    assert after.meta == before.meta
    assert same(after.tables["cells"], table)


@pytest.mark.parametrize("kind", KINDS)
def test_run_goes_out_and_comes_back(run, tmp_path, kind):
    path = export(run, tmp_path / f"out{ENDINGS[kind]}")
    again = import_run(path, tmp_path / "other")
    for table in TABLES:
        assert same(again.arrow(table), run.arrow(table))
    assert again.status is Status.ABORTED
    assert (again.chip, again.parameters) == ("die-7", {"target": 60.0})
    assert again.summary == {"yield": 0.5}
    assert again.error == "Somebody went home."
    assert again.meta["created"] == run.meta["created"]
    assert again.meta["imported"]["number"] == run.number
    assert [found.number for found in labctl.runs(tmp_path / "other", chip="die-7")] == [1]
    with pytest.raises(StoreError, match="cannot be resumed"):
        look(again.path)


def test_matlab_reads_structures_with_units(run, tmp_path):
    """Through a reader of MATLAB 7.3 files that others have written."""
    import mat73

    path = export(run, tmp_path / "run.mat")
    with path.open("rb") as file:
        header = file.read(128)
    assert header.startswith(b"MATLAB 7.3 MAT-file")
    assert header.endswith(b"\x00\x02IM")
    found = mat73.loadmat(str(path))
    assert found["cells"]["count"].tolist() == [2**62 + k for k in range(5)]
    assert found["cells"]["row"].dtype == np.int8
    assert found["cells"]["ok"].dtype == bool
    assert found["cells"]["note"][1] == ["Ω größer"]  # a cell array of one column
    assert np.isnan(found["cells"]["time"][3])
    assert found["units"]["cells"]["current"] == "µA"
    assert json.loads(found["run_json"])["chip"] == "die-7"


def test_hdf5_is_read_without_labctl(run, tmp_path):
    import h5py

    with h5py.File(export(run, tmp_path / "run.h5")) as file:
        current = file["cells/current"]
        assert current.attrs["unit"] == "µA"
        assert current.shape == (1, 5)
        assert current[0].tolist() == run.frame("cells").current.tolist()


def test_xarray_reads_tables_with_units(run, tmp_path):
    import xarray

    with xarray.open_dataset(export(run, tmp_path / "run.nc"), group="cells") as cells:
        assert cells.current.units == "µA"
        assert cells.time.long_name == "bench time"
        assert cells.attrs["chip"] == "die-7"
        assert cells.note.values.tolist() == run.frame("cells").note.tolist()
        assert cells.row.dtype == np.int8
        assert cells.ok.dtype == bool


def test_csv_is_read_by_pandas(run, tmp_path):
    folder = export(run, tmp_path / "out")
    frame = pd.read_csv(folder / "cells.csv")
    assert list(frame.columns)[:3] == ["time (s)", "current (µA)", "row"]
    assert frame["count"].tolist() == [2**62 + k for k in range(5)]
    assert (folder / "pulses.csv").read_text() == '"index","voltage (V)"\n'


def test_run_that_goes_on_is_exported_as_far_as_it_is(tmp_path):
    with RunWriter.create(tmp_path, "p", {}, {"t": {"a": Column("int8")}}) as writer:
        writer.append("t", a=7)
        writer.flush()
        found = read_export(export(writer.path, tmp_path / "run.nc"))
    assert found.meta["status"] == "running"
    assert found.tables["t"].column("a").to_pylist() == [7]
    assert import_run(tmp_path / "run.nc", tmp_path).status is Status.INTERRUPTED


def test_some_tables_only(run, tmp_path):
    found = read_export(export(run, tmp_path / "run.mat", tables=["pulses"]))
    assert list(found.tables) == list(found.meta["tables"]) == ["pulses"]
    with pytest.raises(StoreError, match="no table 'cell'"):
        export(run, tmp_path / "other.mat", tables=["cell"])
    assert not (tmp_path / "other.mat").exists()


def test_nothing_is_replaced_unasked(run, tmp_path):
    path = export(run, tmp_path / "run.mat")
    with pytest.raises(StoreError, match="--force"):
        export(run, path)
    assert export(run, path, force=True) == path
    folder = export(run, tmp_path / "out")
    assert export(run, folder, force=True) == folder
    for precious in (run.path, tmp_path):
        with pytest.raises(StoreError, match="holds other things"):
            export(run, precious, "csv", force=True)
    assert run.frame("cells").shape == (5, 8)
    assert not list(tmp_path.glob(".*new"))


def test_what_is_no_export_is_refused(run, tmp_path):
    (tmp_path / "a.mat").write_bytes(b"MATLAB 5.0")
    (tmp_path / "a.nc").write_bytes(b"CDF")
    (tmp_path / "a.txt").write_text("a")
    for name, words in {
        "a.mat": "no export", "a.nc": "no export", "a.txt": "neither", "b": "There is no",
        "data": "no export",
    }.items():  # fmt: skip
        with pytest.raises(StoreError, match=words):
            read_export(tmp_path / name)
    folder = export(run, tmp_path / "out")
    text = (folder / "cells.csv").read_text()
    (folder / "cells.csv").write_text(text.replace("true", "perhaps", 1))
    with pytest.raises(StoreError, match=r"cells\.csv cannot be read"):
        import_run(folder, tmp_path / "data")
    with pytest.raises(StoreError, match="What kind of file is"):
        export(run, tmp_path / "run.xlsx")
    with pytest.raises(StoreError, match="no kind of export 'parquet'"):
        export(run, tmp_path / "run", "parquet")


def test_text_that_netcdf_cannot_hold_is_refused(tmp_path):
    with RunWriter.create(tmp_path, "p", {}, {"t": {"a": Column("str")}}) as writer:
        writer.append("t", a="x\0y")
        writer.flush()
        with pytest.raises(StoreError, match="zero character"):
            export(writer.path, tmp_path / "run.nc")
        assert read_export(export(writer.path, tmp_path / "run.mat")).tables["t"][0][0].as_py()
    assert not (tmp_path / "run.nc").exists()


def test_missing_package_is_named_with_its_cure(run, tmp_path, monkeypatch):
    for name, package in {"run.mat": "h5py", "run.nc": "xarray"}.items():
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(StoreError, match=rf"{package}.*pip install 'labctl\[export\]'"):
            export(run, tmp_path / name)
        assert not (tmp_path / name).exists()
    assert content.need("json", "x") is json


def test_command_line(run, tmp_path):
    def labctl(*words):
        done = subprocess.run(
            [sys.executable, "-m", "labctl", "data", *words],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    assert labctl("export", "1", "--to", "x.mat") == (0, "x.mat\n")
    assert labctl("import", "x.mat") == (0, "data/" + labctl_day(tmp_path) + "/0002-program\n")
    code, text = labctl("export", "1", "--to", "x.mat")
    assert code == 1
    assert "--force" in text
    assert labctl("export", "1", "2", "--kind", "csv") == (0, "0001-program\n0002-program\n")


def labctl_day(tmp_path):
    return max(day.name for day in (tmp_path / "data").iterdir() if day.is_dir())
