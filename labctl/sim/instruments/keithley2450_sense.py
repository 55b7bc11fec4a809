"""Commands of a Keithley 2450 that set its meter: ``[:SENSe]``, ``:CALCulate``, ``:ROUTe``.

Source: *Model 2450 Reference Manual* (2450-901-01), section 6. Limit tests and the math function
are kept as settings, and math is applied to no reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from labctl.sim.instruments.keithley2450_settings import MEASURE_RANGES, RESISTANCE, UNITS
from labctl.sim.instruments.keithley2450_source import list_commands, user_delays
from labctl.sim.instruments.keithley2450_table import count, names, number, option, switch
from labctl.sim.instruments.smu import CURRENT, VOLTAGE
from labctl.sim.scpi import Command, Parameter, text
from labctl.sim.status import Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2450_scpi import Keithley2450Scpi

FUNCTIONS = {"CURRent[:DC]": CURRENT, "VOLTage[:DC]": VOLTAGE, "RESistance": RESISTANCE}
QUOTED = ('"CURR:DC"', '"VOLT:DC"', '"RES"')
"""Answers to ``:SENSe:FUNCtion?``."""
_NAMES = names({"CURRent": CURRENT, "VOLTage": VOLTAGE, "RESistance": RESISTANCE})
_MOST = (1.05, 210.0, 210e6)
_UNIT = ("A", "V", "OHM")
_UNITS = {"AMP": "AMP", "VOLT": "VOLT", "OHM": "OHM", "WATT": "WATT"}
_FAR = 9.99999e11


def function_named(parameter: Parameter) -> int:
    """Return the measure function in quotes; ``:DC`` may be left out."""
    word = text(parameter).strip().upper().removesuffix(":DC")
    if word not in _NAMES:
        raise Refused(-224, "Illegal parameter value")
    return _NAMES[word]


def sense_commands(box: Keithley2450Scpi) -> Iterator[Command]:
    """Yield the ``[:SENSe[1]]`` subsystem and what goes with it."""
    smu = box.smu
    yield Command(
        "[:SENSe[1]]:FUNCtion[:ON]",
        lambda: QUOTED[smu.sense],
        lambda name: smu.set_sense(function_named(name)),
    )
    yield count(
        "[:SENSe[1]]:COUNt",
        lambda: smu.count,
        lambda value: setattr(smu, "count", value),
        1,
        300_000,
        1,
    )
    yield Command("[:SENSe[1]]:AZERo:ONCE", event=lambda: box.clock.sleep(box.conversion() * 2))
    for name, function in FUNCTIONS.items():
        yield from _one_function(box, f"[:SENSe[1]]:{name}", function)
        yield from _calculations(box, name, function)
    yield from list_commands("[:SENSe[1]]:CONFiguration:LIST", box.lists_of_measures)

    def set_terminals(front: bool) -> None:
        if front != smu.front:
            smu.set_output(False)
        smu.front = front

    yield option(
        ":ROUTe:TERMinals", {"FRONt": True, "REAR": False}, lambda: smu.front, set_terminals
    )


def _one_function(box: Keithley2450Scpi, head: str, function: int) -> Iterator[Command]:
    smu = box.smu
    ranges = MEASURE_RANGES[function]
    unit, most = _UNIT[function], _MOST[function]

    def get(key: str) -> Callable[[], Any]:
        return lambda: getattr(smu.measures[function], key)

    def put(key: str) -> Callable[[Any], None]:
        def change(value: Any) -> None:
            setattr(smu.measures[function], key, value)
            smu.measures[function].window = []

        return change

    def put_four_wire(on: bool) -> None:
        if on != smu.measures[function].four_wire:
            smu.set_output(False)
        smu.measures[function].four_wire = on

    yield number(
        f"{head}:RANGe[:UPPer]",
        lambda: smu.measure_range(function),
        partial(smu.set_measure_range, function),
        -most if function != RESISTANCE else 0.0,
        most,
        ranges[-1],
        unit,
    )
    yield switch(f"{head}:RANGe:AUTO", get("auto"), partial(smu.set_measure_auto, function))
    for key, node, upper in (("low", "LLIMit", False), ("high", "ULIMit", True)):
        yield number(
            f"{head}:RANGe:AUTO:{node}",
            get(key),
            partial(smu.set_bound, function, upper=upper),
            0.0,
            most,
            ranges[-1 if upper else 0],
            unit,
        )
    yield switch(f"{head}:RANGe:AUTO:REBound", get("rebound"), put("rebound"))
    yield number(f"{head}:NPLCycles", get("nplc"), put("nplc"), 0.01, 10.0, 1.0)
    yield switch(f"{head}:AZERo[:STATe]", get("autozero"), put("autozero"))
    yield switch(f"{head}:AVERage[:STATe]", get("filter_on"), put("filter_on"))
    yield count(f"{head}:AVERage:COUNt", get("filter_count"), put("filter_count"), 1, 100, 10)
    yield option(
        f"{head}:AVERage:TCONtrol",
        {"REPeat": False, "MOVing": True},
        get("filter_moving"),
        put("filter_moving"),
    )
    yield switch(f"{head}:RSENse", get("four_wire"), put_four_wire)
    yield switch(f"{head}:OCOMpensated", get("offset_compensation"), put("offset_compensation"))
    if function != RESISTANCE:
        yield option(f"{head}:UNIT", _UNITS, get("unit"), put("unit"))
    else:
        yield Command(f"{head}:UNIT", query=lambda: UNITS[RESISTANCE])
    yield number(f"{head}:RELative", get("relative"), put("relative"), -most, most, 0.0, unit)
    yield switch(f"{head}:RELative:STATe", get("relative_on"), put("relative_on"))
    yield Command(f"{head}:RELative:ACQuire", event=partial(_acquire, box, function))
    yield from user_delays(f"{head}:DELay", lambda: smu.measures[function].user_delays)
    yield count(f":DISPlay:{_plain(function)}:DIGits", get("digits"), put("digits"), 3, 6, 5)


def _acquire(box: Keithley2450Scpi, function: int) -> None:
    smu = box.smu
    if smu.sense != function:
        raise Refused(-221, "Settings conflict")
    settings = smu.measures[function]
    settings.relative_on, before = False, settings.relative_on
    value = smu.read().value
    settings.relative_on = before
    settings.relative = value


def _plain(function: int) -> str:
    return ("CURRent[:DC]", "VOLTage[:DC]", "RESistance")[function]


def _calculations(box: Keithley2450Scpi, name: str, function: int) -> Iterator[Command]:
    """Yield limit tests and math, which are settings here."""
    store = box.calculations.setdefault(function, {})

    def setting(key: str, default: Any) -> tuple[Callable[[], Any], Callable[[Any], None]]:
        store.setdefault(key, default)
        return (lambda: store[key]), (lambda value: store.__setitem__(key, value))

    for limit in (1, 2):
        head, key = f":CALCulate2:{name}:LIMit{limit}", f"limit{limit}"
        yield switch(f"{head}:STATe", *setting(f"{key} on", False))
        yield switch(f"{head}:CLEar:AUTO", *setting(f"{key} clear", True))
        yield Command(f"{head}:CLEar[:IMMediate]", event=lambda: None)
        yield number(f"{head}:LOWer[:DATA]", *setting(f"{key} low", -1.0), -_FAR, _FAR, -1.0)
        yield number(f"{head}:UPPer[:DATA]", *setting(f"{key} high", 1.0), -_FAR, _FAR, 1.0)
        yield Command(f"{head}:FAIL", query=partial(_failed, box, store, key))
        yield option(
            f"{head}:AUDible",
            {"NONE": "NONE", "FAIL": "FAIL", "PASS": "PASS"},
            *setting(f"{key} beep", "NONE"),
        )
    head = f":CALCulate[1]:{name}:MATH"
    yield switch(f"{head}:STATe", *setting("math", False))
    yield option(
        f"{head}:FORMat",
        {"MXB": "MXB", "RECiprocal": "REC", "PERCent": "PERC"},
        *setting("format", "PERC"),
    )
    yield number(f"{head}:MBFactor", *setting("b", 0.0), -1e12, 1e12, 0.0)
    yield number(f"{head}:MMFactor", *setting("m", 1.0), -1e12, 1e12, 1.0)
    yield number(f"{head}:PERCent", *setting("percent", 1.0), -1e12, 1e12, 1.0)


def _failed(box: Keithley2450Scpi, store: dict[str, Any], key: str) -> str:
    """Return how the last reading did in a limit test."""
    readings = box.buffers.find().readings
    if not store[f"{key} on"] or not readings:
        return "NONE"
    value = readings[-1].value
    if value > store[f"{key} high"]:
        return "HIGH"
    return "LOW" if value < store[f"{key} low"] else "NONE"
