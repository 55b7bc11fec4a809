"""A TSP instrument on the bus: messages, scripts, print formats, work in the background.

Source: *Series 2600B Reference Manual* (2600BS-901-01), "Introduction to TSP operation",
"Remote commands", "Error effects on scripts".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from labctl.clock import VirtualClock
from labctl.sim.box import MESSAGE_AVAILABLE, Box, Faults
from labctl.sim.status import Refused
from labctl.sim.tsp.agenda import Agenda, agenda_of
from labctl.sim.tsp.background import Background
from labctl.sim.tsp.budget import Budget, Outcome
from labctl.sim.tsp.buffers import Buffers
from labctl.sim.tsp.common import Common
from labctl.sim.tsp.events import Events
from labctl.sim.tsp.host import FINE, Attribute, HostFunction, LuaHost
from labctl.sim.tsp.link import Link
from labctl.sim.tsp.registers import RegisterTree
from labctl.sim.tsp.scripts import LOADERS, Scripts
from labctl.sim.tsp.triggers import Triggers
from labctl.sim.tsp.values import OUT_OF_MEMORY, setter

_WORDS = (*LOADERS, "endscript", "abort")  # that are no Lua where a line begins with one
INSTRUCTION_TIME = 1e-6
"""Bench time of one Lua instruction, s (order of magnitude; a 2600 is not specified so)."""
_OWN = re.compile(r"^\w+\.lua:\d+: ")  # a place in the instrument's own Lua


class TspBox(Box):
    """What all TSP instruments have in common; a model adds its objects in :meth:`build`.

    Attributes
    ----------
    vendor, model, serial, firmware
        What ``*IDN?`` answers.
    work
        What runs in the background.
    scripts
        Scripts on their way, and in nonvolatile memory.
    link
        This box's end of TSP-Link; its peers are the boxes on it by node number.
    agenda
        The bench clock, with what goes on in the background.
    registers
        The register sets of a model that has them, or None.
    """

    vendor = "Keithley Instruments Inc."
    serial = "4012345"
    firmware = "3.2.2"
    message_time = 2e-4
    answer_time = 2e-4
    linked = True
    """Whether the model has TSP-Link."""

    def __init__(
        self,
        clock: VirtualClock,
        model: str,
        faults: Faults | None = None,
        budget: Budget | None = None,
        peers: Mapping[int, TspBox] | None = None,
    ) -> None:
        self.agenda: Agenda = agenda_of(clock)
        super().__init__(self.agenda, faults)
        self._plain, self._due = self.agenda.plain, self.agenda.due
        self.model = model
        self.buffers = Buffers()
        self.registers: RegisterTree | None = None
        self.scripts = Scripts()
        self._budget = budget
        self.work = Background(self.agenda, self.status, self.refuse)
        self.events = Events()
        self.triggers = Triggers(self.agenda, self.events, self.trigger_overran)
        self.link = Link(self, peers)
        self.common = Common(self)
        self.status.summary = self._summary
        self.assemble()
        self._start()

    # -- what a model provides -----------------------------------------------------------------

    def assemble(self) -> None:
        """Make the parts of the model, once, before its objects."""

    def build(self, host: LuaHost) -> None:
        """Add the objects of the model to a fresh Lua state."""
        raise NotImplementedError

    def reset(self) -> None:
        """Bring the instrument to its power-on settings (``reset()``, ``*RST``)."""
        raise NotImplementedError

    def stop(self) -> None:
        """Break off what the model does besides its tasks in the background."""

    def update_conditions(self) -> None:
        """Bring the condition registers up to date."""

    def set_line_frequency(self, hertz: float) -> None:
        """Integrate in line cycles of another length."""

    def trigger_overran(self, kind: str, number: int) -> None:
        """Note that a trigger object ignored an event."""

    # -- messages ------------------------------------------------------------------------------

    def execute(self, line: str) -> None:
        """Run one message."""
        if self.scripts.loading:
            self._collect(line)
        elif line[0] == "*":
            self._common_command(line)
        elif not line.startswith(_WORDS):  # nearly always
            self.run(line)
        else:
            head = (line.split(None, 1) or [line])[0]
            if head in LOADERS:
                self.scripts.begin(line)
                self.blank_lines = True
                self.alert()
            elif head == "endscript":
                self.status.error(-285, "TSP Syntax error at line 1: no script is being loaded")
            elif head == "abort":
                self.stop_all()
            else:
                self.run(line)
        node = self.common.node
        if node["showerrors"] or node["prompts"]:
            self.common.prompt(loading=self.scripts.loading)

    def run(self, source: str) -> None:
        """Run Lua text; what goes wrong is queued."""
        began = self.clock.now()
        outcome = self.host.run(source)
        if outcome is not FINE:
            self._judge(outcome, began)

    def evaluate(self, source: str) -> tuple[Any, ...]:
        """Run Lua text for another instrument and return its values; errors are queued here."""
        began = self.clock.now()
        outcome, values = self.host.evaluate(source)
        self._judge(outcome, began)
        return values

    def _judge(self, outcome: Outcome, began: float) -> None:
        # What the instrument does in a script has its own duration, measured with the interpreter
        # in it (rates of the manual): only a script that computes for longer costs more.
        spent = self.clock.now() - began
        if outcome.instructions * INSTRUCTION_TIME > spent:
            self.clock.sleep(outcome.instructions * INSTRUCTION_TIME - spent)
        if outcome.kind == "memory" or outcome.text.endswith("not enough memory"):
            self.status.error(*OUT_OF_MEMORY, 30)
            if outcome.kind == "memory":
                self._start()
        elif outcome.kind == "syntax":
            self.status.error(-285, f"TSP Syntax error at {_place(outcome.text)}")
        elif outcome.kind == "runtime":
            self.status.error(-286, f"TSP Runtime error at {_place(outcome.text)}")

    def abort(self) -> None:
        """Forget a half-loaded script and stop what runs."""
        self.scripts.forget()
        self.blank_lines = False
        self.stop_all()

    def power_on(self) -> None:
        """Start afresh: settings of ``reset()``, only saved scripts are left."""
        self.common.power_on()
        self.link.online = False
        self.reset_all()
        if self.registers is not None:
            self.registers.reset()
        self._start()

    def group_trigger(self) -> None:
        """Take a trigger from the command interface (``*TRG``, GET)."""
        self.triggers.command.fire()

    def serial_poll(self) -> int:
        """Return the status byte."""
        self.work.poll()
        return super().serial_poll()

    def refuse(self, refused: Refused) -> None:
        """Queue what the instrument does not take."""
        self.status.error(refused.code, refused.text)

    def _collect(self, line: str) -> None:
        try:
            loaded = self.scripts.take(line)
        except Refused as refused:
            self.refuse(refused)
            loaded = None
        self.blank_lines = self.scripts.loading
        if loaded is not None:
            self.host.define_script(loaded.source, loaded.name)
            if loaded.run:
                self.run(loaded.source)

    def _common_command(self, line: str) -> None:
        head, _, value = line.partition(" ")
        try:
            answer = self.common.command(head.upper() if head.isascii() else head, value.strip())
        except Refused as refused:
            self.refuse(refused)
            return
        if answer is not None:
            self.finish(answer)

    def question(self, line: str) -> Callable[[], Any] | None:
        """Return what a common command asks for."""
        if type(self).execute is not TspBox.execute:
            return None  # it does more with each message
        asks = line.endswith("?") and line.isascii()
        return self.common.commands.get(line.upper()) if asks else None

    def finish(self, answer: Any) -> None:
        """Say an answer."""
        self.say(f"{answer}\n".encode("latin-1"))

    def heed(self) -> bool:
        """Tell whether a message means something else, or more is said to it, than usually."""
        node = self.common.node
        return bool(self.scripts.loading or node["showerrors"] or node["prompts"])

    # -- running -------------------------------------------------------------------------------

    def stop_all(self) -> None:
        """Break off everything that runs in the background."""
        self.work.stop()
        self.triggers.stop()
        self.stop()

    def reset_all(self) -> None:
        """Do what ``*RST`` and ``reset()`` do."""
        self.stop_all()
        self.common.reset()
        self.triggers.reset()
        self.link.reset()
        self.reset()

    def _summary(self) -> int:
        """Return the bits of the status byte that sum up the model's registers."""
        registers = self.registers
        if registers is None or not registers.enabled():
            return 0
        self.update_conditions()
        return registers.byte()

    # -- objects -------------------------------------------------------------------------------

    def _start(self) -> None:
        """Make a fresh Lua state with the objects of the model."""
        self.stop_all()
        buffers = self.buffers = Buffers()
        services: dict[str, HostFunction] = {
            **self.common.services(),
            "script_failed": self._script_failed,
            **self.scripts.services(),
            "buffer_get": buffers.get,
            "buffer_set": buffers.set,
            "buffer_item": buffers.item,
            "buffer_clear": buffers.clear,
            "buffer_new": buffers.new,
            "buffer_free": buffers.free,
        }
        host = self.host = LuaHost(services, self.refuse, self._budget)
        self.common.build(host)
        self.triggers.build(host)
        self.link.build(host)
        self.build(host)
        host.share("localnode")
        for name, (source, _) in self.scripts.saved.items():
            host.define_script(source, name)
        for source, autorun in self.scripts.saved.values():
            if autorun == "yes":
                self.run(source)

    def setting(
        self, store: dict[str, Any], key: str, check: Callable[[Any], Any], default: Any = None
    ) -> Attribute:
        """Return an attribute kept in ``store`` under ``key``."""
        store.setdefault(key, default)
        return Attribute(lambda: store[key], setter(store, key, check))

    @property
    def has_answer(self) -> bool:
        """Whether an answer waits to be read."""
        return bool(self._output)

    def status_byte(self) -> int:
        """Return the status byte as it is, without a poll."""
        return self.status.byte(MESSAGE_AVAILABLE if self.has_answer else 0)

    def rows(self, first: Any, last: Any, names: tuple[Any, ...]) -> list[Any]:
        """Return what ``printbuffer`` prints; a buffer may be one of another node."""
        found = [
            (isinstance(name, str) and self.link.rows_of(name)) or self.buffers.find(name)
            for name in names
        ]
        return self.buffers.rows(first, last, found)

    def _script_failed(self, message: Any = "") -> None:
        self.status.error(-285, f"TSP Syntax error at {_place(str(message))}")


def _place(message: str) -> str:
    """Return ``line N: text`` of a Lua message like ``tsp:N: text``."""
    message = _OWN.sub("", message)
    chunk, _, rest = message.partition(":")
    line, _, what = rest.partition(":")
    if chunk == "tsp" and line.isdigit():
        return f"line {line}: {what.strip()}"
    return f"line 1: {message}"
