"""Math, limits and null of a simulated Keithley 2400."""

from __future__ import annotations

import pytest

from tests.sim.instruments.load import ask, errors, meter, ready, values


@pytest.mark.parametrize(
    ("formula", "result"),
    [
        ("(VOLT * CURR)", 4e-4),
        ("(volt + 1 * 2)", 4.0),
        ("((VOLT + 1) * 2)", 6.0),
        ("(-VOLT ^ 2 + ABS(-3))", 7.0),
        ("(LOG(100) - LN(EXP(1)))", 1.0),
        ("(VOLT / (CURR - CURR))", 9.9e37),
        ("(1e-3 / VOLT)", 5e-4),
    ],
)
def test_expressions(formula: str, result: float) -> None:
    box = ready(f"SOUR:VOLT 2;:CALC:MATH:NAME 'own';:CALC:MATH {formula};:CALC:STAT ON;:INIT")
    assert values(box, "CALC:DATA?") == pytest.approx([result])
    assert ask(box, "CALC:MATH?") == formula


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("CALC:MATH (VOLT)", 807),
        ("CALC:MATH:DEL 'POWER'", 808),
        ("CALC:MATH:DEL 'none'", 806),
        ("CALC:MATH:NAME 'elevenletters'", -154),
        ("CALC:MATH:NAME 'a';DEF (VOLT +)", 811),
        ("CALC:MATH:NAME 'a';DEF (VOLT WATT)", 816),
        ("CALC:MATH:NAME 'a';DEF (WATT)", 817),
        ("CALC:MATH:NAME 'a';DEF (VOLT[x])", 821),
        ("CALC:MATH:NAME 'a';DEF (VOLT[1)", 814),
        ("CALC:MATH:NAME 'a';DEF (" + "(" * 20 + "1" + ")" * 20 + ")", 815),
        ("CALC:MATH:NAME 'a';DEF 1", -104),
        (";".join(f":CALC:MATH:NAME '{name}'" for name in "abcdef"), 804),
    ],
)
def test_wrong_expressions(message: str, code: int) -> None:
    box = meter()
    ask(box, message)
    assert errors(box) == [code]


def test_vector_expression_needs_its_readings() -> None:
    box = ready("SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 1,2,3,5;:TRIG:COUN 4;:FORM:ELEM VOLT")
    ask(box, "CALC:MATH:NAME 'OFFCOMPOHM';:CALC:STAT ON;:SENS:FUNC 'VOLT';:INIT")
    assert values(box, "CALC:DATA?") == pytest.approx([9.91e37, 1e4, 9.91e37, 1e4])


def test_limits_report_in_register_word_and_port() -> None:
    box = ready("CALC2:FEED CURR;LIM2:UPP 2e-4;LOW 5e-5;UPP:SOUR2 3;:CALC2:LIM2:STAT ON")
    ask(box, "CALC2:CLIM:PASS:SOUR2 5;:FORM:ELEM STAT")
    for level, failed, pattern, event in ((1, 0, 5, 1 << 5), (3, 1, 3, 1 << 2), (0.1, 1, 15, 2)):
        ask(box, "STAT:MEAS?")
        word = int(values(box, f"SOUR:VOLT {level};:READ?")[0])
        assert ask(box, "CALC2:LIM2:FAIL?;:SOUR2:TTL:ACT?") == f"{failed};{pattern}"
        assert word & 1 << 7
        assert bool(word & 0b11 << 8) == bool(failed)
        assert int(ask(box, "STAT:MEAS?") or 0) & 0b100110 == event
    assert ask(box, "CALC2:LIM2:UPP?;UPP:SOUR2?;:CALC2:LIM2:LOW?") == (
        "+2.000000E-04;3;+5.000000E-05"
    )


def test_limit_1_is_the_compliance() -> None:
    box = ready("SENS:CURR:PROT 1e-5;:SOUR:VOLT 1;:CALC2:LIM:STAT ON;:INIT")
    assert ask(box, "CALC2:LIM1:FAIL?;COMP:FAIL?") == "1;IN"
    ask(box, "CALC2:LIM:COMP:FAIL OUT;:INIT")
    assert ask(box, "CALC2:LIM:FAIL?") == "0"


def test_null_is_acquired_from_the_reading() -> None:
    box = ready("SOUR:VOLT 1;:CALC2:FEED CURR;:INIT;:CALC2:NULL:ACQ;STAT ON;:SOUR:VOLT 3;:INIT")
    assert values(box, "CALC2:DATA?") == pytest.approx([2e-4])
    assert values(box, "CALC2:NULL:OFFS?") == pytest.approx([1e-4])
