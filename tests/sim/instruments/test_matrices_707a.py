"""The 707A: device-dependent commands, executed by X."""

from __future__ import annotations

import pytest

from labctl.sim.box import Ending
from labctl.sim.instruments.relays import Crosspoint
from tests.sim.instruments.matrices import Recorder

A1, A2, B3, C13 = (1, 0, 1), (1, 0, 2), (1, 1, 3), (2, 2, 1)


def u1(rig: Recorder) -> list[int]:
    """Places of the errors in the error word of a 707A."""
    return [place for place, bit in enumerate(rig.ask("U1X")) if bit == "1"]


def test_707a_nothing_happens_before_x() -> None:
    rig = Recorder("707A")
    rig.tell("CA1", "B3")
    assert rig.moves == []
    rig.tell("X")
    assert rig.steps == []  # "CA1B3": a B is no second crosspoint, and 3 is no option of B
    assert u1(rig) == [1]
    rig.tell("CA1,", "B3 X")
    assert rig.steps == [([], [A1, B3])]


def test_707a_columns_run_over_all_slots() -> None:
    rig = Recorder("707A")
    rig.tell("CC13,H72X")
    assert rig.steps == [([], [C13, (6, 7, 12)])]
    assert rig.ask("G1U2,0X") == "C13,H72"


@pytest.mark.parametrize(
    ("message", "errors"),
    [
        ("CA73X", [1]), ("CA0X", [1]), ("CI1X", [1]), ("CX", [1]), ("C1AX", [1]), ("?X", [0]),
        ("CA1LX", [0]), ("E101X", [1]), ("I0X", [1]), ("Q101X", [1]), ("S65001X", [1]),
        ("T10X", [1]), ("G8X", [1]), ("V2X", [1]), ("U9X", [1]), ("U2,101X", [1]), ("Z1,101X", [1]),
        ("C" + ",".join(f"A{k}" for k in range(1, 27)) + "X", [1]),
        ("C" + ",".join(f"A{k}" for k in range(1, 26)) + "NA1X", [1]),
    ],
)  # fmt: skip
def test_707a_refuses_the_whole_string(message: str, errors: list[int]) -> None:
    rig = Recorder("707A")
    rig.tell("CB3X")
    rig.tell(message)
    assert len(rig.moves) == 1
    assert rig.box.serial_poll() & 32
    assert u1(rig) == errors
    assert not rig.box.serial_poll() & 32
    assert u1(rig) == []


def test_707a_takes_25_crosspoints_at_once() -> None:
    rig = Recorder("707A")
    rig.tell("C" + ",".join(f"A{k}" for k in range(1, 26)) + "X")
    assert len(rig.box.relays.closed) == 25


def test_707a_clear_and_close_in_one_string_opens_only_what_goes() -> None:
    rig = Recorder("707A")
    rig.tell("CA1,A2X", "E0P0CA2,B3X")
    assert rig.steps == [([], [A1, A2]), ([A1], [B3])]
    rig.tell("NB3X", "P0X")
    assert rig.steps[2:] == [([B3], []), ([A2], [])]


def test_707a_setups_in_memory_are_edited_copied_inserted_and_deleted() -> None:
    rig = Recorder("707A")
    rig.tell("E2X", "CA1,B3X", "E0X")
    assert rig.moves == []
    assert rig.ask("G1U2,2X") == "A1,B3"
    rig.tell("Z2,0X")
    assert rig.steps == [([], [A1, B3])]
    rig.tell("E1CA2X", "I1X")  # what was setup 2 is now 3
    assert [rig.ask(f"U2,{k}X") for k in (1, 2, 3)] == ["", "A2", "A1,B3"]
    rig.tell("E3NA1X", "Z0,5X", "Q4X")
    assert (rig.ask("U2,3X"), rig.ask("U2,4X"), rig.ask("U2,0X")) == ("B3", "A1,B3", "A1,B3")
    rig.tell("P3X")
    assert rig.ask("U2,3X") == ""
    assert rig.ask("G0U2,4X") == "SETUP 004 A1,B3"
    rig.faults.power_cycle()
    assert (rig.ask("G1U2,4X"), rig.ask("U2,0X")) == ("A1,B3", "")
    rig.tell("R0X")
    assert rig.ask("G1U2,4X") == ""


def test_707a_binary_setups_have_a_byte_for_each_column() -> None:
    rig = Recorder("707A")
    rig.tell("CA1,C1,H72X", "G5U2,0X")
    taken = rig.box.take(1000)
    assert taken is not None
    assert taken[0] == bytes([0b101]) + bytes(70) + bytes([0b10000000])


def test_707a_triggers_step_through_the_setups() -> None:
    rig = Recorder("707A")
    rig.tell("E1CA1X", "E2CA2X", "E0X", "T2X")
    rig.box.trigger()
    assert rig.moves == []  # triggers are off
    rig.tell("F1X")
    rig.box.trigger()
    rig.box.trigger()
    assert rig.steps == [([], [A1]), ([A1], [A2])]
    assert rig.ask("U3X") == "002"
    rig.tell("T4X")  # from now on every X is a trigger, this one too
    assert (rig.ask("U3X"), rig.ask("U3X")) == ("003", "004")


@pytest.mark.parametrize(
    ("rows", "steps"),
    [
        ("", [([A1], [A2])]),
        ("W10000000X", [([A1], []), ([], [A2])]),
        ("V10000000X", [([], [A2]), ([A1], [])]),
        ("V10000000W10000000X", [([A1], []), ([], [A2])]),
    ],
)
def test_707a_rows_make_or_break_first(
    rows: str, steps: list[tuple[list[Crosspoint], list[Crosspoint]]]
) -> None:
    rig = Recorder("707A")
    rig.tell("CA1X")
    rig.tell(rows or "X")
    rig.moves.clear()
    assert rig.took("P0CA2X") == pytest.approx(15e-3 * len(steps) + 1e-3)
    assert rig.steps == steps


def test_707a_programmed_settling_is_added() -> None:
    rig = Recorder("707A")
    assert rig.took("S100X") == pytest.approx(1e-3)
    assert rig.took("CA1X") == pytest.approx(1e-3 + 15e-3 + 0.1)
    assert rig.ask("U6X") == "00015"


def test_707a_status_terminators_and_service_request() -> None:
    rig = Recorder("707A")
    rig.tell("S20K2M32U0X")
    taken = rig.box.take(1000)
    assert taken is not None
    assert taken[0].startswith(b"707A03A0B0E000F0G0J0K2M032O000S00020T6V00000000W00000000Y0\r\n")
    assert not rig.box.requests_service()
    rig.tell("!X")
    assert rig.box.requests_service()
    assert rig.box.serial_poll() & 96 == 96
    for form, terminator in enumerate((b"\r\n", b"\n\r", b"\r", b"\n", b"")):
        rig.tell(f"Y{form}U4X")
        assert rig.box.take(10) == (b"0" + terminator, Ending.END)


def test_707a_is_recognised_by_what_drivers_in_the_field_read() -> None:
    rig = Recorder("707A")
    assert rig.ask("*IDN?") == "707A03"
    rig.tell("CA1X")
    assert rig.steps == [([], [A1])]
    assert rig.ask("U5,0X").split(",") == ["7174"] * 6


def test_707a_device_clear_forgets_what_no_x_has_followed() -> None:
    rig = Recorder("707A")
    rig.tell("CA1")
    rig.box.device_clear()
    rig.tell("X", "CB3X")
    assert rig.steps == [([], [B3])]
