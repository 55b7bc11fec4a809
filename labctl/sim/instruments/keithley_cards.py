"""The cards of a Keithley switch mainframe, and how its channel lists name their crosspoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from labctl.sim.instruments.relays import Crosspoint
from labctl.sim.status import Refused

MOST_LISTS = 2000
"""Channel lists whose meaning is kept."""


@dataclass(frozen=True)
class Cards:
    """Equal matrix cards in every slot of a mainframe.

    Attributes
    ----------
    slots, rows, columns
        How many.
    name, find
        The mainframe's name of a crosspoint, and its reverse (None: no such crosspoint).
    identity
        What ``slot[n].idn`` answers.
    poles
        Signals that one crosspoint switches.
    counts_for_life
        Whether the count of closures outlives a power cycle.
    buses
        Row and column of the relays of each slot that lead to the backplane; a slot as a whole
        includes them, a range does not.
    empty_opens
        Whether ``channel.exclusiveclose("")`` opens everything (else it is an error).
    """

    slots: int
    rows: int
    columns: int
    name: Callable[[Crosspoint], str]
    find: Callable[[str], Crosspoint | None]
    identity: str
    poles: int
    counts_for_life: bool = True
    buses: tuple[tuple[int, int], ...] = ()
    empty_opens: bool = False

    def all(self, slots: Iterable[int]) -> list[Crosspoint]:
        """Return all crosspoints of some slots, in the order of the mainframe."""
        return [
            (slot, row, column)
            for slot in slots
            for row in range(self.rows)
            for column in range(1, self.columns + 1)
        ]

    def whole(self, slots: Iterable[int]) -> list[Crosspoint]:
        """Return all relays of some slots, slot by slot."""
        found = []
        for slot in slots:
            found += self.all([slot])
            found += [(slot, row, column) for row, column in self.buses]
        return found

    def span(self, start: Crosspoint, stop: Crosspoint) -> list[Crosspoint]:
        """Return the crosspoints from ``start`` to ``stop``, over rows and slots."""
        return [p for p in self.all(range(start[0], stop[0] + 1)) if start <= p <= stop]


class ChannelLists:
    """Finds what a channel list names: crosspoints, ranges, slots, patterns, labels."""

    def __init__(self, cards: Cards) -> None:
        self.cards = cards
        self.patterns: dict[str, tuple[Crosspoint, ...]] = {}
        self.labels: dict[str, Crosspoint] = {}
        self._known: dict[str, tuple[Crosspoint, ...]] = {}

    def forget(self) -> None:
        """Look lists up afresh, after a pattern or a label has changed."""
        self._known.clear()

    def points(self, names: str) -> tuple[Crosspoint, ...]:
        """Return what a list names, each crosspoint once, in its order.

        Raises
        ------
        Refused
            1115 where one item names nothing.
        """
        if (known := self._known.get(names)) is not None:
            return known
        points: dict[Crosspoint, None] = {}
        for item in names.replace(";", ",").split(","):
            points.update(dict.fromkeys(self._item(item.strip())))
        result = tuple(points)
        if len(self._known) > MOST_LISTS:
            self._known.clear()
        self._known[names] = result
        return result

    def _item(self, item: str) -> Iterable[Crosspoint]:
        cards = self.cards
        if item == "allslots":
            return cards.whole(range(1, cards.slots + 1))
        if item.startswith("slot") and item[4:].isdecimal() and len(item) < 8:
            if 1 <= int(item[4:]) <= cards.slots:
                return cards.whole([int(item[4:])])
        elif item in self.patterns:
            return self.patterns[item]
        elif item in self.labels:
            return [self.labels[item]]
        first, colon, last = item.partition(":")
        start = cards.find(first)
        stop = cards.find(last) if last else start
        if start is None or stop is None or stop < start or (colon and not last):
            raise Refused(1115, f"Parameter error: invalid channel {item[:40]}")
        return [start] if start == stop else cards.span(start, stop)
