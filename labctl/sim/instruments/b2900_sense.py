"""Commands of a Keysight B2900 that set its meters: ``:SENSe``.

Source: *B2900 SCPI Command Reference* (B2910-90030), chapters 2 and 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from labctl.sim.instruments.b2900_channel import Channel
from labctl.sim.instruments.b2900_models import MAX_CURRENT, MAX_VOLTAGE, fitting
from labctl.sim.instruments.b2900_table import kept, number, option, switch, words
from labctl.sim.instruments.smu import CURRENT, VOLTAGE
from labctl.sim.scpi import Command, Parameter
from labctl.sim.status import Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.b2900 import B2900

_SENSE = ":SENSe<n>"
FUNCTIONS = {"VOLTage": "VOLT", "CURRent": "CURR", "RESistance": "RES"}
_FUNCTION = words(FUNCTIONS)
_QUANTITIES = {"VOLTage[:DC]": VOLTAGE, "CURRent[:DC]": CURRENT}
_LEAST_APERTURE, _MOST_APERTURE = 8e-6, 2.0
_RESISTANCES = (2.0, 20.0, 200.0, 2e3, 20e3, 200e3, 2e6, 20e6, 200e6)


def sense_commands(box: B2900) -> Iterator[Command]:
    """Yield the ``:SENSe[c]`` subsystem."""
    yield from _functions(box)
    yield switch(box, f"{_SENSE}:REMote", "remote")
    yield switch(box, f"{_SENSE}:WAIT[:STATe]", "wait")
    yield switch(box, f"{_SENSE}:WAIT:AUTO", "wait_auto")
    yield kept(box, f"{_SENSE}:WAIT:GAIN", "wait_gain", 0.0, 100.0, 1.0)
    yield kept(box, f"{_SENSE}:WAIT:OFFSet", "wait_offset", 0.0, 1.0, 0.0, "S")
    for name in ("VOLTage[:DC]", "CURRent[:DC]", "RESistance"):
        yield from _speed(box, f"{_SENSE}:{name}")
    for name, quantity in _QUANTITIES.items():
        yield from _quantity(box, f"{_SENSE}:{name}", quantity)
    yield from _resistance(box)


def _functions(box: B2900) -> Iterator[Command]:
    def named(values: tuple[Parameter, ...]) -> set[str]:
        found = set()
        for value in values:
            if value.kind not in ("string", "word"):
                raise Refused(-104, "Data type error")
            # Strings within strings come from languages that double their quotes.
            name = str(value.value).strip(" \"'").upper().removesuffix(":DC")
            if name not in _FUNCTION:
                raise Refused(-224, "Illegal parameter value")
            found.add(_FUNCTION[name])
        if not found:
            raise Refused(-109, "Missing parameter")
        return found

    def listed(names: set[str]) -> str:
        return ",".join(f'"{n}"' for n in FUNCTIONS.values() if n in names) or '""'

    def enabled(suffixes: tuple[int, ...]) -> str:
        return listed(box.channel(suffixes[0]).settings["measured"])

    def disabled(suffixes: tuple[int, ...]) -> str:
        return listed(set(FUNCTIONS.values()) - box.channel(suffixes[0]).settings["measured"])

    def enable(*values: Parameter, suffixes: tuple[int, ...]) -> None:
        settings = box.channel(suffixes[0]).settings
        settings["measured"] = settings["measured"] | named(values)

    def disable(*values: Parameter, suffixes: tuple[int, ...]) -> None:
        settings = box.channel(suffixes[0]).settings
        settings["measured"] = settings["measured"] - named(values)

    def enable_all(suffixes: tuple[int, ...]) -> None:
        box.channel(suffixes[0]).settings["measured"] = set(FUNCTIONS.values())

    def disable_all(suffixes: tuple[int, ...]) -> None:
        box.channel(suffixes[0]).settings["measured"] = set()

    def state(name: Parameter, suffixes: tuple[int, ...]) -> str:
        return str(int(named((name,)) <= box.channel(suffixes[0]).settings["measured"]))

    def counted(on: bool, suffixes: tuple[int, ...]) -> str:
        size = len(box.channel(suffixes[0]).settings["measured"])
        return str(size if on else len(FUNCTIONS) - size)

    yield Command(f"{_SENSE}:FUNCtion[:ON]", enabled, enable)
    yield Command(f"{_SENSE}:FUNCtion[:ON]:ALL", event=enable_all)
    yield Command(f"{_SENSE}:FUNCtion[:ON]:COUNt", query=partial(counted, True))
    yield Command(f"{_SENSE}:FUNCtion:OFF", disabled, disable)
    yield Command(f"{_SENSE}:FUNCtion:OFF:ALL", event=disable_all)
    yield Command(f"{_SENSE}:FUNCtion:OFF:COUNt", query=partial(counted, False))
    yield Command(f"{_SENSE}:FUNCtion:STATe", query=state)


def _speed(box: B2900, head: str) -> Iterator[Command]:
    line = next(iter(box.channels.values())).line_frequency

    def put(channel: Channel, seconds: float) -> None:
        channel.settings["aperture"], channel.settings["aperture_auto"] = seconds, False

    yield number(
        box,
        f"{head}:APERture",
        lambda channel: channel.aperture,
        put,
        _LEAST_APERTURE,
        _MOST_APERTURE,
        0.1 / line,
        "S",
        clamped=True,
    )
    yield number(
        box,
        f"{head}:NPLCycles",
        lambda channel: channel.aperture * line,
        lambda channel, value: put(channel, value / line),
        _LEAST_APERTURE * line,
        _MOST_APERTURE * line,
        0.1,
        clamped=True,
    )
    for node in ("APERture", "NPLCycles"):
        yield switch(box, f"{head}:{node}:AUTO", "aperture_auto", _set_auto_aperture)
        yield option(
            box,
            f"{head}:{node}:AUTO:MODE",
            {"SHORt": "SHOR", "MEDium": "MED", "LONG": "LONG"},
            "aperture_mode",
        )


def _set_auto_aperture(channel: Channel, on: bool) -> None:
    if not on:
        channel.settings["aperture"] = channel.aperture
    channel.settings["aperture_auto"] = on


def _quantity(box: B2900, head: str, quantity: int) -> Iterator[Command]:
    key = "v" if quantity == VOLTAGE else "i"
    most, unit = (MAX_VOLTAGE, "V") if quantity == VOLTAGE else (10.5, "A")
    ranges = next(iter(box.channels.values())).ranges[quantity]
    limit, default = (MAX_VOLTAGE, 2.0) if quantity == VOLTAGE else (MAX_CURRENT, 1e-4)

    def set_range(channel: Channel, value: float) -> None:
        channel.settings[f"{key} measure range"] = fitting(ranges, abs(value))
        channel.settings[f"{key} measure auto"] = False
        channel.apply()

    def used(channel: Channel) -> float:
        if quantity == channel.function:
            return channel.range(quantity)
        if channel.settings[f"{key} measure auto"]:
            return fitting(ranges, min(channel.smu.used[quantity], ranges[-1]))
        return float(channel.settings[f"{key} measure range"])

    yield number(
        box,
        f"{head}:RANGe[:UPPer]",
        used,
        set_range,
        -most,
        most,
        2.0 if quantity == VOLTAGE else 1e-4,
        unit,
    )
    yield switch(box, f"{head}:RANGe:AUTO", f"{key} measure auto")
    yield kept(
        box,
        f"{head}:RANGe:AUTO:LLIMit",
        f"{key} measure low",
        0.0,
        most,
        ranges[0],
        unit,
        clamped=True,
    )
    yield kept(
        box, f"{head}:RANGe:AUTO:ULIMit", f"{key} measure range", 0.0, most, ranges[-1], unit,
        clamped=True,
    )  # fmt: skip
    yield option(
        box,
        f"{head}:RANGe:AUTO:MODE",
        {"NORMal": "NORM", "RESolution": "RES", "SPEed": "SPE"},
        f"{key} auto mode",
    )
    yield kept(box, f"{head}:RANGe:AUTO:THReshold", f"{key} threshold", 11.0, 100.0, 90.0)
    for node, sides in (
        ("[:LEVel][:BOTH]", ("positive", "negative")),
        ("[:LEVel]:POSitive", ("positive",)),
        ("[:LEVel]:NEGative", ("negative",)),
    ):
        yield number(
            box,
            f"{head}:PROTection{node}",
            lambda channel, side=sides[0]: channel.settings[f"{key} {side}"],  # type: ignore[misc]
            lambda channel, value, sides=sides: channel.set_limit(  # type: ignore[misc]
                quantity, value, sides
            ),
            -limit,
            limit,
            default,
            unit,
        )

    def tripped(suffixes: tuple[int, ...]) -> str:
        return str(int(box.channel(suffixes[0]).tripped(quantity)))

    yield Command(f"{head}:PROTection:TRIPped", query=tripped)


def _resistance(box: B2900) -> Iterator[Command]:
    head = f"{_SENSE}:RESistance"

    def set_range(channel: Channel, value: float) -> None:
        channel.settings["resistance_range"] = next(
            (r for r in _RESISTANCES if value <= r * 1.05), _RESISTANCES[-1]
        )
        channel.settings["resistance_auto"] = False

    yield option(box, f"{head}:MODE", {"MANual": "MAN", "AUTO": "AUTO"}, "resistance_mode")
    yield switch(box, f"{head}:OCOMpensated", "offset_compensation")
    yield switch(box, f"{head}:RANGe:AUTO", "resistance_auto")
    yield number(
        box,
        f"{head}:RANGe[:UPPer]",
        lambda channel: channel.settings["resistance_range"],
        set_range,
        0.0,
        210e6,
        2.0,
        "OHM",
    )
    for node, key, default in (
        ("LLIMit", "resistance_low", 2.0),
        ("ULIMit", "resistance_high", 200e6),
    ):
        yield kept(box, f"{head}:RANGe:AUTO:{node}", key, 0.0, 210e6, default, "OHM")
