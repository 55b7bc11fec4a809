"""The attributes ``smuX.source.*`` and ``smuX.measure.*`` of a 2600, on a source channel.

Source: *Series 2600B Reference Manual* (2600BS-901-01), TSP command reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labctl.sim.instruments.smu import CURRENT, VOLTAGE, SourceChannel
from labctl.sim.status import Refused
from labctl.sim.tsp import Attribute
from labctl.sim.tsp.values import TOO_SMALL, number, one_of, within

Extra = Callable[[str, Callable[[Any], Any]], Attribute]
"""Makes an attribute that is checked and kept, and has no effect on the simulated bench."""
_QUANTITIES = (("v", VOLTAGE), ("i", CURRENT))


def source_attributes(channel: SourceChannel, extra: Extra) -> dict[str, Attribute]:
    """Return the attributes of ``smuX.source``."""
    attributes = {
        "func": Attribute(
            lambda: channel.function, lambda v: channel.set_function(one_of(v, (0, 1)))
        ),
        "output": Attribute(
            lambda: int(channel.output), lambda v: channel.set_output(bool(one_of(v, (0, 1))))
        ),
        "offmode": Attribute(
            lambda: channel.off_mode, lambda v: channel.set_off_mode(one_of(v, (0, 1, 2)))
        ),
        "offlimiti": Attribute(
            lambda: channel.off_limit,
            lambda v: setattr(channel, "off_limit", within(v, 1e-9, 1.0)),
        ),
        "delay": Attribute(
            lambda: channel.source_delay, lambda v: setattr(channel, "source_delay", _delay(v))
        ),
        "compliance": Attribute(lambda: channel.compliance),
        "offlimitv": extra("off_limit_v", lambda v: within(v, 0.01, 202.0)),
        "offfunc": extra("off_function", lambda v: one_of(v, (0, 1))),
        "highc": extra("highc", lambda v: one_of(v, (0, 1))),
        "sink": extra("sink", lambda v: one_of(v, (0, 1))),
        "settling": extra("settling", lambda v: one_of(v, (0, 1, 2, 3, 4, 128))),
        "outputenableaction": extra("enable_action", lambda v: one_of(v, (0, 1))),
    }
    for letter, quantity in _QUANTITIES:
        attributes.update(_source_quantity(channel, letter, quantity))
        attributes[f"lowrange{letter}"] = extra(
            f"low_source_{letter}", lambda v: within(v, 0.0, 200.0)
        )
    return attributes


def measure_attributes(channel: SourceChannel, extra: Extra) -> dict[str, Attribute]:
    """Return the attributes of ``smuX.measure``."""
    attributes = {
        "nplc": Attribute(
            lambda: channel.nplc, lambda v: setattr(channel, "nplc", within(v, 0.001, 25.0))
        ),
        "autozero": Attribute(
            lambda: channel.autozero, lambda v: setattr(channel, "autozero", one_of(v, (0, 1, 2)))
        ),
        "delay": Attribute(
            lambda: channel.measure_delay, lambda v: setattr(channel, "measure_delay", _delay(v))
        ),
        "delayfactor": extra("delay_factor", lambda v: within(v, 0.0, 100.0)),
        "count": extra("count", lambda v: int(within(v, 1, 200_000))),
        "interval": extra("interval", lambda v: within(v, 0.0, 1.0)),
    }
    for letter, quantity in _QUANTITIES:
        attributes.update(_measure_quantity(channel, letter, quantity))
    return attributes


def _source_quantity(channel: SourceChannel, letter: str, quantity: int) -> dict[str, Attribute]:
    def set_auto(value: Any) -> None:
        channel.set_source_auto(quantity, bool(one_of(value, (0, 1))))

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
        f"autorange{letter}": Attribute(lambda: int(channel.source_auto[quantity]), set_auto),
    }


def _measure_quantity(channel: SourceChannel, letter: str, quantity: int) -> dict[str, Attribute]:
    def set_auto(value: Any) -> None:
        channel.measure_auto[quantity] = bool(one_of(value, (0, 1, 2)))

    def set_lowest(value: Any) -> None:
        channel.low_range[quantity] = within(value, 0.0, 200.0)

    return {
        f"range{letter}": Attribute(
            lambda: channel.measure_range(quantity),
            lambda v: channel.set_measure_range(quantity, number(v)),
        ),
        f"autorange{letter}": Attribute(lambda: int(channel.measure_auto[quantity]), set_auto),
        f"lowrange{letter}": Attribute(lambda: channel.low_range[quantity], set_lowest),
    }


def _delay(value: Any) -> float:
    """Check a delay (s); -1 is automatic and costs nothing more here."""
    seconds = number(value)
    if seconds < 0.0 and seconds != -1.0:
        raise Refused(*TOO_SMALL)
    return within(seconds, -1.0, 100_000.0)
