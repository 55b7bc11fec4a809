"""Readings of a Keithley 2400: elements, status word, and how they go over the bus.

Source: *2400 Series SourceMeter User's Manual*, section 18, FORMat subsystem (data elements,
figures 18-2 and 18-3) and status word.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from labctl.sim.scpi import NOT_A_NUMBER

OVERFLOWED = 9.9e37

OVER, FILTER, FRONT, COMPLIANCE, PROTECTION, MATH, NULL, LIMITS = range(8)
FAILED_LOW_BIT, FAILED_HIGH_BIT, AUTO_OHMS, MEASURES_V, MEASURES_I, MEASURES_OHM = range(8, 14)
SOURCES_V, SOURCES_I, RANGE_COMPLIANCE, OFFSET_COMPENSATED, CONTACT = range(14, 19)
LIMIT_RESULT, REMOTE_SENSE, PULSE = 19, 22, 23
"""Bits of the status word."""

ELEMENTS = ("VOLT", "CURR", "RES", "TIME", "STAT")
"""In the order in which they are always sent."""


class Reading(NamedTuple):
    """One source-measure cycle. V, A, Ω, s; 9.91e37 where a function is not measured."""

    voltage: float
    current: float
    resistance: float
    time: float
    status: int
    calculated: float = NOT_A_NUMBER
    limit: float = NOT_A_NUMBER

    def element(self, name: str) -> float:
        """Return an element by its name in ``FORMat:ELEMents``."""
        if name in ("CALC", "LIMIT"):
            return self.calculated if name == "CALC" else self.limit
        return float(self[ELEMENTS.index(name)])


def rounded(value: float) -> float:
    """Return a number with the seven digits that the instrument sends."""
    return float(f"{value:.6E}")


def numbers(readings: Iterable[Reading], elements: Sequence[str]) -> list[float]:
    """Return the chosen elements of all readings, reading by reading."""
    return [reading.element(name) for reading in readings for name in elements]


def transfer(values: Sequence[float], data: str, border: str) -> str | bytes:
    """Return numbers as they are sent.

    Parameters
    ----------
    data
        ``"ASC"`` or ``"SRE"`` (IEEE 754 single precision behind ``#0``).
    border
        ``"NORM"``: most significant byte first; ``"SWAP"``: last.
    """
    if data == "ASC":
        return ",".join([f"{value:+.6E}" for value in values])
    order = ">" if border == "NORM" else "<"
    return b"#0" + struct.pack(f"{order}{len(values)}f", *values)
