"""The attributes ``smuX.source.*`` and ``smuX.measure.*`` of a 2600, on a source channel.

Source: *Series 2600B Reference Manual* (2600BS-901-01), TSP command reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labctl.sim.instruments.smu import CURRENT, HIGH_Z, VOLTAGE, SourceChannel
from labctl.sim.status import Refused
from labctl.sim.tsp import Attribute
from labctl.sim.tsp.values import TOO_SMALL, flag, number, one_of, within

Extra = Callable[[str, Callable[[Any], Any]], Attribute]
"""Makes an attribute that is checked and kept; its store is :func:`default_extras`."""
CONSTANTS = {
    **{"OUTPUT_OFF": 0, "OUTPUT_ON": 1, "OUTPUT_DCAMPS": 0, "OUTPUT_DCVOLTS": 1},
    **{"OUTPUT_NORMAL": 0, "OUTPUT_ZERO": 1, "OUTPUT_HIGH_Z": 2},
    **{"AUTORANGE_OFF": 0, "AUTORANGE_ON": 1, "AUTORANGE_FOLLOW_LIMIT": 2},
    **{"AUTOZERO_OFF": 0, "AUTOZERO_ONCE": 1, "AUTOZERO_AUTO": 2},
    **{"SENSE_LOCAL": 0, "SENSE_REMOTE": 1, "SENSE_CALA": 3},
    **{"DELAY_OFF": 0, "DELAY_AUTO": -1, "REL_OFF": 0, "REL_ON": 1},
    **{"FILTER_OFF": 0, "FILTER_ON": 1},
    **{"FILTER_MOVING_AVG": 0, "FILTER_REPEAT_AVG": 1, "FILTER_MEDIAN": 2},
    **{"SETTLE_SMOOTH": 0, "SETTLE_FAST_RANGE": 1, "SETTLE_FAST_POLARITY": 2},
    **{"SETTLE_DIRECT_IRANGE": 3, "SETTLE_SMOOTH_100NA": 4, "SETTLE_FAST_ALL": 128},
    **{"OE_NONE": 0, "OE_OUTPUT_OFF": 1, "DISABLE": 0, "ENABLE": 1, "ASYNC": 2},
    **{"SOURCE_IDLE": 0, "SOURCE_HOLD": 1, "LIMIT_AUTO": "auto"},
    **{"FILL_ONCE": 0, "FILL_WINDOW": 1},
    **{"CONTACT_FAST": 0, "CONTACT_MEDIUM": 1, "CONTACT_SLOW": 2},
    **{"CALSTATE_LOCKED": 0, "CALSTATE_CALIBRATING": 1, "CALSTATE_UNLOCKED": 2},
    **{"CALSET_NOMINAL": 0, "CALSET_FACTORY": 1, "CALSET_DEFAULT": 2, "CALSET_PREVIOUS": 3},
    **{"CAL_AUTO": 0, "CAL_NEGATIVE": -1, "CAL_POSITIVE": 1},
}  # fmt: skip
"""Constants of ``smuX``; values from memory of the manual."""
FILTER_CONFLICT = (5025, "Cannot set filter.count > 1 when measure.count > 1")
LOCKED_HIGHC = (5069, "Autorange locked for highC mode")
HIGHC_LEAST = 1e-6
"""Smallest current range of high-capacitance mode, A."""
_QUANTITIES = (("v", VOLTAGE), ("i", CURRENT))


def default_extras() -> dict[str, Any]:
    """Return the settings after a reset that the channel itself does not hold."""
    return {
        **{"sense": 0, "count": 1, "interval": 0.0, "highc": 0, "settling": 0, "sink": 0},
        **{"filter": 0, "filter_count": 1, "filter_type": 1, "analog_filter": 1},
        **{"off_limit_v": 40.0, "enable_action": 0, "highc_factor": 10.0},
        **{f"rel_enable_{kind}": 0 for kind in "ivrp"},
        **{f"rel_level_{kind}": 0.0 for kind in "ivrp"},
        **{"rel_any": False, "contact_speed": 0, "contact_threshold": 50.0},
    }


def source_attributes(
    channel: SourceChannel, extra: Extra, extras: dict[str, Any]
) -> dict[str, Attribute]:
    """Return the attributes of ``smuX.source``."""
    attributes = {
        "func": Attribute(lambda: channel.function, lambda v: channel.set_function(flag(v))),
        "output": Attribute(lambda: int(channel.output), lambda v: _switch(channel, v)),
        "offmode": Attribute(
            lambda: channel.off_mode, lambda v: channel.set_off_mode(one_of(v, (0, 1, 2)))
        ),
        "offfunc": Attribute(
            lambda: channel.off_function, lambda v: channel.set_off_function(flag(v))
        ),
        "offlimiti": _kept(channel, "off_limit", 1e-9, 1.0),
        "delay": Attribute(
            lambda: channel.source_delay, lambda v: setattr(channel, "source_delay", _delay(v))
        ),
        "compliance": Attribute(lambda: channel.compliance),
        "limitp": Attribute(
            lambda: channel.power_limit, lambda v: channel.set_power_limit(within(v, 0.0, 1000.0))
        ),
        "offlimitv": extra("off_limit_v", lambda v: within(v, 0.01, channel.model.max_voltage)),
        "highc": Attribute(lambda: extras["highc"], lambda v: _set_highc(channel, extras, flag(v))),
        "sink": extra("sink", flag),
        "settling": extra("settling", lambda v: one_of(v, (0, 1, 2, 3, 4, 128))),
        "outputenableaction": extra("enable_action", flag),
    }
    for letter, quantity in _QUANTITIES:
        attributes.update(_source_quantity(channel, letter, quantity))
    return attributes


def measure_attributes(
    channel: SourceChannel, extra: Extra, extras: dict[str, Any]
) -> dict[str, Attribute]:
    """Return the attributes of ``smuX.measure``."""
    attributes = {
        "nplc": _kept(channel, "nplc", 0.001, 25.0),
        "autozero": Attribute(
            lambda: channel.autozero, lambda v: setattr(channel, "autozero", one_of(v, (0, 1, 2)))
        ),
        "delay": Attribute(
            lambda: channel.measure_delay, lambda v: setattr(channel, "measure_delay", _delay(v))
        ),
        "delayfactor": _kept(channel, "delay_factor", 0.0, 100.0),
        "highcrangedelayfactor": extra("highc_factor", lambda v: within(v, 1.0, 99.0)),
        "analogfilter": extra("analog_filter", flag),
        "count": extra("count", lambda v: int(within(v, 1, 200_000))),
        "interval": extra("interval", lambda v: within(v, 0.0, 1.0)),
    }
    for letter, quantity in _QUANTITIES:
        attributes.update(_measure_quantity(channel, extras, letter, quantity))
    return attributes


def filter_attributes(extra: Extra, extras: dict[str, Any]) -> dict[str, Attribute]:
    """Return the attributes of ``smuX.measure.filter``."""

    def count(value: Any) -> int:
        wanted = int(within(value, 1, 100))
        if wanted > 1 and extras["count"] > 1:
            raise Refused(*FILTER_CONFLICT)
        return wanted

    return {
        "enable": extra("filter", flag),
        "count": extra("filter_count", count),
        "type": extra("filter_type", lambda v: one_of(v, (0, 1, 2))),
    }


def rel_attributes(extra: Extra, extras: dict[str, Any]) -> dict[str, Attribute]:
    """Return the attributes of ``smuX.measure.rel``."""

    def enabling(key: str) -> Attribute:
        def enable(value: Any) -> None:
            extras[key] = flag(value)
            extras["rel_any"] = any(extras[f"rel_enable_{kind}"] for kind in "ivrp")

        return Attribute(lambda: extras[key], enable)

    attributes = {}
    for kind in "ivrp":
        attributes[f"enable{kind}"] = enabling(f"rel_enable_{kind}")
        attributes[f"level{kind}"] = extra(f"rel_level_{kind}", number)
    return attributes


def _source_quantity(channel: SourceChannel, letter: str, quantity: int) -> dict[str, Attribute]:
    def set_low(value: Any) -> None:
        channel.low_source[quantity] = within(value, 0.0, 200.0)

    return {
        f"level{letter}": Attribute(
            lambda: channel.levels[quantity], lambda v: channel.set_level(quantity, number(v))
        ),
        f"limit{letter}": Attribute(
            lambda: channel.limits[quantity], lambda v: channel.set_limit(quantity, number(v))
        ),
        f"range{letter}": Attribute(
            lambda: channel.source_range(quantity),
            lambda v: channel.set_source_range(quantity, number(v)),
        ),
        f"autorange{letter}": Attribute(
            lambda: int(channel.source_auto[quantity]),
            lambda v: channel.set_source_auto(quantity, bool(flag(v))),
        ),
        f"lowrange{letter}": Attribute(lambda: channel.low_source[quantity], set_low),
    }


def _measure_quantity(
    channel: SourceChannel, extras: dict[str, Any], letter: str, quantity: int
) -> dict[str, Attribute]:
    follow = f"follow_{letter}"
    extras.setdefault(follow, False)

    def set_auto(value: Any) -> None:
        mode = one_of(value, (0, 1, 2))
        if mode == 1 and extras["highc"] and quantity == CURRENT:
            raise Refused(*LOCKED_HIGHC)
        extras[follow] = mode == 2
        channel.set_measure_auto(quantity, mode == 1)
        if mode == 2:
            channel.set_measure_range(quantity, channel.limits[quantity])

    def get_auto() -> int:
        return 2 if extras[follow] else int(channel.measure_auto[quantity])

    def set_range(value: Any) -> None:
        channel.set_measure_range(quantity, number(value))
        extras[follow] = False

    def get_range() -> float:
        if channel.measure_auto[quantity]:
            return channel.used[quantity]
        return channel.measure_range(quantity)

    def set_lowest(value: Any) -> None:
        channel.low_range[quantity] = within(value, 0.0, 200.0)

    return {
        f"range{letter}": Attribute(get_range, set_range),
        f"autorange{letter}": Attribute(get_auto, set_auto),
        f"lowrange{letter}": Attribute(lambda: channel.low_range[quantity], set_lowest),
    }


def _set_highc(channel: SourceChannel, extras: dict[str, Any], on: int) -> None:
    """Switch high-capacitance mode; on, it does without the small current ranges."""
    extras["highc"] = on
    if on:
        channel.low_range[CURRENT] = max(channel.low_range[CURRENT], HIGHC_LEAST)
        channel.low_source[CURRENT] = max(channel.low_source[CURRENT], HIGHC_LEAST)
        channel.set_measure_auto(CURRENT, False)
        if channel.measure_range(CURRENT) < HIGHC_LEAST:
            channel.set_measure_range(CURRENT, HIGHC_LEAST)
        if channel.limits[CURRENT] < HIGHC_LEAST:
            channel.set_limit(CURRENT, HIGHC_LEAST)


def _kept(channel: SourceChannel, name: str, low: float, high: float) -> Attribute:
    return Attribute(
        lambda: getattr(channel, name), lambda v: setattr(channel, name, within(v, low, high))
    )


def _delay(value: Any) -> float:
    """Check a delay (s); -1 is automatic."""
    seconds = number(value)
    if seconds < 0.0 and seconds != -1.0:
        raise Refused(*TOO_SMALL)
    return within(seconds, -1.0, 100_000.0)


def _switch(channel: SourceChannel, value: Any) -> None:
    """Switch the output; 2 is off with the output relay open, whatever the off mode."""
    if value == HIGH_Z:
        channel.disconnect()
    else:
        channel.set_output(bool(flag(value)))
