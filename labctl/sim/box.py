"""The message layer of every simulated instrument: bytes in, bytes out, nothing else.

One box object is what all transports serve: the in-process VISA backend now, sockets later.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

from labctl.clock import VirtualClock
from labctl.sim.faults import Faults
from labctl.sim.status import Status

__all__ = ["LINE_FEED", "MESSAGE_AVAILABLE", "Box", "Ending", "Faults"]

LINE_FEED = 10
MOST_INPUT = 1 << 20
"""Bytes of one unfinished message; more are thrown away with error -363."""
MOST_OUTPUT = 8 << 20
"""Bytes of unread answers; more are thrown away with error -430."""
_LONGEST_KEPT, _MOST_KEPT = 200, 500
"""Bytes of a message, and number of messages, that are remembered with what they say."""
MESSAGE_AVAILABLE = 16
"""Bit 4 of the status byte (IEEE 488.2)."""


class Ending(Enum):
    """Why :meth:`Box.take` stopped where it did."""

    END = "end of the answer"
    TERMINATOR = "termination character"
    COUNT = "count of bytes asked for"


class Box:
    """An instrument seen from its bus connector.

    Subclasses implement :meth:`execute` and answer with :meth:`say`.

    Parameters
    ----------
    clock
        Bench time; every message costs :attr:`message_time` of it, every answer
        :attr:`answer_time` (s).
    """

    message_time = 0.0
    answer_time = 0.0
    blank_lines = False
    """Whether empty messages mean something at the moment."""

    def __init__(self, clock: VirtualClock, faults: Faults | None = None) -> None:
        self.clock = clock
        self.faults = faults or Faults()
        self.faults.on_power_cycle(self.power_cycle)
        self.status = Status()
        self.messages = 0
        """Messages executed since power-up."""
        self._input = bytearray()
        self._lines: dict[bytes, str] = {}  # messages that came whole, and what they say
        self._output: deque[tuple[bytes, float]] = deque()
        self._waiting = 0  # bytes in _output
        self._taken = 0  # bytes already read of the first answer
        self._fed = 0.0  # bench time at which the last message arrived

    def execute(self, line: str) -> None:
        """Do what one message says (without its terminator)."""
        raise NotImplementedError

    def abort(self) -> None:
        """Break off whatever runs or is half defined; called by a device clear."""

    def group_trigger(self) -> None:
        """Do what a group execute trigger does."""

    def power_on(self) -> None:
        """Bring the instrument to its power-on settings; per family."""

    def power_cycle(self) -> None:
        """Switch off and on: messages, answers, errors and settings are gone, bit PON is set."""
        self._input.clear()
        self._drop_output()
        self.messages = 0
        self.abort()
        self.power_on()
        self.status.power_on()

    def feed(self, data: bytes, end: bool = True) -> None:
        """Take bytes from the bus.

        Parameters
        ----------
        data
            Any bytes; a line feed ends a message.
        end
            Whether END came with the last byte, which ends a message too.
        """
        self._fed = self.clock.now()
        if self.faults.lost:
            self._disconnect()
            return
        if self._input:
            self._input += data
            if not end and LINE_FEED not in data and len(self._input) <= MOST_INPUT:
                return
            data = bytes(self._input)
            self._input.clear()
        line = self._lines.get(data)
        if line is not None:  # as it came before: most programs say the same again and again
            self._handle(line)
            return
        if data.find(LINE_FEED) == len(data) - 1 and data and self.whole(data):
            self._message(data)
            return
        messages, rest = self.frame(data, end)
        for message in messages:
            self._message(message)
        if len(rest) > MOST_INPUT:
            self.status.error(-363, "Input buffer over-run")
        else:
            self._input += rest

    def whole(self, data: bytes) -> bool:
        """Tell whether bytes whose only line feed comes last are one message for sure."""
        return True

    def frame(self, data: bytes, end: bool) -> tuple[list[bytes], bytes]:
        """Cut bytes into messages; return them and what waits for more.

        A language in which a line feed may stand inside a message has its own
        (:class:`labctl.sim.scpi.ScpiBox`). ``end`` tells whether END came with the last byte.
        """
        *messages, rest = data.split(b"\n")
        if rest and end:
            messages.append(rest)
            rest = b""
        return messages, rest

    def take(self, count: int, terminator: int | None = None) -> tuple[bytes, Ending] | None:
        """Give up to ``count`` bytes of the oldest answer, or None if there is none.

        Parameters
        ----------
        count
            Most bytes wanted.
        terminator
            Byte after which to stop; None reads to the end of the answer.
        """
        output = self._output
        if not output or self.faults.lost:
            return None
        answer = output[0][0]
        start = self._taken
        stop = len(answer)
        if terminator is None and not start and stop <= count and not self.status.service_enable:
            output.popleft()  # the whole of it, as most programs want it
            self._waiting -= stop
            return answer, Ending.END
        ending = Ending.END
        if terminator is not None:
            found = answer.find(terminator, start)
            if found >= 0:
                stop, ending = found + 1, Ending.TERMINATOR
        if stop - start > count:
            stop, ending = start + max(count, 0), Ending.COUNT
        if stop == len(answer):
            self._output.popleft()
            self._waiting -= len(answer)
            self._taken = 0
            if self.status.service_enable:
                self.refresh()
        else:
            self._taken = stop
        return (answer if stop - start == len(answer) else answer[start:stop]), ending

    def late(self, timeout: float) -> bool:
        """Tell, once, whether the oldest answer came more than ``timeout`` (s) too late."""
        if self._output and self._output[0][1] - self._fed > timeout:
            self._fed = self._output[0][1]
            return True
        return False

    def say(self, data: bytes) -> None:
        """Put one answer, terminator included, on the output queue."""
        if self._waiting + len(data) > MOST_OUTPUT:
            self._drop_output()
            self.status.error(-430, "Query DEADLOCKED")
            return
        faults, clock = self.faults, self.clock
        if faults.garbage:
            data = faults.spoil(data)
        clock.sleep(self.answer_time + faults.delay)
        self._output.append((data, clock.now()))
        self._waiting += len(data)

    def device_clear(self) -> None:
        """Clear input and output and break off what runs; settings and errors stay."""
        if self.faults.lost:
            return
        self._input.clear()
        self._drop_output()
        self.abort()

    def starved(self) -> None:
        """Take note that somebody wants to read and there is nothing to say (error -420).

        Called by a transport whose read finds no answer.
        """
        if not self._output and not (self.faults.lost or self.faults.silent):
            self.status.error(-420, "Query UNTERMINATED")
            self.refresh()

    def status_byte(self) -> int:
        """Return the status byte with the master summary in bit 6, as ``*STB?`` does."""
        return self.status.byte(MESSAGE_AVAILABLE if self._output else 0)

    def serial_poll(self) -> int:
        """Return the status byte with RQS in bit 6 and withdraw the request for service.

        Zero where nobody answers the poll.
        """
        if self.faults.lost:
            return 0
        return self.status.poll(MESSAGE_AVAILABLE if self._output else 0)

    def requests_service(self) -> bool:
        """Tell whether the service-request line is pulled; unlike a poll this changes nothing."""
        return not self.faults.lost and self.refresh()

    def refresh(self) -> bool:
        """Look for new reasons to request service; return whether service is requested."""
        return self.status.watch(MESSAGE_AVAILABLE if self._output else 0)

    def trigger(self) -> None:
        """Take a group execute trigger."""
        if not self._silent():
            self.group_trigger()

    def _drop_output(self) -> None:
        self._output.clear()
        self._waiting = self._taken = 0

    def _disconnect(self) -> None:
        """Lose what is under way when the connection breaks."""
        self._input.clear()
        self._drop_output()

    def _silent(self) -> bool:
        """Tell whether a message comes to nothing; what fails after so many messages does so."""
        faults, messages = self.faults, self.messages
        if faults.lost_after is not None and messages >= faults.lost_after:
            faults.lost, faults.lost_after = True, None
            self._disconnect()
        if faults.power_cycle_after is not None and messages >= faults.power_cycle_after:
            faults.power_cycle_after = None
            self.power_cycle()
            return True
        return (
            faults.lost
            or faults.silent
            or (faults.silent_after is not None and messages >= faults.silent_after)
        )

    def _message(self, data: bytes) -> None:
        if len(data) > MOST_INPUT:
            self.status.error(-363, "Input buffer over-run")
            return
        line = data.decode("latin-1")
        if self.whole(data):
            line = line.strip("\r\n\t ")
            if line and len(data) <= _LONGEST_KEPT and data.endswith(b"\n"):
                if len(self._lines) >= _MOST_KEPT:
                    self._lines.clear()
                self._lines[data] = line
        if line or self.blank_lines:
            self._handle(line)

    def _handle(self, line: str) -> None:
        if self.faults.deaf and self._silent():
            return
        self.messages += 1
        self.clock.sleep(self.message_time)
        self.execute(line)
        if self.status.service_enable:
            self.refresh()
