"""Open sessions of the backend ``@labsim``: attributes, locks and events of each.

Source: VPP-4.3 *The VISA Library*, chapters 3 (resources, locking, events) and 5.1 (INSTR).
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from pyvisa import attributes, constants, errors
from pyvisa.constants import EventMechanism, InterfaceType, Lock, ResourceAttribute, StatusCode

from labctl.sim.box import Box
from labctl.sim.serve.locks import Granted, Locks

_MANUFACTURER = "labctl"
NO_TIMEOUT = constants.VI_TMO_INFINITE
BUILT_IN_TIMEOUT = 10.0
"""Bench time that a wait without time-out lasts if nothing comes, s."""
_MOST_EVENTS = 50


class Desk:
    """What all sessions on one instrument have in common.

    Attributes
    ----------
    locked
        Whether any session holds a lock.
    watchers
        Sessions that have events enabled.
    requested
        Whether the instrument requested service when last looked at.
    """

    def __init__(self, box: Box) -> None:
        self.box = box
        self.locks = Locks()
        self.locked = False
        self.watchers: list[Session] = []
        self.requested = False
        self.holder_thread = 0

    def look(self) -> list[Session]:
        """Queue an event if the instrument begins to request service; return who has handlers."""
        before, self.requested = self.requested, self.box.requests_service()
        if before or not self.requested:
            return []
        for session in self.watchers:
            if session.mechanisms & EventMechanism.queue:
                session.events.append(constants.EventType.service_request)
        return [s for s in self.watchers if s.mechanisms & EventMechanism.handler]


class Session:
    """An open instrument: the box and the VISA attributes of this session.

    Attributes
    ----------
    turn
        Held while the box does something: the bench has one state.
    timeout
        Bench time a read waits, s.
    terminator
        Byte that ends a read, or None.
    ends
        Whether END goes with the last byte of a write.
    addressed
        Whether the instrument notices that it is asked to talk (GPIB, USB, VXI-11, HiSLIP).
    partial
        Whether the last read left the rest of an answer behind.
    """

    def __init__(
        self, desk: Desk, turn: threading.RLock, name: str, parsed: Any, manager: int
    ) -> None:
        self.desk, self.box, self.turn = desk, desk.box, turn
        self.timeout = 2.0
        self.terminator: int | None = None
        self.ends = True
        self.partial = False
        self.mechanisms = 0
        self.events: deque[Any] = deque(maxlen=_MOST_EVENTS)
        self._nested = {Lock.exclusive: 0, Lock.shared: 0}
        interface = parsed.interface_type_const
        self.addressed = parsed.resource_class == "INSTR" and interface != InterfaceType.asrl
        self.attributes: dict[Any, Any] = {
            ResourceAttribute.resource_name: name,
            ResourceAttribute.resource_class: parsed.resource_class,
            ResourceAttribute.interface_type: interface,
            ResourceAttribute.interface_number: _number(getattr(parsed, "board", 0)),
            ResourceAttribute.resource_manager_session: manager,
            ResourceAttribute.resource_manufacturer_name: _MANUFACTURER,
            ResourceAttribute.timeout_value: 2000,
            ResourceAttribute.termchar: 10,
            ResourceAttribute.termchar_enabled: False,
            ResourceAttribute.send_end_enabled: True,
            ResourceAttribute.resource_lock_state: constants.VI_NO_LOCK,
        }
        if interface == InterfaceType.gpib:
            primary = _number(getattr(parsed, "primary_address", 0))
            self.attributes[ResourceAttribute.gpib_primary_address] = primary
        elif interface == InterfaceType.tcpip:
            host = getattr(parsed, "host_address", "")
            self.attributes[ResourceAttribute.tcpip_address] = host
            if hasattr(parsed, "port"):
                self.attributes[ResourceAttribute.tcpip_port] = _number(parsed.port)

    def get(self, attribute: Any) -> Any:
        """Return an attribute; what was never set has its VISA default."""
        if attribute == ResourceAttribute.resource_lock_state:
            return self._lock_state()
        found = self.attributes
        return found[attribute] if attribute in found else default(attribute)

    def set(self, attribute: Any, value: Any) -> None:
        """Set an attribute and what follows from it."""
        known = attributes.AttributesByID.get(attribute)
        if known is None:
            raise errors.VisaIOError(StatusCode.error_nonsupported_attribute)
        if not known.write:
            raise errors.VisaIOError(StatusCode.error_attribute_read_only)
        table = self.attributes
        table[attribute] = value
        self.timeout = seconds(table[ResourceAttribute.timeout_value])
        enabled = table[ResourceAttribute.termchar_enabled]
        self.terminator = int(table[ResourceAttribute.termchar]) if enabled else None
        self.ends = bool(table[ResourceAttribute.send_end_enabled])

    # -- locks ---------------------------------------------------------------------------------

    def lock(self, kind: Any, timeout: float, key: str | None) -> tuple[str, StatusCode] | None:
        """Take a lock; None where it was not to be had.

        Waits in real time, and only for another thread: nobody else can give the lock back.
        """
        desk, locks = self.desk, self.desk.locks
        if kind not in (Lock.exclusive, Lock.shared):
            raise errors.VisaIOError(StatusCode.error_invalid_lock_type)
        shared = kind == Lock.shared
        if shared and locks.shares(self) and key not in (None, locks.key):
            raise errors.VisaIOError(StatusCode.error_invalid_access_key)
        if shared and not locks.shares(self) and locks.exclusive is self:
            raise errors.VisaIOError(StatusCode.error_resource_locked)
        wanted = (key or locks.key or f"labsim-{id(self):x}") if shared else ""
        if self._nested[Lock(kind)]:
            self._nested[Lock(kind)] += 1
            nested = StatusCode.success_nested_shared if shared else _NESTED_EXCLUSIVE
            return wanted, nested
        alone = desk.holder_thread == threading.get_ident()
        if locks.wait(self, wanted, 0.0 if alone else timeout) is not Granted.YES:
            return None
        self._nested[Lock(kind)] = 1
        desk.locked, desk.holder_thread = True, threading.get_ident()
        return wanted, StatusCode.success

    def unlock(self) -> StatusCode:
        """Give back one lock, the exclusive one first."""
        for kind in (Lock.exclusive, Lock.shared):
            if self._nested[kind] > 1:
                self._nested[kind] -= 1
                return _NESTED_EXCLUSIVE if kind == Lock.exclusive else _NESTED_SHARED
            if self._nested[kind]:
                self._nested[kind] = 0
                self.desk.locks.release(self)
                self.desk.locked = self.desk.locks.held
                return StatusCode.success
        raise errors.VisaIOError(StatusCode.error_session_not_locked)

    def leave(self) -> None:
        """Give back all locks and want no more events: the session is closed."""
        self.desk.locks.leave(self)
        self.desk.locked = self.desk.locks.held
        self.watch(0)

    def _lock_state(self) -> int:
        if self.desk.locks.exclusive is not None:
            return int(constants.VI_EXCLUSIVE_LOCK)
        return int(constants.VI_SHARED_LOCK if self.desk.locks.held else constants.VI_NO_LOCK)

    # -- events --------------------------------------------------------------------------------

    def watch(self, mechanisms: int) -> None:
        """Have events delivered by these mechanisms from now on (0: not at all)."""
        watchers = self.desk.watchers
        self.mechanisms = mechanisms
        if not mechanisms:
            self.desk.watchers = [each for each in watchers if each is not self]
        elif self not in watchers:
            watchers.append(self)


_NESTED_EXCLUSIVE = StatusCode.success_nested_exclusive
_NESTED_SHARED = StatusCode.success_nested_shared


def seconds(milliseconds: int | None) -> float:
    """Return a VISA time-out in s; one that never ends is :data:`BUILT_IN_TIMEOUT`."""
    if milliseconds is None or milliseconds == NO_TIMEOUT:
        return BUILT_IN_TIMEOUT
    return max(milliseconds, 0) / 1e3


def default(attribute: Any) -> Any:
    """Return the VISA default of an attribute."""
    known = attributes.AttributesByID.get(attribute)
    if known is None:
        raise errors.VisaIOError(StatusCode.error_nonsupported_attribute)
    return known.default


def _number(text: Any) -> int:
    return int(text) if str(text).isdigit() else 0
