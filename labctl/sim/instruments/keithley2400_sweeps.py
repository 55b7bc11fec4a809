"""The sweep commands of a Keithley 2400: staircases and lists (SOURce[1]).

Source: *2400 Series SourceMeter User's Manual*, sections 10 and 18 (SOURce, sweeps and lists).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from labctl.sim.instruments.keithley2400_models import CURRENT, VOLTAGE, Model2400
from labctl.sim.instruments.keithley2400_settings import (
    Settings,
    field_of,
    item_of,
    number,
    setting,
)
from labctl.sim.instruments.keithley2400_sweep import LIST_PER_COMMAND, MOST_POINTS
from labctl.sim.scpi import Command, Parameter, choice, numeric, whole
from labctl.sim.status import Refused

_NODES = {CURRENT: ("CURRent", "A"), VOLTAGE: ("VOLTage", "V")}
_SPACINGS = {"LINear": "LIN", "LOGarithmic": "LOG"}
_DIRECTIONS = {"UP": "UP", "DOWn": "DOWN"}
_RANGINGS = {"BEST": "BEST", "AUTO": "AUTO", "FIXed": "FIX"}
_ABORTS = {"NEVer": "NEV", "EARLy": "EARL", "LATE": "LATE"}


class SweepCommands:
    """Start, stop, step and lists of levels.

    Parameters
    ----------
    model
        Largest levels.
    settings
        Returns the settings in force.
    """

    def __init__(self, model: Model2400, settings: Callable[[], Settings]) -> None:
        self._model, self._settings = model, settings

    def commands(self) -> Iterator[Command]:
        """Yield the tables."""
        own = self._settings
        sweep = "[:SOURce[1]]:SWEep"
        yield field_of(own, f"{sweep}:SPACing", "spacing", choice(_SPACINGS))
        yield field_of(own, f"{sweep}:POINts", "points", whole(1, MOST_POINTS, MOST_POINTS))
        yield field_of(own, f"{sweep}:DIRection", "direction", choice(_DIRECTIONS))
        yield field_of(own, f"{sweep}:RANGing", "ranging", choice(_RANGINGS))
        yield field_of(own, f"{sweep}:CABort", "abort_on_compliance", choice(_ABORTS))
        for quantity in (CURRENT, VOLTAGE):
            yield from self._sweep_commands(quantity)

    def _sweep_commands(self, quantity: int) -> Iterator[Command]:
        node, unit = _NODES[quantity]
        own, head = self._settings, f"[:SOURce[1]]:{node}"
        most = self._model.ranges(quantity)[-1]
        level = numeric(-most, most, 0.0, unit)
        yield item_of(own, f"{head}:STARt", "start", quantity, level, number)
        yield item_of(own, f"{head}:STOP", "stop", quantity, level, number)
        span = numeric(-2 * most, 2 * most, 0.0, unit)
        yield setting(f"{head}:STEP", span, partial(self._step, quantity), partial(
            self._set_step, quantity), number)  # fmt: skip
        yield setting(
            f"{head}:CENTer",
            level,
            lambda: (own().start[quantity] + own().stop[quantity]) / 2,
            lambda value: self._set_span(
                quantity, value, own().stop[quantity] - own().start[quantity]
            ),
            number,
        )
        yield setting(
            f"{head}:SPAN",
            span,
            lambda: own().stop[quantity] - own().start[quantity],
            lambda value: self._set_span(
                quantity, (own().start[quantity] + own().stop[quantity]) / 2, value
            ),
            number,
        )
        listed = f"[:SOURce[1]]:LIST:{node}"
        yield Command(
            listed,
            lambda: ",".join(map(number, own().listed[quantity])),
            partial(self._set_list, quantity, level, False),
        )
        yield Command(f"{listed}:APPend", event=partial(self._set_list, quantity, level, True))
        yield Command(f"{listed}:POINts", query=lambda: str(len(own().listed[quantity])))
        first = whole(1, MOST_POINTS, 1)
        yield item_of(own, f"{listed}:STARt", "list_start", quantity, first)

    def _step(self, quantity: int) -> float:
        settings = self._settings()
        span = settings.stop[quantity] - settings.start[quantity]
        return span / (settings.points - 1) if settings.points > 1 else 0.0

    def _set_step(self, quantity: int, step: float) -> None:
        settings = self._settings()
        span = settings.stop[quantity] - settings.start[quantity]
        if step == 0.0 or step * span < 0.0 or abs(step) > abs(span) * (1 + 1e-9):
            raise Refused(-221, "Settings conflict")
        points = round(span / step) + 1
        if points > MOST_POINTS:
            raise Refused(-221, "Settings conflict")
        settings.points = points

    def _set_span(self, quantity: int, center: float, span: float) -> None:
        most = self._model.ranges(quantity)[-1] * (1 + 1e-9)
        start, stop = center - span / 2, center + span / 2
        if max(abs(start), abs(stop)) > most:
            raise Refused(-222, "Parameter data out of range")
        self._settings().start[quantity], self._settings().stop[quantity] = start, stop

    def _set_list(
        self,
        quantity: int,
        level: Callable[[Parameter], float],
        append: bool,
        first: Parameter,
        *more: Parameter,
    ) -> None:
        if len(more) >= LIST_PER_COMMAND:
            raise Refused(-223, "Too much data")
        settings = self._settings()
        values = tuple(level(parameter) for parameter in (first, *more))
        before = settings.listed[quantity] if append else ()
        if len(before) + len(values) > MOST_POINTS:
            raise Refused(-223, "Too much data")
        settings.listed[quantity] = before + values
