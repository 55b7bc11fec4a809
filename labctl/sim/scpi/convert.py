"""From program data to values of an instrument: what tables of commands check parameters with.

Source: SCPI-99 volume 1, chapter 7 (parameter forms), from memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from labctl.sim.scpi.parameter import Parameter
from labctl.sim.status import Refused

INFINITY = 9.9e37
NOT_A_NUMBER = 9.91e37
_T = TypeVar("_T")
Channel = tuple[int, ...]
MOST_CHANNELS = 100_000


def numeric(
    low: float, high: float, default: float | None = None, unit: str = "V"
) -> Callable[[Parameter], float]:
    """Return a converter of numbers.

    Parameters
    ----------
    low, high
        What MINimum and MAXimum mean; beyond them -222.
    default
        What DEFault means; None: the word is refused.
    unit
        The unit that may stand behind the number; another gives -131, and -138 where this is
        empty.
    """
    words = {"MIN": low, "MINIMUM": low, "MAX": high, "MAXIMUM": high}
    if default is not None:
        words.update(DEF=default, DEFAULT=default)
    # INF is a number like others: too large for most settings (SCPI-99, 7.2.1.4).
    infinite = {"INF": INFINITY, "INFINITY": INFINITY, "NINF": -INFINITY, "NINFINITY": -INFINITY}

    def convert(parameter: Parameter) -> float:
        value = parameter.value
        if parameter.kind == "word":
            known = words.get(str(value))
            if known is not None:
                return known
            if value not in infinite:
                raise Refused(-224, "Illegal parameter value")
            value = infinite[str(value)]
        elif parameter.kind != "number":
            raise Refused(-104, "Data type error")
        elif parameter.unit and parameter.unit != unit.upper():
            if unit:
                raise Refused(-131, "Invalid suffix")
            raise Refused(-138, "Suffix not allowed")
        assert isinstance(value, float)
        # 1.05 and 1.0500000001 are the same number to a front panel.
        slack = 1e-9 * min(abs(value), INFINITY)
        if not low - slack <= value <= high + slack:
            raise Refused(-222, "Parameter data out of range")
        return min(max(value, low), high)

    return convert


def whole(low: int, high: int, default: int | None = None) -> Callable[[Parameter], int]:
    """Return a converter of whole numbers; a number between two is rounded (488.2, 7.7.2)."""
    convert = numeric(low, high, default, unit="")

    def rounded(parameter: Parameter) -> int:
        if parameter.kind == "number" and isinstance(parameter.value, float):
            value = parameter.value
            if abs(value) < 1e15:
                parameter = Parameter("number", float(round(value)), parameter.unit)
        return round(convert(parameter))

    return rounded


def boolean(parameter: Parameter) -> bool:
    """Return ON, OFF or a number (not zero once rounded: on)."""
    if parameter.kind == "word":
        if parameter.value == "ON":
            return True
        if parameter.value == "OFF":
            return False
        raise Refused(-224, "Illegal parameter value")
    if parameter.kind != "number" or not isinstance(parameter.value, float):
        raise Refused(-104, "Data type error")
    if parameter.unit:
        raise Refused(-138, "Suffix not allowed")
    return abs(parameter.value) >= 0.5


def spellings(name: str) -> tuple[str, ...]:
    """Return the short and the long form of a word in SCPI notation, upper case.

    ``"SENSe[1]"`` may be written with and without its suffix.
    """
    stem, bracket, rest = name.partition("[")
    short = "".join(sign for sign in stem if not sign.islower())
    forms = [short, stem.upper()]
    if bracket:
        forms += [form + rest.rstrip("]") for form in forms]
    return tuple(dict.fromkeys(forms))


def choice(values: Mapping[str, _T], quoted: bool = False) -> Callable[[Parameter], _T]:
    """Return a converter of words.

    Parameters
    ----------
    values
        By word in SCPI notation (``"VOLTage"``).
    quoted
        Whether the word stands in quotes (a string), as in ``SENSe:FUNCtion "VOLT"``.
    """
    known = {form: value for name, value in values.items() for form in spellings(name)}

    def convert(parameter: Parameter) -> _T:
        if parameter.kind != ("string" if quoted else "word"):
            if parameter.kind == "number" and not quoted and str(parameter.value) in known:
                return known[str(parameter.value)]
            raise Refused(-104, "Data type error")
        try:
            return known[str(parameter.value).strip().upper()]
        except KeyError:
            raise Refused(-224, "Illegal parameter value") from None

    return convert


def text(parameter: Parameter) -> str:
    """Return the text of a string."""
    if parameter.kind != "string":
        raise Refused(-104, "Data type error")
    return str(parameter.value)


def channel_list(parameter: Parameter) -> list[tuple[Channel, Channel]]:
    """Return the entries of ``(@1!2!3,4:7)`` as pairs of first and last.

    A channel is a tuple of its dimensions (``1!2!3`` -> ``(1, 2, 3)``); one without range is both
    first and last of its pair.

    Raises
    ------
    Refused
        -104 no expression, -171 no channel list, -223 too long.
    """
    if parameter.kind != "expression":
        raise Refused(-104, "Data type error")
    raw = str(parameter.value).strip()
    if not raw.startswith("@"):
        raise Refused(-171, "Invalid expression")
    entries = [entry.strip() for entry in raw[1:].split(",")]
    if entries == [""]:
        return []
    if len(entries) > MOST_CHANNELS:
        raise Refused(-223, "Too much data")
    pairs = []
    for entry in entries:
        first, colon, last = entry.partition(":")
        pairs.append((_channel(first), _channel(last if colon else first)))
    return pairs


def _channel(raw: str) -> Channel:
    dimensions = [part.strip() for part in raw.split("!")]
    if not all(part.isascii() and part.isdigit() and len(part) < 12 for part in dimensions):
        raise Refused(-171, "Invalid expression")
    return tuple(int(part) for part in dimensions)
