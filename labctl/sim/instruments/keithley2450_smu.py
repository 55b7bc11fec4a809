"""The source meter of a Keithley 2450: what every language of the box acts on.

Source: *Model 2450 Reference Manual* (2450-901-01), section 2 (measure operation, source readback)
and the command references.
"""

from __future__ import annotations

from math import copysign

from labctl.sim.instruments.keithley2450_output import Output
from labctl.sim.instruments.keithley2450_reading import (
    BIG,
    CONFLICT,
    OVERFLOW,
    STAT_LIMIT,
    STAT_OUTPUT,
    STAT_PROTECTION,
    STAT_READBACK,
    STAT_SENSE,
    STAT_START_GROUP,
    STAT_TERMINAL,
    Reading,
    in_unit,
    mean,
)
from labctl.sim.instruments.keithley2450_settings import (
    MEASURE_RANGES,
    RESISTANCE,
    MeasureSettings,
    SourceSettings,
    fitting,
)
from labctl.sim.instruments.smu import CURRENT, VOLTAGE
from labctl.sim.status import Refused

_SOURCE_UNITS = ("AMP", "VOLT")


class Smu2450(Output):
    """Source, meter and output relay; parameters as for :class:`Output`."""

    # -- meter ---------------------------------------------------------------------------------

    def set_sense(self, function: int) -> None:
        """Measure current (0), voltage (1) or resistance (2)."""
        self.sense = function
        self.apply_measure()

    def measure_range(self, function: int) -> float:
        """Return the measure range in use; the range of the source where it measures itself."""
        if function == self.function:
            return self.source_range(function)
        return self.measures[function].range

    def set_measure_range(self, function: int, value: float) -> None:
        """Fix the measure range that holds ``value``; autoranging goes off."""
        settings = self.measures[function]
        settings.range = fitting(MEASURE_RANGES[function], abs(value))
        settings.auto = False
        self.apply_measure()

    def set_measure_auto(self, function: int, on: bool) -> None:
        """Switch autoranging of the meter."""
        self.measures[function].auto = on
        self.apply_measure()

    def set_bound(self, function: int, value: float, upper: bool) -> None:
        """Set the lowest or highest range of autoranging."""
        chosen = fitting(MEASURE_RANGES[function], abs(value))
        settings = self.measures[function]
        if (upper and chosen < settings.low) or (not upper and chosen > settings.high):
            raise Refused(*CONFLICT)
        if upper:
            settings.high = chosen
        else:
            settings.low = chosen
        self.apply_measure()

    def read(self, first: bool = True) -> Reading:
        """Take one reading, filtered as set; its time is where it begins."""
        settings, source = self.measures[self.sense], self.sources[self.function]
        channel = self.channel
        if self._due and self.output:
            self.clock.sleep(self.delay(self.function))
            self._due = False
        channel.nplc, channel.autozero = settings.nplc, 2 if settings.autozero else 0
        began = self.clock.now()
        repeats = 1
        if settings.filter_on and not settings.filter_moving:
            repeats = settings.filter_count
        values, current, voltage = [], 0.0, 0.0
        for _ in range(repeats):
            current, voltage = channel.measure()
            values.append(in_unit(settings.unit, current, voltage, self._ohm_range()))
        value = values[0] if repeats == 1 else mean(values)
        if settings.filter_on and settings.filter_moving:
            settings.window = [*settings.window, value][-settings.filter_count :]
            value = mean(settings.window)
        if self.faults.over_range:
            value = OVERFLOW
        if settings.relative_on and abs(value) < BIG:
            value -= settings.relative
        shown = self.levels[self.function]
        if source.readback:
            self.clock.sleep(settings.nplc / channel.line_frequency)
            shown = voltage if self.function == VOLTAGE else current
        return Reading(
            value=value,
            source=copysign(OVERFLOW, shown) if abs(shown) > BIG else shown,
            time=began,
            status=(STAT_TERMINAL if self.front else 0) | (STAT_START_GROUP if first else 0),
            source_status=self._source_status(source, settings),
            unit=settings.unit,
            source_unit=_SOURCE_UNITS[self.function],
            digits=settings.digits,
        )

    def _ohm_range(self) -> float:
        """Return the largest resistance (ohm) that the present function shows."""
        settings = self.measures[RESISTANCE]
        if self.sense != RESISTANCE or settings.auto:
            return OVERFLOW
        return settings.range * 1.06

    def _source_status(self, source: SourceSettings, settings: MeasureSettings) -> int:
        return (
            (STAT_PROTECTION if self.protection_tripped(self.function) else 0)
            | (STAT_READBACK if source.readback else 0)
            | (STAT_LIMIT if self.channel.compliance else 0)
            | (STAT_SENSE if settings.four_wire else 0)
            | (STAT_OUTPUT if self.output else 0)
        )

    def apply_measure(self) -> None:
        """Bring the settings of the meter to the channel."""
        for function in (CURRENT, VOLTAGE):
            settings = self.measures[function]
            settings.window = []
            used = function == self.sense and function != self.function
            self.channel.low_range[function] = settings.low if used else 0.0
            if used and not settings.auto:
                self.channel.set_measure_range(function, settings.range)
            else:
                self.channel.measure_auto[function] = True
        self.measures[RESISTANCE].window = []
