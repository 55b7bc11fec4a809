"""From the text of a program message to what is to be called, in order.

Source: IEEE Std 488.2-1992, 7.3 to 7.6, and SCPI-99 volume 1, 6.2.4 (header path), from memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labctl.sim.scpi.header import HeaderTree
from labctl.sim.scpi.parameter import Parameter, read_parameters, skip_blank
from labctl.sim.status import Refused

_HEADER = re.compile(r"(:?\*|:?)([A-Za-z][A-Za-z0-9_]*(?::[A-Za-z][A-Za-z0-9_]*)*)(\??)")
MOST_UNITS = 10_000
"""Message units of one message; a longer one is cut off with -223."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One program message unit, ready to be done.

    Attributes
    ----------
    call
        The function of the instrument, or None where the unit is an error.
    parameters
        Its arguments.
    query
        Whether it ends in ``?``.
    urgent
        Whether it is done while others wait.
    error
        Number and text of what is wrong with it.
    """

    call: Callable[..., Any] | None
    parameters: tuple[Parameter, ...] = ()
    query: bool = False
    urgent: bool = False
    error: tuple[int, str] | None = None


def parse(text: str, tree: HeaderTree) -> tuple[Unit, ...]:
    """Return the units of a message; the first that is wrong is the last (the rest is dropped).

    A header without leading colon continues the path of the one before it in the message; common
    commands leave the path as it is.
    """
    units: list[Unit] = []
    path = ""
    at = 0
    try:
        while True:
            at = skip_blank(text, at)
            if at >= len(text):
                break
            if text[at] == ";":
                at += 1
                continue
            if len(units) >= MOST_UNITS:
                raise Refused(-223, "Too much data")
            unit, path, at = _read_unit(text, at, path, tree)
            units.append(unit)
    except Refused as refused:
        units.append(Unit(None, error=(refused.code, refused.text)))
    return tuple(units)


def _read_unit(text: str, at: int, path: str, tree: HeaderTree) -> tuple[Unit, str, int]:
    found = _HEADER.match(text, at)
    if found is None:
        raise Refused(*_wrong_start(text[at]))
    lead, header, mark = found.groups()
    at = found.end()
    if at < len(text) and text[at] != ";" and not text[at].isspace() and text[at] > " ":
        code = -111 if text[at] in "\"'#(,:" or text[at].isdigit() else -101
        raise Refused(code, "Header separator error" if code == -111 else "Invalid character")
    query = mark == "?"
    if lead.endswith("*"):  # some programs put a colon before it, and real boxes take that
        form = tree.find("*" + header, query)
    else:
        whole = header if lead or not path else f"{path}:{header}"
        form = tree.find(whole, query)
        path = whole.rpartition(":")[0]
    parameters, at = read_parameters(text, at)
    if len(parameters) < form.least:
        raise Refused(-109, "Missing parameter")
    if len(parameters) > form.most:
        raise Refused(-108, "Parameter not allowed")
    return Unit(form.call, parameters, query, form.urgent), path, at


def _wrong_start(sign: str) -> tuple[int, str]:
    """Return the error of a unit that begins with what begins no header."""
    if sign in ":*?,":
        return -110, "Command header error"
    if sign.isalnum() and sign.isascii():
        return -102, "Syntax error"
    return -101, "Invalid character"
