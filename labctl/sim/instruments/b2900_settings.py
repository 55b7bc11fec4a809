"""What a channel of a Keysight B2900 is set to after a reset, and what a measurement gives.

Source: *B2900 SCPI Command Reference* (B2910-90030), chapter 2: reset settings of the "Subsystem
Command Summary" as far as at hand, else from memory of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labctl.sim.instruments.smu import CURRENT, VOLTAGE

NAN = 9.91e37
"""Not a number in an answer."""


@dataclass(frozen=True, slots=True)
class Record:
    """One measurement; NaN of the box where a function is not enabled."""

    voltage: float
    current: float
    resistance: float
    time: float
    status: int
    source: float


def reset_settings(line_frequency: float) -> dict[str, Any]:
    """Return what ``*RST`` gives a channel."""
    settings: dict[str, Any] = {
        "function": VOLTAGE, "pulse": False, "continuous": False,
        "pulse_delay": 0.0, "width": 5e-5, "direction": "UP", "ranging": "BEST",
        "spacing": "LIN", "stair": "SING",
        "source_wait": True, "source_wait_auto": True, "source_wait_gain": 1.0,
        "source_wait_offset": 0.0,
        "measured": {"VOLT", "CURR"}, "remote": False, "aperture": 0.1 / line_frequency,
        "aperture_auto": True, "aperture_mode": "SHOR",
        "wait": True, "wait_auto": True, "wait_gain": 1.0, "wait_offset": 0.0,
        "resistance_mode": "MAN", "resistance_range": 2.0, "resistance_auto": True,
        "resistance_low": 2.0, "resistance_high": 200e6, "offset_compensation": False,
        "off_auto": False, "off_mode": "NORM", "on_auto": True, "protection": False,
        "filter": True, "filter_auto": True, "filter_frequency": 31.831e3,
        "high_capacitance": False, "low": "GRO", "output_speed": 0.0,
    }  # fmt: skip
    for quantity, name in ((VOLTAGE, "v"), (CURRENT, "i")):
        limit = 2.0 if quantity == VOLTAGE else 1e-4
        settings |= {
            f"{name} level": 0.0, f"{name} triggered": 0.0, f"{name} mode": "FIX",
            f"{name} range": 2.0 if quantity == VOLTAGE else 1e-6, f"{name} auto": True,
            f"{name} low": 0.2 if quantity == VOLTAGE else 1e-6,
            f"{name} start": 0.0, f"{name} stop": 0.0, f"{name} points": 1, f"{name} step": 0.0,
            f"{name} list": [0.0], f"{name} positive": limit, f"{name} negative": limit,
            f"{name} measure range": 2.0 if quantity == VOLTAGE else 1e-4,
            f"{name} measure auto": True,
            f"{name} measure low": 0.2 if quantity == VOLTAGE else 1e-6,
            f"{name} auto mode": "NORM", f"{name} threshold": 90.0,
        }  # fmt: skip
    for layer in ("ACQ", "TRAN"):
        for stage in ("TRIG", "ARM"):
            settings |= {
                f"{stage} {layer} source": "AINT", f"{stage} {layer} count": 1,
                f"{stage} {layer} delay": 0.0, f"{stage} {layer} timer": 2e-5,
                f"{stage} {layer} bypass": "OFF",
            }  # fmt: skip
    return settings
