"""What the names in a plan's expressions stand for, known before anything is measured."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labctl import plugins
from labctl.campaign import expression as ex
from labctl.campaign.evaluating import evaluate
from labctl.campaign.expression import ExpressionError, parse
from labctl.campaign.plan import Plan, Step, is_expression, text_of
from labctl.campaign.values import Truths, Value, column_unit, from_json, number
from labctl.errors import ProcedureError

OWN = ("done", "failed")
"""Results that every step with a procedure has."""


@dataclass
class Names:
    """The names that an expression at one place of a plan may use.

    Attributes
    ----------
    plan
        The whole.
    at
        The step whose entry the expression is.
    inside
        Groups around it, outermost first; ``at`` itself for what is asked at the end of a pass.
    shape
        Rows and columns of the chip.
    variables
        Loop variables and their values in this pass.
    dry
        True where results stand for what they will be; see
        :class:`labctl.campaign.evaluating.Scope`.
    """

    plan: Plan
    at: Step
    inside: tuple[Step, ...]
    shape: tuple[int, int]
    variables: Mapping[str, Any] = field(default_factory=dict)
    dry: bool = False

    def look(self, parts: tuple[str, ...]) -> Value:
        """Return the value of a name; for results, one of the right kind and unit."""
        if len(parts) == 1:
            return self.plain(parts[0])
        step, many = self.step(parts)
        unit, is_bool = self._declared(step, parts)
        if len(parts) == 2:
            sample: Any = np.ones(2) if many else 1.0
            return Truths(np.asarray(sample, bool)) if is_bool else _of(sample, unit)
        rows, columns = self.shape
        places = np.argwhere(np.ones((rows, columns), bool)).astype(np.int64)
        columns_of = self._procedure(step).tables[parts[1]]
        known = places if {"row", "col"} <= set(columns_of) else None
        ones = np.ones(len(places))
        return Truths(ones.astype(bool), known) if is_bool else _of(ones, unit, known)

    def plain(self, name: str) -> Value:
        """Return the value of a loop variable, or of an entry of [values]."""
        if name in self.variables:
            return from_json(self.variables[name])
        if name in self.plan.values:
            given = self.plan.values[name]
            if is_expression(given):
                return evaluate(parse(text_of(str(given))), self)
            return from_json(given)
        if self.plan.find(name) is not None:
            raise ExpressionError(f"of step {name!r} a result is needed, as in {name}.done")
        known = [*self.variables, *self.plan.values]
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ExpressionError(f"there is no loop variable and no value {name!r}{hint}")

    def step(self, parts: tuple[str, ...]) -> tuple[Step, bool]:
        """Return the step whose results a name asks for, and whether it has many passes here.

        Raises
        ------
        ExpressionError
            Where there is none, it comes later, or it measures nothing.
        """
        order = list(self.plan.walk())
        found = next((entry for entry in order if entry[0].name == parts[0]), None)
        if found is None:
            known = [step.name for step, _ in order if step.procedure]
            near = difflib.get_close_matches(parts[0], known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ExpressionError(f"there is no step {parts[0]!r}{hint}")
        step, around = found
        if step.procedure is None:
            raise ExpressionError(f"step {step.name!r} runs no procedure, and has no results")
        within = self.inside and self.inside[-1] is self.at and self.at in (*around, step)
        places = [each is step or each is self.at for each, _ in order]
        first = order[places.index(True)][0]
        if not within and (step is self.at or first is self.at):
            raise ExpressionError(f"step {step.name!r} comes later, or is this very one")
        if len(parts) > 3:
            raise ExpressionError(f"{'.'.join(parts)!r}: write step.result or step.table.column")
        chain = [each for each in (*around, step) if each not in self.inside]
        return step, any(each.loops for each in chain)

    def references(self, node: ex.Node) -> Iterator[ex.Name]:
        """Yield every name that asks for a result, also through [values]."""
        for name in ex.names(node):
            if len(name.parts) > 1:
                yield name
            elif name.parts[0] not in self.variables:
                given = self.plan.values.get(name.parts[0])
                if is_expression(given):
                    yield from self.references(parse(text_of(str(given))))

    def _procedure(self, step: Step) -> Any:
        try:
            return plugins.procedure(str(step.procedure))
        except ProcedureError as error:
            raise ExpressionError(f"step {step.name!r} has no results: {error}") from error

    def _declared(self, step: Step, parts: tuple[str, ...]) -> tuple[str, bool]:
        """Return unit of a result or column, and whether it is true or false."""
        kind = self._procedure(step)
        if len(parts) == 2:
            if parts[1] in OWN:
                return "", True
            known, what = kind.results, f"result {parts[1]!r}"
            others = [*OWN, *known]
        else:
            if parts[1] not in kind.tables:
                raise ExpressionError(
                    f"{kind.name} has no table {parts[1]!r}; it has {', '.join(kind.tables)}"
                )
            known, what = kind.tables[parts[1]], f"column {parts[2]!r} in {parts[1]}"
            others = list(known)
        if parts[-1] not in known:
            near = difflib.get_close_matches(parts[-1], others, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(others)}"
            raise ExpressionError(f"{kind.name} has no {what}; {hint}")
        column = known[parts[-1]]
        if column.dtype == "str":
            raise ExpressionError(f"{'.'.join(parts)} is text; expressions take numbers and truths")
        return column.unit, column.dtype == "bool"


def cycle(values: Mapping[str, Any]) -> list[str] | None:
    """Return names of [values] that need each other, in a ring; None where there are none."""
    needs: dict[str, list[str]] = {}
    for name, given in values.items():
        try:
            used = list(ex.names(parse(text_of(given)))) if is_expression(given) else []
            needs[name] = [part.parts[0] for part in used if len(part.parts) == 1]
        except ExpressionError:
            needs[name] = []  # told where it stands

    def ring(name: str, behind: list[str]) -> list[str] | None:
        if name in behind:
            return [*behind[behind.index(name) :], name]
        for other in needs.get(name, ()):
            if (found := ring(other, [*behind, name])) is not None:
                return found
        return None

    return next((found for name in values if (found := ring(name, [])) is not None), None)


def _of(values: Any, unit: str, places: Any = None) -> Value:
    return number(values, str(column_unit(unit)), places)
