"""From conversions to a reading of a Keithley 2400: filter, ohms, status word.

Source: *2400 Series SourceMeter User's Manual*, sections 4 (ohms), 7 (filters), 18 (status word).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from statistics import fmean

from labctl.sim.instruments.keithley2400_analogue import Analogue, Conversion
from labctl.sim.instruments.keithley2400_models import CURRENT, RESISTANCE, VOLTAGE
from labctl.sim.instruments.keithley2400_reading import (
    AUTO_OHMS,
    COMPLIANCE,
    FILTER,
    FRONT,
    MATH,
    MEASURES_I,
    MEASURES_OHM,
    MEASURES_V,
    OFFSET_COMPENSATED,
    OVER,
    OVERFLOWED,
    PROTECTION,
    RANGE_COMPLIANCE,
    REMOTE_SENSE,
    SOURCES_I,
    SOURCES_V,
    Reading,
    rounded,
)
from labctl.sim.instruments.keithley2400_settings import Settings
from labctl.sim.scpi import NOT_A_NUMBER


class Meter:
    """The measuring half of the cycle."""

    def __init__(self, settings: Callable[[], Settings], analogue: Analogue) -> None:
        self._settings, self._analogue = settings, analogue
        self._moving: dict[int, deque[float]] = {}

    def forget_filter(self) -> None:
        """Begin the moving filter anew."""
        self._moving.clear()

    def read(self, ohms: bool, time: float) -> Reading:
        """Take one reading; ``ohms`` tells whether the ohmmeter has the source.

        Parameters
        ----------
        time
            Time stamp of the start, s.
        """
        settings = self._settings()
        count = settings.filter_count if settings.filter and settings.filter_repeats else 1
        functions = max(len(settings.functions), 1)
        done = [self._analogue.measure(functions) for _ in range(count)]
        if ohms:
            done = self._range_ohms(settings, done)
        voltage = self._filtered(settings, VOLTAGE, [one.voltage for one in done])
        current = self._filtered(settings, CURRENT, [one.current for one in done])
        last = done[-1]
        resistance = NOT_A_NUMBER
        if RESISTANCE in settings.functions:
            resistance = _ratio(voltage, current)
            if ohms and resistance > settings.measure_range[RESISTANCE] * 1.05:
                resistance = OVERFLOWED
        source, measured = self._analogue.function, settings.functions
        return Reading(
            voltage if VOLTAGE in measured else self._programmed(VOLTAGE, source),
            current if CURRENT in measured else self._programmed(CURRENT, source),
            resistance,
            rounded(time),
            self._status(settings, last, ohms),
        )

    def _programmed(self, quantity: int, source: int) -> float:
        """Return what stands for a function that is not measured: the level sourced, or NAN."""
        return (
            rounded(self._analogue.channel.levels[source]) if quantity == source else NOT_A_NUMBER
        )

    def _range_ohms(self, settings: Settings, done: list[Conversion]) -> list[Conversion]:
        """Look for the resistance range that holds the reading (auto ohms with autorange)."""
        for _ in self._analogue.model.resistance_ranges:
            used = settings.measure_range[RESISTANCE]
            fitting = self._analogue.model.fitting(
                RESISTANCE, abs(_ratio(done[-1].voltage, done[-1].current))
            )
            fitting = max(fitting, settings.low_range[RESISTANCE])
            if settings.high_resistance:
                fitting = min(fitting, settings.high_resistance)
            if not settings.measure_auto[RESISTANCE] or fitting == used:
                break
            settings.measure_range[RESISTANCE] = fitting
            self._analogue.choose_ohms()
            self._analogue.settle()
            done = [self._analogue.measure() for _ in done]
        return done

    def _filtered(self, settings: Settings, quantity: int, values: list[float]) -> float:
        if not settings.filter:
            return values[-1]
        if settings.filter_repeats:
            return rounded(fmean(values))
        stack = self._moving.get(quantity)
        if stack is None or stack.maxlen != settings.filter_count:
            # The first reading fills the stack (manual, section 7, moving filter).
            stack = deque(values * settings.filter_count, settings.filter_count)
            self._moving[quantity] = stack
        stack.append(values[-1])
        return rounded(fmean(stack))

    def _status(self, settings: Settings, last: Conversion, ohms: bool) -> int:
        source = self._analogue.function
        protected = abs(settings.level[VOLTAGE]) > settings.protection and source == VOLTAGE
        functions = settings.functions
        return (
            last.overflowed << OVER
            | settings.filter << FILTER
            | (settings.terminals == "FRON") << FRONT
            | (last.limited and not last.by_range) << COMPLIANCE
            | protected << PROTECTION
            | settings.math_on << MATH
            | ohms << AUTO_OHMS
            | (VOLTAGE in functions) << MEASURES_V
            | (CURRENT in functions) << MEASURES_I
            | (RESISTANCE in functions) << MEASURES_OHM
            | (source == VOLTAGE) << SOURCES_V
            | (source == CURRENT) << SOURCES_I
            | last.by_range << RANGE_COMPLIANCE
            | settings.offset_compensated << OFFSET_COMPENSATED
            | settings.four_wire << REMOTE_SENSE
        )


def _ratio(voltage: float, current: float) -> float:
    if abs(voltage) >= OVERFLOWED or current == 0.0:
        return OVERFLOWED
    return voltage / current if abs(current) < OVERFLOWED else OVERFLOWED
