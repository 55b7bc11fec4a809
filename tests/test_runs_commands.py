"""``labctl ls``, ``show``, ``tag`` and ``data reindex``, as a user meets them."""

import json

import pytest
from typer.testing import CliRunner

from labctl.cli import app
from labctl.errors import StoreError
from labctl.store import Column, RunReader, RunWriter, Status

TABLES = {"cells": {"row": Column("int16"), "conductance": Column("float64", "S")}}


@pytest.fixture
def data(tmp_path):
    for target, chip in ((20.0, "die-7"), (60.0, "die-8")):
        writer = RunWriter.create(
            tmp_path, "program",
            {
                "chip": chip, "parameters": {"target": target}, "parameter_units": {"target": "µS"},
                "identities": {"smu": "2636B"},
            },
            TABLES,
        )  # fmt: skip
        writer.append("cells", row=1, conductance=1e-6 * target)
        writer.finish(Status.FINISHED, summary={"within_tolerance": 1})
    RunWriter.create(tmp_path, "form", {"chip": "die-7"}, TABLES).finish("failed", "It broke.")
    return tmp_path


@pytest.fixture
def labctl(data):
    def call(*words):
        done = CliRunner().invoke(app, [*words, "--data", str(data)])
        if isinstance(done.exception, StoreError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    return call


def numbers(text):
    return [int(line[:4]) for line in text.splitlines()[1:] if line[:4].isdecimal()]


def test_list_is_narrowed_by_every_option(labctl):
    assert numbers(labctl("ls")) == [1, 2, 3]
    assert numbers(labctl("ls", "--chip", "die-7")) == [1, 3]
    assert numbers(labctl("ls", "--procedure", "prog*", "--status", "finished")) == [1, 2]
    assert numbers(labctl("ls", "--where", "target > 20e-6")) == [2]
    assert numbers(labctl("ls", "-w", "target < 50 µS", "-w", "within_tolerance = 1")) == [1]
    assert numbers(labctl("ls", "--since", "today", "--until", "today")) == [1, 2, 3]
    assert "no such runs" in labctl("ls", "--until", "2000-01-01")
    assert "It broke." in labctl("ls", "--status", "failed")
    short = labctl("ls", "--last", "1")
    assert numbers(short) == [3]
    assert "newest 1 of 3 runs; --all" in short
    assert numbers(labctl("ls", "--last", "1", "--all")) == [1, 2, 3]
    [shown] = json.loads(labctl("ls", "--chip", "die-8", "--json"))
    assert (shown["number"], shown["status"], shown["rows"]) == (2, "finished", 1)


def test_tags_are_given_and_taken_off(labctl):
    assert labctl("tag", "2", "+good", "plain", "-bad").endswith("good plain\n")
    assert numbers(labctl("ls", "--tag", "good")) == [2]
    assert labctl("tag", "2", "-good", "-plain").endswith("no tags\n")
    assert labctl("tag", "2", "-d", "+x").endswith(": x\n")  # no option of this command
    assert numbers(labctl("ls", "--tag", "good")) == []


def test_show_says_what_was_done(labctl, data):
    text = labctl("show", "2")
    for part in ("program", "finished", "60.0 µS", "2636B", "conductance (S)", "1 rows"):
        assert part in text
    folder = next(data.glob("*/0003-form"))
    assert "It broke." in labctl("show", str(folder))
    assert json.loads(labctl("show", "1", "--json"))["parameters"] == {"target": 20.0}


def test_mistakes_are_told(labctl):
    for words, what in {
        ("ls", "--where", "target"): "is no condition",
        ("ls", "--since", "soon"): "is no time",
        ("show", "9"): "no run 9",
        ("tag", "1", "a,b"): "cannot be a tag",
    }.items():
        with pytest.raises(StoreError, match=what):
            labctl(*words)


def test_index_is_made_again(labctl, data):
    assert "has 3 runs" in labctl("data", "reindex")


def test_rows_are_followed_to_the_end_of_a_run(tmp_path):
    writer = RunWriter.create(tmp_path, "form", {}, TABLES)
    writer.append("cells", row=[1, 2], conductance=[0.1, 0.2])
    writer.flush()
    seen = []
    for new in RunReader(writer.path).follow(interval=0.01):
        assert new.attrs["units"] == {"row": "", "conductance": "S"}
        seen += new.row.tolist()
        if len(seen) < 6:  # what a measurement does meanwhile
            writer.append("cells", row=[len(seen) + 1, len(seen) + 2], conductance=0.5)
            writer.flush()
        else:
            writer.append("cells", row=7, conductance=0.5)
            writer.finish("finished")
    assert seen == [1, 2, 3, 4, 5, 6, 7]
