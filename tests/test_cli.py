"""The command line as a user meets it: in a process of its own, in a folder of its own."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Path:
    """A fresh workspace made by `labctl new`."""
    folder = tmp_path_factory.mktemp("lab")
    done = labctl("new", "mylab", at=folder)
    assert done.returncode == 0, done.stderr
    return folder / "mylab"


def labctl(*words: str, at: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "labctl", *words],
        cwd=at,
        capture_output=True,
        text=True,
        timeout=100,
    )


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Return the message of a command that failed for a user's mistake, without a traceback."""
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


def test_help_teaches(tmp_path):
    done = labctl("--help", at=tmp_path)
    assert done.returncode == 0
    for command in ("demo", "gui", "run", "new", "procedures", "bench", "estimate"):
        assert command in done.stdout


def test_a_new_workspace_has_what_the_readme_says_and_is_not_overwritten(workspace):
    for part in (
        "bench.toml",
        "drivers",
        "procedures/gate_sweep.py",
        "campaigns",
        "data",
        "README.md",
    ):
        assert (workspace / part).exists()
    assert "not empty" in refused(labctl("new", ".", at=workspace))


def test_a_procedure_dropped_in_appears_with_its_parameters(workspace):
    listed = labctl("procedures", at=workspace)
    assert listed.returncode == 0, listed.stderr
    own = ("read_map", "form", "transitions", "program", "sample_posterior", "learn")
    for name in (*own, "active_learn", "gate_sweep"):
        assert name in listed.stdout
    shown = labctl("procedures", "gate_sweep", at=workspace)
    assert "points" in shown.stdout
    assert "V" in shown.stdout


def test_forming_in_one_process_and_reading_in_the_next_finds_the_same_chip(workspace):
    formed = labctl("run", "form", "cells=0..1,0..1", at=workspace)
    assert formed.returncode == 0, formed.stderr
    done = labctl("run", "read_map", "--bench", "bench.toml", "cells=all", at=workspace)
    assert done.returncode == 0, done.stderr
    import labctl as package

    [run] = [r for r in package.runs(workspace / "data") if "read_map" in r.path.name]
    frame = run.frame("cells")
    assert len(frame) == 256
    conducting = frame[frame.conductance > 5e-6]
    assert set(zip(conducting.row, conducting.col, strict=True)) <= {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert len(conducting) >= 3


def test_the_worked_example_runs(workspace):
    done = labctl("run", "gate_sweep", "cells=0,0", "points=5", at=workspace)
    assert done.returncode == 0, done.stderr
    assert "gate_sweep" in done.stdout


def test_an_estimate_measures_nothing(workspace):
    before = sorted(path.name for path in (workspace / "data").rglob("run.json"))
    done = labctl("estimate", "read_map", "repeats=1000", at=workspace)
    assert done.returncode == 0, done.stderr
    assert "h" in done.stdout
    assert before == sorted(path.name for path in (workspace / "data").rglob("run.json"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "read_mapp"), "read_map"),
        (("run", "read_map", "cels=all"), "cells"),
        (("run", "read_map", "voltage=40"), "0.5"),
        (("run", "read_map", "voltage=high"), "voltage"),
        (("run", "read_map", "cells=99,0"), "rows 0 to 15"),
        (("run", "read_map", "all"), "name=value"),
        (("run", "read_map", "--bench", "none.toml"), "none.toml"),
        (("engine", "status"), "engine"),
    ],
)
def test_a_users_mistake_gets_a_message_and_no_traceback(workspace, words, says):
    assert says in refused(labctl(*words, at=workspace))


def test_the_bench_is_checked_and_shown(workspace):
    done = labctl("bench", "check", at=workspace)
    assert done.returncode == 0, done.stderr
    for text in ("2636B", "2635B", "707B", "16 x 16"):
        assert text in done.stdout


def test_a_bad_bench_file_is_explained(workspace):
    bad = workspace / "bad.toml"
    bad.write_text((workspace / "bench.toml").read_text().replace("keithley707b", "keithly707b"))
    message = refused(labctl("bench", "check", "--bench", "bad.toml", at=workspace))
    assert "bad.toml, line" in message
    assert "'keithley707b'" in message
