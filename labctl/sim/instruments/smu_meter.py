"""What a source-measure channel makes of the current and voltage at its terminal: readings.

Sources: *Series 2600B* data sheet (settling) and *Reference Manual* (2600BS-901-01): "Range",
"Speed", "Output-off states", ``smuX.measure.*``. Noise and resolution are a line cycle's share of
the range, of the order of the data sheet's.
"""

from __future__ import annotations

from bisect import bisect_left
from math import copysign, exp

import numpy as np

from labctl.sim.instruments.smu_models import OVERRANGE, SmuModel
from labctl.sim.status import Refused

CURRENT, VOLTAGE = 0, 1
"""Quantities, and source functions."""
OVERFLOW = 9.91e37
"""Reading beyond a range."""
MEASURE_TIME = 4e-5
"""Bench time of a measurement besides its integration, s (4 000 readings a second at 0.01)."""
NOISE = 3e-6
"""Standard deviation of a reading of one power-line cycle, relative to its range."""
RESOLUTION = 1e-6
"""Step of a reading of one power-line cycle, relative to its range."""
TOO_BIG = (1101, "Parameter too big")
TOO_SMALL = (1102, "Parameter too small")
BEYOND_RANGE = (5005, "Value too big for range")
UNSAFE = (5007, "Operation would exceed safe operating area of the instrument")
AUTO_DELAYS = (
    (1e-10, 100e-3), (1e-9, 30e-3), (1e-8, 10e-3), (1e-7, 3e-3), (1e-6, 1e-3), (1e-5, 3e-4),
    (1e-4, 1e-4),
)  # fmt: skip
"""Current range (A), measure delay of ``DELAY_AUTO`` (s): order of magnitude, from memory of the
manual's table."""
_NOISE_BLOCK = 512
_SETTLING = ((1e-7, 20e-3), (1e-6, 2e-3), (1e-5, 5e-4), (1e-4, 1.5e-4), (1e-3, 5e-5))
"""Current range (A), time to settle to 0.1 % (s): data sheet."""
_FASTEST = 5e-5
_LOG_1000 = 6.9078


class Meter:
    """Measure ranges, integration and noise of one channel.

    Parameters
    ----------
    model
        Ranges and limits.
    rng
        Noise of the readings.
    ideal
        Without noise, resolution and settling.

    Attributes
    ----------
    nplc, line_frequency
        Integration time in line cycles, and Hz.
    measure_auto, low_range
        Whether each quantity autoranges, and the smallest range it then takes.
    used
        Range of the last reading of each quantity.
    over_range
        Whether every reading overflows: a fault.
    """

    def __init__(self, model: SmuModel, rng: np.random.Generator, ideal: bool) -> None:
        self.model, self.ideal = model, ideal
        self.line_frequency = 50.0
        self.over_range = False
        self._rng = rng
        self._noise: list[float] = []
        self._worse = 1.0, 1.0  # line cycles, and how much noisier than one of them
        self._stepped, self._before = -1.0, 0.0  # bench time of the last step, level before it
        self._measure_ranges = {
            VOLTAGE: model.voltage_ranges,
            CURRENT: model.measure_current_ranges,
        }
        self._auto_delays = {
            used: next((delay for upper, delay in AUTO_DELAYS if used <= upper), 0.0)
            for used in model.measure_current_ranges
        }
        self._meter_defaults()

    def _meter_defaults(self) -> None:
        ranges = self._measure_ranges
        self.measure_auto = {VOLTAGE: True, CURRENT: True}
        self._measure_range = {q: ranges[q][-1] for q in ranges}
        self.used = dict(self._measure_range)
        self.low_range = {q: ranges[q][0] for q in ranges}
        self.nplc = 1.0
        self.autozero = 2
        self.measure_delay = 0.0
        self.delay_factor = 1.0

    def measure_range(self, quantity: int) -> float:
        """Return the fixed measure range, or the largest that autoranging has to use."""
        return self._measure_range[quantity]

    def set_measure_range(self, quantity: int, value: float) -> None:
        """Fix the measure range that holds ``value``."""
        ranges = self._measure_ranges[quantity]
        if abs(value) > ranges[-1] * OVERRANGE:
            raise Refused(*TOO_BIG)
        self._measure_range[quantity] = fitting(ranges, abs(value))
        self.measure_auto[quantity] = False

    def set_measure_auto(self, quantity: int, on: bool) -> None:
        """Switch autoranging; off keeps the range that is in use."""
        if not on and self.measure_auto[quantity]:
            self._measure_range[quantity] = self.used[quantity]
        self.measure_auto[quantity] = on

    @property
    def integration(self) -> float:
        """Bench time of one reading, s: integration (thrice with autozero) and overhead."""
        conversions = 3 if self.autozero == 2 else 1
        return conversions * self.nplc / self.line_frequency + MEASURE_TIME

    def settling_delay(self) -> float:
        """Return the delay before a reading, s: as set, or what its current range needs (-1)."""
        if self.measure_delay >= 0.0:
            return self.measure_delay
        return self._auto_delays.get(self.used[CURRENT], 0.0) * self.delay_factor

    def used_range(self, quantity: int, size: float) -> float:
        """Return the range that a reading of this size is taken on."""
        if self.measure_auto[quantity]:
            ranges = self._measure_ranges[quantity]
            return max(fitting(ranges, size), self.low_range[quantity])
        return self._measure_range[quantity]

    def shown(self, quantity: int, value: float, used: float) -> float:
        """Return a value with noise, resolution and overflow of the range it is read on."""
        self.used[quantity] = used
        if not self.ideal:
            nplc, worse = self._worse
            if nplc != self.nplc:
                self._worse = nplc, worse = self.nplc, self.nplc**-0.5
            step = used * RESOLUTION * (worse if nplc < 1.0 else 1.0)
            noise = self._noise or self._draw()
            value += used * NOISE * worse * noise.pop()
            value = round(value / step) * step
        if self.over_range or abs(value) > used * (OVERRANGE + 0.01):
            return copysign(OVERFLOW, value)
        return value

    def settled(self, now: float, level: float, used: float) -> float:
        """Return how far a reading has followed the last step of the level, as a factor.

        Parameters
        ----------
        now
            Bench time, s.
        level
            Voltage after the step, V; not zero.
        used
            Current range, A.
        """
        since = now - self._stepped
        if self._stepped < 0.0 or since > 1.0 or self._before == level:
            return 1.0
        to_a_thousandth = next((t for upper, t in _SETTLING if used <= upper), _FASTEST)
        return 1.0 - (1.0 - self._before / level) * exp(-since * _LOG_1000 / to_a_thousandth)

    def _draw(self) -> list[float]:
        self._noise = self._rng.standard_normal(_NOISE_BLOCK).tolist()
        return self._noise


def fitting(ranges: tuple[float, ...], size: float) -> float:
    """Return the smallest range that holds ``size``."""
    k = bisect_left(ranges, size / OVERRANGE)
    return ranges[min(k, len(ranges) - 1)]
