"""The raw socket server: lines in, lines out."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator

import pytest
import pyvisa

from labctl.sim.serve.bench import Address, ServedBench
from tests.sim.serve.client import Client

MakeServed = Callable[..., ServedBench]


class Line:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 20.0)
        self.file = self.socket.makefile("rb")

    def write(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self) -> bytes:
        return self.file.readline()

    def query(self, data: bytes) -> bytes:
        self.write(data + b"\n")
        return self.read()

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.fixture
def connect(smu: Address) -> Iterator[Callable[[], Line]]:
    lines: list[Line] = []

    def open_line() -> Line:
        lines.append(Line(smu.socket_port))
        return lines[-1]

    yield open_line
    for line in lines:
        line.close()


@pytest.fixture
def line(connect: Callable[[], Line]) -> Line:
    return connect()


def test_line_in_line_out(line: Line) -> None:
    assert b"Model 2636B" in line.query(b"*IDN?")
    assert line.query(b"print(2)\r") == b"2.00000e+00\n"


def test_all_questions_of_one_packet_are_answered_in_order(line: Line) -> None:
    line.write(b"print(1)\nprint(2)\nprint(3)\n")
    assert [float(line.read()) for _ in range(3)] == [1, 2, 3]
    assert line.query(b"print(errorqueue.count)") == b"0.00000e+00\n"


def test_half_messages_of_two_clients_do_not_mix(connect: Callable[[], Line]) -> None:
    one, two = connect(), connect()
    one.write(b"print(")
    two.write(b"print(2")
    assert one.query(b"1)") == b"1.00000e+00\n"
    assert two.query(b"2)") == b"2.20000e+01\n"


def test_the_beginning_of_a_message_behind_a_whole_one_is_kept(line: Line) -> None:
    line.write(b"print(1)\nprint(")
    assert line.read() == b"1.00000e+00\n"
    assert line.query(b"2)") == b"2.00000e+00\n"


def test_half_a_message_is_gone_with_its_client(connect: Callable[[], Line]) -> None:
    one = connect()
    one.write(b"x = 5 y =")
    one.close()
    assert connect().query(b"print(x)") == b"nil\n"


def test_answers_go_to_whoever_asked(connect: Callable[[], Line]) -> None:
    lines = [connect() for _ in range(5)]
    for k, line in enumerate(lines):
        line.write(b"print(%d)\n" % k)
    assert [float(line.read()) for line in lines] == [0, 1, 2, 3, 4]


def test_all_transports_reach_the_same_box(line: Line, smu: Address) -> None:
    line.write(b"x = 41\n")
    line.query(b"print(1)")
    client = Client(smu.hislip_port)
    assert client.query(b"print(x + 1)") == b"4.20000e+01\n"
    client.close()


def test_binary_answer_comes_whole(line: Line) -> None:
    line.write(b"format.data = format.REAL32 format.byteorder = format.BIGENDIAN\n")
    line.write(b"printnumber(1, 2, 3)\n")
    data = line.file.read(2 + 12 + 1)
    assert data[:2] == b"#0"
    assert struct.unpack(">3f", data[2:14]) == (1.0, 2.0, 3.0)


def test_message_too_long_is_refused_and_the_next_one_is_not(line: Line) -> None:
    line.write(b"-" * 3_000_000 + b"\n")
    assert line.query(b"print(1)") == b"1.00000e+00\n"
    assert float(line.query(b"print(errorqueue.next())").split(b"\t")[0]) == -363
    assert line.query(b"print(errorqueue.count)") == b"0.00000e+00\n"


def test_lost_connection_closes_the_socket(make_served: MakeServed) -> None:
    bench = make_served("[simulation.faults.gate]\nlost_after = 2\n")
    line = Line(bench.addresses[1].socket_port)
    assert line.query(b"print(1)")
    assert line.query(b"print(2)")
    assert line.query(b"print(3)") == b""
    line.close()


def test_pyvisa_py_speaks_to_both_ports(smu: Address) -> None:
    manager = pyvisa.ResourceManager("@py")
    plain = manager.open_resource(smu.socket, read_termination="\n", write_termination="\n")
    hislip = manager.open_resource(smu.hislip, read_termination="\n", write_termination="\n")
    for box in (plain, hislip):
        assert "2636B" in box.query("*IDN?")  # type: ignore[attr-defined]
    assert hislip.read_stb() == 0  # type: ignore[attr-defined]
    hislip.write("print(1)")  # type: ignore[attr-defined]
    assert hislip.read_stb() == 16  # type: ignore[attr-defined]
    assert hislip.read() == "1.00000e+00"  # type: ignore[attr-defined]
    hislip.clear()
    assert hislip.query("print(2)") == "2.00000e+00"  # type: ignore[attr-defined]
    manager.close()
