"""Keysight 34980A and 34970A, command by command."""

from __future__ import annotations

import pytest

from tests.sim.instruments.matrices import Recorder


def error(rig: Recorder) -> int:
    return int(rig.ask(":SYST:ERR?").split(",")[0])


def test_34980a_channels_of_two_matrices_and_of_a_dense_one() -> None:
    rig = Recorder("34980A")
    rig.tell("ROUT:CLOS (@1101,1816,5101,5828,1921)")
    assert rig.steps == [([], [(1, 0, 1), (1, 0, 921), (1, 3, 32), (5, 0, 1), (5, 3, 128)])]
    assert rig.ask("ROUT:CLOS? (@1101,1102)") == "1,0"
    assert rig.ask("ROUTe:OPEN? (@1101,1102)") == "0,1"
    rig.tell("ROUT:OPEN:ABUS 2")
    assert rig.ask("ROUT:CLOS? (@1921)") == "1"
    rig.tell("ROUT:OPEN:ABUS ALL")
    assert rig.ask("ROUT:CLOS? (@1921)") == "0"
    rig.tell("ROUT:OPEN:ALL SLOT5")
    assert rig.ask("ROUT:CLOS? (@1101,1816,5101)") == "1,1,0"
    rig.tell("ROUT:OPEN:ALL ALL")
    assert rig.ask("ROUT:CLOS? (@1101,1816)") == "0,0"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("ROUT:CLOS (@1117)", 112), ("ROUT:CLOS (@1901)", 112), ("ROUT:CLOS (@1925)", 112),
        ("ROUT:CLOS (@9101)", 111), ("ROUT:CLOS (@101)", 111), ("ROUT:CLOS (@1921:1924)", 112),
        ("ROUT:CLOS (@1921:2101)", 112), ("ROUT:CLOS (@1816:1921)", 112),
        ("ROUT:CLOS (@1102:1101)", 112), ("ROUT:CLOS (@1!1)", -171), ("ROUT:CLOS 1101", -104),
        ("ROUT:CLOS (@5101:5128,5229:5260)", 112), ("ROUT:CLOS (@5101:5141)", -221),
        ("ROUT:OPEN:ALL 9", -222), ("SYST:CTYP? 0", -222), ("INIT", 113), ("CLOS (@1101)", -113),
        ("ROUT:SEQ:TRIG nosuch", -292), ('ROUT:SEQ:DEF a,"ROUT:SCAN (@1101)"', -113),
    ],
)  # fmt: skip
def test_34980a_refuses(message: str, code: int) -> None:
    rig = Recorder("34980A")
    rig.tell(message)
    assert error(rig) == code
    assert rig.ask("SYST:ERR?") == '+0,"No error"'
    assert rig.moves == []


def test_34980a_range_leaves_out_what_does_not_exist() -> None:
    rig = Recorder("34980A")
    rig.tell("ROUT:CLOS (@1115:1202)")
    assert rig.box.relays.closed == {(1, 0, 15), (1, 0, 16), (1, 1, 1), (1, 1, 2)}
    rig.tell("ROUT:OPEN:ALL", "ROUT:CLOS (@5227:5302)")
    assert rig.box.relays.closed == {(5, 0, 127), (5, 0, 128), (5, 1, 1), (5, 1, 2)}


def test_34980a_exclusive_close_opens_its_module_only() -> None:
    rig = Recorder("34980A")
    rig.tell("ROUT:CLOS (@1101,2101)", "ROUT:CLOS:EXCL (@1102)")
    assert rig.ask("ROUT:CLOS? (@1101,1102,2101)") == "0,1,1"
    assert rig.steps[1:] == [([(1, 0, 1)], []), ([], [(1, 0, 2)])]


def test_34980a_counts_cycles_since_they_were_cleared() -> None:
    rig = Recorder("34980A")
    for _ in range(3):
        rig.tell("ROUT:CLOS (@1101);:ROUT:CLOS (@1101);:ROUT:OPEN (@1101)")
    assert rig.ask("DIAG:REL:CYCL? (@1101,1102)") == "+3,+0"
    rig.tell("*RST")
    assert rig.ask("DIAG:REL:CYCL? (@1101)") == "+3"
    rig.tell("DIAG:REL:CYCL:CLE (@1101)", "ROUT:CLOS (@1101)")
    assert rig.ask("DIAG:REL:CYCL? (@1101)") == "+1"
    assert rig.box.relays.closures[1, 0, 1] == 4


def test_34980a_sequences() -> None:
    rig = Recorder("34980A")
    rig.tell('ROUT:SEQ:DEF inner,"ROUT:CLOS (@1101);:SYST:DEL 0.5"')
    rig.tell('ROUT:SEQ:DEF outer,"ROUT:OPEN:ALL;:ROUT:SEQ:TRIG inner;:ROUT:CLOS (@1102)"')
    assert rig.ask("ROUT:SEQ:CAT?") == "INNER,OUTER"
    assert rig.ask("ROUT:SEQ:DEF? inner") == '"ROUT:CLOS (@1101);:SYST:DEL 0.5"'
    assert rig.took("ROUT:SEQ:TRIG outer") == pytest.approx(0.508, abs=1e-3)
    assert rig.ask("ROUT:CLOS? (@1101,1102)") == "1,1"
    rig.tell('ROUT:SEQ:DEF loop,"ROUT:SEQ:TRIG loop"', "ROUT:SEQ:TRIG loop")
    assert error(rig) == -276
    rig.tell('ROUT:SEQ:DEF bad,"ROUT:CLOS (@1199);:ROUT:OPEN:ALL"', "ROUT:SEQ:TRIG bad")
    assert error(rig) == 112
    assert rig.ask("ROUT:CLOS? (@1101)") == "1"
    rig.faults.power_cycle()
    rig.tell("ROUT:SEQ:DEL inner", "ROUT:SEQ:DEL inner")
    assert error(rig) == -292
    rig.tell("ROUT:SEQ:DEL:ALL")
    assert rig.ask("ROUT:SEQ:CAT?") == '""'


def test_34980a_scan_closes_its_channels_one_after_the_other() -> None:
    rig = Recorder("34980A")
    rig.tell("ROUT:CLOS (@2101)", "ROUT:SCAN (@1101,1102)")
    assert rig.ask("ROUT:SCAN?") == "#212(@1101,1102)"
    assert rig.ask("ROUT:SCAN:SIZE?") == "+2"
    rig.moves.clear()
    rig.tell("INIT")
    assert rig.steps == [
        ([], [(1, 0, 1)]), ([(1, 0, 1)], []), ([], [(1, 0, 2)]), ([(1, 0, 2)], []),
    ]  # fmt: skip
    assert rig.ask("ROUT:CLOS? (@2101)") == "1"


def test_34980a_tells_of_its_modules() -> None:
    rig = Recorder("34980A")
    assert rig.ask("SYST:CTYP? 1").split(",")[:2] == ["Agilent Technologies", "34932A"]
    assert rig.ask("SYST:CTYP? 8").split(",")[1] == "34934A"
    assert rig.ask("SYST:CDES? 1").startswith('"')
    assert rig.ask("SYST:MOD:TERM:TYPE? 8") == "4x128"
    rig.tell("SYST:MOD:ROW:PROT 8,FIXED")
    assert rig.ask("SYST:MOD:ROW:PROT? 8") == "FIX"
    assert rig.ask("*OPC?") == "1"
    assert rig.ask("*ESR?") == "+128"
    assert rig.ask("INST:DMM:INST?") == "0"


def test_34970a_has_three_small_matrices_and_slots_in_hundreds() -> None:
    rig = Recorder("34970A")
    rig.tell("ROUT:CLOS (@111,348)")
    assert rig.steps == [([], [(1, 0, 1), (3, 3, 8)])]
    assert rig.ask("SYST:CTYP? 300").split(",")[:2] == ["HEWLETT-PACKARD", "34904A"]
    rig.tell("ROUT:CLOS (@151)")
    assert error(rig) == 112
    rig.tell("ROUT:CLOS (@411)")
    assert error(rig) == 111
    rig.tell("ROUT:OPEN:ALL 300")
    assert rig.ask("ROUT:CLOS? (@111,348)") == "1,0"


def test_states_are_saved_and_recalled() -> None:
    rig = Recorder("34980A")
    rig.tell("ROUT:CLOS (@1101)", "*SAV 2", "ROUT:OPEN:ALL", "ROUT:CLOS (@1102)", "*RCL 2")
    assert rig.ask("ROUT:CLOS? (@1101,1102)") == "1,0"
