"""Trigger objects of a TSP instrument: timers, event blenders, generators, the command interface.

Source: *Series 2600B Reference Manual* (2600BS-901-01), "Triggering" and ``trigger.*``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labctl.sim.tsp.agenda import Agenda, Alarm, Detector
from labctl.sim.tsp.events import Events, Stimulus
from labctl.sim.tsp.host import Attribute, HostFunction, LuaHost
from labctl.sim.tsp.values import arguments, flag, numbers, within

TIMERS, BLENDERS, GENERATORS, BLENDER_INPUTS = 8, 6, 2, 4
LONGEST = 100_000.0
"""Largest delay of a timer and longest wait, s."""
SHORTEST = 8e-6
"""Smallest delay of a timer, s."""
Overrun = Callable[[], None]


class Source:
    """Something that fires an event, which ``wait`` waits for.

    Parameters
    ----------
    overran
        Called when an event comes before the one before it was taken.
    """

    def __init__(self, agenda: Agenda, events: Events, overran: Overrun | None = None) -> None:
        self.agenda, self.events = agenda, events
        self.event = events.new()
        self.detector = Detector()
        self.overrun = False
        self._overran = overran

    def fire(self) -> None:
        """Let the event happen."""
        self.detector.detected = True
        self.events.fire(self.event)

    def overran(self) -> None:
        """Say that an event was ignored."""
        self.overrun = True
        if self._overran is not None:
            self._overran()

    def clear(self, *given: Any) -> None:
        """Forget what was detected."""
        self.detector.clear()
        self.overrun = False

    def wait(self, *given: Any) -> bool:
        """Wait for the event, at most so many seconds; return whether it came."""
        arguments(given, 1, 1)
        timeout = within(given[0], 0.0, LONGEST)
        self.agenda.wait(lambda: self.detector.detected, timeout)
        return self.detector.take()

    def functions(self) -> dict[str, HostFunction]:
        """Return the functions that every source has."""
        return {"wait": self.wait, "clear": self.clear}


class Timer(Source):
    """``trigger.timer[N]``: an event some time after another."""

    def __init__(self, agenda: Agenda, events: Events, overran: Overrun | None = None) -> None:
        super().__init__(agenda, events, overran)
        self._stimulus = Stimulus(events, self._start)
        self._alarm: Alarm | None = None
        self._left = 0
        self._defaults()

    def _defaults(self) -> None:
        self.count, self.passthrough, self.delays = 1, False, [10e-6]

    def build(self, host: LuaHost, path: str) -> None:
        """Add the object at ``path``."""
        host.node(
            path,
            {"EVENT_ID": self.event},
            {
                "count": Attribute(lambda: self.count, self._set_count),
                "delay": Attribute(lambda: self.delays[0], self._set_delay),
                "delaylist": Attribute(lambda: list(self.delays), self._set_list),
                "passthrough": Attribute(lambda: self.passthrough, self._set_passthrough),
                "overrun": Attribute(lambda: self.overrun),
                "stimulus": Attribute(self._stimulus.get, self._stimulus.set),
            },
            {**self.functions(), "reset": self.reset},
        )

    def reset(self, *given: Any) -> None:
        """Stop, and go to the defaults."""
        self.stop()
        self._defaults()
        self._stimulus.set(0)
        self.clear()

    def stop(self) -> None:
        """Stop a timer that runs."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _set_count(self, value: Any) -> None:
        self.count = int(within(value, 0, 1_048_575))

    def _set_delay(self, value: Any) -> None:
        self.delays = [within(value, SHORTEST, LONGEST)]

    def _set_list(self, value: Any) -> None:
        self.delays = [within(item, SHORTEST, LONGEST) for item in numbers(value)]

    def _set_passthrough(self, value: Any) -> None:
        self.passthrough = bool(flag(value))

    def _start(self) -> None:
        if self._alarm is not None:
            self.overran()
            return
        self._left = self.count or -1
        self._next = 0
        self._schedule()
        if self.passthrough:
            self.fire()

    def _schedule(self) -> None:
        delay = self.delays[self._next % len(self.delays)]
        self._next += 1
        self._alarm = self.agenda.at(self.agenda.now() + delay, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._left -= 1
        if self._left:
            self._schedule()
        self.fire()


class Blender(Source):
    """``trigger.blender[N]``: an event when one, or each, of up to four has happened."""

    def __init__(self, agenda: Agenda, events: Events, overran: Overrun | None = None) -> None:
        super().__init__(agenda, events, overran)
        self.any = False
        self._seen: set[int] = set()
        self._inputs = [Stimulus(events, self._hearer(k)) for k in range(BLENDER_INPUTS)]

    def build(self, host: LuaHost, path: str) -> None:
        """Add the object at ``path``."""
        host.node(
            path,
            {"EVENT_ID": self.event},
            {
                "orenable": Attribute(lambda: self.any, self._set_any),
                "overrun": Attribute(lambda: self.overrun),
            },
            {**self.functions(), "reset": self.reset},
        )
        host.node(
            f"{path}.stimulus",
            attributes={str(k): Attribute(s.get, s.set) for k, s in enumerate(self._inputs, 1)},
        )

    def reset(self, *given: Any) -> None:
        """Go to the defaults: all of no events."""
        self.any = False
        for stimulus in self._inputs:
            stimulus.set(0)
        self.clear()

    def clear(self, *given: Any) -> None:
        """Forget what was detected, inputs too."""
        super().clear()
        self._seen.clear()

    def _set_any(self, value: Any) -> None:
        self.any = bool(flag(value))
        self._seen.clear()

    def _hearer(self, k: int) -> Callable[[], None]:
        def hear() -> None:
            if self.any:
                self.fire()
                return
            if k in self._seen:
                self.overran()
            self._seen.add(k)
            used = {n for n, stimulus in enumerate(self._inputs) if stimulus.identity}
            if used <= self._seen:
                self._seen.clear()
                self.fire()

        return hear


class Triggers:
    """Everything under ``trigger``.

    Parameters
    ----------
    overran
        Called with the kind ("timer", "blender") and number of an object with an overrun.
    """

    def __init__(self, agenda: Agenda, events: Events, overran: Callable[[str, int], None]) -> None:
        def told(kind: str, number: int) -> Overrun:
            return lambda: overran(kind, number)

        self.command = Source(agenda, events)
        self.timers = [Timer(agenda, events, told("timer", n)) for n in range(1, TIMERS + 1)]
        self.blenders = [
            Blender(agenda, events, told("blender", n)) for n in range(1, BLENDERS + 1)
        ]
        self.generators = [Source(agenda, events) for _ in range(GENERATORS)]

    def build(self, host: LuaHost) -> None:
        """Add ``trigger`` and what is under it."""
        host.node("trigger", {"EVENT_ID": self.command.event}, {}, self.command.functions())
        for kind in ("timer", "blender", "generator"):
            host.node(f"trigger.{kind}")
        for n, timer in enumerate(self.timers, 1):
            timer.build(host, f"trigger.timer.{n}")
        for n, blender in enumerate(self.blenders, 1):
            blender.build(host, f"trigger.blender.{n}")
        for n, generator in enumerate(self.generators, 1):
            host.node(
                f"trigger.generator.{n}",
                {"EVENT_ID": generator.event},
                functions={"assert": _firing(generator)},
            )

    def reset(self) -> None:
        """Bring all objects to their defaults."""
        for timer in self.timers:
            timer.reset()
        for blender in self.blenders:
            blender.reset()
        self.command.clear()

    def stop(self) -> None:
        """Stop the timers that run."""
        for timer in self.timers:
            timer.stop()


def _firing(source: Source) -> HostFunction:
    def fire(*given: Any) -> None:
        arguments(given, 0, 0)
        source.fire()

    return fire
