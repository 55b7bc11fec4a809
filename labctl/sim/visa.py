"""The pyvisa backend ``@labsim``: boxes of a simulated bench, in this process.

``"<bench file>@labsim"`` names the library; every path is a bench of its own. A read that nothing
answers raises VI_ERROR_TMO at once and costs the time-out in bench time.
"""

from __future__ import annotations

import itertools
from typing import Any, NoReturn

from pyvisa import attributes, errors, highlevel, rname
from pyvisa.constants import ResourceAttribute, StatusCode
from pyvisa.util import LibraryPath

from labctl.sim.box import Box, Ending
from labctl.sim.world import World, world_of

_MANUFACTURER = "labctl"
_STATUS = {
    Ending.END: StatusCode.success,
    Ending.TERMINATOR: StatusCode.success_termination_character_read,
    Ending.COUNT: StatusCode.success_max_count_read,
}
_NO_TIMEOUT = 4_294_967_295
_BUILT_IN_TIMEOUT = 10.0
"""Bench time a read without time-out waits for an answer that cannot come, s."""


class _Session:
    """An open instrument: the box and the VISA attributes of this session."""

    def __init__(self, box: Box, name: str, parsed: Any, manager: int) -> None:
        self.box = box
        self.timeout = 2.0
        self.terminator: int | None = None
        self.ends = True
        self.attributes: dict[Any, Any] = {
            ResourceAttribute.resource_name: name,
            ResourceAttribute.resource_class: parsed.resource_class,
            ResourceAttribute.interface_type: parsed.interface_type_const,
            ResourceAttribute.resource_manager_session: manager,
            ResourceAttribute.resource_manufacturer_name: _MANUFACTURER,
            ResourceAttribute.timeout_value: 2000,
            ResourceAttribute.termchar: 10,
            ResourceAttribute.termchar_enabled: False,
            ResourceAttribute.send_end_enabled: True,
        }

    def set(self, attribute: Any, value: Any) -> None:
        """Set an attribute and what follows from it."""
        table = self.attributes
        table[attribute] = value
        milliseconds = table[ResourceAttribute.timeout_value]
        forever = milliseconds in (None, _NO_TIMEOUT)
        self.timeout = _BUILT_IN_TIMEOUT if forever else milliseconds / 1e3
        enabled = table[ResourceAttribute.termchar_enabled]
        self.terminator = int(table[ResourceAttribute.termchar]) if enabled else None
        self.ends = bool(table[ResourceAttribute.send_end_enabled])


class LabsimLibrary(highlevel.VisaLibraryBase):
    """VISA functions on the boxes of one :class:`labctl.sim.world.World`."""

    world: World

    @staticmethod
    def get_library_paths() -> tuple[LibraryPath, ...]:
        """Return no path: the library must be named by a bench file."""
        return ()

    @staticmethod
    def get_debug_info() -> dict[str, str]:
        """Return what ``pyvisa-info`` shows."""
        return {"Simulated bench": 'open as "<bench file>@labsim"'}

    def _init(self) -> None:
        self._sessions: dict[int, _Session] = {}
        self._managers: set[int] = set()
        self._numbers = itertools.count(1)
        self.world = world_of(str(self.library_path))

    def open_default_resource_manager(self) -> tuple[Any, StatusCode]:
        """Open a session of the resource manager."""
        number = next(self._numbers)
        self._managers.add(number)
        return number, StatusCode.success

    def list_resources(self, session: Any, query: str = "?*::INSTR") -> tuple[str, ...]:
        """Return the addresses that match ``query``."""
        return rname.filter([str(name) for name in self._addresses()], query)

    def open(
        self, session: Any, resource_name: str, access_mode: Any = 0, open_timeout: int = 0
    ) -> tuple[Any, StatusCode]:
        """Open an instrument; VI_ERROR_RSRC_NFOUND where the bench has none there."""
        try:
            parsed = rname.parse_resource_name(resource_name)
        except rname.InvalidResourceName:
            self._fail(StatusCode.error_invalid_resource_name)
        if not self._sessions:
            self.world = world_of(str(self.library_path))  # it may have been discarded meanwhile
        box = self._addresses().get(str(parsed))
        if box is None:
            self._fail(StatusCode.error_resource_not_found)
        number = next(self._numbers)
        self._sessions[number] = _Session(box, str(parsed), parsed, session)
        return number, StatusCode.success

    def close(self, session: Any) -> StatusCode:
        """Close a session; the chip is kept when the last instrument closes."""
        if session in self._managers:
            self._managers.discard(session)
        elif self._sessions.pop(session, None) is not None and not self._sessions:
            self.world.save()
        return StatusCode.success

    def write(self, session: Any, data: bytes) -> tuple[int, StatusCode]:
        """Hand bytes to the box."""
        found = self._session(session)
        with self.world.lock:
            found.box.feed(bytes(data), found.ends)
        return len(data), StatusCode.success

    def read(self, session: Any, count: int) -> tuple[bytes, StatusCode]:
        """Take up to ``count`` bytes of an answer."""
        found = self._session(session)
        box = found.box
        with self.world.lock:
            if not box.late(found.timeout):
                taken = box.take(count, found.terminator)
                if taken is not None:
                    return taken[0], self.handle_return_value(session, _STATUS[taken[1]])
                self.world.clock.sleep(found.timeout)
        self._fail(StatusCode.error_timeout)

    def clear(self, session: Any) -> StatusCode:
        """Send a device clear."""
        found = self._session(session)
        with self.world.lock:
            found.box.device_clear()
        return StatusCode.success

    def read_stb(self, session: Any) -> tuple[int, StatusCode]:
        """Serial poll."""
        found = self._session(session)
        with self.world.lock:
            return found.box.serial_poll(), StatusCode.success

    def assert_trigger(self, session: Any, protocol: Any) -> StatusCode:
        """Send a group execute trigger."""
        found = self._session(session)
        with self.world.lock:
            found.box.trigger()
        return StatusCode.success

    def get_attribute(self, session: Any, attribute: Any) -> tuple[Any, StatusCode]:
        """Return an attribute; what was never set has its VISA default."""
        if session in self._managers:
            return self._default(attribute), StatusCode.success
        table = self._session(session).attributes
        if attribute not in table:
            return self._default(attribute), StatusCode.success
        return table[attribute], StatusCode.success

    def set_attribute(self, session: Any, attribute: Any, attribute_state: Any) -> StatusCode:
        """Set an attribute of an instrument session."""
        self._session(session).set(attribute, attribute_state)
        return StatusCode.success

    def lock(
        self, session: Any, lock_type: Any, timeout: int, requested_key: str | None = None
    ) -> tuple[str, StatusCode]:
        """Grant every lock: sessions of one process do not compete here."""
        self._session(session)
        return requested_key or "", StatusCode.success

    def unlock(self, session: Any) -> StatusCode:
        """Release a lock."""
        self._session(session)
        return StatusCode.success

    def flush(self, session: Any, mask: Any) -> StatusCode:
        """Do nothing: neither direction is buffered outside of the box."""
        self._session(session)
        return StatusCode.success

    def gpib_control_ren(self, session: Any, mode: Any) -> StatusCode:
        """Accept every state of the remote line."""
        self._session(session)
        return StatusCode.success

    def enable_event(
        self, session: Any, event_type: Any, mechanism: Any, context: None = None
    ) -> StatusCode:
        """Accept; events are looked for when waited for."""
        self._session(session)
        return StatusCode.success

    def disable_event(self, session: Any, event_type: Any, mechanism: Any) -> StatusCode:
        """Accept."""
        self._session(session)
        return StatusCode.success

    def discard_events(self, session: Any, event_type: Any, mechanism: Any) -> StatusCode:
        """Accept."""
        self._session(session)
        return StatusCode.success

    def wait_on_event(
        self, session: Any, in_event_type: Any, timeout: int
    ) -> tuple[Any, Any, StatusCode]:
        """Return at once if the box requests service; else the time-out passes and fails."""
        found = self._session(session)
        with self.world.lock:
            if found.box.serial_poll() & 64:
                return in_event_type, None, StatusCode.success
            self.world.clock.sleep(max(timeout, 0) / 1e3)
        self._fail(StatusCode.error_timeout)

    def _session(self, session: Any) -> _Session:
        found = self._sessions.get(session)
        if found is None:
            self._fail(StatusCode.error_invalid_object)
        return found

    def _addresses(self) -> dict[str, Box]:
        return {_canonical(name): box for name, box in self.world.boxes.items()}

    @staticmethod
    def _default(attribute: Any) -> Any:
        known = attributes.AttributesByID.get(attribute)
        if known is None:
            raise errors.VisaIOError(StatusCode.error_nonsupported_attribute)
        return known.default

    @staticmethod
    def _fail(status: StatusCode) -> NoReturn:
        raise errors.VisaIOError(status)


def _canonical(name: str) -> str:
    return str(rname.parse_resource_name(name))


WRAPPER_CLASS = LabsimLibrary
__all__ = ["WRAPPER_CLASS", "LabsimLibrary"]
