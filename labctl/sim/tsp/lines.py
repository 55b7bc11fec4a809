"""Digital lines of a TSP instrument: digital I/O port, and the trigger lines of TSP-Link.

Lines are open drain with pull-ups: what nobody pulls low reads 1. Source: *Series 2600B Reference
Manual* (2600BS-901-01), "Digital I/O" and ``digio.*``, ``tsplink.*``; the numbers behind the
modes from memory of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labctl.sim.status import Refused
from labctl.sim.tsp.agenda import Agenda, Alarm
from labctl.sim.tsp.events import Events, Stimulus
from labctl.sim.tsp.host import Attribute, LuaHost
from labctl.sim.tsp.triggers import Overrun, Source
from labctl.sim.tsp.values import arguments, one_of, whole, within

MODES = {
    "TRIG_BYPASS": 0,
    "TRIG_FALLING": 1,
    "TRIG_RISING": 2,
    "TRIG_EITHER": 3,
    "TRIG_SYNCHRONOUSA": 4,
    "TRIG_SYNCHRONOUS": 5,
    "TRIG_SYNCHRONOUSM": 6,
    "TRIG_RISINGA": 7,
    "TRIG_RISINGM": 8,
}
BYPASS = 0
_ON_FALL = (1, 3, 4, 5)
_ON_RISE = (2, 3, 6, 7)
DEFAULT_PULSE = 10e-6
"""Width of the pulse that asserting makes, s."""
INVALID_LINE = (1801, "Invalid digital I/O line")


class Line(Source):
    """One line: written as a bit, or used for triggers.

    Parameters
    ----------
    asserted
        Called when this line is pulled low as a trigger; for others on the same wire.
    """

    def __init__(
        self,
        agenda: Agenda,
        events: Events,
        overran: Overrun,
        asserted: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(agenda, events, overran)
        self._stimulus = Stimulus(events, self.pulse)
        self._asserted = asserted
        self._end: Alarm | None = None
        self._low = False
        self.latch = 1
        self._defaults()

    def _defaults(self) -> None:
        self.mode, self.width = BYPASS, DEFAULT_PULSE

    @property
    def level(self) -> int:
        """The logic level."""
        return int(self.latch and not self._low)

    def build(self, host: LuaHost, path: str) -> None:
        """Add the trigger object at ``path``."""
        host.node(
            path,
            {"EVENT_ID": self.event},
            {
                "mode": Attribute(lambda: self.mode, self._set_mode),
                "overrun": Attribute(lambda: self.overrun),
                "pulsewidth": Attribute(lambda: self.width, self._set_width),
                "stimulus": Attribute(self._stimulus.get, self._stimulus.set),
            },
            {
                **self.functions(),
                "assert": lambda *a: self.pulse(),
                "release": lambda *a: self.release(),
                "reset": self.reset,
            },
        )

    def reset(self, *given: Any) -> None:
        """Go to the defaults; the line is let go."""
        self.release()
        self._defaults()
        self._stimulus.set(0)
        self.clear()

    def _set_mode(self, value: Any) -> None:
        self.mode = one_of(value, tuple(MODES.values()))

    def _set_width(self, value: Any) -> None:
        self.width = within(value, 0.0, 30.0)

    def pulse(self) -> None:
        """Pull the line low for the pulse width (0: until it is released)."""
        if self._end is not None:
            self.overran()
            return
        self._low = True
        if self.width:
            self._end = self.agenda.at(self.agenda.now() + self.width, self.release)
        if self._asserted is not None:
            self._asserted()

    def release(self) -> None:
        """Let the line go."""
        if self._end is not None:
            self._end.cancel()
        self._end, self._low = None, False

    def edge(self, rising: bool) -> None:
        """Notice that somebody else on the wire made an edge."""
        if self.mode in (_ON_RISE if rising else _ON_FALL):
            self.fire()


class Port:
    """The lines of one connector as a node: bits, the port as a number, and trigger objects.

    Parameters
    ----------
    path
        ``"digio"`` or ``"tsplink"``.
    overran
        Called with the number of a line with an overrun.
    asserted
        Called with the number of a line that is pulled low as a trigger.
    """

    def __init__(
        self,
        agenda: Agenda,
        events: Events,
        count: int,
        overran: Callable[[int], None],
        asserted: Callable[[int], None] | None = None,
    ) -> None:
        self.protect = 0

        def tell(n: int, told: Callable[[int], None]) -> Callable[[], None]:
            return lambda: told(n)

        self.lines = [
            Line(agenda, events, tell(n, overran), tell(n, asserted) if asserted else None)
            for n in range(1, count + 1)
        ]

    def build(self, host: LuaHost, path: str) -> None:
        """Add bits, port and triggers to the node at ``path``, which must be there."""
        host.extend(
            path,
            MODES,
            {"writeprotect": Attribute(lambda: self.protect, self._set_protect)},
            {
                "readbit": self._read_bit,
                "readport": self._read_port,
                "writebit": self._write_bit,
                "writeport": self._write_port,
            },
        )
        host.node(f"{path}.trigger")
        for n, line in enumerate(self.lines, 1):
            line.build(host, f"{path}.trigger.{n}")

    def reset(self) -> None:
        """Let all lines go; triggers to their defaults, nothing protected."""
        self.protect = 0
        for line in self.lines:
            line.latch = 1
            line.reset()

    def _line(self, value: Any) -> Line:
        n = whole(value)
        if not 1 <= n <= len(self.lines):
            raise Refused(*INVALID_LINE)
        return self.lines[n - 1]

    def _set_protect(self, value: Any) -> None:
        self.protect = int(within(value, 0, 2 ** len(self.lines) - 1))

    def _read_bit(self, *given: Any) -> int:
        arguments(given, 1, 1)
        return self._line(given[0]).level

    def _read_port(self, *given: Any) -> int:
        arguments(given, 0, 0)
        return sum(line.level << k for k, line in enumerate(self.lines))

    def _write_bit(self, *given: Any) -> None:
        arguments(given, 2, 2)
        line, bit = self._line(given[0]), int(bool(whole(given[1])))
        if not self.protect >> self.lines.index(line) & 1:
            line.latch = bit

    def _write_port(self, *given: Any) -> None:
        arguments(given, 1, 1)
        value = int(within(given[0], 0, 2 ** len(self.lines) - 1))
        for k, line in enumerate(self.lines):
            if not self.protect >> k & 1:
                line.latch = value >> k & 1
