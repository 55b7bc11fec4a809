"""``labctl sim serve`` as a process: it says when it is ready, and ends cleanly."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from labctl.errors import BenchFileError, LabctlError, LimitError
from labctl.sim.serve.bench import ServedBench
from tests.sim.rig import TEXT
from tests.sim.serve.client import Client

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    path = tmp_path / "bench.toml"
    path.write_text(TEXT + 'state = "chip.npz"\n', encoding="utf-8")
    return path


@pytest.fixture
def start(bench: Path) -> Iterator[Start]:
    processes: list[subprocess.Popen[str]] = []

    def run(*options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "labctl", "sim", "serve", str(bench), *options]
        processes.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def addresses(process: subprocess.Popen[str]) -> list[dict[str, object]]:
    assert process.stdout is not None
    found: list[dict[str, object]] = json.loads(process.stdout.readline())
    return found


def test_json_then_served_then_ended_by_sigterm(start: Start, bench: Path) -> None:
    process = start("--port", "0", "--json")
    found = addresses(process)
    assert [(each["name"], each["model"]) for each in found] == [
        ("smu", "2636B"), ("gate", "2635B"), ("matrix", "707B"),
    ]  # fmt: skip
    port = int(str(found[0]["hislip_port"]))
    client = Client(port)
    assert b"2636B" in client.query(b"*IDN?")
    process.send_signal(signal.SIGTERM)
    assert client.sync.ended()
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    client.close()
    with socket.create_server(("127.0.0.1", port)):
        pass
    assert np.load(bench.parent / "chip.npz")


def test_table_and_ready_line_then_ended_by_ctrl_c(start: Start) -> None:
    process = start("--port", "0")
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(5)]
    assert lines[0].split() == ["name", "model", "HiSLIP", "socket"]
    for line, name in zip(lines[1:4], ("smu", "gate", "matrix"), strict=True):
        assert line.startswith(name)
        assert "TCPIP0::127.0.0.1::hislip0," in line
        assert line.rstrip().endswith("::SOCKET")
    assert lines[4].startswith("Ready: 3 instruments")
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=60)
    assert (process.returncode, rest, errors) == (0, "Ended.\n", "")


def test_ports_count_on_from_the_first(bench: Path) -> None:
    for first in range(20_011, 20_011 + 20 * 7, 7):
        try:
            served = ServedBench(bench, first_port=first)
        except LabctlError:  # somebody else on this computer has one of the ports
            continue
        with served:
            found = [port for a in served.addresses for port in (a.hislip_port, a.socket_port)]
        assert found == list(range(first, first + 6))
        return
    pytest.fail("none of 20 runs of six ports was free")


def test_port_that_is_taken_is_named(bench: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LabctlError, match=rf"smu.* {port} .*--port"):
            ServedBench(bench, first_port=port)
        with socket.create_server(("127.0.0.1", 0)):
            pass


def test_ports_beyond_the_last_are_refused(bench: Path) -> None:
    with pytest.raises(LimitError, match="lower --port"):
        ServedBench(bench, first_port=65_533)


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1", "no.such.host.invalid"])
def test_other_computers_are_let_in_only_on_purpose(bench: Path, address: str) -> None:
    with pytest.raises(LimitError, match="--bind"):
        ServedBench(bench, bind=address, first_port=0)


def test_bound_to_all_addresses_on_purpose(bench: Path) -> None:
    with ServedBench(bench, bind="0.0.0.0", first_port=0, exposed=True) as served:
        assert socket.gethostname() in served.addresses[0].hislip
        client = Client(served.addresses[0].hislip_port)
        assert b"2636B" in client.query(b"*IDN?")
        client.close()


def test_missing_bench_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchFileError, match=r"nowhere\.toml"):
        ServedBench(tmp_path / "nowhere.toml", first_port=0)


def test_address_of_another_computer_is_refused_by_name(bench: Path) -> None:
    with pytest.raises(LabctlError, match=r"192\.0\.2\.1.*--bind"):
        ServedBench(bench, bind="192.0.2.1", first_port=0, exposed=True)
