"""The SENSe[1] subsystem of a Keithley 2400.

Source: *2400 Series SourceMeter User's Manual*, sections 3, 4, 6, 7 and 18 (SENSe[1]); errors of
appendix B.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from labctl.sim.instruments.keithley2400_models import CURRENT, RESISTANCE, VOLTAGE
from labctl.sim.instruments.keithley2400_ranges import next_range, range_query
from labctl.sim.instruments.keithley2400_settings import (
    Settings,
    field_of,
    flag,
    number,
    setting,
)
from labctl.sim.instruments.keithley2400_source import MOST_DELAY
from labctl.sim.scpi import Command, Parameter, boolean, choice, numeric, whole
from labctl.sim.status import Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2400 import Keithley2400

_HEADS = {CURRENT: "CURRent[:DC]", VOLTAGE: "VOLTage[:DC]", RESISTANCE: "RESistance"}
_UNITS = {CURRENT: "A", VOLTAGE: "V", RESISTANCE: "OHM"}
_WRITTEN = {VOLTAGE: '"VOLT:DC"', CURRENT: '"CURR:DC"', RESISTANCE: '"RES"'}
_FUNCTIONS = choice(
    {
        "VOLTage": VOLTAGE, "CURRent": CURRENT, "RESistance": RESISTANCE,
        "VOLTage:DC": VOLTAGE, "CURRent:DC": CURRENT,
    },
    quoted=True,
)  # fmt: skip
FEWEST_CYCLES, MOST_CYCLES = 0.01, 10.0


class Sense:
    """What the meter takes and refuses."""

    def __init__(self, box: Keithley2400) -> None:
        self._box = box
        self._model = box.data

    def commands(self) -> Iterator[Command]:
        """Yield the SENSe[1] subsystem."""
        own = self._settings
        head = "[:SENSe[1]]"
        yield from self._function_commands(f"{head}:FUNCtion")
        for quantity in (CURRENT, VOLTAGE, RESISTANCE):
            yield from self._range_commands(f"{head}:{_HEADS[quantity]}", quantity)
        for quantity in (CURRENT, VOLTAGE):
            yield from self._limit_commands(f"{head}:{_HEADS[quantity]}:PROTection", quantity)
        ohms = f"{head}:RESistance"
        yield setting(
            f"{ohms}:MODE",
            choice({"AUTO": True, "MANual": False}),
            lambda: own().ohms_auto,
            self._set_ohms_mode,
            lambda on: "AUTO" if on else "MAN",
        )
        yield field_of(own, f"{ohms}:OCOMpensated", "offset_compensated", boolean, flag)
        hold = f"{head}:CURRent[:DC]:RANGe:HOLDoff"
        yield field_of(own, hold, "holdoff", boolean, flag)
        delay = numeric(0.0, MOST_DELAY, 5e-3, unit="S")
        yield field_of(own, f"{hold}:DELay", "holdoff_delay", delay, lambda v: f"{v:.5f}")
        average, again = f"{head}:AVERage", self._box.cycle.meter.forget_filter
        yield field_of(own, f"{average}[:STATe]", "filter", boolean, flag, again)
        yield setting(
            f"{average}:TCONtrol",
            choice({"REPeat": True, "MOVing": False}),
            lambda: own().filter_repeats,
            self._set_filter_type,
            lambda repeats: "REP" if repeats else "MOV",
        )
        yield field_of(own, f"{average}:COUNt", "filter_count", whole(1, 100, 10), str, again)

    def _settings(self) -> Settings:
        return self._box.settings

    # -- functions -----------------------------------------------------------------------------

    def _function_commands(self, head: str) -> Iterator[Command]:
        own = self._settings
        yield setting(
            f"{head}:CONCurrent", boolean, lambda: own().concurrent, self._set_concurrent, flag
        )
        yield Command(f"{head}[:ON]", self.functions_on, self._switch_on)
        yield Command(f"{head}[:ON]:ALL", event=self._switch_all_on)
        yield Command(f"{head}[:ON]:COUNt", query=lambda: str(len(own().functions)))
        yield Command(f"{head}:OFF", self._functions_off, self._switch_off)
        yield Command(f"{head}:OFF:ALL", event=lambda: self.choose(frozenset()))
        yield Command(f"{head}:OFF:COUNt", query=lambda: str(3 - len(own().functions)))
        yield Command(f"{head}:STATe", query=lambda f: flag(_FUNCTIONS(f) in own().functions))

    def choose(self, functions: frozenset[int]) -> None:
        """Measure these functions; auto ohms takes and gives back the source."""
        self._settings().functions = functions
        self._box.cycle.meter.forget_filter()
        if not self._box.auto_ohms and self._box.analogue.ohms_current is not None:
            self._box.analogue.ohms_current = None
            self._box.analogue.apply()

    def functions_on(self) -> str:
        """Return the functions that are measured, quoted."""
        chosen = self._settings().functions
        return ",".join(_WRITTEN[f] for f in _WRITTEN if f in chosen) or '""'

    def _functions_off(self) -> str:
        chosen = self._settings().functions
        return ",".join(_WRITTEN[f] for f in _WRITTEN if f not in chosen) or '""'

    def _switch_on(self, first: Parameter, *more: Parameter) -> None:
        wanted = frozenset(_FUNCTIONS(parameter) for parameter in (first, *more))
        settings = self._settings()
        if settings.concurrent:
            self.choose(settings.functions | wanted)
        elif len(wanted) > 1:
            raise Refused(-221, "Settings conflict")
        else:
            self.choose(wanted)

    def _switch_off(self, first: Parameter, *more: Parameter) -> None:
        unwanted = frozenset(_FUNCTIONS(parameter) for parameter in (first, *more))
        self.choose(self._settings().functions - unwanted)

    def _switch_all_on(self) -> None:
        every = frozenset((VOLTAGE, CURRENT, RESISTANCE))
        self.choose(every if self._settings().concurrent else frozenset((RESISTANCE,)))

    def _set_concurrent(self, on: bool) -> None:
        settings = self._settings()
        if settings.concurrent and not on:
            self.choose(frozenset((VOLTAGE,)))
        settings.concurrent = on

    def _set_ohms_mode(self, auto: bool) -> None:
        self._settings().ohms_auto = auto
        self.choose(self._settings().functions)

    def _set_filter_type(self, repeats: bool) -> None:
        self._settings().filter_repeats = repeats
        self._box.cycle.meter.forget_filter()

    # -- ranges --------------------------------------------------------------------------------

    def _range_commands(self, head: str, quantity: int) -> Iterator[Command]:
        own, ranges, unit = self._settings, self._model.ranges(quantity), _UNITS[quantity]
        yield Command(
            f"{head}:RANGe[:UPPer]",
            range_query(ranges, lambda: own().measure_range[quantity]),
            partial(self._set_range, quantity),
        )
        yield setting(
            f"{head}:RANGe:AUTO",
            boolean,
            lambda: own().measure_auto[quantity],
            partial(self._set_auto, quantity),
            flag,
        )
        size = numeric(-ranges[-1], ranges[-1], ranges[0], unit)
        yield setting(
            f"{head}:RANGe:AUTO:LLIMit",
            lambda p: self._model.fitting(quantity, abs(size(p))),
            lambda: max(own().low_range[quantity], ranges[0]),
            partial(self._set_low, quantity),
            number,
        )
        if quantity == RESISTANCE:
            yield setting(
                f"{head}:RANGe:AUTO:ULIMit",
                lambda p: self._model.fitting(quantity, abs(size(p))),
                lambda: own().high_resistance or ranges[-1],
                self._set_high,
                number,
            )
        else:
            yield Command(f"{head}:RANGe:AUTO:ULIMit", query=partial(self._high, quantity))
        cycles = numeric(FEWEST_CYCLES, MOST_CYCLES, 1.0, unit="")
        yield setting(
            f"{head}:NPLCycles", cycles, lambda: own().nplc, self._set_nplc, lambda v: f"{v:.2f}"
        )

    def _set_range(self, quantity: int, parameter: Parameter) -> None:
        settings = self._settings()
        ranges = self._model.ranges(quantity)
        present = settings.measure_range[quantity]
        chosen = next_range(parameter, ranges, present, _UNITS[quantity])
        if quantity == RESISTANCE:
            if not settings.ohms_auto:
                raise Refused(-221, "Settings conflict")
        elif self._box.auto_ohms:
            raise Refused(825, "Invalid with auto-ohms on")
        elif quantity == settings.function:
            raise Refused(823, "Invalid with source read-back on")
        elif chosen > self._model.fitting(quantity, settings.compliance[quantity]):
            raise Refused(824, "Cannot exceed compliance range")
        settings.measure_range[quantity], settings.measure_auto[quantity] = chosen, False
        self._box.analogue.apply()

    def _set_auto(self, quantity: int, on: bool) -> None:
        self._settings().measure_auto[quantity] = on
        self._box.analogue.apply()

    def _set_low(self, quantity: int, full: float) -> None:
        self._settings().low_range[quantity] = full

    def _set_high(self, full: float) -> None:
        self._settings().high_resistance = full

    def _high(self, quantity: int) -> str:
        return number(self._model.fitting(quantity, self._settings().compliance[quantity]))

    def _set_nplc(self, cycles: float) -> None:
        self._settings().nplc = max(round(cycles, 2), FEWEST_CYCLES)

    # -- compliance ----------------------------------------------------------------------------

    def _limit_commands(self, head: str, quantity: int) -> Iterator[Command]:
        own = self._settings
        most = self._model.ranges(quantity)[-1]
        default = 21.0 if quantity == VOLTAGE else 1.05e-4
        convert: Callable[[Parameter], float] = numeric(-most, most, default, _UNITS[quantity])
        yield setting(
            f"{head}[:LEVel]",
            convert,
            lambda: own().compliance[quantity],
            partial(self._set_compliance, quantity),
            number,
        )
        yield Command(f"{head}:TRIPped", query=partial(self._tripped, quantity))
        yield field_of(own, f"{head}:RSYNchronize", "synchronise", boolean, flag)

    def _set_compliance(self, quantity: int, level: float) -> None:
        settings, level = self._settings(), abs(level)
        fitting = self._model.fitting(quantity, level)
        follows = settings.synchronise and not settings.measure_auto[quantity]
        if not follows and level < settings.measure_range[quantity] * 1e-3 / 1.05 * (1 - 1e-6):
            if not settings.measure_auto[quantity]:
                raise Refused(822, "Too small for sense range")
            fitting = max(fitting, self._model.ranges(quantity)[0])
            settings.measure_range[quantity] = fitting
        if level < self._model.ranges(quantity)[0] * 1e-3 / 1.05 * (1 - 1e-6):
            raise Refused(822, "Too small for sense range")
        if quantity != settings.function:
            self._box.source.check_power(quantity, level)
        settings.compliance[quantity] = level
        if follows:
            settings.measure_range[quantity] = fitting
        self._box.analogue.apply()

    def _tripped(self, quantity: int) -> str:
        analogue = self._box.analogue
        return flag(analogue.function != quantity and analogue.limited())
