"""What a campaign will do and cost: every pass of every loop, on paper."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from labctl import plugins
from labctl.campaign import filling
from labctl.campaign.expression import ExpressionError, parse
from labctl.campaign.loops import Each, Scalar
from labctl.campaign.naming import Names
from labctl.campaign.paper import PaperArray
from labctl.campaign.plan import Plan, Step, is_expression, text_of
from labctl.cells import parse_cells
from labctl.cost import Cost
from labctl.errors import LabctlError, ProcedureError, WiringError

MOST_PASSES = 20_000
"""Passes of all loops together."""
OnFault = Callable[[Step | None, tuple[str, ...], str], None]


@dataclass(slots=True)
class Row:
    """One step of a forecast.

    Attributes
    ----------
    name, action, depth
        Of the step, and how many groups are around it.
    what
        The procedure, the duration, the text.
    count
        How often it is done.
    seconds
        Bench time of all of them.
    cost
        Of all of them; None where a procedure does not tell.
    remarks
        What the count depends on.
    """

    name: str
    action: str
    depth: int
    what: str
    count: int = 0
    seconds: float = 0.0
    cost: Cost | None = field(default_factory=Cost)
    remarks: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        cost = self.cost
        return {
            "step": self.name, "action": self.action, "depth": self.depth, "what": self.what,
            "count": self.count, "bench_time_s": self.seconds,
            "pulses": None if cost is None else cost.pulses,
            "reads": None if cost is None else cost.reads,
            "relay_closures": None if cost is None else cost.closures,
            "remarks": self.remarks,
        }  # fmt: skip


class Forecast:
    """Walks through a plan pass by pass.

    Parameters
    ----------
    plan
        Free of the faults that :mod:`labctl.campaign.check` finds beforehand.
    array
        The bench on paper.
    on_fault
        Takes a step, a key in it, and what is wrong: parameters out of bounds, cells that the
        chip does not have, pulses beyond the limits of the bench.
    """

    def __init__(self, plan: Plan, array: PaperArray, on_fault: OnFault) -> None:
        self._plan, self._array, self._fault = plan, array, on_fault
        self._known: dict[str, tuple[float, Cost | None]] = {}
        self._rows: dict[str, Row] = {}
        self._told: set[tuple[str, tuple[str, ...]]] = set()
        self._turns_of: dict[str, list[dict[str, Scalar]]] = {}
        self._passes = 0

    def rows(self) -> list[Row]:
        """Return one row for each step, in the order written."""
        for step, around in self._plan.walk():
            self._rows[step.name] = Row(step.name, step.action, len(around), _what(step))
            remarks = self._rows[step.name].remarks
            if step.condition is not None:
                remarks.append(f"if {step.condition}")
            if step.until is not None:
                remarks.append(f"until {step.until}")
            if any(isinstance(o, Each) and is_expression(o.each) for o in step.loop.values()):
                remarks.append("at most: cells by result")
        try:
            for step in self._plan.step:
                self._walk(step, (), {}, 1)
        except _TooManyError:
            text = f"loops of more than {MOST_PASSES} passes in all; make it several campaigns"
            self._fault(None, ("step",), text)
        for step, around in reversed(list(self._plan.walk())):
            if around:
                mine, outer = self._rows[step.name], self._rows[around[-1].name]
                outer.seconds += mine.seconds
                costs = (outer.cost, mine.cost)
                outer.cost = None if None in costs else costs[0] + costs[1]  # type: ignore[operator]
        return list(self._rows.values())

    def _walk(
        self, step: Step, around: tuple[Step, ...], variables: dict[str, Scalar], times: int
    ) -> None:
        scope = self._scope(step, around, variables)
        if step.condition is not None and not self._holds(step, step.condition, scope):
            return
        try:
            turns = self._turns(step, scope)
        except ExpressionError as error:
            self._tell(step, ("for", next(iter(step.loop))), str(error))
            return
        row = self._rows[step.name]
        for turn in turns:
            self._passes += 1
            if self._passes > MOST_PASSES:
                raise _TooManyError
            inner = {**variables, **turn}
            row.count += times * step.repeat
            if step.procedure is not None:
                seconds, cost = self._cost(step, self._scope(step, around, inner), inner)
                row.seconds += times * step.repeat * seconds
                row.cost = _plus(row.cost, cost, times * step.repeat)
            elif step.wait is not None:
                scope = self._scope(step, around, inner)
                row.seconds += times * step.repeat * self._wait(step, scope, inner)
            for each in step.step:
                self._walk(each, (*around, step), inner, times * step.repeat)

    def _turns(self, step: Step, scope: Names) -> list[dict[str, Scalar]]:
        """Return the passes of a step, repeats left out: all of them cost the same."""
        if step.name not in self._turns_of:
            single = step.model_copy(update={"repeat": 1})
            if any(isinstance(over, Each) for over in step.loop.values()):
                return filling.turns(single, scope)
            self._turns_of[step.name] = filling.turns(single, scope)
        return self._turns_of[step.name]

    def _scope(self, step: Step, around: tuple[Step, ...], variables: dict[str, Any]) -> Names:
        return Names(self._plan, step, around, self._array.shape, variables, dry=True)

    def _depends(self, text: str, scope: Names) -> bool:
        return any(True for _ in scope.references(parse(text)))

    def _holds(self, step: Step, text: str, scope: Names) -> bool:
        """Return what a condition on loop variables is; one on results is taken to hold."""
        if self._depends(text, scope):
            return True
        scope.dry = False
        try:
            return filling.condition(text, scope)
        except ExpressionError as error:
            self._tell(step, ("if",), str(error))
            return False

    def _wait(self, step: Step, scope: Names, turn: dict[str, Scalar]) -> float:
        try:
            return filling.duration(step.wait or 0.0, scope)
        except ExpressionError as error:
            self._tell(step, ("wait",), _in_pass(str(error), turn))
            return 0.0

    def _cost(self, step: Step, scope: Names, turn: dict[str, Scalar]) -> tuple[float, Cost | None]:
        """Check the parameters of one pass; return its bench time (s) and cost."""
        kind = plugins.procedure(str(step.procedure))
        known = {entry["name"]: entry for entry in kind.declaration()}
        values: dict[str, Scalar] = {}
        good = True
        for name, given in step.parameters.items():
            by_result = is_expression(given) and self._depends(text_of(str(given)), scope)
            if by_result and known[name]["type"] != "cells":
                continue  # known only then; its unit has been checked
            try:
                value = filling.parameter(given, scope)
                kind().configure({name: value})
                if known[name]["type"] == "cells":
                    parse_cells(str(value), self._array.shape)
                values[name] = value
            except (ExpressionError, ProcedureError, WiringError) as error:
                self._tell(step, ("parameters", name), _in_pass(str(error), turn))
                good = False
        if not good:
            return 0.0, None
        key = json.dumps([step.procedure, values], sort_keys=True)
        if key not in self._known:
            self._known[key] = self._estimate(step, kind(**values), turn)
        return self._known[key]

    def _estimate(
        self, step: Step, procedure: Any, turn: dict[str, Scalar]
    ) -> tuple[float, Cost | None]:
        try:
            procedure.check(self._array.shape)
            procedure.bind(self._array)
            self._array.check(procedure.pulses())
            return procedure.estimate(), procedure.cost()
        except LabctlError as error:
            self._tell(step, ("parameters",), _in_pass(str(error), turn))
            return 0.0, None

    def _tell(self, step: Step, key: tuple[str, ...], text: str) -> None:
        """Note the first fault at each key: the passes behind it have the same."""
        if (step.name, key) not in self._told:
            self._told.add((step.name, key))
            self._fault(step, key, text)


def total(rows: list[Row]) -> Row:
    """Return the sum of a forecast; steps that count nothing (unknown cost) are left out."""
    found = Row("total", "", 0, "")
    for row in rows:
        if row.depth == 0:
            found.seconds += row.seconds
        if row.action not in ("step", "include"):
            found.count += row.count
            if row.cost is None:
                found.remarks = ["without the cost of procedures that do not tell it"]
            else:
                found.cost = _plus(found.cost, row.cost, 1)
    return found


class _TooManyError(Exception):
    pass


def _plus(one: Cost | None, other: Cost | None, times: int) -> Cost | None:
    if one is None or other is None:
        return None
    more = Cost(times * other.pulses, times * other.reads, times * other.closures)
    return one + more


def _in_pass(text: str, turn: dict[str, Scalar]) -> str:
    return f"{text} (in the pass {filling.shown(turn)})" if turn else text


def _what(step: Step) -> str:
    found = {"step": "group", "wait": f"wait {step.wait}", "procedure": step.procedure}
    text = found.get(step.action) or f"{step.action}: {getattr(step, step.action)}"
    return str(text)
