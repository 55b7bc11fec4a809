"""An instrument as its servers reach it: one message at a time, whoever asks."""

from __future__ import annotations

import threading
from collections.abc import Callable

from labctl.clock import PacedClock
from labctl.sim.box import MOST_INPUT, MOST_OUTPUT, Box
from labctl.sim.serve.locks import Locks
from labctl.sim.tsp.agenda import agenda_of
from labctl.sim.world import World

LINE_FEED = b"\n"
_LOOK = 0.05
"""How often a device clear looks what keeps the box busy, s."""


class LostConnectionError(ConnectionError):
    """The fault ``lost`` of the simulated instrument: its connection breaks."""


class Station:
    """A box of a bench between all the connections that lead to it.

    Attributes
    ----------
    name, model
        As in the bench file.
    locks
        Who may use it.
    """

    def __init__(self, world: World, name: str, model: str) -> None:
        self.name, self.model = name, model
        self.world = world
        self.box: Box = world.box(name)
        self.locks = Locks()
        self._turn = threading.Lock()
        self._running: int | None = None  # thread that has the turn
        self._clears = 0
        self._closed = False
        self._requested = False
        self._watchers: list[Callable[[], None]] = []

    def ask(
        self,
        messages: bytes,
        stop: Callable[[], bool] | None = None,
        dropped: Callable[[], bool] | None = None,
    ) -> list[bytes]:
        """Hand messages to the box and return what it says to them, one item per answer.

        Parameters
        ----------
        messages
            Whole messages.
        stop
            Asked, where bench time is real, whether to get what runs over with.
        dropped
            Asked once whether a device clear has taken the messages back; then nothing is done.

        Raises
        ------
        LostConnectionError
            Where the box has the fault ``lost``.
        """
        box, world = self.box, self.world
        with self._turn, world.lock:
            answers: list[bytes] = []
            if box.faults.lost:
                raise LostConnectionError(f"{self.name}: connection lost")
            try:
                self._begin(stop)
                if dropped is not None and dropped():  # asked after _begin: hurry() finds it now
                    return answers
                box.feed(messages)
                requested = self._requests()
                while (taken := box.take(MOST_OUTPUT)) is not None:
                    answers.append(taken[0])
            finally:
                self._end()
            lost = box.faults.lost
        if requested:
            self._call()
        if lost:
            raise LostConnectionError(f"{self.name}: connection lost")
        return answers

    def trigger(self, dropped: Callable[[], bool] | None = None) -> list[bytes]:
        """Give a group execute trigger; return what the box says to it."""
        with self._turn, self.world.lock:
            answers: list[bytes] = []
            try:
                self._begin()
                if dropped is not None and dropped():
                    return answers
                self.box.trigger()
                requested = self._requests()
                while (taken := self.box.take(MOST_OUTPUT)) is not None:
                    answers.append(taken[0])
            finally:
                self._end()
        if requested:
            self._call()
        return answers

    def hurry(self) -> None:
        """Have what runs end as soon as it can: a device clear is on its way."""
        self._clears += 1
        self._hurry()

    def clear(self) -> None:
        """Give a device clear; what runs, or begins to run meanwhile, is got over with."""
        while not self._turn.acquire(timeout=_LOOK):
            self._hurry()
        try:
            with self.world.lock:
                self.box.device_clear()
                self._requests()
        finally:
            self._turn.release()

    @property
    def busy(self) -> bool:
        """Whether a message is being done."""
        return self._running is not None

    @property
    def clears(self) -> int:
        """Device clears asked for since power-up: whoever has work left drops it."""
        return self._clears

    def poll(self) -> int:
        """Return the status byte, as a serial poll does, in the middle of a message too."""
        with self.world.lock:
            self._pass_time()
            value = self.box.serial_poll()
            self._requested = False
            return value

    def glance(self) -> int:
        """Return the status byte and change nothing."""
        with self.world.lock:
            self._pass_time()
            return self.box.status_byte()

    def interrupted(self) -> None:
        """Take note that an answer was not read before the next message (error -410)."""
        if not getattr(self.box, "interrupts", True):
            return  # this model does not mind
        with self.world.lock:
            self.box.status.error(-410, "Query INTERRUPTED")
            self._requests()

    def watch(self, call: Callable[[], None]) -> None:
        """Have ``call`` called whenever the box begins to request service."""
        self._watchers = [*self._watchers, call]

    def unwatch(self, call: Callable[[], None]) -> None:
        """Call it no more."""
        self._watchers = [each for each in self._watchers if each != call]

    def frame(self, data: bytes, end: bool) -> tuple[list[bytes], bytes]:
        """Cut bytes into messages as the box does; return them and what waits for more."""
        return self.box.frame(data, end)

    def close(self) -> None:
        """Take no more messages, and have what runs end: the bench is served no longer."""
        self._closed = True
        self._hurry()

    def _hurry(self) -> None:
        clock, running = self.world.clock, self._running
        if isinstance(clock, PacedClock) and running is not None:
            clock.hurry(running)

    def _begin(self, stop: Callable[[], bool] | None = None) -> None:
        clock, me = self.world.clock, threading.get_ident()
        if isinstance(clock, PacedClock):
            clock.calm(me)
            self._pass_time()
            if stop is not None:
                clock.stop_when(me, stop)
        self._running = me
        if self._closed:
            raise ConnectionAbortedError(f"{self.name} is served no longer")

    def _pass_time(self) -> None:
        """At true speed, let the time since the last message pass, and what was due in it happen.

        A sweep that a message has begun goes on between messages; so do timers.
        """
        clock = self.world.clock
        if isinstance(clock, PacedClock) and (behind := clock.behind()) > 0.0:
            agenda_of(clock).sleep(behind)

    def _end(self) -> None:
        clock, running = self.world.clock, self._running
        self._running = None
        if isinstance(clock, PacedClock) and running is not None:
            clock.calm(running)

    def _requests(self) -> bool:
        """Tell whether the box has begun to request service."""
        before, self._requested = self._requested, self.box.requests_service()
        return self._requested and not before

    def _call(self) -> None:
        for call in self._watchers:
            call()


class Inbox:
    """What one connection has sent of a message that is not yet whole.

    Connections do not mix: a half message of one client never meets the bytes of another.
    """

    def __init__(self, station: Station) -> None:
        self._station = station
        self._waiting = bytearray()
        self._skipping = False

    def push(self, data: bytes, end: bool = False) -> list[bytes]:
        """Take bytes; return the messages that are whole now, each with its terminator.

        Of a message beyond what the box can take, one byte too much is handed on, for the box to
        complain about; the rest is thrown away.
        """
        waiting = self._waiting
        if self._skipping:
            place = data.find(LINE_FEED)
            if place < 0:
                self._skipping = not end
                return []
            data = data[place + 1 :]
            self._skipping = False
        waiting += data
        if not end and LINE_FEED not in data and len(waiting) <= MOST_INPUT:
            return []
        messages, rest = self._station.frame(bytes(waiting), end)
        waiting.clear()
        if len(rest) > MOST_INPUT:
            messages.append(rest)
            self._skipping = True
        else:
            waiting += rest
        return [message + LINE_FEED for message in messages]

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self._skipping = False
