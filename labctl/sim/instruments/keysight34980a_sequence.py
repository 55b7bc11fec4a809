"""Command sequences of a Keysight 34980A: SCPI text kept under a name and run at a trigger.

Source: *34980A Multifunction Switch/Measure Unit, Programmer's Reference*, ``ROUTe:SEQuence``. The
number of the "no such sequence" error from memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from labctl.sim.scpi import Command, Parameter, numeric, text
from labctl.sim.scpi.header import HeaderTree
from labctl.sim.scpi.message import Unit, parse
from labctl.sim.status import Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.keysight34980a import Keysight34980A

MOST = 500
"""Sequences kept."""
MOST_NESTED = 4
LONGEST_NAME = 30
LONGEST_TEXT = 4096
_NOT_DEFINED = (-292, "Referenced name does not exist")
_TOO_DEEP = (-276, "Macro recursion error")
_SECONDS = numeric(0.0, 3600.0, 0.0, unit="S")


class Sequences:
    """The sequences of one mainframe; they outlive a power cycle."""

    def __init__(self, box: Keysight34980A) -> None:
        self._box = box
        self._kept: dict[str, tuple[str, tuple[Unit, ...]]] = {}
        self._depth = 0
        self._tree: HeaderTree | None = None

    def commands(self) -> Iterator[Command]:
        """Yield the table."""
        head = ":ROUTe:SEQuence"
        yield Command(f"{head}:DEFine", self._text, self._define)
        yield Command(f"{head}:TRIGger[:IMMediate]", event=self._trigger)
        yield Command(f"{head}:CATalog", query=lambda: ",".join(self._kept) or '""')
        yield Command(f"{head}:DELete[:NAME]", event=self._delete)
        yield Command(f"{head}:DELete:ALL", event=self._kept.clear)
        yield Command(f"{head}:BUSY", query=lambda: "0")
        yield Command(f"{head}:ABORt", event=lambda: None, urgent=True)

    def _allowed(self) -> HeaderTree:
        """Return the commands that may stand in a sequence."""
        if self._tree is None:
            box = self._box
            self._tree = HeaderTree(
                [
                    *box.route_events(),
                    Command(":ABORt", event=lambda: None),
                    Command(":DISPlay:TEXT", event=lambda p: None),
                    Command(":ROUTe:MODule:WAIT", event=lambda p: None),
                    Command(":ROUTe:SEQuence:TRIGger[:IMMediate]", event=self._trigger),
                    Command(":SYSTem:BEEPer", event=lambda: None),
                    Command(
                        ":SYSTem:DELay[:IMMediate]", event=lambda p: box.clock.sleep(_SECONDS(p))
                    ),
                ]
            )
        return self._tree

    def _define(self, name: Parameter, commands: Parameter) -> None:
        """Keep a sequence; one that does not parse is not kept."""
        word, line = _name(name), text(commands)
        if len(line) > LONGEST_TEXT or (len(self._kept) >= MOST and word not in self._kept):
            raise Refused(-223, "Too much data")
        units = parse(line, self._allowed())
        for unit in units:
            if unit.error is not None:
                raise Refused(*unit.error)
        self._kept[word] = line, units

    def _text(self, name: Parameter) -> str:
        return f'"{self._found(name)[0]}"'

    def _found(self, name: Parameter) -> tuple[str, tuple[Unit, ...]]:
        found = self._kept.get(_name(name))
        if found is None:
            raise Refused(*_NOT_DEFINED)
        return found

    def _delete(self, name: Parameter) -> None:
        self._found(name)
        del self._kept[_name(name)]

    def _trigger(self, name: Parameter) -> None:
        """Run a sequence; the first error ends it."""
        units = self._found(name)[1]
        if self._depth >= MOST_NESTED:
            raise Refused(*_TOO_DEEP)
        self._depth += 1
        try:
            for unit in units:
                if unit.call is not None:
                    unit.call(*unit.parameters)
        finally:
            self._depth -= 1


def _name(parameter: Parameter) -> str:
    """Return the name of a sequence; it begins with a letter."""
    if parameter.kind != "word":
        raise Refused(-104, "Data type error")
    word = str(parameter.value)
    if len(word) > LONGEST_NAME:
        raise Refused(-144, "Character data too long")
    return word
