"""The message layer of every simulated instrument: bytes in, bytes out, nothing else.

One box object is what all transports serve: the in-process VISA backend now, sockets later.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

from labctl.clock import VirtualClock
from labctl.sim.status import Status

LINE_FEED = 10
MOST_INPUT = 1 << 20
"""Bytes of one unfinished message; more are thrown away with error -363."""
MOST_OUTPUT = 8 << 20
"""Bytes of unread answers; more are thrown away with error -430."""
MESSAGE_AVAILABLE = 16
"""Bit 4 of the status byte (IEEE 488.2)."""


class Ending(Enum):
    """Why :meth:`Box.take` stopped where it did."""

    END = "end of the answer"
    TERMINATOR = "termination character"
    COUNT = "count of bytes asked for"


@dataclass
class Faults:
    """What a bench file can make wrong with one instrument (``[simulation.faults.NAME]``).

    Attributes
    ----------
    identity
        Model to name in the answer to ``*IDN?``; empty: the true one.
    silent
        Whether the instrument takes everything and answers nothing.
    silent_after
        Number of messages after which it falls silent; None: never.
    """

    identity: str = ""
    silent: bool = False
    silent_after: int | None = None


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
        self.status = Status()
        self.messages = 0
        """Messages executed since power-up."""
        self._input = bytearray()
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
        if self._input:
            self._input += data
            data = bytes(self._input)
            self._input.clear()
        if data.find(LINE_FEED) == len(data) - 1 and data:
            self._message(data)
            return
        *whole, rest = data.split(b"\n")
        for message in whole:
            self._message(message)
        if not rest:
            return
        if len(rest) > MOST_INPUT:
            self.status.error(-363, "Input buffer over-run")
        elif end:
            self._message(rest)
        else:
            self._input += rest

    def take(self, count: int, terminator: int | None = None) -> tuple[bytes, Ending] | None:
        """Give up to ``count`` bytes of the oldest answer, or None if there is none.

        Parameters
        ----------
        count
            Most bytes wanted.
        terminator
            Byte after which to stop; None reads to the end of the answer.
        """
        if not self._output:
            return None
        answer = self._output[0][0]
        start = self._taken
        stop = len(answer)
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
        self.clock.sleep(self.answer_time)
        self._output.append((data, self.clock.now()))
        self._waiting += len(data)

    def device_clear(self) -> None:
        """Clear input and output and break off what runs; settings and errors stay."""
        self._input.clear()
        self._drop_output()
        self.abort()

    def serial_poll(self) -> int:
        """Return the status byte."""
        return self.status.byte(MESSAGE_AVAILABLE if self._output else 0)

    def trigger(self) -> None:
        """Take a group execute trigger."""
        if not self._silent():
            self.group_trigger()

    def _drop_output(self) -> None:
        self._output.clear()
        self._waiting = self._taken = 0

    def _silent(self) -> bool:
        faults = self.faults
        return faults.silent or (
            faults.silent_after is not None and self.messages >= faults.silent_after
        )

    def _message(self, data: bytes) -> None:
        if len(data) > MOST_INPUT:
            self.status.error(-363, "Input buffer over-run")
            return
        line = data.decode("latin-1").strip("\r\n\t ")
        if (not line and not self.blank_lines) or self._silent():
            return
        self.messages += 1
        self.clock.sleep(self.message_time)
        self.execute(line)
