"""Entries of the 2450's table of commands: numbers, switches, words, and how they are answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from labctl.sim.scpi import Command, Parameter, boolean, choice, numeric, spellings, text
from labctl.sim.status import Refused

_T = TypeVar("_T")


def shown(value: float) -> str:
    """Return a setting as the box answers with it."""
    return f"{value:.7G}"


def number(
    header: str,
    get: Callable[[], float],
    put: Callable[[float], None],
    low: float,
    high: float,
    default: float,
    unit: str = "",
) -> Command:
    """Return the entry of a number with MINimum, MAXimum and DEFault in both forms."""
    convert = numeric(low, high, default, unit)

    def query(word: Parameter | None = None) -> str:
        if word is None:
            return shown(get())
        if not word.is_default:
            raise Refused(-224, "Illegal parameter value")
        return shown(convert(word))

    return Command(header, query, lambda value: put(convert(value)))


def count(
    header: str,
    get: Callable[[], int],
    put: Callable[[int], None],
    low: int,
    high: int,
    default: int,
) -> Command:
    """Return the entry of a whole number."""
    return number(header, get, lambda value: put(round(value)), low, high, default)


def switch(header: str, get: Callable[[], bool], put: Callable[[bool], None]) -> Command:
    """Return the entry of something that is on or off."""
    return Command(header, lambda: str(int(get())), lambda value: put(boolean(value)))


def option(
    header: str, values: Mapping[str, _T], get: Callable[[], _T], put: Callable[[_T], None]
) -> Command:
    """Return the entry of a choice of words; the answer is the short form."""
    convert = choice(values)
    short = {value: spellings(name)[0] for name, value in values.items()}
    return Command(header, lambda: short[get()], lambda value: put(convert(value)))


def names(values: Mapping[str, _T]) -> dict[str, _T]:
    """Return both forms of every name, upper case."""
    return {form: value for name, value in values.items() for form in spellings(name)}


def given_text(parameter: Parameter | None, default: str) -> str:
    """Return the text of an optional string."""
    return default if parameter is None else text(parameter)
