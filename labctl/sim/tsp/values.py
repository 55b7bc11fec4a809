"""Values as TSP takes and prints them: checks of attributes, and number formats."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable
from math import isfinite
from typing import Any

from lupa.lua51 import lua_type

from labctl.sim.status import Refused

DATA_TYPE = (-104, "Data type error")
NOT_ALLOWED = (-108, "Parameter not allowed")
MISSING = (-109, "Missing parameter")
TOO_BIG = (1101, "Parameter too big")
TOO_SMALL = (1102, "Parameter too small")
ILLEGAL_VALUE = (-224, "Illegal parameter value")
OUT_OF_MEMORY = (-225, "Out of memory or TSP memory allocation error")
ASCII, REAL32, REAL64 = 1, 2, 3
"""Values of ``format.data``."""
BIG_ENDIAN, LITTLE_ENDIAN = 0, 1
"""Values of ``format.byteorder``."""
NUMBER_FORMATS = {precision: f"%.{precision - 1}e" for precision in range(1, 17)}
"""By ``format.asciiprecision``."""


def number(value: Any) -> float:
    """Return ``value`` as a float; -104 unless it is a finite number."""
    if (kind := type(value)) is float or kind is int:
        result = value if kind is float else float(value)
        if isfinite(result):
            return result
    raise Refused(*DATA_TYPE)


def within(value: Any, low: float, high: float) -> float:
    """Return ``value`` as a float; 1101 above ``high``, 1102 below ``low``."""
    result = number(value)
    if result > high:
        raise Refused(*TOO_BIG)
    if result < low:
        raise Refused(*TOO_SMALL)
    return result


def whole(value: Any) -> int:
    """Return ``value`` as an int, what stands behind the point cut off; -104 for no number."""
    return int(number(value))


def flag(value: Any) -> int:
    """Return 0 or 1; booleans count as such; -224 for other numbers."""
    return one_of(value, (0, 1))


def one_of(value: Any, choices: Collection[int]) -> int:
    """Return ``value`` as an int; -224 unless it is one of ``choices``; booleans count as 0, 1."""
    result = float(value) if isinstance(value, bool) else number(value)
    if result not in choices:
        raise Refused(*ILLEGAL_VALUE)
    return int(result)


def numbers(value: Any, most: int = 1_000_000) -> list[float]:
    """Return the numbers of a Lua list; -104 unless it is one, -223 where it is too long."""
    if lua_type(value) != "table":
        raise Refused(*DATA_TYPE)
    if len(value) > most:
        raise Refused(-223, "Too much data")
    found = {key: number(item) for key, item in value.items()}  # raw: no metamethod is run
    if not found or any(key not in found for key in range(1, len(found) + 1)):
        raise Refused(*DATA_TYPE)
    return [found[key] for key in range(1, len(found) + 1)]


def text(value: Any) -> str:
    """Return ``value``, a string; -104 for anything else, -109 for nil."""
    if value is None:
        raise Refused(*MISSING)
    if not isinstance(value, str):
        raise Refused(*DATA_TYPE)
    return value


def arguments(given: tuple[Any, ...], least: int, most: int) -> None:
    """Check the number of arguments: -109 for too few, -108 for too many."""
    count = len(given)
    while count and given[count - 1] is None:
        count -= 1
    if count < least:
        raise Refused(*MISSING)
    if count > most:
        raise Refused(*NOT_ALLOWED)


def printed(value: Any, precision: int) -> str:
    """Return a value as ``print`` shows it: numbers as ``1.00000e-03``."""
    if type(value) is float:
        return NUMBER_FORMATS[precision] % value
    if value is None:
        return "nil"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, str):
        return value
    return NUMBER_FORMATS[precision] % value


def number_block(values: Iterable[float], data: int, byteorder: int, precision: int) -> bytes:
    """Return numbers as ``printbuffer`` and ``printnumber`` send them, line feed included.

    ASCII is comma-separated; binary is ``#0``, then IEEE 754 numbers in the byte order asked for.
    """
    if data == ASCII:
        return (", ".join(f"{value:.{precision - 1}e}" for value in values) + "\n").encode()
    numbers = list(values)
    kind = "f" if data == REAL32 else "d"
    order = "<" if byteorder == LITTLE_ENDIAN else ">"
    return b"#0" + struct.pack(f"{order}{len(numbers)}{kind}", *numbers) + b"\n"


def setter(store: dict[str, Any], key: str, check: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Return a function that checks a value and keeps it in ``store``."""

    def put(value: Any) -> None:
        store[key] = check(value)

    return put
