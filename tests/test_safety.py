"""Limits that hold, the way to zero and its order, and the emergency stop of a bench that hangs."""

import threading
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from labctl.array import Pulse
from labctl.bench import Bench
from labctl.errors import InstrumentError, LabctlError, LatchedError, LimitError
from labctl.rendezvous import latch_file
from tests.served import wait_for
from tests.truth import TERMINALS, Truth

LIMITS = {"word_line": (5.0, 1e-4), "bit_line": (4.0, 1e-3), "source_line": (4.0, 1e-3)}
"""V and A of each terminal in the simulated default bench."""


class Watch:
    """Everything that the source meters and relays of a world really do, as it happens."""

    def __init__(self, world, monkeypatch):
        self.most = dict.fromkeys(TERMINALS, 0.0)
        self.current = dict.fromkeys(TERMINALS, 0.0)
        self.events = []
        names = {net: name for name, net in TERMINALS.items()}
        circuit = world.circuit
        move = circuit.move

        def driven(drive, name, voltage, limit):
            if name is not None and np.isfinite(voltage):
                self.most[name] = max(self.most[name], abs(voltage))
                if voltage:
                    self.current[name] = max(self.current[name], limit)
                self.events.append((name, voltage))
            return drive(voltage, limit)

        def moved(opened, closed, stick=False):
            opened, closed = list(opened), list(closed)
            self.events.append(("relays", len(closed) - len(opened)))
            return move(opened, closed, stick)

        for net, port in world.ports:
            monkeypatch.setattr(port, "drive", partial(driven, port.drive, names.get(net)))
        monkeypatch.setattr(circuit, "move", moved)

    def first(self, name, value=0.0):
        """Where a terminal first comes to a level, or the relays to a movement."""
        return next(k for k, event in enumerate(self.events) if event == (name, value))


class Turncoat(Pulse):
    """Shows a harmless voltage when looked at first, and another one later."""

    looks = 0

    @property
    def bit_line(self):
        Turncoat.looks += 1
        return 1.0 if Turncoat.looks < 4 else 40.0

    def __init__(self):
        """Nothing is kept."""

    source_line = property(lambda self: 0.0)
    gate = property(lambda self: 2.0)
    width = property(lambda self: 1e-3)

    def __hash__(self):
        return 1

    def __eq__(self, other):
        return self is other


class Sly(list):
    """Voltages that are other ones at the second look."""

    def __iter__(self):
        yield from [0.1, 0.2] if not self else [0.1, 90.0]
        self.append(0.1)


WILD = st.one_of(
    st.floats(-300, 300),
    st.floats(-6, 6),
    st.sampled_from([0.0, -0.0, 4.0, 4.0000001, -4.0, 5.0, -5.0, 5.001, np.inf, np.nan]),
)
KINDS = st.sampled_from([float, np.float64, np.float32, np.array])
WIDTH = st.one_of(st.floats(-1, 5), st.sampled_from([1e-4, 1e-3, 1.0, 1.0001, float("nan")]))


@st.composite
def calls(draw):
    """A call of an array by somebody who does not care."""
    kind, values = draw(KINDS), [draw(WILD) for _ in range(4)]
    a, b, c, d = (kind(value) for value in values)
    what = draw(st.sampled_from(["read", "pulse", "pulse and read", "sweep", "force", "measure"]))
    return what, a, b, c, d, draw(WIDTH)


def make(bench, call):
    """Make a call; a refusal is fine."""
    what, a, b, c, d, width = call
    array, bit = bench.array, bench.safety.bit_line.meter
    if what == "read":
        array.read([[0, 0]], voltage=a, gate=b)
    elif what == "pulse":
        array.pulse([[0, 0]], Pulse(a, 0.0 if width > 1e-3 else b, c, width))
    elif what == "pulse and read":
        array.pulse([[1, 1]], Pulse(0.0, a, c, width), read=d)
    elif what == "sweep":
        array.sweep((0, 1), [a, b, c], gate=d, dwell=width)
    elif what == "force":
        bit.force(a, width)
    else:
        bit.measure(a, width)


def test_no_call_ever_makes_a_source_exceed_its_limit(bench_file, monkeypatch):
    path = bench_file()
    with Bench.open(path) as bench:
        watch = Watch(Truth(path).world, monkeypatch)
        accepted = []

        @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
        @given(calls())
        @example(("read", 0.2, 5.0, 0.0, 0.0, 0.0))
        @example(("pulse", 4.0, 0.0, 5.0, 0.0, 1e-2))
        @example(("pulse and read", 4.0, 0.0, 5.0, 0.2, 1e-3))
        @example(("sweep", 4.0, -4.0, 0.1, 5.0, 1e-3))
        @example(("force", -4.0, 0.0, 0.0, 0.0, 1e-3))
        @example(("measure", np.float32(4.0), 0.0, 0.0, 0.0, 1e-3))
        def hold(call):
            try:
                make(bench, call)
                accepted.append(call[0])
            except (LabctlError, TypeError, ValueError):
                pass  # refused: what counts is what the boxes did
            for name, (volts, amperes) in LIMITS.items():
                assert watch.most[name] <= volts
                assert watch.current[name] <= amperes

        hold()
        assert len(set(accepted)) == 6  # each kind, up to the limits
        assert watch.most == {name: volts for name, (volts, _) in LIMITS.items()}


@pytest.mark.parametrize(
    "drive",
    [
        lambda bench: bench.array.pulse([[0, 0]], Turncoat()),
        lambda bench: bench.array.sweep((0, 0), Sly(), gate=2.0, dwell=1e-3),
        lambda bench: bench.array.pulse([[0, 0]], Pulse.set(1.0, 2.0, -1e-3)),
        lambda bench: bench.array.sweep((0, 0), [0.1], gate=-5.5, dwell=1e-3),
        lambda bench: bench.array.sweep((0, 0), [0.1], gate=2.0, dwell=1e9),
        lambda bench: bench.safety.bit_line.meter.force(4.1),
        lambda bench: bench.safety.bit_line.meter.pulse(1.0, 1.5),
        lambda bench: bench.safety.bit_line.meter.pulse(1.0, 1e-9),
        lambda bench: bench.safety.bit_line.meter.pulse(1.0, float("nan")),
        lambda bench: bench.safety.bit_line.meter.set_limits(voltage=float("nan"), current=1e-3),
        lambda bench: bench.safety.bit_line.meter.set_limits(voltage=4.0, current=-1e-3),
        lambda bench: bench.safety.bit_line.meter.sweep([0.1, float("nan")], 1e-3),
        lambda bench: bench.safety.bit_line.meter.measure(np.float64(-4.1), 0.0),
        lambda bench: bench.safety.bit_line.meter.prepare(
            compliance=2e-3, nplc=0.1, current_range=1e-3
        ),
    ],
)
def test_every_way_around_the_limits_is_closed(bench_file, monkeypatch, drive):
    path = bench_file()
    with Bench.open(path) as bench:
        bench.array.read([[0, 0]])
        watch = Watch(Truth(path).world, monkeypatch)
        with pytest.raises(LimitError):
            drive(bench)
        assert all(watch.most[name] <= volts for name, (volts, _) in LIMITS.items())
        assert all(watch.current[name] <= amperes for name, (_, amperes) in LIMITS.items())


def test_limits_cannot_be_set_from_outside(bench_file):
    with Bench.open(bench_file()) as bench:
        bit = bench.safety.bit_line
        for target, name in ((bit, "max_voltage"), (bit, "meter"), (bit.meter, "max_voltage")):
            with pytest.raises(AttributeError):
                setattr(target, name, 1e3)
        with pytest.raises(ValueError, match="frozen"):
            bench.safety.limits.max_pulse_width = 1e3
        bit.meter.set_limits(voltage=100.0, current=1.0)  # never wider than the bench file's
        with pytest.raises(LimitError):
            bit.meter.force(4.1)


def test_limits_are_in_the_instrument_as_well(bench_file):
    path = bench_file()
    with Bench.open(path) as bench:
        bench.array.read([[0, 0]])
        channel = Truth(path).world.box("smu").channels["a"]
        line = bench._drivers["smu"].line
        assert float(line.query("print(smua.source.limiti)")) <= 1e-3
        assert float(line.query("print(smua.source.rangev)")) < 21.0
        assert channel.output


def test_the_way_to_zero_has_its_order(bench_file, monkeypatch):
    path = bench_file()
    bench = Bench.open(path)
    bench.array.read([[0, 0]])
    for terminal in bench.safety.terminals.values():
        terminal.meter.force(2.0)
    watch = Watch(Truth(path).world, monkeypatch)
    bench.close()
    lines = max(watch.first("bit_line"), watch.first("source_line"))
    gate, relays = (
        watch.first("word_line"),
        next(k for k, event in enumerate(watch.events) if event[0] == "relays"),
    )
    assert lines < gate < relays
    assert Truth(path).violations == []


def test_the_emergency_stop_has_the_same_order(bench_file, monkeypatch):
    path = bench_file()
    with Bench.open(path) as bench:
        bench.array.read([[0, 0]])
        for terminal in bench.safety.terminals.values():
            terminal.meter.force(2.0)
        watch = Watch(Truth(path).world, monkeypatch)
        bench.stop("a test")
        lines = max(watch.first("bit_line"), watch.first("source_line"))
        gate, relays = (
            watch.first("word_line"),
            next(k for k, event in enumerate(watch.events) if event[0] == "relays"),
        )
        assert lines < gate < relays
        assert Truth(path).violations == []
        assert not any(Truth(path).levels())


def test_a_stop_does_not_wait_for_the_lock_of_a_session_that_hangs(bench_file):
    path = bench_file()
    with Bench.open(path) as bench:
        bench.array.read([[0, 0]])
        bench.safety.bit_line.meter.force(2.0)
        locked, over = threading.Event(), threading.Event()

        def hang():
            with bench._drivers["smu"].line.lock, bench._drivers["gate"].line.lock:
                locked.set()
                over.wait()

        thread = threading.Thread(target=hang)
        thread.start()
        try:
            assert locked.wait(60)
            bench.stop("somebody pressed STOP")
            assert not any(Truth(path).levels())
            assert not Truth(path).closed()
        finally:
            over.set()
            thread.join()


def test_a_stop_from_another_thread_ends_a_long_query(boxes):
    served = boxes("hislip", real_time=True, timeout=600.0)
    with Bench.open(served.path) as bench:
        bench.array.read([[0, 0]])
        bench.safety.bit_line.meter.force(2.0)
        line, answers = bench._drivers["smu"].line, []

        def measure():
            try:
                answers.append(line.query("delay(500) print(1)"))
            except LabctlError as error:
                answers.append(error)

        station = served.served.stations["smu"]
        thread = threading.Thread(target=measure, daemon=True)
        thread.start()
        wait_for(lambda: station.busy)
        bench.stop("somebody pressed STOP")
        assert served.safe()
        thread.join(60)
        assert not thread.is_alive()
        with pytest.raises(LatchedError, match="somebody pressed STOP"):
            bench.array.read([[0, 0]])
        bench.acknowledge()
        assert len(bench.array.read([[0, 0]])) == 1


def test_what_goes_on_after_a_stop_drives_nothing_until_it_is_acknowledged(bench_file):
    path = bench_file()
    with Bench.open(path) as bench:
        cells = []

        def interrupt():  # runs in the middle of a batch, as another thread would
            cells.append(1)
            if len(cells) == 3:
                bench.stop("in the middle")

        bench.array.interrupt = interrupt
        with pytest.raises(LatchedError, match="in the middle"):
            bench.array.read(bench.array.all_cells)
        assert len(cells) == 3
        assert not any(Truth(path).levels())
        assert not Truth(path).closed()
        bench.array.interrupt = None
        with pytest.raises(LatchedError):
            bench.safety.bit_line.meter.output(True)
        bench.acknowledge()
        assert len(bench.array.read([[0, 0]])) == 1


def test_a_stop_outlives_the_program_on_a_real_bench(boxes):
    served = boxes()
    with Bench.open(served.path) as bench:
        bench.array.read([[0, 0]])
        bench.stop("smoke")
        assert served.safe()
        assert bench.latched == "smoke"
    with pytest.raises(LatchedError, match="smoke"):
        Bench.open(served.path)
    assert latch_file(served.path).exists()


def test_a_lost_instrument_is_named_and_the_others_are_at_zero(boxes):
    served = boxes(timeout=2.0)
    bench = Bench.open(served.path)
    bench.array.read([[0, 0]])
    bench.safety.bit_line.meter.force(2.0)
    bench.safety.word_line.meter.force(2.0)
    served.world.faults("smu").lost = True
    with pytest.raises(InstrumentError, match=r"bit_line .*source_line ") as caught:
        bench.close()
    assert "word_line" not in str(caught.value)
    assert not served.levels()[0]
    assert not served.outputs()[0]
    assert not served.closed()


def test_a_connection_that_broke_is_made_anew_for_the_way_to_zero(boxes):
    served = boxes()
    bench = Bench.open(served.path)
    bench.array.read([[0, 0]])
    bench.safety.bit_line.meter.force(2.0)
    served.world.faults("smu").lost = True
    with pytest.raises(LabctlError):
        bench.safety.bit_line.meter.force(0.0)
    served.world.faults("smu").lost = False  # the cable is in again, the connection is gone
    bench.close()
    assert served.safe()
