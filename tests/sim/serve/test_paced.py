"""Bench time at true speed: it lasts, it stops nobody else, and a device clear ends it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from labctl.clock import PacedClock
from labctl.sim.serve.bench import ServedBench
from tests.sim.serve.client import Client

FOR_EVER = b"x = 1 delay(90000) x = 2"
MakeServed = Callable[..., ServedBench]


def answer(port: int, message: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 20.0) as sock, sock.makefile("rb") as lines:
        sock.sendall(message)
        return lines.readline()


def runs(bench: ServedBench) -> None:
    """Wait until the first instrument is busy with a message."""
    while not bench.stations["smu"].busy:
        pass


def test_device_clear_before_a_script_has_begun(make_served: MakeServed) -> None:
    bench = make_served(real_time=True)
    for _ in range(20):
        client = Client(bench.addresses[0].hislip_port)
        client.write(FOR_EVER)
        client.clear()
        assert client.query(b"print(3)") == b"3.00000e+00\n"
        client.close()


def test_message_that_a_device_clear_overtakes_is_not_done(
    make_served: MakeServed, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_served(real_time=True)
    station = bench.stations["smu"]
    ask = station.ask

    def overtaken(messages: bytes, *more: Any, **named: Any) -> list[bytes]:
        while not station.clears:
            pass
        return ask(messages, *more, **named)

    client = Client(bench.addresses[0].hislip_port)
    with monkeypatch.context() as patch:
        patch.setattr(station, "ask", overtaken)
        client.write(FOR_EVER)
        client.clear()
    assert client.query(b"print(x)") == b"nil\n"
    client.close()


def test_bench_time_lasts_as_long_as_time_on_the_wall(make_served: MakeServed) -> None:
    bench = make_served(real_time=True)
    client = Client(bench.addresses[0].hislip_port)
    before, bench_before = time.monotonic(), bench.world.clock.now()
    client.query(b"delay(0.2) print(1)")
    assert time.monotonic() - before >= 0.199
    assert bench.world.clock.now() - bench_before >= 0.2
    client.close()


def test_time_between_messages_counts_too(make_served: MakeServed) -> None:
    bench = make_served(real_time=True)
    client = Client(bench.addresses[0].hislip_port)
    client.query(b"timer.reset() print(1)")
    answer(bench.addresses[1].socket_port, b"delay(0.1) print(1)\n")
    assert float(client.query(b"print(timer.measure.t())")) >= 0.1
    client.close()


SWEEP = (
    b"smua.trigger.source.listv({0, 0, 0, 0, 0}) smua.trigger.source.action = smua.ENABLE "
    b"smua.trigger.measure.i(smua.nvbuffer1) smua.trigger.measure.action = smua.ENABLE "
    b"smua.nvbuffer1.collecttimestamps = 1 smua.trigger.count = 5 smua.measure.nplc = 1 "
    b"smua.measure.autozero = smua.AUTOZERO_OFF smua.measure.rangei = 1e-3 "
    b"smua.trigger.initiate()"
)


def test_sweep_goes_on_between_messages_at_its_own_pace(make_served: MakeServed) -> None:
    bench = make_served(real_time=True)
    client = Client(bench.addresses[0].hislip_port)
    client.write(SWEEP)
    threading.Event().wait(0.3)  # nothing is asked of the bench meanwhile
    assert float(client.query(b"print(smua.nvbuffer1.n)")) == 5
    first, last = (float(client.query(b"print(smua.nvbuffer1.timestamps[%d])" % k)) for k in (1, 5))
    assert 4 * 0.02 * 0.999 <= last - first < 0.2
    client.close()


def test_status_that_is_polled_sees_a_sweep_end(make_served: MakeServed) -> None:
    bench = make_served(real_time=True)
    client = Client(bench.addresses[0].hislip_port)
    for message in (b"*CLS", b"*ESE 1", SWEEP, b"opc()"):
        client.write(message)
    while not client.poll() & 32:
        pass
    assert float(client.query(b"print(smua.nvbuffer1.n)")) == 5
    client.close()


def test_device_clear_is_answered_while_a_script_waits(make_served: MakeServed) -> None:
    bench = make_served(real_time=True)
    client = Client(bench.addresses[0].hislip_port)
    client.query(b"print(1)")
    client.write(FOR_EVER)
    runs(bench)
    client.clear()
    assert client.query(b"print(3)") == b"3.00000e+00\n"
    assert bench.world.clock.now() < 80_000
    client.close()


def test_another_session_clears_what_the_first_one_started(make_served: MakeServed) -> None:
    bench = make_served(real_time=True)
    port = bench.addresses[0].hislip_port
    one, two = Client(port), Client(port)
    one.query(b"print(1)")
    one.write(FOR_EVER)
    runs(bench)
    two.clear()
    assert two.query(b"print(3)") == b"3.00000e+00\n"
    one.close()
    two.close()


def test_device_clear_ends_what_began_after_it_was_asked_for(make_served: MakeServed) -> None:
    bench = make_served(real_time=True)
    port = bench.addresses[0].hislip_port
    one, two = Client(port), Client(port)
    assert two.asynchronous.ask(19).kind == 23
    one.write(FOR_EVER)
    runs(bench)
    two.sync.send(8)
    assert two.sync.receive().kind == 9
    one.close()
    two.close()


def test_others_are_served_while_a_script_waits(make_served: MakeServed) -> None:
    bench = make_served(real_time=True)
    client = Client(bench.addresses[0].hislip_port)
    client.query(b"print(1)")
    client.write(FOR_EVER)
    runs(bench)
    assert client.poll() & 4 == 0
    assert b"2635B" in answer(bench.addresses[1].socket_port, b"*IDN?\n")
    assert b"707B" in answer(bench.addresses[2].socket_port, b"*IDN?\n")
    client.close()


def test_abort_ends_a_script_over_a_raw_socket(make_served: MakeServed) -> None:
    bench = make_served(real_time=True)
    port = bench.addresses[0].socket_port
    assert answer(port, FOR_EVER + b"\nabort\nprint(4)\n") == b"4.00000e+00\n"
    with socket.create_connection(("127.0.0.1", port), 20.0) as sock, sock.makefile("rb") as lines:
        sock.sendall(b"print(5) delay(90000)\n")
        sock.sendall(b"abort\nprint(6)\n")
        assert [lines.readline() for _ in range(2)] == [b"5.00000e+00\n", b"6.00000e+00\n"]


def test_a_script_that_waits_does_not_keep_the_servers_from_ending(
    make_served: MakeServed,
) -> None:
    bench = make_served(real_time=True)
    client = Client(bench.addresses[0].hislip_port)
    client.query(b"print(1)")
    client.write(FOR_EVER)
    runs(bench)
    bench.stop()
    assert client.sync.ended()
    client.close()


def test_hurried_thread_wakes_and_no_time_has_passed() -> None:
    clock = PacedClock()
    begun = threading.Event()

    def work() -> None:
        begun.set()
        clock.sleep(90_000.0)
        clock.sleep(90_000.0)

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait(20.0)
    assert thread.ident is not None
    clock.hurry(thread.ident)
    thread.join(20.0)
    assert not thread.is_alive()
    assert clock.now() == 0.0


def test_short_sleeps_are_exact() -> None:
    clock = PacedClock()
    for _ in range(100):
        clock.sleep(1e-5)
    clock.sleep(-1.0)
    assert abs(clock.now() - 1e-3) < 1e-12
