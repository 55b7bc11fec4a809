"""Sweeps, trigger model, lists and mapped events of a simulated Keithley 2450 (SCPI)."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sim.instruments.load import ask, errors, values
from tests.sim.instruments.test_keithley2450 import meter


def test_linear_sweep_steps_the_source_and_ends_with_the_output_off() -> None:
    box = meter()
    ask(box, ":SOUR:SWE:VOLT:LIN 0, 1, 5, 0, 1, AUTO, OFF, OFF, 'defbuffer1'")
    ask(box, ":SOUR:VOLT:ILIM 1e-3")
    ask(box, ":INIT")
    ask(box, "*WAI")
    answer = np.array(values(box, ":TRAC:DATA? 1, 5, 'defbuffer1', SOUR, READ")).reshape(5, 2)
    np.testing.assert_allclose(answer[:, 0], [0.0, 0.25, 0.5, 0.75, 1.0], atol=1e-9)
    np.testing.assert_allclose(answer[:, 1], answer[:, 0] / 1e4, atol=1e-12)
    assert ask(box, ":OUTP?;:TRIG:STAT?") == "0;IDLE;IDLE;12"


@pytest.mark.parametrize(
    ("sweep", "levels"),
    [
        ("LIN:STEP 0, 1, 0.5, 0", [0.0, 0.5, 1.0]),
        ("LIN 0, 1, 3, 0, 1, BEST, OFF, ON", [0.0, 0.5, 1.0, 1.0, 0.5, 0.0]),
        ("LOG 0.01, 1, 3, 0", [0.01, 0.1, 1.0]),
        ("LIN 0, 1, 2, 0, 2", [0.0, 1.0, 0.0, 1.0]),
    ],
)
def test_sweeps_by_step_both_ways_by_decade_and_repeated(sweep: str, levels: list[float]) -> None:
    box = meter()
    ask(box, f":SOUR:VOLT:ILIM 1e-3;:SOUR:SWE:VOLT:{sweep};:INIT;*WAI")
    found = values(box, f":TRAC:DATA? 1, {len(levels)}, 'defbuffer1', SOUR")
    assert found[-len(levels) :] == pytest.approx(levels)
    assert errors(box) == []


def test_list_sweep_runs_from_its_first_index() -> None:
    box = meter()
    ask(box, ":SOUR:LIST:VOLT 0.1, 0.3;:SOUR:LIST:VOLT:APP 0.2, 0.5")
    assert ask(box, ":SOUR:LIST:VOLT:POIN?;:SOUR:LIST:VOLT?") == "4;0.1,0.3,0.2,0.5"
    ask(box, ":SOUR:VOLT:ILIM 1e-3;:SOUR:SWE:VOLT:LIST 2, 0;:INIT")
    assert values(box, "*WAI;:TRAC:DATA? 1, 3, 'defbuffer1', SOUR") == pytest.approx(
        [0.3, 0.2, 0.5]
    )
    assert ask(box, ":TRAC:ACT?") == "3"


def test_sweep_ends_at_the_limit_where_it_is_told_to() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT:ILIM 5e-5;:SOUR:SWE:VOLT:LIN 0, 1, 11, 0, 1, AUTO, ON;:INIT;*WAI")
    assert 5 <= int(str(ask(box, ":TRAC:ACT?"))) <= 7
    ask(box, ":SOUR:SWE:VOLT:LIN 0, 1, 11, 0, 1, AUTO, OFF;:INIT;*WAI")
    assert ask(box, ":TRAC:ACT?") == "11"


def test_operation_complete_waits_and_is_late_where_a_sweep_is_long() -> None:
    box = meter()
    ask(box, ":SOUR:SWE:VOLT:LIN 0, 1, 11, 1")
    ask(box, ":INIT")
    box.feed(b"*OPC?\n")
    assert box.late(5.0)
    assert box.take(10) is not None
    assert box.clock.now() > 11.0


def test_polling_for_the_end_of_a_sweep_is_answered_in_time() -> None:
    box = meter()
    ask(box, ":SOUR:SWE:VOLT:LIN 0, 1, 11, 1")
    ask(box, ":INIT")
    box.feed(b":TRIG:STAT?\n")
    assert not box.late(1.0)
    assert box.take(100) is not None


def test_blocks_wait_for_a_bus_trigger_and_can_be_aborted() -> None:
    box = meter()
    ask(box, ":TRIG:BLOC:WAIT 1, COMM;:TRIG:BLOC:MEAS 2;:TRIG:BLOC:BRAN:COUN 3, 2, 1;:INIT")
    assert ask(box, ":TRIG:STAT?") == "WAITING;WAITING;1"
    assert ask(box, "*OPC?") is None  # held back until the model ends
    ask(box, "*TRG")
    assert ask(box, "*TRG") == "1"
    assert ask(box, ":TRAC:ACT?;:TRIG:STAT?") == "2;IDLE;IDLE;3"
    ask(box, ":INIT;:ABOR")
    assert ask(box, ":TRIG:STAT?") == "ABORTED;ABORTED;1"
    assert errors(box) == []


def test_simple_loop_measures_with_its_delay_without_touching_the_output() -> None:
    box = meter()
    ask(box, ":TRAC:MAKE 'ten', 10;:TRIG:LOAD 'SimpleLoop', 4, 0.1, 'ten'")
    assert str(ask(box, ":TRIG:BLOC:LIST?")).splitlines()[3].split() == [
        "4)", "BRANCH_COUNTER", "VALUE:", "4", "BRANCH_BLOCK:", "2",
    ]  # fmt: skip
    ask(box, ":INIT;*WAI")
    times = values(box, ":TRAC:DATA? 1, 4, 'ten', REL")
    assert np.all(np.diff(times) > 0.1)
    assert ask(box, ":OUTP?") == "0"


def test_endless_model_answers_and_is_aborted() -> None:
    box = meter()
    ask(box, ":SENS:CURR:NPLC 0.01;:TRIG:LOAD 'SimpleLoop', 0;:INIT")
    assert str(ask(box, ":TRIG:STAT?")).startswith("RUNNING")
    ask(box, ":ABOR")
    assert str(ask(box, ":TRIG:STAT?")).startswith("ABORTED")


def test_configuration_lists_bring_settings_back() -> None:
    box = meter()
    ask(box, ":SOUR:CONF:LIST:CRE 'a';:SOUR:VOLT 0.1;:SOUR:CONF:LIST:STOR 'a'")
    ask(box, ":SOUR:VOLT 0.7;:SOUR:CONF:LIST:STOR 'a'")
    assert ask(box, ":SOUR:CONF:LIST:SIZE? 'a'") == "2"
    ask(box, ":SOUR:CONF:LIST:REC 'a', 1")
    assert values(box, ":SOUR:VOLT?") == [0.1]
    ask(box, ":SOUR:CONF:LIST:REC 'a', 3")
    assert errors(box) == [-222]


def test_mapped_events_set_status_bits_and_request_service() -> None:
    box = meter()
    ask(box, ":STAT:OPER:MAP 3, 2732, 2731;:STAT:OPER:ENAB 8;*SRE 128")
    assert ask(box, ":STAT:OPER:MAP? 3") == "2732,2731"
    ask(box, ":TRIG:LOAD 'SimpleLoop', 3")
    ask(box, ":INIT")
    assert box.serial_poll() & 64
    assert ask(box, ":STAT:OPER:COND?;:STAT:OPER?;:STAT:OPER?") == "8;8;0"
    ask(box, ":TRIG:BLOC:WAIT 1, COMM;:INIT")
    assert ask(box, ":STAT:OPER:COND?") == "0"


def test_full_default_buffer_is_an_event() -> None:
    box = meter()
    ask(box, ":TRAC:POIN 10;:STAT:QUES:MAP 0, 4918, 4917;:SENS:COUN 10;:SENS:CURR:NPLC 0.01")
    ask(box, ":READ?")
    assert ask(box, ":STAT:QUES:COND?") == "1"
    ask(box, ":TRAC:CLE")
    assert ask(box, ":STAT:QUES:COND?") == "0"
