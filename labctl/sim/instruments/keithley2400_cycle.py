"""Source, delay, measure: what a Keithley 2400 does at each trigger.

Source: *2400 Series SourceMeter User's Manual*, sections 4 (ohms), 6 (SDM cycle), 7 (filters), 10
(sweeps, source memory) and 18 (status word).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy

from labctl.sim.instruments.keithley2400_analogue import Analogue
from labctl.sim.instruments.keithley2400_limits import LimitTests
from labctl.sim.instruments.keithley2400_math import Calculator
from labctl.sim.instruments.keithley2400_meter import Meter
from labctl.sim.instruments.keithley2400_models import MEMORY, RESISTANCE, VOLTAGE
from labctl.sim.instruments.keithley2400_reading import (
    COMPLIANCE,
    OVER,
    PROTECTION,
    RANGE_COMPLIANCE,
    Reading,
)
from labctl.sim.instruments.keithley2400_settings import INFINITE, Settings
from labctl.sim.instruments.keithley2400_sweep import levels, range_for
from labctl.sim.instruments.keithley2400_trace import Trace
from labctl.sim.scpi import Register
from labctl.sim.status import Refused

READING_AVAILABLE, READING_OVERFLOW, VOLTAGE_LIMIT, IN_COMPLIANCE = 6, 7, 13, 14
"""Bits of the measurement register."""
_PER_READING = (
    1 << READING_AVAILABLE | 1 << READING_OVERFLOW | 1 << VOLTAGE_LIMIT | 1 << IN_COMPLIANCE
)
MEMORY_LOCATIONS = 100
_STORED = (
    "function", "level", "source_range", "source_auto", "scale", "scale_on", "delay", "delay_auto",
    "functions", "concurrent", "measure_range", "measure_auto", "compliance", "nplc", "ohms_auto",
    "offset_compensated", "filter", "filter_repeats", "filter_count", "four_wire", "guard",
    "autozero", "math_on", "math_name", "null_on", "null_offset", "limit_feed", "limits",
    "branches",
)  # fmt: skip
"""Settings that a location of source memory keeps."""


class SourceMeasure:
    """The cycle that the trigger model drives.

    Attributes
    ----------
    latest
        Readings since idle was left, oldest first; of the last pass where there is no end.
    memory
        Source memory: settings by location, from 1.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        analogue: Analogue,
        measurement: Register,
        parts: tuple[Trace, Calculator, LimitTests],
        switch: Callable[[bool], None],
    ) -> None:
        self._settings, self._analogue, self._measurement = settings, analogue, measurement
        self._trace, self._calculator, self._limits = parts
        self._switch = switch
        self.latest: list[Reading] = []
        self.memory: dict[int, Settings] = {}
        self._zero_time = analogue.channel.clock.now()
        self._points: Sequence[float] = (0.0,)
        self._swept: int | None = None
        self._before: Settings | None = None  # settings before a sweep of source memory
        self._location = 1
        self.meter = Meter(settings, analogue)

    # -- time stamps ---------------------------------------------------------------------------

    def time(self) -> float:
        """Return the time stamp now, s."""
        return self._analogue.channel.clock.now() - self._zero_time

    def reset_time(self) -> None:
        """Set the time stamp to zero."""
        self._zero_time = self._analogue.channel.clock.now()

    # -- source memory -------------------------------------------------------------------------

    def save(self, location: int) -> None:
        """Keep the present source and measure settings in a location."""
        self.memory[location] = deepcopy(self._settings())

    def recall(self, location: int) -> None:
        """Bring back what a location keeps, if it keeps anything."""
        kept = self.memory.get(location)
        if kept is not None:
            _copy(kept, self._settings())

    # -- the cycle -----------------------------------------------------------------------------

    def start(self) -> None:
        """Leave idle: forget the readings before."""
        self.latest = []
        if self._settings().timestamp_reset:
            self.reset_time()

    def begin(self) -> None:
        """Lay out one pass of the sweep."""
        settings = self._settings()
        if settings.arm_count == INFINITE:
            self.latest = []
        self._limits.begin()
        self._measurement.set(READING_AVAILABLE, False)
        self._swept = None
        if settings.function == MEMORY:
            self._before, self._location = deepcopy(settings), settings.memory_start
            return
        function = settings.function
        self._points = levels(settings, function)
        if settings.mode[function] != "FIX":
            full = range_for(self._analogue.model, settings, function, self._points)
            if full is not None:
                settings.source_range[function] = full
            self._swept = function

    def step(self, place: int) -> bool:
        """Do one source-delay-measure cycle; return whether compliance ends the sweep."""
        settings, analogue = self._settings(), self._analogue
        if self._before is not None:
            settings.function = self._before.function
            self.recall(self._location)
            if settings.function == MEMORY:
                settings.function = VOLTAGE
        ohms = RESISTANCE in settings.functions and settings.ohms_auto
        if not ohms:
            analogue.ohms_current = None
        if settings.clear_auto and not analogue.channel.output:
            self._switch(True)
        if ohms:
            analogue.choose_ohms()
        else:
            self._source(settings, place)
        if (
            settings.abort_on_compliance == "EARL"
            and self._swept is not None
            and analogue.limited()
        ):
            return True
        analogue.settle()
        reading = self.meter.read(ohms, self.time())
        self._take(settings, reading)
        if settings.clear_auto and settings.clear_mode == "ALW":
            self._switch(False)
        late = settings.abort_on_compliance == "LATE" and self._swept is not None
        return late and bool(reading.status & (1 << COMPLIANCE | 1 << RANGE_COMPLIANCE))

    def finish(self) -> None:
        """End the pass: the source goes back to its fixed level."""
        settings, analogue = self._settings(), self._analogue
        swept = self._swept is not None or self._before is not None
        if self._before is not None:
            _copy(self._before, settings)
            self._before = None
            settings.function = MEMORY
        if settings.clear_auto and analogue.channel.output:
            self._switch(False)
        if analogue.ohms_current is None and swept and analogue.channel.output:
            analogue.apply()
        self._swept = None
        self._limits.end()

    def _source(self, settings: Settings, place: int) -> None:
        function = settings.function
        if self._before is not None:
            scale = settings.scale[function] if settings.scale_on[function] else 1.0
            self._analogue.apply(settings.level[function] * scale)
            return
        level = self._points[place % len(self._points)]
        if self._swept is None:
            settings.level[function], settings.triggered[function] = level, None
        elif settings.ranging == "AUTO":
            settings.source_range[function] = self._analogue.model.fitting(function, abs(level))
        self._analogue.apply(level)

    def _take(self, settings: Settings, reading: Reading) -> None:
        """Calculate, test, store and report a reading."""
        reading = reading._replace(calculated=self._calculator.result(reading))
        reading = self._limits.test(reading)
        if self._before is not None:
            last = settings.memory_start + settings.memory_points - 1
            wanted = self._limits.branch()
            following = wanted or self._location + 1
            self._location = settings.memory_start if following > last else following
        self.latest.append(reading)
        status = reading.status
        bits = (status >> OVER & 1) << READING_OVERFLOW | (
            status >> PROTECTION & 1
        ) << VOLTAGE_LIMIT
        if status & (1 << COMPLIANCE | 1 << RANGE_COMPLIANCE):
            bits |= 1 << IN_COMPLIANCE
        self._measurement.assign(_PER_READING, bits)
        self._measurement.set(READING_AVAILABLE, True)
        self._trace.store(reading)

    def fetched(self) -> list[Reading]:
        """Return the latest readings; -230 where there are none."""
        if not self.latest:
            raise Refused(-230, "Data corrupt or stale")
        return self.latest


def _copy(source: Settings, target: Settings) -> None:
    for name in _STORED:
        setattr(target, name, deepcopy(getattr(source, name)))
