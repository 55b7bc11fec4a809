import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labctl.errors import StoreError
from labctl.store import Column, RunWriter, Status, index
from labctl.store.catalogue import FILE, Catalogue
from labctl.store.files import runs_of_day

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
