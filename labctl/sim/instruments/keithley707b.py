"""Simulated Keithley 707B and 708B switch matrices (TSP) with 8x12 matrix cards.

Source: *Models 707B and 708B Switching Matrix Reference Manual* (707B-901-01), ``channel.*``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from labctl.clock import VirtualClock
from labctl.sim.box import Faults
from labctl.sim.instruments.relays import ROWS, Crosspoint, Relays, label, parse
from labctl.sim.status import Refused
from labctl.sim.tsp import Attribute, LuaHost, TspBox
from labctl.sim.tsp.values import arguments, one_of, text, within

SLOTS = {"707B": 6, "708B": 1}
COLUMNS = 12
OFF, BREAK_BEFORE_MAKE, MAKE_BEFORE_BREAK = 0, 1, 2
SETTLING = 4e-3
"""Bench time of one step of relays, s (the manual's example); the 7174A itself needs less."""
CARD = "7174A,8x12 Low Current Matrix,01.00a,1234567"
MOST_DELAY = 60.0


class Keithley707B(TspBox):
    """The mainframe with a matrix card in every slot.

    Parameters
    ----------
    moved
        Called with the crosspoints that really opened and really closed.
    settling
        Bench time of one step of relays, s.
    """

    firmware = "01.40c"
    serial = "1234567"

    def __init__(
        self,
        clock: VirtualClock,
        model: str,
        moved: Callable[[Iterable[Crosspoint], Iterable[Crosspoint]], None],
        faults: Faults | None = None,
        settling: float = SETTLING,
    ) -> None:
        self.slots = SLOTS[model]
        self.settling = settling
        self.relays = Relays(moved)
        self._forbidden: set[Crosspoint] = set()
        self._delays: dict[Crosspoint, float] = {}
        self._channel: dict[str, Any] = {"rule": BREAK_BEFORE_MAKE, "sequential": 0}
        self._lists: dict[str, tuple[Crosspoint, ...]] = {}
        super().__init__(clock, model, faults)

    def build(self, host: LuaHost) -> None:
        """Add ``channel`` and ``slot``."""
        channel = self._channel
        host.node(
            "channel",
            constants={
                "OFF": OFF,
                "ON": 1,
                "BREAK_BEFORE_MAKE": BREAK_BEFORE_MAKE,
                "MAKE_BEFORE_BREAK": MAKE_BEFORE_BREAK,
                "IND_CLOSED": 1,
            },
            attributes={
                "connectrule": self.setting(channel, "rule", lambda v: one_of(v, (0, 1, 2))),
                "connectsequential": self.setting(
                    channel, "sequential", lambda v: one_of(v, (0, 1))
                ),
            },
            functions={
                "close": self._close,
                "open": self._open,
                "exclusiveclose": self._exclusive_close,
                "exclusiveslotclose": self._exclusive_slot_close,
                "getclose": self._get_close,
                "getstate": self._get_state,
                "getcount": self._get_count,
                "setforbidden": self._set_forbidden,
                "getforbidden": self._get_forbidden,
                "clearforbidden": self._clear_forbidden,
                "setdelay": self._set_delay,
                "getdelay": self._get_delay,
                "reset": self._reset_channels,
            },
        )
        host.node("slot")
        for number in range(1, self.slots + 1):
            path = f"slot.{number}"
            host.node(path, {"idn": CARD, "maxvoltage": 200, "poles": 1})
            host.node(f"{path}.rows", {"matrix": len(ROWS)})
            host.node(f"{path}.columns", {"matrix": COLUMNS})
        host.node("localnode.settings", attributes={"settling": Attribute(lambda: self.settling)})

    def reset(self) -> None:
        """Open every relay; rule, delays and forbidden crosspoints to their defaults."""
        self._step(tuple(self.relays.closed), ())
        self._forbidden.clear()
        self._delays.clear()
        self._channel.update(rule=BREAK_BEFORE_MAKE, sequential=0)

    # -- lists of crosspoints ------------------------------------------------------------------

    def _points(self, given: Any) -> tuple[Crosspoint, ...]:
        """Return what a channel list names; 1115 where one item names nothing."""
        names = text(given)
        if (known := self._lists.get(names)) is not None:
            return known
        points: dict[Crosspoint, None] = {}
        for item in names.replace(";", ",").split(","):
            points.update(dict.fromkeys(self._item(item.strip())))
        result = tuple(points)
        if len(self._lists) > 2000:
            self._lists.clear()
        self._lists[names] = result
        return result

    def _item(self, item: str) -> Iterable[Crosspoint]:
        if item == "allslots":
            return self._all(range(1, self.slots + 1))
        if item.startswith("slot") and item[4:].isdigit() and 1 <= int(item[4:]) <= self.slots:
            return self._all([int(item[4:])])
        first, _, last = item.partition(":")
        start = parse(first, self.slots, COLUMNS)
        stop = parse(last, self.slots, COLUMNS) if last else start
        if start is None or stop is None or stop < start:
            raise Refused(1115, f"Parameter error: invalid channel {item[:40]}")
        if start == stop:
            return [start]
        return [p for p in self._all(range(start[0], stop[0] + 1)) if start <= p <= stop]

    def _all(self, slots: Iterable[int]) -> list[Crosspoint]:
        return [
            (slot, row, column)
            for slot in slots
            for row in range(len(ROWS))
            for column in range(1, COLUMNS + 1)
        ]

    # -- moving --------------------------------------------------------------------------------

    def _step(self, opened: Iterable[Crosspoint], closed: Iterable[Crosspoint]) -> None:
        """Move relays at one instant and wait until they have settled."""
        opened, closed = tuple(opened), tuple(closed)
        if self.relays.move(opened, closed):
            extra = 0.0
            if self._delays:
                extra = max(self._delays.get(point, 0.0) for point in (*opened, *closed))
            self.clock.sleep(self.settling + extra)

    def _close_points(self, points: tuple[Crosspoint, ...]) -> None:
        if self._channel["sequential"]:
            for point in points:
                self._step((), (point,))
        else:
            self._step((), points)

    def _allowed(self, points: tuple[Crosspoint, ...]) -> tuple[Crosspoint, ...]:
        for point in points:
            if point in self._forbidden:
                raise Refused(-221, f"Settings conflict: channel {label(point)} is forbidden")
        return points

    def _close(self, *given: Any) -> None:
        arguments(given, 1, 1)
        self._close_points(self._allowed(self._points(given[0])))

    def _open(self, *given: Any) -> None:
        arguments(given, 1, 1)
        points = self._points(given[0])
        if len(points) > len(self.relays.closed):
            wanted = set(points)
            points = tuple(point for point in self.relays.closed if point in wanted)
        self._step(points, ())

    def _exclusive_close(self, *given: Any) -> None:
        arguments(given, 1, 1)
        points = self._allowed(self._points(given[0]))
        self._exchange(self.relays.closed.difference(points), points)

    def _exclusive_slot_close(self, *given: Any) -> None:
        arguments(given, 1, 1)
        points = self._allowed(self._points(given[0]))
        slots = {point[0] for point in points}
        others = {point for point in self.relays.closed if point[0] in slots}
        self._exchange(others.difference(points), points)

    def _exchange(self, opened: set[Crosspoint], closed: tuple[Crosspoint, ...]) -> None:
        """Open and close in the order that ``channel.connectrule`` asks for."""
        rule = self._channel["rule"]
        if rule == BREAK_BEFORE_MAKE:
            self._step(opened, ())
            self._close_points(closed)
        elif rule == MAKE_BEFORE_BREAK:
            self._close_points(closed)
            self._step(opened, ())
        else:
            self._step(opened, closed)

    def _reset_channels(self, *given: Any) -> None:
        arguments(given, 1, 1)
        points = set(self._points(given[0]))
        self._step(self.relays.closed & points, ())
        self._forbidden -= points
        for point in points:
            self._delays.pop(point, None)

    # -- asking --------------------------------------------------------------------------------

    def _get_close(self, *given: Any) -> str | None:
        arguments(given, 1, 1)
        if given[0] == "allslots":
            found = self.relays.closed
        else:
            found = self.relays.closed.intersection(self._points(given[0]))
        return ";".join([label(point) for point in sorted(found)]) or None

    def _get_state(self, *given: Any) -> str:
        arguments(given, 1, 2)
        closed = self.relays.closed
        return ";".join("1" if point in closed else "0" for point in self._points(given[0]))

    def _get_count(self, *given: Any) -> str | int:
        arguments(given, 1, 1)
        counts = [self.relays.closures[point] for point in self._points(given[0])]
        return counts[0] if len(counts) == 1 else ";".join(map(str, counts))

    def _set_forbidden(self, *given: Any) -> None:
        arguments(given, 1, 1)
        points = self._points(given[0])
        for point in points:
            if point in self.relays.closed:
                raise Refused(-221, f"Settings conflict: channel {label(point)} is closed")
        self._forbidden.update(points)

    def _get_forbidden(self, *given: Any) -> str | None:
        arguments(given, 1, 1)
        found = self._forbidden.intersection(self._points(given[0]))
        return ",".join(label(point) for point in sorted(found)) or None

    def _clear_forbidden(self, *given: Any) -> None:
        arguments(given, 1, 1)
        self._forbidden.difference_update(self._points(given[0]))

    def _set_delay(self, *given: Any) -> None:
        arguments(given, 2, 2)
        delay = within(given[1], 0.0, MOST_DELAY)
        for point in self._points(given[0]):
            if delay:
                self._delays[point] = delay
            else:
                self._delays.pop(point, None)

    def _get_delay(self, *given: Any) -> str | float:
        arguments(given, 1, 1)
        delays = [self._delays.get(point, 0.0) for point in self._points(given[0])]
        return delays[0] if len(delays) == 1 else ";".join(f"{d:.6e}" for d in delays)
