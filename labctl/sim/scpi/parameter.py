"""Program data: one parameter as it arrives, and how the text of a message gives it.

Source: IEEE Std 488.2-1992, 7.7 (program data elements), and SCPI-99 volume 1, chapters 7 and 8,
from memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from labctl.sim.status import Refused

Kind = Literal["number", "word", "string", "block", "expression"]

MULTIPLIERS = {
    "EX": 1e18, "PE": 1e15, "T": 1e12, "G": 1e9, "MA": 1e6, "K": 1e3, "M": 1e-3, "U": 1e-6,
    "N": 1e-9, "P": 1e-12, "F": 1e-15, "A": 1e-18, "": 1.0,
}  # fmt: skip
UNITS = ("OHM", "HZ", "V", "A", "S", "W", "CEL", "PCT", "F", "DB")
MOST_WORD = 12 * 4
"""Characters of a word; 488.2 allows 12, real parsers take the long names of buffers."""

_SPACE = "\x00-\x09\x0b-\x20"
_NUMBER = re.compile(
    rf"([+-]?(?:\d+\.?\d*|\.\d+))(?:[{_SPACE}]*[eE][{_SPACE}]*([+-]?\d+))?"
    rf"(?:[{_SPACE}]*([A-Za-z]+))?"
)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_BASED = re.compile(r"#([HhQqBb])([0-9A-Fa-f]+)")
_BASES = {"H": 16, "Q": 8, "B": 2}
_BLANK = re.compile(rf"[{_SPACE}]*")
MOST_EXPONENT = 32_000


@dataclass(frozen=True, slots=True)
class Parameter:
    """One element of program data.

    Attributes
    ----------
    kind
        What it looks like.
    value
        A number (float, its unit and multiplier applied), a word (upper case), the text of a
        string, the bytes of a block, or the raw text between the parentheses of an expression.
    unit
        Of a number: the unit that came with it, in upper case; else empty.
    """

    kind: Kind
    value: float | str | bytes
    unit: str = ""

    @property
    def is_default(self) -> bool:
        """Whether it is one of the words MINimum, MAXimum, DEFault."""
        return self.kind == "word" and self.value in _RELATIVE


_RELATIVE = frozenset(("MIN", "MINIMUM", "MAX", "MAXIMUM", "DEF", "DEFAULT"))


def skip_blank(text: str, at: int) -> int:
    """Return the place of the next character that is not white space."""
    found = _BLANK.match(text, at)
    return found.end() if found else at


def read_parameters(text: str, at: int) -> tuple[tuple[Parameter, ...], int]:
    """Read parameters up to the end of a message unit.

    Parameters
    ----------
    text
        The message.
    at
        Where the first parameter, or white space before it, begins.

    Returns
    -------
    tuple
        The parameters, and the place of the ``;`` or of the end.

    Raises
    ------
    Refused
        Where the data are no program data; numbers of the -1xx group.
    """
    parameters: list[Parameter] = []
    at = skip_blank(text, at)
    if at >= len(text) or text[at] == ";":
        return (), at
    while True:
        parameter, at = _read_one(text, at)
        parameters.append(parameter)
        at = skip_blank(text, at)
        if at >= len(text) or text[at] == ";":
            return tuple(parameters), at
        if text[at] != ",":
            raise Refused(-103, "Invalid separator")
        at = skip_blank(text, at + 1)


def _read_one(text: str, at: int) -> tuple[Parameter, int]:
    first = text[at : at + 1]
    if first in "\"'" and first:
        return _string(text, at)
    if first == "#":
        return _hash(text, at)
    if first == "(":
        return _expression(text, at)
    if (found := _NUMBER.match(text, at)) is not None:
        return _number(found), found.end()
    if (found := _WORD.match(text, at)) is not None:
        if len(found.group()) > MOST_WORD:
            raise Refused(-144, "Character data too long")
        return Parameter("word", found.group().upper()), found.end()
    if not first or first in ",;":
        raise Refused(-109, "Missing parameter") if not first else Refused(-102, "Syntax error")
    raise Refused(-101, "Invalid character")


def _number(found: re.Match[str]) -> Parameter:
    mantissa, exponent, suffix = found.groups()
    if exponent is not None and abs(int(exponent[:8])) > MOST_EXPONENT:
        raise Refused(-123, "Exponent too large")
    if len(mantissa) > 255:
        raise Refused(-124, "Too many digits")
    value = float(mantissa if exponent is None else f"{mantissa}E{exponent}")
    if suffix is None:
        return Parameter("number", value)
    unit, factor = _suffix(suffix.upper())
    return Parameter("number", value * factor, unit)


def _suffix(suffix: str) -> tuple[str, float]:
    """Return unit and factor of a suffix: ``UA`` -> ``("A", 1e-6)``."""
    for unit in UNITS:
        if suffix.endswith(unit):
            multiplier = suffix[: -len(unit)]
            if multiplier == "M" and unit in ("OHM", "HZ"):
                return unit, 1e6  # 488.2, table 7-1: MHZ and MOHM are megahertz and megohm
            if multiplier in MULTIPLIERS:
                return unit, MULTIPLIERS[multiplier]
    raise Refused(-131, "Invalid suffix")


def _string(text: str, at: int) -> tuple[Parameter, int]:
    quote = text[at]
    pieces = []
    while True:
        stop = text.find(quote, at + 1)
        if stop < 0:
            raise Refused(-151, "Invalid string data")
        pieces.append(text[at + 1 : stop])
        at = stop + 1
        if text[at : at + 1] != quote:
            return Parameter("string", quote.join(pieces)), at


def _hash(text: str, at: int) -> tuple[Parameter, int]:
    based = _BASED.match(text, at)
    if based is not None:
        try:
            return Parameter("number", float(int(based[2], _BASES[based[1].upper()]))), based.end()
        except (ValueError, OverflowError):
            raise Refused(-121, "Invalid character in number") from None
    digits = text[at + 1 : at + 2]
    if digits == "0":
        return Parameter("block", text[at + 2 :].encode("latin-1")), len(text)
    if not ("1" <= digits <= "9"):
        raise Refused(-161, "Invalid block data")
    start = at + 2 + int(digits)
    length = text[at + 2 : start]
    if not (length.isascii() and length.isdigit() and len(length) == int(digits)):
        raise Refused(-161, "Invalid block data")
    stop = start + int(length)
    if stop > len(text):
        raise Refused(-161, "Invalid block data")
    return Parameter("block", text[start:stop].encode("latin-1")), stop


def _expression(text: str, at: int) -> tuple[Parameter, int]:
    start, depth, quote = at + 1, 0, ""
    for place in range(at, len(text)):
        sign = text[place]
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "\"'":
            quote = sign
        elif sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
            if depth == 0:
                return Parameter("expression", text[start:place]), place + 1
    raise Refused(-171, "Invalid expression")
