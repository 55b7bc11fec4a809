"""The ``scan`` commands of Keithley's TSP switch mainframes: channels closed one after the other.

Source: *Models 707B and 708B Switching Matrix Reference Manual* (707B-901-01), section 3 and
``scan.*``. The trigger model around a scan is its default one: every step follows at once, and a
stimulus to wait for is refused.
"""

from __future__ import annotations

from typing import Any

from labctl.sim.instruments.keithley_channels import Channels
from labctl.sim.instruments.relays import Crosspoint
from labctl.sim.status import Refused
from labctl.sim.tsp import Attribute, LuaHost
from labctl.sim.tsp.values import arguments, one_of, text, within

OPEN_ALL, OPEN_SELECTIVE = 0, 1
EMPTY, BUILDING, SUCCESS = 0, 1, 6
MOST_STEPS = 10_000
"""Steps of a list."""
MOST_READINGS = 450_000
"""Largest ``scan.measurecount``."""
MOST_CLOSURES = 100_000
"""Steps times count of one scan; what is more is refused, so that no message runs for ever."""


class Scan:
    """The scan list of a mainframe.

    Parameters
    ----------
    channels
        What closes and opens.
    """

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._steps: list[tuple[str, tuple[Crosspoint, ...]]] = []
        self._state = EMPTY
        self._done = (0, 0)
        self._default()

    def _default(self) -> None:
        self._count, self._mode, self._bypass, self._measured = 1, OPEN_ALL, 1, 1

    def build(self, host: LuaHost) -> None:
        """Add ``scan``."""
        host.node(
            "scan",
            constants={
                "MODE_OPEN_ALL": OPEN_ALL,
                "MODE_OPEN_SELECTIVE": OPEN_SELECTIVE,
                "EMPTY": EMPTY,
                "BUILDING": BUILDING,
                "SUCCESS": SUCCESS,
                "OFF": 0,
                "ON": 1,
            },
            attributes={
                "mode": Attribute(lambda: self._mode, self._set_mode),
                "bypass": Attribute(lambda: self._bypass, self._set_bypass),
                "scancount": Attribute(lambda: self._count, self._set_count),
                "stepcount": Attribute(lambda: len(self._steps)),
                "measurecount": Attribute(lambda: self._measured, self._set_measured),
            },
            functions={
                "create": self._create,
                "add": self._add,
                "list": self._list,
                "execute": self._execute,
                "background": self._execute,
                "nobufferexecute": self._execute,
                "nobufferbackground": self._execute,
                "addimagestep": self._add_image,
                "addwrite": self._add_write,
                "state": lambda *a: (self._state, *self._done),
                "abort": lambda *a: None,
                "reset": lambda *a: self.reset(),
            },
        )
        host.node("scan.trigger", functions={"clear": lambda *a: None})
        for part in ("arm", "sequence", "channel", "measure"):
            nothing = {"clear": lambda *a: None, "set": lambda *a: None}
            stimulus = Attribute(lambda: 0, _immediate)
            host.node(f"scan.trigger.{part}", attributes={"stimulus": stimulus}, functions=nothing)

    def reset(self) -> None:
        """Forget the list and all settings."""
        self._steps.clear()
        self._state, self._done = EMPTY, (0, 0)
        self._default()

    def _set_mode(self, value: Any) -> None:
        self._mode = one_of(value, (OPEN_ALL, OPEN_SELECTIVE))

    def _set_bypass(self, value: Any) -> None:
        self._bypass = one_of(value, (0, 1))

    def _set_count(self, value: Any) -> None:
        self._count = int(within(value, 1, 100_000))

    def _set_measured(self, value: Any) -> None:
        self._measured = int(within(value, 1, MOST_READINGS))

    def _create(self, *given: Any) -> None:
        self._steps.clear()
        self._state, self._done = EMPTY, (0, 0)
        if given and given[0] is not None:
            self._add(*given)

    def _add(self, *given: Any) -> None:
        """Append one step for each channel, and one for each pattern as a whole."""
        arguments(given, 1, 1)
        lists, names = self._channels.lists, text(given[0])
        for item in names.replace(";", ",").split(",") if names.strip() else ():
            points = self._channels.allowed(lists.points(item))
            if item.strip() in lists.patterns:
                added = [(item.strip(), points)]
            else:
                added = [(self._channels.cards.name(point), (point,)) for point in points]
            self._append(added)
        self._state = BUILDING if self._steps else EMPTY

    def _append(self, added: list[tuple[str, tuple[Crosspoint, ...]]]) -> None:
        if len(self._steps) + len(added) > MOST_STEPS:
            raise Refused(-225, "Out of memory or TSP memory allocation error")
        self._steps += added

    def _add_image(self, *given: Any) -> None:
        """Append one step in which several channels are closed together."""
        arguments(given, 1, 2)
        points = self._channels.allowed(self._channels.lists.points(text(given[0])))
        name = self._channels.cards.name
        self._append([(",".join(name(point) for point in points), points)])
        self._state = BUILDING

    def _add_write(self, *given: Any) -> None:
        """Refuse a step that writes: no channel here can be written to."""
        arguments(given, 2, 3)
        for point in self._channels.lists.points(text(given[0])):
            label = self._channels.cards.name(point)
            raise Refused(1115, f"Parameter error: invalid type of channel {label}")

    def _list(self, *given: Any) -> str:
        lines = ["Init) OPEN..."]
        before: tuple[Crosspoint, ...] = ()
        name = self._channels.cards.name
        for k, (label, points) in enumerate(self._steps):
            lines.append(f"{k + 1}) STEP: {label}")
            opened = ",".join(name(point) for point in before if point not in points)
            lines += [f"\tOPEN: {opened}"] if opened else []
            closed = ",".join(name(point) for point in points if point not in before)
            lines += [f"\tCLOSE: {closed}"] if closed else []
            before = points
        return "\n".join(lines)

    def _execute(self, *given: Any) -> None:
        """Run the scan; the channels of its last step stay closed."""
        if not self._steps:
            raise Refused(1114, "Settings conflict: the scan list is empty")
        if len(self._steps) * self._count > MOST_CLOSURES:
            raise Refused(-225, "Out of memory or TSP memory allocation error")
        channels = self._channels
        involved = {point for _, points in self._steps for point in points}
        closed = channels.matrix.closed
        channels.matrix.step(tuple(closed if self._mode == OPEN_ALL else closed & involved), ())
        for _ in range(self._count):
            for _, points in self._steps:
                channels.exchange((closed & involved).difference(points), points)
        self._state, self._done = SUCCESS, (self._count, len(self._steps))


def _immediate(value: Any) -> None:
    """Take no other stimulus than none: nothing would come of it."""
    if within(value, 0, 1e6):
        raise Refused(-221, "Settings conflict: scans of this simulated mainframe do not wait")
