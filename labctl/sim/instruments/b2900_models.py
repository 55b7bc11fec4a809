"""What the models of the Keysight B2900A series can do.

Source: *Keysight B2900A Series* data sheet (5990-7009EN), from memory: ranges, limits, resolution,
trigger intervals; *B2900 SCPI Command Reference* (B2910-90030), "Source Output Ranges".
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from labctl.sim.instruments.smu_models import OVERRANGE, SmuModel
from labctl.sim.status import Refused

MAX_VOLTAGE = 210.0
MAX_CURRENT, MAX_PULSE_CURRENT = 3.03, 10.5
LEAST_PULSE, LONGEST_PULSE = 5e-5, 1e5
"""Width of a pulse, s."""
MOST_POINTS = 2500
"""Of a sweep or a list."""
VOLTAGE_RANGES = (0.2, 2.0, 20.0, 200.0)
_DECADES = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
_HIGH = (1.0, 1.5, 3.0, 10.0)
_FULL = {200.0: 210.0, 20.0: 21.0, 2.0: 2.1, 0.2: 0.21, 1.0: 1.05, 1.5: 1.515, 3.0: 3.03}
"""Largest level on a range; on the others 5 % more than their name."""
OUT_OF_RANGE = (-222, "Data out of range")


@dataclass(frozen=True)
class B2900Model:
    """One model.

    Attributes
    ----------
    channels
        1 or 2.
    current_ranges
        A, ascending; the last two are 3 A, and 10 A for pulses only.
    interval
        Shortest trigger interval, s.
    """

    channels: int
    current_ranges: tuple[float, ...]
    interval: float


_B2901A = B2900Model(1, (*_DECADES, *_HIGH), 20e-6)
_B2911A = B2900Model(1, (1e-8, *_DECADES, *_HIGH), 10e-6)
MODELS = {
    "B2901A": _B2901A,
    "B2902A": B2900Model(2, _B2901A.current_ranges, _B2901A.interval),
    "B2911A": _B2911A,
    "B2912A": B2900Model(2, _B2911A.current_ranges, _B2911A.interval),
}
REACTION = 10e-6
"""Reaction time of the current limit, s."""


def full_scale(upper: float) -> float:
    """Return the largest level (V or A) on the range called ``upper``."""
    return _FULL.get(upper, upper * 1.05)


def fitting(ranges: tuple[float, ...], size: float) -> float:
    """Return the smallest range that holds ``size``; -222 where none does."""
    for upper in ranges:
        if size <= full_scale(upper) * (1 + 1e-9):
            return upper
    raise Refused(*OUT_OF_RANGE)


def check_power(volts: float, amperes: float, pulse: bool) -> None:
    """Raise Refused (-221) outside of what the box can deliver.

    DC: 3.03 A to 6 V, 1.515 A to 21 V, 0.105 A to 210 V; pulses: 10.5 A to 6 V, 1.515 A to 210 V.
    """
    steps = (
        ((6.0, MAX_PULSE_CURRENT), (21.0, MAX_CURRENT), (MAX_VOLTAGE, 1.515))
        if pulse
        else ((6.0, MAX_CURRENT), (21.0, 1.515), (MAX_VOLTAGE, 0.105))
    )
    for most_volts, most_amperes in steps:
        if volts <= most_volts * (1 + 1e-9):
            if amperes > most_amperes * (1 + 1e-9):
                raise Refused(-221, "Settings conflict")
            return


def channel_model(model: B2900Model) -> SmuModel:
    """Return the model of one channel for the physics; its ranges hold what a B2900's hold."""

    def held(ranges: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(full_scale(upper) / OVERRANGE for upper in ranges)

    return SmuModel(
        channels=("1",),
        voltage_ranges=held(VOLTAGE_RANGES),
        current_ranges=held(model.current_ranges),
        measure_current_ranges=held(model.current_ranges),
        corner_voltage=inf,
        corner_current=inf,
        least_limit_current=1e-10,
        least_limit_voltage=1e-3,
        default_limit_voltage=2.0,
        default_limit_current=1e-4,
        reaction=REACTION,
    )
