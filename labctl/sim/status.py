"""The IEEE 488.2 status model and the error queue, shared by all simulated instruments."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

ERROR_AVAILABLE = 4
EVENT_SUMMARY = 32
SERVICE_REQUEST = 64
OPERATION_COMPLETE = 1
QUERY_ERROR = 4
DEVICE_ERROR = 8
EXECUTION_ERROR = 16
COMMAND_ERROR = 32
POWER_ON = 128


@dataclass(frozen=True, slots=True)
class QueuedError:
    """One entry of the error queue; severity as in Keithley's manuals (20 = recoverable)."""

    code: int
    text: str
    severity: int = 20


class Refused(Exception):  # noqa: N818 - it is an answer of the instrument, not a fault of labctl
    """An instrument does not take a value; goes to its error queue, the script goes on.

    (*2600 Reference Manual*, "Error effects on scripts": only run-time errors abort a script.)
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code, self.text = code, text


class Status:
    """Registers and error queue of one instrument.

    Attributes
    ----------
    event, event_enable, service_enable
        The registers behind ``*ESR?``, ``*ESE`` and ``*SRE``.
    errors
        Oldest first; at most ``capacity``, the last place taken by -350.
    """

    def __init__(self, capacity: int = 100) -> None:
        self.capacity = capacity
        self.event = POWER_ON
        self.event_enable = 0
        self.service_enable = 0
        self.errors: deque[QueuedError] = deque()

    def error(self, code: int, text: str, severity: int = 20) -> None:
        """Queue an error and set its bit of the event register."""
        if -200 < code <= -100:
            self.event |= COMMAND_ERROR
        elif -300 < code <= -200:
            self.event |= EXECUTION_ERROR
        elif -500 < code <= -400:
            self.event |= QUERY_ERROR
        else:
            self.event |= DEVICE_ERROR
        if len(self.errors) < self.capacity:
            self.errors.append(QueuedError(code, text, severity))
        else:
            self.errors[-1] = QueuedError(-350, "Queue overflow", 30)

    def next_error(self) -> QueuedError | None:
        """Take the oldest error off the queue; None if there is none."""
        return self.errors.popleft() if self.errors else None

    def clear(self) -> None:
        """Do what ``*CLS`` does: event register and error queue to empty."""
        self.event = 0
        self.errors.clear()

    def read_event(self) -> int:
        """Return the event register and clear it, as ``*ESR?`` does."""
        event, self.event = self.event, 0
        return event

    def byte(self, available: int = 0) -> int:
        """Return the status byte; ``available`` is the message-available bit or 0."""
        value = available
        if self.errors:
            value |= ERROR_AVAILABLE
        if self.event & self.event_enable:
            value |= EVENT_SUMMARY
        if value & self.service_enable:
            value |= SERVICE_REQUEST
        return value
