"""What a Keithley 2450 can be set to, per source function and per measure function.

Source: *Model 2450 Reference Manual* (2450-901-01), SCPI and TSP command references: ranges and
defaults of the commands; section 2, "Source delay", for the automatic delays.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from labctl.sim.instruments.smu import CURRENT, VOLTAGE
from labctl.sim.instruments.smu_models import SmuModel
from labctl.sim.status import Refused

RESISTANCE = 2
"""Third measure function, after current (0) and voltage (1)."""
OVERRANGE = 1.05
"""A level may be 5 % above its range."""
MAX_VOLTAGE, MAX_CURRENT = 210.0, 1.05
INTERLOCKED_VOLTAGE = 21.0
"""Without the interlock, more volts than these are refused."""
RESISTANCE_RANGES = (20.0, 200.0, 2e3, 20e3, 200e3, 2e6, 20e6, 200e6)
MODEL = SmuModel(
    channels=("a",),
    voltage_ranges=(0.02, 0.2, 2.0, 20.0, 200.0),
    current_ranges=(1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0),
    measure_current_ranges=(1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0),
    corner_voltage=20.0 * OVERRANGE,
    corner_current=0.1 * OVERRANGE,
    least_limit_current=1e-9,
    least_limit_voltage=0.02,
    default_limit_voltage=21.0,
    default_limit_current=1.05e-4,
)
NORMAL_OFF, ZERO_OFF, HIGH_Z_OFF, GUARD_OFF = range(4)
"""Output-off states."""
PROTECTION = (2.0, 5.0, 10.0, 20.0, 40.0, 60.0, 80.0, 100.0, 120.0, 140.0, 160.0, 180.0)
"""Levels of the overvoltage protection, V; above the last: none."""
USER_DELAYS = 5
_DELAYS = (0.05, 0.05, 3e-3, 2e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3)
_DELAYS_HIGH_C = (0.1, 0.1, 0.02, 0.01, 0.01, 0.01, 5e-3, 5e-3, 5e-3)


@dataclass
class SourceSettings:
    """One source function.

    Attributes
    ----------
    delay, auto_delay
        s between a change of the source and the measurement; whether the box chooses.
    readback
        Whether the source value of a reading is measured.
    high_c
        High-capacitance mode.
    off_state
        See :data:`NORMAL_OFF`.
    protection
        Overvoltage protection, V; infinite: none.
    user_delays
        s, of the trigger model.
    """

    delay: float = 0.0
    auto_delay: bool = True
    readback: bool = True
    high_c: bool = False
    off_state: int = NORMAL_OFF
    protection: float = float("inf")
    user_delays: list[float] = field(default_factory=lambda: [0.0] * USER_DELAYS)


@dataclass
class MeasureSettings:
    """One measure function; ranges in A, V or ohm."""

    auto: bool
    range: float
    low: float
    high: float
    unit: str
    nplc: float = 1.0
    autozero: bool = True
    filter_on: bool = False
    filter_count: int = 10
    filter_moving: bool = False
    four_wire: bool = False
    offset_compensation: bool = False
    rebound: bool = False
    relative_on: bool = False
    relative: float = 0.0
    digits: int = 5
    user_delays: list[float] = field(default_factory=lambda: [0.0] * USER_DELAYS)
    window: list[float] = field(default_factory=list)


UNITS = ("AMP", "VOLT", "OHM")
"""Unit of each measure function after a reset."""
MEASURE_RANGES = (MODEL.measure_current_ranges, MODEL.voltage_ranges, RESISTANCE_RANGES)


def default_sources() -> dict[int, SourceSettings]:
    """Return the settings of both source functions after a reset."""
    return {CURRENT: SourceSettings(), VOLTAGE: SourceSettings()}


def default_measures() -> dict[int, MeasureSettings]:
    """Return the settings of all measure functions after a reset."""
    return {
        k: MeasureSettings(True, ranges[-1], ranges[0], ranges[-1], unit)
        for k, (ranges, unit) in enumerate(zip(MEASURE_RANGES, UNITS, strict=True))
    }


def auto_delay(current_range: float, function: int, high_c: bool) -> float:
    """Return the automatic source delay (s) on a current range (A); manual, section 2."""
    ranges = MODEL.current_ranges
    place = next((k for k, r in enumerate(ranges) if r >= current_range), len(ranges) - 1)
    if high_c:
        return _DELAYS_HIGH_C[place]
    if function == CURRENT and place == len(ranges) - 1:
        return 2e-3
    return _DELAYS[place]


def fitting(ranges: tuple[float, ...], size: float) -> float:
    """Return the smallest range that holds ``size``.

    Raises
    ------
    Refused
        -222 where none does.
    """
    for upper in ranges:
        if size <= upper * OVERRANGE * (1 + 1e-9):
            return upper
    raise Refused(-222, "Parameter data out of range")
