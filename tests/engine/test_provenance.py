"""What run.json says of how a run was measured."""

import subprocess
from pathlib import Path

import labctl
from labctl.engine.provenance import environment, git_state
from labctl.sourcefile import source_of


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=lab", "-c", "user.email=lab@example.org")
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_state_of_git_tells_commit_and_changes(tmp_path):
    assert git_state(tmp_path) is None
    git(tmp_path, "init", "-q")
    (tmp_path / "driver.py").write_text("a = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    clean = {"commit": git(tmp_path, "rev-parse", "HEAD"), "changed": False}
    assert git_state(tmp_path) == clean
    (tmp_path / "driver.py").write_text("a = 2\n")
    assert git_state(tmp_path) == clean | {"changed": True}


def test_environment_names_what_matters():
    found = environment()
    assert found["labctl"] == labctl.__version__
    assert found["packages"]["numpy"][0].isdigit()
    assert found["python"].count(".") == 2
    assert found["system"]


def test_run_says_what_it_was_measured_with(bench_file, tmp_path):
    path = bench_file(("noise = true", "noise = false"))
    with labctl.Bench.open(path) as bench:
        first = labctl.run("form", bench, cells="0,0", data=tmp_path / "data").meta
        second = labctl.run("read_map", bench, cells="0,0", data=tmp_path / "data").meta
    text = path.read_text(encoding="utf-8")
    assert hash(second["bench_text"]) == hash(text)  # no pytest diff of two long texts
    assert first["parameter_units"]["width"] == "s"
    assert first["parameters"].keys() == first["parameter_units"].keys()
    assert first["wear"]["pulses"] == {"total": 0, "most": 0, "at": None}
    assert second["wear"]["pulses"]["at"] == "0,0"
    assert second["wear"]["pulses"]["total"] == bench.array.counters.pulses > 0
    assert second["wear"]["closures"]["total"] > 0
    assert second["drivers"]["matrix"]["class"] == "drivers.keithley707b.Keithley707B"
    code = second["procedure_code"]
    assert code == source_of(type(labctl.plugins.procedure("read_map")()))
    assert Path(code["file"]).name == "read_map.py"
