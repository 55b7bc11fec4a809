"""Runs of every format there has been are opened for ever."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import labctl
from labctl.errors import StoreError
from labctl.store import Run, RunReader, Status
from labctl.store.catalogue import Catalogue
from labctl.store.format import FORMAT

HERE = Path(__file__).parent / "golden"
RUNS = sorted(file.parent for file in HERE.glob("*/*/run.json"))


def test_there_are_golden_runs_of_the_format_that_is_written():
    assert {run.parent.name for run in RUNS} >= {f"format-{FORMAT}"}
    assert len(RUNS) >= 2


@pytest.mark.parametrize("path", RUNS, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_golden_run_is_opened_as_it_was_measured(path):
    expected = json.loads((path / "expected.json").read_text(encoding="utf-8"))
    run = Run(path)
    assert run.status.value == expected["status"]
    assert list(run.tables) == list(expected["frames"])
    for table, columns in expected["frames"].items():
        frame = labctl.load(run, table)
        assert list(frame.columns) == list(columns)
        for name, values in columns.items():
            column = run.tables[table][name]
            assert frame.attrs["units"][name] == column.unit
            if column.dtype == "str":
                assert frame[name].tolist() == values
            else:
                assert frame[name].dtype == column.numpy
                np.testing.assert_array_equal(frame[name].to_numpy(), np.array(values))


def test_golden_run_says_what_was_done():
    run = Run(HERE / "format-1" / "0001-program")
    meta = run.meta
    assert meta["parameters"]["target"] == 60.0
    assert meta["parameter_units"]["target"] == "µS"
    assert "[terminals.word_line]" in meta["bench_text"]
    assert "2636B" in meta["identities"]["smu"]
    assert len(meta["drivers"]["smu"]["sha256"]) == 64
    assert "class Program" in meta["procedure_code"]["text"]
    assert meta["wear"]["pulses"]["total"] > 0  # forming came before
    assert len(meta["environment"]["git"]["commit"]) == 40
    assert meta["environment"]["packages"]["pyarrow"] != "missing"
    assert (meta["seed"], run.chip, run.tags) == (7, "sim-16x16", ["good"])
    assert run.tables["cells"]["conductance"].unit == "S"


def test_golden_runs_are_found_and_the_dead_one_is_interrupted(tmp_path):
    day = tmp_path / "2026-11-28"
    shutil.copytree(HERE / "format-1", day)
    catalogue = Catalogue(tmp_path)
    assert [e.status for e in catalogue.entries()] == [Status.FINISHED, Status.INTERRUPTED]
    [found] = catalogue.entries(where="target > 20e-6 and within_tolerance = 2")
    assert found.number == 1


def test_run_of_a_later_labctl_is_refused_with_what_to_do(tmp_path):
    run = tmp_path / "0001-program"
    shutil.copytree(HERE / "format-1" / "0001-program", run)
    meta = json.loads((run / "run.json").read_text(encoding="utf-8"))
    meta |= {"format": FORMAT + 1, "environment": {"labctl": "9.1"}}
    (run / "run.json").write_text(json.dumps(meta), encoding="utf-8")
    with pytest.raises(StoreError, match=rf"format {FORMAT + 1}, written by labctl 9\.1.*Update"):
        RunReader(run)
