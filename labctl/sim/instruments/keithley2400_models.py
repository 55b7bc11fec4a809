"""What the models of the Keithley 2400 series can do.

Source: *2400 Series SourceMeter User's Manual* (2400S-900-01), tables of sections 3, 4 and 18 and
appendix A. Volts, amperes and ohms; every range goes to 105 % of its name, and is set, queried and
measured by that figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from labctl.sim.instruments.smu_models import SmuModel

CURRENT, VOLTAGE, RESISTANCE, MEMORY = 0, 1, 2, 3
"""Functions; the first two as in :mod:`labctl.sim.instruments.smu`."""

_DECADES = (1.05e-6, 1.05e-5, 1.05e-4, 1.05e-3, 1.05e-2, 1.05e-1, 1.05)
_OHMS = (2.1, 21.0, 210.0, 2.1e3, 2.1e4, 2.1e5, 2.1e6, 2.1e7, 2.1e8)


@dataclass(frozen=True)
class Model2400:
    """Ranges and limits of one model.

    Attributes
    ----------
    voltage_ranges, current_ranges
        Full scales of source and meter, ascending.
    resistance_ranges
        Full scales of the ohmmeter.
    power_voltage, power_current
        Above ``power_voltage`` no more than ``power_current``.
    protection
        Levels of the voltage protection; the last is the largest voltage of all.
    """

    voltage_ranges: tuple[float, ...]
    current_ranges: tuple[float, ...]
    resistance_ranges: tuple[float, ...]
    power_voltage: float
    power_current: float
    protection: tuple[float, ...]

    def ranges(self, function: int) -> tuple[float, ...]:
        """Return the full scales of a function."""
        return (self.current_ranges, self.voltage_ranges, self.resistance_ranges)[function]

    def fitting(self, function: int, size: float) -> float:
        """Return the smallest range that holds ``size`` (the largest if none does)."""
        ranges = self.ranges(function)
        return next((full for full in ranges if size <= full * (1 + 1e-9)), ranges[-1])

    def analogue(self) -> SmuModel:
        """Return the model of the analogue side; power is limited before it comes to that."""
        return SmuModel(
            channels=("a",),
            voltage_ranges=self.voltage_ranges,
            current_ranges=self.current_ranges,
            measure_current_ranges=self.current_ranges,
            corner_voltage=inf,
            corner_current=inf,
            least_limit_current=1e-9 * (self.current_ranges[0] / 1.05e-6),
            least_limit_voltage=2e-4,
            default_limit_voltage=21.0,
            default_limit_current=1.05e-4,
        )


MODELS_2400: dict[str, Model2400] = {
    "2400": Model2400(
        voltage_ranges=(0.21, 2.1, 21.0, 210.0),
        current_ranges=_DECADES,
        resistance_ranges=_OHMS,
        power_voltage=21.0,
        power_current=0.105,
        protection=(20.0, 40.0, 60.0, 80.0, 100.0, 120.0, 160.0, 210.0),
    ),
    "2401": Model2400(
        voltage_ranges=(0.21, 2.1, 21.0),
        current_ranges=_DECADES,
        resistance_ranges=_OHMS,
        power_voltage=21.0,
        power_current=1.05,
        protection=(20.0, 21.0),
    ),
    "2410": Model2400(
        voltage_ranges=(0.21, 2.1, 21.0, 1100.0),
        current_ranges=(1.05e-6, 1.05e-5, 1.05e-4, 1.05e-3, 2.1e-2, 1.05e-1, 1.05),
        resistance_ranges=_OHMS,
        power_voltage=21.0,
        power_current=2.1e-2,
        protection=(20.0, 40.0, 100.0, 200.0, 300.0, 400.0, 500.0, 1100.0),
    ),
    "2420": Model2400(
        voltage_ranges=(0.21, 2.1, 21.0, 63.0),
        current_ranges=(1.05e-5, 1.05e-4, 1.05e-3, 1.05e-2, 1.05e-1, 1.05, 3.15),
        resistance_ranges=_OHMS[:-1],
        power_voltage=21.0,
        power_current=1.05,
        protection=(6.0, 12.0, 18.0, 24.0, 30.0, 36.0, 48.0, 63.0),
    ),
}

TEST_CURRENTS = {
    2.1: 1.0, 21.0: 0.1, 210.0: 1e-2, 2.1e3: 1e-3, 2.1e4: 1e-4, 2.1e5: 1e-5, 2.1e6: 1e-6,
    2.1e7: 1e-6, 2.1e8: 1e-7,
}  # fmt: skip
"""Auto ohms: range, current sourced (manual, section 4); metered on 2 V, above 2 MΩ on 20 V."""
