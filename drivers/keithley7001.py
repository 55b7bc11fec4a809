"""Keithley 7001 and 7002 switch systems with 7012-S matrix cards (4 rows by 10 columns), SCPI.

Rows 1 to 4 of a card are rows A to D here; the rows of all cards are joined over the analog
backplane of the mainframe or outside. Source: Keithley, *Model 7001 Switch System Instruction
Manual*, 7001-901-01, and that of the 7012, from memory.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pymeasure.instruments import Instrument
from pymeasure.instruments.validators import strict_discrete_set

from drivers._line import connect
from drivers._scpimatrix import MOST_POINTS, ScpiMatrix
from labctl.errors import InstrumentError
from labctl.instruments import MatrixAbility, SafeMessages

MODELS = {
    "7001": MatrixAbility(rows="ABCD", slots=2, columns=10),
    "7002": MatrixAbility(rows="ABCD", slots=10, columns=10),
}
_POINT = re.compile(r"(\d+)!(\d+)!(\d+)")


def abilities(model: str) -> MatrixAbility | None:
    """Return what a model can do, or None where this driver does not know it."""
    return MODELS.get(model)


def open_instrument(
    address: str, model: str, visa_library: str, timeout: float = 5.0
) -> Keithley7001:
    """Connect to the mainframe at a VISA address; sends nothing but ``*IDN?``."""
    return Keithley7001(connect(address, visa_library, timeout), model)


def safe_messages(model: str) -> SafeMessages:
    """Return what opens every relay of a model."""
    return SafeMessages(break_off=(":ABOR",), open_all=(":ROUT:OPEN:ALL",))


class Keithley7001(ScpiMatrix):
    """The mainframe, as a :class:`labctl.instruments.SwitchMatrix`."""

    settling = 0.003
    """Bench time of one move, s (actuation time of a 7012)."""

    def __init__(self, adapter: Any, model: str = "7001", **kwargs: Any) -> None:
        self.ability = MODELS[model]
        super().__init__(adapter, f"Keithley {model}", **kwargs)
        self._loaded = False
        self._forbidden: frozenset[str] = frozenset()  # by this object, not by hand

    break_before_make = Instrument.control(
        ":ROUT:CONF:BBM?",
        ":ROUT:CONF:BBM %d",
        """Control whether a scan opens relays before it closes others (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
        cast=int,
    )

    paired_cards = Instrument.control(
        ":ROUT:CONF:CPA?",
        ":ROUT:CONF:CPA %d",
        """Control whether card 2 does what card 1 does (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
        cast=int,
    )

    def card(self, slot: int) -> str:
        """Return the type of the card in a slot, as ``C7012``; ``NONE`` for an empty one."""
        return self.line.query(f":ROUT:CONF:SLOT{int(slot)}:CTYP?")

    def crosspoint(self, row: str, slot: int, column: int) -> str:
        """Name a crosspoint: slot, row from 1 and column, as in ``1!2!3``."""
        return f"{slot}!{self.row_number(row)}!{column}"

    def move(self, opened: Sequence[str], closed: Sequence[str]) -> None:
        """Open, then close the crosspoints named, and wait until they have settled."""
        if not self._loaded:
            self.load()
        super().move(opened, closed)

    def closed(self) -> frozenset[str]:
        """Ask the mainframe which crosspoints are closed."""
        return self._points(":ROUT:CLOS:STAT?")

    def open_all(self) -> None:
        """Open every relay and read back that none is closed."""
        self.act(":ROUT:OPEN:ALL")
        if left := self.closed():
            raise self.still_closed(left)

    def forbid(self, crosspoints: Sequence[str]) -> None:
        """Have the mainframe refuse these crosspoints, beside those that others have forbidden."""
        present = self._points(":ROUT:FCH?")
        by_others = present - self._forbidden
        everything = by_others.union(crosspoints)
        if everything == present:
            self._forbidden = frozenset(crosspoints) - by_others
        elif len(everything) <= MOST_POINTS or not crosspoints:
            self.act(f":ROUT:FCH (@{','.join(sorted(everything))})")
            self._forbidden = frozenset(crosspoints) - by_others
        # A longer list does not fit into a message, and a second one would replace the first:
        # labctl itself refuses those crosspoints in any case.

    def load(self) -> None:
        """Have no card follow another, and check that each is one with rows and columns."""
        self.paired_cards = False
        self.raise_errors("Setting up the mainframe")
        self._loaded = True

    def _points(self, query: str) -> frozenset[str]:
        """Return the crosspoints of a channel list; a range runs along a row."""
        answer = self.line.query(query)
        found: list[str] = []
        for item in answer.strip().removeprefix("(@").removesuffix(")").split(","):
            if not item.strip():
                continue
            first, _, last = item.partition(":")
            start, stop = _POINT.fullmatch(first.strip()), _POINT.fullmatch((last or first).strip())
            if start is None or stop is None or start[1] != stop[1]:
                raise InstrumentError(
                    f"{self.name} answered {query} with {answer!r:.80}, which is no list of "
                    f"crosspoints of matrix cards. Check what is in slot {item.split('!')[0]}."
                )
            found += self._range(start, stop)
        return frozenset(found)

    def _range(self, start: re.Match[str], stop: re.Match[str]) -> list[str]:
        width = self.ability.columns
        slot, begin = int(start[1]), (int(start[2]) - 1) * width + int(start[3]) - 1
        end = (int(stop[2]) - 1) * width + int(stop[3]) - 1
        return [f"{slot}!{n // width + 1}!{n % width + 1}" for n in range(begin, end + 1)]
