"""Commands of a Keysight B2900 that set its sources: ``[:SOURce]`` and ``:OUTPut``.

Source: *B2900 SCPI Command Reference* (B2910-90030), chapters 2 and 4.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from labctl.sim.instruments.b2900_channel import Channel
from labctl.sim.instruments.b2900_models import (
    LEAST_PULSE,
    LONGEST_PULSE,
    MAX_PULSE_CURRENT,
    MAX_VOLTAGE,
    MOST_POINTS,
)
from labctl.sim.instruments.b2900_table import kept, number, option, shown, switch
from labctl.sim.instruments.smu import CURRENT, VOLTAGE
from labctl.sim.scpi import Command, Parameter, numeric
from labctl.sim.status import Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.b2900 import B2900

QUANTITIES = {"VOLTage": VOLTAGE, "CURRent": CURRENT}
_SOURCE = "[:SOURce<n>]"
_MOST = {VOLTAGE: MAX_VOLTAGE, CURRENT: MAX_PULSE_CURRENT}
_UNIT = {VOLTAGE: "V", CURRENT: "A"}


def source_commands(box: B2900) -> Iterator[Command]:
    """Yield the ``[:SOURce[c]]`` and ``:OUTPut[c]`` subsystems."""
    yield option(box, f"{_SOURCE}:FUNCtion:MODE", QUANTITIES, "function")
    yield option(box, f"{_SOURCE}:FUNCtion[:SHAPe]", {"DC": False, "PULSe": True}, "pulse")
    yield switch(box, f"{_SOURCE}:FUNCtion:TRIGgered:CONTinuous", "continuous")
    yield kept(box, f"{_SOURCE}:PULSe:DELay", "pulse_delay", 0.0, 99999.9, 0.0, "S", clamped=True)
    yield kept(
        box,
        f"{_SOURCE}:PULSe:WIDTh",
        "width",
        LEAST_PULSE,
        LONGEST_PULSE,
        LEAST_PULSE,
        "S",
        clamped=True,
    )
    yield option(box, f"{_SOURCE}:SWEep:DIRection", {"UP": "UP", "DOWN": "DOWN"}, "direction")
    yield option(
        box,
        f"{_SOURCE}:SWEep:RANGing",
        {"BEST": "BEST", "AUTO": "AUTO", "FIXed": "FIX"},
        "ranging",
    )
    yield option(
        box, f"{_SOURCE}:SWEep:SPACing", {"LINear": "LIN", "LOGarithmic": "LOG"}, "spacing"
    )
    yield option(box, f"{_SOURCE}:SWEep:STAir", {"SINGle": "SING", "DOUBle": "DOUB"}, "stair")
    yield number(
        box,
        f"{_SOURCE}:SWEep:POINts",
        lambda channel: channel.settings[f"{channel.letter} points"],
        lambda channel, value: set_points(channel, channel.letter, value),
        1,
        MOST_POINTS,
        1,
        is_whole=True,
    )
    yield from _waits(box, _SOURCE, "source_wait")
    for name, quantity in QUANTITIES.items():
        yield from _levels(box, f"{_SOURCE}:{name}", quantity)
        yield from _sweep(box, f"{_SOURCE}:{name}", quantity)
        yield from _list(box, name, quantity)
    yield from _output(box)


def _key(quantity: int) -> str:
    return "v" if quantity == VOLTAGE else "i"


def _waits(box: B2900, head: str, key: str) -> Iterator[Command]:
    yield switch(box, f"{head}:WAIT[:STATe]", key)
    yield switch(box, f"{head}:WAIT:AUTO", f"{key}_auto")
    yield kept(box, f"{head}:WAIT:GAIN", f"{key}_gain", 0.0, 100.0, 1.0)
    yield kept(box, f"{head}:WAIT:OFFSet", f"{key}_offset", 0.0, 1.0, 0.0, "S")


def _levels(box: B2900, head: str, quantity: int) -> Iterator[Command]:
    key, most, unit = _key(quantity), _MOST[quantity], _UNIT[quantity]

    def set_level(channel: Channel, value: float) -> None:
        channel.set_level(quantity, value)

    def set_triggered(channel: Channel, value: float) -> None:
        channel.check_level(quantity, value, pulse=True)
        channel.settings[f"{key} triggered"] = value

    def set_auto(channel: Channel, on: bool) -> None:
        if not on:
            channel.settings[f"{key} range"] = channel.range(quantity)
        channel.settings[f"{key} auto"] = on

    yield number(
        box,
        f"{head}[:LEVel][:IMMediate][:AMPLitude]",
        lambda channel: channel.settings[f"{key} level"],
        set_level,
        -most,
        most,
        0.0,
        unit,
    )
    yield number(
        box,
        f"{head}[:LEVel]:TRIGgered[:AMPLitude]",
        lambda channel: channel.settings[f"{key} triggered"],
        set_triggered,
        -most,
        most,
        0.0,
        unit,
    )
    yield option(box, f"{head}:MODE", {"FIXed": "FIX", "LIST": "LIST", "SWEep": "SWE"},
                 f"{key} mode")  # fmt: skip
    ranges = next(iter(box.channels.values())).ranges[quantity]
    yield number(
        box,
        f"{head}:RANGe",
        lambda channel: channel.range(quantity),
        lambda channel, value: channel.set_range(quantity, value),
        -most,
        most,
        2.0 if quantity == VOLTAGE else 1e-6,
        unit,
    )
    yield switch(box, f"{head}:RANGe:AUTO", f"{key} auto", set_auto)
    yield kept(
        box, f"{head}:RANGe:AUTO:LLIMit", f"{key} low", 0.0, most, ranges[0], unit, clamped=True
    )


def _sweep(box: B2900, head: str, quantity: int) -> Iterator[Command]:
    key, most, unit = _key(quantity), _MOST[quantity], _UNIT[quantity]

    def ends(channel: Channel) -> tuple[float, float]:
        return channel.settings[f"{key} start"], channel.settings[f"{key} stop"]

    def put_ends(channel: Channel, start: float, stop: float) -> None:
        channel.settings[f"{key} start"], channel.settings[f"{key} stop"] = start, stop
        set_points(channel, key, channel.settings[f"{key} points"])

    def put_start(channel: Channel, value: float) -> None:
        put_ends(channel, value, ends(channel)[1])

    def put_stop(channel: Channel, value: float) -> None:
        put_ends(channel, ends(channel)[0], value)

    def center(channel: Channel) -> float:
        return sum(ends(channel)) / 2

    def span(channel: Channel) -> float:
        start, stop = ends(channel)
        return stop - start

    def put_center(channel: Channel, value: float) -> None:
        half = span(channel) / 2
        put_ends(channel, value - half, value + half)

    def put_span(channel: Channel, value: float) -> None:
        middle = center(channel)
        put_ends(channel, middle - value / 2, middle + value / 2)

    def put_step(channel: Channel, value: float) -> None:
        size = span(channel)
        points = int(abs(size / value) * (1 + 1e-12) + 1e-9) + 1 if value else 1
        if points > MOST_POINTS:
            raise Refused(-222, "Data out of range")
        channel.settings[f"{key} points"] = points
        channel.settings[f"{key} step"] = abs(value) if size >= 0.0 else -abs(value)

    for node, get, put in (
        ("STARt", lambda c: ends(c)[0], put_start),
        ("STOP", lambda c: ends(c)[1], put_stop),
        ("CENTer", center, put_center),
        ("SPAN", span, put_span),
        ("STEP", lambda c: c.settings[f"{key} step"], put_step),
    ):
        wide = 2 * most if node in ("SPAN", "STEP") else most
        yield number(box, f"{head}:{node}", get, put, -wide, wide, 0.0, unit)
    yield number(
        box,
        f"{head}:POINts",
        lambda channel: channel.settings[f"{key} points"],
        lambda channel, value: set_points(channel, key, value),
        1,
        MOST_POINTS,
        1,
        is_whole=True,
    )


def set_points(channel: Channel, key: str, value: float) -> None:
    """Set the points of a sweep; its span stays and its step changes."""
    points = round(value)
    span = channel.settings[f"{key} stop"] - channel.settings[f"{key} start"]
    channel.settings[f"{key} points"] = points
    channel.settings[f"{key} step"] = span / (points - 1) if points > 1 else 0.0


def _list(box: B2900, name: str, quantity: int) -> Iterator[Command]:
    key, most = _key(quantity), _MOST[quantity]
    convert = numeric(-most, most, 0.0, _UNIT[quantity])

    def read(values: tuple[Parameter, ...], before: int) -> list[float]:
        if not values:
            raise Refused(-109, "Missing parameter")
        if before + len(values) > MOST_POINTS:
            raise Refused(-223, "Too much data")
        return [convert(value) for value in values]

    def query(suffixes: tuple[int, ...]) -> str:
        return ",".join(shown(v) for v in box.channel(suffixes[0]).settings[f"{key} list"])

    def write(*values: Parameter, suffixes: tuple[int, ...]) -> None:
        box.channel(suffixes[0]).settings[f"{key} list"] = read(values, 0)

    def append(*values: Parameter, suffixes: tuple[int, ...]) -> None:
        levels = box.channel(suffixes[0]).settings[f"{key} list"]
        levels.extend(read(values, len(levels)))

    def points(suffixes: tuple[int, ...]) -> str:
        return str(len(box.channel(suffixes[0]).settings[f"{key} list"]))

    yield Command(f"{_SOURCE}:LIST:{name}", query, write)
    yield Command(f"{_SOURCE}:LIST:{name}:APPend", event=append)
    yield Command(f"{_SOURCE}:LIST:{name}:POINts", query=points)


def _output(box: B2900) -> Iterator[Command]:
    yield switch(
        box,
        ":OUTPut<n>[:STATe]",
        "output",
        lambda channel, on: channel.set_output(on),
        lambda channel: channel.smu.output,
    )
    plain = partial(switch, box)
    yield plain(":OUTPut<n>:OFF:AUTO", "off_auto")
    yield plain(":OUTPut<n>:ON:AUTO", "on_auto")
    yield plain(":OUTPut<n>:PROTection[:STATe]", "protection")
    yield plain(":OUTPut<n>:FILTer[:LPASs][:STATe]", "filter")
    yield plain(":OUTPut<n>:FILTer:AUTO", "filter_auto")
    yield plain(":OUTPut<n>:HCAPacitance[:STATe]", "high_capacitance")
    yield kept(
        box, ":OUTPut<n>:FILTer[:LPASs]:FREQuency", "filter_frequency", 31.831, 31.831e3, 31.831e3,
        "HZ",
    )  # fmt: skip
    yield option(
        box,
        ":OUTPut<n>:OFF:MODE",
        {"NORMal": "NORM", "HIZ": "HIZ", "ZERO": "ZERO"},
        "off_mode",
    )
    yield option(box, ":OUTPut<n>:LOW", {"FLOat": "FLO", "GROund": "GRO"}, "low")
