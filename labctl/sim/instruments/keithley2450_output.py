"""The source of a Keithley 2450: levels, limits, ranges, delays, output, off states.

Source: *Model 2450 Reference Manual* (2450-901-01), section 2 (source operation, output-off states,
interlock, source delay) and the command references. Where the manual at hand is silent, the
behaviour is from memory of the instrument: a change of the source function turns the output off;
overvoltage protection holds the output at its level; the number of the interlock's event. The
guard state sources 0 A, which on a bench without guard is the same as being disconnected.
"""

from __future__ import annotations

from math import copysign, inf

import numpy as np

from labctl.clock import VirtualClock
from labctl.sim.faults import Faults
from labctl.sim.instruments.keithley2450_reading import (
    OUT_OF_RANGE,
    permitted,
    widened,
)
from labctl.sim.instruments.keithley2450_settings import (
    GUARD_OFF,
    HIGH_Z_OFF,
    INTERLOCKED_VOLTAGE,
    MAX_CURRENT,
    MAX_VOLTAGE,
    MODEL,
    OVERRANGE,
    ZERO_OFF,
    MeasureSettings,
    SourceSettings,
    auto_delay,
    default_measures,
    default_sources,
    fitting,
)
from labctl.sim.instruments.smu import CURRENT, HIGH_Z, NORMAL, VOLTAGE, ZERO, Port, SourceChannel
from labctl.sim.status import Refused

INTERLOCK = (5043, "Interlock open; the output cannot be turned on")
RELAY_TIME = 15e-3
"""Settling of the output relay after the high-impedance state, s."""


class Output:
    """Source and output relay of a 2450; the meter comes with :class:`Smu2450`.

    Parameters
    ----------
    port
        Where the terminal is wired to.
    clock
        Bench time.
    rng
        Noise of the readings.
    faults
        Interlock and over-range.
    ideal
        Without noise, resolution and settling.
    """

    def __init__(
        self,
        port: Port,
        clock: VirtualClock,
        rng: np.random.Generator,
        faults: Faults,
        ideal: bool = False,
    ) -> None:
        self.clock, self.faults = clock, faults
        self.channel = SourceChannel(widened(), port, clock, rng, ideal)
        self._defaults()

    def reset(self) -> None:
        """Go to the settings after ``*RST``; output off."""
        self.channel.set_output(False)
        self.channel.reset()
        self._defaults()

    def _defaults(self) -> None:
        self.sources: dict[int, SourceSettings] = default_sources()
        self.measures: dict[int, MeasureSettings] = default_measures()
        self.function, self.sense = VOLTAGE, CURRENT
        self.levels = {VOLTAGE: 0.0, CURRENT: 0.0}
        self.limits = {VOLTAGE: MODEL.default_limit_current, CURRENT: MODEL.default_limit_voltage}
        self.source_auto = {VOLTAGE: True, CURRENT: True}
        self._ranges = {VOLTAGE: MODEL.voltage_ranges[0], CURRENT: MODEL.current_ranges[0]}
        self.count = 1
        self.front = True  # both pairs of terminals lead to the same place
        self.interlock_needed = False
        self._due = True  # whether the source delay comes before the next reading
        self._apply_limits()
        self.apply_measure()
        self._apply_off_state()

    # -- source --------------------------------------------------------------------------------

    @property
    def output(self) -> bool:
        """Whether the output is on."""
        return self.channel.output

    @property
    def interlock(self) -> bool:
        """Whether the interlock is closed, so that all ranges are available."""
        return self.faults.interlock != "open"

    def set_function(self, function: int) -> None:
        """Source voltage (1) or current (0)."""
        if function != self.function:
            self.channel.set_output(False)
            self.function = function
            self.channel.set_function(function)
            self._due = True
            self.apply_measure()
            self._apply_off_state()

    def set_level(self, function: int, value: float) -> None:
        """Set a level, V or A.

        Raises
        ------
        Refused
            -222 beyond the instrument or a fixed range, -221 beyond its power or the interlock.
        """
        most = (MAX_CURRENT, MAX_VOLTAGE)[function]
        if not self.source_auto[function]:
            most = min(most, self._ranges[function] * OVERRANGE)
        if abs(value) > most * (1 + 1e-9):
            raise Refused(*OUT_OF_RANGE)
        if function == VOLTAGE and self.output and function == self.function:
            self._check_interlock(value)
        protection = self.sources[function].protection
        held = copysign(min(abs(value), protection), value) if function == VOLTAGE else value
        permitted(lambda: self.channel.set_level(function, held))
        self._due = self._due or value != self.levels[function]
        self.levels[function] = value

    def set_limit(self, function: int, value: float) -> None:
        """Set the limit of a source function: A for voltage, V for current; -222 as it says."""
        least, most = ((0.02, MAX_VOLTAGE), (1e-9, MAX_CURRENT))[function]
        if not least * (1 - 1e-9) <= value <= most * (1 + 1e-9):
            raise Refused(*OUT_OF_RANGE)
        before = self.limits[function]
        self.limits[function] = value
        try:
            self._apply_limits()
        except Refused:
            self.limits[function] = before
            raise

    def source_range(self, function: int) -> float:
        """Return the source range in use, V or A."""
        if self.source_auto[function]:
            ranges = (MODEL.current_ranges, MODEL.voltage_ranges)[function]
            return fitting(ranges, abs(self.levels[function]))
        return self._ranges[function]

    def set_source_range(self, function: int, value: float) -> None:
        """Fix the source range that holds ``value``; -222 where the level does not fit."""
        chosen = fitting((MODEL.current_ranges, MODEL.voltage_ranges)[function], abs(value))
        if abs(self.levels[function]) > chosen * OVERRANGE:
            raise Refused(*OUT_OF_RANGE)
        self._ranges[function], self.source_auto[function] = chosen, False
        self.apply_measure()

    def set_source_auto(self, function: int, on: bool) -> None:
        """Switch autoranging of the source; off keeps the present range."""
        self._ranges[function] = self.source_range(function)
        self.source_auto[function] = on

    def set_output(self, on: bool) -> None:
        """Switch the output; refused while the interlock is open."""
        if on == self.output:
            return
        if on:
            if not self.interlock:
                raise Refused(*INTERLOCK)
            if self.sources[self.function].off_state == HIGH_Z_OFF:
                self.clock.sleep(RELAY_TIME)
            self._due = True
        else:
            self._apply_off_state()
        self.channel.set_output(on)

    def set_off_state(self, function: int, state: int) -> None:
        """Choose what the output does while it is off."""
        self.sources[function].off_state = state
        self._apply_off_state()

    def set_protection(self, function: int, level: float) -> None:
        """Set the overvoltage protection, V."""
        self.sources[function].protection = level
        if function == VOLTAGE:
            self.set_level(VOLTAGE, self.levels[VOLTAGE])
        else:
            self._apply_limits()

    def delay(self, function: int) -> float:
        """Return the source delay in force, s."""
        settings = self.sources[function]
        if not settings.auto_delay:
            return settings.delay
        used = self.source_range(CURRENT)
        if function == VOLTAGE:
            measure = self.measures[CURRENT]
            used = fitting(MODEL.current_ranges, self.limits[VOLTAGE])
            used = min(used, measure.range) if not measure.auto else used
        return auto_delay(used, function, settings.high_c)

    def tripped(self, function: int) -> bool:
        """Whether the source is limited now."""
        return function == self.function and self.channel.compliance

    def protection_tripped(self, function: int) -> bool:
        """Whether the overvoltage protection holds the output."""
        protection = self.sources[function].protection
        if protection == inf or not self.output or function != self.function:
            return False
        if function == VOLTAGE:
            return abs(self.levels[VOLTAGE]) > protection
        return self.channel.compliance and self.limits[CURRENT] > protection

    # -- what the settings mean to the channel -------------------------------------------------

    def _check_interlock(self, volts: float) -> None:
        if not self.interlock and abs(volts) > INTERLOCKED_VOLTAGE:
            raise Refused(*INTERLOCK)

    def _apply_limits(self) -> None:
        volts = min(self.limits[CURRENT], self.sources[CURRENT].protection)
        permitted(lambda: self.channel.set_limit(CURRENT, self.limits[VOLTAGE]))
        permitted(lambda: self.channel.set_limit(VOLTAGE, volts))

    def _apply_off_state(self) -> None:
        state = self.sources[self.function].off_state
        self.channel.off_limit = 0.1 * fitting(MODEL.current_ranges, self._current())
        mode = {ZERO_OFF: ZERO, HIGH_Z_OFF: HIGH_Z, GUARD_OFF: HIGH_Z}.get(state, NORMAL)
        self.channel.set_off_mode(mode)

    def _current(self) -> float:
        """Return the current that the source has to do with, A."""
        return self.limits[VOLTAGE] if self.function == VOLTAGE else abs(self.levels[CURRENT])

    def apply_measure(self) -> None:
        """Bring the settings of the meter to the channel."""
        raise NotImplementedError
