"""A reading of a Keithley 2450: its units, its status bits, and what the channel refuses.

Source: *Model 2450 Reference Manual* (2450-901-01), ``bufferVar.statuses``,
``bufferVar.sourcestatuses``, ``:SENSe:<function>:UNIT``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import copysign

import numpy as np

from labctl.sim.instruments.keithley2450_settings import MODEL, OVERRANGE
from labctl.sim.instruments.smu_models import OVERRANGE as CHANNEL_OVERRANGE
from labctl.sim.instruments.smu_models import SmuModel
from labctl.sim.status import Refused

OVERFLOW = 9.9e37
"""A reading beyond its range."""
BIG = 9e37
"""Anything larger is an overflow."""
OUT_OF_RANGE = (-222, "Parameter data out of range")
CONFLICT = (-221, "Settings conflict")
STAT_TERMINAL, STAT_START_GROUP = 8, 256
STAT_PROTECTION, STAT_READBACK, STAT_LIMIT, STAT_SENSE, STAT_OUTPUT = 4, 8, 32, 64, 128


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading as a buffer keeps it; ``time`` is bench time, s."""

    value: float
    source: float
    time: float
    status: int
    source_status: int
    unit: str
    source_unit: str
    digits: int


def in_unit(unit: str, current: float, voltage: float, most_ohms: float) -> float:
    """Return what a current (A) and a voltage (V) are in ``AMP``, ``VOLT``, ``OHM`` or ``WATT``."""
    if unit == "VOLT":
        return copysign(OVERFLOW, voltage) if abs(voltage) > BIG else voltage
    if abs(current) > BIG:
        return copysign(OVERFLOW, current)
    if unit == "AMP":
        return current
    if abs(voltage) > BIG:
        return OVERFLOW
    if unit == "WATT":
        return voltage * current
    ohms = voltage / current if current else OVERFLOW
    return ohms if abs(ohms) <= min(most_ohms, BIG) else OVERFLOW


def widened() -> SmuModel:
    """Return the model with its ranges so that the channel allows 5 % above them."""
    wider = OVERRANGE / CHANNEL_OVERRANGE

    def widen(ranges: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(upper * wider for upper in ranges)

    return replace(
        MODEL,
        voltage_ranges=widen(MODEL.voltage_ranges),
        current_ranges=widen(MODEL.current_ranges),
        measure_current_ranges=widen(MODEL.measure_current_ranges),
    )


def permitted(act: Callable[[], None]) -> None:
    """Do what the channel may refuse; its refusals become those of a 2450."""
    try:
        act()
    except Refused as refused:
        raise Refused(*(CONFLICT if refused.code == 5007 else OUT_OF_RANGE)) from None


def mean(values: list[float]) -> float:
    """Return the mean of readings; an overflow where one of them is."""
    return OVERFLOW if any(abs(v) > BIG for v in values) else float(np.mean(values))
