"""The exact strings that each matrix driver sends; what they do is in test_matrices.py."""

from __future__ import annotations

import pytest
from pymeasure.test import expected_protocol

from drivers._tspmatrix import _SCRIPT
from drivers.keithley707a import Keithley707A
from drivers.keithley3706a import Keithley3706A
from drivers.keithley7001 import Keithley7001
from drivers.keysight34980a import Keysight34980A
from drivers.keysightb2200 import KeysightB2200
from labctl.errors import InstrumentError

STATUS_707A = ("U0X", "707A03A0B0E000F0G0J0K0M000O000S00000T6V00000000W00000000Y0")
GOOD_707A = "00000000"
NO_TSP_ERROR = ("print(errorqueue.count)", "0.00000e+00")
NO_ERROR = (":SYST:ERR?", '0,"No error"')
DONE = "1;0"


def test_707a_moves_in_one_message_and_asks_for_its_error_word():
    with expected_protocol(
        Keithley707A,
        [
            STATUS_707A,
            ("E0F0V00000000W00000000XU1X", GOOD_707A),
            ("NA1,H72XCB13XU1X", GOOD_707A),
            ("CA1XU1X", GOOD_707A),
            ("G1U2,0X", "A1,B13"),
            ("E0P0XU1X", GOOD_707A),
            ("G1U2,0X", ""),
            ("U5,0X", "7174,7174,7172,7174,7174,NONE"),
        ],
    ) as matrix:
        assert (matrix.identity.model, matrix.identity.firmware) == ("707A", "03")
        matrix.move(["A1", "H72"], ["B13"])
        matrix.move([], ["A1"])
        assert matrix.closed() == {"A1", "B13"}
        matrix.open_all()
        assert matrix.card(3) == "7172"


def test_707a_names_what_its_error_word_says():
    with (
        expected_protocol(
            Keithley707A,
            [STATUS_707A, ("E0F0V00000000W00000000XU1X", GOOD_707A), ("CA99XU1X", "01000000")],
        ) as matrix,
        pytest.raises(InstrumentError, match=r"A99.*illegal option \(IDDCO\)"),
    ):
        matrix.move([], ["A99"])


def test_707a_crosspoints_count_columns_over_all_cards():
    with expected_protocol(Keithley707A, [STATUS_707A]) as matrix:
        assert matrix.crosspoint("A", 1, 1) == "A1"
        assert matrix.crosspoint("H", 6, 12) == "H72"


IDN_3706A = ("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 3706A,1234567,01.56a")


def test_3706a_numbers_slot_row_and_column():
    with expected_protocol(
        Keithley3706A,
        [
            IDN_3706A,
            ("channel.connectrule = 1", None),
            (_SCRIPT, None),
            NO_TSP_ERROR,
            ('labctl_move("1203", "6616")', "0.00000e+00"),
            ('print(channel.getcount("1203,6616"))', "12,7"),
            ("print(slot[2].idn)", "3730,6x16 High Density Matrix,01.40a,1234567"),
        ],
    ) as matrix:
        assert matrix.crosspoint("B", 1, 3) == "1203"
        matrix.move(["1203"], [matrix.crosspoint("F", 6, 16)])
        assert matrix.closures(["1203", "6616"]) == {"1203": 12, "6616": 7}
        assert matrix.card(2).startswith("3730")


IDN_7001 = ("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 7002,0526455,B07  /A02")


def test_7001_names_slot_row_and_column():
    with expected_protocol(
        Keithley7001,
        [
            IDN_7001,
            (":ROUT:CONF:CPA 0", None),
            NO_ERROR,
            (":ROUT:OPEN (@1!1!1,10!4!10);*OPC?;*ESR?", DONE),
            (":ROUT:CLOS (@2!3!4);*OPC?;*ESR?", DONE),
            (":ROUT:CLOS:STAT?", "(@2!3!4,3!1!9:3!2!2)"),
            (":ROUT:OPEN:ALL;*OPC?;*ESR?", "1;129"),
            (":ROUT:CLOS:STAT?", "(@)"),
            (":ROUT:CONF:SLOT2:CTYP?", "C7012"),
        ],
        model="7002",
    ) as matrix:
        matrix.move([matrix.crosspoint("A", 1, 1), matrix.crosspoint("D", 10, 10)], ["2!3!4"])
        assert matrix.closed() == {"2!3!4", "3!1!9", "3!1!10", "3!2!1", "3!2!2"}
        matrix.open_all()
        assert matrix.card(2) == "C7012"


def test_scpi_error_is_raised_with_what_was_to_move():
    with (
        expected_protocol(
            Keithley7001,
            [
                IDN_7001,
                (":ROUT:CONF:CPA 0", None),
                NO_ERROR,
                (":ROUT:CLOS (@9!9!9);*OPC?;*ESR?", "1;16"),
                (":SYST:ERR?", '-222,"Parameter data out of range"'),
                NO_ERROR,
            ],
            model="7002",
        ) as matrix,
        pytest.raises(InstrumentError, match=r"9!9!9.*-222: Parameter data out of range"),
    ):
        matrix.move([], ["9!9!9"])


def test_b2200_is_made_one_matrix_in_which_nothing_moves_on_its_own():
    with expected_protocol(
        KeysightB2200,
        [
            ("*IDN?", "AGILENT,B2200A,0,A.01.00"),
            (":ROUT:FUNC?", "NCON"),
            (":ROUT:FUNC ACON", None),
            (
                ":ROUT:BIAS 0,OFF;:ROUT:AGND 0,OFF;:ROUT:COUP 0,OFF;:ROUT:CONN:RULE 0,FREE;"
                ":ROUT:CONN:SEQ 0,BBM;*OPC?;*ESR?",
                DONE,
            ),
            (":ROUT:OPEN (@00101);*OPC?;*ESR?", DONE),
            (":ROUT:CLOS (@01448);*OPC?;*ESR?", DONE),
            (":ROUT:CLOS:CARD? 0", "(@01448)"),
            (":ROUT:OPEN:CARD ALL;*OPC?;*ESR?", DONE),
            (":ROUT:CLOS:CARD? 0", "(@01448)"),
        ],
    ) as matrix:
        matrix.move([matrix.crosspoint("A", 1, 1)], [matrix.crosspoint("N", 4, 12)])
        assert matrix.closed() == {"01448"}
        with pytest.raises(InstrumentError, match=r"still has closed relays: 01448"):
            matrix.open_all()


def test_e5250a_has_no_ground_mode():
    with expected_protocol(
        KeysightB2200,
        [
            ("*IDN?", "HEWLETT-PACKARD,E5250A,0,A.01.00"),
            (":ROUT:FUNC?", "ACON"),
            (
                ":ROUT:BIAS 0,OFF;:ROUT:COUP 0,OFF;:ROUT:CONN:RULE 0,FREE;:ROUT:CONN:SEQ 0,BBM;"
                "*OPC?;*ESR?",
                DONE,
            ),
            (":ROUT:CLOS:CARD? 0", "(@)"),
        ],
        model="E5250A",
    ) as matrix:
        assert matrix.closed() == frozenset()
        assert not matrix.has("K", 1, 1)


def test_34980a_numbers_channels_as_its_modules_do():
    cards = ["34932A", "34934A", "0", "0", "0", "0", "0", "34938A"]
    with expected_protocol(
        Keysight34980A,
        [
            ("*IDN?", "Agilent Technologies,34980A,MY44001001,2.43-2.43-1.19-0.05"),
            *(
                (f":SYST:CTYP? {slot}", f"Agilent Technologies,{card},0,0")
                for slot, card in enumerate(cards, 1)
            ),
            (":ROUT:OPEN (@1101);*OPC?;*ESR?", DONE),
            (":ROUT:CLOS (@1816,2828);*OPC?;*ESR?", DONE),
            (":DIAG:REL:CYCL? (@1101,1816)", "+12,+4"),
            (":ROUT:OPEN:ALL ALL;*OPC?;*ESR?", DONE),
            (":ROUT:CLOS? (@1101:1816)", ",".join(["0"] * 128)),
            (":ROUT:CLOS? (@2101:2828)", ",".join(["0"] * 512)),
            (":SYST:CTYP? 3", "Agilent Technologies,0,0,0"),
        ],
    ) as matrix:
        assert matrix.crosspoint("A", 1, 1) == "1101"
        assert matrix.crosspoint("D", 1, 32) == "1816"
        assert matrix.crosspoint("A", 1, 17) == "1501"
        assert matrix.crosspoint("D", 2, 128) == "2828"
        assert not matrix.has("A", 1, 33)
        assert not matrix.has("A", 8, 1)
        matrix.move(["1101"], ["1816", "2828"])
        assert matrix.closures(["1101", "1816"]) == {"1101": 12, "1816": 4}
        matrix.open_all()
        with pytest.raises(InstrumentError, match="no matrix module"):
            matrix.crosspoint("A", 3, 1)


def test_34970a_opens_by_its_own_command():
    with expected_protocol(
        Keysight34980A,
        [
            ("*IDN?", "HEWLETT-PACKARD,34970A,0,13-2-2"),
            (":SYST:CPON ALL;*OPC?;*ESR?", DONE),
            *((f":SYST:CTYP? {slot}00", "HEWLETT-PACKARD,34904A,0,1.0") for slot in (1, 2, 3)),
            *((f":ROUT:CLOS? (@{slot}11:{slot}48)", ",".join(["0"] * 32)) for slot in (1, 2, 3)),
        ],
        model="34970A",
    ) as matrix:
        matrix.open_all()
        assert matrix.crosspoint("D", 3, 8) == "348"
