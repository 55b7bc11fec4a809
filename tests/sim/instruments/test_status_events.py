"""A condition that lasts is one event; a new one is another. On a 2400 that limits."""

from __future__ import annotations

from tests.sim.instruments.load import ask, ready, values

COMPLIANCE = 1 << 14


def compliance_event(reading_first: str) -> bool:
    """Tell whether the event register of a fresh meter shows compliance after some messages."""
    box = ready(ohms=100.0)
    ask(box, ":SOUR:VOLT 10;:SENS:CURR:PROT 1e-3")
    for message in reading_first.split("|"):
        ask(box, message)
    return bool(int(values(box, ":STAT:MEAS?")[0]) & COMPLIANCE)


def test_compliance_is_an_event() -> None:
    assert compliance_event(":READ?")


def test_reading_the_event_register_clears_it() -> None:
    assert not compliance_event(":READ?|:STAT:MEAS?")


def test_compliance_that_lasts_is_no_second_event() -> None:
    assert not compliance_event(":READ?|:STAT:MEAS?|:READ?")


def test_compliance_that_went_and_came_is_a_second_event() -> None:
    again = ":READ?|:STAT:MEAS?|:SENS:CURR:PROT 1|:READ?|:SENS:CURR:PROT 1e-3|:READ?"
    assert compliance_event(again)
