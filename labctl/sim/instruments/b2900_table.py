"""Entries of the B2900's table of commands that set one thing of one channel.

Source: *B2900 SCPI Command Reference* (B2910-90030), chapter 1: numeric suffixes name the channel;
response data types NR1 and NR3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from labctl.sim.instruments.b2900_channel import Channel
from labctl.sim.instruments.b2900_models import OUT_OF_RANGE
from labctl.sim.scpi import Command, Parameter, boolean, channel_list, choice, numeric, spellings
from labctl.sim.status import Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.b2900 import B2900

FAR = 9.9e37


def shown(value: float) -> str:
    """Return a real number as the box answers with it (NR3)."""
    return f"{value:+.8E}"


def number(
    box: B2900,
    header: str,
    get: Callable[[Channel], float],
    put: Callable[[Channel, float], None],
    low: float,
    high: float,
    default: float,
    unit: str = "",
    clamped: bool = False,
    is_whole: bool = False,
) -> Command:
    """Return the entry of a number.

    Parameters
    ----------
    clamped
        Whether what is beyond the bounds becomes the bound instead of error -222.
    is_whole
        Whether it is answered as NR1.
    """
    convert = numeric(low, high, default, unit)
    anything = numeric(-FAR, FAR, default, unit)

    def read(parameter: Parameter) -> float:
        if clamped and parameter.kind == "number":
            return min(max(anything(parameter), low), high)
        return convert(parameter)

    def text(value: float) -> str:
        return str(round(value)) if is_whole else shown(value)

    def query(word: Parameter | None = None, suffixes: tuple[int, ...] = (1,)) -> str:
        channel = box.channel(suffixes[0])
        if word is None:
            return text(get(channel))
        if not word.is_default:
            raise Refused(-224, "Illegal parameter value")
        return text(convert(word))

    def write(value: Parameter, suffixes: tuple[int, ...] = (1,)) -> None:
        put(box.channel(suffixes[0]), read(value))

    return Command(header, query, write)


def kept(box: B2900, header: str, key: str, *bounds: Any, **more: Any) -> Command:
    """Return the entry of a number that is a setting under ``key``."""

    def put(channel: Channel, value: float) -> None:
        channel.settings[key] = round(value) if more.get("is_whole") else value

    return number(box, header, lambda channel: channel.settings[key], put, *bounds, **more)


def switch(
    box: B2900,
    header: str,
    key: str,
    put: Callable[[Channel, bool], None] | None = None,
    get: Callable[[Channel], bool] | None = None,
) -> Command:
    """Return the entry of something that is on or off."""

    def query(suffixes: tuple[int, ...] = (1,)) -> str:
        channel = box.channel(suffixes[0])
        return str(int(channel.settings[key] if get is None else get(channel)))

    def write(value: Parameter, suffixes: tuple[int, ...] = (1,)) -> None:
        channel, on = box.channel(suffixes[0]), boolean(value)
        if put is not None:
            put(channel, on)
        else:
            channel.settings[key] = on
            channel.apply()

    return Command(header, query, write)


def option(
    box: B2900,
    header: str,
    values: Mapping[str, Any],
    key: str,
    put: Callable[[Channel, Any], None] | None = None,
) -> Command:
    """Return the entry of a choice of words, kept under ``key``; answered in the short form."""
    convert = choice(values)
    short = {value: spellings(name)[0] for name, value in values.items()}

    def query(suffixes: tuple[int, ...] = (1,)) -> str:
        return short[box.channel(suffixes[0]).settings[key]]

    def write(value: Parameter, suffixes: tuple[int, ...] = (1,)) -> None:
        channel, chosen = box.channel(suffixes[0]), convert(value)
        if put is not None:
            put(channel, chosen)
        else:
            channel.settings[key] = chosen
            channel.apply()

    return Command(header, query, write)


def words(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return both spellings of every word."""
    return {form: value for name, value in values.items() for form in spellings(name)}


def numbers_of(box: B2900, parameter: Parameter | None) -> list[int]:
    """Return the channel numbers of a channel list, ascending; none given: channel 1."""
    if parameter is None:
        return [1]
    found: set[int] = set()
    for first, last in channel_list(parameter):
        if len(first) != 1 or len(last) != 1:
            raise Refused(*OUT_OF_RANGE)
        low, high = sorted((first[0], last[0]))
        if low < 1 or high > len(box.channels):
            raise Refused(*OUT_OF_RANGE)
        found.update(range(low, high + 1))
    return sorted(found)
