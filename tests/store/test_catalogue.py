import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.errors import StoreError
from labctl.store import Column, Run, RunWriter, Status, index, runs
from labctl.store.catalogue import FILE, Catalogue
from labctl.store.condition import conditions
from labctl.store.files import read_json, runs_of_day, write_json

TABLES = {"cells": {"row": Column("int64"), "conductance": Column("float64", "S")}}


def run(root, procedure="read_map", status=Status.FINISHED, **meta):
    writer = RunWriter.create(root, procedure, {"chip": "A1", "parameters": {}, **meta}, TABLES)
    writer.append("cells", row=1, conductance=1e-5)
    writer.finish(status, error="it broke" if status is Status.FAILED else None)
    return writer.path


@pytest.fixture
def root(tmp_path):
    data = tmp_path / "data"
    run(data, parameters={"cells": "all", "voltage": 0.2})
    run(data, "form", chip="B2", parameters={"cells": "row 3", "voltage": 3.3})
    run(data, status=Status.FAILED, parameters={"cells": "all", "voltage": 0.1})
    return data


def numbers(entries):
    return [entry.number for entry in entries]


def test_entry_says_what_the_run_says(root):
    entry = Catalogue(root).find(3)
    assert (entry.procedure, entry.chip, entry.status) == ("read_map", "A1", Status.FAILED)
    assert entry.error == "it broke"
    assert entry.rows == 1
    assert entry.created < entry.ended
    assert (entry.path / "run.json").exists()


def test_runs_are_found_by_what_they_are(root):
    catalogue = Catalogue(root)
    assert numbers(catalogue.entries()) == [1, 2, 3]
    assert numbers(catalogue.entries(chip="B2")) == [2]
    assert numbers(catalogue.entries(procedure="read_map")) == [1, 3]
    assert numbers(catalogue.entries(status=Status.FAILED)) == [3]
    assert numbers(catalogue.entries(parameters={"voltage": "0.20"})) == [1]
    assert numbers(catalogue.entries(parameters={"cells": "all", "voltage": "0.1"})) == [3]
    assert numbers(catalogue.entries(since="2999-01-01")) == []
    assert numbers(catalogue.entries(until="2999-01-01", since="2000-01-01")) == [1, 2, 3]
    assert numbers(catalogue.entries(last=2)) == [2, 3]


def test_new_runs_and_ends_of_runs_are_seen(root):
    catalogue = Catalogue(root)
    assert len(catalogue.entries()) == 3
    writer = RunWriter.create(root, "cycle", {"chip": "C"}, TABLES)
    assert catalogue.find(4).status is Status.RUNNING
    writer.finish(Status.ABORTED)
    assert catalogue.find(4).status is Status.ABORTED


def test_run_whose_process_is_gone_is_interrupted(root):
    code = (
        "import os, sys; from labctl.store import *\n"
        "RunWriter.create(sys.argv[1], 'cycle', {}, {'cells': {'row': Column('int64')}})\n"
        "os._exit(9)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(root)], check=False, cwd=Path(__file__).parents[2]
    )
    assert Catalogue(root).find(4).status is Status.INTERRUPTED
    assert numbers(Catalogue(root).entries(status=Status.INTERRUPTED)) == [4]


def test_tags_are_kept_with_the_run(root):
    catalogue = Catalogue(root)
    catalogue.tag(1, "good", "+paper")
    catalogue.tag(2, "+paper")
    assert catalogue.tag(1, "+best", "-good").tags == ("best", "paper")
    assert numbers(catalogue.entries(tag="paper")) == [1, 2]
    assert catalogue.reindex() == 3
    assert numbers(catalogue.entries(tag="best")) == [1]


@pytest.mark.parametrize("tag", ["two words", "", "a,b", "x" * 61, "+-a"])
def test_tag_is_one_word(root, tag):
    with pytest.raises(StoreError, match="tag"):
        Catalogue(root).tag(1, tag)
    assert Catalogue(root).find(1).tags == ()


@pytest.mark.parametrize("content", [b"", b"nonsense" * 1000])
def test_damaged_index_is_made_again(root, content):
    assert len(Catalogue(root).entries()) == 3
    for file in root.glob(f"{FILE}*"):
        file.write_bytes(content)
    assert numbers(Catalogue(root).entries(chip="A1")) == [1, 3]


@pytest.mark.parametrize("version", [99, index.VERSION])
def test_index_of_another_version_or_without_its_tables_is_made_again(root, version):
    Catalogue(root).entries()
    file = sqlite3.connect(root / FILE)
    file.execute("DROP TABLE runs")
    file.execute(f"PRAGMA user_version = {version}")
    file.commit()
    file.close()
    assert numbers(Catalogue(root).entries()) == [1, 2, 3]


def test_moved_folders_are_found_and_gone_ones_forgotten(root):
    catalogue = Catalogue(root)
    [first, second, third] = [entry.path for entry in catalogue.entries()]
    other = root / "2001-02-03"
    other.mkdir()
    shutil.move(first, other / first.name)
    shutil.rmtree(second)
    assert {entry.path.parent.name for entry in catalogue.entries()} == {
        "2001-02-03",
        third.parent.name,
    }
    shutil.move(root, root.with_name("elsewhere"))
    assert numbers(Catalogue(root.with_name("elsewhere")).entries()) == [1, 3]


def test_day_that_has_been_quiet_is_not_read_again(root, monkeypatch):
    day = next(root.glob("????-??-??"))
    old = time.time() - 100.0
    os.utime(day, (old, old))
    catalogue = Catalogue(root)
    assert len(catalogue.entries()) == 3
    looked = []
    monkeypatch.setattr(index, "runs_of_day", lambda day: (looked.append(day), runs_of_day(day))[1])
    assert len(catalogue.entries()) == 3
    assert not looked
    run(root)
    assert len(catalogue.entries()) == 4


def test_folder_that_cannot_be_written_is_listed_all_the_same(root):
    (root / FILE).mkdir()
    assert numbers(Catalogue(root).entries()) == [1, 2, 3]
    assert Catalogue(root).find(2).chip == "B2"


def test_broken_run_does_not_hide_the_others(root, caplog):
    (Catalogue(root).find(2).path / "run.json").write_text("{")
    assert numbers(Catalogue(root).entries()) == [1, 3]
    assert "not in the catalogue" in caplog.text


def test_same_number_twice_is_told(root):
    entry = Catalogue(root).find(1)
    copy = root / "2001-02-03" / entry.path.name
    shutil.copytree(entry.path, copy)
    with pytest.raises(StoreError, match="Several runs are called 1"):
        Catalogue(root).find(1)
    assert Catalogue(root).find(copy).path.parent.name == "2001-02-03"


def test_unknown_runs_and_folders_are_refused(root, tmp_path):
    with pytest.raises(StoreError, match="no run 77"):
        Catalogue(root).find(77)
    with pytest.raises(StoreError, match="no data folder"):
        Catalogue(tmp_path / "nowhere")


@pytest.fixture
def measured(tmp_path):
    """Runs with parameters in units, and results."""
    for target, share in ((20.0, 0.5), (50.0, 0.9), (60.0, 1.0)):
        writer = RunWriter.create(
            tmp_path, "program",
            {
                "chip": f"die-{target:g}",
                "parameters": {"target": target, "cells": "0..3,0..7", "fast": target > 50},
                "parameter_units": {"target": "µS", "cells": None, "fast": None},
            },
            TABLES,
        )  # fmt: skip
        writer.finish(Status.FINISHED, summary={"yield": share, "cells": [1, 2]})
    return Catalogue(tmp_path)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("target > 20e-6", [2, 3]),
        ("target >= 20e-6", [1, 2, 3]),
        ("target >= 60 µS", [3]),
        ("target < 60 uS", [1, 2]),
        ("target = 60e-6", [3]),
        ("target == 0.05 mS", [2]),
        ("target != 50 µS", [1, 3]),
        ("yield >= 0.9", [2, 3]),
        ("yield >= 90 % and target < 55 µS", [2]),
        ("summary.yield < 0.6", [1]),
        ("cells = 0..3,0..7", [1, 2, 3]),
        ("cells = 'all'", []),
        ("fast = true", [3]),
        ("fast != True", [1, 2]),
        ("number > 1 and rows = 0", [2, 3]),
        ("nothing = 3", []),
    ],
)
def test_conditions_on_parameters_and_results(measured, where, found):
    assert numbers(measured.entries(where=where)) == found


@pytest.mark.parametrize(
    "where", ["target", "target > ", "target > high", "target > 3 parsecs per", "> 3", "rows = all"]
)
def test_condition_that_is_none_is_refused(measured, where):
    with pytest.raises(StoreError):
        measured.entries(where=where)


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=40))
def test_no_text_as_a_condition_does_more_than_raise(text):
    try:
        clauses = list(conditions(text))
    except StoreError:
        return
    assert all(clause.count("?") == len(values) for clause, values in clauses)


def test_names_may_have_any_letters_and_times_are_read(measured):
    assert numbers(measured.entries(chip="die-*0")) == [1, 2, 3]
    assert numbers(measured.entries(chip="die-?0", procedure="prog*", last=1)) == [3]
    assert numbers(measured.entries(chip="DIE-20' OR 1=1 --")) == []
    for since in ("today", "7d", "yesterday", "2000-01-01T10:00", "2000-01-01T10:00+02:00"):
        assert len(measured.entries(since=since)) == 3, since
        if since != "today":
            assert measured.entries(until=since) == []
    for wrong in ("soon", "2026-13-01", "7 weeks"):
        with pytest.raises(StoreError, match="is no time"):
            measured.entries(since=wrong)
    with pytest.raises(StoreError, match=r"no status 'good'; take one of running"):
        measured.entries(status="good")


def test_runs_are_in_their_order_though_the_clock_jumped(tmp_path):
    made = [run(tmp_path) for _ in range(3)]
    for path, created in zip(
        made,
        ("2026-10-25T02:30:00+02:00", "2026-10-25T02:10:00+01:00", "2026-10-24T23:59:00+02:00"),
        strict=True,
    ):
        meta = read_json(path / "run.json")
        write_json(path / "run.json", meta | {"created": created})
    catalogue = Catalogue(tmp_path)
    assert numbers(catalogue.entries()) == [1, 2, 3]
    assert numbers(catalogue.entries(since="2026-10-25T01:00:00+00:00")) == [2]


def test_run_that_is_resumed_is_seen_running_again(root):
    writer = RunWriter.create(root, "cycle", {"chip": "C"}, TABLES)
    writer.finish(Status.ABORTED)
    old = time.time() - 100.0
    for day in root.glob("????-??-??"):
        os.utime(day, (old, old))
    catalogue = Catalogue(root)
    assert catalogue.find(4).status is Status.ABORTED
    again = RunWriter.reopen(writer.path)
    assert catalogue.find(4).status is Status.RUNNING
    again.finish(Status.FINISHED)
    assert catalogue.find(4).status is Status.FINISHED


def test_index_damaged_in_its_middle_is_made_again_with_a_message(root, caplog):
    assert len(Catalogue(root).entries()) == 3
    file = sqlite3.connect(root / FILE)
    file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.close()
    content = bytearray((root / FILE).read_bytes())
    content[4096 : len(content)] = b"\x5a" * (len(content) - 4096)  # all pages but the first
    (root / FILE).write_bytes(content)
    assert numbers(Catalogue(root).entries(chip="A1")) == [1, 3]
    assert "damaged" in caplog.text
    assert "made again from the run folders" in caplog.text
    caplog.clear()
    assert numbers(Catalogue(root).entries(tag="x")) == []
    assert not caplog.text


WRITER = """
import sys
from labctl.store import Column, RunWriter
from labctl.store.catalogue import Catalogue
root = sys.argv[1]
for k in range(8):
    run = RunWriter.create(root, "p", {"parameters": {"k": k}}, {"t": {"a": Column("int64")}})
    run.append("t", a=k)
    assert Catalogue(root).find(run.path).state == "running"
    run.finish("finished")
    assert Catalogue(root).tag(run.number, f"n{k}").tags == (f"n{k}",)
"""


def test_several_processes_write_and_ask_at_once(tmp_path):
    root = tmp_path / "data"
    root.mkdir()
    command = [sys.executable, "-W", "error", "-c", WRITER, str(root)]
    writers = [
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        for _ in range(3)
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=100)
        assert writer.returncode == 0, errors
        assert not errors
    found = numbers(Catalogue(root).entries())
    assert found == sorted(set(found))  # a number that two wanted at once may be left out
    assert len(found) == 24
    assert len(Catalogue(root).entries(tag="n3")) == 3
    assert len(Catalogue(root).entries(where="k >= 6")) == 6


def test_runs_are_found_from_python(root):
    assert [found.number for found in runs(root, chip="A1")] == [1, 3]
    assert [found.number for found in runs(root, voltage="0.2", cells="all")] == [1]
    [broken] = runs(root, status="failed", since="today", where="voltage < 0.2")
    assert broken.error == "it broke"
    assert broken.tag("+bad", "seen") == ["bad", "seen"]
    assert [found.number for found in runs(root, tag="bad")] == [3]
    frame = runs(root).frame()
    assert frame.run.tolist() == [1, 2, 3]
    assert frame.voltage.tolist() == [0.2, 3.3, 0.1]
    assert frame.tags.tolist() == ["", "", "bad seen"]
    assert "read_map" in runs(root)._repr_html_()
    assert runs(root, chip="none").frame().empty


def test_run_that_was_mended_appears(root):
    file = Catalogue(root).find(2).path / "run.json"
    good = file.read_text()
    file.write_text("{")
    old = time.time() - 100.0
    os.utime(file.parent.parent, (old, old))
    assert numbers(Catalogue(root).entries()) == [1, 3]
    file.write_text(good)
    assert numbers(Catalogue(root).entries()) == [1, 2, 3]


def test_tag_given_without_the_catalogue_is_found(root):
    catalogue = Catalogue(root)
    path = catalogue.find(1).path
    old = time.time() - 100.0
    os.utime(path.parent, (old, old))
    assert numbers(catalogue.entries(tag="good")) == []
    Run(path).tag("good")  # of a finished run, which is not looked at again without a reason
    assert numbers(catalogue.entries(tag="good")) == [1]
