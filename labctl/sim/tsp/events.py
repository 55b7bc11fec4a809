"""Trigger events of one TSP instrument: what fires them, and who listens.

Source: *Series 2600B Reference Manual* (2600BS-901-01), section "Triggering". The numbers behind
the ``EVENT_ID`` constants are not in the manual; programs use the names.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from labctl.sim.status import Refused
from labctl.sim.tsp.values import ILLEGAL_VALUE, whole

MOST_AT_ONCE = 1000
"""Events that may follow from one at the same instant; objects that trigger each other in a ring
stop there."""


class Events:
    """The event numbers of one instrument and the listeners of each."""

    def __init__(self) -> None:
        self._listeners: dict[int, list[Callable[[], None]]] = {}
        self._pending: deque[int] = deque()
        self._firing = False

    def new(self) -> int:
        """Return the number of a new event."""
        identity = len(self._listeners) + 1
        self._listeners[identity] = []
        return identity

    def known(self, identity: int) -> bool:
        """Tell whether an event has this number."""
        return identity in self._listeners

    def fire(self, identity: int) -> None:
        """Let an event happen: all who listen now hear it, then those who listen to them."""
        self._pending.append(identity)
        if self._firing:
            return
        self._firing = True
        try:
            for _ in range(MOST_AT_ONCE):
                if not self._pending:
                    break
                for listener in tuple(self._listeners[self._pending.popleft()]):
                    listener()
        finally:
            self._firing = False
            self._pending.clear()

    def listen(self, identity: int, listener: Callable[[], None]) -> None:
        """Have ``listener`` called whenever the event happens."""
        self._listeners[identity].append(listener)

    def ignore(self, identity: int, listener: Callable[[], None]) -> None:
        """Do not call ``listener`` any more."""
        listeners = self._listeners.get(identity, [])
        if listener in listeners:
            listeners.remove(listener)


class Stimulus:
    """The event that a trigger object listens to; 0 is none.

    Parameters
    ----------
    listener
        Called when the event happens.
    """

    def __init__(self, events: Events, listener: Callable[[], None]) -> None:
        self.identity = 0
        self._events, self._listener = events, listener

    def get(self) -> int:
        """Return the number of the event."""
        return self.identity

    def set(self, value: Any) -> None:
        """Listen to another event; -224 for a number that no event has."""
        identity = whole(value)
        if identity and not self._events.known(identity):
            raise Refused(*ILLEGAL_VALUE)
        if self.identity:
            self._events.ignore(self.identity, self._listener)
        self.identity = identity
        if identity:
            self._events.listen(identity, self._listener)
