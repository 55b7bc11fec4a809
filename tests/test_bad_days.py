"""Bad days on the simulated bench: whatever happens, outputs go to zero and the error tells why."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import labctl
from labctl.bench import Bench
from labctl.engine.client import EngineClient
from labctl.errors import (
    ConnectionLostError,
    EngineError,
    InstrumentError,
    LabctlError,
    LatchedError,
)
from labctl.guard.latch import release_latch
from labctl.rendezvous import latch_file, look_up
from labctl.store import RunReader, Status, runs
from tests.served import SLEEPING, wait_for
from tests.truth import Truth

ALL_AT_ZERO = [0.0, 0.0, 0.0]


@pytest.mark.parametrize("after", [0, 1, 3])
def test_an_instrument_unplugged_in_the_middle_of_a_sweep(bench_file, after):
    path = bench_file()
    truth = Truth(path)
    bench = Bench.open(path)
    bench.array.read([[0, 0]])
    assert truth.closed()
    truth.world.faults("smu").lost_after = after
    with pytest.raises(ConnectionLostError, match="Keithley 2636B does not answer"):
        bench.array.sweep((0, 0), np.linspace(0.1, 1.0, 50).tolist(), gate=3.0, dwell=1e-3)
    assert truth.level("word_line") == 0.0
    assert not truth.world.box("gate").channels["a"].output
    assert not truth.closed()
    with pytest.raises(InstrumentError, match=r"switch its outputs off by hand: bit_line"):
        bench.close()


def test_an_unplugged_instrument_is_told_of_in_the_run_that_it_ended(bench_file, tmp_path):
    path = bench_file()
    with Bench.open(path) as bench:
        bench.array.read([[0, 0]])
        Truth(path).world.faults("matrix").lost_after = 7
        with pytest.raises(LabctlError):
            labctl.run("read_map", bench, data=tmp_path)
        [run] = runs(tmp_path)
        assert run.status is Status.FAILED
        assert "707B does not answer" in run.error
        assert not any(Truth(path).levels())
        Truth(path).world.faults("matrix").lost = False


def test_answers_that_come_late_are_no_answers_to_the_next_question(bench_file):
    path = bench_file(*(("noise = true  ", "noise = false "),))
    with Bench.open(path) as bench:
        before = bench.array.read([[0, 0], [0, 1]]).current
        faults = Truth(path).world.faults("smu")
        faults.delay = 20.0
        with pytest.raises(ConnectionLostError, match="does not answer"):
            bench.array.read([[0, 0]])
        faults.delay = 0.0
        assert not any(Truth(path).levels())
        assert not Truth(path).closed()
        assert bench.array.read([[0, 0], [0, 1]]).current == pytest.approx(before, rel=0.2)


@pytest.mark.parametrize("instrument", ["smu", "gate", "matrix"])
def test_garbage_is_never_data(bench_file, instrument):
    path = bench_file()
    with Bench.open(path) as bench:
        bench.array.read([[0, 0]])
        faults = Truth(path).world.faults(instrument)
        faults.garbage = 1
        with pytest.raises(InstrumentError):
            bench.array.read([[0, 1], [1, 0], [5, 5]])
        assert not any(Truth(path).levels())
        assert not Truth(path).closed()
        assert faults.garbage == 0
        assert len(bench.array.read([[0, 1]])) == 1


def test_an_instrument_that_only_talks_garbage_keeps_no_other_from_zero(bench_file):
    path = bench_file()
    truth = Truth(path)
    with Bench.open(path) as bench:
        bench.array.read([[0, 0]])
        bench.safety.bit_line.meter.force(2.0)
        truth.world.faults("gate").garbage = True
        with pytest.raises(InstrumentError, match="word_line"):
            bench.off()
        assert not any(truth.levels())  # it talks garbage, but it does what it is told
        assert not truth.closed()
        truth.world.faults("gate").garbage = False


INTERLOCKED = (
    'driver = "keithley2600"\nmodel = "2635B"',
    'driver = "keithley2450"\nmodel = "2450"',
)


def test_an_open_interlock_keeps_the_bench_from_driving_and_is_named(bench_file):
    path = bench_file(INTERLOCKED)
    truth = Truth(path)
    with Bench.open(path) as bench:
        truth.world.faults("gate").interlock = "open"
        with pytest.raises(InstrumentError, match=r"2450.*(?i:interlock)"):
            bench.array.read([[0, 0]])
        assert not any(truth.levels())
        assert not truth.closed()
        truth.world.faults("gate").interlock = ""
        assert len(bench.array.read([[0, 0]])) == 1


def test_a_run_in_compliance_stores_flags_and_no_conductance(bench_file, tmp_path):
    keep = 'state = "chip.npz"\n'
    quiet = (("noise = true  ", "noise = false "),)
    with Bench.open(bench_file(*quiet, more=keep)) as bench:
        bench.array.pulse([[0, 0]] * 4, labctl.Pulse.set(3.5, 1.5, 1e-3))
    low = ("compliance = 1e-3\ncurrent_range = 1e-4", "compliance = 1e-6\ncurrent_range = 1e-6")
    path = bench_file(*quiet, low, more=keep)
    with Bench.open(path) as bench:
        run = labctl.run("read_map", bench, data=tmp_path, cells="0,0; 8,8")
        assert not any(Truth(path).levels())
    frame = run.frame("cells")
    assert frame.flag.tolist() == [1, 0]
    assert frame.conductance.isna().tolist() == [True, False]


@pytest.mark.skipif(sys.platform == "win32", reason="a child process")
def test_a_second_program_is_refused_and_sends_nothing(boxes, start):
    served = boxes()
    child = start(SLEEPING, served.path)
    child.line()
    connections = served.served.connections
    with pytest.raises(EngineError, match=f"process {child.process.pid}"):
        Bench.open(served.path)
    assert served.levels()[:2] == [2.0, 2.0]
    assert served.served.connections == connections


FULL = """
import resource, sys
from pathlib import Path
import labctl
from labctl.errors import LabctlError
from tests.truth import Truth
truth = Truth(Path(sys.argv[1]))
with labctl.Bench.open(sys.argv[1]) as bench:
    bench.array.read([[0, 0]])
    # Rows go to the file four times a second: room for several such blocks on any machine.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    try:
        labctl.run("read_map", bench, data=sys.argv[2], repeats=1000)
    except LabctlError as error:
        print("levels", sum(truth.levels()), "relays", len(truth.closed()))
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_disk_that_takes_no_more_ends_the_run_at_zero_and_keeps_what_is_written(
    bench_file, tmp_path
):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(bench_file()), str(tmp_path / "data")],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parent.parent,
    )
    zero, *error = done.stdout.splitlines()
    assert zero == "levels 0.0 relays 0", done.stderr
    assert "free some space" in error[0]
    [run] = runs(tmp_path / "data")
    assert run.status is Status.FAILED
    assert "File too large" in run.error
    frame = run.frame("cells")
    assert len(frame) > 100
    assert len(frame) % 16 == 0  # whole rows of the chip, without a gap
    assert (frame.row + 16 * frame["repeat"]).diff().dropna().isin([0, 1]).all()


HOLD = '''"""Hold."""
import threading
from labctl.procedure import Procedure


class Hold(Procedure):
    """Bring a bit line to 2 V, and hang there."""

    tables = {}

    def units(self):
        return [1]

    def estimate(self):
        return 1.0

    def measure(self, unit):
        self.array.read([[0, 0]])
        safety = self.array._safety
        safety.word_line.meter.force(2.0)
        safety.bit_line.meter.force(2.0)
        self.hang()

    def hang(self):
        threading.Event().wait(600)
'''
QUERY = """
    def hang(self):
        channel = self.array._safety.bit_line.meter._meter
        channel.line.query("delay(500) print(1)")
"""


@pytest.fixture
def engine(boxes, tmp_path):
    """Start an engine on served boxes that holds 2 V, in a run that never ends."""
    ended = []

    def begin(transport="socket", more="", **options):
        served = boxes(transport, **options)
        plugins = served.path.parent / "procedures"
        plugins.mkdir()
        (plugins / "hold.py").write_text(HOLD + more, encoding="utf-8")
        client = EngineClient.start(served.path, tmp_path / "data")
        ended.append((client, served))
        client.submit("hold")
        wait_for(lambda: served.levels()[:2] == [2.0, 2.0])
        return client, served

    yield begin
    for client, served in ended:
        client.close()
        try:
            os.kill(look_up(served.path).pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        except (EngineError, ProcessLookupError):
            continue  # it has ended already
        served.wait_safe()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_engine_that_is_killed_at_2_v(engine, tmp_path):
    client, served = engine()
    [run] = runs(tmp_path / "data")
    os.kill(client.pid, signal.SIGKILL)
    served.wait_safe()
    latch = latch_file(served.path)
    wait_for(latch.exists)
    with pytest.raises(EngineError, match=r"latched since .* guard brought the outputs to zero"):
        EngineClient.start(served.path, tmp_path / "data")
    wait_for(lambda: "guard" in (RunReader(run.path).meta.get("error") or ""))
    assert RunReader(run.path).status is Status.INTERRUPTED
    release_latch(latch)
    with EngineClient.start(served.path, tmp_path / "data") as again:
        assert again.status()["state"] == "idle"
        again.shutdown()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_an_engine_that_is_told_to_end_while_it_hangs(engine, name):
    client, served = engine()
    for _ in range(200):  # the second one breaks off what hangs
        os.kill(client.pid, getattr(signal, name))
        threading.Event().wait(0.05)
        if served.safe():
            break
    assert served.safe()


def test_stop_of_an_engine_that_hangs_in_a_long_query(engine):
    client, served = engine("hislip", more=QUERY, real_time=True, timeout=20.0)
    client.stop()
    assert served.safe()
    assert client.status()["latched"] == "emergency stop"
    last = client.wait(1)
    assert last["status"] == "aborted", last["error"]
    assert last["error"].startswith("Emergency stop.")
    with pytest.raises(LatchedError):
        client.submit("hold")
    client.acknowledge()
    assert client.status()["latched"] is None
