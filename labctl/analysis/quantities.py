"""Numbers as a report prints them: a dash where there is none, no break before the unit."""

from __future__ import annotations

import math

from labctl.quantity import show, show_duration

NONE = "–"
"""What stands where there is no value."""
_THIN = "\u202f"  # narrow no-break space
_WIDE = "\u00a0"  # no-break space: thin ones would run hours and minutes together


def _absent(value: float | None) -> bool:
    return value is None or not math.isfinite(value)


def _significant(value: float, digits: int) -> str:
    """Return a number with so many significant digits, never in exponential notation."""
    if value == 0:
        return "0"
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    rounded = round(value, decimals)
    return f"{rounded:.{decimals}f}".replace("-", "\u2212")


def number(value: float | None, digits: int = 3) -> str:
    """Return a plain number with so many significant digits.

    Examples
    --------
    >>> number(0.04567), number(None)
    ('0.0457', '–')
    """
    if value is None or _absent(value):
        return NONE
    return _significant(value, digits)


def count(value: float | None) -> str:
    """Return a count with its thousands apart.

    Examples
    --------
    >>> count(1234567).replace("\u202f", " "), count(64)
    ('1 234 567', '64')
    """
    if value is None or _absent(value):
        return NONE
    return f"{round(value):,}".replace(",", _THIN).replace("-", "\u2212")


def percent(value: float | None, digits: int = 3) -> str:
    """Return a share (0 to 1) in per cent.

    Examples
    --------
    >>> percent(0.9737).replace("\u202f", " ")
    '97.4 %'
    """
    if value is None or _absent(value):
        return NONE
    return f"{_significant(100 * value, digits)}{_THIN}%"


def prefixed(value: float | None, unit: str, digits: int = 3) -> str:
    """Return a quantity in SI units with the prefix that suits it.

    Examples
    --------
    >>> prefixed(1.234e-5, "J").replace("\u202f", " ")
    '12.3 µJ'
    """
    if value is None or _absent(value):
        return NONE
    return show(value, unit, digits).replace(" ", _THIN)


def duration(value: float | None) -> str:
    """Return a time (s) in the units one would say it in.

    Examples
    --------
    >>> [duration(s).replace("\u00a0", " ") for s in (7.25, 75, 5000)]
    ['7.2 s', '1 min 15 s', '1 h 23 min']
    """
    if value is None or _absent(value):
        return NONE
    return show_duration(value).replace(" ", _WIDE)
