"""A connection in all its transports: lines, blocks, late answers, breaks."""

from __future__ import annotations

import socket
import struct
import threading

import numpy as np
import pytest

from drivers._line import Line, connect
from drivers._wire import AdapterWire, SocketWire, VisaWire, wire_of
from labctl.errors import ConnectionLostError, InstrumentError
from tests.drivers.onebox import one_box, served_box

TRANSPORTS = ("socket", "hislip")


class Peer:
    """A TCP server for one client that answers as a test tells it to."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(20.0)
        self.address = f"TCPIP0::127.0.0.1::{self._server.getsockname()[1]}::SOCKET"
        self._client: socket.socket | None = None
        self._rest = b""

    @property
    def client(self) -> socket.socket:
        if self._client is None:
            self._client, _ = self._server.accept()
            self._client.settimeout(20.0)
        return self._client

    def heard(self) -> str:
        """Wait for the next line."""
        while b"\n" not in self._rest:
            data = self.client.recv(4096)
            assert data, "the client has gone"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def say(self, data: bytes) -> None:
        self.client.sendall(data)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
        self._server.close()


@pytest.fixture
def peer():
    found = Peer()
    yield found
    found.close()


@pytest.fixture
def line(peer):
    adapter = connect(peer.address, "@py", timeout=20.0)
    yield Line(adapter, "Peer", break_off=("abort",))
    adapter.close()


def answering(peer, *answers):
    """Answer what comes, line by line, in a thread; return it and what it has heard."""
    heard = []

    def serve():
        for answer in answers:
            heard.append(peer.heard())
            if answer is not None:
                peer.say(answer)

    thread = threading.Thread(target=serve, name="peer", daemon=True)
    thread.start()
    return thread, heard


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("model", ["2400", "2450", "B2901A"])
def test_a_source_meter_measures_and_sweeps_over_the_network(tmp_path, model, transport):
    with served_box(tmp_path, model, transport, timeout=20.0) as rig:
        meter = rig.ready()
        assert meter.measure(0.2, 1e-3).current == pytest.approx(2e-5, rel=1e-3)
        levels = np.linspace(-0.5, 0.5, 2600)
        currents, flags = meter.sweep(levels, dwell=1e-4)
        assert currents == pytest.approx(levels / 1e4, rel=1e-2, abs=1e-8)
        assert not flags.any()
        meter.off()
        assert rig.is_off


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_late_answer_is_never_taken_for_the_next(tmp_path, transport):
    with served_box(tmp_path, "B2901A", transport, real_time=True, timeout=20.0) as rig:
        meter = rig.ready()
        line = rig.box.line
        line._wire.timeout = 0.15
        rig.faults.delay = 0.5
        with pytest.raises(ConnectionLostError, match="does not answer"):
            meter.measure(0.3, 0.0)
        rig.faults.delay = 0.0
        line._wire.timeout = 20.0
        for volts in (0.1, 0.2):
            assert meter.measure(volts, 0.0).current == pytest.approx(volts / 1e4, rel=1e-3)
        assert rig.box.identity.model == "B2901A"
        assert "B2901A" in line.query("*IDN?")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_connection_that_breaks_is_lost_at_once(tmp_path, transport):
    with served_box(tmp_path, "2400", transport, timeout=60.0) as rig:
        meter = rig.ready()
        rig.faults.lost = True
        for _ in range(2):
            with pytest.raises(ConnectionLostError, match="2400 does not answer"):
                meter.measure(0.1, 0.0)


def test_nobody_at_the_address_is_a_lost_connection(peer):
    address = peer.address
    peer.close()
    with pytest.raises(ConnectionLostError, match=r"127\.0\.0\.1"):
        connect(address, "@py", timeout=20.0)


def test_a_socket_sends_at_once(peer):
    adapter = connect(peer.address, "@py", timeout=0.2)
    wire = wire_of(adapter)
    assert isinstance(wire, SocketWire)
    session = adapter.connection.visalib.sessions[adapter.connection.session]
    assert session.interface.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    adapter.close()


@pytest.fixture
def hasty(line):
    """Let the connection wait no longer than an instrument that stays silent deserves."""
    line._wire.timeout = 0.1
    return line


def test_half_a_line_is_waited_for_and_a_second_one_kept(peer, line):
    thread, _ = answering(peer, b"one\ntw", b"o\n")
    assert line.query("A?") == "one"
    assert line.query("B?") == "two"
    thread.join(20.0)


def test_blocks_are_counted_whatever_is_in_them(peer, line):
    data = bytes(range(256)) * 300
    assert data.count(b"\n") == 300
    thread, _ = answering(peer, b"#0" + data + b"\n", b"#576800" + data + b"\n", b"after\n")
    assert line.query_block("X?", len(data)) == data
    assert line.query_block("Y?", len(data)) == data
    assert line.query("Z?") == "after"
    thread.join(20.0)


@pytest.mark.parametrize(
    "answer",
    [b"1.0,2.0,3.0,4.0\n", b"#18abcdefgh\n", b"#17abcdefg\n", b"#0abcdefghijk\n", b"#x12345678\n"],
)
def test_another_block_than_the_one_asked_for_is_an_error(peer, line, answer):
    thread, _ = answering(peer, answer)
    with pytest.raises(InstrumentError, match="no block"):
        line.query_block("X?", 10)
    thread.join(20.0)


def test_after_a_time_out_a_socket_finds_its_place_behind_late_answers(peer, line):
    for mark in (101, 102):
        thread, heard = answering(peer, None)
        line._wire.timeout = 0.1
        with pytest.raises(ConnectionLostError):
            line.query("SLOW?")
        line._wire.timeout = 20.0
        thread.join(20.0)
        # The late answers come only now, one of them like an earlier mark.
        late = f"late\n100\n+1.0E+02,3\n{mark - 1}\n{mark}\n".encode()
        thread, heard = answering(peer, None, None, late, b"right\n")
        assert line.query("FAST?") == "right"
        thread.join(20.0)
        assert heard == ["abort", f"*ESE {mark}", "*ESE?", "FAST?"]


def test_a_socket_that_stays_silent_is_lost_again_and_again(peer, hasty):
    thread, heard = answering(peer, None, None, None, None, None, None, None)
    for _ in range(3):
        with pytest.raises(ConnectionLostError, match="Peer does not answer"):
            hasty.query("A?")
    thread.join(20.0)
    assert heard == ["A?", "abort", "*ESE 101", "*ESE?", "abort", "*ESE 102", "*ESE?"]


def test_a_device_clear_of_a_socket_sends_the_word_for_it(peer, line):
    line._wire.timeout = 20.0
    thread, heard = answering(peer, None, None, b"+101\n")
    line.clear()
    thread.join(20.0)
    assert heard == ["abort", "*ESE 101", "*ESE?"]
    thread, heard = answering(peer, b"7\n")
    assert line.query("N?") == "7"
    thread.join(20.0)


def test_the_clear_of_a_hung_query_does_not_wait_for_it(peer, line):
    line._wire.timeout = 20.0
    failed = []

    def hang():
        try:
            line.query("HANG?")
        except ConnectionLostError as error:
            failed.append(error)

    thread = threading.Thread(target=hang, name="hung", daemon=True)
    thread.start()
    assert peer.heard() == "HANG?"
    line.clear()
    assert peer.heard() == "abort"
    assert thread.is_alive()
    peer.close()
    thread.join(20.0)
    assert failed
    assert not thread.is_alive()


def test_a_long_action_is_waited_for(tmp_path):
    with one_box(tmp_path, "2400", timeout=0.5) as rig:
        meter = rig.ready()
        assert meter.pulse(0.5, 3.0).flag == 0
        assert rig.port.time_at(0.5) == pytest.approx(3.0, rel=1e-3)
        with pytest.raises(ConnectionLostError):
            rig.box.line.query(":SOUR:DEL 3;:READ?")


def test_a_block_full_of_line_feeds_is_one_read(tmp_path, monkeypatch):
    with one_box(tmp_path, "2400") as rig:
        library = rig.box.adapter.connection.visalib
        counts, read = [], library.read
        monkeypatch.setattr(library, "read", lambda s, n: counts.append(n) or read(s, n))
        rig.world.box("meter").execute = lambda line: rig.world.box("meter").say(
            b"#0" + b"\n" * 5000 + b"\n"
        )
        assert rig.box.line.query_block("X?", 5000) == b"\n" * 5000
        assert counts == [2, 5001]


def test_logged_messages_go_through_pymeasure(tmp_path, caplog):
    with one_box(tmp_path, "2400") as rig:
        assert isinstance(rig.box.line._wire, VisaWire)
        rig.box.adapter.log.setLevel("DEBUG")
        try:
            logged = Line(rig.box.adapter, "Logged")
            assert isinstance(logged._wire, AdapterWire)
            assert "2400" in logged.query("*IDN?")
            assert "*IDN?" in caplog.text
            box = rig.world.box("meter")
            box.say(b"#0" + struct.pack("<3f", 1.0, 2.0, 3.0) + b"\n")
            logged._wire.timeout = 1.0
            assert logged._wire.exactly(14)[:2] == b"#0"
        finally:
            rig.box.adapter.log.setLevel("NOTSET")
