"""The message layer of every simulated instrument: bytes in, bytes out, nothing else.

One box object is what all transports serve: the in-process VISA backend now, sockets later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from labctl.clock import VirtualClock
from labctl.sim.answers import MESSAGE_AVAILABLE, MOST_OUTPUT, Answers, Ending
from labctl.sim.faults import Faults
from labctl.sim.status import Refused

__all__ = ["LINE_FEED", "MESSAGE_AVAILABLE", "MOST_OUTPUT", "Box", "Ending", "Faults"]

LINE_FEED = 10
MOST_INPUT = 1 << 20
"""Bytes of one unfinished message; more are thrown away with error -363."""
_LONGEST_KEPT, _MOST_KEPT = 200, 500
"""Bytes of a message, and number of messages, that are remembered with what they say."""


class Box(Answers):
    """An instrument seen from its bus connector.

    Subclasses implement :meth:`execute` and answer with :meth:`say`.

    Parameters
    ----------
    clock
        Bench time; every message costs :attr:`message_time` of it, every answer
        :attr:`answer_time` (s).
    faults
        What is wrong with the instrument.
    """

    message_time = 0.0
    blank_lines = False
    """Whether empty messages mean something at the moment."""

    def __init__(self, clock: VirtualClock, faults: Faults | None = None) -> None:
        super().__init__(clock, faults or Faults())
        self.message_time = self.message_time  # of one's own it is quicker to get at
        self.faults.on_power_cycle(self.power_cycle)
        self.messages = 0
        """Messages executed since power-up."""
        self._plain = clock if type(clock) is VirtualClock else None  # what need not be called
        self._due: Sequence[object] = ()  # what is to happen meanwhile
        self._heeded = -1  # changes of the faults when last looked at; -1: to be looked at
        self._input = bytearray()
        self._lines: dict[bytes, str] = {}  # messages that came whole, and what they say
        self._questions: dict[bytes, Callable[[], Any]] = {}  # those that only ask for something

    def execute(self, line: str) -> None:
        """Do what one message says (without its terminator)."""
        raise NotImplementedError

    def question(self, line: str) -> Callable[[], Any] | None:
        """Return what a message asks for, where it is one plain question; else None.

        To call it is to do the message. It may raise Refused; what it returns is said if it is a
        str, else handed to :meth:`finish`.
        """
        return None

    def finish(self, answer: Any) -> None:
        """Say what the answer to a plain question is that is no str."""
        raise NotImplementedError

    def heed(self) -> bool:
        """Look at faults and at whatever else changes what a message does, before it is done.

        Returns whether to look again before the next one; :meth:`alert` has it done otherwise,
        and so has a fault.
        """
        return False

    def alert(self) -> None:
        """Have :meth:`heed` called before the next message."""
        self._heeded = -1

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
        ask = self._questions.get(data)
        if (
            ask is not None
            and self.faults.changes == self._heeded
            and not (self._input or self._output or self._due or self.status.service_enable)
            and (clock := self._plain) is not None
        ):
            # As the rest of this method, _handle, execute, say: most programs ask the same again
            # and again, and nothing special is up.
            self.messages += 1
            self._fed = fed = clock._now
            clock._now = fed + self.message_time
            try:
                answer = ask()
            except Refused as refused:
                self.status.error(refused.code, refused.text)
                return
            if type(answer) is not str or len(answer) >= MOST_OUTPUT:
                self.finish(answer)
                return
            said = f"{answer}\n".encode("latin-1")
            clock._now = now = clock._now + self.answer_time
            self._output.append((said, now))
            self._waiting += len(said)
            return
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
        if line is not None:  # as it came before
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

    def trigger(self) -> None:
        """Take a group execute trigger."""
        if not self._silent():
            self.group_trigger()

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
                    self._questions.clear()
                self._lines[data] = line
                ask = self.question(line)
                if ask is not None:
                    self._questions[data] = ask
        if line or self.blank_lines:
            self._handle(line)

    def _handle(self, line: str) -> None:
        faults = self.faults
        special = faults.changes != self._heeded
        if special and faults.deaf and self._silent():
            return
        self.messages += 1
        self.clock.sleep(self.message_time)
        if special:
            changes = faults.changes
            again = self.heed()
            self._heeded = -1 if again or faults.present() else changes
        self.execute(line)
        if self.status.service_enable:
            self.refresh()
