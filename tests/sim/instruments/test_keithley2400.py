"""Source and measure of a simulated Keithley 2400 with a resistor at its terminals."""

from __future__ import annotations

from itertools import pairwise

import pytest

from labctl.sim.faults import Faults
from tests.sim.instruments.load import ask, errors, load, meter, status, values

NAN, OVERFLOW = 9.91e37, 9.9e37
FRONT, COMPLIANCE, BY_RANGE = 1 << 2, 1 << 3, 1 << 16


# -- readings ----------------------------------------------------------------------------------


def test_reading_has_all_elements_in_their_fixed_order() -> None:
    box = meter()
    ask(box, ":FORMAT:ELEMENTS STATUS, CURRENT,VOLTAGE, TIME, RESISTANCE")
    ask(box, ":SOUR:VOLT 2;:SENS:FUNC:ALL;:SENS:RES:MODE MAN;:SENS:CURR:PROT 0.1;:OUTP ON")
    voltage, current, resistance, time, word = values(box, "READ?")
    assert (voltage, current, resistance) == pytest.approx((2.0, 2e-4, 1e4))
    assert 0.0 < time <= box.clock.now()
    assert int(word) == FRONT | 0b111 << 11 | 1 << 14
    assert ask(box, "FORM:ELEM?") == "VOLT,CURR,RES,TIME,STAT"


def test_function_that_is_not_measured_reads_its_programmed_level_or_not_a_number() -> None:
    box = meter()
    ask(box, "FORM:ELEM VOLT,CURR,RES;:SOUR:VOLT 0.5;:OUTP ON")
    assert values(box, "READ?") == pytest.approx([0.5, 5e-5, NAN])
    ask(box, "SENS:FUNC:OFF:ALL")
    assert values(box, "READ?") == [0.5, NAN, NAN]
    ask(box, "SOUR:FUNC CURR;:SOUR:CURR 1e-5;:SENS:FUNC 'VOLT';:OUTP ON")
    assert values(box, "READ?") == pytest.approx([0.1, 1e-5, NAN])


def test_read_with_the_output_off_is_refused_and_answers_nothing() -> None:
    box = meter()
    assert ask(box, "*CLS;READ?") is None
    assert ask(box, "INIT") is None
    assert ask(box, "*ESR?") == "16"
    assert ask(box, "SYST:ERR?") == '803,"Not permitted with OUTPUT off"'
    assert errors(box) == [803]
    assert load(box).driven[-1] == 0.0


def test_auto_clear_switches_on_and_off_by_itself() -> None:
    box = meter()
    ask(box, "SOUR:CLE:AUTO ON;:SOUR:VOLT 1;:FORM:ELEM CURR")
    assert values(box, "READ?") == pytest.approx([1e-4])
    assert ask(box, "OUTP?") == "0"
    assert load(box).driven[-1] == 0.0


@pytest.mark.parametrize(("mode", "switched"), [("ALW", 3), ("TCO", 1)])
def test_auto_clear_after_each_reading_or_after_all(mode: str, switched: int) -> None:
    box = meter()
    ask(box, f"SOUR:CLE:AUTO ON;AUTO:MODE {mode};:SOUR:VOLT 1;:TRIG:COUN 3;:INIT")
    driven = load(box).driven
    falls = [b for a, b in pairwise(driven) if a == 1.0 and b == 0.0]
    assert len(falls) == switched


def test_clear_switches_off() -> None:
    box = meter()
    assert ask(box, "OUTP ON;:OUTP?;:SOUR:CLE;:OUTP?") == "1;0"


def test_fetch_without_reading_is_stale() -> None:
    box = meter()
    assert ask(box, "FETC?") is None
    assert ask(box, "SENS:DATA?") is None
    assert errors(box) == [-230, -230]
    ask(box, "OUTP ON;:SOUR:VOLT 1;:FORM:ELEM CURR;:INIT")
    assert ask(box, "FETC?") == ask(box, "SENS:DATA:LAT?") == ask(box, "DATA?") == "+1.000000E-04"


def test_measure_resets_its_function_and_switches_the_output_on() -> None:
    box = meter(ohms=1e3)
    ask(box, "SENS:CURR:PROT 1e-6;:SENS:CURR:RANG 1e-6;NPLC 0.1;:SENS:AVER ON;:SOUR:VOLT 1")
    ask(box, "TRIG:COUN 3;:ARM:COUN 2;:ARM:SOUR BUS;:SYST:AZER OFF;:FORM:ELEM CURR")
    assert values(box, "MEAS:CURR?") == pytest.approx([1.05e-4])  # not the 1 µA that was set
    assert ask(box, "OUTP?;:SENS:CURR:PROT?;NPLC?;RANG:AUTO?") == "1;+1.050000E-04;1.00;1"
    assert ask(box, ":SENS:AVER?;:TRIG:COUN?;:ARM:COUN?;SOUR?;:SYST:AZER?") == "0;1;1;IMM;1"


def test_configure_selects_and_read_keeps() -> None:
    box = meter()
    assert ask(box, "CONF:VOLT;:CONF?;:OUTP?") == '"VOLT:DC";1'
    ask(box, "SENS:CURR:PROT 1e-6;:SENS:FUNC 'CURR';:SOUR:VOLT 1;:READ?")
    assert ask(box, "SENS:CURR:PROT?") == "+1.000000E-06"
    assert ask(box, "CONF?") == '"VOLT:DC","CURR:DC"'


# -- compliance and ranges ---------------------------------------------------------------------


def test_real_compliance_clamps_and_shows_in_word_register_and_query() -> None:
    box = meter(ohms=1e3)
    ask(box, "SENS:CURR:PROT 1e-5;:SENS:FUNC:ALL;:SENS:RES:MODE MAN;:SOUR:VOLT 1;:OUTP ON")
    voltage, current, _, _, word = values(box, "READ?")
    assert (voltage, current) == pytest.approx((0.01, 1e-5))
    assert int(word) & (COMPLIANCE | BY_RANGE) == COMPLIANCE
    assert ask(box, "SENS:CURR:PROT:TRIP?;:SENS:VOLT:PROT:TRIP?") == "1;0"
    assert int(ask(box, "STAT:MEAS:COND?") or 0) & 1 << 14
    ask(box, "SOUR:VOLT 0.001;:READ?")
    assert not int(ask(box, "STAT:MEAS:COND?") or 0) & 1 << 14
    assert ask(box, "SENS:CURR:PROT:TRIP?") == "0"


def test_a_small_fixed_range_limits_before_the_compliance() -> None:
    box = meter(ohms=1e3)
    ask(
        box, "SENS:CURR:PROT 1e-3;:SENS:CURR:RANG 1e-5;:SOUR:VOLT 0.5;:OUTP ON;:FORM:ELEM CURR,STAT"
    )
    current, word = values(box, "READ?")
    assert current == pytest.approx(1.05e-5)
    assert int(word) & (COMPLIANCE | BY_RANGE) == BY_RANGE
    ask(box, "SENS:CURR:RANG:AUTO ON")
    assert values(box, "READ?")[0] == pytest.approx(5e-4)


def test_current_source_is_limited_in_voltage() -> None:
    box = meter(ohms=1e5)
    ask(box, "SOUR:FUNC CURR;:SOUR:CURR 1e-3;:SENS:FUNC 'VOLT';:SENS:VOLT:PROT 5;:OUTP ON")
    voltage, current, *_ = values(box, "READ?")
    assert (voltage, current) == pytest.approx((5.0, 5e-5))
    assert status(box) & COMPLIANCE
    ask(box, "SOUR:CURR 1e-5")
    assert values(box, "FORM:ELEM VOLT;:READ?") == pytest.approx([1.0])
    assert not status(box) & COMPLIANCE


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("SENS:CURR:RANG 1e-3", 824),
        ("SENS:CURR:RANG 2", -222),
        ("SENS:VOLT:RANG 2", 823),
        ("SENS:CURR:RANG 1e-4;:SENS:CURR:PROT 1e-8", 822),
        ("SENS:CURR:PROT 1e-11", 822),
        ("SENS:CURR:PROT 2", -222),
        ("SOUR:VOLT 211", -222),
        ("SOUR:VOLT 1A", -131),
        ("SOUR:VOLT:RANG 2;:SOUR:VOLT 3", -222),
        ("SOUR:VOLT 3;:SOUR:VOLT:RANG 2", -221),
        ("SENS:CURR:PROT 0.5;:SOUR:VOLT 30", 826),
        ("SOUR:VOLT 30;:SENS:CURR:PROT 0.5", 826),
        ("SENS:FUNC 'RES';:SOUR:CURR 1e-3", 825),
        ("SENS:FUNC 'RES';:SENS:CURR:RANG 1e-4", 825),
        ("SENS:RES:MODE MAN;:SENS:RES:RANG 1e3", -221),
        ("SENS:FUNC:CONC OFF;:SENS:FUNC 'VOLT','CURR'", -221),
        ("SENS:FUNC VOLT", -104),
        ("SENS:FUNC 'POWER'", -224),
        ("SENS:CURR:NPLC 11", -222),
        ("TRIG:COUN 2501", -222),
        ("ARM:COUN 50;:TRIG:COUN 51", -222),
        ("SYST:LFR 55", -222),
        ("SYST:LFR 49", -222),
        ("FORM REAL,64", -224),
        ("SOUR:VOLT:STAR 1;STOP 2;STEP 3", -221),
        ("TRIG:OUTP NONE,SOUR", -221),
        ("*RCL 5", -222),
        ("SYST:BEEP 10,1", -222),
        ("CALC2:LIM4:UPP 1", -114),
        ("TRAC:FEED:CONT NEXT;:TRAC:CLE", 800),
        ("TRAC:FEED:CONT NEXT;:TRAC:POIN 7", 800),
        ("TRAC:DATA?", -230),
        ("CALC3:DATA?", -230),
        ("*TRG", -211),
    ],
)
def test_what_the_manual_forbids_is_refused(message: str, code: int) -> None:
    box = meter()
    assert ask(box, message) is None
    assert errors(box) == [code]


def test_setting_a_range_ends_its_autorange() -> None:
    box = meter()
    assert ask(box, "SENS:CURR:RANG:AUTO?;:SENS:CURR:RANG 2e-5;RANG?;RANG:AUTO?") == (
        "1;+1.050000E-04;0"
    )
    assert (
        ask(box, "SOUR:VOLT:RANG:AUTO?;:SOUR:VOLT:RANG 15;RANG?;RANG:AUTO?") == "1;+2.100000E+01;0"
    )
    assert ask(box, "SENS:RES:RANG 3e3;RANG?;RANG:AUTO?") == "+2.100000E+04;0"
    assert ask(box, "SENS:RES:RANG UP;RANG?;RANG DOWN;RANG DOWN;RANG?") == (
        "+2.100000E+05;+2.100000E+03"
    )


def test_autorange_of_source_follows_the_level() -> None:
    box = meter()
    assert ask(box, "SOUR:VOLT 0.1;VOLT:RANG?;:SOUR:VOLT 1.5;VOLT:RANG?") == (
        "+2.100000E-01;+2.100000E+00"
    )


def test_autorange_of_the_meter_follows_the_reading_between_its_limits() -> None:
    box = meter(ohms=1e6)
    ask(box, "SOUR:VOLT 1;:SENS:CURR:PROT 1e-3;:OUTP ON;:READ?")
    assert ask(box, "SENS:CURR:RANG?") == "+1.050000E-06"
    ask(box, "SENS:CURR:RANG:AUTO:LLIM 1e-5;:READ?")
    assert ask(box, "SENS:CURR:RANG?;RANG:AUTO:ULIM?") == "+1.050000E-05;+1.050000E-03"


def test_compliance_may_take_the_measure_range_along() -> None:
    box = meter()
    ask(box, "SENS:CURR:PROT:RSYN ON;:SENS:CURR:RANG 1e-4")
    assert ask(box, "SENS:CURR:PROT 1e-6;PROT:RSYN?;:SENS:CURR:RANG?") == "1;+1.050000E-06"


def test_every_model_has_its_own_ranges() -> None:
    for model, volts, amperes in (
        ("2400", 210, 1.05),
        ("2401", 21, 1.05),
        ("2410", 1100, 1.05),
        ("2420", 63, 3.15),
    ):
        box = meter(model=model)
        assert values(box, "SOUR:VOLT? MAX") == [volts]
        assert values(box, "SENS:CURR:PROT? MAX") == [amperes]
        assert f"MODEL {model}," in (ask(box, "*IDN?") or "")
    assert ask(meter(model="2410"), "SOUR:VOLT 900;VOLT:RANG?") == "+1.100000E+03"


def test_readings_have_the_noise_and_the_steps_of_their_range() -> None:
    box = meter(ohms=1e4, ideal=False)
    ask(box, "SOUR:VOLT 0.01;:OUTP ON;:FORM:ELEM CURR;:SENS:CURR:PROT 1e-3;:TRIG:COUN 100")
    spread = {}
    for full in (1e-6, 1e-3):
        ask(box, f"SENS:CURR:RANG {full}")
        readings = values(box, "READ?")
        spread[full] = max(readings) - min(readings)
        assert sum(readings) / 100 == pytest.approx(1e-6, rel=0.05)
    assert spread[1e-3] > 50 * spread[1e-6] > 0


def test_source_resolution_is_that_of_its_range() -> None:
    box = meter(ideal=False)
    ask(box, "SOUR:VOLT:RANG 20;:SOUR:VOLT 0.0002;:OUTP ON")
    assert load(box).driven[-1] == 0.0  # a step of the 20-V range is 0.5 mV
    ask(box, "SOUR:VOLT:RANG 0.2")
    assert load(box).driven[-1] == pytest.approx(2e-4)


def test_over_range_overflows() -> None:
    faults = Faults(over_range=True)
    box = meter(faults=faults)
    ask(box, "OUTP ON;:FORM:ELEM CURR,STAT")
    current, word = values(box, "READ?")
    assert (current, int(word) & 1) == (OVERFLOW, 1)
    assert int(ask(box, "STAT:MEAS?") or 0) & 1 << 7
