"""Sweeps of a 2600 channel (``smuX.trigger``): as many source-delay-measure steps as counted.

Only the sweep itself is simulated: ``initiate()`` runs it to its end at once, in bench time. The
stimuli and event detectors of the trigger model are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from labctl.sim.instruments.smu import CURRENT, VOLTAGE
from labctl.sim.status import Refused
from labctl.sim.tsp.host import Attribute, LuaHost
from labctl.sim.tsp.values import DATA_TYPE, ILLEGAL_VALUE, arguments, number, one_of, within

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2600 import Keithley2600

MOST_POINTS = 60_000


class Sweep:
    """The sweep of one channel."""

    def __init__(self, box: Keithley2600, name: str) -> None:
        self.box, self.name = box, name
        self.channel = box.channels[name]
        self._settings: dict[str, Any] = {
            "count": 1, "arm": 1, "source": 0, "measure": 0, "end_sweep": 0, "end_pulse": 1,
        }  # fmt: skip
        self._levels: list[float] = []
        self._quantity = VOLTAGE
        self._kind, self._buffers = "", []  # type: tuple[str, list[Any]]

    def build(self, host: LuaHost, path: str) -> None:
        """Add the objects at ``path`` (``smua.trigger``)."""
        host.node(
            path,
            attributes={"count": self._number("count", 0, MOST_POINTS)},
            functions={"initiate": self._initiate},
        )
        host.node(f"{path}.arm", attributes={"count": self._number("arm", 0, MOST_POINTS)})
        host.node(f"{path}.source", attributes={"action": self._choice("source")})
        host.node(f"{path}.measure", attributes={"action": self._choice("measure")})
        host.node(f"{path}.endpulse", {"SOURCE_IDLE": 0, "SOURCE_HOLD": 1},
                  {"action": self._choice("end_pulse")})  # fmt: skip
        host.node(f"{path}.endsweep", {"SOURCE_IDLE": 0, "SOURCE_HOLD": 1},
                  {"action": self._choice("end_sweep")})  # fmt: skip
        for letter, quantity in (("v", VOLTAGE), ("i", CURRENT)):
            host.function(f"{path}.source.list{letter}", self._list(quantity))
            host.function(f"{path}.source.linear{letter}", self._linear(quantity))
            host.function(f"{path}.source.log{letter}", self._log(quantity))
        for kind in ("i", "v", "iv", "r", "p"):
            host.function(f"{path}.measure.{kind}", self._into(kind))

    def _number(self, key: str, low: float, high: float) -> Attribute:
        return self.box.setting(self._settings, key, lambda v: int(within(v, low, high)))

    def _choice(self, key: str) -> Attribute:
        return self.box.setting(self._settings, key, lambda v: one_of(v, (0, 1, 2)))

    def _list(self, quantity: int) -> Any:
        def define(*given: Any) -> None:
            arguments(given, 1, 1)
            table = given[0]
            if not hasattr(table, "values"):
                raise Refused(*DATA_TYPE)
            levels = [number(value) for value in table.values()]
            self._define(quantity, levels)

        return define

    def _linear(self, quantity: int) -> Any:
        def define(*given: Any) -> None:
            arguments(given, 3, 3)
            points = int(within(given[2], 1, MOST_POINTS))
            self._define(quantity, np.linspace(number(given[0]), number(given[1]), points).tolist())

        return define

    def _log(self, quantity: int) -> Any:
        def define(*given: Any) -> None:
            arguments(given, 3, 4)
            start, stop = number(given[0]), number(given[1])
            if start <= 0.0 or stop <= 0.0:
                raise Refused(*ILLEGAL_VALUE)
            points = int(within(given[2], 1, MOST_POINTS))
            self._define(quantity, np.geomspace(start, stop, points).tolist())

        return define

    def _define(self, quantity: int, levels: list[float]) -> None:
        if not levels or len(levels) > MOST_POINTS:
            raise Refused(*ILLEGAL_VALUE)
        self._quantity, self._levels = quantity, levels
        self._settings["source"] = 1

    def _into(self, kind: str) -> Any:
        def define(*given: Any) -> None:
            arguments(given, 1, 2)
            self._kind = kind
            self._buffers = [self.box.buffers.find(item)[0] for item in given if item is not None]
            self._settings["measure"] = 1

        return define

    def _initiate(self, *given: Any) -> None:
        settings, channel = self._settings, self.channel
        for buffer in self._buffers:
            buffer.begin()
        held = channel.levels[self._quantity]
        steps = min(max(settings["count"], 1) * max(settings["arm"], 1), MOST_POINTS)
        for k in range(steps):
            if settings["source"] and self._levels:
                channel.set_level(self._quantity, self._levels[k % len(self._levels)])
            if settings["measure"] and self._kind:
                values = self.box.reading(self.name, self._kind)
                self.box.store(self.name, values, self._kind, self._buffers)
            if settings["end_pulse"] == 0:
                channel.set_level(self._quantity, held)
        if settings["end_sweep"] == 0:
            channel.set_level(self._quantity, held)
