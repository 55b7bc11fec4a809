"""Exact strings on the wire, and what the driver makes of the answers."""

import pytest
from pymeasure.test import expected_protocol

from drivers._tspmatrix import _SCRIPT
from drivers.keithley707b import Keithley707B
from labctl.errors import InstrumentError

IDN = ("*IDN?", "Keithley Instruments Inc., Model 707B, 1234567, 01.40c")
NO_ERRORS = ("print(errorqueue.count)", "0.00000e+00")
LOADING = [("channel.connectrule = 1", None), (_SCRIPT, None), NO_ERRORS]


def test_a_move_is_one_message_once_the_function_is_loaded():
    with expected_protocol(
        Keithley707B,
        [
            IDN,
            *LOADING,
            ('labctl_move("1D04,3B01", "1A04")', "0.00000e+00"),
            ('labctl_move(nil, "1A05")', "0.00000e+00"),
        ],
    ) as matrix:
        matrix.move(["1D04", "3B01"], ["1A04"])
        matrix.move([], ["1A05"])


def test_a_refused_crosspoint_is_raised_with_the_matrix_own_words():
    with (
        expected_protocol(
            Keithley707B,
            [
                IDN,
                *LOADING,
                ('labctl_move(nil, "9A01")', "1.00000e+00"),
                ("print(errorqueue.count)", "1.00000e+00"),
                ("print(errorqueue.next())", "1.11500e+03\tInvalid channel 9A01\t2.0\t1.0"),
                NO_ERRORS,
            ],
        ) as matrix,
        pytest.raises(InstrumentError, match=r"9A01.*1115: Invalid channel"),
    ):
        matrix.move([], ["9A01"])


def test_closed_relays_are_asked_for_and_opening_is_verified():
    with expected_protocol(
        Keithley707B,
        [
            IDN,
            ('print(channel.getclose("allslots"))', "1A01;1B05"),
            ('print(channel.getclose("allslots"))', "nil"),
            ('channel.open("allslots") print(channel.getclose("allslots"))', "3C07"),
        ],
    ) as matrix:
        assert matrix.closed() == {"1A01", "1B05"}
        assert matrix.closed() == frozenset()
        with pytest.raises(InstrumentError, match="3C07"):
            matrix.open_all()


def test_crosspoints_carry_slot_row_and_two_digit_column():
    with expected_protocol(Keithley707B, [IDN]) as matrix:
        assert matrix.crosspoint("C", 5, 7) == "5C07"
        assert matrix.has("H", 6, 12)
        assert not matrix.has("I", 1, 1)
        assert not matrix.has("A", 7, 1)
        assert not matrix.has("A", 1, 13)
        with pytest.raises(InstrumentError, match="switch matrix"):
            matrix.channel("a")
