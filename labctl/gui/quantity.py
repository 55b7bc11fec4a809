"""Numbers with a unit as people write them: "200 µs", "1e-4", "0,2 V"."""

from __future__ import annotations

import math
import re

_PREFIXES = {
    "f": -15,
    "p": -12,
    "n": -9,
    "u": -6,
    "µ": -6,
    "μ": -6,
    "m": -3,
    "": 0,
    "k": 3,
    "M": 6,
    "G": 9,
}
_SHOWN = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}
_BASE_UNITS = frozenset({"V", "A", "S", "s", "J", "W", "Hz", "F", "C", "Ω", "Ohm"})
_TEXT = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*?)\s*$")


def format_quantity(value: float, unit: str = "") -> str:
    """Return ``value`` in ``unit`` as text that :func:`parse_quantity` reads back exactly.

    Examples
    --------
    >>> format_quantity(200e-6, "s")
    '200 µs'
    >>> format_quantity(0.2, "V")
    '0.2 V'
    >>> format_quantity(2.5, "V")
    '2.5 V'
    >>> format_quantity(12.0, "%")
    '12 %'
    """
    plain = value == 0.0 or 0.1 <= abs(value) < 1e4
    if unit not in _BASE_UNITS or plain or not math.isfinite(value):
        return f"{_shortest(value)} {unit}".rstrip()
    exponent = min(max(3 * math.floor(math.log10(abs(value)) / 3.0), -15), 9)
    number = _shortest(float(f"{value / 10.0**exponent:.12g}"))
    return f"{number} {_SHOWN[exponent]}{unit}"


def parse_quantity(text: str, unit: str = "") -> float:
    """Return the number written in ``text``, in ``unit``.

    Parameters
    ----------
    text
        A number, with or without the unit; the unit may carry an SI prefix, and a prefix alone
        will do ("200u"). A decimal comma is taken as a point.
    unit
        The unit of the answer.

    Raises
    ------
    ValueError
        Where the text is not a number in that unit; says what would be.

    Examples
    --------
    >>> parse_quantity("200 us", "s")
    0.0002
    >>> parse_quantity("0,2", "V")
    0.2
    """
    match = _TEXT.match(text.replace(",", "."))
    example = format_quantity(0.2, unit)
    if match is None:
        raise ValueError(f"{text!r} is not a number; write for example {example!r}")
    number, tail = match[1], match[2]
    if tail in ("", unit):
        return float(number)
    own, base = _split(unit)
    prefix = tail.removesuffix(base) if base else tail
    if base not in _BASE_UNITS or prefix not in _PREFIXES:
        expected = f"the unit is {unit}" if unit else "it has no unit"
        raise ValueError(f"{text!r}: {expected}; write for example {example!r}")
    # Through decimal text, so that "200 µs" is 200e-6 to the last bit.
    digits, _, power = number.lower().partition("e")
    return float(f"{digits}e{int(power or 0) + _PREFIXES[prefix] - own}")


def _split(unit: str) -> tuple[int, str]:
    """Return the power of ten and the base of a unit: "µS" is (-6, "S"), "V" is (0, "V")."""
    if len(unit) > 1 and unit[0] in _PREFIXES and unit[1:] in _BASE_UNITS:
        return _PREFIXES[unit[0]], unit[1:]
    return 0, unit


def _shortest(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
