"""Sweeps, lists, pulses, triggers and trace buffers of a simulated Keysight B2900."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.clock import VirtualClock
from labctl.sim.instruments.b2900 import B2900
from tests.sim.instruments.load import Resistor, ask, errors, values
from tests.sim.instruments.test_b2900 import meter


class Recorder(Resistor):
    """A resistor that notes when its terminal changes."""

    def __init__(self, ohms: float, clock: VirtualClock) -> None:
        super().__init__(ohms)
        self.clock = clock
        self.steps: list[tuple[float, float]] = []

    def drive(self, voltage: float, limit: float) -> None:
        super().drive(voltage, limit)
        if not self.steps or self.steps[-1][1] != voltage:
            self.steps.append((self.clock.now(), voltage))


def recorded(model: str = "B2912A") -> tuple[B2900, Recorder]:
    clock = VirtualClock()
    first, second = Recorder(1e4, clock), Recorder(1e5, clock)
    rng = np.random.default_rng(1)
    return B2900(clock, model, {1: first, 2: second}, rng, ideal=True), first


def test_list_sweep_by_timer() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 0.1,0.3;:SOUR:LIST:VOLT:APP 0.2,0.4")
    assert ask(box, ":SOUR:LIST:VOLT:POIN?") == "4"
    ask(box, ":SENS:CURR:APER 1e-4;:SENS:CURR:PROT 1e-3")
    ask(box, ":TRIG:SOUR TIM;:TRIG:TIM 1e-3;:TRIG:COUN 4;:FORM:ELEM:SENS CURR,TIME,SOUR")
    assert ask(box, ":OUTP ON;:INIT (@1);*OPC?") == "1"
    found = np.array(values(box, ":FETC:ARR? (@1)")).reshape(4, 3)
    np.testing.assert_allclose(found[:, 2], [0.1, 0.3, 0.2, 0.4])
    np.testing.assert_allclose(found[:, 0], found[:, 2] / 1e4)
    np.testing.assert_allclose(np.diff(found[:, 1]), 1e-3)
    assert values(box, ":FETC:CURR?") == pytest.approx([4e-5])
    assert values(box, ":SENS:DATA? 2,1")[2] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("commands", "levels"),
    [
        ("STAR 0;STOP 1;POIN 3", [0.0, 0.5, 1.0]),
        ("STAR 0;STOP 1;STEP 0.25", [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("CENT 1;SPAN 1;POIN 2", [0.5, 1.5]),
        ("STAR 0.01;STOP 1;POIN 3;:SOUR:SWE:SPAC LOG", [0.01, 0.1, 1.0]),
        ("STAR 0;STOP 1;POIN 3;:SOUR:SWE:DIR DOWN", [1.0, 0.5, 0.0]),
        ("STAR 0;STOP 1;POIN 2;:SOUR:SWE:STA DOUB", [0.0, 1.0, 1.0, 0.0]),
    ],
)
def test_sweeps(commands: str, levels: list[float]) -> None:
    box = meter()
    ask(box, f":SENS:CURR:PROT 1e-2;:SOUR:VOLT:MODE SWE;:SOUR:VOLT:{commands}")
    ask(box, f":TRIG:COUN {len(levels)};:INIT")
    assert values(box, ":FETC:ARR:SOUR?") == pytest.approx(levels)
    assert errors(box) == []


@settings(deadline=None, max_examples=25)
@given(st.floats(-10, 10), st.floats(-10, 10), st.integers(2, 60))
def test_sweep_parameters_stay_consistent(start: float, stop: float, points: int) -> None:
    box = meter()
    ask(box, f":SOUR:VOLT:STAR {start};STOP {stop};POIN {points}")
    answer = str(ask(box, ":SOUR:VOLT:STEP?;SPAN?;CENT?;POIN?")).split(";")
    step, span, center = (float(part) for part in answer[:3])
    assert span == pytest.approx(stop - start, abs=1e-6)
    assert center == pytest.approx((stop + start) / 2, abs=1e-6)
    assert step * (points - 1) == pytest.approx(span, abs=1e-5)
    assert answer[3] == str(points)


def test_pulses_have_exactly_their_width_and_period() -> None:
    box, port = recorded()
    ask(box, ":SOUR:FUNC PULS;:SOUR:PULS:WIDT 5e-5;:SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 1,2,3")
    ask(box, ":SENS:CURR:PROT 0.1;:SENS:CURR:APER 2e-5;:TRIG:ACQ:DEL 2e-5")
    ask(box, ":TRIG:SOUR TIM;:TRIG:TIM 1e-3;:TRIG:COUN 3;:OUTP ON")
    port.steps.clear()
    ask(box, ":INIT;*WAI")
    times = np.array([time for time, _ in port.steps])
    assert [level for _, level in port.steps] == [1.0, 0.0, 2.0, 0.0, 3.0, 0.0]
    np.testing.assert_allclose(times[1::2] - times[::2], 5e-5, rtol=1e-6)
    np.testing.assert_allclose(np.diff(times[::2]), 1e-3, rtol=1e-6)
    assert values(box, ":FETC:ARR:CURR?") == pytest.approx([1e-4, 2e-4, 3e-4])


def test_reading_after_its_pulse_sees_the_base() -> None:
    box, _ = recorded()
    ask(box, ":SOUR:FUNC PULS;:SOUR:VOLT:TRIG 2;:SENS:CURR:APER 1e-4;:SENS:CURR:PROT 0.1;:INIT")
    assert values(box, ":FETC:ARR:CURR?") == pytest.approx([0.0])


def test_shortest_pulse_is_fifty_microseconds() -> None:
    box = meter()
    ask(box, ":SOUR:PULS:WIDT 1e-6")
    assert values(box, ":SOUR:PULS:WIDT?") == [5e-5]
    assert values(box, ":SOUR:PULS:WIDT? MIN") == [5e-5]


def test_pulse_current_beyond_the_dc_limit_needs_the_pulse_shape() -> None:
    box = meter(ohms=0.1)
    ask(box, ":SOUR:FUNC:MODE CURR;:SOUR:CURR:MODE LIST;:SOUR:LIST:CURR 10;:INIT")
    assert errors(box) == [-222]
    ask(box, ":SOUR:FUNC PULS;:INIT;*WAI")
    assert errors(box) == []


def test_two_channels_interleave_and_fill_up_with_not_a_number() -> None:
    box = meter()
    ask(box, ":SOUR1:VOLT 1;:SOUR2:VOLT 1;:TRIG1:COUN 3;:TRIG2:COUN 1;:INIT (@1,2)")
    assert values(box, ":FETC:ARR:CURR? (@1,2)") == pytest.approx(
        [1e-4, 1e-5, 1e-4, 9.91e37, 1e-4, 9.91e37]
    )


def test_bus_triggers_step_one_by_one() -> None:
    box, port = recorded()
    ask(box, ":SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 1,2;:SENS:CURR:PROT 1e-2")
    ask(box, ":TRIG:SOUR BUS;:TRIG:COUN 2;:INIT")
    assert ask(box, "*OPC?") is None
    ask(box, "*TRG")
    assert port.steps[-1][1] == 1.0
    assert ask(box, "*TRG") == "1"
    assert port.steps[-1][1] == 2.0
    ask(box, "*TRG")
    assert errors(box) == [-211]
    assert len(values(box, ":FETC:ARR:CURR?")) == 2


def test_immediate_trigger_command_and_abort() -> None:
    box = meter()
    ask(box, ":TRIG:SOUR EXT3;:TRIG:COUN 3;:INIT;:TRIG:ALL (@1)")
    ask(box, ":ABOR (@1)")
    assert ask(box, ":IDLE? (@1)") == "1"
    assert len(values(box, ":FETC:ARR:CURR?")) == 1


def test_acquisition_without_the_source_and_arm_counts() -> None:
    box, port = recorded()
    ask(box, ":SOUR:VOLT 0.5;:OUTP ON;:SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 3")
    ask(box, ":TRIG:ACQ:COUN 3;:ARM:ACQ:COUN 2;:INIT:ACQ (@1)")
    assert values(box, ":FETC:ARR:CURR?") == pytest.approx([5e-5] * 6)
    assert port.steps[-1][1] == 0.5


def test_initiating_what_runs_is_refused() -> None:
    box = meter()
    ask(box, ":TRIG:SOUR BUS;:INIT")
    ask(box, ":INIT")
    assert errors(box) == [-213]
    ask(box, ":MEAS?")
    assert errors(box) == [-221]


def test_operation_register_shows_idle_and_waiting() -> None:
    box = meter()
    idle = 1 << 1 | 1 << 4 | 1 << 7 | 1 << 10
    assert ask(box, ":STAT:OPER:COND?") == str(idle)
    ask(box, ":TRIG:SOUR BUS;:INIT")
    assert ask(box, ":STAT:OPER:COND?") == str(1 << 2 | 1 << 5 | 1 << 7 | 1 << 10)


def test_long_run_is_late_for_who_waits_for_its_end() -> None:
    box = meter()
    ask(box, ":TRIG:SOUR TIM;:TRIG:TIM 1;:TRIG:COUN 11;:INIT")
    box.feed(b"*OPC?\n")
    assert box.late(5.0)
    ask(box, "*CLS;:INIT")
    box.feed(b":STAT:OPER:COND?\n")
    assert not box.late(5.0)


def test_automatic_output_off_after_the_run() -> None:
    box = meter()
    ask(box, ":OUTP:OFF:AUTO ON;:SOUR:VOLT 1;:INIT;*WAI")
    assert ask(box, ":OUTP?") == "0"


def test_timestamps_begin_with_the_run() -> None:
    box = meter()
    box.clock.sleep(100.0)
    ask(box, ":TRIG:COUN 2;:INIT")
    assert max(values(box, ":FETC:ARR:TIME?")) < 1.0
    ask(box, ":SYST:TIME:TIM:COUN:RES:AUTO OFF;:SYST:TIME:TIM:COUN:RES")
    box.clock.sleep(50.0)
    assert values(box, ":SYST:TIME:TIM:COUN?")[0] == pytest.approx(50.0, rel=1e-3)


def test_trace_buffer_fills_until_it_is_full() -> None:
    box = meter()
    ask(box, ":TRAC:CLE;:TRAC:POIN 3;:TRAC:FEED SENS;:TRAC:FEED:CONT NEXT;:SOUR:VOLT 1")
    ask(box, ":FORM:ELEM:SENS CURR;:TRIG:COUN 5;:INIT")
    assert ask(box, ":TRAC:POIN:ACT?;:TRAC:FEED:CONT?") == "3;NEV"
    assert values(box, ":TRAC:DATA?") == pytest.approx([1e-4] * 3)
    assert len(values(box, ":FETC:ARR:CURR?")) == 5
    assert values(box, ":TRAC:STAT:DATA?") == pytest.approx([1e-4])
    ask(box, ":TRAC:STAT:FORM PKPK")
    assert values(box, ":TRAC:STAT:DATA?") == [0.0]
    assert int(str(ask(box, ":STAT:MEAS:COND?"))) == 1 << 3 | 1 << 4
    ask(box, ":TRAC:FEED:CONT NEXT")
    assert errors(box) == [-221]
    ask(box, ":TRAC:CLE;:TRAC:FEED:CONT NEXT;:TRAC:CLE")
    assert errors(box) == [-221]


def test_trace_times_from_the_first_or_from_the_one_before() -> None:
    box = meter()
    ask(box, ":SENS:CURR:APER 1e-3;:TRAC:FEED:CONT NEXT;:TRIG:SOUR TIM;:TRIG:TIM 1e-2")
    ask(box, ":TRIG:COUN 3;:INIT;*WAI")
    ask(box, ":FORM:ELEM:SENS TIME")
    assert values(box, ":TRAC:DATA?") == pytest.approx([0.0, 0.01, 0.02])
    ask(box, ":TRAC:TST:FORM DELT")
    assert values(box, ":TRAC:DATA?") == pytest.approx([0.0, 0.01, 0.01])
    assert values(box, ":TRAC:DATA? CURR") == pytest.approx([0.01])


def test_endless_count_measures_as_time_passes_until_aborted() -> None:
    box = meter()
    ask(box, ":SENS:CURR:APER 1e-3;:TRIG:SOUR TIM;:TRIG:TIM 0.01;:TRIG:COUN INF;:INIT")
    assert not int(str(ask(box, ":STAT:OPER:COND?"))) & 2
    box.clock.sleep(0.1)
    assert ask(box, "*OPC?") is None
    ask(box, ":ABOR")
    assert int(str(ask(box, ":STAT:OPER:COND?"))) & 2
    assert 8 <= len(values(box, ":FETC:ARR:CURR?")) <= 12


def test_longest_list() -> None:
    box = meter()
    many = ",".join(["0.1"] * 2500)
    ask(box, f":SOUR:LIST:VOLT {many}")
    assert ask(box, ":SOUR:LIST:VOLT:POIN?") == "2500"
    ask(box, ":SOUR:LIST:VOLT:APP 1")
    assert errors(box) == [-223]


def test_reading_that_ends_with_its_pulse_still_sees_it() -> None:
    box = meter()
    ask(box, ":SOUR:FUNC PULS;:SOUR:PULS:WIDT 1e-4;:SOUR:VOLT:TRIG 2;:SENS:CURR:PROT 0.1")
    ask(box, ":SENS:CURR:APER 1e-4;:INIT")
    assert values(box, ":FETC:ARR:CURR?") == pytest.approx([2e-4])
