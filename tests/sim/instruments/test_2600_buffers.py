"""Reading buffers of a 2600: what they hold, how they are walked, printed and filled."""

from __future__ import annotations

import struct

import pytest

from tests.sim.instruments.tsp import Talker


@pytest.fixture
def smu() -> Talker:
    smu = Talker()
    smu.send("smua.source.levelv = 1 smua.source.output = 1")
    return smu


def test_items_by_index_and_by_getreading(smu: Talker) -> None:
    smu.send("smua.measure.count = 3 smua.measure.iv(smua.nvbuffer1, smua.nvbuffer2)")
    assert smu.ask("print(smua.nvbuffer2[1], smua.nvbuffer2.readings[3], smua.nvbuffer2[4])") == (
        "1.00000e+00\t1.00000e+00\tnil"
    )
    assert smu.number("smua.nvbuffer1.readings.getreading(2)") == pytest.approx(1e-5)
    assert smu.numbers("smua.nvbuffer1.n, smua.nvbuffer1.capacity") == [3, 60000]


def test_columns(smu: Talker) -> None:
    smu.send("smua.measure.rangei = 1e-3 smua.source.rangev = 2 smua.measure.i(smua.nvbuffer1)")
    answer = smu.ask(
        "local b = smua.nvbuffer1 print(b.measurefunctions[1], b.sourcefunctions[1], "
        "b.sourceoutputstates[1], b.measureranges[1], b.sourceranges[1], b.sourcevalues[1])"
    )
    assert answer == "Current\tVoltage\tOn\t1.00000e-03\t2.00000e+00\t1.00000e+00"


@pytest.mark.parametrize(
    ("setting", "bit"),
    [
        ("smua.source.limiti = 1e-6", 64),
        ("smua.sense = smua.SENSE_REMOTE", 16),
        ("smua.measure.autorangei = 1", 4),
        ("smua.source.autorangev = 1", 8),
        ("smua.measure.filter.enable = 1", 128),
        ("smua.measure.rel.enablei = 1", 32),
    ],
)
def test_status_bits(smu: Talker, setting: str, bit: int) -> None:
    smu.send("smua.measure.rangei = 1e-4 smua.source.rangev = 2 smua.measure.i(smua.nvbuffer1)")
    assert smu.number("smua.nvbuffer1.statuses[1]") == 0
    smu.send(setting, "smua.measure.i(smua.nvbuffer1)")
    assert smu.number("smua.nvbuffer1.statuses[1]") == bit


def test_append_and_overwrite(smu: Talker) -> None:
    smu.send("smua.measure.i(smua.nvbuffer1) smua.measure.i(smua.nvbuffer1)")
    assert smu.number("smua.nvbuffer1.n") == 1
    smu.send("smua.nvbuffer1.appendmode = 1 smua.measure.i(smua.nvbuffer1)")
    assert smu.number("smua.nvbuffer1.n") == 2
    smu.send("smua.nvbuffer1.clear() smua.nvbuffer1.clearcache()")
    assert smu.number("smua.nvbuffer1.n") == 0


def test_full_buffer_refuses_and_a_window_goes_round(smu: Talker) -> None:
    smu.send("b = smua.makebuffer(3) b.appendmode = 1 smua.measure.count = 5")
    smu.send("smua.measure.v(b)")
    assert smu.codes() == [-225]
    assert smu.number("b.n") == 3
    smu.send("b.clear() b.fillmode = smua.FILL_WINDOW smua.measure.v(b)")
    assert smu.codes() == []
    assert smu.number("b.n") == 3
    assert smu.number("b.timestamps[1]") > 0  # the first two have been overwritten


def test_settings_that_need_an_empty_buffer(smu: Talker) -> None:
    smu.send("smua.measure.i(smua.nvbuffer1)")
    for name in ("collectsourcevalues", "collecttimestamps", "timestampresolution"):
        smu.send(f"smua.nvbuffer1.{name} = 1")
    assert smu.codes() == [5032] * 3
    smu.send("smua.nvbuffer1.clear() smua.nvbuffer1.timestampresolution = 1e-7")
    assert smu.codes() == [5047]
    smu.send("smua.nvbuffer1.timestampresolution = 3e-6 smua.nvbuffer1.fillcount = 5")
    assert smu.number("smua.nvbuffer1.timestampresolution") == pytest.approx(4e-6)
    assert smu.number("smua.nvbuffer1.fillcount") == 5
    smu.send("smua.nvbuffer1.n = 5")
    assert smu.codes() == [-286]


def test_base_time_stamp_is_that_of_the_first_reading(smu: Talker) -> None:
    smu.send("delay(5) smua.measure.count = 2 smua.measure.i(smua.nvbuffer1)")
    assert smu.number("smua.nvbuffer1.basetimestamp") == pytest.approx(5, abs=0.01)
    assert smu.number("smua.nvbuffer1.timestamps[1]") == 0


@pytest.mark.parametrize(("data", "kind"), [("REAL32", "f"), ("SREAL", "f"), ("DREAL", "d")])
@pytest.mark.parametrize(("order", "sign"), [("NORMAL", ">"), ("SWAPPED", "<"), ("NETWORK", ">")])
def test_binary_blocks(smu: Talker, data: str, kind: str, order: str, sign: str) -> None:
    smu.send("smua.nvbuffer1.appendmode = 1")
    for volts in (0.25, 0.5, -2.0):
        smu.send(f"smua.source.levelv = {volts} smua.measure.v(smua.nvbuffer1)")
    smu.send(f"format.data = format.{data} format.byteorder = format.{order}")
    smu.send("printbuffer(1, smua.nvbuffer1.n, smua.nvbuffer1, smua.nvbuffer1.sourcevalues)")
    expected = struct.pack(f"{sign}6{kind}", 0.25, 0.25, 0.5, 0.5, -2.0, -2.0)
    assert smu.raw() == b"#0" + expected + b"\n"


def test_precision_of_ascii(smu: Talker) -> None:
    smu.send("smua.measure.v(smua.nvbuffer1) format.asciiprecision = 3")
    assert smu.ask("printbuffer(1, 1, smua.nvbuffer1)") == "1.00e+00"
    smu.send("format.asciiprecision = 0", "format.data = 4", "format.byteorder = 2")
    assert smu.codes() == [1102, -224, -224]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("printbuffer(1, 2, smua.nvbuffer1)", 5038),
        ("printbuffer(0, 1, smua.nvbuffer1)", 1102),
        ("printbuffer(2, 1, smua.nvbuffer1)", -224),
        ("printbuffer(1, 1)", -109),
        ("printbuffer(1, 1, 5)", -104),
        ("printbuffer(1, 1, 'smua.nvbuffer1')", -104),
        ("printbuffer(1, 1, '999:readings')", 4903),
        ("printnumber()", -109),
        ("printnumber('1')", -104),
        ("smua.measure.i(smua.nvbuffer1, smua.nvbuffer2)", -108),
        ("smua.measure.i(5)", -104),
        ("smua.makebuffer(0)", 1102),
        ("smua.makebuffer()", -104),
        ("smua.makebuffer(1e9)", 1101),
        ("smua.nvbuffer1.readings[1] = 5", -286),
        ("smua.savebuffer(smub.nvbuffer1)", 5033),
    ],
)
def test_wrong_parameters(smu: Talker, command: str, code: int) -> None:
    smu.send("smua.measure.i(smua.nvbuffer1)", command)
    assert smu.codes() == [code]


def test_saved_buffer_outlives_the_mains(smu: Talker) -> None:
    smu.send(
        "smua.measure.count = 2 smua.measure.v(smua.nvbuffer2) smua.savebuffer(smua.nvbuffer2)"
    )
    smu.faults.power_cycle()
    assert smu.numbers("smua.nvbuffer1.n, smua.nvbuffer2.n, smua.nvbuffer2[2]") == [0, 2, 1]


def test_statistics(smu: Talker) -> None:
    smu.send("smua.nvbuffer1.appendmode = 1")
    for volts in (1, 2, 3):
        smu.send(f"smua.source.levelv = {volts} smua.measure.v(smua.nvbuffer1)")
    smu.send("s = smua.buffer.getstats(smua.nvbuffer1)")
    assert smu.numbers("s.n, s.mean, s.stddev, s.min.reading, s.max.reading") == [3, 2, 1, 1, 3]


def test_memory_of_buffers_is_bounded(smu: Talker) -> None:
    smu.send("t = {} for k = 1, 3 do t[k] = smua.makebuffer(1e5) end print(t[2].capacity, t[3])")
    assert smu.raw() == b"1.00000e+05\tnil\n"
    assert smu.codes() == [-225]
    smu.send("t = nil b = smua.makebuffer(1e5)")
    assert smu.number("b.capacity") == 1e5
