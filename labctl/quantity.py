"""Numbers as people read them: SI prefixes and durations."""

from __future__ import annotations

from functools import cache
from math import floor, isfinite, log10

_COHERENT = frozenset({"", "V", "A", "S", "s", "Hz", "K", "J", "W", "C", "F", "Ω", "ohm", "m"})
_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}


def show(value: float, unit: str, digits: int = 3) -> str:
    """Write a value with the SI prefix that suits it.

    Examples
    --------
    >>> show(1e-5, "A")
    '10 µA'
    >>> show(0.0, "V")
    '0 V'
    """
    if value == 0.0 or not isfinite(value):
        return f"{value:g} {unit}"
    power = min(max(3 * floor(log10(abs(value)) / 3 + 1e-12), -15), 9)
    scaled = float(f"{value / 10.0**power:.{digits}g}")
    if abs(scaled) >= 1000 and power < 9:  # 999.9 rounds up to the next prefix
        power, scaled = power + 3, scaled / 1000
    return f"{scaled:g} {_PREFIXES[power]}{unit}"


def to_si(value: float, unit: str) -> float:
    """Return a value in the coherent SI unit.

    Raises
    ------
    ValueError
        For a unit that is not known.

    Examples
    --------
    >>> to_si(0.2, "V"), to_si(250.0, "mV"), to_si(2.0, "min"), to_si(25.0, "degC")
    (0.2, 0.25, 120.0, 298.15)
    """
    if unit in _COHERENT:
        return value
    scale, offset = _scale(unit)
    return value / scale if offset is None else value * scale + offset


@cache
def _scale(unit: str) -> tuple[float, float | None]:
    """Return how many of ``unit`` make one SI unit; with an offset, factor and offset."""
    from pymeasure.units import ureg  # slow to load, and seldom needed

    try:
        zero, one = (ureg.Quantity(k, unit).to_base_units().magnitude for k in (0.0, 1.0))
    except Exception as error:  # pint raises errors of many kinds for text it cannot read
        raise ValueError(f"{unit!r} is not a unit") from error
    # Dividing by a million gives 60e-6 to the last digit; multiplying by a millionth does not.
    return (1.0 / one, None) if zero == 0.0 else (one - zero, zero)


def show_duration(seconds: float) -> str:
    """Write a time span.

    Examples
    --------
    >>> show_duration(42.0), show_duration(200.0), show_duration(7300.0), show_duration(2e5)
    ('42 s', '3 min 20 s', '2 h 1 min', '2 d 7 h')
    """
    if not isfinite(seconds):
        return "unknown"
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else show(seconds, "s", 2)
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"
