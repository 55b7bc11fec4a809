"""The analogue side of a Keithley 2400: settings to the terminals, and one conversion back.

Source: *2400 Series SourceMeter User's Manual*, sections 3 (compliance), 6 (ranges), 7 (speed), 13
(output-off states) and appendix A (timing).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from labctl.sim.faults import Faults
from labctl.sim.instruments.keithley2400_models import (
    CURRENT,
    MEMORY,
    RESISTANCE,
    TEST_CURRENTS,
    VOLTAGE,
    Model2400,
)
from labctl.sim.instruments.keithley2400_reading import OVERFLOWED, rounded
from labctl.sim.instruments.keithley2400_settings import Settings
from labctl.sim.instruments.smu import HIGH_Z, NORMAL, ZERO, SourceChannel

LATENCY = 225e-6
"""From the trigger to the change of the source, s."""
SOURCE_TIME = 50e-6
"""To configure the source, s."""
CONVERSION_TIME = 185e-6
"""Of each conversion besides its integration, s."""
FIRMWARE_TIME = {True: 1.8e-3, False: 0.3e-3}
"""Of each reading, with autozero and without, s."""
RELAY_TIME = 15e-3
"""Of the output relay (off state HIMP) and of the terminal switch, s."""
OFF_LIMIT = 5e-3
"""Compliance of the NORMal off state, relative to full scale of the measure range."""
STEP = 2.5e-5
"""Resolution of the source, relative to the name of its range (50 µV on 2 V)."""
_OFF_MODES = {"NORM": NORMAL, "ZERO": ZERO, "HIMP": HIGH_Z, "GUAR": HIGH_Z}
_SLOW = ((1.05e-6, 3e-3), (1.05e-5, 2e-3))


@dataclass(frozen=True, slots=True)
class Conversion:
    """What the meter makes of the terminals once.

    Attributes
    ----------
    voltage, current
        V, A; 9.9e37 with their sign where they do not fit the range.
    limited
        Whether the source is at its limit.
    by_range
        Whether that limit is the fixed measure range and not the compliance.
    """

    voltage: float
    current: float
    limited: bool
    by_range: bool

    @property
    def overflowed(self) -> bool:
        """Whether one of the readings does not fit its range."""
        return abs(self.voltage) >= OVERFLOWED or abs(self.current) >= OVERFLOWED


class Analogue:
    """Source and meter of one instrument.

    Parameters
    ----------
    model
        Ranges.
    channel
        The physics.
    settings
        Returns the settings in force.
    faults
        Of the box: readings that overflow.
    """

    def __init__(
        self,
        model: Model2400,
        channel: SourceChannel,
        settings: Callable[[], Settings],
        faults: Faults,
    ) -> None:
        self.model, self.channel, self.faults = model, channel, faults
        self._settings = settings
        self._ranged: tuple[float, ...] = ()  # what the ranges of the meter were last set for
        self.ohms_current: float | None = None
        """A while auto ohms has the source; else None."""

    @property
    def function(self) -> int:
        """What is sourced now: voltage or current."""
        if self.ohms_current is not None:
            return CURRENT
        function = self._settings().function
        return self.channel.function if function == MEMORY else function

    def apply(self, level: float | None = None) -> None:
        """Bring the settings to the terminals; ``level`` (V or A) in place of the fixed one."""
        settings, channel = self._settings(), self.channel
        function = self.function
        if self.ohms_current is not None:
            level = self.ohms_current
        elif level is None:
            level = settings.level[function]
        self._off_state(settings)
        channel.set_function(function)
        limit = self._limit(1 - function)
        if channel.limits[1 - function] != limit:
            channel.set_limit(1 - function, limit)
        level = self._resolved(function, level)
        if channel.levels[function] != level:
            channel.set_level(function, level)

    def switch(self, on: bool) -> None:
        """Switch the output; the relay of the HIMP state takes its time."""
        if on == self.channel.output:
            return
        if self._settings().off_mode == "HIMP":
            self.channel.clock.sleep(RELAY_TIME)
        if on:
            self.apply()
        else:
            self._off_state(self._settings())
        self.channel.set_output(on)

    def limited(self) -> bool:
        """Tell whether the source is at its limit now."""
        return bool(self.channel.compliance)

    def settle(self) -> None:
        """Let the source delay pass."""
        settings = self._settings()
        delay = settings.delay
        if settings.delay_auto:
            used = settings.measure_range[CURRENT]
            delay = next((slow for full, slow in _SLOW if used <= full), 1e-3)
        self.channel.clock.sleep(delay)

    def measure(self, functions: int = 1) -> Conversion:
        """Convert once; ``functions`` are measured concurrently, one after the other.

        Autorange moves the measure range; a fixed one that is too small limits the source.
        """
        settings, channel = self._settings(), self.channel
        function = self.function
        channel.nplc = settings.nplc
        channel.autozero = 2 if settings.autozero else 0
        self._set_ranges(settings, function)
        self._spend(settings, functions)
        current, voltage = channel.measure()
        limited = self.limited()
        limits = 1 - function
        by_range = limited and self._limit(limits) < settings.compliance[limits]
        if self.faults.over_range:
            voltage = current = OVERFLOWED
        reading = Conversion(_within(voltage), _within(current), limited, by_range)
        if self.ohms_current is None and settings.measure_auto[limits]:
            value = reading.voltage if limits == VOLTAGE else reading.current
            least = settings.low_range[limits]
            settings.measure_range[limits] = min(
                max(self.model.fitting(limits, abs(value)), least),
                self.model.fitting(limits, settings.compliance[limits]),
            )
        return reading

    def choose_ohms(self) -> None:
        """Source the test current of the resistance range (auto ohms)."""
        settings = self._settings()
        self.ohms_current = min(
            TEST_CURRENTS[settings.measure_range[RESISTANCE]], self.model.current_ranges[-1]
        )
        self.apply()

    def _limit(self, quantity: int) -> float:
        """Return the limit (V or A) in force: compliance, a smaller fixed range, protection."""
        settings = self._settings()
        if self.ohms_current is not None:
            return 21.0 if settings.measure_range[RESISTANCE] > 2.1e6 else 2.1 * 1.1
        limit = settings.compliance[quantity]
        if not settings.measure_auto[quantity]:
            limit = min(limit, settings.measure_range[quantity])
        if quantity == VOLTAGE:
            limit = min(limit, settings.protection)
        model = self.channel.model
        return max(limit, (model.least_limit_current, model.least_limit_voltage)[quantity])

    def _resolved(self, function: int, level: float) -> float:
        """Return a level as the source can make it on its range."""
        settings = self._settings()
        if function == VOLTAGE:
            level = min(max(level, -settings.protection), settings.protection)
        if self.channel.ideal or self.ohms_current is not None:
            return level
        full = settings.source_range[function]
        step = full / 1.05 * STEP
        return min(max(round(level / step) * step, -full), full)

    def _off_state(self, settings: Settings) -> None:
        channel = self.channel
        channel.off_limit = OFF_LIMIT * settings.measure_range[CURRENT] / 1.05
        if channel.off_mode != _OFF_MODES[settings.off_mode] or not channel.output:
            channel.set_off_mode(_OFF_MODES[settings.off_mode])

    def _set_ranges(self, settings: Settings, function: int) -> None:
        channel = self.channel
        wanted = (
            function, self.ohms_current is None, *settings.source_range.values(),
            *settings.measure_auto.values(), *settings.low_range.values(),
            *settings.measure_range.values(),
        )  # fmt: skip
        if wanted == self._ranged:
            return
        self._ranged = wanted
        for quantity in (CURRENT, VOLTAGE):
            if self.ohms_current is not None:
                channel.measure_auto[quantity] = True
                channel.low_range[quantity] = 0.0
            elif quantity == function:
                channel.set_measure_range(quantity, settings.source_range[quantity])
            elif settings.measure_auto[quantity]:
                channel.measure_auto[quantity] = True
                channel.low_range[quantity] = settings.low_range[quantity]
            else:
                channel.set_measure_range(quantity, settings.measure_range[quantity])

    def _spend(self, settings: Settings, functions: int) -> None:
        """Let the time of a reading pass, but for what the channel itself charges."""
        channel = self.channel
        aperture = settings.nplc / channel.line_frequency
        zeroing = 3 if settings.autozero else 1
        charged = channel.integration - zeroing * aperture
        total = LATENCY + SOURCE_TIME + FIRMWARE_TIME[settings.autozero]
        total += zeroing * CONVERSION_TIME + (functions - 1) * (aperture + CONVERSION_TIME)
        channel.clock.sleep(total - charged)


def _within(value: float) -> float:
    """Return a reading with seven digits, an overflow as the 2400 writes it."""
    if abs(value) >= OVERFLOWED:
        return OVERFLOWED if value > 0 else -OVERFLOWED
    return rounded(value)
