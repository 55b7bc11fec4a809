"""What is left of a message in which something is wrong, on a 2400."""

from __future__ import annotations

from tests.sim.instruments.load import ask, meter


def test_after_a_wrong_type_the_rest_of_the_message_is_not_done() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT 1;:SOUR:VOLT 'two';:SOUR:VOLT 3")
    assert float(ask(box, ":SOUR:VOLT?") or "nan") == 1
    assert (ask(box, ":SYST:ERR?") or "").startswith("-1")
    assert (ask(box, ":SYST:ERR?") or "").startswith("0,")


def test_after_a_value_out_of_range_the_rest_is_done() -> None:
    box = meter()
    ask(box, ":SOUR:VOLT 1;:SOUR:VOLT 1e6;:SENS:CURR:PROT 0.001")
    assert float(ask(box, ":SOUR:VOLT?") or "nan") == 1
    assert float(ask(box, ":SENS:CURR:PROT?") or "nan") == 0.001
    assert (ask(box, ":SYST:ERR?") or "").startswith("-222")


def test_answers_before_the_error_are_given() -> None:
    box = meter()
    assert ask(box, "*ESE 5;*ESE?;:NONSENSE;*SRE?") == "5"
    assert (ask(box, ":SYST:ERR?") or "").startswith("-113")
