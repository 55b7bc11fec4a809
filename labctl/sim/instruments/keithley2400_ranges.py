"""What the parameter of a ``RANGe`` command of a Keithley 2400 means.

Source: *2400 Series SourceMeter User's Manual*, section 18 (SENSe and SOURce, RANGe).
"""

from __future__ import annotations

from collections.abc import Callable

from labctl.sim.instruments.keithley2400_settings import number
from labctl.sim.scpi import Parameter, numeric
from labctl.sim.status import Refused


def next_range(parameter: Parameter, ranges: tuple[float, ...], present: float, unit: str) -> float:
    """Return the range that a parameter of ``RANGe`` means: a size, UP or DOWN.

    Raises
    ------
    Refused
        -222 where none is large enough.
    """
    if parameter.kind == "word" and parameter.value in ("UP", "DOWN", "DOW"):
        place = ranges.index(present) + (1 if parameter.value == "UP" else -1)
        return ranges[min(max(place, 0), len(ranges) - 1)]
    words = {"MIN": ranges[0], "MINIMUM": ranges[0]}
    if parameter.kind == "word" and parameter.value in words:
        return ranges[0]
    wanted = abs(numeric(-ranges[-1], ranges[-1], _default(ranges), unit)(parameter))
    return next(full for full in ranges if wanted <= full * (1 + 1e-9))


def range_query(ranges: tuple[float, ...], read: Callable[[], float]) -> Callable[..., str]:
    """Return the query function of a ``RANGe``: the present one, MINimum, MAXimum, DEFault."""

    def query(relative: Parameter | None = None) -> str:
        if relative is None:
            return number(read())
        if not relative.is_default:
            raise Refused(-104, "Data type error")
        return number(numeric(ranges[0], ranges[-1], _default(ranges))(relative))

    return query


def _default(ranges: tuple[float, ...]) -> float:
    """Return the range after ``*RST``: 21 V, 105 µA, 210 kΩ."""
    return next(full for full in (2.1e5, 1.05e-4, 21.0) if full in ranges)
