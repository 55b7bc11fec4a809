"""Whatever clients do, nothing crashes, nothing leaks, and the next one is served."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labctl.sim.serve import listener
from labctl.sim.serve.bench import Address, ServedBench
from tests.sim.serve.client import FIRST_ID, HEADER, Client, Wire

HUGE = 1 << 20


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 20.0)


def reset(sock: socket.socket) -> None:
    """Break a connection off without the polite end of TCP."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@pytest.fixture
def served_after(served: ServedBench) -> Iterator[ServedBench]:
    """A bench that has to serve a polite client, on both ports, when the test is over."""
    threads = threading.active_count()
    yield served
    for address in served.addresses:
        client = Client(address.hislip_port)
        assert b"Keithley" in client.query(b"*IDN?")
        client.close()
        with connected(address.socket_port) as sock, sock.makefile("rb") as lines:
            sock.sendall(b"*IDN?\n")
            assert b"Keithley" in lines.readline()
    served.stop()
    assert served.connections == 0
    assert threading.active_count() < threads


def rude(address: Address, k: int, rng: random.Random) -> None:
    """Be one of many clients that know no manners."""
    hislip = k % 2 == 0
    sock = connected(address.hislip_port if hislip else address.socket_port)
    noise = rng.randbytes(rng.randrange(1, 200))
    kind = k % 10
    with contextlib.suppress(OSError):
        if kind in (2, 3):
            sock.sendall(noise)
        elif kind == 4:
            sock.sendall(HEADER.pack(b"HS", 0, 0, 0x0100_0000, 7) + b"hislip0")
        elif kind == 5:
            sock.sendall(b"print(1)\nprint(2)\n*IDN?\nprint(")
        elif kind == 6:
            sock.sendall(HEADER.pack(b"HS", 0, 0, 0x0100_0000, 1 << 40))
        elif kind == 7:
            sock.sendall(noise + b"\n" + noise)
        elif kind == 8:
            sock.sendall(HEADER.pack(b"HS", rng.randrange(256), 0, 0, 0)[: rng.randrange(1, 17)])
        elif kind == 9:
            sock.sendall(b"while true do")
    reset(sock) if k % 3 else sock.close()


def test_a_thousand_rude_clients_in_turn(served_after: ServedBench) -> None:
    rng = random.Random(1)
    process = psutil.Process()
    address = served_after.addresses[0]
    for k in range(100):
        rude(address, k, rng)
    files, memory = process.num_fds(), process.memory_info().rss
    for k in range(1000):
        rude(address, k, rng)
    assert threading.active_count() < 2 * listener.MOST_CONNECTIONS + 20
    assert process.num_fds() < files + 2 * listener.MOST_CONNECTIONS
    assert process.memory_info().rss < memory + (50 << 20)


def test_clients_that_stay_and_say_nothing_do_not_keep_others_out(
    served_after: ServedBench,
) -> None:
    address = served_after.addresses[0]
    idle = [
        connected(port)
        for port in (address.hislip_port, address.socket_port)
        for _ in range(listener.MOST_CONNECTIONS + 10)
    ]
    client = Client(address.hislip_port)
    assert b"2636B" in client.query(b"*IDN?")
    assert served_after.connections <= 2 * listener.MOST_CONNECTIONS + 12
    client.close()
    for sock in idle:
        sock.close()


def test_client_that_never_reads_stops_nobody(served_after: ServedBench) -> None:
    address = served_after.addresses[0]
    with connected(address.socket_port) as deaf:
        deaf.sendall(b"for k = 1, 300 do print(string.rep('x', 20000)) end\n")
        with connected(address.socket_port) as other:
            other.sendall(b"print(1)\n")
            assert other.recv(100) == b"1.00000e+00\n"


def test_huge_message_without_end_takes_bounded_memory(served_after: ServedBench) -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    with connected(served_after.addresses[0].socket_port) as sock:
        chunk = os.urandom(HUGE).replace(b"\n", b" ")
        for _ in range(24):
            sock.sendall(chunk)
        sock.sendall(b"\nprint(7)\n")
        assert sock.recv(100) == b"7.00000e+00\n"
    assert process.memory_info().rss < before + (16 << 20)


def test_payload_too_large_is_refused_and_the_session_goes_on(served_after: ServedBench) -> None:
    client = Client(served_after.addresses[0].hislip_port)
    client.sync.socket.sendall(HEADER.pack(b"HS", 7, 0, FIRST_ID, 3 * HUGE))
    for _ in range(3):
        client.sync.socket.sendall(bytes(HUGE))
    refused = client.sync.receive()
    assert (refused.kind, refused.control) == (3, 4)
    assert client.query(b"print(5)") == b"5.00000e+00\n"
    client.close()


@pytest.mark.parametrize("kind", [1, 5, 26, 34, 39, 127])
@pytest.mark.parametrize("channel", ["sync", "asynchronous"])
def test_unknown_message_is_an_error_and_the_session_goes_on(
    served_after: ServedBench, kind: int, channel: str
) -> None:
    client = Client(served_after.addresses[0].hislip_port)
    reply = getattr(client, channel).ask(kind, payload=b"whatever")
    assert (reply.kind, reply.control) == (3, 1)
    assert client.query(b"print(5)") == b"5.00000e+00\n"
    client.close()


def test_vendor_message_and_control_codes_that_do_not_exist(served_after: ServedBench) -> None:
    client = Client(served_after.addresses[0].hislip_port)
    assert client.sync.ask(200).control == 3
    assert client.asynchronous.ask(10, 99).control == 2
    assert client.asynchronous.ask(4, 99).control == 2
    assert client.asynchronous.ask(15, payload=b"short").kind == 3
    assert client.sync.ask(8).kind == 3  # a device clear that nobody began
    assert client.query(b"print(5)") == b"5.00000e+00\n"
    client.close()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 1),
        (HEADER.pack(b"HS", 7, 0, 0, 0), 3),
        (HEADER.pack(b"HS", 0, 0, 0x0000_0000, 0), 3),
        (HEADER.pack(b"HS", 0, 0, 0x0100_0000, 6) + b"vxi11x", 3),
        (HEADER.pack(b"HS", 17, 0, 12345, 0), 3),
        (HEADER.pack(b"HS", 0, 0, 0x0100_0000, 1 << 60), 1),
    ],
    ids=["http", "data first", "revision 0", "sub-address", "no such session", "absurd length"],
)
def test_wrong_beginning_is_fatal(served_after: ServedBench, sent: bytes, code: int) -> None:
    wire = Wire(served_after.addresses[0].hislip_port)
    wire.socket.sendall(sent)
    reply = wire.receive()
    assert (reply.kind, reply.control) == (2, code)
    assert reply.payload
    assert wire.ended()
    wire.close()


def test_data_before_the_second_channel_is_fatal(served_after: ServedBench) -> None:
    wire = Wire(served_after.addresses[0].hislip_port)
    assert wire.ask(0, 0, 0x0100_0000, b"hislip0").kind == 1
    reply = wire.ask(7, 0, FIRST_ID, b"*IDN?")
    assert (reply.kind, reply.control) == (2, 2)
    assert wire.ended()
    wire.close()


def test_garbage_in_the_middle_ends_both_channels(served_after: ServedBench) -> None:
    client = Client(served_after.addresses[0].hislip_port)
    assert client.query(b"print(1)")
    client.sync.socket.sendall(b"not a header at all")
    assert client.sync.receive().kind == 2
    assert client.sync.ended()
    assert client.asynchronous.ended()
    client.close()


@pytest.mark.parametrize("channel", ["sync", "asynchronous"])
def test_session_ends_with_either_channel_and_gives_its_lock_back(
    served_after: ServedBench, channel: str
) -> None:
    client = Client(served_after.addresses[0].hislip_port)
    assert client.asynchronous.ask(4, 1, 0).control == 1
    client.write(b"print(", kind=6)
    reset(getattr(client, channel).socket)
    other = Client(served_after.addresses[0].hislip_port)
    assert other.asynchronous.ask(4, 1, 20_000).control == 1
    other.close()
    client.close()


@pytest.mark.parametrize("cut", range(1, 24, 4))
def test_disconnect_in_the_middle_of_a_message(served_after: ServedBench, cut: int) -> None:
    client = Client(served_after.addresses[0].hislip_port)
    message = HEADER.pack(b"HS", 7, 0, FIRST_ID, 8) + b"print(1)"
    client.sync.socket.sendall(message[:cut])
    reset(client.sync.socket)
    client.close()


@settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(
    messages=st.lists(
        st.tuples(
            st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**32 - 1),
            st.binary(max_size=40),
        ),
        max_size=8,
    ),
    tail=st.binary(max_size=20),
    asynchronous=st.booleans(),
)  # fmt: skip
def test_random_messages_end_in_answers_or_in_the_end_of_the_session(
    served_after: ServedBench,
    messages: list[tuple[int, int, int, bytes]],
    tail: bytes,
    asynchronous: bool,
) -> None:
    client = Client(served_after.addresses[0].hislip_port)
    wire = client.asynchronous if asynchronous else client.sync
    with contextlib.suppress(OSError):
        for kind, control, parameter, payload in messages:
            if kind == 4:
                parameter = 0  # nobody waits for a lock here
            wire.send(kind, control, parameter, payload)
        wire.socket.sendall(tail)
        wire.socket.shutdown(socket.SHUT_WR)
        while wire.socket.recv(4096):
            pass
    client.close()


def test_ports_are_free_again(make_served: Callable[..., ServedBench]) -> None:
    bench = make_served()
    ports = [p for a in bench.addresses for p in (a.hislip_port, a.socket_port)]
    client = Client(ports[0])
    assert client.query(b"print(1)")
    bench.stop()
    assert client.sync.ended()
    client.close()
    for port in ports:
        with socket.create_server(("127.0.0.1", port)):
            pass
