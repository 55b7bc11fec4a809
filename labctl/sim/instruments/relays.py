"""The relays of a switch matrix: what the box believes, and where the contacts really are.

A contact follows its coil until it fails: welded it conducts for good, broken it never does. The
box sees its coils only and reports what it commanded, as the real ones do.

Wear: a reed relay lives 1e8 closures without load, 5e5 at its rated current (data sheets of the
matrix cards). Contacts here are switched cold unless the circuit says otherwise, so that the first
figure holds. Failures follow a Weibull law over the closures ``n`` of one relay: the chance that
closure ``n`` is the last good one is ``(b / life) * (n / life)**(b - 1)`` with ``b = 3``; 1 relay
in 1000 has failed at a tenth of the rated life, 63 % at the rated life. Of those that fail, half
stick and half no longer conduct.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np

from labctl.sim.faults import Faults

ROWS = "ABCDEFGHIJKLMN"
"""Letters of the rows; most matrices have the first four or eight."""
LIFE = 1e8
"""Closures without load at which 63 % of the relays have failed."""
SHAPE = 3.0
"""Of the Weibull law of the failures."""
STICKING = 0.5
"""Share of the failures that weld; the other contacts no longer conduct."""
YOUNG = 0.01
"""Share of the life before which nobody looks whether a relay fails (chance below 1e-6)."""

Crosspoint = tuple[int, int, int]
"""Slot (from 1), row (from 0), column (from 1)."""
Moved = Callable[[Iterable[Crosspoint], Iterable[Crosspoint]], None]
"""Called with the contacts that really opened and really closed, at one instant."""


def parse(name: str, slots: int, columns: int, rows: int = 8) -> Crosspoint | None:
    """Return the crosspoint called ``name`` ("1A01"), or None for no such crosspoint."""
    if len(name) != 4 or not name.isascii() or not (name[0] + name[2:]).isdigit():
        return None
    slot, row, column = int(name[0]), ROWS[:rows].find(name[1].upper()), int(name[2:])
    if not (1 <= slot <= slots and row >= 0 and 1 <= column <= columns):
        return None
    return slot, row, column


def label(crosspoint: Crosspoint) -> str:
    """Return the name of a crosspoint."""
    slot, row, column = crosspoint
    return f"{slot}{ROWS[row]}{column:02d}"


def _any(name: str) -> Crosspoint | None:
    return parse(name, 9, 99, len(ROWS))


class Relays:
    """The contacts, and what moving one does.

    Parameters
    ----------
    moved
        Called with the crosspoints that really opened and really closed, at one instant.
    faults
        Whose welded and open contacts count here; None: nothing fails.
    name, find
        The box's own notation of a crosspoint, and its reverse (None: no such crosspoint).
    life
        Closures at which 63 % of the relays have failed.
    used
        Closures that every relay has behind it already.
    rng
        Decides which worn contact fails, and how.
    """

    def __init__(
        self,
        moved: Moved,
        faults: Faults | None = None,
        name: Callable[[Crosspoint], str] = label,
        find: Callable[[str], Crosspoint | None] | None = None,
        *,
        life: float = LIFE,
        used: int = 0,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.closed: set[Crosspoint] = set()
        """What the box believes to be closed."""
        self.closures: Counter[Crosspoint] = Counter()
        """Closures of each relay since the bench was made; nothing resets it."""
        self.used = used
        self.faults = faults or Faults()
        self._moved, self._name, self._find = moved, name, find or _any
        self._life, self._rng = life, rng or np.random.default_rng(0)
        self._young = YOUNG * life
        self._touching: set[Crosspoint] = set()  # contacts that conduct
        self._welded: set[Crosspoint] = set()
        self._broken: set[Crosspoint] = set()
        self.faults.on_contacts(self._refresh)

    @property
    def touching(self) -> frozenset[Crosspoint]:
        """The contacts that conduct."""
        return frozenset(self._touching)

    def count(self, point: Crosspoint) -> int:
        """Return the closures that a relay has behind it."""
        return self.used + self.closures[point]

    def move(self, opened: Iterable[Crosspoint], closed: Iterable[Crosspoint]) -> bool:
        """Open and close at one instant; return whether any relay was to move."""
        known = self.closed
        opening = [point for point in opened if point in known]
        closing = [p for p in dict.fromkeys(closed) if p not in known or p in opening]
        if not opening and not closing:
            return False
        known.difference_update(opening)
        known.update(closing)
        closures, oldest = self.closures, 0
        for point in closing:
            count = closures[point] = closures[point] + 1
            oldest = max(oldest, count)
        if self._welded or self._broken:
            self._contacts(opening, closing)
        else:
            self._touching.difference_update(opening)
            self._touching.update(closing)
            self._moved(opening, closing)
        if closing and oldest + self.used > self._young:
            self._wear(closing)
        return True

    def weld(self, point: Crosspoint) -> None:
        """Let a contact stick as it is now: closed."""
        self._touching.add(point)
        if point not in self._welded:
            self.faults.welded.append(self._name(point))

    def _contacts(self, opening: list[Crosspoint], closing: list[Crosspoint]) -> None:
        """Move the contacts of these coils that are free to follow."""
        touching = self._touching
        opening = [p for p in opening if p in touching and p not in self._welded]
        closing = [p for p in closing if p not in self._broken and p not in self._welded]
        touching.difference_update(opening)
        touching.update(closing)
        if opening or closing:
            self._moved(opening, closing)

    def _wear(self, closing: list[Crosspoint]) -> None:
        """Draw which of the relays just closed did so for the last time."""
        for point in closing:
            age = self.count(point) / self._life
            if self._rng.random() < SHAPE / self._life * age ** (SHAPE - 1):
                if self._rng.random() < STICKING:
                    self.weld(point)
                elif point not in self._broken:
                    self.faults.open_relays.append(self._name(point))

    def _refresh(self) -> None:
        """Take up a change of the lists of welded and of broken contacts.

        Raises
        ------
        ValueError
            For a name that this matrix does not have.
        """
        welded = {self._point(name) for name in self.faults.welded}
        broken = {self._point(name) for name in self.faults.open_relays}
        self._welded, self._broken = welded - broken, broken
        wanted = (self.closed | welded) - broken
        opening, closing = self._touching - wanted, wanted - self._touching
        if opening or closing:
            self._touching = wanted
            self._moved(sorted(opening), sorted(closing))

    def _point(self, name: str) -> Crosspoint:
        found = self._find(name) if isinstance(name, str) else None
        if found is None:
            raise ValueError(f"this matrix has no crosspoint {name!r}")
        return found
