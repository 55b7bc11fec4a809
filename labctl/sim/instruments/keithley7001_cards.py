"""The cards in a Keithley 7001 or 7002, and how its channel lists name their relays.

Source: *Model 7001 Switch System Instruction Manual* (7001-901-01) and the manuals of the cards,
from memory. A crosspoint of a matrix card is ``slot!row!column``. The channels of the other cards
(``slot!channel``) are seen as banks, one bank on each row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from labctl.sim.instruments.relays import Crosspoint
from labctl.sim.instruments.relays import parse as parse_label
from labctl.sim.scpi import Parameter
from labctl.sim.status import Refused

MATRIX_CARDS = {
    "C7012": (4, 10), "C7022": (5, 6), "C7052": (4, 5), "C7152": (4, 5), "C7153": (4, 5),
}  # fmt: skip
"""Rows and columns."""
BANK_CARDS = {
    "C7011": (4, 10), "C7013": (2, 10), "C7015": (4, 10), "C7020": (4, 10), "C7035": (9, 4),
    "C7053": (1, 10), "C7056": (1, 10), "C7058": (1, 10), "C7111": (4, 10), "C7154": (1, 10),
    "C7156": (1, 10), "C7158": (1, 10), "C7164": (1, 20), "C7166": (1, 10), "C7168": (1, 8),
    "C7169": (1, 20),
}  # fmt: skip
"""Banks and channels of each."""
NONE = "NONE"
STANDARD = "C7012"
_OUT_OF_RANGE = (-222, "Parameter data out of range")
_ITEM = re.compile(r"\d{1,3}(?:!\d{1,3}){1,2}")


class Rack:
    """What is in each slot.

    Attributes
    ----------
    cards
        By slot, from 1; ``"NONE"`` for an empty one.
    """

    def __init__(self, slots: int) -> None:
        self.cards = dict.fromkeys(range(1, slots + 1), STANDARD)

    def put(self, slot: int, card: str) -> None:
        """Put a card into a slot; -224 for one that the mainframe does not know."""
        if card != NONE and card not in MATRIX_CARDS and card not in BANK_CARDS:
            raise Refused(-224, "Illegal parameter value")
        self.cards[slot] = card

    def points(self, parameter: Parameter) -> list[Crosspoint]:
        """Return what ``(@1!1!1,1!2!1:1!2!5)`` names, each crosspoint once, in its order.

        Raises
        ------
        Refused
            -104 no expression, -171 no channel list, -222 no such channel.
        """
        if parameter.kind != "expression":
            raise Refused(-104, "Data type error")
        raw = "".join(str(parameter.value).split())
        if not raw.startswith("@") or len(raw) < 2:
            raise Refused(-171, "Invalid expression")
        found: dict[Crosspoint, None] = {}
        for item in raw[1:].split(","):
            found.update(dict.fromkeys(self._items(item)))
        return list(found)

    def name(self, point: Crosspoint) -> str:
        """Return the mainframe's name of a crosspoint."""
        slot, row, column = point
        if self.cards.get(slot) in BANK_CARDS:
            return f"{slot}!{row * self._shape(slot)[1] + column}"
        return f"{slot}!{row + 1}!{column}"

    def find(self, name: str) -> Crosspoint | None:
        """Return the crosspoint called so (also as in ``1A01``), or None."""
        try:
            return self._point(name)
        except Refused:
            return parse_label(name, min(len(self.cards), 9), 10, 4)

    def listed(self, points: Iterable[Crosspoint]) -> str:
        """Return a channel list; neighbours in a row become a range."""
        runs: list[list[Crosspoint]] = []
        for point in sorted(points):
            if runs and runs[-1][-1] == (point[0], point[1], point[2] - 1):
                runs[-1].append(point)
            else:
                runs.append([point])
        ends = [(self.name(run[0]), self.name(run[-1])) for run in runs]
        return "(@" + ",".join(a if a == b else f"{a}:{b}" for a, b in ends) + ")"

    def _shape(self, slot: int) -> tuple[int, int]:
        card = self.cards.get(slot, NONE)
        return MATRIX_CARDS.get(card) or BANK_CARDS.get(card) or (0, 0)

    def _items(self, item: str) -> list[Crosspoint]:
        first, colon, last = item.partition(":")
        start, stop = self._point(first), self._point(last if colon else first)
        if start[0] != stop[0] or stop < start:
            raise Refused(*_OUT_OF_RANGE)
        rows, columns = self._shape(start[0])
        every = [(start[0], row, col) for row in range(rows) for col in range(1, columns + 1)]
        return every[every.index(start) : every.index(stop) + 1]

    def _point(self, name: str) -> Crosspoint:
        if _ITEM.fullmatch(name) is None:
            raise Refused(-171, "Invalid expression")
        slot, *rest = [int(part) for part in name.split("!")]
        card, (rows, columns) = self.cards.get(slot, NONE), self._shape(slot)
        if card in MATRIX_CARDS and len(rest) == 2:
            point = (slot, rest[0] - 1, rest[1])
        elif card in BANK_CARDS and len(rest) == 1 and rest[0] >= 1:
            point = (slot, (rest[0] - 1) // columns, (rest[0] - 1) % columns + 1)
        else:
            raise Refused(*_OUT_OF_RANGE)
        if not (0 <= point[1] < rows and 1 <= point[2] <= columns):
            raise Refused(*_OUT_OF_RANGE)
        return point
