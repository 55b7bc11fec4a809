"""One client's session: what was sent, what was read, and in which mode (IVI-6.1, 3)."""

from __future__ import annotations

import threading

from labctl.sim.box import MESSAGE_AVAILABLE, MOST_INPUT
from labctl.sim.serve.hislip.wire import (
    FIRST_ID,
    HEADER_SIZE,
    Channel,
    Kind,
    Message,
    pack,
)
from labctl.sim.serve.station import Inbox, Station

_IDS = 0xFFFF_FFFF
_REQUESTS = (Kind.DATA, Kind.DATA_END, Kind.TRIGGER)
_LOOK, _LOOKS = 2e-3, 25
"""How long, s, and how often a status query looks whether messages are still coming."""
_UNTIL_DONE = 0.25
"""How long a lock's release waits for the message it follows, s."""
RMT_DELIVERED = 1
"""Bit of a client's control code: it has read the end of an answer since its last message."""
OVERLAPPED = 1
"""Bit of the features agreed on at a device clear."""


class Session:
    """State of one session, shared by the threads of its two channels.

    A *synchronized* session holds the client to the order of IEEE 488.2: a message that comes
    before the last answer was read interrupts that answer (-410). In an *overlapped* session
    answers queue up, numbered by the server.
    """

    def __init__(self, number: int, station: Station, channel: Channel) -> None:
        self.number = number
        self.station = station
        self.synchronous = channel
        self.asynchronous: Channel | None = None
        self.overlapped = False
        self.clearing = False
        self.most_message = MOST_INPUT
        """Largest message the client takes, bytes, header included."""
        self._lock = threading.Lock()
        self._finished = threading.Condition(self._lock)
        self._inbox = Inbox(station)
        self._busy = False
        self._announced = False  # a service request the client has not looked into yet
        self._begin()

    def _begin(self) -> None:
        self._expected = False  # RMT-expected: the end of an answer was sent
        self._last = (FIRST_ID - 2) & _IDS  # id of the last message that came
        self._done = self._last  # id of the last message that was done
        self._sent = (FIRST_ID - 2) & _IDS  # id of the last message sent, overlapped

    # -- synchronous channel -------------------------------------------------------------------

    def request(self, message: Message) -> None:
        """Do what a Data, DataEnd or Trigger message asks, and answer it."""
        self._busy = True
        try:
            self._do(message)
        finally:
            with self._finished:
                self._busy = False
                self._done = message.parameter
                self._finished.notify_all()

    def _do(self, message: Message) -> None:
        station = self.station
        if not station.locks.wait_to_use(self, self._gone) or self.clearing:
            return
        if self._interrupts(message):
            station.interrupted()
        if message.kind == Kind.TRIGGER:
            answers = station.trigger(self._cleared)
        else:
            whole = self._inbox.push(message.payload, message.kind == Kind.DATA_END)
            answers = station.ask(b"".join(whole), dropped=self._cleared) if whole else []
        for answer in answers:
            if self.clearing:
                return
            self._answer(answer, message.parameter)

    def complete_clear(self, features: int) -> None:
        """Finish a device clear: empty buffers, first message id, the mode the client asks for."""
        self.station.clear()
        with self._lock:
            self._inbox.clear()
            self.overlapped = bool(features & OVERLAPPED)
            self.clearing = False
            self._begin()
        self.synchronous.send(Kind.DEVICE_CLEAR_ACKNOWLEDGE, OVERLAPPED if self.overlapped else 0)

    def _interrupts(self, message: Message) -> bool:
        """Note the arrival of a message; tell whether it interrupts an answer that was sent."""
        with self._lock:
            delivered = bool(message.control & RMT_DELIVERED)
            interrupts = not self.overlapped and self._expected and not delivered
            self._expected = False
            self._last = message.parameter
            return interrupts

    def _answer(self, answer: bytes, to: int) -> None:
        """Send an answer, in as many messages as the client needs; a queued message stops it."""
        if not self.overlapped:
            queued = self.synchronous.next_waiting()
            if queued is not None and queued.kind in _REQUESTS:
                self.station.interrupted()
                if self.asynchronous is not None:
                    self.asynchronous.send(Kind.ASYNC_INTERRUPTED, 0, queued.parameter)
                self.synchronous.send(Kind.INTERRUPTED, 0, queued.parameter)
                return
        size = max(self.most_message - HEADER_SIZE, 1)
        for start in range(0, max(len(answer), 1), size):
            if self.clearing:
                return
            part = answer[start : start + size]
            last = start + size >= len(answer)
            with self._lock:
                if self.overlapped:
                    self._sent = to = (self._sent + 2) & _IDS
                elif last:
                    self._expected = True
            self.synchronous.send(Kind.DATA_END if last else Kind.DATA, 0, to, part)

    # -- asynchronous channel ------------------------------------------------------------------

    def attached(self, vendor: int) -> None:
        """Answer AsyncInitialize, and tell of service requests from there on.

        The watch begins before the answer goes out: a client that has read it may send a message
        that requests service at once. The lock holds an announcement back until after the answer.
        """
        channel = self.asynchronous
        assert channel is not None
        with self._lock:
            self.station.watch(self.announce)
            channel.send(Kind.ASYNC_INITIALIZE_RESPONSE, 0, vendor)

    def begin_clear(self) -> None:
        """Drop what is under way: a device clear is coming."""
        self.clearing = True
        self.station.hurry()

    def status(self, message: Message) -> int:
        """Return the status byte that answers an AsyncStatusQuery."""
        self._settle(message.parameter)
        value = self.station.poll() & ~MESSAGE_AVAILABLE
        with self._lock:
            self._announced = False
            if self.overlapped:
                available = message.parameter != self._sent
            else:
                if message.control & RMT_DELIVERED:
                    self._expected = False
                # Some clients name the id of their next message instead of their last.
                named = message.parameter in (self._last, (self._last + 2) & _IDS)
                available = named and self._expected
        return value | (MESSAGE_AVAILABLE if available else 0)

    def wait_done(self, number: int) -> None:
        """Wait until the message with this id is done: a lock is given back after it, not before.

        Not for long: some clients name no message, or one that never comes.
        """
        with self._finished:
            self._finished.wait_for(lambda: self._done == number, _UNTIL_DONE)

    def _settle(self, number: int) -> None:
        """Give the message that a status query names, and that may be on its way, a moment.

        Clients that name the id of their next message wait for two looks at a quiet line.
        """
        quiet = False
        with self._finished:
            for _ in range(_LOOKS):
                before, quiet = quiet, not (self._busy or self.synchronous.connection.pending())
                if self._done == number or (before and quiet):
                    return
                self._finished.wait(_LOOK)

    def announce(self) -> None:
        """Tell the client that the box requests service; once, until it asks for the status."""
        with self._lock:
            channel = self.asynchronous
            if channel is None or self._announced:
                return
            self._announced = True
        value = self.station.glance() | 64
        channel.connection.try_send(pack(Kind.ASYNC_SERVICE_REQUEST, value))

    def close(self) -> None:
        """End the session: both channels, and the locks it holds."""
        self.station.unwatch(self.announce)
        self.station.locks.leave(self)
        for channel in (self.synchronous, self.asynchronous):
            if channel is not None:
                channel.connection.close()

    def _cleared(self) -> bool:
        return self.clearing

    def _gone(self) -> bool:
        return self.clearing or self.synchronous.connection.closed
