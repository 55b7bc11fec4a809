"""What TSP boxes do in the background: sweeps, trigger timers, overlapped measurements.

A virtual clock only moves when somebody spends time. Boxes therefore sleep through the agenda of
their clock, which stops at every instant at which something is due and has it done there.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from heapq import heappop, heappush
from itertools import count
from math import inf
from weakref import WeakValueDictionary

from labctl.clock import VirtualClock
from labctl.sim.status import Refused

MOST_STEPS = 300_000
"""Background steps within one sleep; what is left of an endless sweep then stands still."""


class Alarm:
    """Something due at a time; ``cancel`` and it does not happen."""

    __slots__ = ("act", "time")

    def __init__(self, time: float, act: Callable[[], None]) -> None:
        self.time = time
        self.act: Callable[[], None] | None = act

    def cancel(self) -> None:
        """Forget what was due."""
        self.act = None


class Agenda(VirtualClock):
    """The bench clock as TSP boxes see it.

    All boxes on one clock share one agenda (:func:`agenda_of`).

    Attributes
    ----------
    due
        What is due at some time; always the same list.
    """

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock
        self._due: list[tuple[float, int, Alarm]] = []
        self.due: Sequence[object] = self._due
        self._order = count()
        self._playing = False
        self._plain = type(clock) is VirtualClock
        self.now = clock.now  # type: ignore[method-assign]  # one call less, millions of times

    def sleep(self, seconds: float) -> None:
        """Let bench time pass; what is due meanwhile happens at its time."""
        if not self._due or self._playing:
            if not self._plain:
                self._clock.sleep(seconds)
            elif seconds > 0.0:  # as VirtualClock.sleep, one call less, millions of times
                self._clock._now += seconds
            return
        end = self._clock.now() + max(seconds, 0.0)
        self._play(end, None)
        self._clock.sleep(end - self._clock.now())

    def at(self, time: float, act: Callable[[], None]) -> Alarm:
        """Have something done at a bench time (s); if that is past, as soon as time passes."""
        alarm = Alarm(time, act)
        heappush(self._due, (time, next(self._order), alarm))
        return alarm

    def wait(self, condition: Callable[[], bool], timeout: float = inf) -> bool:
        """Sleep until a condition holds; return False where the time-out (s) comes first.

        Also returns False, at once, where no end is in sight: nothing is due and the time-out is
        infinite.
        """
        if condition():
            return True
        end = self._clock.now() + timeout
        if not self._playing:
            self._play(end, condition)
        if condition():
            return True
        if end < inf:
            self._clock.sleep(end - self._clock.now())
        return False

    @property
    def plain(self) -> VirtualClock | None:
        """The bench clock, if it is one that nobody waits for."""
        return self._clock if self._plain else None

    @property
    def busy(self) -> bool:
        """Whether anything may be due."""
        return bool(self._due)

    def _play(self, end: float, condition: Callable[[], bool] | None) -> None:
        clock, due = self._clock, self._due
        self._playing = True
        try:
            for _ in range(MOST_STEPS):
                if not due or due[0][0] > end:
                    return
                alarm = heappop(due)[2]
                if alarm.act is None:
                    continue
                clock.sleep(alarm.time - clock.now())
                alarm.act()
                if condition is not None and condition():
                    return
            if end < inf:
                self._postpone(end)
        finally:
            self._playing = False

    def _postpone(self, end: float) -> None:
        """Move what is due before ``end`` behind it."""
        late = [item for item in self._due if item[0] <= end]
        self._due[:] = [item for item in self._due if item[0] > end]
        for _, order, alarm in late:
            alarm.time = end + 1e-6
            heappush(self._due, (alarm.time, order, alarm))
        self._due.sort()


class Detector:
    """Remembers an event until it is taken; a second one before that is an overrun.

    Attributes
    ----------
    detected, overrun
        As described.
    wake
        Called, once, when the event comes that somebody waits for.
    """

    def __init__(self) -> None:
        self.detected = self.overrun = False
        self.wake: Callable[[], None] | None = None

    def notice(self) -> None:
        """Take notice of an event."""
        if self.detected:
            self.overrun = True
            return
        self.detected = True
        if self.wake is not None:
            wake, self.wake = self.wake, None
            wake()

    def take(self) -> bool:
        """Return whether there was an event, and forget it."""
        detected, self.detected = self.detected, False
        return detected

    def clear(self) -> None:
        """Forget event and overrun."""
        self.detected = self.overrun = False


Work = Generator["float | Detector", None, None]
"""Background work: yields seconds to pass, or a detector whose event it waits for."""


class Task:
    """Work that goes on in the background from now on.

    Parameters
    ----------
    finished
        Called when the work is done, or was refused something, or was cancelled.
    refuse
        Called with what an instrument refused; the work ends there.
    """

    def __init__(
        self,
        agenda: Agenda,
        work: Work,
        finished: Callable[[], None],
        refuse: Callable[[Refused], None],
    ) -> None:
        self.running = True
        self._agenda, self._work = agenda, work
        self._finished, self._refuse = finished, refuse
        self._alarm: Alarm | None = None
        self._detector: Detector | None = None
        self._alarm = agenda.at(agenda.now(), self._go)

    def cancel(self) -> None:
        """Break the work off."""
        if not self.running:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        if self._detector is not None:
            self._detector.wake = None
        self._work.close()
        self._end()

    def _go(self) -> None:
        self._alarm = self._detector = None
        try:
            for wanted in self._work:
                if isinstance(wanted, Detector):
                    if wanted.take():
                        continue
                    self._detector = wanted
                    wanted.wake = self._woken
                    return
                self._alarm = self._agenda.at(self._agenda.now() + wanted, self._go)
                return
        except Refused as refused:
            self._refuse(refused)
        self._end()

    def _woken(self) -> None:
        detector = self._detector
        if detector is not None:
            detector.take()
        self._alarm = self._agenda.at(self._agenda.now(), self._go)

    def _end(self) -> None:
        self.running = False
        self._finished()


_agendas: WeakValueDictionary[int, Agenda] = WeakValueDictionary()  # by the id of their clock


def agenda_of(clock: VirtualClock) -> Agenda:
    """Return the agenda that all boxes on ``clock`` share."""
    if isinstance(clock, Agenda):
        return clock
    found = _agendas.get(id(clock))
    if found is None:
        found = _agendas[id(clock)] = Agenda(clock)
    return found
