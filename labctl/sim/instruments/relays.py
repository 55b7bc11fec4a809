"""The relays of a switch matrix: which contacts are closed, and how often each has closed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

ROWS = "ABCDEFGH"

Crosspoint = tuple[int, int, int]
"""Slot (from 1), row (from 0), column (from 1)."""


def parse(name: str, slots: int, columns: int) -> Crosspoint | None:
    """Return the crosspoint called ``name`` ("1A01"), or None for no such crosspoint."""
    if len(name) != 4 or not name.isascii() or not (name[0] + name[2:]).isdigit():
        return None
    slot, row, column = int(name[0]), ROWS.find(name[1].upper()), int(name[2:])
    if not (1 <= slot <= slots and row >= 0 and 1 <= column <= columns):
        return None
    return slot, row, column


def label(crosspoint: Crosspoint) -> str:
    """Return the name of a crosspoint."""
    slot, row, column = crosspoint
    return f"{slot}{ROWS[row]}{column:02d}"


class Relays:
    """The contacts, and what moving one does.

    Parameters
    ----------
    moved
        Called with the crosspoints that really opened and really closed, at one instant.
    """

    def __init__(self, moved: Callable[[Iterable[Crosspoint], Iterable[Crosspoint]], None]) -> None:
        self.closed: set[Crosspoint] = set()
        self.closures: Counter[Crosspoint] = Counter()
        """Closures of each relay since it was made; nothing resets it."""
        self._moved = moved

    def move(self, opened: Iterable[Crosspoint], closed: Iterable[Crosspoint]) -> bool:
        """Open and close at one instant; return whether any contact moved."""
        opening = [point for point in opened if point in self.closed]
        closing = [p for p in dict.fromkeys(closed) if p not in self.closed or p in opening]
        if not opening and not closing:
            return False
        self._moved(opening, closing)
        self.closed.difference_update(opening)
        self.closed.update(closing)
        self.closures.update(closing)
        return True
