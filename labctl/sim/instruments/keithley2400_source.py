"""The SOURce[1] and OUTPut subsystems of a Keithley 2400.

Source: *2400 Series SourceMeter User's Manual*, sections 3, 10 and 18 (SOURce, OUTPut); errors of
appendix B.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from labctl.sim.instruments.keithley2400_cycle import MEMORY_LOCATIONS
from labctl.sim.instruments.keithley2400_models import CURRENT, MEMORY, VOLTAGE
from labctl.sim.instruments.keithley2400_ranges import next_range, range_query
from labctl.sim.instruments.keithley2400_settings import (
    Settings,
    field_of,
    flag,
    item_of,
    number,
    setting,
)
from labctl.sim.scpi import Command, Parameter, boolean, choice, numeric, whole
from labctl.sim.status import Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2400 import Keithley2400

MOST_DELAY = 999.9999
_NAMES = {CURRENT: "CURRent", VOLTAGE: "VOLTage"}
_UNITS = {CURRENT: "A", VOLTAGE: "V"}


def delay_text(value: float) -> str:
    """Return a time in seconds as the instrument writes it."""
    return f"{value:.5f}"


class Source:
    """What the source takes and refuses."""

    def __init__(self, box: Keithley2400) -> None:
        self._box = box
        self._model = box.data

    def commands(self) -> Iterator[Command]:
        """Yield the SOURce[1] and OUTPut subsystems."""
        yield from self._output_commands()
        yield from self._common_commands()
        yield from self._memory_commands()
        for quantity in (CURRENT, VOLTAGE):
            yield from self._level_commands(quantity)

    def _settings(self) -> Settings:
        return self._box.settings

    # -- what is refused -----------------------------------------------------------------------

    def check_power(self, quantity: int, level: float) -> None:
        """Refuse a level or a limit (V or A, without sign) that exceeds the power: +826."""
        settings = self._settings()
        other = 1 - quantity
        sourced = other == self._box.analogue.function
        beside = abs(settings.level[other]) if sourced else settings.compliance[other]
        volts, amperes = (level, beside) if quantity == VOLTAGE else (beside, level)
        slack = 1 + 1e-9
        if volts > self._model.power_voltage * slack and (
            amperes > self._model.power_current * slack
        ):
            raise Refused(826, "Attempt to exceed power limit")

    def set_function(self, function: int) -> None:
        """Source voltage, current, or what source memory says; the output goes off."""
        settings = self._settings()
        if self._box.auto_ohms:
            raise Refused(825, "Invalid with auto-ohms on")
        if function != settings.function:
            settings.function = function
            self._box.switch(False)
            self._box.analogue.apply()

    def _set_level(self, quantity: int, level: float) -> None:
        settings = self._settings()
        if self._box.auto_ohms and quantity == CURRENT:
            raise Refused(825, "Invalid with auto-ohms on")
        if settings.source_auto[quantity]:
            fitting = self._model.fitting(quantity, abs(level))
        else:
            fitting = settings.source_range[quantity]
            if abs(level) > fitting * (1 + 1e-9):
                raise Refused(-222, "Parameter data out of range")
        if quantity == settings.function:
            self.check_power(quantity, abs(level))
        settings.level[quantity], settings.source_range[quantity] = level, fitting
        settings.triggered[quantity] = None
        if quantity == settings.function:
            self._box.analogue.apply()

    def _set_triggered(self, quantity: int, level: float | None) -> None:
        self._settings().triggered[quantity] = level

    def _triggered(self, quantity: int) -> float:
        pending = self._settings().triggered[quantity]
        return self._settings().level[quantity] if pending is None else pending

    def _set_range(self, quantity: int, parameter: Parameter) -> None:
        settings = self._settings()
        ranges = self._model.ranges(quantity)
        chosen = next_range(parameter, ranges, settings.source_range[quantity], _UNITS[quantity])
        if abs(settings.level[quantity]) > chosen * (1 + 1e-9):
            raise Refused(-221, "Settings conflict")
        settings.source_range[quantity], settings.source_auto[quantity] = chosen, False
        self._box.analogue.apply()

    def _set_auto(self, quantity: int, on: bool) -> None:
        settings = self._settings()
        settings.source_auto[quantity] = on
        if on and settings.level[quantity] != 0.0:
            level = abs(settings.level[quantity])
            settings.source_range[quantity] = self._model.fitting(quantity, level)
            self._box.analogue.apply()

    # -- tables --------------------------------------------------------------------------------

    def _output_commands(self) -> Iterator[Command]:
        box, own, head = self._box, self._settings, ":OUTPut[1]"
        yield setting(f"{head}[:STATe]", boolean, lambda: own().output, box.switch, flag)
        yield field_of(own, f"{head}:ENABle[:STATe]", "enable_line", boolean, flag)
        yield Command(f"{head}:ENABle:TRIPped", query=lambda: flag(box.interlocked))
        modes = {"HIMPedance": "HIMP", "NORMal": "NORM", "ZERO": "ZERO", "GUARd": "GUAR"}
        yield field_of(
            own, f"{head}:SMODe", "off_mode", choice(modes), after=lambda: box.analogue.apply()
        )

    def _common_commands(self) -> Iterator[Command]:
        own, head = self._settings, "[:SOURce[1]]"
        functions = {"VOLTage": VOLTAGE, "CURRent": CURRENT, "MEMory": MEMORY}
        yield setting(
            f"{head}:FUNCtion[:MODE]",
            choice(functions),
            lambda: CURRENT if self._box.auto_ohms else own().function,
            self.set_function,
            lambda function: {VOLTAGE: "VOLT", CURRENT: "CURR", MEMORY: "MEM"}[function],
        )
        yield field_of(own, f"{head}:CLEar:AUTO", "clear_auto", boolean, flag)
        modes = choice({"ALWays": "ALW", "TCOunt": "TCO"})
        yield field_of(own, f"{head}:CLEar:AUTO:MODE", "clear_mode", modes)
        yield Command(f"{head}:CLEar[:IMMediate]", event=lambda: self._box.switch(False))
        delay = numeric(0.0, MOST_DELAY, 0.0, unit="S")
        yield field_of(own, f"{head}:DELay", "delay", delay, delay_text, self._manual_delay)
        yield field_of(own, f"{head}:DELay:AUTO", "delay_auto", boolean, flag)
        yield field_of(own, f"{head}:SOAK", "soak", numeric(0.0, 9999.999, 0.0, "S"), delay_text)

    def _memory_commands(self) -> Iterator[Command]:
        own, head, box = self._settings, "[:SOURce[1]]:MEMory", self._box
        location = whole(1, MEMORY_LOCATIONS, 1)
        yield Command(f"{head}:SAVE", event=lambda value: box.cycle.save(location(value)))
        yield Command(f"{head}:RECall", event=lambda value: box.recall_source(location(value)))
        yield field_of(own, f"{head}:POINts", "memory_points", location)
        yield field_of(own, f"{head}:STARt", "memory_start", location)

    def _level_commands(self, quantity: int) -> Iterator[Command]:
        own, head = self._settings, f"[:SOURce[1]]:{_NAMES[quantity]}"
        most = self._model.ranges(quantity)[-1]
        level = numeric(-most, most, 0.0, _UNITS[quantity])
        yield setting(
            f"{head}[:LEVel][:IMMediate][:AMPLitude]",
            level,
            lambda: own().level[quantity],
            partial(self._set_level, quantity),
            number,
        )
        yield setting(
            f"{head}[:LEVel]:TRIGgered[:AMPLitude]",
            level,
            partial(self._triggered, quantity),
            partial(self._set_triggered, quantity),
            number,
        )
        factor = numeric(-999.9999e18, 999.9999e18, 1.0, unit="")
        scale = f"{head}[:LEVel]:TRIGgered:SFACtor"
        yield item_of(own, scale, "scale", quantity, factor, number)
        yield item_of(own, f"{scale}:STATe", "scale_on", quantity, boolean, flag)
        modes = choice({"FIXed": "FIX", "LIST": "LIST", "SWEep": "SWE"})
        yield item_of(own, f"{head}:MODE", "mode", quantity, modes)
        yield Command(
            f"{head}:RANGe",
            range_query(self._model.ranges(quantity), lambda: own().source_range[quantity]),
            partial(self._set_range, quantity),
        )
        yield setting(
            f"{head}:RANGe:AUTO",
            boolean,
            lambda: own().source_auto[quantity],
            partial(self._set_auto, quantity),
            flag,
        )
        if quantity == VOLTAGE:
            yield Command(f"{head}:PROTection[:LEVel]", self._protection, self._set_protection)
            yield Command(f"{head}:PROTection:TRIPped", query=self._protected)

    # -- what the tables call ------------------------------------------------------------------

    def _manual_delay(self) -> None:
        self._settings().delay_auto = False

    def _protection(self) -> str:
        level = self._settings().protection
        return number(level)

    def _set_protection(self, parameter: Parameter) -> None:
        levels = self._model.protection
        if parameter.kind == "word" and parameter.value == "NONE":
            chosen = levels[-1]
        else:
            wanted = abs(numeric(-levels[-1], levels[-1], levels[-1])(parameter))
            chosen = next(level for level in levels if wanted <= level * (1 + 1e-9))
        self._settings().protection = chosen
        self._box.analogue.apply()

    def _protected(self) -> str:
        settings = self._settings()
        wants_more = abs(settings.level[VOLTAGE]) > settings.protection
        return flag(settings.output and settings.function == VOLTAGE and wants_more)
