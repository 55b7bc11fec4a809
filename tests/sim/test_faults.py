"""Every fault: what is seen on the wire, and how the bench that runs into it behaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pyvisa

from labctl.bench import Bench
from labctl.errors import BenchFileError, ConnectionLostError, IdentityError, InstrumentError
from labctl.instruments import Flag
from labctl.sim.box import Ending
from labctl.sim.faults import Faults
from labctl.sim.hookup import read_hookup
from labctl.sim.world import World
from tests.sim.rig import Rig
from tests.truth import Truth

CELLS = [[0, 3], [0, 4]]


@pytest.fixture
def running(bench_file: Callable[..., Path]) -> Iterator[tuple[Bench, Truth]]:
    """A bench in the middle of its work, and the world behind it."""
    path = bench_file()
    bench = Bench.open(path)
    bench.array.read([[0, 0]])
    truth = Truth(path)
    yield bench, truth
    for name in ("smu", "gate", "matrix"):
        faults = truth.world.faults(name)
        faults.lost, faults.garbage, faults.delay, faults.over_range = False, False, 0.0, False
    bench.close()


@pytest.mark.parametrize(
    ("name", "value", "problem", "says"),
    [
        ("nonsense", 1, AttributeError, "no fault 'nonsense'; an instrument can have delay"),
        ("deaf", True, AttributeError, "no fault 'deaf'"),
        ("interlock", "ajar", ValueError, "it is 'open' or 'closed'"),
        ("interlock", True, TypeError, "cannot be True"),
        ("silent_after", "soon", TypeError, "cannot be 'soon'"),
        ("delay", -1.0, ValueError, "0 s or more"),
        ("delay", float("nan"), ValueError, "0 s or more"),
        ("over_range", 1, TypeError, "cannot be 1"),
    ],
)
def test_what_is_no_fault_is_refused_while_the_bench_runs(
    rig: Rig, name: str, value: object, problem: type[Exception], says: str
) -> None:
    faults = rig.world.faults("smu")
    before = repr(faults)
    with pytest.raises(problem, match=says):
        setattr(faults, name, value)
    assert repr(faults) == before
    assert rig.smu.query("*IDN?").startswith("Keithley")


# -- what is seen on the wire ----------------------------------------------------------------------


def test_lost_connection_is_told_and_settings_outlive_it(rig: Rig) -> None:
    rig.smu.write("smua.source.levelv = 0.125")
    rig.world.faults("smu").lost = True
    with pytest.raises(pyvisa.VisaIOError) as caught:
        rig.smu.query("*IDN?")
    assert caught.value.error_code == pyvisa.constants.StatusCode.error_connection_lost
    assert "2635B" in rig.gate.query("*IDN?")
    rig.world.faults("smu").lost = False
    assert float(rig.smu.query("print(smua.source.levelv)")) == 0.125


def test_connection_breaks_in_the_middle_of_a_message(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig("[simulation.faults.smu]\nlost_after = 2\n")
    rig.smu.write("x = 1")
    assert float(rig.smu.query("print(x)")) == 1
    with pytest.raises(pyvisa.VisaIOError) as caught:
        rig.smu.query("x = 2 print(x)")
    assert caught.value.error_code == pyvisa.constants.StatusCode.error_connection_lost
    rig.world.faults("smu").lost = False
    assert float(rig.smu.query("print(x)")) == 1  # the message that was cut off was not executed


def test_what_was_half_sent_or_not_yet_read_is_gone_with_the_connection(rig: Rig) -> None:
    box = rig.world.box("smu")
    box.feed(b"print(1)\n")
    box.feed(b"print(", end=False)
    box.faults.lost = True
    assert box.take(10) is None
    assert box.serial_poll() == 0
    box.feed(b"2)\n")
    box.faults.lost = False
    box.feed(b"print(3)\n")
    assert box.take(100) == (b"3.00000e+00\n", Ending.END)
    box.feed(b"print(4)\n")
    box.faults.lost_after = box.messages
    box.feed(b"print(5)\n")
    assert box.faults.lost
    box.faults.lost = False
    assert box.take(100) is None
    assert not box.status.errors


def test_garbage_replaces_as_many_answers_as_asked_for(rig: Rig) -> None:
    box = rig.world.box("matrix")
    truth = (b"nil\n", Ending.END)
    for garbage, spoiled in ((2, [True, True, False]), (True, [True] * 3), (False, [False] * 3)):
        box.faults.garbage = garbage
        seen = []
        for _ in range(3):
            box.feed(b'print(channel.getclose("allslots"))\n')
            answer = box.take(100)
            assert answer is not None
            assert len(answer[0]) == 4
            assert answer[0].endswith(b"\n")
            seen.append(answer != truth)
        assert seen == spoiled


def test_delay_is_added_to_every_answer_and_costs_bench_time_only(rig: Rig) -> None:
    rig.world.faults("gate").delay = 1.5
    before = rig.world.clock.now()
    rig.gate.query("print(1)")
    rig.gate.query("print(1)")
    assert rig.world.clock.now() - before == pytest.approx(3.0, abs=0.01)
    rig.world.faults("gate").delay = 30.0
    with pytest.raises(pyvisa.VisaIOError, match="TMO"):
        rig.gate.query("print(1)")


def test_power_cycle_forgets_everything_but_the_wear_of_the_relays(rig: Rig) -> None:
    rig.switch_on()
    rig.matrix.write('channel.close("1A01") channel.setforbidden("2B05") nosuchthing()')
    rig.smu.write("smua.source.levelv = 0.5 x = 7")
    assert rig.smu.query("print(smua.source.output, x)") == "1.00000e+00\t7.00000e+00"
    rig.smu.write("*ESE 255")
    rig.smu.query("*ESR?")
    for name in ("smu", "matrix"):
        rig.world.faults(name).power_cycle()
    assert rig.smu.query("print(smua.source.output, smua.source.levelv, x)").split("\t") == [
        "0.00000e+00", "0.00000e+00", "nil",
    ]  # fmt: skip
    assert rig.smu.query("*ESE?") == "0"
    assert int(rig.smu.query("*ESR?")) & 128
    assert rig.error(rig.smu)[0] == 0
    assert rig.matrix.query('print(channel.getclose("allslots"))') == "nil"
    assert rig.matrix.query('print(channel.getforbidden("allslots"))') == "nil"
    assert rig.matrix.query('print(channel.getcount("1A01"))') == "0"  # of a 7174A: since power-up
    assert rig.world.closures == {"1A01": 1}
    assert not rig.world.circuit.level(1)


def test_the_mains_fail_once_after_so_many_messages(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig("[simulation.faults.matrix]\npower_cycle_after = 2\n")
    rig.matrix.write('channel.close("1A01")')
    assert rig.matrix.query('print(channel.getclose("allslots"))') == "1A01"
    with pytest.raises(pyvisa.VisaIOError, match="TMO"):
        rig.matrix.query('print(channel.getclose("allslots"))')
    for _ in range(4):
        assert rig.matrix.query('print(channel.getclose("allslots"))') == "nil"


# -- contacts --------------------------------------------------------------------------------------


def read(rig: Rig) -> float:
    rig.gate_at(5)
    current = abs(rig.read()[0])
    rig.gate_at(0)
    return current


def test_a_welded_contact_conducts_while_the_matrix_reports_it_open(rig: Rig) -> None:
    rig.form([(0, 0)])
    rig.select(0, 0)
    right = read(rig)
    rig.matrix.write('channel.open("2B01")')
    assert read(rig) < 1e-9
    rig.world.faults("matrix").welded.append("2B01")
    assert rig.matrix.query('print(channel.getclose("2B01"))') == "nil"
    assert read(rig) == pytest.approx(right, rel=0.1)
    rig.matrix.write('channel.close("2B01") channel.open("2B01")')
    assert read(rig) == pytest.approx(right, rel=0.1)
    rig.world.faults("matrix").welded.clear()
    assert read(rig) < 1e-9


def test_a_broken_contact_never_conducts_while_the_matrix_reports_it_closed(rig: Rig) -> None:
    rig.form([(0, 0)])
    rig.select(0, 0)
    right = read(rig)
    rig.world.faults("matrix").open_relays = ["3C01"]
    assert rig.matrix.query('print(channel.getclose("3C01"))') == "3C01"
    assert read(rig) < 1e-9
    rig.matrix.write('channel.open("3C01") channel.close("3C01")')
    assert read(rig) < 1e-9
    rig.world.faults("matrix").open_relays = []
    assert read(rig) == pytest.approx(right, rel=0.1)


def test_contacts_of_the_bench_file_are_so_from_the_start(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig('[simulation.faults.matrix]\nwelded = ["1A01"]\nopen_relays = ["2B02"]\n')
    relays = rig.world.relays("matrix")
    assert relays is not None
    assert relays.touching == {(1, 0, 1)}
    rig.matrix.write('channel.close("2B02") channel.open("allslots")')
    assert relays.touching == {(1, 0, 1)}


def test_a_contact_that_is_not_there_is_refused_and_nothing_else_changes(
    rig: Rig, tmp_path: Path
) -> None:
    faults = rig.world.faults("matrix")
    faults.welded.append("1A01")
    with pytest.raises(ValueError, match="9Z99"):
        faults.welded.append("9Z99")
    with pytest.raises(ValueError, match="9Z99"):
        faults.welded = ["9Z99"]
    assert list(faults.welded) == ["1A01"]
    text = Path(rig.path).read_text(encoding="utf-8")
    for more, says in (
        ('welded = ["9Z99"]', "9Z99"),
        ("nonsense = 1", "nonsense"),
        ('garbage = "often"', "garbage"),
        ("silent_after = true", "silent_after"),
        ("welded = 5", "int"),
    ):
        path = tmp_path / "wrong.toml"
        path.write_text(f"{text}\n[simulation.faults.matrix]\n{more}\n", encoding="utf-8")
        with pytest.raises(BenchFileError, match=says):
            World(read_hookup(path), rig.world.clock)


@pytest.mark.parametrize("opening", [True, False])
@pytest.mark.parametrize("weld", [True, False])
def test_a_contact_switched_hot_welds_if_the_bench_file_says_so(
    make_rig: Callable[..., Rig], opening: bool, weld: bool
) -> None:
    rig = make_rig(f"weld_when_hot = {str(weld).lower()}\n")
    rig.form([(0, 0)])
    rig.select(0, 0)
    if not opening:
        rig.matrix.write('channel.open("2B01")')
    rig.smu.write("smua.source.levelv = 0.2")
    rig.matrix.write(f'channel.{"open" if opening else "close"}("2B01")')
    assert [v.kind for v in rig.world.violations] == ["hot switch"]
    rig.smu.write("smua.source.levelv = 0")
    rig.matrix.write('channel.open("2B01")')
    assert rig.matrix.query('print(channel.getclose("2B01"))') == "nil"
    assert (read(rig) > 1e-7) is weld
    assert list(rig.world.faults("matrix").welded) == (["2B01"] if weld else [])


# -- what the bench does about it ------------------------------------------------------------------


def test_a_lost_connection_stops_the_bench_and_the_others_go_to_zero(
    running: tuple[Bench, Truth],
) -> None:
    bench, truth = running
    truth.world.faults("gate").lost = True
    with pytest.raises(ConnectionLostError, match="2635B"):
        bench.array.read(CELLS)
    assert not any(truth.levels()[1:])
    assert not truth.closed()


def test_garbage_is_not_taken_for_a_reading(running: tuple[Bench, Truth]) -> None:
    bench, truth = running
    truth.world.faults("smu").garbage = 1
    with pytest.raises(InstrumentError, match=r"2636B.*no text.*cable"):
        bench.array.read(CELLS)
    assert not any(truth.levels())
    assert not truth.closed()


def test_garbage_that_is_text_is_not_taken_for_the_number_of_errors(
    running: tuple[Bench, Truth], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, truth = running
    monkeypatch.setattr("labctl.sim.faults._NOISE", b"abcXYZ")
    truth.world.faults("matrix").garbage = 1
    with pytest.raises(InstrumentError, match=r"707B.*number of its errors"):
        bench.array.read(CELLS)
    assert not any(truth.levels())
    assert not truth.closed()


def test_an_answer_that_comes_too_late_stops_the_bench(running: tuple[Bench, Truth]) -> None:
    bench, truth = running
    truth.world.faults("smu").delay = 60.0
    with pytest.raises(ConnectionLostError, match="2636B"):
        bench.array.read(CELLS)
    assert truth.level("word_line") == 0
    assert not truth.closed()


def test_readings_beyond_the_range_are_flagged(running: tuple[Bench, Truth]) -> None:
    bench, truth = running
    truth.world.faults("smu").over_range = True
    readings = bench.array.read(CELLS)
    assert all(flag & int(Flag.OVERFLOW) for flag in readings.flag)


def test_a_matrix_that_was_switched_off_and_on_is_found_out(running: tuple[Bench, Truth]) -> None:
    bench, truth = running
    truth.world.faults("matrix").power_cycle()
    assert not truth.closed()
    with pytest.raises(ConnectionLostError, match="707B"):  # its functions are gone
        bench.array.read(CELLS)
    assert not any(truth.levels())
    assert not truth.closed()


def test_an_open_interlock_is_refused_before_anything_is_touched(
    bench_file: Callable[..., Path],
) -> None:
    path = bench_file(("max_voltage = 5.0 ", "max_voltage = 100.0 "))
    faults = Truth(path).world.faults("gate")
    faults.interlock = "open"
    with pytest.raises(InstrumentError, match=r"interlock"), Bench.open(path) as bench:
        bench.array.read(CELLS)
    assert not any(Truth(path).levels())


def test_a_wrong_identity_is_refused(bench_file: Callable[..., Path]) -> None:
    path = bench_file()
    Truth(path).world.faults("matrix").identity = "2000"
    with pytest.raises(IdentityError, match="2000"):
        Bench.open(path)


def test_faults_by_themselves() -> None:
    faults = Faults(welded=["a", "b"], garbage=3)
    assert list(faults.welded) == ["a", "b"]
    faults.welded[0] = "c"
    del faults.welded[1]
    assert faults == Faults(welded=["c"], garbage=3)
    assert faults != Faults(welded=["c"])
    done: list[Any] = []
    faults.on_power_cycle(lambda: done.append(1))
    faults.power_cycle()
    assert done == [1]
    answer = faults.spoil(b"1.0\n")
    assert (len(answer), answer[-1:], faults.garbage) == (4, b"\n", 2)
