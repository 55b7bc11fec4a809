"""The functions that expressions of campaigns may call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from labctl.campaign.expression import ExpressionError
from labctl.campaign.values import Cells, Numbers, Truths, Value, describe, number
from labctl.cells import parse_cells
from labctl.errors import WiringError


@dataclass(frozen=True, slots=True)
class Function:
    """One function.

    Attributes
    ----------
    usage
        What its arguments are, for people.
    arguments
        How many it takes.
    about
        What it gives, for the documentation.
    """

    usage: str
    arguments: int
    about: str
    compute: Callable[..., Value]

    def __call__(self, scope: Any, *arguments: Value) -> Value:
        """Return the value for these arguments, with names looked up in ``scope``."""
        return self.compute(scope, *arguments)


def _of_column(reduce: Callable[[Any], float]) -> Callable[..., Value]:
    def compute(scope: Any, column: Value) -> Value:
        if isinstance(column, Truths):
            return number(reduce(np.atleast_1d(column.value).astype(np.float64)))
        found = _numbers(column)
        return Numbers(_like(found, reduce(found.usable())))

    return compute


def _like(found: Numbers, value: Any) -> Any:
    return found.quantity._REGISTRY.Quantity(np.asarray(value, np.float64), found.quantity.units)


def _percentile(scope: Any, column: Value, percent: Value) -> Value:
    found, share = _numbers(column), _plain(percent)
    if not 0.0 <= share <= 100.0:
        raise ExpressionError(f"{share:g} is no percentage from 0 to 100")
    return Numbers(_like(found, np.percentile(found.usable(), share)))


def _count(scope: Any, item: Value) -> Value:
    if isinstance(item, Cells):
        return number(len(item.cells))
    if isinstance(item, Truths):
        return number(np.count_nonzero(item.value))
    return number(np.count_nonzero(~np.isnan(_numbers(item).quantity.magnitude)))


def _any(scope: Any, column: Value) -> Value:
    return Truths(np.asarray(np.any(_truths(column).value)))


def _all(scope: Any, column: Value) -> Value:
    return Truths(np.asarray(np.all(_truths(column).value)))


def _abs(scope: Any, item: Value) -> Value:
    found = _numbers(item)
    return Numbers(abs(found.quantity), found.places)


def _log10(scope: Any, item: Value) -> Value:
    found = _numbers(item)
    if not found.quantity.dimensionless:
        raise ExpressionError("divide by a quantity of the same unit first: log10(x / 1 µS)")
    plain = found.quantity.to("dimensionless").magnitude
    return number(np.log10(plain), places=found.places)


def _last(scope: Any, column: Value) -> Value:
    if isinstance(column, Truths):
        return Truths(np.asarray(np.atleast_1d(column.value)[-1]))
    values = np.atleast_1d(_numbers(column).quantity.magnitude)
    if not values.size:
        raise ExpressionError("there are no values")
    return Numbers(_like(_numbers(column), values[-1]))


def _cells(scope: Any, column: Value) -> Value:
    found = _truths(column)
    if found.places is None:
        raise ExpressionError("what it chooses by must come from a table with row and col")
    chosen = found.places[np.atleast_1d(found.value)]
    _, first = np.unique(chosen, axis=0, return_index=True)
    return Cells(chosen[np.sort(first)])


def _some(scope: Any, cells: Value, most: Value) -> Value:
    chosen, count = _set(scope, cells), _plain(most)
    if count < 1 or count != int(count):
        raise ExpressionError(f"{count:g} is no number of cells")
    if len(chosen) > count:
        chosen = chosen[np.linspace(0, len(chosen) - 1, int(count)).round().astype(int)]
    return Cells(chosen)


def _both(scope: Any, one: Value, other: Value) -> Value:
    a, b = _set(scope, one), _set(scope, other)
    return Cells(a[_inside(a, b)])


def _without(scope: Any, one: Value, other: Value) -> Value:
    a, b = _set(scope, one), _set(scope, other)
    return Cells(a if scope.dry else a[~_inside(a, b)])


def _either(scope: Any, one: Value, other: Value) -> Value:
    a, b = _set(scope, one), _set(scope, other)
    return Cells(np.concatenate([a, b[~_inside(b, a)]]))


def _inside(a: Any, b: Any) -> Any:
    known = set(map(tuple, b.tolist()))
    return np.array([tuple(cell) in known for cell in a.tolist()], dtype=bool)


def _numbers(value: Value) -> Numbers:
    if isinstance(value, Numbers):
        return value
    raise ExpressionError(f"needs numbers, and this is {describe(value)}")


def _truths(value: Value) -> Truths:
    if isinstance(value, Truths):
        return value
    raise ExpressionError(f"needs a column of true and false, and this is {describe(value)}")


def _plain(value: Value) -> float:
    found = _numbers(value)
    if not found.single or not found.quantity.dimensionless:
        raise ExpressionError(f"needs one number without unit, and this is {describe(value)}")
    return float(found.quantity.to("dimensionless").magnitude)


def _set(scope: Any, value: Value) -> Any:
    if isinstance(value, Cells):
        return value.cells
    if isinstance(value, str):
        try:
            return parse_cells(value, scope.shape)
        except WiringError as error:
            raise ExpressionError(str(error)) from error
    raise ExpressionError(f"needs cells, and this is {describe(value)}")


FUNCTIONS: dict[str, Function] = {
    "mean": Function("a column", 1, "mean; of true and false: the share", _of_column(np.mean)),
    "median": Function("a column", 1, "median", _of_column(np.median)),
    "min": Function("a column", 1, "smallest", _of_column(np.min)),
    "max": Function("a column", 1, "largest", _of_column(np.max)),
    "sum": Function("a column", 1, "sum", _of_column(np.sum)),
    "std": Function("a column", 1, "standard deviation", _of_column(np.std)),
    "last": Function("a column", 1, "the last value", _last),
    "percentile": Function("a column, 0 to 100", 2, "percentile", _percentile),
    "count": Function("a column or cells", 1, "how many: values, true ones, cells", _count),
    "any": Function("a column", 1, "whether one is true", _any),
    "all": Function("a column", 1, "whether all are true", _all),
    "abs": Function("numbers", 1, "without sign", _abs),
    "log10": Function("numbers without unit", 1, "logarithm", _log10),
    "cells": Function("a condition on a table", 1, "the cells for which it holds", _cells),
    "some": Function("cells, most", 2, "at most so many of them, evenly spread", _some),
    "both": Function("cells, cells", 2, "those in both", _both),
    "either": Function("cells, cells", 2, "those in one or both", _either),
    "without": Function("cells, cells", 2, "the first without the second", _without),
}
