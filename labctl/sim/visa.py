"""The pyvisa backend ``@labsim``: boxes of a simulated bench, in this process.

``"<bench file>@labsim"`` names the library; every path is a bench of its own. Nothing is waited
for: a read that nothing answers raises VI_ERROR_TMO at once and costs the time-out in bench time,
and so does a wait for an event that does not come.
"""

from __future__ import annotations

from typing import Any, NoReturn

from pyvisa import errors, rname
from pyvisa.constants import (
    AccessModes,
    BufferOperation,
    EventAttribute,
    InterfaceType,
    Lock,
    ResourceAttribute,
    StatusCode,
)
from pyvisa.util import LibraryPath

from labctl.sim.box import MOST_OUTPUT, Box, Ending
from labctl.sim.visa_events import EventLibrary
from labctl.sim.visa_session import Desk, Session, default, seconds
from labctl.sim.world import world_of

_END, _TERMINATOR, _COUNT = Ending.END, Ending.TERMINATOR, Ending.COUNT
_SUCCESS = StatusCode.success
_TERMINATED = StatusCode.success_termination_character_read


class LabsimLibrary(EventLibrary):
    """VISA functions on the boxes of one :class:`labctl.sim.world.World`."""

    @staticmethod
    def get_library_paths() -> tuple[LibraryPath, ...]:
        """Return no path: the library must be named by a bench file."""
        return ()

    @staticmethod
    def get_debug_info() -> dict[str, str]:
        """Return what ``pyvisa-info`` shows."""
        return {"Simulated bench": 'open as "<bench file>@labsim"'}

    def _init(self) -> None:
        self._begin(world_of(str(self.library_path)))
        self._managers: set[int] = set()
        self._desks: dict[str, Desk] = {}

    def open_default_resource_manager(self) -> tuple[Any, StatusCode]:
        """Open a session of the resource manager."""
        number = next(self._numbers)
        self._managers.add(number)
        return number, StatusCode.success

    def list_resources(self, session: Any, query: str = "?*::INSTR") -> tuple[str, ...]:
        """Return the addresses that match ``query``."""
        return rname.filter(list(self._addresses()), query)

    def open(
        self,
        session: Any,
        resource_name: str,
        access_mode: Any = AccessModes.no_lock,
        open_timeout: int = 0,
    ) -> tuple[Any, StatusCode]:
        """Open an instrument; VI_ERROR_RSRC_NFOUND where the bench has none there."""
        try:
            parsed = rname.parse_resource_name(resource_name)
        except rname.InvalidResourceName:
            self._fail(StatusCode.error_invalid_resource_name)
        name = str(parsed)
        box = self._addresses().get(name)
        if box is None:
            self._fail(StatusCode.error_resource_not_found)
        if box.faults.lost:
            self._fail(StatusCode.error_connection_lost)
        desk = self._desks.get(name)
        if desk is None or desk.box is not box:
            desk = self._desks[name] = Desk(box)
        found = Session(desk, self.world.lock, name, parsed, session)
        number = next(self._numbers)
        self._sessions[number] = found
        if access_mode in (AccessModes.exclusive_lock, AccessModes.shared_lock):
            try:
                self.lock(number, Lock(int(access_mode)), open_timeout)
            except errors.VisaIOError:
                del self._sessions[number]
                raise
        return number, StatusCode.success

    def close(self, session: Any) -> StatusCode:
        """Close a session; the chip is kept when the last instrument closes."""
        if session in self._managers:
            self._managers.discard(session)
            return StatusCode.success
        found = self._sessions.pop(session, None)
        if found is None:
            self._contexts.pop(session, None)
            return StatusCode.success
        found.leave()
        if not self._sessions:
            self.world.save()
        return StatusCode.success

    # -- messages ------------------------------------------------------------------------------

    def write(self, session: Any, data: bytes) -> tuple[int, StatusCode]:
        """Hand bytes to the box."""
        try:
            found = self._sessions[session]
        except KeyError:
            self._fail(StatusCode.error_invalid_object)
        box, desk = found.box, found.desk
        with found.turn:
            if desk.locked:
                self._check_lock(found)
            box.feed(data if type(data) is bytes else bytes(data), found.ends)
        if box.faults.lost:
            self._fail(StatusCode.error_connection_lost)
        if desk.watchers:
            self._look(desk)
        return len(data), _SUCCESS

    def read(self, session: Any, count: int) -> tuple[bytes, StatusCode]:
        """Take up to ``count`` bytes of an answer."""
        try:
            found = self._sessions[session]
        except KeyError:
            self._fail(StatusCode.error_invalid_object)
        box = found.box
        with found.turn:
            if found.desk.locked:
                self._check_lock(found)
            taken = None if box.late(found.timeout) else box.take(count, found.terminator)
            if taken is None:
                self._nothing(found)
        data, ending = taken
        # Compared, not looked up: what runs for every answer must not hash an Enum.
        found.partial = ending is not _END
        if ending is _COUNT:
            return data, self.handle_return_value(session, StatusCode.success_max_count_read)
        status = _TERMINATED if ending is _TERMINATOR else _SUCCESS
        self._last_status = self._last_status_in_session[session] = status
        return data, status

    def flush(self, session: Any, mask: Any) -> StatusCode:
        """Throw away what the operating system, or this library, would have buffered.

        Of a serial line or a socket that is all that the box has said; of the other interfaces
        the rest of an answer that was read in part.
        """
        found = self._usable(session)
        mask = int(mask)
        with self.world.lock:
            if mask & int(_INCOMING) and not found.addressed:
                while found.box.take(MOST_OUTPUT) is not None:
                    pass
            elif mask & int(BufferOperation.discard_read_buffer) and found.partial:
                found.box.take(MOST_OUTPUT)
            found.partial = False
        return StatusCode.success

    # -- interface -----------------------------------------------------------------------------

    def clear(self, session: Any) -> StatusCode:
        """Send a device clear."""
        found = self._usable(session)
        with self.world.lock:
            found.box.device_clear()
        found.partial = False
        self._look(found.desk)
        return StatusCode.success

    def read_stb(self, session: Any) -> tuple[int, StatusCode]:
        """Serial poll."""
        found = self._usable(session)
        with self.world.lock:
            value = found.box.serial_poll()
            found.desk.requested = False
        return value, StatusCode.success

    def assert_trigger(self, session: Any, protocol: Any) -> StatusCode:
        """Send a group execute trigger."""
        found = self._usable(session)
        with self.world.lock:
            found.box.trigger()
        self._look(found.desk)
        return StatusCode.success

    def gpib_control_ren(self, session: Any, mode: Any) -> StatusCode:
        """Accept every state of the remote line."""
        found = self._usable(session)
        if found.attributes[ResourceAttribute.interface_type] == InterfaceType.asrl:
            self._fail(StatusCode.error_nonsupported_operation)
        return StatusCode.success

    def get_attribute(self, session: Any, attribute: Any) -> tuple[Any, StatusCode]:
        """Return an attribute; what was never set has its VISA default."""
        if session in self._contexts and attribute == EventAttribute.event_type:
            return self._contexts[session], StatusCode.success
        if session in self._managers or session in self._contexts:
            return default(attribute), StatusCode.success
        return self._session(session).get(attribute), StatusCode.success

    def set_attribute(self, session: Any, attribute: Any, attribute_state: Any) -> StatusCode:
        """Set an attribute of an instrument session."""
        self._session(session).set(attribute, attribute_state)
        return StatusCode.success

    def lock(
        self, session: Any, lock_type: Any, timeout: int, requested_key: str | None = None
    ) -> tuple[str, StatusCode]:
        """Take a lock; a time-out that no other thread can end costs bench time only."""
        found = self._session(session)
        granted = found.lock(lock_type, seconds(timeout), requested_key)
        if granted is None:
            with self.world.lock:
                self.world.clock.sleep(seconds(timeout))
            self._fail(StatusCode.error_timeout)
        return granted

    def unlock(self, session: Any) -> StatusCode:
        """Release a lock."""
        return self._session(session).unlock()

    def _nothing(self, found: Session) -> NoReturn:
        """Let a read that finds no answer fail."""
        box = found.box
        if box.faults.lost:
            self._fail(StatusCode.error_connection_lost)
        if found.addressed:
            box.starved()
        found.box.clock.sleep(found.timeout)
        self._fail(StatusCode.error_timeout)

    def _addresses(self) -> dict[str, Box]:
        if not self._sessions:
            self.world = world_of(str(self.library_path))  # it may have been discarded meanwhile
        return {_canonical(name): box for name, box in self.world.boxes.items()}


_INCOMING = BufferOperation.discard_receive_buffer | BufferOperation.discard_receive_buffer2


def _canonical(name: str) -> str:
    return str(rname.parse_resource_name(name))


WRAPPER_CLASS = LabsimLibrary
__all__ = ["WRAPPER_CLASS", "LabsimLibrary"]
