"""Source, measure, compliance and trigger model of a simulated Keithley 2450 (SCPI)."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.clock import VirtualClock
from labctl.sim.faults import Faults
from labctl.sim.instruments.keithley2450 import Keithley2450
from labctl.sim.instruments.keithley2450_output import RELAY_TIME
from tests.sim.instruments.load import Resistor, ask, errors, values

OVERFLOW = 9.9e37


def meter(
    ohms: float = 1e4, ideal: bool = True, faults: Faults | None = None, language: str = "SCPI"
) -> Keithley2450:
    rng = np.random.default_rng(1)
    return Keithley2450(VirtualClock(), Resistor(ohms), rng, faults, ideal, language)


def load(box: Keithley2450) -> Resistor:
    port = box.smu.channel.port
    assert isinstance(port, Resistor)
    return port


# -- source and measure ------------------------------------------------------------------------


def test_sources_a_voltage_and_reads_the_current_of_the_load() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT 0.5;:OUTP ON")
    assert values(box, ":READ?") == pytest.approx([5e-5])
    assert ask(box, ":SENS:FUNC?") == '"CURR:DC"'
    assert load(box).driven[-1] == 0.5


def test_sources_a_current_and_reads_voltage_resistance_and_power() -> None:
    box = meter()
    ask(box, ":SOUR:FUNC CURR;:SOUR:CURR 1e-4;:SENS:FUNC 'VOLT';:OUTP ON")
    assert values(box, ":READ?") == pytest.approx([1.0])
    ask(box, ":SENS:VOLT:UNIT OHM")
    assert values(box, ":MEAS:VOLT?") == pytest.approx([1e4])
    ask(box, ":SENS:VOLT:UNIT WATT")
    assert values(box, ":READ?") == pytest.approx([1e-4])
    ask(box, ":SENS:FUNC 'RES'")
    assert values(box, ":READ?") == pytest.approx([1e4])


def test_limit_holds_the_current_and_is_reported() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT 5;:OUTP ON")
    assert values(box, ":SOUR:VOLT:ILIM?") == [1.05e-4]
    assert values(box, ":READ?") == pytest.approx([1.05e-4])
    assert ask(box, ":SOUR:VOLT:ILIM:LEV:TRIP?") == "1"
    assert ask(box, ":SOUR:CURR:VLIM:TRIP?") == "0"
    ask(box, ":SOUR:VOLT:ILIM 1e-2")
    assert values(box, ":READ?") == pytest.approx([5e-4])
    assert ask(box, ":SOUR:VOLT:ILIM:TRIP?") == "0"


def test_fixed_measure_range_overflows_and_auto_does_not() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT 2;:SOUR:VOLT:ILIM 0.1;:OUTP ON;:SENS:CURR:RANG 1e-5")
    assert ask(box, ":SENS:CURR:RANG?;:SENS:CURR:RANG:AUTO?") == "1E-05;0"
    assert values(box, ":READ?") == [OVERFLOW]
    ask(box, ":SENS:CURR:RANG:AUTO 1")
    assert values(box, ":READ?") == pytest.approx([2e-4])


def test_levels_may_be_five_per_cent_above_their_range_and_no_more() -> None:
    box = meter(1e9)
    ask(box, ":SOUR:VOLT:RANG 2;:SOUR:VOLT 2.1")
    assert errors(box) == []
    ask(box, ":SOUR:VOLT 2.2")
    assert errors(box) == [-222]
    assert values(box, ":SOUR:VOLT?") == [2.1]
    ask(box, ":SOUR:VOLT:RANG:AUTO ON;:SOUR:VOLT 210")
    assert values(box, ":SOUR:VOLT:RANG?") == [200.0]
    ask(box, ":SOUR:VOLT 211")
    assert errors(box) == [-222]
    ask(box, ":SOUR:VOLT:ILIM 1")
    assert errors(box) == [-221]  # 1 A at 210 V is beyond its 20 W


def test_output_off_reads_nothing_and_the_high_impedance_state_disconnects() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT 1")
    assert values(box, ":READ?") == [0.0]
    ask(box, ":OUTP:VOLT:SMOD HIMP;:OUTP ON")
    began = box.clock.now()
    ask(box, ":OUTP OFF")
    assert np.isnan(load(box).driven[-1])
    ask(box, ":OUTP ON")
    assert box.clock.now() - began > RELAY_TIME
    assert ask(box, ":OUTP:SMOD?") == "HIMP"


def test_source_delay_comes_once_after_each_change() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT:DEL 0.5;:SENS:CURR:NPLC 0.01;:SENS:CURR:AZER 0;:OUTP ON")
    began = box.clock.now()
    ask(box, ":READ?")
    first = box.clock.now()
    ask(box, ":READ?")
    assert first - began > 0.5 > 0.1 > box.clock.now() - first
    assert ask(box, ":SOUR:VOLT:DEL:AUTO?") == "0"
    ask(box, ":SOUR:VOLT 0.1;:READ?")
    assert box.clock.now() - first > 0.5


def test_integration_time_goes_with_line_cycles_and_autozero() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT:READ:BACK 0;:OUTP ON;:READ?")
    times = []
    for setting in ("NPLC 1;AZER 1", "NPLC 1;AZER 0", "NPLC 0.01;AZER 0"):
        ask(box, f":SENS:CURR:{setting}")
        began = box.clock.now()
        ask(box, ":READ?")
        times.append(box.clock.now() - began)
    assert times[0] == pytest.approx(0.06, rel=0.05)
    assert times[1] == pytest.approx(0.02, rel=0.05)
    assert times[2] < 2e-3


def test_repeating_filter_averages_and_costs_its_time() -> None:
    box = meter(ideal=False)
    ask(box, ":SOUR:VOLT 1;:SENS:CURR:NPLC 0.1;:OUTP ON;:SENS:COUN 30")

    def spread(name: str) -> float:
        ask(box, f":TRAC:MAKE '{name}', 100;:READ? '{name}'")
        return values(box, f":TRAC:STAT:STDD? '{name}'")[0]

    plain = spread("plain")
    ask(box, ":SENS:CURR:AVER:COUN 50;:SENS:CURR:AVER ON")
    assert spread("smooth") < plain / 3


def test_relative_offset_is_acquired_and_subtracted() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT 1;:OUTP ON;:SENS:CURR:REL:ACQ;:SENS:CURR:REL:STAT ON")
    assert values(box, ":SENS:CURR:REL?") == pytest.approx([1e-4])
    assert values(box, ":READ?") == pytest.approx([0.0], abs=1e-12)


def test_protection_clamps_the_voltage() -> None:
    box = meter(1e6)
    ask(box, ":SOUR:VOLT:PROT PROT2;:SOUR:VOLT 5;:OUTP ON")
    assert load(box).driven[-1] == 2.0
    assert ask(box, ":SOUR:VOLT:PROT:TRIP?;:SOUR:VOLT:PROT?;:SOUR:VOLT?") == "1;PROT2;5"


def test_changing_the_source_function_or_the_terminals_switches_off() -> None:
    box = meter()
    for command in (":SOUR:FUNC CURR", ":ROUT:TERM REAR", ":SENS:CURR:RSEN ON"):
        ask(box, f":OUTP ON;{command}")
        assert ask(box, ":OUTP?") == "0"


# -- faults ------------------------------------------------------------------------------------


def test_open_interlock_refuses_the_output_with_an_error() -> None:
    box = meter(faults=Faults(interlock="open"))
    ask(box, ":SOUR:VOLT 1;:OUTP ON")
    assert ask(box, ":OUTP?;:OUTP:INT:TRIP?") == "0;0"
    assert errors(box) == [5043]
    assert load(box).driven[-1] == 0.0


def test_over_range_fault_overflows_every_reading() -> None:
    box = meter(faults=Faults(over_range=True))
    ask(box, ":OUTP ON")
    assert values(box, ":READ?") == [OVERFLOW]


# -- errors ------------------------------------------------------------------------------------


def test_error_log_entries_carry_type_and_time() -> None:
    box = meter()
    assert ask(box, ":SYST:ERR?") == '0,"No error;0;0 0"'
    ask(box, ":TRAC:FEED SENS")
    box.clock.sleep(100.0)
    ask(box, ":SOUR:VOLT 999")
    assert ask(box, ":SYST:ERR:COUN?;:SYST:EVEN:COUN? ERR") == "2;2"
    answer = ask(box, ":SYST:ERR?")
    assert answer is not None
    assert answer.startswith('-113,"Undefined header;1;2026/01/01 00:00:00.')
    assert ";1;2026/01/01 00:01:40." in str(ask(box, ":SYST:ERR?"))


@pytest.mark.parametrize(
    "command",
    [
        ":TRAC:FEED:CONT NEXT", ":FORM:ELEM VOLT", ":ARM:COUN 1", ":TRIG:COUN 1",
        ":SOUR:DEL 1", ":SYST:AZER ON", ":STAT:MEAS:ENAB 512", ":SENS:CURR:PROT 1",
    ],
)  # fmt: skip
def test_commands_of_a_2400_are_undefined(command: str) -> None:
    box = meter()
    ask(box, command)
    assert errors(box) == [-113]


def test_posted_events_are_read_by_type() -> None:
    box = meter()
    ask(box, ":SYST:EVEN:POST 'hello', INF;:SYST:EVEN:POST 'bad', ERR")
    assert ask(box, ":SYST:EVEN:COUN? ALL;:SYST:ERR:COUN?") == "2;1"
    assert str(ask(box, ":SYST:EVEN:NEXT? INF")).startswith('1003,"User: hello;4;')
    assert str(ask(box, ":SYST:EVEN:NEXT?")).startswith('1005,"User: bad;1;')
    assert ask(box, ":SYST:EVEN:NEXT?") == '0,"No error;0,0,0"'


def test_reset_brings_every_setting_back() -> None:
    box = meter()
    ask(box, ":SOUR:FUNC CURR;:SENS:FUNC 'VOLT';:SENS:VOLT:NPLC 5;:SENS:COUN 7;:OUTP ON")
    ask(box, ":TRAC:MAKE 'mine', 100;*RST")
    assert ask(box, ":SOUR:FUNC?;:SENS:FUNC?;:SENS:COUN?;:OUTP?") == 'VOLT;"CURR:DC";1;0'
    assert ask(box, ":SENS:VOLT:NPLC?;:SOUR:VOLT:ILIM?;:SOUR:CURR:VLIM?") == "1;0.000105;21"
    ask(box, ":TRAC:ACT? 'mine'")
    assert errors(box) == [-224]
