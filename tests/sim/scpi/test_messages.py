"""Messages and answers as IEEE 488.2 has them exchanged."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.sim.box import MOST_INPUT, Ending
from labctl.sim.scpi.framing import frame
from tests.sim.scpi.toy import Toy, answer, error

QUICK = settings(max_examples=100, deadline=None, database=None, derandomize=True)


def test_answers_of_one_message_come_as_one() -> None:
    box = Toy()
    assert answer(box, "VOLT 2;VOLT?;:CURR?;*OPC?") == "2;C;1"
    assert box.take(1) is None


def test_a_header_continues_the_path_of_the_one_before() -> None:
    box = Toy()
    assert answer(box, ":SOUR:VOLT:LEV:IMM 3;AMPL?;AMPL 4;AMPL?") == "3;4"
    assert answer(box, ":SOUR:VOLT:LEV 5;*OPC?;RANG?;:SOUR:VOLT?") == "1;R;5"


def test_a_colon_leads_back_to_the_root_and_a_wrong_path_does_not() -> None:
    box = Toy()
    assert answer(box, ":SOUR:VOLT:RANG?;CURR?") == "R"
    assert error(box) == -113
    assert answer(box, ":SOUR:VOLT:RANG?;:CURR?") == "R;C"


def test_the_path_ends_with_its_message() -> None:
    box = Toy()
    answer(box, ":SOUR:VOLT:LEV 1")
    assert answer(box, "LEV?") is None
    assert error(box) == -113


def test_what_follows_a_command_error_is_dropped_and_what_preceded_it_is_done() -> None:
    box = Toy()
    assert answer(box, "VOLT 1;VOLT?;:NONSENSE;:VOLT 2;:VOLT?") == "1"
    assert box.level == 1.0
    assert error(box) == -113


def test_what_follows_data_of_the_wrong_type_is_dropped_too() -> None:
    box = Toy()
    assert answer(box, "VOLT 1;VOLT 'x';VOLT 2;VOLT?") is None
    assert box.level == 1.0
    assert error(box) == -104


def test_what_follows_an_execution_error_is_done() -> None:
    box = Toy()
    assert answer(box, "VOLT 100;:VOLT 2;:REFU?;:VOLT?") == "2"
    assert [error(box), error(box), error(box)] == [-222, -221, 0]


def test_a_colon_before_a_common_command_changes_nothing() -> None:
    assert answer(Toy(), ":SOUR:VOLT:LEV 5;:*OPC?;RANG?") == "1;R"


@pytest.mark.parametrize("message", [";", ";;VOLT?;", " VOLT? ;", "\tvolt?\r", "VOLT?\x00"])
def test_empty_units_and_white_space_mean_nothing(message: str) -> None:
    box = Toy()
    assert answer(box, message) == ("0" if "?" in message else None)
    assert error(box) == 0


def test_a_message_that_comes_before_the_answer_was_read_interrupts_it() -> None:
    box = Toy()
    box.feed(b"VOLT 3\nVOLT?\n")
    box.feed(b"CURR?\n")
    assert box.take(100) == (b"C\n", Ending.END)
    assert box.take(100) is None
    assert error(box) == -410


def test_half_an_answer_is_interrupted_too() -> None:
    box = Toy()
    box.feed(b"*IDN?\n")
    box.take(3)
    assert answer(box, "CURR?") == "C"
    assert error(box) == -410


def test_a_group_trigger_interrupts_an_answer_too() -> None:
    box = Toy()
    box.feed(b"CURR?\n")
    box.busy = True
    box.trigger()
    assert box.take(10) is None
    assert error(box) == -410


def test_a_read_without_question_is_unterminated() -> None:
    box = Toy()
    box.starved()
    assert error(box) == -420
    box.feed(b"CURR?\n")
    box.starved()
    assert box.take(100) is not None
    assert error(box) == 0


def test_nothing_can_be_asked_after_an_answer_without_end() -> None:
    box = Toy()
    box.feed(b"VOLT?;:DATA?;:VOLT?\n")
    taken = box.take(100)
    assert taken is not None
    assert taken[0] == b"0;#0\x00\n;\n"
    assert error(box) == -440
    assert answer(box, "DATA:DEF?;:VOLT?") == "#13\n;\n;0"


def test_too_long_an_answer_is_a_deadlock() -> None:
    box = Toy()
    box.say(b"x" * (8 << 20))
    box.say(b"y")
    assert box.take(10) is None
    assert error(box) == -430


def test_one_answer_alone_may_be_longer() -> None:
    box = Toy()
    box.say(b"x" * (17 << 20))  # 1e5 readings of both channels of a B2912A
    taken = box.take(18 << 20)
    assert taken is not None
    assert len(taken[0]) == 17 << 20
    box.say(b"x" * (65 << 20))
    assert box.take(10) is None
    assert error(box) == -430


def test_a_definite_block_keeps_its_line_feeds_and_quotes() -> None:
    box = Toy()
    box.feed(b"VOLT 2;:DATA #16a\n;\"'\n ;:VOLT 3\nVOLT?\n")
    taken = box.take(100)
    assert taken is not None
    assert (taken[0], box.seen) == (b"3\n", [b"a\n;\"'\n"])


def test_a_block_may_arrive_in_pieces_and_end_with_a_line_feed_of_its_own() -> None:
    box = Toy()
    for piece in (b"DATA #", b"2", b"1", b"0012", b"345\n7", b"8\n"):
        assert box.seen == []
        box.feed(piece, end=False)
    assert box.seen == []  # the last line feed was the tenth byte
    box.feed(b"\n", end=False)
    assert box.seen == [b"012345\n78\n"]


def test_a_block_without_length_ends_with_its_message() -> None:
    box = Toy()
    box.feed(b"DATA #0a\nb;c\n", end=True)
    assert box.seen == [b"a\nb;c"]
    box.feed(b"DATA #0a\nb", end=False)
    assert box.seen[1:] == [b"a"]


def test_a_number_sign_in_a_string_begins_no_block() -> None:
    box = Toy()
    box.feed(b"NAME '#15'\nNAME 'x'\n")
    assert box.seen == ["#15", "x"]


@QUICK
@given(st.lists(st.binary(max_size=12), max_size=6), st.data())
def test_messages_are_framed_alike_however_they_arrive(bodies: list[bytes], data: Any) -> None:
    sent = b""
    wanted = []
    for body in bodies:
        plain = bytes(sign for sign in body if sign not in b"\n\"'#")
        message = data.draw(
            st.sampled_from([plain, b"D #2%02d%s" % (len(body), body), b"'#9" + plain + b"'"])
        )
        wanted.append(message)
        sent += message + b"\n"
    found: list[bytes] = []
    rest = b""
    while sent:
        size = data.draw(st.integers(1, len(sent)))
        whole, rest = frame(rest + sent[:size], end=False)
        found += whole
        sent = sent[size:]
    assert (found, rest) == (wanted, b"")


def test_an_endless_message_is_an_overrun_and_the_next_one_is_served() -> None:
    box = Toy()
    for _ in range(3):
        box.feed(b"#9999999999" + b"x" * (MOST_INPUT // 2), end=False)
    box.device_clear()
    assert answer(box, "VOLT?") == "0"
    assert error(box) == -363


def test_device_clear_forgets_half_messages_and_answers_but_no_setting() -> None:
    box = Toy()
    box.feed(b"VOLT 5;VOLT?\n")
    box.feed(b"VOL", end=False)
    box.device_clear()
    assert box.take(10) is None
    assert answer(box, "VOLT?") == "5"
    assert error(box) == 0


def test_repeated_messages_do_the_same_again() -> None:
    box = Toy()
    for level in (1, 2):
        box.level = level
        assert answer(box, ":VOLT?;:VOLT? MAX") == f"{level};21"


# -- operations that take their time -----------------------------------------------------------


def test_a_query_waits_for_its_operation_and_what_comes_after_it_waits_too() -> None:
    box = Toy()
    box.feed(b"READ?;:VOLT 2;:VOLT?\n")
    box.feed(b"VOLT 9\n")
    assert box.take(10) is None
    box.starved()
    assert box.level == 0.0
    box.feed(b"*TRG\n")
    assert error_free_answers(box) == ""
    assert box.level == 9.0


def error_free_answers(box: Toy) -> str:
    """Take what is there; the answer to READ? was interrupted by the message behind it."""
    taken = box.take(100)
    assert error(box) == -410
    return "" if taken is None else taken[0].decode()


def test_what_stands_behind_an_urgent_command_comes_after_what_waited() -> None:
    box = Toy()
    box.feed(b"STAR;*WAI;:VOLT 3\n")
    box.feed(b"*TRG;:VOLT 4;:VOLT?\n")
    taken = box.take(10)
    assert taken is not None
    assert (taken[0], box.level) == (b"4\n", 4.0)


def test_operation_complete_waits() -> None:
    box = Toy()
    box.feed(b"*CLS;STAR;*OPC;*OPC?\n")
    assert box.take(10) is None
    assert box.status.event == 0
    box.trigger()
    taken = box.take(10)
    assert taken is not None
    assert taken[0] == b"1\n"
    assert answer(box, "*ESR?") == "1"


def test_wait_holds_up_the_rest_of_the_message() -> None:
    box = Toy()
    box.feed(b"STAR;*WAI;:VOLT 3\n")
    assert box.level == 0.0
    box.trigger()
    assert box.level == 3.0


@pytest.mark.parametrize("act", ["device_clear", "*RST"])
def test_what_waits_is_forgotten(act: str) -> None:
    box = Toy()
    box.feed(b"*CLS;STAR;*OPC;*WAI;:VOLT 3\n")
    if act == "*RST":
        box.feed(b"*RST\n")
    else:
        box.device_clear()
    assert not box.busy
    assert answer(box, "VOLT?;*ESR?") == "0;0"


def test_too_much_that_waits_is_an_overrun() -> None:
    box = Toy()
    box.feed(b"STAR;*WAI\n")
    for _ in range(20):
        box.feed(b"NAME '" + b"x" * 100_000 + b"'\n")
    assert box.status.errors[0].code == -363
    box.device_clear()
    assert answer(box, "*OPC?") == "1"
