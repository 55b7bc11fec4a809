"""Numbers with units and multipliers, as a 2400 takes them."""

from __future__ import annotations

import pytest

from tests.sim.instruments.load import ask, errors, meter, values


@pytest.mark.parametrize(
    ("command", "query", "value"),
    [
        (":SOUR:VOLT 500 MV", ":SOUR:VOLT?", 0.5),
        (":SOUR:VOLT 500mv", ":SOUR:VOLT?", 0.5),
        (":SOUR:VOLT 1.5 V", ":SOUR:VOLT?", 1.5),
        (":SOUR:VOLT 0.002 KV", ":SOUR:VOLT?", 2.0),
        (":SOUR:VOLT 3e6 UV", ":SOUR:VOLT?", 3.0),
        (":SENS:CURR:PROT 2 MA", ":SENS:CURR:PROT?", 2e-3),
        (":SENS:CURR:PROT 50 UA", ":SENS:CURR:PROT?", 5e-5),
        (":SENS:CURR:PROT 900 NA", ":SENS:CURR:PROT?", 9e-7),
        (":SENS:RES:RANG 2 MOHM", ":SENS:RES:RANG?", 2.1e6),
        (":SENS:RES:RANG 20 KOHM", ":SENS:RES:RANG?", 2.1e4),
        (":TRIG:DEL 5 MS", ":TRIG:DEL?", 5e-3),
        (":TRIG:DEL 2 S", ":TRIG:DEL?", 2.0),
    ],
)
def test_multiplier_and_unit(command: str, query: str, value: float) -> None:
    box = meter()
    ask(box, command)
    assert values(box, query) == [pytest.approx(value)]
    assert errors(box) == []


@pytest.mark.parametrize("command", [":SOUR:VOLT 1 A", ":SENS:CURR:PROT 1 V", ":TRIG:DEL 1 OHM"])
def test_unit_of_something_else_is_refused(command: str) -> None:
    box = meter()
    before = [ask(box, query) for query in (":SOUR:VOLT?", ":SENS:CURR:PROT?", ":TRIG:DEL?")]
    ask(box, command)
    assert errors(box) == [-131]
    assert before == [ask(box, q) for q in (":SOUR:VOLT?", ":SENS:CURR:PROT?", ":TRIG:DEL?")]
