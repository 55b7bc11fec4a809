"""Names that a user gives to channels of a Keithley TSP switch mainframe: patterns and labels.

Source: *Models 707B and 708B Switching Matrix Reference Manual* (707B-901-01) and *Series 3700A
System Switch/Multimeter Reference Manual* (3700AS-901-01), ``channel.pattern.*`` and
``channel.setlabel()``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labctl.sim.instruments.keithley_cards import ChannelLists
from labctl.sim.instruments.relays import Crosspoint
from labctl.sim.status import Refused
from labctl.sim.tsp import LuaHost
from labctl.sim.tsp.values import arguments, text

LONGEST_NAME = 19
Points = tuple[Crosspoint, ...]


class Patterns:
    """Patterns and labels.

    Parameters
    ----------
    lists
        Where channel lists look names up.
    allowed
        Returns crosspoints as they are; Refused where one is forbidden to close.
    closed
        Returns what is closed now.
    """

    def __init__(
        self,
        lists: ChannelLists,
        allowed: Callable[[Points], Points],
        closed: Callable[[], set[Crosspoint]],
    ) -> None:
        self._lists, self._allowed, self._closed = lists, allowed, closed

    def build(self, host: LuaHost) -> None:
        """Add ``channel.pattern``."""
        host.node(
            "channel.pattern",
            functions={
                "setimage": self._set_image,
                "getimage": self._get_image,
                "snapshot": self._snapshot,
                "delete": self._delete,
            },
        )
        host.catalog("channel.pattern", lambda: list(self._lists.patterns))

    def reset(self) -> None:
        """Forget all names."""
        self._lists.patterns.clear()
        self._lists.labels.clear()
        self._lists.forget()

    def forget(self, points: set[Crosspoint]) -> None:
        """Forget the names in which one of some crosspoints is."""
        lists = self._lists
        lists.patterns = {k: v for k, v in lists.patterns.items() if not points.intersection(v)}
        lists.labels = {k: v for k, v in lists.labels.items() if v not in points}
        lists.forget()

    def label_of(self, point: Crosspoint) -> str:
        """Return the label of a crosspoint; empty for none."""
        return next((k for k, v in self._lists.labels.items() if v == point), "")

    def set_label(self, *given: Any) -> None:
        """Do what ``channel.setlabel(channel, label)`` does; an empty label takes it away."""
        arguments(given, 2, 2)
        points, label = self._lists.points(text(given[0])), text(given[1])
        if len(points) != 1:
            raise Refused(1115, "Parameter error: one channel is to be labelled")
        lists = self._lists
        if label:
            self._check_name(label, lists.patterns)
        lists.labels.pop(self.label_of(points[0]), None)
        if label:
            lists.labels[label] = points[0]
        lists.forget()

    def _check_name(self, name: str, taken: dict[str, Any]) -> None:
        fine = name.isascii() and name.replace("_", "a").isalnum() and name[:1].isalpha()
        if not fine or len(name) > LONGEST_NAME or name in taken:
            raise Refused(1115, f"Parameter error: invalid name {name[:40]}")

    def _keep(self, name: str, points: Points) -> None:
        self._check_name(name, self._lists.labels)
        self._lists.patterns[name] = self._allowed(points)
        self._lists.forget()

    def _set_image(self, *given: Any) -> None:
        arguments(given, 2, 2)
        names = text(given[0])
        self._keep(text(given[1]), self._lists.points(names) if names.strip() else ())

    def _snapshot(self, *given: Any) -> None:
        arguments(given, 1, 1)
        self._keep(text(given[0]), tuple(sorted(self._closed())))

    def _get_image(self, *given: Any) -> str | None:
        """Return the channels of patterns, those of one delimited by commas; nil for no pattern."""
        arguments(given, 1, 1)
        name, images = self._lists.cards.name, []
        for item in text(given[0]).replace(";", ",").split(","):
            points = self._lists.patterns.get(item.strip())
            if points is None:
                return None
            images.append(",".join(name(point) for point in points))
        return ";".join(images)

    def _delete(self, *given: Any) -> None:
        arguments(given, 1, 1)
        if self._lists.patterns.pop(text(given[0]), None) is None:
            raise Refused(1115, f"Parameter error: no channel pattern {given[0][:40]}")
        self._lists.forget()
