"""The HiSLIP server says what IVI-6.1 says it should, message by message."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labctl.sim.serve.bench import Address, ServedBench
from tests.sim.serve.client import FIRST_ID, Client, Wire

Connect = Callable[..., Client]
MAV = 16


def error(client: Client) -> int:
    return round(float(client.query(b"print(errorqueue.next())").split(b"\t")[0]))


@pytest.mark.parametrize(
    ("asked", "given_"), [(0x0100, 0x0100), (0x0101, 0x0101), (0x0200, 0x0200), (0x0300, 0x0200)]
)
def test_the_revision_is_the_lower_one_of_both_sides(
    connect: Connect, asked: int, given_: int
) -> None:
    client = connect(version=asked)
    assert client.version == given_
    assert not client.prefers_overlap
    assert b"2636B" in client.query(b"*IDN?\n")


@pytest.mark.parametrize("name", [b"hislip0", b"HISLIP3", b"", b"smu"])
def test_sub_addresses_of_the_instrument(connect: Connect, name: bytes) -> None:
    assert b"2636B" in connect(name=name).query(b"*IDN?")


def test_sessions_have_numbers_of_their_own(connect: Connect) -> None:
    one, two = connect(), connect()
    assert one.number != two.number
    one.write(b"print(1)")
    two.write(b"print(2)")
    assert (one.read(), two.read()) == (b"1.00000e+00\n", b"2.00000e+00\n")


def test_every_instrument_has_its_own_port(connect: Connect) -> None:
    models = [connect(k).query(b"*IDN?").split(b",")[1] for k in range(3)]
    assert models == [b" Model 2636B", b" Model 2635B", b" Model 707B"]


def test_a_message_may_come_in_parts(client: Client) -> None:
    client.write(b"print(", kind=6)
    client.write(b"4", kind=6)
    assert client.query(b"2)") == b"4.20000e+01\n"


def test_an_answer_comes_in_parts_no_larger_than_the_client_takes(client: Client) -> None:
    reply = client.asynchronous.ask(15, payload=struct.pack("!Q", 16 + 10))
    assert reply.kind == 16
    assert struct.unpack("!Q", reply.payload)[0] >= 1 << 20
    client.write(b"print(string.rep('x', 25))")
    parts = [client.sync.receive() for _ in range(3)]
    assert [len(part.payload) for part in parts] == [10, 10, 6]
    assert [part.kind for part in parts] == [6, 6, 7]


def test_status_byte_shows_an_answer_until_it_is_delivered(client: Client) -> None:
    assert client.poll() == 0
    client.query(b"print(1)")
    client.delivered = 0  # the program has not read it yet
    assert client.poll() & MAV
    client.delivered = 1
    assert not client.poll() & MAV
    assert not client.poll() & MAV


def test_status_query_for_another_message_sees_no_answer(client: Client) -> None:
    client.query(b"print(1)")
    reply = client.asynchronous.ask(21, 0, FIRST_ID + 100)
    assert not reply.control & MAV


def test_status_byte_shows_an_error(client: Client) -> None:
    client.query(b"nonsense( print(1)\nprint(2)")
    assert client.poll() & 4


def test_message_before_the_answer_was_read_interrupts(client: Client) -> None:
    client.query(b"print(1)")
    client.delivered = 0
    assert client.query(b"print(2)") == b"2.00000e+00\n"
    assert error(client) == -410
    assert error(client) == 0


def test_message_queued_behind_a_question_interrupts_its_answer(client: Client) -> None:
    first = client.id = (client.id + 2) & 0xFFFF_FFFF
    second = client.id = (client.id + 2) & 0xFFFF_FFFF
    head = struct.Struct("!2sBBIQ")
    text = b"print(1)"
    both = head.pack(b"HS", 7, 0, first, len(text)) + text
    both += head.pack(b"HS", 7, 0, second, 8) + b"print(2)"
    client.sync.socket.sendall(both)
    stopped = client.sync.receive()
    assert (stopped.kind, stopped.parameter) == (13, second)
    told = client.asynchronous.receive()
    assert (told.kind, told.parameter) == (14, second)
    assert client.read() == b"2.00000e+00\n"
    assert error(client) == -410


def test_device_clear_drops_half_a_message_and_starts_the_ids_again(client: Client) -> None:
    client.query(b"print(1)")
    client.write(b"print(", kind=6)
    client.poll()  # is answered once the half message has been taken
    assert client.clear() == 0
    assert client.query(b"print(3)") == b"3.00000e+00\n"
    assert error(client) == 0


def test_answer_from_before_a_device_clear_is_not_asked_about(client: Client) -> None:
    client.query(b"print(1)")
    client.clear()
    assert client.query(b"print(2)") == b"2.00000e+00\n"
    assert error(client) == 0


def test_what_comes_during_a_device_clear_is_ignored(client: Client) -> None:
    assert client.asynchronous.ask(19).kind == 23
    client.write(b"x = 5")
    client.sync.send(8)
    assert client.sync.receive().kind == 9
    client.reset()
    assert client.query(b"print(x)") == b"nil\n"


def test_overlapped_session_queues_answers_under_its_own_numbers(client: Client) -> None:
    assert client.clear(features=1) == 1
    client.write(b"x = 1")  # has no answer, and so its number is not used
    for k in (1, 2, 3):
        client.write(b"print(%d)" % k)
    replies = [client.sync.receive() for _ in range(3)]
    assert [reply.payload for reply in replies] == [b"%d.00000e+00\n" % k for k in (1, 2, 3)]
    assert [reply.parameter for reply in replies] == [FIRST_ID, FIRST_ID + 2, FIRST_ID + 4]
    assert client.asynchronous.ask(21, 0, FIRST_ID + 2).control & MAV
    assert not client.asynchronous.ask(21, 0, FIRST_ID + 4).control & MAV
    assert client.clear(features=0) == 0


def test_service_request_is_told_once_until_the_status_is_read(client: Client) -> None:
    client.write(b"*SRE 4")
    client.write(b"nonsense(")
    told = client.asynchronous.receive()
    assert (told.kind, told.control & 64) == (20, 64)
    client.write(b"errorqueue.clear()")
    client.write(b"nonsense(")
    client.query(b"print(1)")
    assert client.poll() & 64
    assert not client.poll() & 64


def test_service_is_watched_for_before_the_session_is_told_that_it_has_begun(
    served: ServedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = served.stations["smu"]
    watch = station.watch

    def slowly(call: Callable[[], None]) -> None:
        threading.Event().wait(0.1)
        watch(call)

    monkeypatch.setattr(station, "watch", slowly)
    client = Client(served.addresses[0].hislip_port)
    client.write(b"*SRE 4")
    client.write(b"nonsense(")
    assert client.asynchronous.receive().kind == 20
    client.close()


def test_exclusive_lock_keeps_others_waiting(connect: Connect) -> None:
    mine, other = connect(), connect()
    assert mine.asynchronous.ask(4, 1, 0).control == 1
    info = other.asynchronous.ask(24)
    assert (info.kind, info.control, info.parameter) == (25, 1, 1)
    assert other.asynchronous.ask(4, 1, 0).control == 0
    other.write(b"x = 7")
    assert mine.query(b"print(x)") == b"nil\n"
    released = mine.asynchronous.ask(4, 0, mine.id)
    assert (released.kind, released.control) == (5, 1)
    assert other.query(b"print(x)") == b"7.00000e+00\n"


def test_lock_asked_for_with_patience_comes_when_it_is_free(connect: Connect) -> None:
    mine, other = connect(), connect()
    assert mine.asynchronous.ask(4, 1, 0).control == 1
    other.asynchronous.send(4, 1, 20_000)
    mine.close()
    assert other.asynchronous.receive().control == 1


def test_shared_lock_with_the_same_key(connect: Connect) -> None:
    one, two, three = connect(), connect(), connect()
    assert one.asynchronous.ask(4, 1, 0, b"key").control == 1
    assert two.asynchronous.ask(4, 1, 0, b"key").control == 1
    assert three.asynchronous.ask(4, 1, 0, b"other").control == 0
    assert one.asynchronous.ask(24).parameter == 2
    assert one.query(b"print(1)") == b"1.00000e+00\n"
    assert two.query(b"print(2)") == b"2.00000e+00\n"
    assert one.asynchronous.ask(4, 1, 0).control == 1  # exclusive on top
    assert one.asynchronous.ask(4, 0, one.id).control == 1
    assert one.asynchronous.ask(4, 0, one.id).control == 2
    assert one.asynchronous.ask(4, 0, one.id).control == 3
    assert two.asynchronous.ask(4, 1, 0, b"key").control == 3


@pytest.mark.parametrize("request_", range(7))
def test_remote_control_is_acknowledged(client: Client, request_: int) -> None:
    assert client.asynchronous.ask(10, request_, client.id).kind == 11


def test_trigger_reaches_the_box(client: Client) -> None:
    client.write(b"", kind=12)
    assert client.query(b"print(1)") == b"1.00000e+00\n"


def test_question_with_no_answer_gets_none(make_served: Callable[..., ServedBench]) -> None:
    bench = make_served("[simulation.faults.gate]\nsilent = true\n")
    silent = Client(bench.addresses[1].hislip_port)
    silent.write(b"*IDN?")
    assert silent.poll() == 0  # the server lives, the box says nothing
    silent.close()


def test_lost_connection_ends_the_session(make_served: Callable[..., ServedBench]) -> None:
    bench = make_served("[simulation.faults.gate]\nlost_after = 1\n")
    client = Client(bench.addresses[1].hislip_port)
    assert b"2635B" in client.query(b"*IDN?")
    client.write(b"*IDN?")
    assert client.sync.ended()
    assert client.asynchronous.ended()
    client.close()


@settings(
    max_examples=30,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.text("abc ;#", max_size=30), cuts=st.lists(st.integers(0, 36), max_size=4))
def test_any_cut_of_a_message_into_parts_is_the_same_message(
    client: Client, text: str, cuts: list[int]
) -> None:
    message = f"print('{text}')".encode()
    bounds = [0, *sorted(min(cut, len(message)) for cut in cuts)]
    for start, stop in pairwise(bounds):
        client.write(message[start:stop], kind=6)
    assert client.query(message[bounds[-1] :]) == text.encode() + b"\n"


def test_address_names_both_ports(smu: Address) -> None:
    assert f"hislip0,{smu.hislip_port}::INSTR" in smu.hislip
    assert f"::{smu.socket_port}::SOCKET" in smu.socket


def test_second_asynchronous_channel_is_refused(client: Client, smu: Address) -> None:
    third = Wire(smu.hislip_port)
    assert third.ask(17, 0, client.number).kind == 2
    assert third.ended()
    third.close()
