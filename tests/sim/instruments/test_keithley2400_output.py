"""Ohms, filters, output, formats and timing of a simulated Keithley 2400."""

from __future__ import annotations

import struct

import pytest

from labctl.sim.faults import Faults
from tests.sim.instruments.load import ask, errors, load, meter, status, values

OVERFLOW = 9.9e37
FRONT = 1 << 2


# -- ohms, filter ------------------------------------------------------------------------------


@pytest.mark.parametrize("ohms", [10.0, 1.5e3, 1e6, 5e7])
def test_auto_ohms_finds_range_and_test_current(ohms: float) -> None:
    box = meter(ohms=ohms)
    ask(box, "FORM:ELEM RES")
    assert values(box, "MEAS:RES?") == pytest.approx([ohms])
    assert ask(box, "SOUR:FUNC?") == "CURR"
    full = values(box, "SENS:RES:RANG?")[0]
    assert ohms <= full <= 21 * ohms
    assert status(box) & 1 << 10


def test_auto_ohms_gives_the_source_back() -> None:
    box = meter()
    ask(box, "SOUR:VOLT 1;:MEAS:RES?;:SENS:FUNC:OFF 'RES';:SENS:FUNC 'CURR'")
    assert values(box, "FORM:ELEM VOLT,CURR;:READ?") == pytest.approx([1.0, 1e-4])


def test_resistance_beyond_a_fixed_range_overflows() -> None:
    box = meter(ohms=1e6)
    ask(box, "SENS:FUNC 'RES';:SENS:RES:RANG 2e4;:FORM:ELEM RES;:OUTP ON")
    assert values(box, "READ?") == [OVERFLOW]


def test_repeating_filter_averages_and_takes_its_time() -> None:
    box = meter(ideal=False)
    ask(box, "SOUR:VOLT 0.01;:OUTP ON;:FORM:ELEM CURR;:SENS:CURR:RANG 1e-4;:TRIG:COUN 60")
    start = box.clock.now()
    plain = values(box, "READ?")
    between = box.clock.now()
    ask(box, "SENS:AVER:COUN 25;STAT ON")
    averaged = values(box, "READ?")
    assert box.clock.now() - between > 20 * (between - start)
    assert _deviation(averaged) < 0.4 * _deviation(plain)
    assert status(box) & 2


def test_moving_filter_is_smooth_and_quick() -> None:
    box = meter()
    ask(box, "SENS:AVER:TCON MOV;COUN 4;STAT ON;:SOUR:VOLT 0;:OUTP ON;:FORM:ELEM CURR;:READ?")
    ask(box, "SOUR:VOLT 1")
    steps = [values(box, "READ?")[0] for _ in range(4)]
    assert steps == pytest.approx([2.5e-5, 5e-5, 7.5e-5, 1e-4])


def _deviation(readings: list[float]) -> float:
    mean = sum(readings) / len(readings)
    return (sum((reading - mean) ** 2 for reading in readings) / len(readings)) ** 0.5


# -- output ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "written", "connected"),
    [
        ("HIMP", "HIMP", False),
        ("NORMAL", "NORM", True),
        ("zero", "ZERO", True),
        ("GUARD", "GUAR", False),
    ],
)
def test_off_states(mode: str, written: str, connected: bool) -> None:
    box = meter()
    ask(box, f"SOUR:VOLT 1;:OUTP ON;:OUTP:SMOD {mode};:OUTP OFF")
    assert ask(box, "OUTP:SMOD?") == written
    driven = load(box).driven[-1]
    assert (driven == 0.0) if connected else (driven != driven)


def test_the_relay_of_the_high_impedance_state_takes_time() -> None:
    took = {}
    for mode in ("NORM", "HIMP"):
        box = meter()
        ask(box, f"OUTP:SMOD {mode}")
        start = box.clock.now()
        ask(box, "OUTP ON")
        took[mode] = box.clock.now() - start
    assert took["HIMP"] - took["NORM"] == pytest.approx(15e-3)


def test_open_interlock_refuses_the_output() -> None:
    faults = Faults(interlock="open")
    box = meter(faults=faults)
    assert ask(box, "SOUR:VOLT 1;:OUTP ON;:OUTP?") == "0"
    assert errors(box) == [802]
    assert ask(box, "OUTP:ENAB:TRIP?") == "1"
    faults.interlock = ""
    assert ask(box, "OUTP ON;:OUTP?;:OUTP:ENAB:TRIP?") == "1;0"
    faults.interlock = "open"
    assert ask(box, "OUTP?") == "0"
    assert load(box).driven[-1] == 0.0
    assert int(ask(box, "STAT:MEAS?") or 0) & 1 << 11


@pytest.mark.parametrize("message", ["ROUT:TERM REAR", "SOUR:FUNC CURR", "*RST", "*RCL 0"])
def test_what_switches_the_output_off(message: str) -> None:
    box = meter()
    ask(box, f"SOUR:VOLT 1;:OUTP ON;:{message}" if message[0] != "*" else f"OUTP ON;{message}")
    assert ask(box, "OUTP?") == "0"
    assert errors(box) == []


def test_voltage_protection_caps_the_source() -> None:
    box = meter(ohms=1e6)
    ask(box, "SOUR:VOLT:PROT 35;:SOUR:VOLT 100;:SENS:CURR:PROT 1e-3;:OUTP ON")
    assert load(box).driven[-1] == 40.0
    assert ask(box, "SOUR:VOLT:PROT?;PROT:TRIP?") == "+4.000000E+01;1"
    assert ask(box, "SOUR:VOLT:PROT NONE;PROT:TRIP?") == "0"
    assert load(box).driven[-1] == 100.0


def test_front_or_rear_shows_in_the_status_word() -> None:
    box = meter()
    ask(box, "OUTP ON")
    assert status(box) & FRONT
    ask(box, "ROUT:TERM REAR;:OUTP ON")
    assert not status(box) & FRONT


# -- formats -----------------------------------------------------------------------------------


def test_binary_readings_in_both_byte_orders() -> None:
    box = meter()
    ask(box, "SOUR:VOLT 1;:OUTP ON;:FORM:ELEM VOLT,CURR;:TRIG:COUN 2;:FORM REAL,32;:READ?")
    for border, order in (("NORM", ">"), ("SWAP", "<")):
        box.feed(f"FORM:BORD {border};:FETC?\n".encode())
        taken = box.take(100)
        assert taken is not None
        assert taken[0][:2] == b"#0"
        assert taken[0][-1:] == b"\n"
        numbers = struct.unpack(f"{order}4f", taken[0][2:-1])
        assert numbers == pytest.approx((1.0, 1e-4, 1.0, 1e-4), rel=1e-6)
    assert ask(box, "FORM?;:FORM SRE;:FORM?;:FORM ASC;:FORM?") == "REAL,32;REAL,32;ASC"


def test_byte_order_after_reset_and_preset() -> None:
    box = meter()
    assert ask(box, "*RST;:FORM:BORD?;:SYST:PRES;:FORM:BORD?;*RST;:FORM:BORD?") == "NORM;SWAP;NORM"


def test_registers_in_other_bases() -> None:
    box = meter()
    ask(box, "*SRE 27")
    assert ask(box, "FORM:SREG HEX;*SRE?;:FORM:SREG OCT;*SRE?;:FORM:SREG BIN;*SRE?") == (
        "#H1B;#Q33;#B11011"
    )


# -- time --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nplc", "zeroed", "seconds"),
    [(0.01, 1, 3.2e-3), (0.1, 1, 8.6e-3), (1, 1, 62.6e-3), (0.01, 0, 0.96e-3), (0.1, 0, 2.76e-3)],
)
def test_a_reading_takes_what_the_manual_says(nplc: float, zeroed: int, seconds: float) -> None:
    box = meter()
    ask(box, f"SENS:CURR:NPLC {nplc};:SYST:AZER {zeroed};:SOUR:DEL 0;:OUTP ON")
    start = box.clock.now()
    ask(box, "INIT")
    took = box.clock.now() - start - box.message_time
    assert took == pytest.approx(seconds, rel=0.02, abs=3e-5)


def test_source_delay_counts_in_every_cycle() -> None:
    box = meter()
    ask(box, "SENS:CURR:NPLC 0.01;:SOUR:DEL 0.5;:TRIG:COUN 4;DEL 0.25;:OUTP ON")
    start = box.clock.now()
    ask(box, "INIT")
    assert box.clock.now() - start == pytest.approx(3.0, rel=0.01)
    assert ask(box, "SOUR:DEL?;DEL:AUTO?") == "0.50000;0"


def test_integration_counts_in_the_line_frequency() -> None:
    box = meter()
    ask(box, "OUTP ON;:SYST:AZER OFF;:SENS:CURR:NPLC 10;:SOUR:DEL 0")
    took = {}
    for frequency in (50, 60):
        ask(box, f"SYST:LFR {frequency}")
        start = box.clock.now()
        ask(box, "INIT")
        took[frequency] = box.clock.now() - start
    assert took[50] - took[60] == pytest.approx(10 / 50 - 10 / 60)


def test_time_stamp_can_be_reset() -> None:
    box = meter()
    box.clock.sleep(100.0)
    assert values(box, "SYST:TIME?")[0] > 100.0
    assert values(box, "SYST:TIME:RES;:SYST:TIME?")[0] < 0.01
    ask(box, "OUTP ON;:FORM:ELEM TIME")
    box.clock.sleep(50.0)
    assert values(box, "SYST:TIME:RES:AUTO ON;:READ?")[0] < 0.1
