"""Sessions and events of the backend ``@labsim``: what its library does for whoever waits.

Source: VPP-4.3 *The VISA Library*, 3.7 (events). Only service requests exist.
"""

from __future__ import annotations

import itertools
from typing import Any, NoReturn

from pyvisa import errors, highlevel
from pyvisa.constants import EventMechanism, EventType, StatusCode

from labctl.sim.visa_session import Desk, Session, seconds
from labctl.sim.world import World

_FIRST_LOOK = 1e-3
"""First step of bench time between two looks at the service-request line, s; then they grow."""
_GROWTH = 1.25


class EventLibrary(highlevel.VisaLibraryBase):
    """The sessions of a library, and the VISA functions for events."""

    world: World

    def _begin(self, world: World) -> None:
        self.world = world
        self._sessions: dict[Any, Session] = {}
        self._contexts: dict[Any, Any] = {}
        self._numbers = itertools.count(1)

    def enable_event(
        self, session: Any, event_type: Any, mechanism: Any, context: None = None
    ) -> StatusCode:
        """Have service requests queued, or handed to handlers, from now on."""
        found = self._session(session)
        if event_type not in (EventType.service_request, EventType.all_enabled):
            self._fail(StatusCode.error_invalid_event)
        already = int(mechanism) & ~found.mechanisms == 0
        found.watch(found.mechanisms | int(mechanism))
        return StatusCode.success_event_already_enabled if already else StatusCode.success

    def disable_event(self, session: Any, event_type: Any, mechanism: Any) -> StatusCode:
        """Have no more of them."""
        found = self._session(session)
        found.watch(found.mechanisms & ~int(mechanism))
        return StatusCode.success

    def discard_events(self, session: Any, event_type: Any, mechanism: Any) -> StatusCode:
        """Forget those that are queued."""
        found = self._session(session)
        if not found.events:
            return StatusCode.success_queue_already_empty
        found.events.clear()
        return StatusCode.success

    def install_handler(
        self, session: Any, event_type: Any, handler: Any, user_handle: Any
    ) -> tuple[Any, Any, Any, StatusCode]:
        """Take note of a function to be called; pyvisa keeps the list of them."""
        self._session(session)
        return handler, user_handle, handler, StatusCode.success

    def uninstall_handler(
        self, session: Any, event_type: Any, handler: Any, user_handle: Any = None
    ) -> StatusCode:
        """Have it called no more; pyvisa has struck it off the list already."""
        return StatusCode.success

    def wait_on_event(
        self, session: Any, in_event_type: Any, timeout: int | None
    ) -> tuple[Any, Any, StatusCode]:
        """Wait, in bench time, until the box requests service."""
        found = self._usable(session)
        if not found.mechanisms & EventMechanism.queue:
            self._fail(StatusCode.error_not_enabled)
        clock = found.box.clock  # what the box does in the background goes on meanwhile
        with self.world.lock:
            rest, step = seconds(timeout), _FIRST_LOOK
            while not found.events and not found.box.requests_service():
                if rest <= 0.0:
                    self._fail(StatusCode.error_timeout)
                step = min(step, rest)
                clock.sleep(step)
                rest, step = rest - step, step * _GROWTH
            if found.events:
                found.events.popleft()
            found.desk.requested = True
        more = StatusCode.success_queue_not_empty if found.events else StatusCode.success
        return EventType.service_request, self._context(), more

    def _look(self, desk: Desk) -> None:
        """See whether the box begins to request service, and tell who wants to know."""
        if not desk.watchers:
            return
        with self.world.lock:
            concerned = desk.look()
        for number, session in list(self._sessions.items()):
            if session in concerned:
                for handler, user_handle, _, event_type in list(self.handlers[number]):
                    if event_type == EventType.service_request:
                        handler(number, event_type, self._context(), user_handle)

    def _context(self) -> Any:
        number: Any = next(self._numbers)
        self._contexts[number] = EventType.service_request
        return number

    def _session(self, session: Any) -> Session:
        found = self._sessions.get(session)
        if found is None:
            self._fail(StatusCode.error_invalid_object)
        return found

    def _usable(self, session: Any) -> Session:
        """Return a session whose instrument is there and not locked by another one."""
        found = self._session(session)
        self._check_lock(found)
        if found.box.faults.lost:
            self._fail(StatusCode.error_connection_lost)
        return found

    def _check_lock(self, found: Session) -> None:
        if not found.desk.locks.admits(found):
            self._fail(StatusCode.error_resource_locked)

    @staticmethod
    def _fail(status: StatusCode) -> NoReturn:
        raise errors.VisaIOError(status)
