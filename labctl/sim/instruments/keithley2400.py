"""Simulated Keithley 2400, 2401, 2410 and 2420: SCPI source meters with one channel.

Source: *2400 Series SourceMeter User's Manual* (2400S-900-01); what is not in it is from memory of
the instrument: the settings a location of ``*SAV`` keeps, that a sweep ends at the fixed level, and
the length of processing of a command. Pulse mode is of the 2430 only; contact check (an option) is
settable and finds no fault. Both pairs of terminals lead to where the bench file wires the channel.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from itertools import chain

import numpy as np

from labctl.clock import VirtualClock
from labctl.sim.box import Box, Faults
from labctl.sim.instruments.fittings import Fittings, Maker
from labctl.sim.instruments.keithley2400_analogue import Analogue
from labctl.sim.instruments.keithley2400_cycle import SourceMeasure
from labctl.sim.instruments.keithley2400_layers import layer_commands
from labctl.sim.instruments.keithley2400_limits import LimitTests
from labctl.sim.instruments.keithley2400_math import Calculator
from labctl.sim.instruments.keithley2400_models import MODELS_2400, RESISTANCE
from labctl.sim.instruments.keithley2400_reading import Reading
from labctl.sim.instruments.keithley2400_sense import Sense
from labctl.sim.instruments.keithley2400_settings import INFINITE, Settings
from labctl.sim.instruments.keithley2400_signal import SignalOriented
from labctl.sim.instruments.keithley2400_source import Source
from labctl.sim.instruments.keithley2400_sweeps import SweepCommands
from labctl.sim.instruments.keithley2400_system import Panel
from labctl.sim.instruments.keithley2400_trace import Trace
from labctl.sim.instruments.keithley2400_trigger import TriggerModel
from labctl.sim.instruments.smu import Port, SourceChannel
from labctl.sim.scpi import Command, ScpiBox
from labctl.sim.status import Refused

INTERLOCK = 11
"""Bit of the measurement register."""
_INTERLOCKED = 1 << INTERLOCK
SETUPS = 5
"""Places of ``*SAV``."""


class Keithley2400(ScpiBox):
    """One source meter.

    Parameters
    ----------
    clock
        Bench time.
    model
        A key of ``MODELS_2400``.
    port
        Where the terminals are wired to.
    rng
        Noise of the readings.
    faults
        What is wrong with the box.
    ideal
        Without noise, resolution and settling.
    """

    vendor = "KEITHLEY INSTRUMENTS INC."
    serial = "1234567"
    firmware = "C34 Sep 21 2016 15:30:00/A02  /K/M"
    scpi_version = "1996.0"
    queue_capacity = 10
    memories = SETUPS
    sequential = True
    message_time = 5e-4
    answer_time = 5e-4

    def __init__(
        self,
        clock: VirtualClock,
        model: str,
        port: Port,
        rng: np.random.Generator,
        faults: Faults | None = None,
        ideal: bool = False,
    ) -> None:
        self.data = MODELS_2400[model]
        self._channel = SourceChannel(self.data.analogue(), port, clock, rng, ideal)
        self.settings = self.fresh()
        self._setups: dict[int, Settings] = {}
        super().__init__(clock, model, faults)

    # -- parts ---------------------------------------------------------------------------------

    def commands(self) -> Iterable[Command]:
        """Return the tables of all subsystems."""
        self.status.execution_errors = range(800, 900)
        measurement = self._measurement = self.registers["MEASurement"]
        self.analogue = Analogue(self.data, self._channel, self._present, self.faults)
        self.trace = Trace(self._present, measurement)
        self.calculator = Calculator(self._present, self._latest)
        self.limits = LimitTests(self._present, measurement, self._latest)
        self.cycle = SourceMeasure(
            self._present,
            self.analogue,
            measurement,
            (self.trace, self.calculator, self.limits),
            self.switch,
        )
        self.triggers = TriggerModel(
            self.clock, self._present, self.cycle, self.registers["OPERation"]
        )
        self.source, self.sense, self.panel = Source(self), Sense(self), Panel(self)
        return chain(
            SignalOriented(self).commands(),
            self.sense.commands(),
            self.source.commands(),
            SweepCommands(self.data, self._present).commands(),
            self.trace.commands(),
            self.calculator.commands(),
            self.limits.commands(),
            self.panel.commands(),
            layer_commands(self._present, self.initiate, self.stop),
        )

    @property
    def line_frequency(self) -> float:
        """Of the mains, Hz."""
        return float(self._channel.line_frequency)

    @line_frequency.setter
    def line_frequency(self, frequency: float) -> None:
        self._channel.line_frequency = frequency

    @property
    def auto_ohms(self) -> bool:
        """Whether the ohmmeter has the source."""
        return RESISTANCE in self.settings.functions and self.settings.ohms_auto

    @property
    def interlocked(self) -> bool:
        """Whether the output-enable line keeps the output off."""
        return self.faults.interlock == "open"

    def _present(self) -> Settings:
        return self.settings

    def _latest(self) -> list[Reading]:
        return self.cycle.latest

    def fresh(self) -> Settings:
        """Return settings as after ``*RST``."""
        return Settings(protection=self.data.protection[-1])

    # -- output --------------------------------------------------------------------------------

    def switch(self, on: bool) -> None:
        """Switch the output; +802 while the interlock is open."""
        if on and self.interlocked:
            raise Refused(802, "OUTPUT blocked by output enable")
        if on:
            self.source.check_power(self.analogue.function, self._level())
        self.settings.output = on
        self.analogue.switch(on)

    def _level(self) -> float:
        return abs(self.settings.level[self.analogue.function])

    def heed(self) -> bool:
        """Look at the interlock, which switches the output off, and at what is pending."""
        self._watch_interlock()
        self.triggers.continue_endless()
        return super().heed() or self.triggers.running

    def serial_poll(self) -> int:
        """Return the status byte; measuring goes on meanwhile where it has no end."""
        self._watch_interlock()
        self.triggers.continue_endless()
        return super().serial_poll()

    def _watch_interlock(self) -> None:
        register = self._measurement
        if self.interlocked != bool(register.condition & _INTERLOCKED):
            register.set(INTERLOCK, self.interlocked)
            if self.interlocked:
                self.switch(False)

    # -- measuring -----------------------------------------------------------------------------

    def pending(self) -> bool:
        """Tell whether the trigger model is out of idle."""
        return self.triggers.running

    def stop(self) -> None:
        """Go back to idle."""
        self.triggers.abort()

    def bus_trigger(self) -> None:
        """Take ``*TRG`` or a group execute trigger."""
        self.triggers.event("BUS")

    def manual_trigger(self) -> None:
        """Take the key TRIG: an event for the arm layer, else a start from idle."""
        if self.triggers.running:
            self.triggers.event("MAN")
        else:
            self.initiate()

    def link_trigger(self) -> None:
        """Take a pulse on the trigger link."""
        self.triggers.event("TLIN")
        self._resume()

    def initiate(self) -> None:
        """Leave idle; +803 with the output off, unless it goes on by itself."""
        if not self.settings.output and not self.settings.clear_auto:
            raise Refused(803, "Not permitted with OUTPUT off")
        self.alert()
        self.triggers.initiate()

    # -- setups --------------------------------------------------------------------------------

    def reset(self) -> None:
        """Bring all settings to their ``*RST`` values; the output goes off."""
        self._become(self.fresh())
        self.trace.stop()
        self.registers["MEASurement"].set(INTERLOCK, self.interlocked)

    def preset(self) -> None:
        """Bring all settings to the bench defaults (``SYSTem:PRESet``)."""
        self.restart()
        self.settings.border = "SWAP"
        self.settings.arm_count = INFINITE

    def power_on(self) -> None:
        """Be as after power-up: the setup that ``SYSTem:POSetup`` names."""
        super().power_on()
        self.cycle.latest = []
        self.cycle.reset_time()
        setup = self.panel.power_on
        if setup == "PRES":
            self.preset()
        elif setup.startswith("SAV") and int(setup[3:]) in self._setups:
            self.recall_state(int(setup[3:]))

    def save_state(self, number: int) -> None:
        """Keep the settings; the output is not among them."""
        self._setups[number] = deepcopy(self.settings)

    def recall_state(self, number: int) -> None:
        """Bring back settings kept, output off; ``*RST`` values where none are kept."""
        self.triggers.abort()
        self._become(deepcopy(self._setups.get(number) or self.fresh()))

    def recall_source(self, location: int) -> None:
        """Bring back what a location of source memory keeps (``SOURce:MEMory:RECall``)."""
        self.cycle.recall(location)
        self.analogue.apply()

    def forget_memory(self) -> None:
        """Do what ``SYSTem:MEMory:INITialize`` does: setups and source memory to *RST values."""
        self._setups.clear()
        self.cycle.memory.clear()

    def _become(self, settings: Settings) -> None:
        self.switch(False)
        settings.output = False
        self.settings = settings
        self.analogue.ohms_current = None
        self.cycle.meter.forget_filter()
        self.analogue.apply()

    # -- how it writes -------------------------------------------------------------------------

    def identity(self) -> str:
        """Return the answer to ``*IDN?``."""
        model = self.faults.identity or self.model
        return f"{self.vendor},MODEL {model},{self.serial},{self.firmware}"

    def show_register(self, value: int) -> str:
        """Return a register as ``FORMat:SREGister`` wants it."""
        return self.panel.register(value)


def _make(fittings: Fittings) -> Box:
    model = MODELS_2400[fittings.model].analogue()
    port = fittings.port("a", model.reaction)
    box = Keithley2400(
        fittings.clock, fittings.model, port, fittings.rng, fittings.faults, ideal=fittings.ideal
    )
    box.serial = str(int(box.serial) + fittings.number)
    return box


MAKERS: dict[str, Maker] = dict.fromkeys(MODELS_2400, _make)
