"""Source, measure, formats and buffers of a simulated Keysight B2900."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from labctl.clock import VirtualClock
from labctl.sim.faults import Faults
from labctl.sim.instruments.b2900 import B2900
from tests.sim.instruments.load import Resistor, ask, errors, values

NAN, INFINITE = 9.91e37, 9.9e37


def meter(
    model: str = "B2912A",
    ohms: float = 1e4,
    ideal: bool = True,
    faults: Faults | None = None,
) -> B2900:
    ports = {1: Resistor(ohms), 2: Resistor(10 * ohms)}
    return B2900(VirtualClock(), model, ports, np.random.default_rng(1), faults, ideal)


def load(box: B2900, number: int = 1) -> Resistor:
    port = box.channels[number].smu.port
    assert isinstance(port, Resistor)
    return port


# -- source and measure ------------------------------------------------------------------------


def test_spot_measurement_has_all_elements_in_order() -> None:
    box = meter()
    ask(box, ':SOUR:VOLT 0.5;:OUTP ON;:SENS:FUNC "RES"')
    voltage, current, resistance, time, status, source = values(box, ":MEAS? (@1)")
    assert (voltage, current, resistance) == pytest.approx((0.5, 5e-5, 1e4))
    assert (status, source) == (0, 0.5)
    assert 0.0 < time <= box.clock.now()


def test_functions_that_are_off_read_not_a_number() -> None:
    box = meter()
    ask(box, ':SOUR:VOLT 1;:SENS:FUNC:OFF "VOLT"')
    assert ask(box, ":SENS:FUNC?;:SENS:FUNC:OFF:COUN?") == '"CURR";2'
    assert values(box, ":MEAS?")[:3] == pytest.approx([NAN, 1e-4, NAN])
    assert values(box, ":MEAS:VOLT?") == [NAN]


def test_channels_are_independent_and_measured_together() -> None:
    box = meter()
    ask(box, ":SOUR1:VOLT 1;:SOUR2:VOLT 2;:OUTP1 ON;:OUTP2 ON")
    assert values(box, ":MEAS:CURR? (@1,2)") == pytest.approx([1e-4, 2e-5])
    assert values(box, ":MEAS:CURR? (@2)") == pytest.approx([2e-5])
    assert values(box, ":MEAS:CURR? (@2:1)") == pytest.approx([1e-4, 2e-5])
    ask(box, ":OUTP2 OFF")
    assert ask(box, ":OUTP?;:OUTP2?") == "1;0"
    assert load(box, 2).driven[-1] == 0.0


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (":SOUR2:VOLT 1", -114), (":MEAS? (@2)", -222), (":INIT (@1,2)", -222),
        (":SOUR3:VOLT 1", -114), (":MEAS? 1", -104),
    ],
)  # fmt: skip
def test_single_channel_models_have_no_second_channel(command: str, code: int) -> None:
    box = meter("B2901A")
    ask(box, command)
    assert errors(box) == [code]


def test_compliance_is_kept_by_side_and_reported() -> None:
    box = meter()
    ask(box, ":SENS:CURR:PROT 1e-3;:SENS:CURR:PROT:NEG 2e-4;:SOUR:VOLT 20;:OUTP ON")
    assert values(box, ":SENS:CURR:PROT:POS?") == [1e-3]
    assert values(box, ":SENS:CURR:PROT:NEG?") == [2e-4]
    assert values(box, ":MEAS:CURR?") == pytest.approx([1e-3])
    assert ask(box, ":SENS:CURR:PROT:TRIP?;:SENS:VOLT:PROT:TRIP?") == "1;0"
    assert int(values(box, ":FORM:ELEM:SENS STAT;:MEAS?")[0]) & 6
    ask(box, ":SOUR:VOLT -20")
    assert values(box, ":MEAS:CURR?") == pytest.approx([-2e-4])
    ask(box, ":SOUR:VOLT 1")
    assert ask(box, ":SENS:CURR:PROT:TRIP?") == "0"


def test_current_source_is_limited_in_voltage() -> None:
    box = meter()
    ask(box, ":SOUR:FUNC:MODE CURR;:SOUR:CURR 1e-3;:OUTP ON")
    assert values(box, ":MEAS:VOLT?") == pytest.approx([2.0])  # compliance after a reset
    assert ask(box, ":SENS:VOLT:PROT:TRIP?") == "1"
    ask(box, ":SENS:VOLT:PROT 20")
    assert values(box, ":MEAS:VOLT?") == pytest.approx([10.0])
    assert int(values(box, ":FORM:ELEM:SENS STAT;:MEAS?")[0]) == 1


def test_protection_switches_the_output_off_at_the_limit() -> None:
    box = meter()
    ask(box, ":OUTP:PROT ON;:SOUR:VOLT 2;:OUTP ON;:MEAS?")
    assert ask(box, ":OUTP?") == "0"


@pytest.mark.parametrize(
    ("model", "least", "interval"), [("B2901A", 1e-7, 2e-5), ("B2911A", 1e-8, 1e-5)]
)
def test_ranges_and_intervals_by_model(model: str, least: float, interval: float) -> None:
    box = meter(model)
    assert values(box, ":SENS:CURR:RANG 1e-9;:SENS:CURR:RANG?") == [least]
    assert ask(box, ":SENS:CURR:RANG:AUTO?") == "0"
    assert values(box, ":TRIG:TIM? MIN") == [interval]
    ask(box, ":TRIG:TIM 5e-6")
    assert errors(box) == [-222]


def test_resolution_and_noise_go_with_the_range() -> None:
    box = meter(ohms=1e9, ideal=False)
    ask(box, ":SOUR:VOLT 1;:SENS:CURR:NPLC 1;:OUTP ON")

    def spread(upper: float) -> float:
        ask(box, f":SENS:CURR:RANG {upper}")
        return float(np.std([values(box, ":MEAS:CURR?")[0] for _ in range(40)]))

    assert spread(1e-8) < 1e-12
    assert 1e-9 < spread(1e-3) < 1e-7


def test_fixed_measure_range_overflows() -> None:
    box = meter()
    ask(
        box,
        ":SENS:CURR:PROT 0.1;:SENS:CURR:RANG 1e-5;:SOUR:VOLT 1;:OUTP ON;:FORM:ELEM:SENS CURR,STAT",
    )
    current, status = values(box, ":MEAS?")
    assert (current, int(status)) == (INFINITE, 8192)
    ask(box, ":SENS:CURR:RANG:AUTO ON")
    assert values(box, ":MEAS?")[0] == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        (":SOUR:VOLT 211", -222), (":SOUR:CURR 3.1", -222), (":SENS:CURR:PROT 4", -222),
        (":SOUR:VOLT 30;:SENS:CURR:PROT 0.5", -221), (":SOUR:VOLT:RANG 2;:SOUR:VOLT 3", -222),
        (":SENS:CURR:PROT 3;:SOUR:VOLT 10", -221), (":HCOP:SDUM:DATA?", -113),
        (":SOUR:FUNC:MODE RES", -224), (":TRIG:COUN 0", -222), (":FORM REAL,16", -224),
    ],
)  # fmt: skip
def test_refusals(commands: str, code: int) -> None:
    box = meter()
    ask(box, commands)
    assert errors(box) == [code]


def test_aperture_clamps_and_couples_to_line_cycles() -> None:
    box = meter()
    ask(box, ":SENS:CURR:APER 1e-9")
    assert values(box, ":SENS:VOLT:APER?") == [8e-6]
    assert ask(box, ":SENS:CURR:APER:AUTO?;:SENS:RES:NPLC:AUTO?") == "0;0"
    ask(box, ":SENS:VOLT:NPLC 1")
    assert values(box, ":SENS:CURR:APER?") == pytest.approx([0.02])
    began = box.clock.now()
    ask(box, ":OUTP ON;:MEAS?")
    assert box.clock.now() - began == pytest.approx(0.02, rel=0.2)
    assert errors(box) == []


# -- output ------------------------------------------------------------------------------------


def test_output_goes_on_by_itself_unless_it_may_not() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT 1;:OUTP:ON:AUTO OFF;:MEAS?")
    assert ask(box, ":OUTP?") == "0"
    ask(box, ":OUTP:ON:AUTO ON;:MEAS?")
    assert ask(box, ":OUTP?") == "1"


def test_off_states() -> None:
    box = meter()
    for mode, level in (("NORM", 0.0), ("ZERO", 0.0), ("HIZ", np.nan)):
        ask(box, f":OUTP:OFF:MODE {mode};:SOUR:VOLT 1;:OUTP ON;:OUTP OFF")
        np.testing.assert_equal(load(box).driven[-1], level)
        assert ask(box, ":OUTP:OFF:MODE?") == mode


def test_open_interlock_refuses_the_output() -> None:
    box = meter(faults=Faults(interlock="open"))
    ask(box, ":SOUR:VOLT 1;:OUTP ON")
    assert ask(box, ":OUTP?;:SYST:INT:TRIP?") == "0;1"
    assert errors(box) == [201]


def test_over_range_fault() -> None:
    box = meter(faults=Faults(over_range=True))
    assert values(box, ":MEAS:CURR?") == [INFINITE]


# -- formats -----------------------------------------------------------------------------------


def test_elements_keep_their_order() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT 2;:OUTP ON;:SENS:CURR:PROT 1;:FORM:ELEM:SENS SOUR,CURR")
    assert ask(box, ":FORM:ELEM:SENS?") == "CURR,SOUR"
    assert ask(box, ":MEAS?") == "+2.000000E-04,+2.000000E+00"


@pytest.mark.parametrize(("word", "kind", "size"), [("REAL,32", "f", 4), ("REAL,64", "d", 8)])
@pytest.mark.parametrize(("order", "sign"), [("NORM", ">"), ("SWAP", "<")])
def test_binary_blocks_of_definite_length(
    word: str, kind: str, size: int, order: str, sign: str
) -> None:
    box = meter()
    ask(box, ":SOUR:VOLT 1;:OUTP ON;:FORM:ELEM:SENS CURR,RES,SOUR")
    ask(box, f":FORM {word};:FORM:BORD {order}")
    assert ask(box, ":FORM?;:FORM:BORD?") == f"{word};{order}"
    box.feed(b":MEAS?\n")
    taken = box.take(1000)
    assert taken is not None
    length = str(3 * size)
    head = f"#{len(length)}{length}".encode()
    assert taken[0].startswith(head)
    found = struct.unpack(f"{sign}3{kind}", taken[0][len(head) : -1])
    assert found[0] == pytest.approx(1e-4)
    assert np.isnan(found[1])  # resistance is not measured
    assert found[2] == 1.0


def test_errors_are_signed_and_listed() -> None:
    box = meter()
    assert ask(box, ":SYST:ERR?") == '+0,"No error"'
    ask(box, ":FOO")
    ask(box, ":SOUR:VOLT 300")
    assert ask(box, ":SYST:ERR:COUN?") == "2"
    assert ask(box, ":SYST:ERR:ALL?") == '-113,"Undefined header",-222,"Data out of range"'


def test_reset_defaults() -> None:
    box = meter()
    ask(box, ":SOUR:FUNC:MODE CURR;:SOUR:FUNC PULS;:FORM REAL,64;:TRIG:COUN 9;:OUTP ON;*RST")
    assert ask(box, ":SOUR:FUNC:MODE?;:SOUR:FUNC?;:FORM?;:TRIG:COUN?;:OUTP?") == "VOLT;DC;ASC;1;0"
    assert values(box, ":SENS:CURR:PROT?") == [1e-4]
    assert values(box, ":SENS:VOLT:PROT?") == [2.0]
    assert values(box, ":SOUR:PULS:WIDT?") == [5e-5]
    assert ask(box, ":SOUR:LIST:VOLT?;:TRIG:SOUR?;:OUTP:ON:AUTO?") == "+0.00000000E+00;AINT;1"


def test_settings_are_saved_and_recalled_with_the_output_off() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT 0.7;:OUTP ON;*SAV 1;:SOUR:VOLT 0.1;*RCL 1")
    assert values(box, ":SOUR:VOLT?") == [0.7]
    assert ask(box, ":OUTP?") == "0"


def test_limit_test_of_the_last_measurement() -> None:
    box = meter()
    ask(box, ":CALC:FEED CURR;:CALC:LIM1:UPP 5e-5;:CALC:LIM1:LOW 0;:CALC:LIM1:STAT ON")
    ask(box, ":SOUR:VOLT 1;:OUTP ON;:MEAS?")
    assert ask(box, ":CALC:LIM1:FAIL?") == "1"
    ask(box, ":SOUR:VOLT 0.1;:MEAS?")
    assert ask(box, ":CALC:LIM1:FAIL?") == "0"


def test_clock_and_date() -> None:
    box = meter()
    ask(box, ":SYST:DATE 2030,4,5;:SYST:TIME 6,7,8")
    assert ask(box, ":SYST:DATE?;:SYST:TIME?") == "2030,4,5;6,7,8"
    ask(box, ":SYST:DATE 2030,2,30")
    assert errors(box) == [-222]
