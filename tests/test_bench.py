import hashlib
import json
import logging
import os
import subprocess
import sys

import pytest
import pyvisa

import labctl
from labctl import sim
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
        (("current_range = 1e-5", "current_range = 5.0"), "current_range: 5 A is above what"),
        (("max_pulse_width = 1.0", "max_pulse_width = 1e-6"), "bit_line could give none"),
        (('row = "A"', 'row = "K"'), "707B has no row K; it has A to H"),
        (('ground = "D"', 'ground = "Z"'), "matrix.ground: the 707B has no row Z"),
        (('"SL0..15" = "5.1..6.4"', '"SL0..15" = "6.1..7.4"'), "slot 7, column 1; a 707B has 6"),
        (("GPIB0::27::INSTR", "GPIB::26"), "too, in another spelling"),
        (('instrument = "matrix"\nground', 'instrument = "gate"\nground'), "no switch matrix"),
    ],
)  # fmt: skip
def test_a_bench_file_that_asks_too_much_is_refused_before_anything_is_connected(
    bench_file, replaced, says
):
    message = refused(bench_file(replaced), BenchFileError)
    assert says in message
    assert "line " in message


@pytest.fixture
def wire():
    """Note every message to every instrument of a bench, and its sessions that are open."""
    managers = []

    def listen(path):
        world = sim.world_of(str(path.resolve()))
        said: dict[str, list[str]] = {}
        for name, address in world._names.items():
            box = world.boxes[address]
            messages = said.setdefault(name, [])

            def feed(data, end=True, *, really=box.feed, messages=messages):
                messages.append(data.decode().strip())
                return really(data, end)

            box.feed = feed
        manager = pyvisa.ResourceManager(f"{path.resolve()}@labsim")
        managers.append(manager)
        return said, manager.visalib._sessions

    yield listen
    for manager in managers:
        manager.close()


def test_another_model_at_an_address_is_refused_and_named(bench_file, wire):
    path = bench_file(more='\n[simulation.faults.gate]\nidentity = "2400"\n')
    said, sessions = wire(path)
    message = refused(path, IdentityError)
    assert "'gate' (2635B) at GPIB0::27::INSTR" in message
    assert "2400" in message
    assert said["gate"] == ["*IDN?"]
    assert set(said["smu"]) | set(said["matrix"]) == {"*IDN?"}
    assert not sessions  # the others are closed again


def test_addresses_that_were_swapped_are_told(bench_file):
    path = bench_file(
        ('model = "2635B"', 'model = "2636B"'),
        more='\n[simulation.faults.smu]\nidentity = "2635B"\n',
    )
    assert "(2636B) at GPIB0::26::INSTR" in refused(path, IdentityError)
    swapped = bench_file(
        more='\n[simulation.faults.smu]\nidentity = "2635B"\n'
        '[simulation.faults.gate]\nidentity = "2636B"\n'
    )
    message = refused(swapped, IdentityError)
    assert "'gate' at GPIB0::27::INSTR: the two addresses may be swapped" in message


def test_another_box_of_the_same_model_is_told_by_its_serial_number(bench_file, wire):
    path = bench_file()
    with Bench.open(path) as bench:
        serial = bench.identities["gate"].serial
    own = bench_file(('model = "2635B"', f'model = "2635B"\nserial = "{serial}"'))
    with Bench.open(own):
        pass
    other = bench_file(('model = "2635B"', 'model = "2635B"\nserial = "42"'))
    said, sessions = wire(other)
    message = refused(other, IdentityError)
    assert "with serial number 42" in message
    assert serial in message
    assert said["gate"] == ["*IDN?"]
    assert not sessions


def test_a_silent_instrument_is_refused_and_named(bench_file, wire):
    path = bench_file(more="\n[simulation.faults.matrix]\nsilent = true\n")
    said, sessions = wire(path)
    message = refused(path, IdentityError)
    assert "'matrix' (707B) at GPIB0::16::INSTR" in message
    assert {message for each in said.values() for message in each} == {"*IDN?"}
    assert not sessions


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


# -- a file that is edited while it is open --------------------------------------------------------


def test_a_run_keeps_the_file_it_was_measured_with(bench_file, tmp_path):
    path = bench_file()
    with Bench.open(path) as bench:
        run = labctl.run("read_map", bench, data=tmp_path / "data", cells="0,0..1")
        kept = json.loads((run.path / "run.json").read_text())
    assert kept["bench_file"]["digest"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert kept["bench_file"]["limits"]["max_pulse_width"] == 1.0
    assert kept["bench_file_edited"] is False


def test_an_edited_bench_file_is_noticed_once_and_the_bench_keeps_what_it_had(bench_file, caplog):
    path = bench_file()
    with Bench.open(path) as bench, caplog.at_level(logging.WARNING, "labctl"):
        bench.array.read([[0, 0]])
        os.utime(path)  # touched, not edited
        bench.array.read([[0, 0]])
        assert not bench.edited
        assert not caplog.records
        path.write_text(path.read_text().replace("max_voltage = 4.0", "max_voltage = 0.1"))
        bench.array.read([[0, 0]], voltage=0.2)  # the limit of before holds
        [record] = caplog.records
        assert str(path) in record.getMessage()
        assert "close and open it again" in record.getMessage()
        assert bench.edited
        metadata = bench.metadata()
        bench.array.read([[0, 0]])
        assert len(caplog.records) == 1
    assert metadata["bench_file_edited"] is True
    assert metadata["bench_file"]["terminals"]["bit_line"]["max_voltage"] == 4.0
    with Bench.open(path) as bench:
        assert not bench.edited
        with pytest.raises(LimitError, match=r"max_voltage"):
            bench.array.read([[0, 0]], voltage=0.2)


def test_a_bench_file_that_is_gone_counts_as_edited(bench_file, caplog):
    path = bench_file()
    with Bench.open(path) as bench:
        path.rename(path.with_suffix(".old"))
        with caplog.at_level(logging.WARNING, "labctl"):
            assert bench.edited
            assert bench.metadata()["bench_file_edited"] is True
        assert len(caplog.records) == 1


# -- two programs on one bench ---------------------------------------------------------------------

OPENING = """
import os, sys
from labctl import Bench
from labctl.errors import EngineError
os.chdir(sys.argv[1])
try:
    Bench.open(sys.argv[2])
except EngineError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="links of POSIX")
def test_another_process_is_refused_whatever_name_it_has_for_the_file(bench_file):
    path = bench_file()
    link = path.with_name("link.toml")
    link.symlink_to(path)
    beside = path.parent / "beside"
    beside.mkdir()
    shelf = path.parent / "shelf"
    shelf.symlink_to(path.parent, target_is_directory=True)
    with Bench.open(path):
        for name in (link, f"../{path.name}", shelf / "beside" / ".." / link.name):
            done = subprocess.run(
                [sys.executable, "-c", OPENING, str(beside), str(name)],
                capture_output=True,
                text=True,
                timeout=120,
            )
            assert f"already in use by process {os.getpid()}" in done.stdout, done.stderr
