"""Commands of a 3706A for channels that a matrix card does not have, and the poles of those it has.

Digital I/O, totalizer and DAC channels are on other cards: there is none in the simulated
mainframe, and to name a switch where one of these is wanted is an error.

Source: *Series 3700A System Switch/Multimeter Reference Manual* (3700AS-901-01), ``channel.*``;
values of the constants from memory of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from labctl.sim.instruments.keithley_channels import Channels
from labctl.sim.status import Refused
from labctl.sim.tsp import LuaHost
from labctl.sim.tsp.values import arguments, one_of, text

TRIGGERS = 8
"""Objects ``channel.trigger[n]``."""
_POLES = {"POLES_ONE": 1, "POLES_TWO": 2, "POLES_FOUR": 4}
_WIDTHS = {
    **{"TYPE_BACKPLANE": 2, "TYPE_DIGITAL": 4, "TYPE_TOTALIZER": 8, "TYPE_DAC": 16},
    **{"WIDTH_BYTE": 1, "WIDTH_WORD": 2, "WIDTH_HALFWORD": 2, "WIDTH_TRIPLEBYTE": 3},
    **{"WIDTH_LONGWORD": 4, "MATCH_EXACT": 0, "MATCH_ANY": 1, "MATCH_NOT_EXACT": 2},
    **{"MATCH_NONE": 3, "POWERSTATE_OFF": 0, "POWERSTATE_ON": 1},
}
ASKED = {
    "read": 3, "getmatch": 2, "getmatchtype": 1, "getmode": 1, "getoutputenable": 1,
    "getpowerstate": 1, "getstatelatch": 1, "resetstatelatch": 1,
}  # fmt: skip
"""Functions that take a channel list first, and the most parameters of each."""
SET = {
    "write": 3, "setmatch": 4, "setmatchtype": 2, "setmode": 2, "setoutputenable": 2,
    "setpowerstate": 2, "setstatelatch": 2,
}  # fmt: skip
"""The same for functions that want a value besides."""
CALIBRATED = {"adjustcount": 1, "adjustdate": 2, "save": 1, "step": 4, "verifydate": 2}


def build_channels(host: LuaHost, channels: Channels) -> None:
    """Add what a 3706A has under ``channel`` beyond the other mainframes."""
    other = {
        **{name: _unlike(channels, 1, most) for name, most in ASKED.items()},
        **{name: _unlike(channels, 2, most) for name, most in SET.items()},
    }
    poles = _Poles(channels)
    host.extend(
        "channel", {**_POLES, **_WIDTHS}, functions={**other, "getpole": poles.get,
                                                     "setpole": poles.set},
    )  # fmt: skip
    host.node("channel.calibration", functions=_calibration(channels))
    host.node("channel.trigger")
    for number in range(1, TRIGGERS + 1):
        host.node(
            f"channel.trigger.{number}",
            functions={
                "set": _unlike(channels, 2, 3),
                "get": lambda *a: None,
                "clear": lambda *a: None,
                "wait": lambda *a: False,
            },
        )


class _Poles:
    """``channel.setpole`` and ``channel.getpole``: a crosspoint of a 3730 switches two wires."""

    def __init__(self, channels: Channels) -> None:
        self._channels, self._own = channels, channels.cards.poles

    def get(self, *given: Any) -> str:
        """Return the poles of each channel."""
        arguments(given, 1, 1)
        return ",".join(str(self._own) for _ in self._channels.lists.points(text(given[0])))

    def set(self, *given: Any) -> None:
        """Take the number that the card has; it can do no other."""
        arguments(given, 2, 2)
        self._channels.lists.points(text(given[0]))
        if one_of(given[1], tuple(_POLES.values())) != self._own:
            raise Refused(-221, f"Settings conflict: the card switches {self._own} poles")


def _unlike(channels: Channels, least: int, most: int) -> Callable[..., None]:
    """Return a function for channels of a type that no card here has."""

    def refuse(*given: Any) -> None:
        arguments(given, least, most)
        for point in channels.lists.points(text(given[0])):
            name = channels.cards.name(point)
            raise Refused(1115, f"Parameter error: invalid type of channel {name}")

    return refuse


def _calibration(channels: Channels) -> Mapping[str, Callable[..., None]]:
    """Return ``channel.calibration``: a matrix card has nothing to be adjusted."""
    nothing = dict.fromkeys(("lock", "unlock", "password"), lambda *a: None)
    return {**{name: _unlike(channels, 1, most) for name, most in CALIBRATED.items()}, **nothing}
