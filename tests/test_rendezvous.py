"""One engine per bench, found by those who may."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from labctl.errors import EngineError
from labctl.rendezvous import StartingError, claim, look_up

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")

HOLDER = """
import sys
from labctl.rendezvous import claim
right = claim(sys.argv[1])
right.publish("tcp://127.0.0.1:1", "secret")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def runtime(tmp_path, monkeypatch):
    folder = tmp_path / "runtime"
    monkeypatch.setenv("LABCTL_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture
def holder(tmp_path):
    """Another process that has the engine's right to bench.toml."""
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "bench.toml")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_address_is_found_under_any_name_of_the_bench_file(tmp_path, monkeypatch):
    bench = tmp_path / "bench.toml"
    bench.touch()
    with claim(bench) as right:
        with pytest.raises(StartingError, match="still starting"):
            look_up(bench)
        right.publish("tcp://127.0.0.1:5", "secret")
        monkeypatch.chdir(tmp_path)
        found = look_up("bench.toml")
        assert (found.address, found.token, found.pid) == (
            "tcp://127.0.0.1:5",
            "secret",
            os.getpid(),
        )
    with pytest.raises(EngineError, match="No engine is running"):
        look_up(bench)


@posix
def test_token_is_readable_by_its_owner_only(tmp_path, runtime):
    with claim(tmp_path / "bench.toml") as right:
        right.publish("tcp://127.0.0.1:5", "secret")
        [file] = runtime.glob("*.json")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(runtime.stat().st_mode) == 0o700


@posix
def test_open_runtime_folder_is_closed(tmp_path, runtime):
    runtime.mkdir(mode=0o755)
    runtime.chmod(0o755)
    with claim(tmp_path / "bench.toml"):
        assert stat.S_IMODE(runtime.stat().st_mode) == 0o700


def test_second_engine_is_refused_and_the_first_is_named(tmp_path, holder):
    with pytest.raises(EngineError, match=rf"already in use by process {holder.pid}"):
        claim(tmp_path / "bench.toml")
    assert look_up(tmp_path / "bench.toml").pid == holder.pid  # and it is still there
    with claim(tmp_path / "other.toml"):
        pass


def test_bench_of_a_killed_engine_is_free_and_its_file_misleads_nobody(tmp_path, holder, runtime):
    holder.kill()
    holder.wait()
    assert list(runtime.glob("*.json"))
    with pytest.raises(EngineError, match="No engine is running"):
        look_up(tmp_path / "bench.toml")
    with claim(tmp_path / "bench.toml"), pytest.raises(StartingError):
        look_up(tmp_path / "bench.toml")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"address": 3}',
        '{"address": "a", "token": "t", "process": 3, "bench": "b"}',
        '{"address": "a", "token": "t", "process": {}, "bench": "b"}',
    ],
)
def test_damaged_file_is_no_engine(tmp_path, runtime, text):
    with claim(tmp_path / "bench.toml"):
        [file] = runtime.glob("*.json")
        file.write_text(text)
        with pytest.raises(EngineError, match="No engine"):
            look_up(tmp_path / "bench.toml")
