"""Math of a Keithley 2400: named expressions on each reading (CALCulate[1]).

Source: *2400 Series SourceMeter User's Manual*, sections 8 (math) and 18 (CALCulate[1]).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from labctl.sim.instruments.keithley2400_expression import Expression
from labctl.sim.instruments.keithley2400_reading import Reading, numbers, rounded, transfer
from labctl.sim.instruments.keithley2400_settings import Settings, field_of, flag
from labctl.sim.scpi import NOT_A_NUMBER, Command, Parameter, boolean, text
from labctl.sim.status import Refused

BUILT_IN = {
    "POWER": "VOLT * CURR",
    "OFFCOMPOHM": "(VOLT[1] - VOLT[0]) / (CURR[1] - CURR[0])",
    "VOLTCOEF": "(RES[1] - RES[0]) / (RES[1] * (VOLT[1] - VOLT[0])) * 100",
    "VARALPHA": "LOG(CURR[1] / CURR[0]) / LOG(VOLT[1] / VOLT[0])",
}
MOST_NAMES = 5
"""Expressions a user may add."""
LONGEST_NAME = 10


class Calculator:
    """The expressions of one instrument; the user's own survive ``*RST``."""

    def __init__(
        self, settings: Callable[[], Settings], latest: Callable[[], list[Reading]]
    ) -> None:
        self._settings, self._latest = settings, latest
        self._own: dict[str, Expression | None] = {}
        self._built_in = {name: Expression(formula) for name, formula in BUILT_IN.items()}
        self._gathered: list[Reading] = []

    def result(self, reading: Reading) -> float:
        """Return the result with this reading; not-a-number while off or short of readings."""
        settings = self._settings()
        expression = self._selected() if settings.math_on else None
        if expression is None:
            self._gathered.clear()
            return NOT_A_NUMBER
        self._gathered.append(reading)
        if len(self._gathered) < expression.length:
            return NOT_A_NUMBER
        value = expression.value(self._gathered[-expression.length :])
        self._gathered.clear()
        return rounded(value)

    def commands(self) -> Iterator[Command]:
        """Yield the CALCulate[1] subsystem."""
        head = ":CALCulate[1]:MATH[:EXPRession]"
        yield Command(f"{head}:CATalog", query=self._catalogue)
        yield Command(f"{head}:NAME", lambda: f'"{self._settings().math_name}"', self._name)
        yield Command(f"{head}:DELete[:SELected]", event=self._delete)
        yield Command(f"{head}:DELete:ALL", event=self._own.clear)
        yield Command(":CALCulate[1]:MATH:UNITs", self._units, self._set_units)
        yield Command(f"{head}[:DEFine]", self._formula, self._define)
        yield field_of(
            self._settings, ":CALCulate[1]:STATe", "math_on", boolean, flag, self._gathered.clear
        )
        yield Command(":CALCulate[1]:DATA", query=lambda: self._data(self._latest()))
        yield Command(":CALCulate[1]:DATA:LATest", query=lambda: self._data(self._latest()[-1:]))

    def _selected(self) -> Expression | None:
        name = self._settings().math_name
        return self._built_in.get(name) or self._own.get(name)

    def _catalogue(self) -> str:
        return ",".join(f'"{name}"' for name in [*self._built_in, *self._own])

    def _name(self, name: Parameter) -> None:
        """Select an expression, or make room for a new one of that name."""
        wanted = text(name).upper()
        if not wanted or len(wanted) > LONGEST_NAME:
            raise Refused(-154, "String too long")
        if wanted not in self._built_in and wanted not in self._own:
            if len(self._own) >= MOST_NAMES:
                raise Refused(804, "Expression list full")
            self._own[wanted] = None
        self._settings().math_name = wanted
        self._gathered.clear()

    def _delete(self, name: Parameter) -> None:
        wanted = text(name).upper()
        if wanted in self._built_in:
            raise Refused(808, "Expression cannot be deleted")
        if wanted not in self._own:
            raise Refused(806, "Expression not found")
        del self._own[wanted]

    def _units(self) -> str:
        return f'"{self._settings().math_units}"'

    def _set_units(self, units: Parameter) -> None:
        self._settings().math_units = text(units)[:3]

    def _formula(self) -> str:
        expression = self._selected()
        return f"({expression.text})" if expression else '""'

    def _define(self, form: Parameter) -> None:
        name = self._settings().math_name
        if name in self._built_in:
            raise Refused(807, "Definition not allowed")
        if form.kind != "expression":
            raise Refused(-104, "Data type error")
        self._own[name] = Expression(str(form.value))

    def _data(self, readings: list[Reading]) -> str | bytes:
        if not readings:
            raise Refused(-230, "Data corrupt or stale")
        settings = self._settings()
        values = numbers(readings, settings.calculated_elements)
        return transfer(values, settings.data, settings.border)
