"""Where in a TOML file a key stands, so that an error can name the line."""

from __future__ import annotations

import re

_PART = r"""(?:"[^"]*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"^\s*(\[\[?)\s*({_DOTTED})\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(rf"^\s*({_DOTTED})\s*=")


def line_of(text: str, key: tuple[str, ...]) -> int | None:
    r"""Return the line (from 1) of ``key``, or of the nearest table around it; None if neither.

    Examples
    --------
    Tables of an array are counted: ``("step", "0", "name")`` is a key of the first ``[[step]]``.

    >>> line_of("[chip]\nrows = 3\n", ("chip", "rows"))
    2
    >>> line_of("[[step]]\nname = 'a'\n[[step]]\nname = 'b'\n", ("step", "1", "name"))
    4
    """
    table: tuple[str, ...] = ()
    places: dict[tuple[str, ...], int] = {}
    counts: dict[tuple[str, ...], int] = {}
    quotes = ""
    for number, line in enumerate(text.splitlines(), 1):
        inside, quotes = quotes, _open_quotes(line, quotes)
        if inside:
            continue  # a line of a text is no key
        if header := _HEADER.match(line):
            table = _counted(_parts(header[2]), counts)
            if header[1] == "[[":
                places.setdefault(table, number)
                counts[table] = counts.get(table, -1) + 1
                table = (*table, str(counts[table]))
            places.setdefault(table, number)
        elif entry := _KEY.match(line):
            parts = _parts(entry[1])
            for length in range(1, len(parts) + 1):  # a dotted key makes the tables around it
                places.setdefault(table + parts[:length], number)
    for length in range(len(key), 0, -1):
        if key[:length] in places:
            return places[key[:length]]
    return None


def _counted(table: tuple[str, ...], counts: dict[tuple[str, ...], int]) -> tuple[str, ...]:
    """Return the key of a table inside the last one of each array of tables around it."""
    found: tuple[str, ...] = ()
    for part in table[:-1]:
        found = (*found, part)
        if found in counts:
            found = (*found, str(counts[found]))
    return (*found, table[-1])


def _open_quotes(line: str, quotes: str) -> str:
    """Return the three quotes of a text that goes on behind this line; empty where none does."""
    place = 0
    while True:
        if quotes:
            end = line.find(quotes, place)
            if end < 0:
                return quotes
            place, quotes = end + 3, ""
        else:
            found = re.search(r"\"\"\"|'''|#|\"(?:[^\"\\\\]|\\\\.)*\"|'[^']*'", line[place:])
            if found is None or found[0] == "#":
                return ""
            place += found.end()
            quotes = found[0] if found[0] in ('"""', "'''") else ""


def _parts(dotted: str) -> tuple[str, ...]:
    """Return the parts of a dotted key, without quotes."""
    return tuple(part.strip("\"'") for part in re.findall(_PART, dotted))
