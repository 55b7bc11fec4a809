"""Registers, error queue and service requests as IEEE 488.2 and SCPI-99 have them."""

from __future__ import annotations

import pytest

from labctl.sim.box import Box
from labctl.sim.scpi import Register
from labctl.sim.status import Status
from tests.sim.scpi.toy import Toy, answer, error


def test_power_up_sets_its_bit_once() -> None:
    box = Toy()
    assert answer(box, "*ESR?") == "128"
    assert answer(box, "*ESR?") == "0"


@pytest.mark.parametrize(
    ("message", "bit"), [("NONSENSE", 32), ("VOLT 99", 16), ("*OPC", 1), ("*WAI", 0)]
)
def test_each_kind_of_error_has_its_bit(message: str, bit: int) -> None:
    box = Toy()
    answer(box, f"*CLS;{message}")
    assert answer(box, "*ESR?") == str(bit)


def test_query_and_device_errors_have_theirs() -> None:
    status = Status()
    status.clear()
    for code, bit in ((-410, 4), (-350, 8), (-363, 8), (601, 8), (-100, 32), (-200, 16)):
        status.error(code, "")
        assert status.read_event() == bit
    status.execution_errors = range(800, 900)
    status.error(803, "")
    assert status.read_event() == 16


def test_the_queue_overflows_in_its_last_place() -> None:
    box = Toy()
    answer(box, "*CLS")
    for _ in range(7):
        answer(box, "NONSENSE")
    assert answer(box, "SYST:ERR:COUN?") == "5"
    assert answer(box, "*ESR?") == "40"  # command error, and device error of the overflow
    assert [error(box) for _ in range(6)] == [-113] * 4 + [-350, 0]


def test_errors_come_oldest_first_with_their_texts() -> None:
    box = Toy()
    answer(box, "VOLT 99;:MODE SLO;:NONSENSE")
    assert answer(box, "SYST:ERR:ALL?") == (
        '-222,"Parameter data out of range",-224,"Illegal parameter value",-113,"Undefined header"'
    )
    assert answer(box, "SYSTem:ERRor:NEXT?") == '0,"No error"'
    answer(box, "VOLT 99;:NONSENSE")
    assert answer(box, "SYST:ERR:CODE?;CODE:ALL?") == "-222;-113"
    assert answer(box, "SYST:ERR:CODE:ALL?;:SYST:ERR:ALL?") == '0;0,"No error"'


def test_status_byte_sums_up() -> None:
    box = Toy()
    assert answer(box, "*STB?") == "0"
    answer(box, "*ESE 32;NONSENSE")
    assert answer(box, "*STB?") == "36"
    box.feed(b"*SRE 32;*STB?\n")
    assert box.status_byte() == 4 + 16 + 32 + 64
    box.take(100)
    assert answer(box, "*ESR?") == "160"
    assert answer(box, "*STB?") == "4"


def test_enable_registers_take_bytes_only() -> None:
    box = Toy()
    assert answer(box, "*SRE 255;*SRE?;*ESE #H21;*ESE?") == "191;33"  # bit 6 cannot be enabled
    answer(box, "*ESE 256;*SRE -1;*ESE 'a'")
    assert [error(box), error(box), error(box)] == [-222, -222, -104]
    assert answer(box, "*SRE?;*ESE?") == "191;33"


def test_clear_empties_events_and_queue_and_keeps_what_is_enabled() -> None:
    box = Toy()
    answer(box, "*ESE 4;*SRE 8;:STAT:OPER:ENAB 3;:NONSENSE")
    box.registers["OPERation"].set(0, True)
    answer(box, "*CLS")
    assert answer(box, "*ESR?;*ESE?;*SRE?;:STAT:OPER?;OPER:ENAB?;COND?") == "0;4;8;0;3;1"
    assert error(box) == 0


def test_an_event_stays_until_it_is_read() -> None:
    box = Toy()
    register = box.registers["QUEStionable"]
    register.set(4, True)
    register.set(4, False)
    assert answer(box, "STAT:QUES:COND?;EVEN?;:STAT:QUES?") == "0;16;0"
    register.set(4, True)
    assert answer(box, "STAT:QUES?") == "16"
    register.set(4, True)  # nothing has changed
    assert answer(box, "STAT:QUES?") == "0"


def test_transition_filters_choose_what_is_an_event() -> None:
    box = Toy()
    answer(box, "STAT:OPER:PTR 0;NTR 2")
    register = box.registers["OPERation"]
    register.set(1, True)
    assert answer(box, "STAT:OPER?") == "0"
    register.set(1, False)
    assert answer(box, "STAT:OPER?;:STAT:PRES;:STAT:OPER:PTR?;NTR?;ENAB?") == "2;32767;0;0"


@pytest.mark.parametrize(("name", "bit"), [("OPER", 128), ("QUES", 8), ("MEAS", 1)])
def test_registers_show_in_the_status_byte_where_enabled(name: str, bit: int) -> None:
    box = Toy()
    full = {"OPER": "OPERation", "QUES": "QUEStionable", "MEAS": "MEASurement"}[name]
    box.registers[full].set(9, True)
    assert answer(box, "*STB?") == "0"
    assert answer(box, f"STAT:{name}:ENAB 512;*STB?") == str(bit)
    assert answer(box, f"STAT:{name}?;*STB?") == "512;0"


def test_bit_15_is_never_set() -> None:
    register = Register()
    register.set(15, True)
    assert register.event == 0
    assert answer(Toy(), "STAT:OPER:ENAB 65535;ENAB?") == "32767"


def request(box: Box) -> bool:
    return bool(box.serial_poll() & 64)


def test_a_serial_poll_answers_a_request_once() -> None:
    box = Toy()
    answer(box, "*ESE 1;*SRE 32")
    assert not box.requests_service()
    answer(box, "*OPC")
    assert box.requests_service()
    assert box.serial_poll() == 32 + 64
    assert not box.requests_service()
    assert box.serial_poll() == 32
    assert answer(box, "*STB?") == str(32 + 64)  # the master summary is no latch


def test_a_reason_that_goes_and_comes_back_asks_again() -> None:
    box = Toy()
    answer(box, "*ESE 1;*SRE 32;*OPC")
    assert request(box)
    answer(box, "*OPC")
    assert not request(box)  # it was set all the time
    answer(box, "*ESR?")
    answer(box, "*OPC")
    assert request(box)


def test_a_request_is_withdrawn_with_its_reason() -> None:
    box = Toy()
    answer(box, "*SRE 4;:NONSENSE")
    assert box.requests_service()
    answer(box, "*CLS")
    assert not box.requests_service()


def test_an_answer_may_ask_for_service() -> None:
    box = Toy()
    answer(box, "*SRE 16")
    for _ in range(2):
        box.feed(b"VOLT?\n")
        assert request(box)
        box.take(100)
        assert not request(box)


def test_a_register_of_the_model_may_ask_for_service() -> None:
    box = Toy()
    answer(box, "*SRE 1;:STAT:MEAS:ENAB 64")
    box.registers["MEASurement"].set(6, True)
    assert box.requests_service()
    assert request(box)


def test_setups_are_kept_by_number() -> None:
    box = Toy()
    answer(box, "VOLT 3;*SAV 1;:VOLT 4;*RCL 1")
    assert answer(box, "VOLT?") == "3"
    answer(box, "*SAV 3")
    assert error(box) == -222


def test_identity_version_and_self_test() -> None:
    assert answer(Toy(), "*IDN?") == "TOYS,TOY1,7,1.0"
    assert answer(Toy(), "SYST:VERS?;*TST?;*OPT?") == "1999.0;0;0"


def test_power_cycle_is_as_power_up() -> None:
    box = Toy()
    answer(box, "VOLT 3;*SRE 4;*ESE 255;*ESR?;:STAT:OPER:ENAB 1;:NONSENSE")
    box.faults.power_cycle()
    assert answer(box, "VOLT?;*SRE?;*ESE?;*ESR?;:STAT:OPER:ENAB?;*STB?") == "0;0;0;128;0;0"
    assert error(box) == 0


def test_trigger_without_anything_to_trigger_is_an_error() -> None:
    box = Toy()
    box.trigger()
    answer(box, "*TRG")
    assert [error(box), error(box)] == [-211, -211]
