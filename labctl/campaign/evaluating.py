"""The value of an expression: units kept, columns taken element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import pint

from labctl.campaign import expression as ex
from labctl.campaign.expression import ExpressionError
from labctl.campaign.functions import FUNCTIONS
from labctl.campaign.values import Cells, Numbers, Places, Truths, Value, describe, number
from labctl.campaign.values import quantity_of as _quantity_of

_ALIKE = 1e-9
"""Numbers that differ by less than this part count as equal: 20 µS is 0.02 mS, rounding or not."""
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": lambda a, b: (a < b) & ~_alike(a, b),
    "<=": lambda a, b: (a < b) | _alike(a, b),
    ">": lambda a, b: (a > b) & ~_alike(a, b),
    ">=": lambda a, b: (a > b) | _alike(a, b),
    "==": lambda a, b: _alike(a, b),
    "!=": lambda a, b: ~_alike(a, b),
}


class Scope(Protocol):
    """Where names are looked up.

    Attributes
    ----------
    shape
        Rows and columns of the chip.
    dry
        Whether what is looked up stands for something that is not known yet: units and kinds are
        right, numbers are not. Every comparison holds then, and nothing is left unevaluated.
    """

    shape: tuple[int, int]
    dry: bool

    def look(self, parts: tuple[str, ...]) -> Value:
        """Return the value of a name.

        Raises
        ------
        ExpressionError
            Where it has none.
        """
        ...


def evaluate(node: ex.Node, scope: Scope) -> Value:
    """Return the value of an expression.

    Raises
    ------
    ExpressionError
        For units that do not fit, kinds that do not fit, and names without a value.
    """
    try:
        with np.errstate(all="ignore"):
            return _value(node, scope)
    except pint.errors.PintError as error:
        raise ExpressionError(str(error)) from error


def truth(value: Value, what: str = "A condition") -> bool:
    """Return a single truth.

    Raises
    ------
    ExpressionError
        For anything else.
    """
    if isinstance(value, Truths) and value.single:
        return bool(value.value)
    cure = "; use any(...), all(...), mean(...) or count(...)" if _is_column(value) else ""
    raise ExpressionError(f"{what} must be true or false, and this is {describe(value)}{cure}")


def _is_column(value: Value) -> bool:
    return isinstance(value, Numbers | Truths) and not value.single


def _value(node: ex.Node, scope: Scope) -> Value:
    match node:
        case ex.Number():
            return number(node.value, node.unit)
        case ex.Text():
            return node.value
        case ex.Truth():
            return Truths(np.asarray(node.value))
        case ex.Name():
            return scope.look(node.parts)
        case ex.Minus():
            found = _numbers(_value(node.item, scope), "-")
            return Numbers(-found.quantity, found.places)
        case ex.Not():
            inner = _truths(_value(node.item, scope), "not")
            return Truths(np.logical_not(inner.value), inner.places)
        case ex.Logic():
            return _logic(node, scope)
        case ex.Comparison():
            return _comparison(node, scope)
        case ex.Arithmetic():
            return _arithmetic(node, scope)
        case ex.Call():
            return _call(node, scope)


def _logic(node: ex.Logic, scope: Scope) -> Truths:
    join = np.logical_and if node.operator == "and" else np.logical_or
    result = _truths(_value(node.items[0], scope), node.operator)
    for item in node.items[1:]:
        if not scope.dry and result.single and bool(result.value) == (node.operator == "or"):
            return result
        other = _truths(_value(item, scope), node.operator)
        places = _same(result, other, node.operator)
        result = Truths(join(result.value, other.value), places)
    return result


def _comparison(node: ex.Comparison, scope: Scope) -> Truths:
    items = [_value(item, scope) for item in node.items]
    result: Truths | None = None
    for left, operator, right in zip(items, node.operators, items[1:], strict=False):
        found = _compared(left, operator, right)
        if scope.dry:
            found = Truths(np.ones_like(found.value), found.places)
        if result is not None:
            places = _same(result, found, operator)
            found = Truths(np.logical_and(result.value, found.value), places)
        result = found
    assert result is not None
    return result


def _compared(left: Value, operator: str, right: Value) -> Truths:
    left, right = _read_as(left, right), _read_as(right, left)
    compare = _COMPARE[operator]
    if isinstance(left, Numbers) and isinstance(right, Numbers):
        places = _same(left, right, operator)
        a, b = left.quantity, _in_unit(right.quantity, left.quantity, operator)
        return Truths(np.asarray(compare(a.magnitude, b)), places)
    if operator in ("==", "!="):
        if isinstance(left, Truths) and isinstance(right, Truths):
            places = _same(left, right, operator)
            same = np.asarray(left.value == right.value)
            return Truths(same if operator == "==" else ~same, places)
        if isinstance(left, str) and isinstance(right, str):
            return Truths(np.asarray((left == right) == (operator == "==")))
    raise ExpressionError(
        f"{describe(left)} and {describe(right)} cannot be compared by {operator}"
    )


def _alike(a: Any, b: Any) -> Any:
    return np.asarray(np.isclose(a, b, rtol=_ALIKE, atol=0.0))


def _read_as(value: Value, other: Value) -> Value:
    """Return a text as the quantity it is, where it is compared with numbers."""
    if isinstance(value, str) and isinstance(other, Numbers):
        return _quantity_of(value) or value
    return value


def _in_unit(quantity: Any, other: Any, operator: str) -> Any:
    """Return the magnitude of a quantity in the unit of another; 0 has every unit."""
    if quantity.units == other.units:
        return quantity.magnitude
    if quantity.dimensionless and not np.any(quantity.magnitude):
        return quantity.magnitude
    if other.dimensionless and not np.any(other.magnitude):
        return quantity.magnitude
    try:
        return quantity.to(other.units).magnitude
    except pint.errors.DimensionalityError as error:
        raise ExpressionError(
            f"{_unit(other)} {operator} {_unit(quantity)}: the units do not fit"
        ) from error


def _unit(quantity: Any) -> str:
    return f"{quantity.units:~P}" or "a number without unit"


def _arithmetic(node: ex.Arithmetic, scope: Scope) -> Numbers:
    left = _numbers(_value(node.left, scope), node.operator)
    right = _numbers(_value(node.right, scope), node.operator)
    places = _same(left, right, node.operator)
    a, b = left.quantity, right.quantity
    if node.operator == "*":
        return Numbers(a * b, places)
    if node.operator == "/":
        return Numbers(a / b, places)
    other = _in_unit(b, a, node.operator)
    unit = b.units if a.dimensionless and not b.dimensionless else a.units
    total = a.magnitude + other if node.operator == "+" else a.magnitude - other
    return Numbers(a._REGISTRY.Quantity(np.asarray(total), unit), places)


def _call(node: ex.Call, scope: Scope) -> Value:
    function = FUNCTIONS.get(node.function)
    if function is None:
        raise ExpressionError(
            f"there is no function {node.function!r}; there are {', '.join(sorted(FUNCTIONS))}"
        )
    arguments = [_value(item, scope) for item in node.arguments]
    if len(arguments) != function.arguments:
        raise ExpressionError(f"{node.function} takes {function.usage}")
    try:
        return function(scope, *arguments)
    except ExpressionError as error:
        raise ExpressionError(f"{node.function}: {error}") from error


def _numbers(value: Value, where: str) -> Numbers:
    if isinstance(value, str):
        found = _quantity_of(value)
        value = value if found is None else found
    if isinstance(value, Numbers):
        return value
    raise ExpressionError(f"{where!r} needs numbers, and {describe(value)} is none")


def _truths(value: Value, where: str) -> Truths:
    if isinstance(value, Truths):
        return value
    raise ExpressionError(f"{where!r} needs what is true or false, and this is {describe(value)}")


def _same(left: Numbers | Truths, right: Numbers | Truths, where: str) -> Places:
    """Return the cells of what two columns give together."""
    if left.single:
        return right.places
    if right.single:
        return left.places
    a, b = left.places, right.places
    lengths = {np.size(_array(left)), np.size(_array(right))}
    if len(lengths) > 1 or (a is not None and b is not None and not np.array_equal(a, b)):
        raise ExpressionError(f"the two columns at {where!r} are not of the same rows")
    return a if a is not None else b


def _array(value: Numbers | Truths) -> Any:
    return value.quantity.magnitude if isinstance(value, Numbers) else value.value


__all__ = ["Cells", "Scope", "evaluate", "truth"]
