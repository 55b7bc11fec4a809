"""What expressions are worth: numbers with units, truths, cells, texts; one of them or a column."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pint
from numpy.typing import NDArray
from pymeasure.units import ureg

from labctl.campaign.expression import ExpressionError

_QUANTITY = re.compile(
    r"^\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-zµμΩ%][A-Za-zµμΩ%/]*)?\s*$"
)
Places = NDArray[np.int64] | None


@dataclass(frozen=True, slots=True)
class Numbers:
    """A number, or a column of them.

    Attributes
    ----------
    quantity
        pint Quantity of a float64 array, shape () or (n,).
    places
        int64, shape (n, 2): the cell each belongs to; None where there is none.
    """

    quantity: Any
    places: Places = None

    @property
    def single(self) -> bool:
        """Whether it is one number."""
        return bool(np.ndim(self.quantity.magnitude) == 0)

    def usable(self) -> NDArray[np.float64]:
        """Return the numbers without those that are none (NaN), shape (n,), in their own unit.

        Raises
        ------
        ExpressionError
            Where none is left.
        """
        values = np.atleast_1d(self.quantity.magnitude)
        values = values[~np.isnan(values)]
        if not values.size:
            raise ExpressionError("there are no values")
        return values


@dataclass(frozen=True, slots=True)
class Truths:
    """A truth, or a column of them; attributes as of :class:`Numbers`."""

    value: NDArray[np.bool_]
    places: Places = None

    @property
    def single(self) -> bool:
        """Whether it is one truth."""
        return np.ndim(self.value) == 0


@dataclass(frozen=True, slots=True)
class Cells:
    """A set of cells: int64, shape (n, 2)."""

    cells: NDArray[np.int64]


Value = Numbers | Truths | Cells | str


def number(value: Any, unit: str = "", places: Places = None) -> Numbers:
    """Return numbers in a unit.

    Raises
    ------
    ExpressionError
        For a unit that is none.
    """
    return Numbers(ureg.Quantity(np.asarray(value, dtype=np.float64), unit_of(unit)), places)


def unit_of(text: str) -> Any:
    """Return the pint unit of that name.

    Raises
    ------
    ExpressionError
        Where there is none.
    """
    try:
        return ureg.Unit(text or "dimensionless")
    except (pint.errors.PintError, ValueError, TypeError, AttributeError) as error:
        raise ExpressionError(f"{text!r} is no unit") from error


def column_unit(text: str) -> Any:
    """Return the unit of a column; one that pint does not know (``nat``) counts as none."""
    try:
        return unit_of(text)
    except ExpressionError:
        return ureg.Unit("dimensionless")


def quantity_of(text: str) -> Numbers | None:
    """Return what a text like ``"20 µS"`` or ``"3"`` means; None for any other text.

    Raises
    ------
    ExpressionError
        For a number with a unit that is none.
    """
    match = _QUANTITY.match(text)
    return None if match is None else number(float(match[1]), match[2] or "")


def from_json(value: Any) -> Value:
    """Return the value of a number, truth or text of a campaign file."""
    if isinstance(value, bool):
        return Truths(np.asarray(value))
    if isinstance(value, int | float):
        return number(value)
    text = str(value)
    found = quantity_of(text)
    return text if found is None else found


def describe(value: Value) -> str:
    """Say in a word or two what a value is."""
    if isinstance(value, Cells):
        return "a set of cells"
    if isinstance(value, str):
        return f"the text {value!r}"
    if isinstance(value, Truths):
        return "true or false" if value.single else "a column of true and false"
    unit = f"{value.quantity.units:~P}"
    kind = "a number" if value.single else "a column of numbers"
    return f"{kind} in {unit}" if unit else kind
