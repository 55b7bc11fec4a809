"""The event log of a Keithley 2450: ``:SYSTem:ERRor`` and ``:SYSTem:EVENtlog``.

Source: *Model 2450 Reference Manual* and *Model 2461 Reference Manual*, ``:SYSTem:ERRor[:NEXT]?``,
``:SYSTem:EVENtlog:NEXT?``, ``:SYSTem:EVENtlog:POST``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from labctl.sim.instruments.keithley2450_table import names
from labctl.sim.scpi import Command, Parameter, text, whole
from labctl.sim.status import QueuedError, Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2450_scpi import Keithley2450Scpi

ERROR, WARNING, INFORMATION = 1, 2, 4
"""Types of events, as the log writes them."""
_TYPES = names({"ERRor": 1, "WARNing": 2, "INFormational": 4, "ALL": 7})
_number = whole(0, 7)
_POSTED = {ERROR: 1005, WARNING: 1004, INFORMATION: 1003}
_RECOVERABLE = 20
"""Severity of an entry that is no warning and no information: an error."""


def stamped(box: Keithley2450Scpi, entry: QueuedError) -> str:
    """Return number, text, type and time of an entry: ``-113,"Undefined header;1;2026/…"``."""
    kind = entry.severity if entry.severity in (WARNING, INFORMATION) else ERROR
    time = box.clock.now()
    if kind == ERROR and len(box.stamps) > len(box.status.errors):
        time = box.stamps.popleft()  # of the entry that has just left the queue
    moment = box.buffers.calendar(time)
    stamp = f"{moment:%Y/%m/%d %H:%M:%S}.{moment.microsecond // 1000:03d}"
    return f'{entry.code},"{entry.text};{kind};{stamp}"'


def event_commands(box: Keithley2450Scpi) -> Iterator[Command]:
    """Yield what reads and writes the event log."""
    status = box.status if hasattr(box, "status") else None
    assert status is not None

    def mask(given: tuple[Parameter, ...]) -> int:
        wanted = 0
        for parameter in given:
            if parameter.kind == "number":
                wanted |= _number(parameter)
            elif parameter.kind == "word" and parameter.value in _TYPES:
                wanted |= _TYPES[str(parameter.value)]
            else:
                raise Refused(-224, "Illegal parameter value")
        return wanted or 7

    def following(*given: Parameter) -> str:
        wanted = mask(given)
        if wanted & ERROR and (error := status.next_error()) is not None:
            return stamped(box, error)
        for place, entry in enumerate(box.events):
            if entry.severity & wanted:
                del box.events[place]
                return stamped(box, entry)
        return '0,"No error;0,0,0"'

    def count(*given: Parameter) -> str:
        wanted = mask(given)
        errors = len(status.errors) if wanted & ERROR else 0
        return str(errors + sum(bool(entry.severity & wanted) for entry in box.events))

    def post(message: Parameter, kind: Parameter | None = None) -> None:
        severity = INFORMATION if kind is None else mask((kind,))
        if severity not in _POSTED:
            raise Refused(-224, "Illegal parameter value")
        entry = f"User: {text(message)}"
        if severity == ERROR:
            status.error(_POSTED[severity], entry, _RECOVERABLE)
        else:
            box.events.append(QueuedError(_POSTED[severity], entry, severity))
            del box.events[:-1000]

    def clear() -> None:
        status.errors.clear()
        box.events.clear()

    yield Command(":SYSTem:CLEar", event=clear)
    yield Command(":SYSTem:EVENtlog:NEXT", query=following)
    yield Command(":SYSTem:EVENtlog:COUNt", query=count)
    yield Command(":SYSTem:EVENtlog:POST", event=post)
