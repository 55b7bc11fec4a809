"""The trigger model of a simulated Keithley 2400."""

from __future__ import annotations

import pytest

from labctl.sim.instruments.keithley2400 import Keithley2400
from tests.sim.instruments.load import ask, errors, ready, values

IDLE, IN_ARM = 1 << 10, 1 << 6


def operation(box: Keithley2400) -> int:
    return box.registers["OPERation"].condition


def test_counts_multiply() -> None:
    box = ready("ARM:COUN 3;:TRIG:COUN 4")
    assert len(values(box, "READ?")) == 12
    ask(box, "TRAC:POIN 12;FEED:CONT NEXT;:INIT")
    assert ask(box, "TRAC:POIN:ACT?") == "12"


def test_arm_timer_spaces_the_passes() -> None:
    box = ready("ARM:SOUR TIM;TIM 2;COUN 3;:TRAC:POIN 3;FEED:CONT NEXT;:FORM:ELEM TIME")
    ask(box, "INIT")
    assert values(box, "TRAC:DATA?") == pytest.approx([0, 2, 4])
    ask(box, "TRAC:TST:FORM DELT")
    assert values(box, "TRAC:DATA?") == pytest.approx([0, 2, 2])


def test_a_bus_trigger_lets_a_reading_go_on() -> None:
    box = ready("SOUR:VOLT 1;:ARM:SOUR BUS")
    assert ask(box, "READ?") is None
    assert operation(box) & (IDLE | IN_ARM) == IN_ARM
    box.starved()
    assert float(ask(box, "*TRG") or "nan") == pytest.approx(1e-4)
    assert operation(box) & (IDLE | IN_ARM) == IDLE
    ask(box, "INIT")
    box.trigger()
    assert values(box, "FETC?") == pytest.approx([1e-4])
    assert errors(box) == []


def test_commands_wait_until_idle_but_for_the_urgent_ones() -> None:
    box = ready("ARM:SOUR BUS;:INIT")
    assert ask(box, "SOUR:VOLT 2;:SOUR:VOLT?") is None
    assert box.settings.level[1] == 0.0
    assert ask(box, "ABOR") == "+2.000000E+00"
    assert errors(box) == []


def test_abort_and_device_clear_go_to_idle() -> None:
    for stop in ("ABOR", "clear"):
        box = ready("ARM:SOUR BUS;:INIT;*OPC")
        if stop == "clear":
            box.device_clear()
        else:
            ask(box, stop)
        assert operation(box) & IDLE
        assert ask(box, "SOUR:VOLT?") == "+0.000000E+00"


def test_an_aborted_read_does_not_answer() -> None:
    box = ready("ARM:SOUR BUS")
    assert ask(box, "READ?") is None
    assert ask(box, "ABOR") is None
    assert errors(box) == []
    assert ask(box, "SOUR:VOLT?") == "+0.000000E+00"


def test_the_panel_key_is_a_manual_event() -> None:
    box = ready("ARM:SOUR MAN;:SOUR:VOLT 1;:INIT")
    assert box.triggers.running
    box.manual_trigger()
    assert values(box, "FETC?") == pytest.approx([1e-4])
    assert ask(box, "ARM:SOUR IMM;:SYST:KEY 20;KEY?") == "20"


def test_trigger_link_waits_at_each_enabled_detector() -> None:
    box = ready("TRIG:SOUR TLIN;INP SOUR,SENS;COUN 2;:INIT")
    for _ in range(3):
        assert box.triggers.running
        box.link_trigger()
    box.link_trigger()
    assert not box.triggers.running
    ask(box, "TRIG:INP SOUR;DIR SOUR;COUN 1;:INIT")
    assert not box.triggers.running  # the bypass lets the first pass through


def test_the_arm_layer_has_a_bypass_for_its_first_pass_only() -> None:
    box = ready("ARM:SOUR TLIN;DIR SOUR;COUN 2;:TRAC:POIN 2;FEED:CONT NEXT;:INIT")
    assert box.triggers.running
    box.link_trigger()
    assert ask(box, "TRAC:POIN:ACT?") == "2"
    ask(box, "ARM:DIR ACC;COUN 1;:INIT")
    assert box.triggers.running
    ask(box, "ABOR;:ARM:SOUR BUS;DIR SOUR;:INIT")
    assert box.triggers.running  # a bus trigger cannot be bypassed


def test_an_infinite_arm_count_measures_until_it_is_aborted() -> None:
    box = ready("ARM:COUN INF;COUN?;:TRAC:POIN 5;FEED:CONT NEXT")
    assert ask(box, "READ?") is None
    assert errors(box) == [830]
    ask(box, "INIT")
    for _ in range(6):
        box.serial_poll()
    ask(box, "ABOR")
    assert len(values(box, "TRAC:DATA?")) == 5
    assert ask(box, "ARM:COUN?") == "+9.900000E+37"


def test_an_endless_timer_measures_when_it_is_due() -> None:
    box = ready("ARM:COUN INF;SOUR TIM;TIM 100;:TRAC:POIN 9;FEED:CONT NEXT;:INIT")
    start = box.clock.now()
    for _ in range(4):
        box.serial_poll()
    assert box.clock.now() == start
    box.clock.sleep(100.0)
    box.serial_poll()
    assert ask(box, "ABOR;:TRAC:POIN:ACT?") == "2"


def test_init_outside_of_idle_is_ignored() -> None:
    box = ready("ARM:SOUR BUS;:INIT")
    with pytest.raises(Exception, match="Init ignored"):
        box.triggers.initiate()
