"""The attributes of ``smu.source`` and ``smu.measure`` in the TSP of a Keithley 2450.

Source: *Model 2450 Reference Manual* (2450-901-01), TSP command reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labctl.sim.instruments.keithley2450_enums import chosen, named
from labctl.sim.instruments.keithley2450_settings import PROTECTION, RESISTANCE, USER_DELAYS
from labctl.sim.instruments.keithley2450_smu import Smu2450
from labctl.sim.status import Refused
from labctl.sim.tsp import Attribute
from labctl.sim.tsp.host import ScriptError
from labctl.sim.tsp.values import number

OFF_ON = ("OFF", "ON")
FUNCTIONS = ("FUNC_DC_CURRENT", "FUNC_DC_VOLTAGE", "FUNC_RESISTANCE")
_OFF_MODES = ("OFFMODE_NORMAL", "OFFMODE_ZERO", "OFFMODE_HIGHZ", "OFFMODE_GUARD")
_UNITS = ("UNIT_AMP", "UNIT_VOLT", "UNIT_OHM", "UNIT_WATT")
_SENSES = ("SENSE_2WIRE", "SENSE_4WIRE")
_FILTERS = ("FILTER_REPEAT_AVG", "FILTER_MOVING_AVG")
_DIGITS = ("DIGITS_3_5", "DIGITS_4_5", "DIGITS_5_5", "DIGITS_6_5")
_PROTECTS = (*(f"PROTECT_{level:.0f}V" for level in PROTECTION), "PROTECT_NONE")
_LEVELS = (*PROTECTION, float("inf"))
Table = dict[str, Attribute]


def within(value: Any, low: float, high: float) -> float:
    """Return a number; -222 beyond its bounds."""
    result = number(value)
    if not low <= result <= high:
        raise Refused(-222, "Parameter data out of range")
    return result


def flag(get: Callable[[], Any], put: Callable[[bool], None]) -> Attribute:
    """Return an attribute that is ``smu.OFF`` or ``smu.ON``."""
    return Attribute(
        lambda: named(int(bool(get())), OFF_ON), lambda v: put(bool(chosen(v, OFF_ON)))
    )


def source_table(smu: Smu2450, of: Callable[[], int]) -> Table:
    """Return the attributes of the source function that ``of`` names."""

    def store(key: str) -> Callable[[Any], None]:
        return lambda value: setattr(smu.sources[of()], key, value)

    def read(key: str) -> Callable[[], Any]:
        return lambda: getattr(smu.sources[of()], key)

    def set_delay(value: Any) -> None:
        seconds = number(value)
        settings = smu.sources[of()]
        if seconds == -1:
            settings.auto_delay = True
        else:
            settings.delay, settings.auto_delay = within(value, 0.0, 1e4), False

    return {
        "level": Attribute(lambda: smu.levels[of()], lambda v: smu.set_level(of(), number(v))),
        "range": Attribute(
            lambda: smu.source_range(of()), lambda v: smu.set_source_range(of(), number(v))
        ),
        "autorange": flag(lambda: smu.source_auto[of()], lambda on: smu.set_source_auto(of(), on)),
        "delay": Attribute(lambda: smu.delay(of()), set_delay),
        "autodelay": flag(read("auto_delay"), store("auto_delay")),
        "readback": flag(read("readback"), store("readback")),
        "highc": flag(read("high_c"), store("high_c")),
        "offmode": Attribute(
            lambda: named(smu.sources[of()].off_state, _OFF_MODES),
            lambda v: smu.set_off_state(of(), chosen(v, _OFF_MODES)),
        ),
    }


def limit_table(smu: Smu2450, function: int) -> Table:
    """Return ``ilimit`` (of the voltage source) or ``vlimit``; the other one is refused."""

    def check() -> None:
        if smu.function != function:
            raise Refused(-221, "Settings conflict")

    def set_level(value: Any) -> None:
        check()
        smu.set_limit(function, number(value))

    return {
        "level": Attribute(lambda: smu.limits[function], set_level),
        "tripped": Attribute(lambda: named(int(smu.tripped(function)), OFF_ON)),
    }


def protect_table(smu: Smu2450) -> Table:
    """Return ``smu.source.protect``."""
    return {
        "level": Attribute(
            lambda: named(_LEVELS.index(smu.sources[smu.function].protection), _PROTECTS),
            lambda v: smu.set_protection(smu.function, _LEVELS[chosen(v, _PROTECTS)]),
        ),
        "tripped": Attribute(lambda: named(int(smu.protection_tripped(smu.function)), OFF_ON)),
    }


def measure_table(smu: Smu2450, of: Callable[[], int]) -> Table:
    """Return the attributes of the measure function that ``of`` names."""

    def read(key: str) -> Callable[[], Any]:
        return lambda: getattr(smu.measures[of()], key)

    def store(key: str) -> Callable[[Any], None]:
        def put(value: Any) -> None:
            setattr(smu.measures[of()], key, value)
            smu.measures[of()].window = []

        return put

    def choose_unit(value: Any) -> None:
        name = _UNITS[chosen(value, _UNITS)]
        if of() == RESISTANCE and name != "UNIT_OHM":
            raise Refused(-221, "Settings conflict")
        store("unit")(name.removeprefix("UNIT_"))

    def choose_sense(value: Any) -> None:
        four = bool(chosen(value, _SENSES))
        if four != smu.measures[of()].four_wire:
            smu.set_output(False)
        store("four_wire")(four)

    return {
        "range": Attribute(
            lambda: smu.measure_range(of()), lambda v: smu.set_measure_range(of(), number(v))
        ),
        "autorange": flag(read("auto"), lambda on: smu.set_measure_auto(of(), on)),
        "autorangelow": Attribute(
            read("low"), lambda v: smu.set_bound(of(), number(v), upper=False)
        ),
        "autorangehigh": Attribute(
            read("high"), lambda v: smu.set_bound(of(), number(v), upper=True)
        ),
        "autorangerebound": flag(read("rebound"), store("rebound")),
        "nplc": Attribute(read("nplc"), lambda v: store("nplc")(within(v, 0.01, 10.0))),
        "offsetcompensation": flag(read("offset_compensation"), store("offset_compensation")),
        "displaydigits": Attribute(
            lambda: named(smu.measures[of()].digits - 3, _DIGITS),
            lambda v: store("digits")(chosen(v, _DIGITS) + 3),
        ),
        "sense": Attribute(lambda: named(int(smu.measures[of()].four_wire), _SENSES), choose_sense),
        "unit": Attribute(lambda: f"smu.UNIT_{smu.measures[of()].unit}", choose_unit),
    }


def sub_tables(smu: Smu2450, of: Callable[[], int]) -> dict[str, Table]:
    """Return the tables below ``smu.measure`` by name."""

    def pair(key: str) -> tuple[Callable[[], Any], Callable[[Any], None]]:
        def put(value: Any) -> None:
            setattr(smu.measures[of()], key, value)
            smu.measures[of()].window = []

        return (lambda: getattr(smu.measures[of()], key)), put

    get_count, put_count = pair("filter_count")
    get_level, put_level = pair("relative")
    get_kind, put_kind = pair("filter_moving")
    return {
        "autozero": {"enable": flag(*pair("autozero"))},
        "filter": {
            "enable": flag(*pair("filter_on")),
            "count": Attribute(get_count, lambda v: put_count(round(within(v, 1, 100)))),
            "type": Attribute(
                lambda: named(int(get_kind()), _FILTERS),
                lambda v: put_kind(bool(chosen(v, _FILTERS))),
            ),
        },
        "rel": {
            "enable": flag(*pair("relative_on")),
            "level": Attribute(get_level, lambda v: put_level(within(v, -210e6, 210e6))),
        },
    }


def delay_table(delays: Callable[[], list[float]]) -> Table:
    """Return ``userdelay[1]`` to ``[5]``; Lua indexes them with numbers."""

    def one(k: int) -> Attribute:
        def put(value: Any) -> None:
            delays()[k] = within(value, 0.0, 1e4)

        return Attribute(lambda: delays()[k], put)

    return {str(k + 1): one(k) for k in range(USER_DELAYS)}


SOURCE_ATTRIBUTES = {
    "ATTR_SRC_DELAY": "delay", "ATTR_SRC_DELAY_AUTO": "autodelay", "ATTR_SRC_HIGHC": "highc",
    "ATTR_SRC_LEVEL": "level", "ATTR_SRC_OFFMODE": "offmode", "ATTR_SRC_RANGE": "range",
    "ATTR_SRC_RANGE_AUTO": "autorange", "ATTR_SRC_READBACK": "readback",
}  # fmt: skip
MEASURE_ATTRIBUTES = {
    "ATTR_MEAS_DIGITS": "displaydigits", "ATTR_MEAS_NPLC": "nplc",
    "ATTR_MEAS_OFFSET_COMP": "offsetcompensation", "ATTR_MEAS_RANGE": "range",
    "ATTR_MEAS_RANGE_AUTO": "autorange", "ATTR_MEAS_RANGE_HIGH": "autorangehigh",
    "ATTR_MEAS_RANGE_LOW": "autorangelow", "ATTR_MEAS_RANGE_REBOUND": "autorangerebound",
    "ATTR_MEAS_SENSE": "sense", "ATTR_MEAS_UNIT": "unit",
}  # fmt: skip
"""What ``getattribute`` and ``setattribute`` reach, by constant."""


def attribute_of(smu: Smu2450, function: Any, setting: Any, source: bool) -> Attribute:
    """Return one attribute of one function, as ``smu.measure.setattribute`` names it."""
    place = chosen(function, FUNCTIONS[:2] if source else FUNCTIONS)
    names = SOURCE_ATTRIBUTES if source else MEASURE_ATTRIBUTES
    name = str(setting).removeprefix("smu.")
    if name not in names:
        raise Refused(-224, "Illegal parameter value")
    table = source_table(smu, lambda: place) if source else measure_table(smu, lambda: place)
    return table[names[name]]


def put(attribute: Attribute, path: str, value: Any) -> None:
    """Set an attribute; a run-time error where it is read-only."""
    if attribute.set is None:
        raise ScriptError(f"attribute '{path}' is read-only")
    attribute.set(value)
