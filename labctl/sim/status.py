"""The IEEE 488.2 status model and the error queue, shared by all simulated instruments.

Source: IEEE Std 488.2-1992, clauses 11 (device status reporting) and 6 (message exchange), from
memory; error numbers of SCPI-99 volume 2, chapter 21.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
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


def _no_summary() -> int:
    return 0


class Status:
    """Registers and error queue of one instrument.

    Attributes
    ----------
    event, event_enable, service_enable
        The registers behind ``*ESR?``, ``*ESE`` and ``*SRE``.
    errors
        Oldest first; at most ``capacity``, the last place taken by -350.
    summary
        Returns the bits of the status byte that sum up the model's own registers.
    execution_errors
        Numbers of the maker's own errors that count as execution errors.
    admits
        Tells which numbers go to the queue; the event register takes note of all.
    requested
        The request-service latch: bit 6 of a serial poll, and the SRQ line.
    """

    def __init__(self, capacity: int = 100) -> None:
        self.capacity = capacity
        self.summary: Callable[[], int] = _no_summary
        self.execution_errors = range(0)
        self.admits: Callable[[int], bool] | None = None
        self.errors: deque[QueuedError] = deque()
        self.power_on()

    def power_on(self) -> None:
        """Be as after the mains are switched on: PON, nothing enabled, no errors."""
        self.event = POWER_ON
        self.event_enable = 0
        self.service_enable = 0
        self.requested = False
        self._reasons = 0  # enabled bits that were set when last looked at
        self.errors.clear()

    def error(self, code: int, text: str, severity: int = 20) -> None:
        """Queue an error and set its bit of the event register."""
        if -200 < code <= -100:
            self.event |= COMMAND_ERROR
        elif -300 < code <= -200 or code in self.execution_errors:
            self.event |= EXECUTION_ERROR
        elif -500 < code <= -400:
            self.event |= QUERY_ERROR
        else:
            self.event |= DEVICE_ERROR
        self.queue(QueuedError(code, text, severity))

    def queue(self, entry: QueuedError) -> None:
        """Put an entry on the queue; where it is full, -350 takes the last place."""
        if self.admits is not None and not self.admits(entry.code):
            return
        if len(self.errors) < self.capacity:
            self.errors.append(entry)
        elif self.errors:
            self.event |= DEVICE_ERROR
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
        """Return the status byte with its master summary, as ``*STB?`` does.

        Parameters
        ----------
        available
            The message-available bit or 0.
        """
        value = available | self.summary()
        if self.errors:
            value |= ERROR_AVAILABLE
        if self.event & self.event_enable:
            value |= EVENT_SUMMARY
        if value & self.service_enable:
            value |= SERVICE_REQUEST
        return value

    def watch(self, available: int) -> bool:
        """Look for a new reason to request service; return whether service is requested.

        A reason is an enabled bit that was not set before (488.2, 11.3.3): one that stays set asks
        once. When no reason is left the request goes too.
        """
        reasons = self.byte(available) & self.service_enable
        if reasons & ~self._reasons:
            self.requested = True
        elif not reasons:
            self.requested = False
        self._reasons = reasons
        return self.requested

    def poll(self, available: int) -> int:
        """Return the status byte with RQS in bit 6, and withdraw the request (a serial poll)."""
        requested = SERVICE_REQUEST if self.watch(available) else 0
        self.requested = False
        return self.byte(available) & ~SERVICE_REQUEST | requested
