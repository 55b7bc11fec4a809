"""Sweeps and buffer of a simulated Keithley 2400."""

from __future__ import annotations

import pytest

from tests.sim.instruments.load import ask, errors, load, ready, values

IDLE = 1 << 10


# -- sweeps ------------------------------------------------------------------------------------


def test_list_sweep_sources_every_level_in_order_and_returns_to_the_fixed_one() -> None:
    box = ready("SOUR:VOLT 0.05;:SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 0.1,-0.2,0.3;:TRIG:COUN 3")
    load(box).driven.clear()
    assert ask(box, "INIT;*OPC?") == "1"
    assert load(box).driven == pytest.approx([0.1, -0.2, 0.3, 0.05])
    assert values(box, "FETC?") == pytest.approx([1e-5, -2e-5, 3e-5])


def test_lists_take_100_levels_per_command_and_2500_in_all() -> None:
    box = ready()
    hundred = ",".join(["0.1"] * 100)
    ask(box, f"SOUR:LIST:VOLT {hundred},0.2")
    assert errors(box) == [-223]
    ask(box, f"SOUR:LIST:VOLT {hundred}")
    for _ in range(24):
        ask(box, f"SOUR:LIST:VOLT:APP {hundred}")
    assert ask(box, "SOUR:LIST:VOLT:POIN?") == "2500"
    ask(box, "SOUR:LIST:VOLT:APP 0.1")
    assert errors(box) == [-223]
    ask(box, "SOUR:LIST:VOLT 0.1,300")
    assert errors(box) == [-222]
    assert ask(box, "SOUR:LIST:VOLT:POIN?") == "2500"


def test_a_list_may_begin_later_and_begins_again_where_it_ends() -> None:
    box = ready("SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 0.1,0.2,0.3;VOLT:STAR 2;:TRIG:COUN 3")
    assert values(box, "READ?") == pytest.approx([2e-5, 3e-5, 2e-5])


@pytest.mark.parametrize(
    ("message", "levels"),
    [
        ("SOUR:VOLT:STAR 1;STOP 2;:SOUR:SWE:POIN 5", [1, 1.25, 1.5, 1.75, 2]),
        ("SOUR:VOLT:STAR 1;STOP 2;STEP 0.5", [1, 1.5, 2]),
        ("SOUR:VOLT:STAR 2;STOP 1;STEP -0.5", [2, 1.5, 1]),
        ("SOUR:VOLT:STAR 1;STOP 2;STEP 0.5;:SOUR:SWE:DIR DOWN", [2, 1.5, 1]),
        ("SOUR:VOLT:CENT 0;SPAN 4;:SOUR:SWE:POIN 3", [-2, 0, 2]),
        ("SOUR:VOLT:STAR 0.1;STOP 10;:SOUR:SWE:SPAC LOG;POIN 3", [0.1, 1, 10]),
        ("SOUR:VOLT:STAR 7;:SOUR:SWE:POIN 1", [7]),
    ],
)
def test_staircases(message: str, levels: list[float]) -> None:
    box = ready(f"{message};:SOUR:VOLT:MODE SWE")
    ask(box, f"TRIG:COUN {len(levels)}")
    load(box).driven.clear()
    ask(box, "INIT")
    assert load(box).driven[:-1] == pytest.approx(levels)
    assert values(box, "SOUR:SWE:POIN?") == [len(levels)]
    assert errors(box) == []


def test_step_span_and_center_follow_from_start_and_stop() -> None:
    box = ready("SOUR:VOLT:STAR 1;STOP 3;:SOUR:SWE:POIN 5")
    assert [values(box, f"SOUR:VOLT:{node}?")[0] for node in ("STEP", "SPAN", "CENT")] == [
        0.5, 2.0, 2.0,
    ]  # fmt: skip


def test_a_logarithmic_sweep_through_zero_is_a_conflict() -> None:
    box = ready("SOUR:VOLT:STAR -1;STOP 1;:SOUR:SWE:SPAC LOG;:SOUR:VOLT:MODE SWE")
    assert ask(box, "READ?") is None
    assert errors(box) == [-221]
    assert box.registers["OPERation"].condition & IDLE


def test_sweep_ranging() -> None:
    box = ready("SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 0.1,15;:TRIG:COUN 2;:SOUR:SWE:RANG BEST")
    ask(box, "INIT")
    assert values(box, "SOUR:VOLT:RANG?") == [21]
    ask(box, "SOUR:LIST:VOLT 15,0.1;:SOUR:SWE:RANG AUTO;:INIT")
    assert values(box, "SOUR:VOLT:RANG?") == [0.21]
    ask(box, "SOUR:VOLT:RANG 2;:SOUR:SWE:RANG FIX;:INIT")
    assert errors(box) == [-222]


@pytest.mark.parametrize(("abort", "points"), [("NEV", 4), ("LATE", 3), ("EARL", 2)])
def test_compliance_may_end_a_sweep(abort: str, points: int) -> None:
    box = ready(ohms=1e3)
    ask(box, "SENS:CURR:PROT 2.5e-4;:SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 0.1,0.2,0.3,0.4")
    ask(box, f"TRIG:COUN 4;:SOUR:SWE:CAB {abort}")
    assert len(values(box, "READ?")) == points


def test_current_sweep() -> None:
    box = ready(ohms=1e3)
    ask(box, "SOUR:FUNC CURR;:SOUR:CURR:MODE LIST;:SOUR:LIST:CURR 1e-4,2e-4;:TRIG:COUN 2")
    ask(box, "SENS:FUNC 'VOLT';:FORM:ELEM VOLT,CURR;:OUTP ON")
    assert values(box, "READ?") == pytest.approx([0.1, 1e-4, 0.2, 2e-4])


def test_a_level_may_wait_for_the_trigger() -> None:
    box = ready("SOUR:VOLT 0.1;VOLT:TRIG 0.2")
    assert load(box).driven[-1] == 0.1
    assert ask(box, "SOUR:VOLT?;VOLT:TRIG?") == "+1.000000E-01;+2.000000E-01"
    assert values(box, "READ?") == pytest.approx([2e-5])
    assert values(box, "SOUR:VOLT?") == [0.2]


def test_source_memory_sweep_recalls_each_location() -> None:
    box = ready()
    for location, level in ((1, 0.1), (2, 0.2), (3, 0.3)):
        ask(box, f"SOUR:VOLT {level};:SENS:AVER:COUN {location};:SOUR:MEM:SAVE {location}")
    ask(box, "SOUR:VOLT 0;:SOUR:FUNC MEM;:SOUR:MEM:STAR 2;POIN 2;:TRIG:COUN 4;:OUTP ON")
    assert values(box, "READ?") == pytest.approx([2e-5, 3e-5, 2e-5, 3e-5])
    assert ask(box, "SOUR:FUNC?;:SOUR:VOLT?") == "MEM;+0.000000E+00"
    assert load(box).driven[-1] == 0.0
    ask(box, "SOUR:FUNC VOLT;:SOUR:MEM:REC 3")
    assert ask(box, "SOUR:VOLT?;:SENS:AVER:COUN?") == "+3.000000E-01;3"


def test_source_memory_sweep_branches_on_limits() -> None:
    box = ready("CALC2:FEED CURR;LIM2:UPP 1.5e-5;LOW -1;STAT ON;:CALC2:CLIM:FAIL:SML 3")
    for location, level in ((1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4)):
        ask(box, f"SOUR:VOLT {level};:SOUR:MEM:SAVE {location}")
    ask(box, "SOUR:FUNC MEM;:SOUR:MEM:POIN 4;:TRIG:COUN 4;:OUTP ON")
    assert values(box, "READ?") == pytest.approx([1e-5, 2e-5, 3e-5, 3e-5])


# -- buffer ------------------------------------------------------------------------------------


def test_the_buffer_fills_and_stops_and_tells_so() -> None:
    box = ready("SOUR:VOLT 1;:TRAC:POIN 3;FEED SENS;FEED:CONT NEXT;:TRIG:COUN 5")
    ask(box, "STAT:PRES;*CLS;*SRE 1;:STAT:MEAS:ENAB 512")
    assert int(ask(box, "*STB?") or -1) & 65 == 0
    ask(box, "INIT")
    assert box.requests_service()
    assert int(ask(box, "*STB?") or -1) & 65 == 65
    assert box.serial_poll() & 65 == 65
    assert ask(box, "TRAC:FEED:CONT?;:TRAC:POIN?;POIN:ACT?") == "NEV;3;3"
    assert len(values(box, "TRAC:DATA?")) == 3
    assert int(ask(box, "STAT:MEAS?") or 0) & (1 << 9 | 1 << 8 | 1 << 6) == 1 << 9 | 1 << 8 | 1 << 6
    ask(box, "TRAC:CLE")
    assert ask(box, "TRAC:POIN:ACT?") == "0"


def test_free_memory_shrinks() -> None:
    box = ready("TRAC:POIN 10;FEED:CONT NEXT;:TRIG:COUN 10;:INIT")
    free, used = values(box, "TRAC:FREE?")
    assert used > 0
    ask(box, "TRAC:CLE")
    assert values(box, "TRAC:FREE?") == [free + used, 0]


@pytest.mark.parametrize(
    ("form", "volts", "amperes"),
    [
        ("MEAN", 0.3, 3e-5),
        ("MAX", 0.5, 5e-5),
        ("MIN", 0.1, 1e-5),
        ("PKPK", 0.4, 4e-5),
        ("SDEV", 0.2, 2e-5),
    ],
)
def test_statistics_of_the_buffer(form: str, volts: float, amperes: float) -> None:
    box = ready("FORM:ELEM VOLT,CURR,RES,TIME,STAT;:SOUR:VOLT:MODE LIST")
    ask(box, "SOUR:LIST:VOLT 0.1,0.3,0.5;:TRIG:COUN 3;:TRAC:POIN 3;FEED:CONT NEXT;:INIT")
    found = values(box, f":CALCULATE3:FORMAT {form};:CALCULATE3:DATA?;")
    assert found == pytest.approx([volts, amperes, 9.91e37])


def test_buffer_of_calculations_and_limits() -> None:
    box = ready("SOUR:VOLT 2;:CALC:MATH:NAME 'POWER';:CALC:STAT ON;:TRAC:POIN 2;FEED CALC1")
    ask(box, "FORM:ELEM:CALC CALC,TIME;:TRIG:COUN 2;:TRAC:FEED:CONT NEXT;:INIT")
    assert values(box, "TRAC:DATA?")[::2] == pytest.approx([4e-4, 4e-4])
    ask(box, "TRAC:FEED CALC2;:CALC2:FEED CURR;NULL:OFFS 1e-4;STAT ON;:FORM:ELEM:CALC CALC")
    ask(box, "TRAC:FEED:CONT NEXT;:INIT")
    assert values(box, "TRAC:DATA?") == pytest.approx([1e-4, 1e-4])
