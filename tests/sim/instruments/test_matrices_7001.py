"""Keithley 7001 and 7002, command by command."""

from __future__ import annotations

import pytest

from tests.sim.instruments.matrices import Recorder

A1, A2, B3 = (1, 0, 1), (1, 0, 2), (1, 1, 3)


def scpi_error(rig: Recorder) -> int:
    return int(rig.ask(":SYST:ERR?").split(",")[0])


def test_7001_reports_what_is_closed_as_a_list_with_ranges() -> None:
    rig = Recorder("7001")
    assert rig.ask(":CLOS:STAT?") == "(@)"
    rig.tell(":CLOS (@ 1!1!2, 1!2!5:1!2!7, 2!4!10)")
    assert rig.ask("CLOSe:STATe?") == "(@1!1!2,1!2!5:1!2!7,2!4!10)"
    assert rig.ask(":ROUT:CLOS? (@1!1!2,1!1!3)") == "1,0"
    assert rig.ask(":OPEN? (@1!1!2,1!1!3)") == "0,1"
    rig.tell(":OPEN (@1!2!5:1!2!7)")
    assert rig.ask(":CLOS:STAT?") == "(@1!1!2,2!4!10)"
    for everything in (":OPEN ALL", ":ROUT:OPEN:ALL"):
        rig.tell(everything)
        assert rig.ask(":CLOS:STAT?") == "(@)"
        rig.tell(":CLOS (@1!1!1)")


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (":CLOS (@1!5!1)", -222), (":CLOS (@1!1!11)", -222), (":CLOS (@3!1!1)", -222),
        (":CLOS (@1!0!1)", -222), (":CLOS (@1!1)", -222), (":CLOS (@1!1!1!1)", -171),
        (":CLOS (1!1!1)", -171), (":CLOS (@)", -171), (":CLOS (@1!2!1:1!1!1)", -222),
        (":CLOS 5", -104), (":CLOS", -109), (":CLOS ALL", -104), (":NOPE", -113),
        (":ROUT:CONF:SLOT3:CTYP?", -114), (":ROUT:CONF:SLOT1:CTYP C9999", -224),
        (":ROUT:MEM:SAVE M101", -222), (":ROUT:MEM:SAVE 5", -104), ("INIT", -221), ("*TRG", -211),
    ],
)  # fmt: skip
def test_7001_refuses(message: str, code: int) -> None:
    rig = Recorder("7001")
    rig.tell(message)
    assert scpi_error(rig) == code
    assert rig.moves == []
    assert scpi_error(rig) == 0


def test_7001_cards_decide_what_a_channel_is() -> None:
    rig = Recorder("7001")
    assert rig.ask(":ROUT:CONF:SLOT1:CTYP?") == "C7012"
    rig.tell(":CLOS (@1!1!1,2!1!1)", ":ROUT:CONF:SLOT1:CTYP C7011")
    assert rig.steps[-1] == ([(1, 0, 1)], [])
    rig.tell(":CLOS (@1!12)")
    assert rig.steps[-1] == ([], [(1, 1, 2)])
    assert rig.ask(":CLOS:STAT?") == "(@1!12,2!1!1)"
    rig.tell(":ROUT:CONF:SLOT2:CTYP NONE", ":CLOS (@2!1!1)")
    assert scpi_error(rig) == -222
    assert Recorder("7002").ask(":ROUT:CONF:SLOT10:CTYP?") == "C7012"


def test_7001_memory_forbidden_channels_and_settling() -> None:
    rig = Recorder("7001")
    rig.tell(":CLOS (@1!1!1,1!1!2)", ":ROUT:MEM:SAVE M3", ":OPEN ALL;:CLOS (@1!2!3)")
    rig.moves.clear()
    rig.tell(":ROUT:MEM:REC M3")
    assert rig.steps == [([B3], []), ([], [A1, A2])]
    rig.tell(":ROUT:FCH (@1!4!1)", ":CLOS (@1!4!1)")
    assert scpi_error(rig) == -221
    assert rig.ask(":ROUT:FCH?") == "(@1!4!1)"
    rig.tell(":ROUT:FCH (@)", ":CLOS (@1!4!1)")
    assert rig.ask(":ROUT:FCH?") == "(@)"
    assert scpi_error(rig) == 0
    rig.tell(":ROUT:CONF:SLOT1:STIM 0.5")
    assert rig.took(":CLOS (@1!4!2)") == pytest.approx(0.503, abs=1e-3)


def test_7001_scans_at_once_or_with_bus_triggers() -> None:
    rig = Recorder("7001")
    rig.tell(":CLOS (@2!1!1)", ":SCAN (@1!1!1,1!1!2)", ":TRIG:COUN 2")
    rig.moves.clear()
    assert rig.ask(":SCAN:POIN?") == "2"
    rig.tell(":INIT")
    assert [closed for _, closed in rig.steps if closed] == [[A1], [A2], [A1], [A2]]
    assert rig.box.relays.closed == {A2, (2, 0, 1)}
    rig.tell(":TRIG:SOUR BUS", ":TRIG:COUN 1", ":INIT")
    rig.moves.clear()
    rig.box.trigger()
    assert rig.steps == [([A2], []), ([], [A1])]
    rig.tell(":INIT")
    assert scpi_error(rig) == -213
    rig.tell("*TRG", "*TRG")
    assert scpi_error(rig) == -211
    rig.tell(":ROUT:CONF:BBM OFF", ":INIT", ":ABOR", "*TRG")
    assert scpi_error(rig) == -211


def test_7001_arm_layers_repeat_a_scan() -> None:
    rig = Recorder("7001")
    rig.tell(":ROUT:SCAN (@1!1!1,1!1!2)", ":ARM:LAY2:COUN 3", ":ARM:LAY2:SOUR IMM", ":ARM:COUN 2")
    assert rig.ask(":ARM:LAY2:COUN?;SOUR?") == "3;IMM"
    assert rig.ask(":ARM:LAY1:COUN?") == "2"
    before = sum(rig.box.relays.closures.values())
    rig.tell(":TRIG:SOUR IMM", ":INIT")
    assert sum(rig.box.relays.closures.values()) - before == 2 * 3 * 2
    rig.tell(":ARM:LAY3:COUN 2")
    assert rig.ask(":SYST:ERR?").startswith("-114")
    rig.tell("*RST")
    assert rig.ask(":ARM:LAY2:COUN?") == "1"
