"""From the entries of a plan to what is run: parameters, conditions, durations, passes of loops."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from labctl.campaign.evaluating import Scope, evaluate, truth
from labctl.campaign.expression import ExpressionError, parse
from labctl.campaign.loops import Each, Range, Scalar, combine, passes
from labctl.campaign.plan import Step, is_expression, text_of
from labctl.campaign.values import Cells, Numbers, Truths, Value, describe, from_json
from labctl.cells import format_cells, parse_cells
from labctl.errors import WiringError

_FILL = re.compile(r"\{([^{}]*)\}")


def condition(text: str, scope: Scope) -> bool:
    """Return whether a condition holds.

    Raises
    ------
    ExpressionError
        Where it has no value, or one that is neither true nor false.
    """
    return truth(evaluate(parse(text), scope))


def plain(value: Scalar, scope: Scope) -> Value:
    """Return the value of an entry: of the expression where it is one."""
    if is_expression(value):
        return evaluate(parse(text_of(str(value))), scope)
    return from_json(value)


def parameter(value: Scalar, scope: Scope) -> Scalar:
    """Return what a procedure gets for a parameter.

    Raises
    ------
    ExpressionError
        For an expression whose value no parameter can be.
    """
    if not is_expression(value):
        return value
    return _as_text(evaluate(parse(text_of(str(value))), scope))


def duration(value: Scalar, scope: Scope) -> float:
    """Return a bench time, s; a bare number is in s.

    Raises
    ------
    ExpressionError
        For what is no time, or less than none.
    """
    found = plain(value, scope)
    if not isinstance(found, Numbers) or not found.single:
        raise ExpressionError(f"a wait is a time, as in '1 h', and this is {describe(found)}")
    quantity = found.quantity
    if not quantity.dimensionless and not quantity.is_compatible_with("s"):
        raise ExpressionError(f"a wait is a time, and this is {describe(found)}")
    seconds = float((quantity if quantity.dimensionless else quantity.to("s")).magnitude)
    if not np.isfinite(seconds) or seconds < 0.0:
        raise ExpressionError(f"a wait of {seconds:g} s is not possible")
    return seconds


def turns(step: Step, scope: Scope) -> list[dict[str, Scalar]]:
    """Return the values of the loop variables of a step in each of its passes.

    Raises
    ------
    ExpressionError
        For cells that are none, and loops side by side of different length.
    """
    variables: dict[str, list[Scalar]] = {}
    for name, over in step.loop.items():
        if isinstance(over, Range):
            variables[name] = over.values()
        elif isinstance(over, Each):
            variables[name] = passes(cells(over.each, scope), over.by)
        else:
            variables[name] = list(over)
    if step.together and len({len(values) for values in variables.values()}) > 1:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in variables.items())
        raise ExpressionError(f"loops side by side are of one length, and these are: {lengths}")
    return combine(variables, step.together, step.repeat)


def cells(text: str, scope: Scope) -> Any:
    """Return cells, int64, shape (n, 2), from a cell expression or an expression.

    Raises
    ------
    ExpressionError
        Where it names none.
    """
    found = plain(text, scope) if is_expression(text) else text
    if isinstance(found, Cells):
        return found.cells
    if not isinstance(found, str):
        raise ExpressionError(f"cells are needed, and this is {describe(found)}")
    try:
        return parse_cells(found, scope.shape)
    except WiringError as error:
        raise ExpressionError(str(error)) from error


def note(text: str, scope: Scope) -> str:
    """Return a note with every ``{expression}`` in it replaced by its value."""
    return _FILL.sub(lambda match: _shown(evaluate(parse(match[1]), scope)), text)


def fillings(text: str) -> list[str]:
    """Return the expressions in a note."""
    return _FILL.findall(text)


def shown(variables: Mapping[str, Scalar]) -> str:
    """Return loop variables for people."""
    return ", ".join(f"{name} = {value}" for name, value in variables.items())


def _as_text(value: Value) -> Scalar:
    if isinstance(value, Cells):
        if not len(value.cells):
            raise ExpressionError("there are no such cells")
        return format_cells(value.cells)
    if isinstance(value, Numbers) and value.single:
        magnitude = float(value.quantity.magnitude)
        if value.quantity.unitless:
            return magnitude
        return f"{magnitude!r} {value.quantity.units:~C}"
    if isinstance(value, Truths) and value.single:
        return bool(value.value)
    if isinstance(value, str):
        return value
    raise ExpressionError(f"a parameter takes one value, and this is {describe(value)}")


def _shown(value: Value) -> str:
    if isinstance(value, Numbers) and value.single:
        magnitude, unit = float(value.quantity.magnitude), value.quantity.units
        if value.quantity.unitless or not np.isfinite(magnitude):
            return f"{magnitude:.4g} {unit:~P}".strip()
        return f"{(magnitude * unit).to_compact():.4g~P}"
    if isinstance(value, Cells) and not len(value.cells):
        return "no cells"
    text = _as_text(value)
    return str(text).lower() if isinstance(text, bool) else str(text)
