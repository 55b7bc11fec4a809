"""Pulses that suit a kind of chip: the table ``[pulses]`` of a preset file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from labctl.sim.chip.parameters import Parameter


def _volts(what: str) -> Any:
    return _field("V", what, 1e-3, 20)


def _seconds(what: str) -> Any:
    return _field("s", what, 1e-9, 100)


def _field(unit: str, what: str, low: float, high: float) -> Any:
    parameter = Parameter("pulses", unit, what, "MODEL", low, high)
    return dataclasses.field(metadata={"parameter": parameter})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ramp:
    """Forming pulses of rising voltage, V and s."""

    start: float = _volts("Bit line, first pulse.")
    stop: float = _volts("Bit line, last pulse.")
    step: float = _volts("From pulse to pulse.")
    gate: float = _volts("Word line.")
    width: float = _seconds("Of one pulse.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One pulse, V and s."""

    voltage: float = _volts("Bit line for SET, source line for RESET; the other at 0 V.")
    gate: float = _volts("Word line.")
    width: float = _seconds("Of one pulse.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulses:
    """Pulses that form, SET and RESET a kind of chip."""

    form: Ramp
    set: Point
    reset: Point


SHAPES: dict[str, type[Ramp] | type[Point]] = {"form": Ramp, "set": Point, "reset": Point}
"""Class of each table below ``[pulses]``."""


def entries(shape: type[Ramp] | type[Point]) -> dict[str, Parameter]:
    """Return what is known of each number of a pulse, by name."""
    return {field.name: field.metadata["parameter"] for field in dataclasses.fields(shape)}
