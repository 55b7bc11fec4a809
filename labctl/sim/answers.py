"""What a simulated instrument has to say: its output queue (IEEE 488.2, 6.1.10)."""

from __future__ import annotations

from collections import deque
from enum import Enum

from labctl.clock import VirtualClock
from labctl.sim.faults import Faults
from labctl.sim.status import Status

MOST_OUTPUT = 8 << 20
"""Bytes of unread answers; more are thrown away with error -430."""
MOST_ANSWER = 64 << 20
"""Bytes of one answer where no other waits: an instrument sends those as it makes them."""
MESSAGE_AVAILABLE = 16
"""Bit 4 of the status byte (IEEE 488.2)."""


class Ending(Enum):
    """Why :meth:`Box.take` stopped where it did."""

    END = "end of the answer"
    TERMINATOR = "termination character"
    COUNT = "count of bytes asked for"


_END = Ending.END  # a member of an Enum is slow to get at


class Answers:
    """The output queue of one instrument, and what the status byte tells of it.

    Parameters
    ----------
    clock
        Bench time; every answer costs :attr:`answer_time` of it (s).
    faults
        What is wrong with the instrument.
    """

    answer_time = 0.0

    def __init__(self, clock: VirtualClock, faults: Faults) -> None:
        self.clock, self.faults, self.status = clock, faults, Status()
        self.answer_time = self.answer_time  # of one's own it is quicker to get at
        self._output: deque[tuple[bytes, float]] = deque()  # answers, and when they came
        self._waiting = 0  # bytes in _output
        self._taken = 0  # bytes already read of the first answer
        self._fed = 0.0  # bench time at which the last message arrived

    def say(self, data: bytes) -> None:
        """Put one answer, terminator included, on the output queue."""
        waiting = self._waiting + len(data)
        if waiting > MOST_OUTPUT and (self._output or waiting > MOST_ANSWER):
            self._drop_output()
            self.status.error(-430, "Query DEADLOCKED")
            return
        faults, clock = self.faults, self.clock
        if faults.garbage:
            data = faults.spoil(data)
        clock.sleep(self.answer_time + faults.delay)
        self._output.append((data, clock.now()))
        self._waiting = waiting

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
            return answer, _END
        ending = _END
        if terminator is not None:
            found = answer.find(terminator, start)
            if found >= 0:
                stop, ending = found + 1, Ending.TERMINATOR
        if stop - start > count:
            stop, ending = start + max(count, 0), Ending.COUNT
        if stop == len(answer):
            output.popleft()
            self._waiting -= stop
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

    def refresh(self) -> bool:
        """Look for new reasons to request service; return whether service is requested."""
        return self.status.watch(MESSAGE_AVAILABLE if self._output else 0)

    def _drop_output(self) -> None:
        self._output.clear()
        self._waiting = self._taken = 0
