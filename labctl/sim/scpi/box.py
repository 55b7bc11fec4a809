"""A SCPI instrument on the bus: messages, answers, status; a model adds its table of commands.

Source: IEEE Std 488.2-1992, chapter 6 (message exchange protocol), from memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

from labctl.clock import VirtualClock
from labctl.sim.box import MOST_INPUT, Box, Faults
from labctl.sim.scpi.command import Command, Later
from labctl.sim.scpi.common import common_commands, error_commands, status_commands
from labctl.sim.scpi.framing import frame
from labctl.sim.scpi.header import HeaderTree
from labctl.sim.scpi.message import Unit, parse
from labctl.sim.scpi.registers import Register
from labctl.sim.status import OPERATION_COMPLETE, QueuedError, Refused, Status

_MOST_CACHED = 1024
_LONGEST_CACHED = 512


class _Held:
    """A message that waits for pending operations, and what is left of it to do."""

    def __init__(
        self, units: Sequence[Unit], answers: list[str | bytes], later: Later | None
    ) -> None:
        self.units, self.answers, self.later = units, answers, later


class ScpiBox(Box):
    """What all SCPI instruments have in common.

    A model provides :meth:`commands` and :meth:`reset`, and where it has operations that go on
    after their command :meth:`pending` and :meth:`stop`.

    Parameters
    ----------
    clock
        Bench time.
    model
        Named in the answer to ``*IDN?``.
    faults
        What is wrong with the box.

    Attributes
    ----------
    registers
        By name in SCPI notation, with the bit of the status byte that sums each up in
        :attr:`summary_bits`.
    """

    vendor = "LABCTL"
    serial = "0"
    firmware = "1.0"
    options = "0"
    """Answer to ``*OPT?``."""
    scpi_version = "1999.0"
    queue_capacity = 20
    """Entries of the error queue."""
    memories = 0
    """Places of ``*SAV`` and ``*RCL``; 0: the model has neither."""
    transition_filters = False
    """Whether the registers have ``:PTRansition`` and ``:NTRansition``."""
    summary_bits = {"OPERation": 7, "QUEStionable": 3, "MEASurement": 0}
    sequential = False
    """Whether everything but urgent commands waits while something is pending."""
    interrupts = True
    """Whether a message that comes before the last answer was read drops it with error -410."""

    def __init__(self, clock: VirtualClock, model: str, faults: Faults | None = None) -> None:
        super().__init__(clock, faults)
        self.model = model
        self.status = Status(self.queue_capacity)
        self.registers = {name: Register() for name in self.summary_bits}
        self.status.summary = self._summary
        self._summaries = [
            (register, 1 << self.summary_bits[name]) for name, register in self.registers.items()
        ]
        self._parsed: dict[str, tuple[Unit, ...]] = {}
        self._held: deque[_Held] = deque()
        self._held_size = 0
        self._completing = False  # *OPC waits for pending operations
        self._tree = HeaderTree(
            chain(
                self.commands(), common_commands(self), error_commands(self), status_commands(self)
            )
        )

    # -- what a model provides -----------------------------------------------------------------

    def commands(self) -> Iterable[Command]:
        """Return the table of commands of the model; asked once, at construction."""
        raise NotImplementedError

    def reset(self) -> None:
        """Bring the settings to what ``*RST`` gives."""
        raise NotImplementedError

    def pending(self) -> bool:
        """Tell whether an operation goes on that ``*OPC``, ``*OPC?`` and ``*WAI`` wait for."""
        return False

    def stop(self) -> None:
        """Break off pending operations (device clear, ``*RST``)."""

    def bus_trigger(self) -> None:
        """Take ``*TRG`` or a group execute trigger."""
        raise Refused(-211, "Trigger ignored")

    def save_state(self, number: int) -> None:
        """Keep the settings (``*SAV``)."""

    def recall_state(self, number: int) -> None:
        """Bring back settings kept (``*RCL``)."""

    def identity(self) -> str:
        """Return the answer to ``*IDN?``: vendor, model, serial number, firmware."""
        return f"{self.vendor},{self.faults.identity or self.model},{self.serial},{self.firmware}"

    def show(self, value: int) -> str:
        """Return a whole number as the model writes it (``16`` or ``+16``)."""
        return str(value)

    def show_register(self, value: int) -> str:
        """Return the content of a status register as the model writes it."""
        return self.show(value)

    def error_text(self, error: QueuedError) -> str:
        """Return an entry of the error queue as ``SYSTem:ERRor?`` gives it."""
        return f'{self.show(error.code)},"{error.text}"'

    # -- status --------------------------------------------------------------------------------

    def clear_status(self) -> None:
        """Do what ``*CLS`` does; also a waiting ``*OPC`` is forgotten (488.2, 10.3)."""
        self.status.clear()
        for register in self.registers.values():
            register.event = 0
        self._completing = False

    def preset_status(self) -> None:
        """Do what ``STATus:PRESet`` does."""
        for register in self.registers.values():
            register.preset()

    def complete_later(self) -> None:
        """Do what ``*OPC`` does: report once nothing is pending any more."""
        self._completing = True

    def restart(self) -> None:
        """Do what ``*RST`` does."""
        self._forget_held()
        self.stop()
        self._completing = False
        self.reset()

    def power_on(self) -> None:
        """Be as after the mains are switched on."""
        self.preset_status()
        self.clear_status()
        for register in self.registers.values():
            register.condition = 0
        self.restart()

    # -- messages ------------------------------------------------------------------------------

    def whole(self, data: bytes) -> bool:
        """Tell whether no block can be in a message."""
        return b"#" not in data

    def frame(self, data: bytes, end: bool) -> tuple[list[bytes], bytes]:
        """Cut bytes into messages; a block is not cut."""
        return frame(data, end)

    def execute(self, line: str) -> None:
        """Do what one message says."""
        if self._output:
            self._interrupt()
        units = self._units(line)
        if not self._held:
            self._run(units, [])
        elif units and units[0].urgent:
            first = next((k for k, unit in enumerate(units) if not unit.urgent), len(units))
            self._run(units[:first], [])
            if units[first:]:
                self._held.append(_Held(units[first:], [], None))
        elif self._held_size + len(line) > MOST_INPUT:
            self.status.error(-363, "Input buffer over-run")
        else:
            self._held_size += len(line)
            self._held.append(_Held(units, [], None))
        if self._held or self._completing:
            self._resume()
            self.alert()

    def _units(self, line: str) -> tuple[Unit, ...]:
        units = self._parsed.get(line)
        if units is None:
            units = parse(line, self._tree)
            if len(line) <= _LONGEST_CACHED:
                if len(self._parsed) >= _MOST_CACHED:
                    self._parsed.clear()
                self._parsed[line] = units
        return units

    def question(self, line: str) -> Callable[[], Any] | None:
        """Return what a message asks for that has no parameters."""
        if type(self).execute is not ScpiBox.execute:
            return None  # it does more with each message
        units = self._units(line)
        unit = units[0] if len(units) == 1 else None
        return unit.call if unit is not None and unit.query and not unit.parameters else None

    def finish(self, answer: Any) -> None:
        """Say an answer, or wait for it."""
        if isinstance(answer, Later):
            self.alert()
            self._held.append(_Held((), [], answer))
            self._resume()
        elif answer is not None:
            self._say([answer])

    def heed(self) -> bool:
        """Tell whether messages wait, or *OPC does."""
        return bool(self._held or self._completing)

    def group_trigger(self) -> None:
        """Take a group execute trigger; like a message it interrupts an unread answer."""
        if self._output:
            self._interrupt()
        try:
            self.bus_trigger()
        except Refused as refused:
            self.status.error(refused.code, refused.text)
        self._resume()
        self.refresh()

    def abort(self) -> None:
        """Break off what is pending and forget what waits for it."""
        self._forget_held()
        self._completing = False
        self.stop()

    def starved(self) -> None:
        """Take note of a read that finds nothing to say, unless an answer is still to come."""
        if not self._held:
            super().starved()

    def _run(self, units: Sequence[Unit], answers: list[str | bytes]) -> None:
        """Do the units of a message and say the answers joined."""
        place = 0  # of the next unit
        for unit in units:
            place += 1
            if self.sequential and not unit.urgent and self.pending():
                self._held.appendleft(_Held(units[place - 1 :], answers, None))
                return
            try:
                call = unit.call
                if call is None:
                    raise Refused(*(unit.error or (-100, "Command error")))
                if answers and unit.query and _is_endless(answers[-1]):
                    raise Refused(-440, "Query UNTERMINATED after indefinite response")
                result = call(*unit.parameters)
            except Refused as refused:
                self.status.error(refused.code, refused.text)
                if -200 < refused.code <= -100:
                    break  # what follows a command error in a message is not done
                continue
            if type(result) is Later:
                if self.pending():
                    self._held.appendleft(_Held(units[place:], answers, result))
                    return
                result = self._answer(result)
            elif not unit.query:
                continue
            if result is not None:
                answers.append(result)
                if self.status.service_enable:
                    self.refresh()
        if answers:
            self._say(answers)

    def _interrupt(self) -> None:
        """Take a new message while an answer is unread."""
        if self.interrupts:
            self._drop_output()
            self.status.error(-410, "Query INTERRUPTED")

    def _say(self, answers: list[str | bytes]) -> None:
        if len(answers) == 1 and isinstance(answer := answers[0], str):
            self.say(f"{answer}\n".encode("latin-1"))
            return
        parts = [part.encode("latin-1") if isinstance(part, str) else part for part in answers]
        self.say(b";".join(parts) + b"\n")

    def _answer(self, later: Later) -> str | bytes | None:
        try:
            return later.answer()
        except Refused as refused:
            self.status.error(refused.code, refused.text)
            return None

    def _resume(self) -> None:
        """Go on with what waited, where nothing is pending any more."""
        if self.pending():
            return
        if self._completing:
            self._completing = False
            self.status.event |= OPERATION_COMPLETE
        while self._held and not self.pending():
            held = self._held.popleft()
            if held.later is not None:
                result = self._answer(held.later)
                if result is not None:
                    held.answers.append(result)
            elif self._output and not held.answers:
                self._interrupt()
            self._run(held.units, held.answers)
        if not self._held:
            self._held_size = 0

    def _forget_held(self) -> None:
        self._held.clear()
        self._held_size = 0

    def _summary(self) -> int:
        bits = 0
        for register, bit in self._summaries:
            if register.event & register.enable:
                bits |= bit
        return bits


def _is_endless(answer: str | bytes) -> bool:
    return isinstance(answer, bytes) and answer.startswith(b"#0")
