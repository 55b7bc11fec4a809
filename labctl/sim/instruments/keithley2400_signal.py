"""The signal-oriented commands of a Keithley 2400: CONFigure, READ, FETCh, MEASure.

Source: *2400 Series SourceMeter User's Manual*, section 17.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from labctl.sim.instruments.keithley2400_models import CURRENT, RESISTANCE, VOLTAGE
from labctl.sim.instruments.keithley2400_reading import Reading, numbers, transfer
from labctl.sim.instruments.keithley2400_settings import INFINITE, Settings
from labctl.sim.scpi import Command, Later
from labctl.sim.status import Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2400 import Keithley2400

_FUNCTIONS = {"VOLTage[:DC]": VOLTAGE, "CURRent[:DC]": CURRENT, "RESistance": RESISTANCE}
_TRIGGERING = (
    "arm_count", "arm_source", "arm_direction", "trigger_count", "trigger_source",
    "trigger_direction", "trigger_delay", "autozero", "math_on", "null_on",
)  # fmt: skip


class SignalOriented:
    """Readings on demand."""

    def __init__(self, box: Keithley2400) -> None:
        self._box = box

    def commands(self) -> Iterator[Command]:
        """Yield the tables."""
        yield Command(":READ", query=self._read)
        yield Command(":FETCh", query=self._fetch)
        yield Command("[:SENSe[1]]:DATA[:LATest]", query=self._latest)
        yield Command(":MEASure", query=partial(self._measure, None))
        yield Command(":CONFigure", query=self._box.sense.functions_on)
        for name, function in _FUNCTIONS.items():
            yield Command(f":MEASure:{name}", query=partial(self._measure, function))
            yield Command(f":CONFigure:{name}", event=partial(self._configure, function))

    def _read(self) -> Later:
        """Initiate and fetch, once the instrument is idle again."""
        if self._box.settings.arm_count == INFINITE:
            raise Refused(830, "Invalid with INF ARM:COUNT")
        self._box.initiate()
        return Later(self._read_out)

    def _read_out(self) -> str | bytes | None:
        return self._fetch() if self._box.triggers.completed else None

    def _fetch(self) -> str | bytes:
        return self._sent(self._box.cycle.fetched())

    def _latest(self) -> str | bytes:
        return self._sent(self._box.cycle.fetched()[-1:])

    def _sent(self, readings: list[Reading]) -> str | bytes:
        settings = self._box.settings
        values = numbers(readings, settings.elements)
        return transfer(values, settings.data, settings.border)

    def _measure(self, function: int | None) -> Later:
        """Configure and read: this resets settings and switches the output on."""
        self._configure(function)
        return self._read()

    def _configure(self, function: int | None) -> None:
        box = self._box
        settings, fresh = box.settings, box.fresh()
        box.triggers.abort()
        for name in _TRIGGERING:
            setattr(settings, name, getattr(fresh, name))
        for limits in settings.limits.values():
            limits["STATe"] = False
        box.trace.stop()
        if function is not None:
            self._configure_function(settings, fresh, function)
        box.switch(True)

    def _configure_function(self, settings: Settings, fresh: Settings, function: int) -> None:
        """Bring all that has to do with one function to its ``*RST`` value."""
        for name in ("measure_range", "measure_auto", "low_range", "compliance"):
            values = getattr(fresh, name)
            if function in values:
                getattr(settings, name)[function] = values[function]
        settings.nplc, settings.filter = fresh.nplc, fresh.filter
        settings.filter_count, settings.filter_repeats = fresh.filter_count, fresh.filter_repeats
        if function == RESISTANCE:
            settings.ohms_auto, settings.offset_compensated = True, False
        self._box.sense.choose(frozenset((function,)))
        self._box.analogue.apply()
