"""What every SCPI instrument has: common commands, ``SYSTem:ERRor``, ``STATus``.

Source: IEEE Std 488.2-1992, chapter 10, and SCPI-99 volume 2, chapters 20 (STATus) and 21 (SYSTem),
from memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from labctl.sim.scpi.command import Command, Later
from labctl.sim.scpi.convert import whole
from labctl.sim.scpi.parameter import Parameter
from labctl.sim.scpi.registers import ALL, Register
from labctl.sim.status import SERVICE_REQUEST, QueuedError

if TYPE_CHECKING:
    from labctl.sim.scpi.box import ScpiBox

_BYTE = whole(0, 255)
_WORD = whole(0, 65535)


def common_commands(box: ScpiBox) -> Iterator[Command]:
    """Yield the commands whose header begins with an asterisk."""
    status = box.status

    def enable_events(value: Parameter) -> None:
        status.event_enable = _BYTE(value)

    def enable_service(value: Parameter) -> None:
        status.service_enable = _BYTE(value) & ~SERVICE_REQUEST

    def wait_complete() -> Later:
        return Later(lambda: box.show(1))

    yield Command("*IDN", query=box.identity)
    yield Command("*RST", event=box.restart, urgent=True)
    yield Command("*CLS", event=box.clear_status)
    yield Command("*ESE", lambda: box.show_register(status.event_enable), enable_events)
    yield Command("*ESR", query=lambda: box.show_register(status.read_event()))
    yield Command("*SRE", lambda: box.show_register(status.service_enable), enable_service)
    yield Command("*STB", query=lambda: box.show_register(box.status_byte()))
    yield Command("*OPC", wait_complete, box.complete_later)
    yield Command("*WAI", event=lambda: Later(lambda: None))
    yield Command("*TRG", event=box.bus_trigger, urgent=True)
    yield Command("*TST", query=lambda: box.show(0))
    yield Command("*OPT", query=lambda: box.options)
    if box.memories:
        place = whole(0, box.memories - 1)
        yield Command("*SAV", event=lambda number: box.save_state(place(number)))
        recall = Command("*RCL", event=lambda number: box.recall_state(place(number)), urgent=True)
        yield recall


def error_commands(box: ScpiBox) -> Iterator[Command]:
    """Yield what reads the error queue."""
    status = box.status

    def next_text() -> str:
        return box.error_text(status.next_error() or _NO_ERROR)

    def all_texts() -> str:
        found = [box.error_text(error) for error in _drain(box)]
        return ",".join(found) or box.error_text(_NO_ERROR)

    def next_code() -> str:
        return box.show((status.next_error() or _NO_ERROR).code)

    def all_codes() -> str:
        found = [box.show(error.code) for error in _drain(box)]
        return ",".join(found) or box.show(0)

    yield Command(":SYSTem:ERRor[:NEXT]", query=next_text)
    yield Command(":SYSTem:ERRor:ALL", query=all_texts)
    yield Command(":SYSTem:ERRor:COUNt", query=lambda: box.show(len(status.errors)))
    yield Command(":SYSTem:ERRor:CODE[:NEXT]", query=next_code)
    yield Command(":SYSTem:ERRor:CODE:ALL", query=all_codes)
    yield Command(":SYSTem:VERSion", query=lambda: box.scpi_version)


def status_commands(box: ScpiBox) -> Iterator[Command]:
    """Yield what reads and sets the registers of the box."""
    yield Command(":STATus:PRESet", event=box.preset_status)
    for name, register in box.registers.items():
        head = f":STATus:{name}"
        yield Command(f"{head}[:EVENt]", query=partial(_events, box, register))
        yield Command(f"{head}:CONDition", query=partial(_shown, box, register, "condition"))
        yield _mask(box, register, f"{head}:ENABle", "enable")
        if box.transition_filters:
            yield _mask(box, register, f"{head}:PTRansition", "rising")
            yield _mask(box, register, f"{head}:NTRansition", "falling")


_NO_ERROR = QueuedError(0, "No error")


def _drain(box: ScpiBox) -> list[QueuedError]:
    found = list(box.status.errors)
    box.status.errors.clear()
    return found


def _events(box: ScpiBox, register: Register) -> str:
    return box.show_register(register.read_event())


def _shown(box: ScpiBox, register: Register, attribute: str) -> str:
    return box.show_register(int(getattr(register, attribute)))


def _mask(box: ScpiBox, register: Register, header: str, attribute: str) -> Command:
    def write(value: Parameter) -> None:
        setattr(register, attribute, _WORD(value) & ALL)

    return Command(header, partial(_shown, box, register, attribute), write)
