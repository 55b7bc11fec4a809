"""A Keithley 2450 that speaks its own SCPI command set.

Source: *Model 2450 Reference Manual* (2450-901-01), section 6, appendix B (common commands) and
appendix C (status model).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import Any

from labctl.clock import VirtualClock
from labctl.sim.faults import Faults
from labctl.sim.instruments.keithley2450_blocks import trigger_commands
from labctl.sim.instruments.keithley2450_buffers import DEFAULT_BUFFERS, Buffers
from labctl.sim.instruments.keithley2450_events import event_commands, stamped
from labctl.sim.instruments.keithley2450_lists import ConfigLists
from labctl.sim.instruments.keithley2450_maps import EventMap
from labctl.sim.instruments.keithley2450_readings import reading_commands
from labctl.sim.instruments.keithley2450_sense import sense_commands
from labctl.sim.instruments.keithley2450_smu import Smu2450
from labctl.sim.instruments.keithley2450_source import source_commands
from labctl.sim.instruments.keithley2450_system import Language, system_commands
from labctl.sim.instruments.keithley2450_trigger import COMMAND, TriggerModel
from labctl.sim.scpi import Command, ScpiBox
from labctl.sim.status import QueuedError, Refused

VENDOR, FIRMWARE, SERIAL = "KEITHLEY INSTRUMENTS", "1.7.12b", 4412345


class Keithley2450Scpi(ScpiBox):
    """One box in this language.

    Parameters
    ----------
    smu
        The instrument behind the language.
    language
        What ``*LANG`` sets.
    """

    vendor = VENDOR
    serial = str(SERIAL)
    firmware = FIRMWARE
    queue_capacity = 1000
    memories = 5
    summary_bits = {"OPERation": 7, "QUEStionable": 3}
    message_time = 2e-4
    answer_time = 2e-4

    def __init__(
        self, clock: VirtualClock, smu: Smu2450, language: Language, faults: Faults | None = None
    ) -> None:
        self.smu, self.language = smu, language
        self.buffers = Buffers()
        self.sources = ConfigLists(smu, source=True)
        self.lists_of_measures = ConfigLists(smu, source=False)
        self.model_ = TriggerModel(smu, self.buffers, self.sources, self.lists_of_measures)
        self.model_.log = self._log
        self.lists: dict[int, list[float]] = {}
        self.calculations: dict[int, dict[str, Any]] = {}
        self.events: list[QueuedError] = []
        """Warnings and information of the event log, oldest first."""
        self.stamps: deque[float] = deque()
        """Bench time of each entry of the error queue."""
        self._deferred = False  # the trigger model is started but has not run yet
        self._initial: dict[int, dict[str, Any]] = {}
        self._general()
        super().__init__(clock, "2450", faults)
        self.model_.told = self.buffers.told = self.maps.happened
        self.buffers.reset()
        self._initial = {key: dict(store) for key, store in self.calculations.items()}

    def _general(self) -> None:
        self.format, self.order, self.precision = "ASC", "<", 0
        self.active = DEFAULT_BUFFERS[0]

    # -- ScpiBox -------------------------------------------------------------------------------

    def preset_status(self) -> None:
        """Do what ``STATus:PRESet`` does: also, no event is mapped."""
        super().preset_status()
        self.maps.clear()

    def commands(self) -> Iterator[Command]:
        """Return the table of commands."""
        self.maps = EventMap(self.registers)
        return chain(
            source_commands(self),
            sense_commands(self),
            reading_commands(self),
            trigger_commands(self),
            event_commands(self),
            system_commands(self),
        )

    def identity(self) -> str:
        """Return the answer to ``*IDN?``."""
        model = self.faults.identity or self.model
        return f"{self.vendor},MODEL {model},{self.serial},{self.firmware}"

    def reset(self) -> None:
        """Do what ``*RST`` does; user buffers and lists are deleted."""
        self.smu.reset()
        self.buffers.reset()
        self.sources.clear()
        self.lists_of_measures.clear()
        for levels in self.lists.values():
            levels.clear()
        for key, store in self._initial.items():
            self.calculations[key].update(store)
        self.model_.load()
        self._general()

    def error_text(self, error: QueuedError) -> str:
        """Return an entry of the event log as ``:SYSTem:ERRor?`` gives it."""
        return stamped(self, error) if error.code else '0,"No error;0;0 0"'

    # -- trigger model -------------------------------------------------------------------------

    def initiate(self) -> None:
        """Start the trigger model; it runs when the next message comes, or is waited for."""
        self.model_.start()
        self._deferred = True

    def conversion(self) -> float:
        """Return the time of one integration, s."""
        return self.smu.measures[self.smu.sense].nplc / self.smu.channel.line_frequency

    def pending(self) -> bool:
        """Tell whether the trigger model waits for an event or has no end."""
        self.catch_up()
        return self.model_.active

    def catch_up(self) -> None:
        """Let the trigger model do what it has had time for."""
        if self._deferred or self.model_.state == "RUNNING":
            self._deferred = False
            try:
                self.model_.run()
            except Refused as refused:
                self.status.error(refused.code, refused.text)

    def stop(self) -> None:
        """Abort the trigger model."""
        self._deferred = False
        self.model_.abort()

    def bus_trigger(self) -> None:
        """Take ``*TRG``: the command event of the trigger model."""
        self.catch_up()
        try:
            self.model_.event(COMMAND)
        except Refused as refused:
            self.status.error(refused.code, refused.text)

    def execute(self, line: str) -> None:
        """Do what one message says.

        A trigger model that was started has run by the time that a program asks for anything but
        the end of it: for this the program has waited, so that the answer is not late.
        """
        if self._deferred and line.lstrip(":")[:4].upper() not in ("*OPC", "*WAI", "ABOR", "*RST"):
            self.catch_up()
            self._fed = self.clock.now()
        super().execute(line.rstrip(",") if line.endswith(",") else line)
        stamps, count = self.stamps, len(self.status.errors)
        while len(stamps) > count:
            stamps.popleft()
        while len(stamps) < count:
            stamps.append(self.clock.now())

    def serial_poll(self) -> int:
        """Return the status byte."""
        self.catch_up()
        return super().serial_poll()

    def _log(self, kind: str, message: str) -> None:
        if kind.startswith("ERR"):
            self.status.error(2742, message)
        else:
            severity = 2 if kind.startswith("WARN") else 4
            self.events.append(QueuedError(2738 if severity == 2 else 2734, message, severity))
            del self.events[:-1000]
