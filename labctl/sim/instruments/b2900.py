"""Simulated Keysight B2901A, B2902A, B2911A and B2912A.

Sources: *Agilent B2900 Series SCPI Command Reference* (B2910-90030, edition 2) and *Keysight
B2961A/B2962A SCPI Command Reference* (the same command set) as far as at hand; data sheet, error
numbers of the box's own (201) and timing from memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np

from labctl.clock import VirtualClock
from labctl.sim.faults import Faults
from labctl.sim.instruments.b2900_channel import Channel
from labctl.sim.instruments.b2900_limits import calculation_commands
from labctl.sim.instruments.b2900_models import MODELS, REACTION
from labctl.sim.instruments.b2900_run import ELEMENTS, run_commands
from labctl.sim.instruments.b2900_sense import sense_commands
from labctl.sim.instruments.b2900_settings import Record
from labctl.sim.instruments.b2900_source import source_commands
from labctl.sim.instruments.b2900_system import system_commands
from labctl.sim.instruments.b2900_trace import Trace, trace_commands
from labctl.sim.instruments.b2900_trigger import (
    ACQUIRE,
    LAYERS,
    TRANSIENT,
    Layer,
    TriggerSystem,
)
from labctl.sim.instruments.fittings import Fittings, Maker
from labctl.sim.instruments.smu import Port
from labctl.sim.scpi import Command, ScpiBox
from labctl.sim.status import QueuedError, Refused

_TEXTS = {-222: "Data out of range", -350: "Error queue overflow"}
"""Where the words differ from those of other boxes."""
_WAITING = ("*OPC", "*WAI", "FETC", "READ", "IDLE", "ABOR", "*RST", "*TRG")
"""How messages begin that wait for the trigger system, or break it off."""
_IDLE_BITS = {1: {TRANSIENT: 1, ACQUIRE: 4}, 2: {TRANSIENT: 7, ACQUIRE: 10}}


class B2900(ScpiBox):
    """One box with one or two channels.

    Parameters
    ----------
    ports
        Where each channel is wired to, by number.
    rng
        Noise of the readings.
    ideal
        Without noise, resolution and settling.
    """

    vendor = "Keysight Technologies"
    serial = "MY51140001"
    firmware = "3.4.2011.5100"
    queue_capacity = 100
    memories = 5
    transition_filters = True
    message_time = 3e-4
    answer_time = 2e-4

    def __init__(
        self,
        clock: VirtualClock,
        model: str,
        ports: Mapping[int, Port],
        rng: np.random.Generator,
        faults: Faults | None = None,
        ideal: bool = False,
    ) -> None:
        faults = faults or Faults()
        self.data = MODELS[model]
        self.channels = {
            number: Channel(self.data, ports[number], clock, rng, faults, ideal)
            for number in range(1, self.data.channels + 1)
        }
        self.traces = {number: Trace() for number in self.channels}
        self.triggers = TriggerSystem(self.channels, clock, self._measured)
        self.calculations: dict[int, dict[Any, Any]] = {}
        self.panel: dict[Any, Any] = {}
        self.ahead = 0.0
        self._deferred = False  # something was initiated and has not run yet
        self._kept: dict[int, dict[int, dict[str, Any]]] = {}
        self._general()
        super().__init__(clock, model, faults)
        self._show_idle()

    def _general(self) -> None:
        self.format, self.order = "ASC", ">"
        self.elements = list(ELEMENTS)
        self.calculated = ["CALC"]
        self.forms = {"digital": "ASC", "register": "ASC"}

    # -- ScpiBox -------------------------------------------------------------------------------

    def commands(self) -> Iterator[Command]:
        """Return the table of commands."""
        return chain(
            source_commands(self),
            sense_commands(self),
            calculation_commands(self),
            run_commands(self),
            trace_commands(self),
            system_commands(self),
        )

    def reset(self) -> None:
        """Do what ``*RST`` does."""
        for number, channel in self.channels.items():
            channel.reset()
            self.traces[number] = Trace()
        self.calculations.clear()
        self._general()

    def error_text(self, error: QueuedError) -> str:
        """Return an entry of the error queue: ``+0,"No error"``."""
        return f'{error.code:+d},"{_TEXTS.get(error.code, error.text)}"'

    def save_state(self, number: int) -> None:
        """Keep the settings of all channels."""
        self._kept[number] = {n: dict(c.settings) for n, c in self.channels.items()}

    def recall_state(self, number: int) -> None:
        """Bring settings back, outputs off."""
        for n, settings in self._kept.get(number, {}).items():
            self.channels[n].set_output(False)
            self.channels[n].settings = dict(settings)
            self.channels[n].apply()

    def channel(self, number: int) -> Channel:
        """Return a channel by the suffix of a header; -114 where there is none."""
        try:
            return self.channels[number]
        except KeyError:
            raise Refused(-114, "Header suffix out of range") from None

    @property
    def interlock_open(self) -> bool:
        """Whether the interlock is open."""
        return self.faults.interlock == "open"

    # -- trigger system ------------------------------------------------------------------------

    def initiate(self, numbers: list[int], layers: tuple[Layer, ...]) -> None:
        """Start actions; they run when the next message comes, or are waited for."""
        self.catch_up()
        if self.panel.get(":SYSTem:TIME:TIMer:COUNt:RESet:AUTO") and not self.triggers.active:
            self.triggers.zero = self.clock.now()
        self.triggers.initiate(numbers, layers)
        self._deferred = True
        self._show_idle()

    def spot(self, numbers: list[int]) -> None:
        """Measure once on some channels at the same time; -221 while they are not idle."""
        self.catch_up()
        if any(self.triggers.busy(number) for number in numbers):
            raise Refused(-221, "Settings conflict")
        for number in numbers:
            if self.channels[number].settings["on_auto"]:
                self.channels[number].set_output(True)
        longest = max(self.channels[n].settling + self.channels[n].aperture for n in numbers)
        self.clock.sleep(longest)
        for number in numbers:
            channel = self.channels[number]
            channel.records = [channel.sample(self.clock.now() - self.triggers.zero)]
            self._measured(number, channel.records[0])
            channel.protect()

    def pending(self) -> bool:
        """Tell whether the trigger system waits for an event or has no end."""
        self.catch_up()
        return self.triggers.active

    def catch_up(self) -> None:
        """Let the trigger system do what it has had time for."""
        if self._deferred or self.triggers.runnable:
            self._deferred = False
            try:
                self.triggers.run()
            except Refused as refused:
                self.triggers.abort(list(self.channels), LAYERS)
                self.status.error(refused.code, refused.text)
            self._show_idle()

    def abort_layers(self, numbers: list[int], layers: tuple[Layer, ...]) -> None:
        """Bring actions back to idle."""
        self.triggers.abort(numbers, layers)
        self._deferred = self._deferred and self.triggers.active
        self._show_idle()

    def stop(self) -> None:
        """Bring everything back to idle."""
        self.abort_layers(list(self.channels), LAYERS)

    def bus_trigger(self) -> None:
        """Take ``*TRG``."""
        self.catch_up()
        if not self.triggers.event("BUS"):
            raise Refused(-211, "Trigger ignored")
        self._deferred = True
        self.catch_up()

    def execute(self, line: str) -> None:
        """Do what one message says.

        What was initiated has run by the time that a program asks for anything but its end or its
        data: for this the program has waited, so that the answer is not late.
        """
        if self._deferred and not line.lstrip(":").upper().startswith(_WAITING):
            self.catch_up()
            self._fed = self.clock.now()
        elif self.triggers.runnable and not self._deferred:
            self.catch_up()  # what has no end goes on
        super().execute(line)

    def serial_poll(self) -> int:
        """Return the status byte."""
        self.catch_up()
        return super().serial_poll()

    def _measured(self, number: int, record: Record) -> None:
        trace, register = self.traces[number], self.registers["MEASurement"]
        trace.put(record)
        first = 0 if number == 1 else 6
        register.pulse(first + 1)
        if record.status & 8192:
            register.pulse(first + 2)
        if trace.records:
            register.set(first + 3, True)
            register.set(first + 4, len(trace.records) >= trace.size)

    def _show_idle(self) -> None:
        """Bring the idle and waiting bits of the operation register up to date."""
        register = self.registers["OPERation"]
        for number in self.channels:
            for layer in LAYERS:
                bit = _IDLE_BITS[number][layer]
                register.set(bit, not self.triggers.busy(number, layer))
                register.set(bit + 1, self.triggers.waiting(number, layer))


def _make(fittings: Fittings) -> B2900:
    channels = MODELS[fittings.model].channels
    box = B2900(
        fittings.clock,
        fittings.model,
        {number: _port(fittings, number) for number in range(1, channels + 1)},
        fittings.rng,
        fittings.faults,
        ideal=fittings.ideal,
    )
    box.serial = f"MY{51140001 + fittings.number}"
    return box


def _port(fittings: Fittings, number: int) -> Port:
    return fittings.port(str(number), REACTION)


MAKERS: dict[str, Maker] = dict.fromkeys(MODELS, _make)
"""How each model is built."""
