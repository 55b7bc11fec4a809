"""The ``channel`` commands of Keithley's TSP switch mainframes (707B, 708B, 3706A).

Source: *Models 707B and 708B Switching Matrix Reference Manual* (707B-901-01) and *Series 3700A
System Switch/Multimeter Reference Manual* (3700AS-901-01), ``channel.*``. Lists that come back are
delimited by commas, that of closed channels by semicolons.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labctl.sim.instruments.keithley_cards import Cards, ChannelLists
from labctl.sim.instruments.keithley_patterns import Patterns
from labctl.sim.instruments.matrix import Matrix
from labctl.sim.instruments.relays import Crosspoint
from labctl.sim.status import Refused
from labctl.sim.tsp import Attribute, LuaHost
from labctl.sim.tsp.values import arguments, one_of, text, within

OFF, BREAK_BEFORE_MAKE, MAKE_BEFORE_BREAK = 0, 1, 2
MOST_DELAY = 60.0
_SLOT = re.compile(r"(?:^|[,;])\s*(?:slot\d+|allslots)\s*(?:$|[,;])")


@dataclass(frozen=True)
class ChannelState:
    """What a saved setup keeps: crosspoints closed and forbidden, delays, names, rule."""

    closed: frozenset[Crosspoint]
    forbidden: frozenset[Crosspoint]
    delays: dict[Crosspoint, float]
    patterns: dict[str, tuple[Crosspoint, ...]]
    labels: dict[str, Crosspoint]
    order: tuple[int, int]


class Channels:
    """What a mainframe does with channel lists.

    Parameters
    ----------
    matrix
        Its relays.
    cards
        What is in its slots.
    """

    def __init__(self, matrix: Matrix, cards: Cards) -> None:
        self.matrix, self.cards, self.lists = matrix, cards, ChannelLists(cards)
        self.patterns = Patterns(self.lists, self.allowed, lambda: matrix.closed)
        self.rule = BREAK_BEFORE_MAKE
        self.sequential = 0
        self._counted_from: Counter[Crosspoint] = Counter()
        self._forbidden: set[Crosspoint] = set()
        self._delays: dict[Crosspoint, float] = {}

    def build(self, host: LuaHost) -> None:
        """Add ``channel`` and ``slot``."""

        def attribute(name: str, values: tuple[int, ...]) -> Attribute:
            return Attribute(
                lambda: getattr(self, name), lambda v: setattr(self, name, one_of(v, values))
            )

        host.node(
            "channel",
            constants={
                "OFF": OFF,
                "ON": 1,
                "BREAK_BEFORE_MAKE": BREAK_BEFORE_MAKE,
                "MAKE_BEFORE_BREAK": MAKE_BEFORE_BREAK,
                "IND_CLOSED": 1,
                "TYPE_SWITCH": 1,
            },
            attributes={
                "connectrule": attribute("rule", (0, 1, 2)),
                "connectsequential": attribute("sequential", (0, 1)),
            },
            functions={
                "close": self._close,
                "open": self._open,
                "exclusiveclose": self._exclusive_close,
                "exclusiveslotclose": self._exclusive_slot_close,
                "getclose": self._get_close,
                "getstate": self._get_state,
                "getcount": self._each(self.count),
                "gettype": self._each(lambda p: 1),
                "getdelay": self._each(lambda p: self._delays.get(p, 0.0)),
                "getimage": lambda *a: self._names(self._given(a)),
                "setforbidden": self._set_forbidden,
                "getforbidden": self._get_forbidden,
                "clearforbidden": self._clear_forbidden,
                "setdelay": self._set_delay,
                "getlabel": self._each(self.patterns.label_of),
                "setlabel": self.patterns.set_label,
                "createspecifier": self._specifier,
                "reset": self._reset,
            },
        )
        self.patterns.build(host)

    def reset(self) -> None:
        """Open every relay; rule, delays, forbidden channels and patterns to their defaults."""
        self.matrix.open_all()
        self._forbidden.clear()
        self._delays.clear()
        self.patterns.reset()
        self.rule, self.sequential = BREAK_BEFORE_MAKE, 0

    def save(self) -> ChannelState:
        """Return all settings and what is closed, for :meth:`restore`."""
        lists = self.lists
        return ChannelState(
            frozenset(self.matrix.closed),
            frozenset(self._forbidden),
            dict(self._delays),
            dict(lists.patterns),
            dict(lists.labels),
            (self.rule, self.sequential),
        )

    def restore(self, state: ChannelState) -> None:
        """Bring back what :meth:`save` gave."""
        self.reset()
        self._forbidden, self._delays = set(state.forbidden), dict(state.delays)
        self.lists.patterns.update(state.patterns)
        self.lists.labels.update(state.labels)
        self.lists.forget()
        self.rule, self.sequential = state.order
        self.matrix.step((), sorted(state.closed))

    def count(self, point: Crosspoint) -> int:
        """Return the closures of a relay: of its life, or since power-up, as the card counts."""
        relays = self.matrix.relays
        if self.cards.counts_for_life:
            return relays.count(point)
        return relays.closures[point] - self._counted_from[point]

    def power_on(self) -> None:
        """Begin to count anew on cards without a memory of their own."""
        self._counted_from = self.matrix.relays.closures.copy()

    # -- moving --------------------------------------------------------------------------------

    def close(self, points: tuple[Crosspoint, ...]) -> None:
        """Close relays, at one instant or one after the other; delays of the user come after."""
        if self.sequential:
            for point in points:
                self.matrix.step((), (point,), self._delays.get(point, 0.0))
            return
        extra = 0.0
        if self._delays:
            closed = self.matrix.closed
            extra = max((self._delays.get(p, 0.0) for p in points if p not in closed), default=0.0)
        self.matrix.step((), points, extra)

    def exchange(self, opened: set[Crosspoint], closed: tuple[Crosspoint, ...]) -> None:
        """Open and close in the order that ``channel.connectrule`` asks for."""
        if self.rule == BREAK_BEFORE_MAKE:
            self.matrix.step(opened, ())
            self.close(closed)
        elif self.rule == MAKE_BEFORE_BREAK:
            self.close(closed)
            self.matrix.step(opened, ())
        else:
            delays = [self._delays.get(point, 0.0) for point in closed]
            self.matrix.step(opened, closed, max(delays, default=0.0))

    def allowed(self, points: tuple[Crosspoint, ...]) -> tuple[Crosspoint, ...]:
        """Return ``points``; -221 where one of them is forbidden to close."""
        if self._forbidden:
            for point in points:
                if point in self._forbidden:
                    name = self.cards.name(point)
                    raise Refused(-221, f"Settings conflict: channel {name} is forbidden")
        return points

    def _close(self, *given: Any) -> None:
        self.close(self._to_close(given))

    def _open(self, *given: Any) -> None:
        points, closed = self._given(given), self.matrix.closed
        if len(points) > len(closed):
            points = tuple(closed.intersection(points))
        self.matrix.step(points, ())

    def _exclusive_close(self, *given: Any) -> None:
        if given and isinstance(given[0], str) and not given[0].strip() and self.cards.empty_opens:
            self.matrix.open_all()
            return
        points = self._to_close(given)
        self.exchange(self.matrix.closed.difference(points), points)

    def _exclusive_slot_close(self, *given: Any) -> None:
        points = self._to_close(given)
        slots = {point[0] for point in points}
        others = {point for point in self.matrix.closed if point[0] in slots}
        self.exchange(others.difference(points), points)

    def _reset(self, *given: Any) -> None:
        points = set(self._given(given))
        self.matrix.step(self.matrix.closed & points, ())
        self._forbidden -= points
        for point in points:
            self._delays.pop(point, None)
        self.patterns.forget(points)

    # -- asking --------------------------------------------------------------------------------

    def _given(self, given: tuple[Any, ...], most: int = 1) -> tuple[Crosspoint, ...]:
        arguments(given, 1, most)
        return self.lists.points(text(given[0]))

    def _to_close(self, given: tuple[Any, ...]) -> tuple[Crosspoint, ...]:
        """Return what is to close: channels and patterns that are allowed to, no whole slots."""
        points = self._given(given)
        if "slot" in given[0] and _SLOT.search(given[0]):
            raise Refused(1115, "Parameter error: a slot cannot be closed")
        return self.allowed(points)

    def _names(self, points: Any) -> str | None:
        return ",".join(self.cards.name(point) for point in points) or None

    def _each(self, value: Callable[[Crosspoint], Any]) -> Callable[..., str]:
        """Return a function that answers one value for each channel of a list."""

        def ask(*given: Any) -> str:
            return ",".join(str(value(point)) for point in self._given(given))

        return ask

    def _get_close(self, *given: Any) -> str | None:
        arguments(given, 1, 1)
        found = self.matrix.closed
        if given[0] != "allslots":
            found = found.intersection(self._given(given))
        name = self.cards.name
        return ";".join([name(point) for point in sorted(found)]) or None

    def _get_state(self, *given: Any) -> str:
        points, closed = self._given(given, 2), self.matrix.closed
        mask = int(within(given[1], 0, 255)) if len(given) > 1 and given[1] is not None else 1
        return ",".join("1" if point in closed and mask & 1 else "0" for point in points)

    # -- settings of single channels -----------------------------------------------------------

    def _set_forbidden(self, *given: Any) -> None:
        points = self._given(given)
        for point in points:
            if point in self.matrix.closed:
                name = self.cards.name(point)
                raise Refused(-221, f"Settings conflict: channel {name} is closed")
        self._forbidden.update(points)

    def _get_forbidden(self, *given: Any) -> str | None:
        return self._names(sorted(self._forbidden.intersection(self._given(given))))

    def _clear_forbidden(self, *given: Any) -> None:
        self._forbidden.difference_update(self._given(given))

    def _set_delay(self, *given: Any) -> None:
        arguments(given, 2, 2)
        delay = within(given[1], 0.0, MOST_DELAY)
        for point in self._given(given, 2):
            if delay:
                self._delays[point] = delay
            else:
                self._delays.pop(point, None)

    def _specifier(self, *given: Any) -> str:
        arguments(given, 3, 3)
        slot, row, column = (int(within(value, 0, 999)) for value in given)
        cards = self.cards
        if not (
            1 <= slot <= cards.slots and 1 <= row <= cards.rows and 1 <= column <= cards.columns
        ):
            raise Refused(1115, "Parameter error: invalid channel")
        return cards.name((slot, row - 1, column))
