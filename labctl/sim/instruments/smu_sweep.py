"""What a sweep of a 2600 channel sources: lists of levels, and limits while it runs.

Source: *Series 2600B Reference Manual* (2600BS-901-01), "Sweep operation" and
``smuX.trigger.source.*``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from labctl.sim.instruments.smu import CURRENT, VOLTAGE, SourceChannel
from labctl.sim.status import Refused
from labctl.sim.tsp.host import Attribute
from labctl.sim.tsp.values import ILLEGAL_VALUE, arguments, number, numbers, within

MOST_POINTS = 60_000
AUTO = "auto"
"""``LIMIT_AUTO``: the sweep keeps the limit of the source."""


class SweepSource:
    """Levels of a sweep, and where the source goes back to."""

    def __init__(self, channel: SourceChannel) -> None:
        self.channel = channel
        self.levels: list[float] = []
        self.quantity = VOLTAGE
        self.limits: dict[int, float | str] = {}
        self._held: dict[int, float] = {}  # what the settings were before the sweep
        self._limits: dict[int, float] = {}
        self._sourcing = False
        self.reset()

    def reset(self) -> None:
        """Forget levels and limits."""
        self.levels, self.limits = [], {VOLTAGE: AUTO, CURRENT: AUTO}

    def definer(self, shape: str, quantity: int) -> Callable[..., None]:
        """Return ``listv(table)``, ``linearv(start, stop, points)`` or ``logv(...)``."""
        make = {"list": _list, "linear": _linear, "log": _log}[shape]

        def define(*given: Any) -> None:
            levels = make(given)
            for level in (min(levels), max(levels)):
                if abs(level) > self._most(quantity):
                    raise Refused(1101, "Parameter too big")
            self.levels, self.quantity = levels, quantity

        return define

    def begin(self, sourcing: bool) -> None:
        """Start a sweep: keep what will be restored, and take the limits of the sweep."""
        channel = self.channel
        self._sourcing = sourcing
        self._held, self._limits = dict(channel.levels), {}
        if sourcing:
            for quantity, limit in self.limits.items():
                if not isinstance(limit, str) and quantity != self.quantity:
                    self._limits[quantity] = channel.limits[quantity]
                    channel.set_limit(quantity, limit)

    def go(self, turn: int) -> None:
        """Bring the source to the level of a turn (from 0)."""
        level = self.levels[turn % len(self.levels)]
        self.channel.check_level(self.quantity, level)
        self.channel.put_level(self.quantity, level)

    def idle(self) -> None:
        """Bring the source to the level it had before the sweep."""
        if self._sourcing:
            self.channel.put_level(self.quantity, self._held[self.quantity])

    def end(self, idle: bool) -> None:
        """End a sweep, however it ends."""
        if idle:
            self.idle()
        for quantity, limit in self._limits.items():
            self.channel.set_limit(quantity, limit)

    def _most(self, quantity: int) -> float:
        model = self.channel.model
        return model.max_voltage if quantity == VOLTAGE else model.max_current


def limit_attributes(source: SweepSource) -> dict[str, Attribute]:
    """Return ``limiti`` and ``limitv`` of ``smuX.trigger.source``."""

    def attribute(quantity: int, least: float, most: float) -> Attribute:
        def put(value: Any) -> None:
            automatic = value == AUTO or value == 0.0
            source.limits[quantity] = AUTO if automatic else within(value, least, most)

        return Attribute(lambda: source.limits[quantity], put)

    model = source.channel.model
    return {
        "limiti": attribute(CURRENT, model.least_limit_current, model.max_current),
        "limitv": attribute(VOLTAGE, model.least_limit_voltage, model.max_voltage),
    }


def _list(given: tuple[Any, ...]) -> list[float]:
    arguments(given, 1, 1)
    return numbers(given[0], MOST_POINTS)


def _points(value: Any) -> int:
    return int(within(value, 1, MOST_POINTS))


def _linear(given: tuple[Any, ...]) -> list[float]:
    arguments(given, 3, 3)
    levels = np.linspace(number(given[0]), number(given[1]), _points(given[2]))
    return [float(level) for level in levels]


def _log(given: tuple[Any, ...]) -> list[float]:
    """Levels in geometric steps of their distance from the asymptote (0 unless given)."""
    arguments(given, 3, 4)
    asymptote = number(given[3]) if len(given) > 3 and given[3] is not None else 0.0
    start, stop = number(given[0]) - asymptote, number(given[1]) - asymptote
    if start == 0.0 or stop == 0.0 or start * stop < 0.0:
        raise Refused(*ILLEGAL_VALUE)
    levels = np.geomspace(start, stop, _points(given[2])) + asymptote
    return [float(level) for level in levels]
