import os
import subprocess
import sys

import pytest

from labctl.bench import Bench
from labctl.errors import BenchFileError, EngineError, IdentityError, LatchedError, LimitError
from tests.truth import Truth


def refused(path, error) -> str:
    with pytest.raises(error) as caught:
        Bench.open(path)
    return str(caught.value)


def test_opening_a_bench_shows_who_answers_and_leaves_everything_at_zero(bench_file):
    path = bench_file()
    with Bench.open(path) as bench:
        assert {n: i.model for n, i in bench.identities.items()} == {
            "smu": "2636B",
            "gate": "2635B",
            "matrix": "707B",
        }
        assert len({identity.serial for identity in bench.identities.values()}) == 3
        assert not any(Truth(path).levels())
        assert not Truth(path).closed()


@pytest.mark.parametrize(
    ("replaced", "says"),
    [
        (('driver = "keithley707b"', 'driver = "keithly707b"'), "'keithley707b'"),
        (('model = "707B"', 'model = "7001"'), "it knows 707B"),
        (('model = "2635B"', 'model = "2450"'), "does not know model"),
        (("max_voltage = 5.0 ", "max_voltage = 500 "), "above what a 2635B can do (202 V)"),
        (("max_current = 1e-4", "max_current = 5.0"), "above what a 2635B can do"),
        (("compliance = 1e-5", "compliance = 1e-12"), "below the smallest"),
        (('address = "GPIB0::27::INSTR"', 'address = "second shelf"'), "no VISA address"),
        (('"gate"\nchannel = "a"', '"gate"\nchannel = "b"'), "no channel 'b'"),
        (('instrument = "matrix"\nground', 'instrument = "gate"\nground'), "no switch matrix"),
    ],
)  # fmt: skip
def test_a_bench_file_that_asks_too_much_is_refused_before_anything_is_connected(
    bench_file, replaced, says
):
    message = refused(bench_file(replaced), BenchFileError)
    assert says in message
    assert "line " in message


def test_another_model_at_an_address_is_refused_and_named(bench_file):
    path = bench_file(more='\n[simulation.faults.gate]\nidentity = "2400"\n')
    message = refused(path, IdentityError)
    assert "'gate' (2635B) at GPIB0::27::INSTR" in message
    assert "2400" in message


def test_a_silent_instrument_is_refused_and_named(bench_file):
    path = bench_file(more="\n[simulation.faults.matrix]\nsilent = true\n")
    message = refused(path, IdentityError)
    assert "'matrix' (707B) at GPIB0::16::INSTR" in message


def test_after_a_stop_nothing_moves_until_somebody_acknowledges(bench_file):
    path = bench_file()
    with Bench.open(path) as bench:
        bench.array.read([[0, 0]])
        bench.stop("the test said so")
        assert not any(Truth(path).levels())
        assert not Truth(path).closed()
        with pytest.raises(LatchedError, match="the test said so"):
            bench.array.read([[0, 0]])
        bench.acknowledge()
        assert len(bench.array.read([[0, 0]])) == 1


def test_leaving_the_bench_by_an_exception_takes_outputs_to_zero_and_opens_relays(bench_file):
    path = bench_file()

    def work():
        with Bench.open(path) as bench:
            bench.array.read([[0, 0]])
            assert Truth(path).closed()
            raise RuntimeError("anything")

    with pytest.raises(RuntimeError):
        work()
    assert not any(Truth(path).levels())
    assert not Truth(path).closed()


def test_an_instrument_that_dies_does_not_keep_the_others_from_going_to_zero(bench_file):
    path = bench_file()
    bench = Bench.open(path)
    bench.array.read([[0, 0]])
    truth = Truth(path)
    truth.silence("gate")
    with pytest.raises(Exception, match=r"gate|word_line"):
        bench.array.read([[0, 1]])
    assert not any(truth.levels()[1:])  # all but the dead one
    assert not Truth(path).closed()
    with pytest.raises(Exception, match="word_line"):
        bench.close()


def test_limits_of_the_bench_file_hold_for_the_array(bench_file):
    from labctl.array import Pulse

    path = bench_file()
    with Bench.open(path) as bench:
        for pulse, says in (
            (Pulse.set(4.1, 2.0, 1e-3), r"max_voltage"),
            (Pulse.set(float("nan"), 2.0, 1e-3), r"nan V"),
            (Pulse.reset(1.0, 5.5, 1e-3), r"word_line"),
            (Pulse.set(1.0, 2.0, 100e-9), r"shortest .* is 0.0001 s"),
            (Pulse.set(1.0, 2.0, 2.0), r"max_pulse_width"),
            (Pulse(1.0, 1.0, 2.0, 1e-3), r"at once"),
        ):
            with pytest.raises(LimitError, match=says):
                bench.array.pulse([[0, 0]], pulse)
        assert bench.array.counters.pulses == 0
        assert Truth(path).closures() == 0
        with pytest.raises(LimitError, match="0 V"):
            bench.array.read([[0, 0]], voltage=0.0)


LEAVING = """
import os, signal, sys
from pathlib import Path
from labctl import Bench
from tests.truth import Truth
path = Path(sys.argv[1])
truth = Truth(path)
try:
    with Bench.open(path) as bench:
        bench.array.read([[0, 0]])
        assert truth.closed()
        os.kill(os.getpid(), getattr(signal, sys.argv[2]))
        bench.array.read(bench.array.all_cells)
finally:
    print("levels", sum(truth.levels()), "relays", len(truth.closed()))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_signal_in_a_script_takes_the_bench_to_zero(bench_file, name):
    done = subprocess.run(
        [sys.executable, "-c", LEAVING, str(bench_file()), name],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "levels 0.0 relays 0\n", done.stderr
    assert done.returncode != 0


INSISTING = """
import os, signal, sys
from pathlib import Path
from labctl import Bench
from tests.truth import Truth
path = Path(sys.argv[1])
truth = Truth(path)
try:
    with Bench.open(path) as bench:
        bench.array.read([[0, 0]])
        meter, off = bench.safety.bit_line.meter, bench.safety.bit_line.meter.off
        meter.off = lambda: (os.kill(os.getpid(), signal.SIGINT), off())
        os.kill(os.getpid(), signal.SIGINT)
        bench.array.read(bench.array.all_cells)
except KeyboardInterrupt:
    print("levels", sum(truth.levels()), "relays", len(truth.closed()))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_second_ctrl_c_on_the_way_to_zero_does_not_cut_it_short(bench_file):
    done = subprocess.run(
        [sys.executable, "-c", INSISTING, str(bench_file())],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "levels 0.0 relays 0\n", done.stderr


def test_a_second_program_on_a_bench_is_refused_and_told_who_has_it(bench_file):
    path = bench_file()
    with Bench.open(path):
        message = refused(path, EngineError)
        assert f"process {os.getpid()}" in message
    with Bench.open(path):
        pass
