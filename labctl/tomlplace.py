"""Where in a TOML file a key stands, so that an error can name the line."""

from __future__ import annotations

import re

_HEADER = re.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*("[^"]*"|'[^']*'|[A-Za-z0-9_.-]+)\s*=""")


def line_of(text: str, key: tuple[str, ...]) -> int | None:
    r"""Return the line (from 1) of ``key``, or of the nearest table around it; None if neither.

    Examples
    --------
    >>> line_of("[chip]\nrows = 3\n", ("chip", "rows"))
    2
    """
    table: tuple[str, ...] = ()
    places: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _parts(header[1])
            places.setdefault(table, number)
        elif entry := _KEY.match(line):
            name = entry[1]
            parts = (name.strip("\"'"),) if name[0] in "\"'" else tuple(name.split("."))
            places.setdefault(table + parts, number)
    for length in range(len(key), 0, -1):
        if key[:length] in places:
            return places[key[:length]]
    return None


def _parts(header: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in header.split("."))
