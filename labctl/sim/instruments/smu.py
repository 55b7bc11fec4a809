"""One source-measure channel: levels, limits, ranges, what it drives and what it reads.

Nothing here knows a command language; an instrument's table of commands calls it.
"""

from __future__ import annotations

from bisect import bisect_left
from math import copysign, exp, nan
from typing import Protocol

import numpy as np

from labctl.clock import VirtualClock
from labctl.sim.instruments.smu_models import OVERRANGE, SmuModel
from labctl.sim.status import Refused

CURRENT, VOLTAGE = 0, 1
"""Source functions."""
NORMAL, ZERO, HIGH_Z = 0, 1, 2
"""Output-off modes."""
OVERFLOW = 9.91e37
"""Reading beyond a fixed range."""
LEVEL_TIME = 9e-5
"""Bench time of a change of level, s: 7 000 script source-measures a second at NPLC 0.001."""
MEASURE_TIME = 4e-5
"""Bench time of a measurement besides its integration, s (4 000 readings a second at 0.01)."""
OUTPUT_TIME = 1e-3
"""Bench time of switching the output, s; order of magnitude, not specified."""
NOISE = 3e-6
"""Standard deviation of a reading of one power-line cycle, relative to its range."""
RESOLUTION = 1e-6
"""Step of a reading of one power-line cycle, relative to its range."""
_NOISE_BLOCK = 512
_SETTLING = ((1e-7, 20e-3), (1e-6, 2e-3), (1e-5, 5e-4), (1e-4, 1.5e-4), (1e-3, 5e-5))
"""Current range (A), time to settle to 0.1 % (s): data sheet."""
_FASTEST = 5e-5
_LOG_1000 = 6.9078


class Port(Protocol):
    """Where the channel's HI terminal is wired to."""

    def drive(self, voltage: float, limit: float) -> None:
        """Set level (V, NaN = disconnected) and current limit (A)."""
        ...

    def measure(self) -> tuple[float, bool]:
        """Return the current delivered (A) and whether it is at its limit."""
        ...

    def level(self) -> float:
        """Return the voltage at the terminal, V."""
        ...


class OpenPort:
    """A terminal that is wired to nothing."""

    def __init__(self) -> None:
        self._voltage = 0.0

    def drive(self, voltage: float, limit: float) -> None:
        """Keep the level."""
        self._voltage = voltage

    def measure(self) -> tuple[float, bool]:
        """Return no current."""
        return 0.0, False

    def level(self) -> float:
        """Return the level, V."""
        return 0.0 if self._voltage != self._voltage else self._voltage


class SourceChannel:
    """The analogue side of one channel.

    Parameters
    ----------
    model
        Ranges and limits.
    port
        Where it is wired to.
    clock
        Bench time.
    rng
        Noise of the readings.
    ideal
        Without noise, resolution and settling.
    """

    def __init__(
        self,
        model: SmuModel,
        port: Port,
        clock: VirtualClock,
        rng: np.random.Generator,
        ideal: bool = False,
    ) -> None:
        self.model, self.port, self.clock, self.ideal = model, port, clock, ideal
        self.line_frequency = 50.0
        self._rng = rng
        self._noise: list[float] = []
        self._ranges = {VOLTAGE: model.voltage_ranges, CURRENT: model.current_ranges}
        self._measure_ranges = {
            VOLTAGE: model.voltage_ranges,
            CURRENT: model.measure_current_ranges,
        }
        self._changed = -1.0  # bench time of the last step of the level
        self._before = 0.0  # level before it, V
        self._settings()
        self._apply()

    def _settings(self) -> None:
        model = self.model
        self.function = VOLTAGE
        self.output = False
        self.off_mode = NORMAL
        self.off_limit = 1e-3
        self.levels = {VOLTAGE: 0.0, CURRENT: 0.0}
        self.limits = {
            VOLTAGE: model.default_limit_voltage,
            CURRENT: model.default_limit_current,
        }
        self.source_auto = {VOLTAGE: True, CURRENT: True}
        self._source_range = {VOLTAGE: model.voltage_ranges[0], CURRENT: model.current_ranges[0]}
        self.measure_auto = {VOLTAGE: True, CURRENT: True}
        self._measure_range = {
            VOLTAGE: model.voltage_ranges[-1],
            CURRENT: model.measure_current_ranges[-1],
        }
        self.low_range = {q: ranges[0] for q, ranges in self._measure_ranges.items()}
        self.nplc = 1.0
        self.autozero = 2
        self.measure_delay = 0.0
        self.source_delay = 0.0

    # -- settings ------------------------------------------------------------------------------

    def reset(self) -> None:
        """Go to power-on settings: output off, 0 V."""
        self._settings()
        self._apply()

    def set_function(self, function: int) -> None:
        """Source voltage (1) or current (0)."""
        if function != self.function:
            self.function = function
            self._apply()

    def set_output(self, on: bool) -> None:
        """Switch the output."""
        if on != self.output:
            self.clock.sleep(OUTPUT_TIME)
            self.output = on
            self._changed = -1.0
            self._apply()

    def set_off_mode(self, mode: int) -> None:
        """Choose what the terminal does while the output is off."""
        self.off_mode = mode
        self._apply()

    def set_level(self, quantity: int, value: float) -> None:
        """Set the level (V or A) of a source function.

        Raises Refused: 1102 beyond the model, 5005 beyond a fixed range, 5007 outside the safe
        operating area.
        """
        size = abs(value)
        if size > self._ranges[quantity][-1] * OVERRANGE:
            raise Refused(1102, "Parameter too big")
        if not self.source_auto[quantity] and size > self._source_range[quantity] * OVERRANGE:
            raise Refused(5005, "Value too big for range")
        limit = self.limits[1 - quantity]
        self._check_area(*((size, limit) if quantity == VOLTAGE else (limit, size)))
        self.clock.sleep(LEVEL_TIME)
        old = self.levels[quantity]
        if old != value:
            self.levels[quantity] = value
            if quantity == self.function and self.output:
                self._before, self._changed = old, self.clock.now()
                self._apply()
        if self.source_delay > 0.0:
            self.clock.sleep(self.source_delay)

    def set_limit(self, quantity: int, value: float) -> None:
        """Set the limit (V or A): 1102 too big, 1103 too small, 5007 outside the safe area."""
        least = (self.model.least_limit_current, self.model.least_limit_voltage)[quantity]
        if value > self._ranges[quantity][-1] * OVERRANGE:
            raise Refused(1102, "Parameter too big")
        if value < least * (1 - 1e-9):
            raise Refused(1103, "Parameter too small")
        level = abs(self.levels[1 - quantity])
        self._check_area(*((value, level) if quantity == VOLTAGE else (level, value)))
        self.limits[quantity] = value
        self._apply()

    def source_range(self, quantity: int) -> float:
        """Return the range in use by the source."""
        if self.source_auto[quantity]:
            return _fitting(self._ranges[quantity], abs(self.levels[quantity]))
        return self._source_range[quantity]

    def set_source_range(self, quantity: int, value: float) -> None:
        """Fix the source range that holds ``value``; 5005 where the level does not fit."""
        ranges = self._ranges[quantity]
        if abs(value) > ranges[-1] * OVERRANGE:
            raise Refused(1102, "Parameter too big")
        chosen = _fitting(ranges, abs(value))
        if abs(self.levels[quantity]) > chosen * OVERRANGE:
            raise Refused(5005, "Value too big for range")
        self._source_range[quantity] = chosen
        self.source_auto[quantity] = False

    def set_source_auto(self, quantity: int, on: bool) -> None:
        """Switch autoranging of the source; off keeps the present range."""
        if not on:
            self._source_range[quantity] = self.source_range(quantity)
        self.source_auto[quantity] = on

    def measure_range(self, quantity: int) -> float:
        """Return the fixed measure range, or the largest that autoranging has to use."""
        return self._measure_range[quantity]

    def set_measure_range(self, quantity: int, value: float) -> None:
        """Fix the measure range that holds ``value``."""
        ranges = self._measure_ranges[quantity]
        if abs(value) > ranges[-1] * OVERRANGE:
            raise Refused(1102, "Parameter too big")
        self._measure_range[quantity] = _fitting(ranges, abs(value))
        self.measure_auto[quantity] = False

    # -- measuring -----------------------------------------------------------------------------

    @property
    def compliance(self) -> bool:
        """Whether the source is at its limit now."""
        if not self.output:
            return False
        limited = self.port.measure()[1]
        if self.function == VOLTAGE:
            return limited
        return not limited and self.levels[CURRENT] != 0.0

    @property
    def integration(self) -> float:
        """Bench time of one reading, s: integration (thrice with autozero) and overhead."""
        conversions = 3 if self.autozero == 2 else 1
        return conversions * self.nplc / self.line_frequency + MEASURE_TIME

    def measure(self) -> tuple[float, float]:
        """Take one reading; return current (A) and voltage (V), each as its range shows it."""
        self.clock.sleep(self.measure_delay + self.integration)
        current, limited = self.port.measure()
        if self.output and self.function == VOLTAGE and not limited:
            voltage = self.levels[VOLTAGE]
        else:
            voltage = self.port.level()
            voltage = 0.0 if voltage != voltage else voltage
        if self.ideal:
            return self._shown(CURRENT, current), self._shown(VOLTAGE, voltage)
        if not limited and voltage != 0.0:
            current *= self._settled(voltage, current)
        return self._shown(CURRENT, current), self._shown(VOLTAGE, voltage)

    def _settled(self, voltage: float, current: float) -> float:
        """Return how far the reading has followed the last step of the level."""
        since = self.clock.now() - self._changed
        if self._changed < 0.0 or since > 1.0 or self._before == voltage:
            return 1.0
        used = self._used_range(CURRENT, abs(current))
        to_a_thousandth = next((t for upper, t in _SETTLING if used <= upper), _FASTEST)
        return 1.0 - (1.0 - self._before / voltage) * exp(-since * _LOG_1000 / to_a_thousandth)

    def _used_range(self, quantity: int, size: float) -> float:
        if self.measure_auto[quantity]:
            ranges = self._measure_ranges[quantity]
            return max(_fitting(ranges, size), self.low_range[quantity])
        return self._measure_range[quantity]

    def _shown(self, quantity: int, value: float) -> float:
        """Return a value with noise, resolution and overflow of the range it is read on."""
        used = self._used_range(quantity, abs(value))
        if not self.ideal:
            worse = self.nplc**-0.5 if self.nplc < 1.0 else 1.0
            step = used * RESOLUTION * worse
            value += used * NOISE * self.nplc**-0.5 * self._normal()
            value = round(value / step) * step
        if abs(value) > used * (OVERRANGE + 0.01):
            return copysign(OVERFLOW, value)
        return value

    def _normal(self) -> float:
        if not self._noise:
            self._noise = self._rng.standard_normal(_NOISE_BLOCK).tolist()
        return self._noise.pop()

    # -- driving -------------------------------------------------------------------------------

    def _apply(self) -> None:
        """Bring what the settings say to the terminal."""
        if not self.output:
            if self.off_mode == HIGH_Z:
                self.port.drive(nan, 0.0)
            else:
                limit = self.off_limit if self.off_mode == NORMAL else self.limits[CURRENT]
                self.port.drive(0.0, limit)
        elif self.function == VOLTAGE:
            self.port.drive(self.levels[VOLTAGE], self.limits[CURRENT])
        else:
            # A current source is a voltage source at its current limit.
            level = self.levels[CURRENT]
            if level == 0.0:
                self.port.drive(nan, 0.0)
            else:
                self.port.drive(copysign(self.limits[VOLTAGE], level), abs(level))

    def _check_area(self, voltage: float, current: float) -> None:
        if voltage > self.model.corner_voltage and current > self.model.corner_current:
            raise Refused(5007, "Operation would exceed safe operating area of the instrument")


def _fitting(ranges: tuple[float, ...], size: float) -> float:
    """Return the smallest range that holds ``size``."""
    k = bisect_left(ranges, size / OVERRANGE)
    return ranges[min(k, len(ranges) - 1)]
