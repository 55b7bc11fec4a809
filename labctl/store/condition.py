"""What runs are looked for by: times, and conditions on parameters and results, as SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from labctl.errors import StoreError
from labctl.quantity import to_si

_AND = re.compile(r"\s+and\s+|\s*&&?\s*", re.IGNORECASE)
_ONE = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(<=|>=|!=|==|=|<|>)\s*(.+?)\s*")
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(.*)")
_COLUMNS = frozenset({"number", "rows"})
_NEAR = 1e-9
"""Numbers that differ by less than this share are equal: 60 µS is no exact number of siemens."""
_DAYS = re.compile(r"(\d+)\s*d(ays?)?")

Clause = tuple[str, list[Any]]
"""A condition in SQL and its values."""


def conditions(text: str) -> Iterator[Clause]:
    """Yield the clauses that a condition as people write it stands for.

    Parameters
    ----------
    text
        ``"target > 20e-6 and yield >= 0.9"``: names of parameters, results of the summary,
        ``rows`` or ``number``; compared by ``< <= > >= = !=`` to a number or to text. A number is
        in SI units, or carries a unit: ``"target > 20 µS"``.

    Raises
    ------
    StoreError
        Where it cannot be understood.
    """
    for part in _AND.split(text.strip()):
        match = _ONE.fullmatch(part)
        if match is None:
            raise StoreError(
                f"{part!r} is no condition; write for example target > 20e-6, voltage = 200 mV "
                "or cells = all, and join several by 'and'."
            )
        yield _clause(match[1], match[2].replace("==", "="), match[3].strip("'\""))


def equals(name: str, value: Any) -> Clause:
    """Return the clause for a parameter that has a value as it is in the run, units included."""
    return _holds("text = ?", name, [as_text(value)], prefixes=("",))


def moment(when: str | date | datetime, *, last: bool = False) -> float:
    """Return a time as seconds since 1970.

    Parameters
    ----------
    when
        A day or a time; ISO 8601 as text, ``today``, ``yesterday`` or ``7d`` (seven days ago).
        Without a time zone it is local time.
    last
        True means the end of a day, False its begin.

    Raises
    ------
    StoreError
        For text that is no time.
    """
    if isinstance(when, str):
        when = _read(when)
    if not isinstance(when, datetime):
        when = datetime.combine(when, time.max if last else time.min)
    return when.timestamp()


def as_text(value: Any) -> str:
    """Return a parameter value as people write it: 0.2 and "0.20" are the same."""
    if isinstance(value, str):
        try:
            return f"{float(value):.12g}"
        except ValueError:
            return value
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int | float):
        return f"{value:.12g}"
    return str(value)


def _clause(name: str, operator: str, value: str) -> Clause:
    match = _NUMBER.fullmatch(value)
    number: float | None = None
    if match is not None:
        try:
            number = to_si(float(match[1]), match[2])
        except ValueError as error:
            # "0..3,0..7" begins as a number does; only an order needs one
            if operator not in ("=", "!="):
                raise StoreError(f"{value!r} is no number with a unit: {error}.") from error
    elif operator not in ("=", "!="):
        raise StoreError(f"{name} {operator} {value}: only numbers can be put in order.")
    if name in _COLUMNS:
        if number is None:
            raise StoreError(f"{name} is a number; {value!r} is none.")
        return f"{name} {operator} ?", [number]
    if number is None:
        test = "lower(text) = lower(?)" if operator == "=" else "lower(text) <> lower(?)"
        return _holds(test, name, [value])
    near = abs(number) * _NEAR
    low, high = number - near, number + near
    if operator == "=":
        return _holds("(number BETWEEN ? AND ? OR text = ?)", name, [low, high, value])
    if operator == "!=":
        return _holds("(number < ? OR number > ?)", name, [low, high])
    return _holds(f"number {operator} ?", name, [low if operator in ("<", ">=") else high])


def _holds(
    test: str, name: str, values: list[Any], prefixes: tuple[str, ...] = ("", "summary.")
) -> Clause:
    """Return the clause for runs that have a value called ``name`` that passes ``test``."""
    names = [prefix + name for prefix in prefixes]
    marks = ", ".join("?" * len(names))
    text = f"folder IN (SELECT folder FROM facts WHERE name IN ({marks}) AND {test})"
    return text, [*names, *values]


def _read(text: str) -> date | datetime:
    word = text.strip().lower()
    if word in ("today", "yesterday"):
        return date.today() - timedelta(days=word == "yesterday")
    if match := _DAYS.fullmatch(word):
        return datetime.now() - timedelta(days=int(match[1]))
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise StoreError(
            f"{text!r} is no time; write 2026-11-24, 2026-11-24T18:00, today, yesterday or 7d."
        ) from None
