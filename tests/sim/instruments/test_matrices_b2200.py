"""Keysight B2200A, B2201A and E5250A, command by command."""

from __future__ import annotations

import pytest

from labctl.sim.instruments.relays import Crosspoint
from tests.sim.instruments.matrices import Recorder


def error(rig: Recorder) -> int:
    return int(rig.ask(":SYST:ERR?").split(",")[0])


def test_b2200_channels_are_card_input_output() -> None:
    rig = Recorder("B2200A")
    rig.tell(":ROUT:CLOS (@00345,01148)")
    assert rig.steps == [([], [(4, 2, 9), (4, 10, 12)])]
    assert rig.ask(":CLOS:CARD? 0") == "(@00345,01148)"
    assert rig.ask(":CLOS? (@00345,00344)") == "1,0"
    assert rig.ask(":OPEN:LIST? (@00345,00344)") == "0,1"
    rig.tell(":ROUT:OPEN (@00345)")
    assert rig.ask(":CLOS:CARD? ALL") == "(@01148)"
    rig.tell(":OPEN:CARD 0")
    assert rig.ask(":CLOS:CARD? 0") == "(@)"


def test_b2200_normal_configuration_has_cards_of_their_own() -> None:
    rig = Recorder("B2201A")
    assert rig.ask(":FUNC?") == "ACON"
    rig.tell(":CLOS (@00101)", ":FUNC NCON")
    assert rig.steps == [([], [(1, 0, 1)]), ([(1, 0, 1)], [])]
    rig.tell(":ROUT:CLOS (@10101,10202)")  # the example of the manual
    assert rig.ask(":ROUT:OPEN? (@10101,10102,10201,10202)") == "0,1,1,0"
    rig.tell(":CLOS (@20101)")
    assert rig.ask(":CLOS:CARD? 2") == "(@20101)"
    rig.tell(":OPEN:CARD 1")
    assert rig.ask(":CLOS? (@10101,20101)") == "0,1"
    rig.tell(":CLOS (@00101)")
    assert error(rig) == -222
    rig.tell(":OPEN:CARD 0")
    assert error(rig) == -222
    rig.tell(":OPEN:CARD ALL")
    assert rig.ask(":CLOS:CARD? 2") == "(@)"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (":CLOS (@01501)", -222), (":CLOS (@00049)", -222), (":CLOS (@00149)", -222),
        (":CLOS (@10101)", -222), (":CLOS (@00201:00101)", -222), (":CLOS (@1!1)", -171),
        (":CLOS 101", -104), (":CONN:RULE 0,MANY", -224), (":CONN:RULE 5,FREE", -222),
        (":CONN:RULE FREE", -109), (":BIAS:PORT 0,15", -222), (":BIAS:PORT 0,0", -222),
        (":COUP:PORT 0,'2'", -222), (":COUP:PORT 0,'x'", -224), (":SYST:CTYP? 5", -222),
        (":DIAG:TEST:FRAM? NOSE", -224), (":SYST:MEMO:SAVE 9", -222),
    ],
)  # fmt: skip
def test_b2200_refuses(message: str, code: int) -> None:
    rig = Recorder("B2200A")
    rig.tell(message)
    assert error(rig) == code
    assert error(rig) == 0
    assert rig.moves == []


def test_b2200_ranges_and_leading_zeros() -> None:
    rig = Recorder("B2200A")
    rig.tell(":CLOS (@00111:00114)", ":CLOS (@201)")
    assert rig.ask(":CLOS:CARD? 0") == "(@00111,00112,00113,00114,00201)"


@pytest.mark.parametrize(
    ("sequence", "steps"),
    [
        ("NSEQ", [([(1, 0, 1), (1, 1, 2)], [(1, 0, 2)])]),
        ("BBM", [([(1, 0, 1), (1, 1, 2)], []), ([], [(1, 0, 2)])]),
        ("MBBR", [([], [(1, 0, 2)]), ([(1, 0, 1), (1, 1, 2)], [])]),
    ],
)
def test_b2200_single_route_breaks_what_was_there_in_the_order_asked_for(
    sequence: str, steps: list[tuple[list[Crosspoint], list[Crosspoint]]]
) -> None:
    rig = Recorder("B2200A")
    rig.tell(":CLOS (@00101,00202,00303)")
    rig.tell(":CONN:RULE 0,SROU", f":CONN:SEQ 0,{sequence}")
    assert (rig.ask(":CONN:RULE? 0"), rig.ask(":CONN:SEQ? 0")) == ("SROU", sequence)
    rig.moves.clear()
    assert rig.took(":CLOS (@00102)") == pytest.approx(len(steps) * 5e-3, abs=1e-3)
    assert rig.steps == steps
    assert rig.ask(":CLOS:CARD? 0") == "(@00102,00303)"


def test_b2200_free_rule_lets_an_output_have_two_inputs() -> None:
    rig = Recorder("B2200A")
    assert rig.ask(":CONN:RULE? 0") == "FREE"
    rig.tell(":CLOS (@00101)", ":CLOS (@00201)", ":CLOS (@00102)")
    assert rig.ask(":CLOS:CARD? 0") == "(@00101,00102,00201)"
    rig.tell(":CONN:RULE 0,SING")
    assert rig.ask(":CONN:RULE? 0") == "SROU"


def test_b2200_bias_mode_holds_unused_outputs_at_the_bias_port() -> None:
    rig = Recorder("B2200A")
    rig.tell(":BIAS:CHAN:DIS:CARD 0", ":BIAS:CHAN:ENAB (@00101,00102)", ":CLOS (@00303)")
    assert rig.ask(":BIAS:CHAN:ENAB? (@00101,00103)") == "1,0"
    assert rig.ask(":BIAS:CHAN:DIS? (@00101,00103)") == "0,1"
    assert rig.ask(":BIAS:PORT? 0") == "10"
    rig.tell(":BIAS 0,ON")
    assert rig.ask(":BIAS? 0") == "1"
    assert rig.ask(":CLOS:CARD? 0") == "(@00303,01001,01002)"
    rig.moves.clear()
    rig.tell(":CLOS (@00101)")
    assert rig.steps == [([(1, 9, 1)], []), ([], [(1, 0, 1)])]
    rig.tell(":OPEN (@00101)")
    assert rig.steps[2:] == [([(1, 0, 1)], []), ([], [(1, 9, 1)])]
    rig.tell(":CLOS (@01001)")
    assert error(rig) == -220
    rig.tell(":OPEN (@01001)")
    assert error(rig) == -220
    rig.tell(":BIAS:PORT 0,9")
    assert rig.ask(":CLOS:CARD? 0") == "(@00303,00901,00902)"
    rig.tell(":BIAS 0,OFF")
    assert rig.ask(":CLOS:CARD? 0") == "(@00303)"


def test_b2200_ground_mode_takes_outputs_from_bias_mode() -> None:
    rig = Recorder("B2200A")
    rig.tell(":AGND:CHAN:ENAB (@00101)", ":AGND:STAT 0,1", ":BIAS:CHAN:DIS:CARD 0")
    assert rig.ask(":CLOS:CARD? 0") == "(@01201)"
    rig.tell(":BIAS:CHAN:ENAB (@00101)", ":BIAS 0,1")
    assert rig.ask(":CLOS:CARD? 0") == "(@01001)"
    rig.tell(":AGND:CHAN:ENAB (@00101)")
    assert rig.ask(":BIAS:CHAN:ENAB? (@00101)") == "0"
    assert rig.ask(":CLOS:CARD? 0") == "(@01201)"
    rig.tell(":AGND:UNUSED 0,'1,5'")
    assert rig.ask(":AGND:UNUS? 0") == "'1,5'"
    rig.tell(":AGND 0,0", ":AGND:PORT 0,10", ":AGND 0,1")
    assert error(rig) == -220


def test_b2200_couple_mode_moves_pairs() -> None:
    rig = Recorder("B2200A")
    rig.tell(":COUP:PORT 0,'1,5'", ":COUP 0,ON")
    assert (rig.ask(":COUP:PORT? 0"), rig.ask(":COUP? 0")) == ("'1,5'", "1")
    rig.tell(":CLOS (@00103)", ":CLOS (@00307)")
    assert rig.ask(":CLOS:CARD? 0") == "(@00103,00204,00307)"
    rig.tell(":OPEN (@00204)", ":COUP:PORT:DET")
    assert rig.ask(":CLOS:CARD? 0") == "(@00307)"
    assert rig.ask(":COUP:PORT? 0") == "''"


def test_b2200_self_test_finds_contacts_that_are_not_where_they_should_be() -> None:
    rig = Recorder("B2200A")
    assert rig.ask("*TST?") == "0"
    assert rig.ask(":DIAG:TEST:CARD:STAT? 3") == "-1"
    rig.faults.welded.append("00125")  # output 25 is the first of card 3
    assert rig.ask("*TST?") == "4"
    assert rig.ask(":DIAG:TEST:CARD? 3;:DIAG:TEST:CARD? 1") == "1;0"
    assert rig.ask(":DIAG:TEST:CARD? ALL") == "1"
    assert rig.ask(":DIAG:TEST:CARD:STAT? 3;STAT? 1") == "1;0"
    rig.tell(":DIAG:TEST:CARD:CLE ALL")
    assert rig.ask(":DIAG:TEST:CARD:STAT? 3") == "-1"
    assert rig.ask(":DIAG:TEST:FRAM? BEEP;FRAM:STAT? LED") == "0;-1"
    assert rig.ask(":CLOS? (@00125)") == "0"


def test_b2200_tells_of_its_cards_and_keeps_setups() -> None:
    rig = Recorder("B2200A")
    assert rig.ask("*IDN?") == "AGILENT,B2200A,0,A.01.00"
    assert "B2210A" in rig.ask(":SYST:CTYP? 1")
    assert "48 outputs" in rig.ask(":SYST:CDES? 0")
    rig.tell(":CLOS (@00101)", ":SYST:MEMO:SAVE 3", ":SYST:MEMO:COMM 3,'mine'", ":OPEN:CARD 0")
    assert rig.ask(":SYST:MEMO:COMM? 3") == "mine"
    rig.tell(":SYST:MEMO:LOAD 3")
    assert rig.ask(":CLOS:CARD? 0") == "(@00101)"
    rig.tell(":SYST:MEMO:DEL 3", ":OPEN:CARD 0", ":SYST:MEMO:LOAD 3")
    assert rig.ask(":CLOS:CARD? 0") == "(@)"
    rig.tell(":SYMB:CHAN 0,5,'gate'", ":SYMB:PORT 1,'smu'")
    assert rig.ask(":SYMB:CHAN? 0,5;:SYMB:CHAN? 0,6;:SYMB:PORT? 1") == "gate;06;smu"
    rig.tell(":CLOS (@00101)", ":BIAS 0,ON", ":SYST:CPON 0")
    assert rig.ask(":CLOS:CARD? 0;:BIAS? 0") == "(@);0"
    rig.tell(":SYST:BEEP OFF;KLC 1;PEN 0;DISP:LCD OFF;LED ON;STR 'hello'")
    assert error(rig) == 0


def test_e5250a_has_ten_inputs_and_no_ground_mode() -> None:
    rig = Recorder("E5250A")
    rig.tell(":CLOS (@01001)")
    assert rig.ask(":CLOS:CARD? 0") == "(@01001)"
    rig.tell(":CLOS (@01101)")
    assert error(rig) == -222
    rig.tell(":AGND 0,ON")
    assert error(rig) == -113
    assert "E5252A" in rig.ask(":SYST:CTYP? 2")
