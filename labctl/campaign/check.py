"""Checking a plan: everything that is wrong with it at once, and what it will cost; no instrument.

Estimates take it that every condition lets its step run, and that every choice of cells by a result
chooses all of them: they are upper bounds in that respect.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labctl import plugins
from labctl.campaign import filling
from labctl.campaign.expression import ExpressionError, names, parse
from labctl.campaign.fault import Fault, Faults, error_of
from labctl.campaign.forecast import Forecast, Row
from labctl.campaign.loading import try_load
from labctl.campaign.loops import Each, Scalar
from labctl.campaign.naming import Names, cycle
from labctl.campaign.paper import PaperArray
from labctl.campaign.plan import Plan, Step, is_expression, text_of
from labctl.errors import ProcedureError

MOST_RUNS = 100_000
"""Steps done in one campaign, at most."""


@dataclass(slots=True)
class Checked:
    """What a check found.

    Attributes
    ----------
    path
        The file.
    plan
        The plan; None where it cannot even be read.
    faults
        Everything that is wrong, by file and line.
    rows
        What each step is expected to cost; empty where there are faults.
    """

    path: str
    plan: Plan | None
    faults: list[Fault] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def raise_faults(self) -> Plan:
        """Return the plan; raise CampaignError with all faults where there are some."""
        if self.faults or self.plan is None:
            raise error_of(self.path, self.faults)
        return self.plan


def check_file(path: str | Path, array: PaperArray) -> Checked:
    """Read and check a campaign file or script against the bench that ``array`` stands for.

    Raises
    ------
    CampaignError
        Where there is no such file.
    """
    plan, faults = try_load(path)
    if plan is None:
        return Checked(str(path), None, faults)
    return check_plan(plan, array)


def check_plan(plan: Plan, array: PaperArray) -> Checked:
    """Check a plan against the bench that ``array`` stands for."""
    checker = _Checker(plan, array)
    checker.names()
    for step, around in plan.walk():
        checker.step(step, around)
    faults = checker.faults.found
    rows: list[Row] = []
    if not faults:
        forecast = Forecast(plan, array, checker.fault)
        rows = forecast.rows()
        faults = checker.faults.found
    return Checked(plan.path, plan, faults, [] if faults else rows)


class _Checker:
    def __init__(self, plan: Plan, array: PaperArray) -> None:
        self._plan, self._array = plan, array
        self.faults = Faults()
        self._ring = cycle(plan.values) or []

    def fault(self, step: Step | None, key: tuple[str, ...], text: str) -> None:
        """Note a fault at a key of a step, or of the plan itself."""
        file, place = (self._plan.path, ()) if step is None else step.place
        where = ".".join(key) if step is None else ".".join((step.name, *key))
        self.faults.add(file, self._plan.sources.get(file), (*place, *key), where, text)

    def names(self) -> None:
        """Find names that are given twice, and values that need each other."""
        seen: dict[str, Step] = {}
        for step, around in self._plan.walk():
            if step.name in seen:
                text = f"there is another step {step.name!r}; give each a name of its own"
                self.fault(step, ("name",), text)
            seen.setdefault(step.name, step)
            outer = {name for each in around for name in each.loop} | set(self._plan.values)
            for name in step.loop:
                if name in outer:
                    text = f"{name!r} is a loop variable around it, or in [values], already"
                    self.fault(step, ("for", name), text)
        if self._ring:
            self.fault(None, ("values", self._ring[0]), f"a cycle: {' needs '.join(self._ring)}")
        for name, given in self._plan.values.items():
            if is_expression(given) and name not in self._ring:
                self._expression(None, ("values", name), text_of(str(given)), None)

    def step(self, step: Step, around: tuple[Step, ...]) -> None:
        """Find what is wrong with one step, apart from what only shows pass by pass."""
        scope = self._scope(step, around)
        inside = self._scope(step, (*around, step))
        inside.inside = around
        if step.condition is not None:
            self._condition(step, "if", step.condition, scope)
        if step.until is not None:
            if not step.loops:
                self.fault(step, ("until",), "there is no loop that it could end; add repeat")
            self._condition(step, "until", step.until, self._scope(step, (*around, step)))
        for name, over in step.loop.items():
            if isinstance(over, Each):
                self._try(step, ("for", name, "each"), over.each, scope, filling.cells)
        if step.procedure is not None:
            self._procedure(step, inside)
        if step.wait is not None:
            self._try(step, ("wait",), step.wait, inside, filling.duration)
        for key in ("note", "stop", "skip", "report"):
            for text in filling.fillings(getattr(step, key) or ""):
                self._expression(step, (key,), text, inside)
        if step.skip is not None and not any(each.loops for each in around):
            self.fault(step, ("skip",), "there is no loop around it to go on with; use stop")

    def _scope(self, step: Step, inside: tuple[Step, ...]) -> Names:
        variables: dict[str, Any] = {}
        for each in inside:
            for name, over in each.loop.items():
                variables[name] = _sample(over)
        return Names(self._plan, step, inside, self._array.shape, variables, dry=True)

    def _procedure(self, step: Step, scope: Names) -> None:
        try:
            kind = plugins.procedure(str(step.procedure))
        except ProcedureError as error:
            self.fault(step, ("procedure",), str(error))
            return
        known = {entry["name"]: entry for entry in kind.declaration()}
        for name, value in step.parameters.items():
            key = ("parameters", name)
            if name not in known:
                try:
                    kind().configure({name: 0})
                except ProcedureError as error:
                    self.fault(step, key, str(error))
            elif is_expression(value) and self._expression(step, key, text_of(str(value)), scope):
                self._fits(step, key, value, scope, known[name])

    def _fits(self, step: Step, key: Any, value: Any, scope: Names, declared: Any) -> None:
        """Find an expression whose unit or kind the parameter does not take."""
        try:
            text = filling.parameter(value, scope)
        except ExpressionError as error:
            self.fault(step, key, str(error))
            return
        if declared["type"] in ("float", "integer") and isinstance(text, str):
            unit = declared["units"] or ""
            found = filling.from_json(text)
            compatible = getattr(getattr(found, "quantity", None), "is_compatible_with", None)
            if compatible is None or not compatible(unit or "dimensionless"):
                what = filling.describe(found)
                self.fault(step, key, f"takes a number in {unit or 'no unit'}, and this is {what}")

    def _condition(self, step: Step, key: str, text: str, scope: Names) -> None:
        if self._expression(step, (key,), text, scope):
            try:
                filling.condition(text, scope)
            except ExpressionError as error:
                self.fault(step, (key,), str(error))

    def _try(self, step: Step, key: Any, value: Scalar, scope: Names, read: Any) -> None:
        if is_expression(value) and not self._expression(step, key, text_of(str(value)), scope):
            return
        try:
            read(value, scope)
        except ExpressionError as error:
            self.fault(step, key, str(error))

    def _expression(
        self, step: Step | None, key: tuple[str, ...], text: str, scope: Names | None
    ) -> bool:
        """Find every name in an expression that stands for nothing; tell whether it has a value."""
        try:
            node = parse(text)
        except ExpressionError as error:
            self.fault(step, key, str(error))
            return False
        if scope is None:
            return True
        good = True
        for name in dict.fromkeys(names(node)):
            if self._ring and self._needs_ring(name.parts[0]):
                good = False
                continue
            try:
                scope.look(name.parts)
            except ExpressionError as error:
                self.fault(step, key, str(error))
                good = False
        if good:
            try:
                filling.evaluate(node, scope)
            except ExpressionError as error:
                self.fault(step, key, str(error))
                return False
        return good

    def _needs_ring(self, name: str) -> bool:
        given = self._plan.values.get(name)
        if name in self._ring:
            return True
        if not is_expression(given):
            return False
        try:
            inner = names(parse(text_of(str(given))))
            return any(self._needs_ring(part.parts[0]) for part in inner)
        except ExpressionError:
            return True  # told where it stands


def _sample(over: Any) -> Scalar:
    """Return one value of a loop variable."""
    if isinstance(over, Each):
        return "0,0"
    first: Scalar = over[0] if isinstance(over, list) else over.values()[0]
    return first
