"""Device-dependent commands: a letter, its options, and nothing happens before ``X``.

Source: *Model 707A Switching Matrix Instruction Manual* (707A-901-01), section 4, and the table of
its commands in *Models 707B and 708B Reference Manual*, appendix B; from memory where those are
silent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from labctl.sim.instruments.relays import ROWS

MOST_CROSSPOINTS = 25
"""Crosspoints in one message."""
_NUMBER = re.compile(r"\d{0,5}")
_PAIR = re.compile(r"(\d{1,5})(?:,(\d{1,5}))?")
_BITS = re.compile(r"[01]{1,8}")
_POINTS = re.compile(r"[A-H]\d{1,3}(?:,[A-H]\d{1,3})*")
_FORMS = {
    **dict.fromkeys("ABEFGHIJKMOPQRSTY", _NUMBER),
    **dict.fromkeys("UZ", _PAIR),
    **dict.fromkeys("VW", _BITS),
    **dict.fromkeys("CN", _POINTS),
}


class IllegalCommand(Exception):  # noqa: N818 - it is an answer of the instrument
    """The letter means nothing here (IDDC)."""


class IllegalOption(Exception):  # noqa: N818 - it is an answer of the instrument
    """What follows a letter is not among its options (IDDCO)."""


@dataclass(frozen=True)
class DeviceCommand:
    """One command: its letter, its numbers, and for ``C``, ``N``, ``D``, ``V``, ``W`` its text."""

    letter: str
    numbers: tuple[int, ...] = ()
    text: str = ""

    @property
    def points(self) -> list[tuple[int, int]]:
        """Rows (from 0) and columns (from 1) of ``C`` and ``N``."""
        return [(ROWS.index(item[0]), int(item[1:])) for item in self.text.split(",")]


def parse(line: str) -> list[DeviceCommand]:
    """Return the commands of a string without its ``X``.

    Spaces do not count, nor does the case of letters. A number left out is zero.

    Raises
    ------
    IllegalCommand, IllegalOption
        For the first thing that is wrong; none of the string is then executed.
    """
    text = "".join(line.split()).upper()
    commands, points, at = [], 0, 0
    while at < len(text):
        letter = text[at]
        at += 1
        if letter == "D":  # a message for the display, up to the end of the string
            commands.append(DeviceCommand("D", text=text[at : at + 14]))
            break
        form = _FORMS.get(letter)
        if form is None:
            raise IllegalCommand(letter)
        found = form.match(text, at)
        if found is None:
            raise IllegalOption(letter)
        at = found.end()
        if form in (_NUMBER, _PAIR):
            given = [found.group()] if form is _NUMBER else [found[1], found[2] or "0"]
            commands.append(DeviceCommand(letter, tuple(int(item or 0) for item in given)))
        else:
            commands.append(DeviceCommand(letter, text=found.group()))
            points += found.group().count(",") + 1 if form is _POINTS else 0
    if points > MOST_CROSSPOINTS:
        raise IllegalOption("C")
    return commands
