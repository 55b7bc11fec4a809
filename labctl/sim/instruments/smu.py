"""One source-measure channel: levels, limits, ranges, and what it drives.

Nothing here knows a command language; an instrument's table of commands calls it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import copysign, nan

import numpy as np

from labctl.clock import VirtualClock
from labctl.sim.instruments.smu_meter import (
    BEYOND_RANGE,
    CURRENT,
    MEASURE_TIME,
    NOISE,
    OVERFLOW,
    RESOLUTION,
    TOO_BIG,
    TOO_SMALL,
    UNSAFE,
    VOLTAGE,
    Meter,
    fitting,
)
from labctl.sim.instruments.smu_models import OVERRANGE, SmuModel
from labctl.sim.instruments.smu_port import OpenPort, Port
from labctl.sim.status import Refused

__all__ = [
    "CURRENT", "HIGH_Z", "LEVEL_TIME", "MEASURE_TIME", "NOISE", "NORMAL", "OUTPUT_TIME", "OVERFLOW",
    "RESOLUTION", "VOLTAGE", "ZERO", "OpenPort", "Port", "SourceChannel", "fitting",
]  # fmt: skip

NORMAL, ZERO, HIGH_Z = 0, 1, 2
"""Output-off modes."""
LEVEL_TIME = 9e-5
"""Bench time of a change of level, s: 7 000 script source-measures a second at NPLC 0.001."""
OUTPUT_TIME = 1e-3
"""Bench time of switching the output, s; order of magnitude, not specified."""


class SourceChannel(Meter):
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

    Attributes
    ----------
    relay_time
        Bench time of the relay that disconnects the terminal in the off mode HIGH_Z, s.
    same_range
        Whether what is sourced is measured on the source range.
    permit
        Called before the output goes on, or onto the top range while on; raises Refused.
    """

    relay_time = 0.0
    same_range = False

    def __init__(
        self,
        model: SmuModel,
        port: Port,
        clock: VirtualClock,
        rng: np.random.Generator,
        ideal: bool = False,
    ) -> None:
        super().__init__(model, rng, ideal)
        self.port, self.clock = port, clock
        self.permit: Callable[[], None] | None = None
        self._free = model.voltage_ranges[-2:][0]  # V; no permission is needed up to here
        self._ranges = {VOLTAGE: model.voltage_ranges, CURRENT: model.current_ranges}
        self.reset()

    def _settings(self) -> None:
        model = self.model
        self._meter_defaults()
        self.function = VOLTAGE
        self.output = self.disconnected = False
        self.off_mode, self.off_function = NORMAL, VOLTAGE
        self.off_limit = 1e-3
        self.levels = {VOLTAGE: 0.0, CURRENT: 0.0}
        self.limits = {
            VOLTAGE: model.default_limit_voltage,
            CURRENT: model.default_limit_current,
        }
        self.power_limit = 0.0
        self.source_auto = {VOLTAGE: True, CURRENT: True}
        self._source_range = {VOLTAGE: model.voltage_ranges[0], CURRENT: model.current_ranges[0]}
        self.low_source = {VOLTAGE: 0.0, CURRENT: 0.0}
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
        if on == self.output and not self.disconnected:
            return
        if on and self.permit is not None:
            self.permit()
        self.clock.sleep(OUTPUT_TIME)
        if self.relay_time and (self.off_mode == HIGH_Z or self.disconnected):
            self.clock.sleep(self.relay_time)
        self.output, self.disconnected = on, False
        self._stepped = -1.0
        self._apply()

    def disconnect(self) -> None:
        """Switch the output off and open its relay, until it is switched again."""
        if not self.disconnected:
            self.clock.sleep(OUTPUT_TIME + self.relay_time)
        self.output, self.disconnected = False, True
        self._apply()

    def trip(self) -> None:
        """Switch the output off at once, for protection."""
        self.output = False
        self._apply()

    def set_off_mode(self, mode: int) -> None:
        """Choose what the terminal does while the output is off."""
        self.off_mode = mode
        self._apply()

    def set_off_function(self, function: int) -> None:
        """Choose what the off mode NORMAL sources: 0 V, or 0 A."""
        self.off_function = function
        self._apply()

    def set_level(self, quantity: int, value: float) -> None:
        """Set the level (V or A) of a source function, in bench time, and wait the source delay.

        Raises Refused: 1101 beyond the model, 5005 beyond a fixed range, 5007 outside the safe
        operating area.
        """
        self.check_level(quantity, value)
        self.clock.sleep(LEVEL_TIME)
        self.put_level(quantity, value)
        if self.source_delay > 0.0:
            self.clock.sleep(self.source_delay)

    def check_level(self, quantity: int, value: float) -> None:
        """Raise Refused where :meth:`set_level` would."""
        size = abs(value)
        if size > self._ranges[quantity][-1] * OVERRANGE:
            raise Refused(*TOO_BIG)
        if not self.source_auto[quantity] and size > self._source_range[quantity] * OVERRANGE:
            raise Refused(*BEYOND_RANGE)
        if quantity != VOLTAGE:
            self._check_area(self.limits[VOLTAGE], size)
        elif size > self.model.corner_voltage:
            self._check_area(size, self.limits[CURRENT])

    def put_level(self, quantity: int, value: float) -> None:
        """Bring the source to a level that was checked; costs no bench time."""
        old = self.levels[quantity]
        if old == value:
            return
        self.levels[quantity] = value
        if quantity == self.function and self.output:
            if self.permit is not None and abs(value) > self._free:
                self._permit_or_trip()
            self._stepped, self._before = self.clock.now(), old
            self._apply()

    def set_limit(self, quantity: int, value: float) -> None:
        """Set the limit (V or A): 1101 too big, 1102 too small, 5007 outside the safe area."""
        least = (self.model.least_limit_current, self.model.least_limit_voltage)[quantity]
        if value > self._ranges[quantity][-1] * OVERRANGE:
            raise Refused(*TOO_BIG)
        if value < least * (1 - 1e-9):
            raise Refused(*TOO_SMALL)
        level = abs(self.levels[1 - quantity])
        self._check_area(*((value, level) if quantity == VOLTAGE else (level, value)))
        self.limits[quantity] = value
        self._apply()

    def source_range(self, quantity: int) -> float:
        """Return the range in use by the source."""
        if self.source_auto[quantity]:
            size = max(abs(self.levels[quantity]), self.low_source[quantity])
            return fitting(self._ranges[quantity], size)
        return self._source_range[quantity]

    def set_source_range(self, quantity: int, value: float) -> None:
        """Fix the source range that holds ``value``; 5005 where the level does not fit."""
        ranges = self._ranges[quantity]
        if abs(value) > ranges[-1] * OVERRANGE:
            raise Refused(*TOO_BIG)
        chosen = fitting(ranges, abs(value))
        if abs(self.levels[quantity]) > chosen * OVERRANGE:
            raise Refused(*BEYOND_RANGE)
        self._source_range[quantity] = chosen
        self.source_auto[quantity] = False
        if self.output and self.permit is not None:
            self._permit_or_trip()

    def set_source_auto(self, quantity: int, on: bool) -> None:
        """Switch autoranging of the source; off keeps the present range."""
        if not on:
            self._source_range[quantity] = self.source_range(quantity)
        self.source_auto[quantity] = on

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

    def measure(self) -> tuple[float, float]:
        """Take one reading; return current (A) and voltage (V), each as its range shows it."""
        delay = self.measure_delay
        if delay:
            delay = self.settling_delay()
        self.clock.sleep(delay + self.integration)
        return self.read()

    def read(self) -> tuple[float, float]:
        """Return what a reading that ends now shows; costs no bench time."""
        current, limited = self.port.measure()
        if self.output and self.function == VOLTAGE and not limited:
            voltage = self.levels[VOLTAGE]
        else:
            voltage = self.port.level()
            voltage = 0.0 if voltage != voltage else voltage
        if self.measure_auto[CURRENT]:
            on_current = self.used_range(CURRENT, abs(current))
        else:
            on_current = self._measure_range[CURRENT]
        if not (self.same_range and self.output):
            on_voltage = self.used_range(VOLTAGE, abs(voltage))
        elif self.function == VOLTAGE:
            on_voltage = self.source_range(VOLTAGE)
        else:
            on_voltage = self.used_range(VOLTAGE, abs(voltage))
            on_current = self.source_range(CURRENT)
        if not (self.ideal or limited) and voltage != 0.0:
            current *= self.settled(self.clock.now(), voltage, on_current)
        return self.shown(CURRENT, current, on_current), self.shown(VOLTAGE, voltage, on_voltage)

    # -- driving -------------------------------------------------------------------------------

    def _apply(self) -> None:
        """Bring what the settings say to the terminal."""
        if not self.output:
            floats = self.off_mode == NORMAL and self.off_function == CURRENT
            if self.off_mode == HIGH_Z or floats or self.disconnected:
                self.port.drive(nan, 0.0)
            else:
                limit = self.off_limit if self.off_mode == NORMAL else self.limits[CURRENT]
                self.port.drive(0.0, limit)
        elif self.function == VOLTAGE:
            level = self.levels[VOLTAGE]
            limit = self._most(CURRENT, level) if self.power_limit else self.limits[CURRENT]
            self.port.drive(level, limit)
        else:
            # A current source is a voltage source at its current limit.
            level = self.levels[CURRENT]
            if level == 0.0:
                self.port.drive(nan, 0.0)
            else:
                self.port.drive(copysign(self._most(VOLTAGE, level), level), abs(level))

    def set_power_limit(self, value: float) -> None:
        """Set the power limit, W; 0 is none."""
        self.power_limit = value
        self._apply()

    def _most(self, quantity: int, level: float) -> float:
        """Return the limit that holds at a level: as set, or what the power limit leaves."""
        if self.power_limit and level:
            return min(self.limits[quantity], self.power_limit / abs(level))
        return self.limits[quantity]

    def _permit_or_trip(self) -> None:
        assert self.permit is not None
        try:
            self.permit()
        except Refused:
            self.trip()
            raise

    def _check_area(self, voltage: float, current: float) -> None:
        if voltage > self.model.corner_voltage and current > self.model.corner_current:
            raise Refused(*UNSAFE)
