"""Settings of a simulated Keithley 2400: what is set is what is asked, kept, recalled, reset."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sim.instruments.load import ask, errors, load, meter, values

SETTINGS = {
    ":SENS:FUNC:CONC": ["0"],
    ":SENS:CURR:PROT": ["+1.000000E-03"],
    ":SENS:VOLT:PROT": ["+1.500000E+00"],
    ":SENS:CURR:PROT:RSYN": ["1"],
    ":SENS:CURR:RANG": ["+1.050000E-05"],
    ":SENS:CURR:RANG:AUTO": ["0"],
    ":SENS:CURR:RANG:AUTO:LLIM": ["+1.050000E-05"],
    ":SENS:CURR:RANG:HOLD": ["1"],
    ":SENS:CURR:RANG:HOLD:DEL": ["0.50000"],
    ":SENS:VOLT:RANG:AUTO": ["0"],
    ":SENS:RES:RANG": ["+2.100000E+03"],
    ":SENS:RES:RANG:AUTO": ["0"],
    ":SENS:RES:RANG:AUTO:ULIM": ["+2.100000E+06"],
    ":SENS:RES:MODE": ["MAN"],
    ":SENS:RES:OCOM": ["1"],
    ":SENS:CURR:NPLC": ["0.10"],
    ":SENS:AVER": ["1"],
    ":SENS:AVER:COUN": ["25"],
    ":SENS:AVER:TCON": ["MOV"],
    ":SOUR:FUNC": ["CURR"],
    ":SOUR:VOLT": ["+1.500000E+00", "-2.000000E-01"],
    ":SOUR:VOLT:TRIG": ["+2.500000E+00"],
    ":SOUR:VOLT:TRIG:SFAC": ["+2.000000E+00"],
    ":SOUR:VOLT:TRIG:SFAC:STAT": ["1"],
    ":SOUR:VOLT:RANG": ["+2.100000E+00"],
    ":SOUR:VOLT:RANG:AUTO": ["0"],
    ":SOUR:VOLT:MODE": ["LIST", "SWE"],
    ":SOUR:VOLT:STAR": ["-1.000000E+00"],
    ":SOUR:VOLT:STOP": ["+1.000000E+00"],
    ":SOUR:VOLT:PROT": ["+4.000000E+01"],
    ":SOUR:CURR": ["+2.000000E-03"],
    ":SOUR:CURR:RANG": ["+1.050000E-02"],
    ":SOUR:LIST:VOLT": ["+1.000000E-01,-2.000000E-01"],
    ":SOUR:LIST:CURR": ["+1.000000E-03"],
    ":SOUR:LIST:VOLT:STAR": ["2"],
    ":SOUR:SWE:POIN": ["11"],
    ":SOUR:SWE:SPAC": ["LOG"],
    ":SOUR:SWE:DIR": ["DOWN"],
    ":SOUR:SWE:RANG": ["AUTO", "FIX"],
    ":SOUR:SWE:CAB": ["EARL", "LATE"],
    ":SOUR:DEL": ["0.00250"],
    ":SOUR:DEL:AUTO": ["0"],
    ":SOUR:CLE:AUTO": ["1"],
    ":SOUR:CLE:AUTO:MODE": ["TCO"],
    ":SOUR:SOAK": ["1.00000"],
    ":SOUR:MEM:POIN": ["7"],
    ":SOUR:MEM:STAR": ["3"],
    ":OUTP:SMOD": ["HIMP", "ZERO", "GUAR"],
    ":OUTP:ENAB": ["1"],
    ":ROUT:TERM": ["REAR"],
    ":ARM:COUN": ["5"],
    ":ARM:SOUR": ["TIM", "BUS", "MAN", "TLIN", "NST", "PST", "BST"],
    ":ARM:TIM": ["2.500"],
    ":ARM:DIR": ["SOUR"],
    ":ARM:TCON:ASYN:ILIN": ["3"],
    ":ARM:OLIN": ["4"],
    ":ARM:OUTP": ["TENT", "TENT,TEX"],
    ":TRIG:COUN": ["20"],
    ":TRIG:SOUR": ["TLIN"],
    ":TRIG:DEL": ["0.50000"],
    ":TRIG:DIR": ["SOUR"],
    ":TRIG:ILIN": ["2"],
    ":TRIG:OLIN": ["3"],
    ":TRIG:INP": ["SOUR,SENS"],
    ":TRIG:OUTP": ["DEL", "SOUR,DEL,SENS"],
    ":FORM": ["REAL,32"],
    ":FORM:BORD": ["SWAP"],
    ":FORM:ELEM": ["CURR,STAT"],
    ":FORM:ELEM:CALC": ["CALC,TIME"],
    ":FORM:SOUR2": ["HEX"],
    ":SYST:RSEN": ["1"],
    ":SYST:GUAR": ["OHMS"],
    ":SYST:AZER": ["0"],
    ":SYST:AZER:CACH": ["1"],
    ":SYST:CCH": ["1"],
    ":SYST:CCH:RES": ["+1.500000E+01"],
    ":SYST:RCM": ["MULT"],
    ":SYST:TIME:RES:AUTO": ["1"],
    ":DISP:ENAB": ["0"],
    ":DISP:DIG": ["5"],
    ":DISP:TEXT": ['"HELLO"'],
    ":DISP:WIND2:TEXT:STAT": ["1"],
    ":CALC:STAT": ["1"],
    ":CALC:MATH:NAME": ['"VARALPHA"'],
    ":CALC:MATH:UNIT": ['"OHM"'],
    ":CALC2:FEED": ["CURR", "RES", "CALC1"],
    ":CALC2:NULL:OFFS": ["+1.000000E-03"],
    ":CALC2:NULL:STAT": ["1"],
    ":CALC2:LIM3:STAT": ["1"],
    ":CALC2:LIM12:UPP": ["+5.000000E-01"],
    ":CALC2:LIM5:LOW:SOUR2": ["6"],
    ":CALC2:LIM:COMP:SOUR2": ["2"],
    ":CALC2:CLIM:MODE": ["SORT"],
    ":CALC2:CLIM:BCON": ["IMM"],
    ":CALC2:CLIM:CLE:AUTO": ["0"],
    ":CALC2:CLIM:FAIL:SML": ["9"],
    ":CALC3:FORM": ["SDEV", "PKPK"],
    ":SOUR2:TTL": ["5"],
    ":SOUR2:BSIZ": ["4"],
    ":SOUR2:CLE:AUTO": ["1"],
    ":SOUR2:CLE:AUTO:DEL": ["0.01000"],
    ":SOUR2:TTL4:MODE": ["BUSY"],
}
PAIRS = [(header, value) for header, found in SETTINGS.items() for value in found]
DEFAULTS = {
    ":OUTP": "0", ":OUTP:SMOD": "NORM", ":OUTP:ENAB": "0", ":ROUT:TERM": "FRON",
    ":SENS:FUNC": '"CURR:DC"', ":SENS:FUNC:CONC": "1", ":SENS:CURR:RANG": "+1.050000E-04",
    ":SENS:CURR:RANG:AUTO": "1", ":SENS:CURR:NPLC": "1.00", ":SENS:CURR:PROT": "+1.050000E-04",
    ":SENS:VOLT:RANG": "+2.100000E+01", ":SENS:VOLT:RANG:AUTO": "1",
    ":SENS:VOLT:PROT": "+2.100000E+01", ":SENS:RES:MODE": "AUTO", ":SENS:RES:OCOM": "0",
    ":SENS:RES:RANG": "+2.100000E+05", ":SENS:RES:RANG:AUTO": "1", ":SENS:AVER": "0",
    ":SENS:AVER:COUN": "10", ":SENS:AVER:TCON": "REP", ":SOUR:FUNC": "VOLT", ":SOUR:DEL": "0.00100",
    ":SOUR:DEL:AUTO": "1", ":SOUR:CLE:AUTO": "0", ":SOUR:CLE:AUTO:MODE": "ALW",
    ":SOUR:VOLT": "+0.000000E+00", ":SOUR:VOLT:MODE": "FIX", ":SOUR:VOLT:RANG": "+2.100000E+01",
    ":SOUR:VOLT:RANG:AUTO": "1", ":SOUR:CURR:RANG": "+1.050000E-04", ":SOUR:SWE:POIN": "2500",
    ":SOUR:SWE:SPAC": "LIN", ":SOUR:SWE:DIR": "UP", ":SOUR:SWE:RANG": "BEST",
    ":SOUR:SWE:CAB": "NEV",
    ":SOUR2:TTL": "15", ":ARM:COUN": "1", ":ARM:SOUR": "IMM", ":ARM:TIM": "0.100",
    ":ARM:DIR": "ACC", ":ARM:ILIN": "1", ":ARM:OLIN": "2", ":ARM:OUTP": "NONE", ":TRIG:COUN": "1",
    ":TRIG:SOUR": "IMM", ":TRIG:DEL": "0.00000", ":TRIG:INP": "NONE", ":TRIG:OUTP": "NONE",
    ":FORM": "ASC", ":FORM:BORD": "NORM", ":FORM:ELEM": "VOLT,CURR,RES,TIME,STAT",
    ":FORM:SREG": "ASC", ":SYST:AZER": "1", ":SYST:RSEN": "0", ":SYST:GUAR": "CABL",
    ":SYST:RCM": "SING", ":CALC:STAT": "0", ":CALC2:FEED": "VOLT", ":CALC2:NULL:STAT": "0",
    ":CALC2:LIM2:STAT": "0", ":CALC2:LIM2:UPP": "+1.000000E+00", ":CALC2:LIM2:LOW": "-1.000000E+00",
    ":CALC2:CLIM:MODE": "GRAD", ":CALC3:FORM": "MEAN", ":DISP:ENAB": "1", ":DISP:DIG": "6",
}  # fmt: skip
"""What the manual gives as *RST values (``SOURce:DELay`` as instruments answer)."""
LASTING = {
    ":SYST:LFR": "60", ":SYST:LFR:AUTO": "0", ":SYST:BEEP:STAT": "0", ":SYST:RWL": "1",
    ":TRAC:POIN": "42", ":TRAC:TST:FORM": "DELT", ":TRAC:FEED": "CALC2",
}  # fmt: skip
"""What ``*RST`` leaves alone."""


@pytest.fixture(scope="module")
def defaults() -> dict[str, str | None]:
    box = meter()
    return {header: ask(box, f"{header}?") for header in SETTINGS}


@pytest.mark.parametrize(("header", "value"), PAIRS)
def test_what_is_set_is_what_is_asked_kept_and_reset(
    header: str, value: str, defaults: dict[str, str | None]
) -> None:
    box = meter()
    assert ask(box, f"{header} {value};{header}?") == value
    assert defaults[header] != value
    ask(box, "*SAV 2;*RST")
    assert ask(box, f"{header}?") == defaults[header]
    ask(box, "*RCL 2")
    assert ask(box, f"{header}?") == value
    box.faults.power_cycle()
    assert ask(box, f"{header}?") == defaults[header]
    assert errors(box) == []


@pytest.mark.parametrize(("header", "value"), list(DEFAULTS.items()))
def test_values_after_reset(header: str, value: str) -> None:
    ask(BOX, "*RST")
    assert ask(BOX, f"{header}?") == value


@pytest.mark.parametrize(("header", "value"), list(LASTING.items()))
def test_what_is_no_setup_lasts(header: str, value: str) -> None:
    box = meter()
    assert ask(box, f"{header}?") != value
    assert ask(box, f"{header} {value};{header}?") == value
    assert ask(box, f"*RST;{header}?") == value


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(st.lists(st.sampled_from(PAIRS), min_size=2, max_size=6, unique_by=lambda pair: pair[0]))
def test_settings_do_not_disturb_each_other_but_as_the_manual_says(
    chosen: list[tuple[str, str]],
) -> None:
    box = BOX
    ask(box, "*RST")
    for header, value in chosen:
        ask(box, f"{header} {value}")
    if errors(box):
        return  # a combination that the manual forbids
    asked = {header: ask(box, f"{header}?") for header, _ in chosen}
    ask(box, "*SAV 0;*RST;*RCL 0")
    assert {header: ask(box, f"{header}?") for header, _ in chosen} == asked


BOX = meter()


@pytest.mark.parametrize(
    ("header", "low", "high", "default"),
    [
        (":SOUR:VOLT", -210, 210, 0),
        (":SOUR:CURR", -1.05, 1.05, 0),
        (":SENS:CURR:PROT", -1.05, 1.05, 1.05e-4),
        (":SENS:VOLT:PROT", -210, 210, 21),
        (":SENS:CURR:NPLC", 0.01, 10, 1),
        (":SENS:AVER:COUN", 1, 100, 10),
        (":SOUR:DEL", 0, 999.9999, 0),
        (":TRIG:COUN", 1, 2500, 1),
        (":TRIG:DEL", 0, 999.9999, 0),
        (":ARM:TIM", 0.001, 99999.99, 0.1),
        (":TRAC:POIN", 1, 2500, 100),
        (":SENS:CURR:RANG", 1.05e-6, 1.05, 1.05e-4),
        (":SOUR:VOLT:RANG", 0.21, 210, 21),
        (":SENS:RES:RANG", 2.1, 2.1e8, 2.1e5),
    ],
)
def test_limits_and_defaults_can_be_asked(
    header: str, low: float, high: float, default: float
) -> None:
    asked = [values(BOX, f"{header}? {word}")[0] for word in ("MIN", "MAX", "DEF")]
    assert asked == pytest.approx([low, high, default], rel=1e-5)
    ask(BOX, f"{header}? 1")
    assert errors(BOX) == [-104]


def test_functions_switch_on_and_off() -> None:
    box = meter()
    assert ask(box, "SENS:FUNC?;FUNC:COUN?;OFF?") == '"CURR:DC";1;"VOLT:DC","RES"'
    ask(box, 'SENS:FUNC "VOLT:DC", "RES";FUNC:OFF "CURR"')
    assert ask(box, "SENS:FUNC?;FUNC:STAT? 'RES'") == '"VOLT:DC","RES";1'
    ask(box, "SENS:FUNC:ALL;CONC OFF")
    assert ask(box, "SENS:FUNC?") == '"VOLT:DC"'
    ask(box, "SENS:FUNC 'CURR'")
    assert ask(box, "SENS:FUNC?") == '"CURR:DC"'
    assert ask(box, "SENS:FUNC:ALL;:SENS:FUNC?") == '"RES"'
    assert ask(box, "SENS:FUNC:OFF:ALL;:SENS:FUNC?;FUNC:OFF:COUN?") == '"";3'


def test_nplc_is_one_for_all_functions() -> None:
    assert ask(meter(), "SENS:VOLT:NPLC 0.5;:SENS:CURR:NPLC?;:SENS:RES:NPLC?") == "0.50;0.50"


def test_autozero_once_takes_time_and_changes_nothing() -> None:
    box = meter()
    ask(box, "SYST:AZER OFF;:SENS:CURR:NPLC 10")
    start = box.clock.now()
    assert ask(box, "SYST:AZER ONCE;:SYST:AZER?") == "0"
    assert box.clock.now() - start > 0.4


def test_keys() -> None:
    box = meter()
    assert ask(box, "SYST:KEY 24;KEY?;:OUTP?") == "24;1"
    ask(box, "SYST:KEY 19;KEY 15;KEY 32;KEY 6")
    assert ask(box, "SOUR:FUNC?;:SENS:FUNC?;:ROUT:TERM?;:SENS:AVER?") == 'CURR;"VOLT:DC";REAR;1'
    ask(box, "SYST:KEY 33")
    assert errors(box) == [-222]


def test_power_on_setup() -> None:
    box = meter()
    ask(box, "SOUR:VOLT 5;*SAV 3;:SYST:POS SAV3")
    box.faults.power_cycle()
    assert ask(box, "SYST:POS?;:SOUR:VOLT?;:OUTP?") == "SAV3;+5.000000E+00;0"
    ask(box, "SYST:POS PRES")
    box.faults.power_cycle()
    assert ask(box, "FORM:BORD?") == "SWAP"
    ask(box, "SYST:MEM:INIT;:ABOR;*RCL 3")
    assert ask(box, "SOUR:VOLT?") == "+0.000000E+00"


def test_power_cycle_takes_the_voltage_away() -> None:
    box = meter()
    ask(box, "SOUR:VOLT 5;:OUTP ON")
    box.faults.power_cycle()
    assert load(box).driven[-1] == 0.0
    assert ask(box, "*ESR?;:OUTP?;:SOUR:VOLT?") == "128;0;+0.000000E+00"


def test_error_queue_by_its_second_name_and_which_numbers_it_takes() -> None:
    box = meter()
    ask(box, "NONSENSE")
    assert ask(box, "STAT:QUE?") == '-113,"Undefined header"'
    ask(box, "STAT:QUE:DIS (-115:-110)")
    assert ask(box, "STAT:QUE:ENAB?") == "(-440:-116,-109:-1)"
    ask(box, "NONSENSE")
    assert ask(box, "SYST:ERR?;:STAT:QUE:DIS?") == '0,"No error";(-115:-110,0:999)'
    ask(box, "STAT:QUE:ENAB (-113);:NONSENSE")
    ask(box, "SOUR:VOLT 999")
    assert ask(box, "STAT:QUE?;:SYST:ERR:COUN?") == '-113,"Undefined header";0'
    ask(box, "NONSENSE")
    assert ask(box, "SYST:CLE;:SYST:ERR?") == '0,"No error"'


def test_queue_holds_ten() -> None:
    box = meter()
    for _ in range(12):
        ask(box, "NONSENSE")
    assert errors(box) == [-113] * 9 + [-350]


def test_display_text_may_be_a_block() -> None:
    box = meter()
    ask(box, "DISP:TEXT #15AB\nCD;TEXT:STAT ON")
    assert ask(box, "DISP:TEXT?;TEXT:STAT?") == '"AB\nCD";1'
    assert ask(box, "DISP:CND;:DISP:TEXT:STAT?;:DISP:WIND2:DATA?") == '0;""'


def test_identity_and_version() -> None:
    box = meter()
    identity = (ask(box, "*IDN?") or "").split(",")
    assert identity[:2] == ["KEITHLEY INSTRUMENTS INC.", "MODEL 2400"]
    assert len(identity) == 4
    assert ask(box, "SYST:VERS?;*OPT?;*TST?;:SYST:MEP?") == "1996.0;0;0;1"
    box.faults.identity = "2410"
    assert "MODEL 2410" in (ask(box, "*IDN?") or "")


def test_a_setup_can_be_recalled_again_and_again() -> None:
    box = meter()
    ask(box, "SOUR:VOLT 2;*SAV 1")
    for level in (3, 4):
        assert ask(box, f"*RCL 1;:SOUR:VOLT?;:SOUR:VOLT {level}") == "+2.000000E+00"
