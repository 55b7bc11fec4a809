"""Simulated Keithley 2450: one source meter with three languages.

Sources: *Model 2450 Reference Manual* (2450-901-01); where a page was not at hand, the *Model 2461
Reference Manual* (2461-901-01), whose command set is the same. ``*LANG`` names the language after
the next reboot (appendix B); *SCPI 2400* answers as a 2400 does, with the identity of the 2450.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np

from labctl.clock import VirtualClock
from labctl.sim.box import Box, Ending
from labctl.sim.faults import Faults
from labctl.sim.instruments.fittings import Fittings, Maker
from labctl.sim.instruments.keithley2400 import Keithley2400
from labctl.sim.instruments.keithley2450_scpi import FIRMWARE, SERIAL, VENDOR, Keithley2450Scpi
from labctl.sim.instruments.keithley2450_settings import MODEL
from labctl.sim.instruments.keithley2450_smu import Smu2450
from labctl.sim.instruments.keithley2450_system import Language, language_command
from labctl.sim.instruments.keithley2450_tsp import Keithley2450Tsp
from labctl.sim.instruments.smu import Port
from labctl.sim.scpi import Command
from labctl.sim.status import Status


class Keithley2450As2400(Keithley2400):
    """The box in the language *SCPI 2400*."""

    vendor, serial, firmware = VENDOR, str(SERIAL), FIRMWARE

    def __init__(
        self,
        clock: VirtualClock,
        port: Port,
        rng: np.random.Generator,
        language: Language,
        faults: Faults | None = None,
        ideal: bool = False,
    ) -> None:
        self._language = language
        super().__init__(clock, "2400", port, rng, faults, ideal)

    def commands(self) -> Iterator[Command]:
        """Return the table of a 2400, and ``*LANG``."""
        return chain((language_command(self._language),), super().commands())

    def identity(self) -> str:
        """Return the answer to ``*IDN?``."""
        return f"{self.vendor},MODEL {self.faults.identity or '2450'},{self.serial}," + (
            self.firmware
        )


class Keithley2450(Box):
    """The instrument: whatever language it speaks, one terminal, one clock, one connector.

    Parameters
    ----------
    clock
        Bench time.
    port
        Where the terminal is wired to.
    rng
        Noise of the readings.
    faults
        What is wrong with the box.
    ideal
        Without noise, resolution and settling.
    language
        ``SCPI``, ``TSP`` or ``SCPI2400``: the command set it was last set to.

    Attributes
    ----------
    spoken
        The box of the language it speaks now.
    smu
        The source meter behind its own two languages.
    """

    def __init__(
        self,
        clock: VirtualClock,
        port: Port,
        rng: np.random.Generator,
        faults: Faults | None = None,
        ideal: bool = False,
        language: str = "SCPI",
    ) -> None:
        faults = faults or Faults()
        smu = Smu2450(port, clock, rng, faults, ideal)
        self.language = Language(language)
        self._serial = SERIAL
        self._makers: dict[str, Callable[[], Box]] = {
            "SCPI": lambda: Keithley2450Scpi(clock, smu, self.language, faults),
            "TSP": lambda: Keithley2450Tsp(clock, smu, self.language, faults),
            "SCPI2400": lambda: Keithley2450As2400(clock, port, rng, self.language, faults, ideal),
        }
        self.smu = smu
        self._made: dict[str, Box] = {}
        self.spoken = self._speak(language)
        super().__init__(clock, faults)

    @property
    def serial(self) -> str:
        """Serial number, the same in every language."""
        return str(self._serial)

    @serial.setter
    def serial(self, number: str) -> None:
        self._serial = int(number)
        self.spoken.serial = number  # type: ignore[attr-defined]

    @property
    def status(self) -> Status:
        """Registers and error queue of the language that is spoken."""
        return self.spoken.status

    @status.setter
    def status(self, status: Status) -> None:
        """Keep those of the language: a connector has none of its own."""

    def _speak(self, language: str) -> Box:
        """Return the box that speaks a language, made at the first time."""
        if language not in self._made:
            self._made[language] = self._makers[language]()
        box = self._made[language]
        box.serial = str(self._serial)  # type: ignore[attr-defined]
        return box

    def power_cycle(self) -> None:
        """Switch off and on: what ``*LANG`` named last is the language now."""
        self.spoken.power_cycle()
        self._reboot()

    def _reboot(self) -> None:
        self.language.present = self.language.chosen
        self.spoken = self._speak(self.language.present)
        self.faults.on_power_cycle(self.power_cycle)
        self.spoken.power_cycle()

    # -- the connector -------------------------------------------------------------------------

    def feed(self, data: bytes, end: bool = True) -> None:
        """Take bytes from the bus."""
        due = self.faults.power_cycle_after
        self.spoken.feed(data, end)
        if due is not None and self.faults.power_cycle_after is None:
            self._reboot()

    def whole(self, data: bytes) -> bool:
        """Tell whether bytes are one message for sure."""
        return self.spoken.whole(data)

    def frame(self, data: bytes, end: bool) -> tuple[list[bytes], bytes]:
        """Cut bytes into messages; return them and what waits for more."""
        return self.spoken.frame(data, end)

    def take(self, count: int, terminator: int | None = None) -> tuple[bytes, Ending] | None:
        """Give up to ``count`` bytes of the oldest answer, or None."""
        return self.spoken.take(count, terminator)

    def late(self, timeout: float) -> bool:
        """Tell, once, whether the oldest answer came more than ``timeout`` (s) too late."""
        return self.spoken.late(timeout)

    def execute(self, line: str) -> None:
        """Do what one message says."""
        self.spoken.execute(line)

    def abort(self) -> None:
        """Break off whatever runs."""
        self.spoken.abort()

    def device_clear(self) -> None:
        """Clear input and output and break off what runs."""
        self.spoken.device_clear()

    def serial_poll(self) -> int:
        """Return the status byte."""
        return self.spoken.serial_poll()

    def starved(self) -> None:
        """Take note of a read that finds nothing to say."""
        self.spoken.starved()

    def status_byte(self) -> int:
        """Return the status byte as ``*STB?`` does."""
        return self.spoken.status_byte()

    def requests_service(self) -> bool:
        """Tell whether the service-request line is pulled."""
        return self.spoken.requests_service()

    def refresh(self) -> bool:
        """Look for new reasons to request service."""
        return self.spoken.refresh()

    def say(self, data: bytes) -> None:
        """Put one answer on the output queue."""
        self.spoken.say(data)

    def trigger(self) -> None:
        """Take a group execute trigger."""
        self.spoken.trigger()

    def group_trigger(self) -> None:
        """Do what a group execute trigger does."""
        self.spoken.group_trigger()


def _make(fittings: Fittings) -> Keithley2450:
    box = Keithley2450(
        fittings.clock,
        fittings.port("a", MODEL.reaction),
        fittings.rng,
        fittings.faults,
        ideal=fittings.ideal,
        language=str(fittings.simulation.get("language_2450", "SCPI")),
    )
    box.serial = str(SERIAL + fittings.number)
    return box


MAKERS: dict[str, Maker] = {"2450": _make}
"""How the model is built."""
