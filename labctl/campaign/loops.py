"""What the loops of a campaign run over: lists, ranges with units, cells."""

from __future__ import annotations

from itertools import product
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from labctl.campaign.expression import ExpressionError
from labctl.campaign.values import Numbers, describe, from_json
from labctl.cells import format_cells


def _scalar(value: Any) -> Any:
    if isinstance(value, bool | int | float | str):
        return value
    raise ValueError("takes a number, a text, true or false")


Scalar = Annotated[bool | int | float | str, BeforeValidator(_scalar)]
MOST = 100_000
"""Passes of one loop at most."""


class Range(BaseModel):
    """Numbers from one end to the other, both included."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    first: Scalar = Field(alias="from", description='First value, with its unit: "10 µS".')
    last: Scalar = Field(alias="to", description="Last value.")
    step: Scalar | None = Field(default=None, description="Distance; or give points.")
    points: int | None = Field(default=None, ge=1, le=MOST, description="How many; or give step.")
    spacing: Literal["linear", "log"] = Field(default="linear", description="How points are set.")

    @model_validator(mode="after")
    def _sound(self) -> Range:
        if (self.step is None) == (self.points is None):
            raise ValueError("give either step or points")
        if self.step is not None and self.spacing == "log":
            raise ValueError('spacing = "log" needs points')
        try:
            self.values()
        except ExpressionError as error:
            raise ValueError(str(error)) from error
        return self

    def values(self) -> list[Scalar]:
        """Return the numbers, in the unit of the first, as text where it has one.

        Raises
        ------
        ExpressionError
            For ends that are no numbers, or whose units do not fit; for a step that leads away.
        """
        first, unit = _magnitude(self.first)
        last = _magnitude(self.last, unit)[0]
        if self.step is None:
            found = _spaced(first, last, self.points or 1, self.spacing)
        else:
            step = _magnitude(self.step, unit)[0]
            if step == 0.0 or (last - first) * step < 0.0:
                raise ExpressionError(f"a step of {self.step} does not lead to {self.last}")
            count = int(np.floor((last - first) / step * (1 + 1e-12) + 1e-9)) + 1
            if count > MOST:
                raise ExpressionError(f"{count} values are more than {MOST}")
            found = np.asarray(first + step * np.arange(count), dtype=np.float64)
        numbers = [float(f"{value:.12g}") for value in found]
        name = f"{unit:~P}"
        return [f"{value:.12g} {name}" if name else value for value in numbers]


class Each(BaseModel):
    """Cells, one after the other, or row by row, or column by column."""

    model_config = ConfigDict(extra="forbid")
    each: str = Field(description='Cells, or "= expression" that gives cells.')
    by: Literal["cell", "row", "column"] = Field(default="cell", description="What is one pass.")


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "list"
    if isinstance(value, Each) or (isinstance(value, dict) and "each" in value):
        return "each"
    return "range"


Values = Annotated[list[Scalar], Field(min_length=1, max_length=MOST)]
Over = Annotated[
    Annotated[Values, Tag("list")] | Annotated[Range, Tag("range")] | Annotated[Each, Tag("each")],
    Discriminator(_kind),
]
"""What one loop variable runs over."""


def passes(cells: NDArray[np.int64], by: str) -> list[Scalar]:
    """Return one cell expression for each pass over cells, shape (n, 2)."""
    if by == "cell":
        return [f"{row},{column}" for row, column in cells.tolist()]
    axis = 0 if by == "row" else 1
    lines = list(dict.fromkeys(cells[:, axis].tolist()))
    return [format_cells(cells[cells[:, axis] == line]) for line in lines]


def combine(
    variables: dict[str, list[Scalar]], together: bool, repeat: int
) -> list[dict[str, Scalar]]:
    """Return the values of all loop variables in each pass, in order.

    Parameters
    ----------
    variables
        What each runs over. The first is the outermost loop.
    together
        Take the first of each, then the second of each, ...: all are of one length.
    repeat
        How often each combination comes, one behind the other.
    """
    if together:
        rows = list(zip(*variables.values(), strict=True)) if variables else [()]
    else:
        rows = list(product(*variables.values()))
    return [dict(zip(variables, row, strict=True)) for row in rows for _ in range(repeat)]


def _magnitude(value: Scalar, unit: Any = None) -> tuple[float, Any]:
    """Return a number in ``unit``, or in its own and that one."""
    found = from_json(value)
    if not isinstance(found, Numbers):
        raise ExpressionError(f"{value!r} is no number, but {describe(found)}")
    quantity = found.quantity
    if unit is None:
        unit = quantity.units
    elif not quantity.is_compatible_with(unit):
        raise ExpressionError(f"{value!r} is not in {unit:~P}" if f"{unit:~P}" else
                              f"{value!r} has a unit, and the first value has none")  # fmt: skip
    return float(quantity.to(unit).magnitude), unit


def _spaced(first: float, last: float, points: int, spacing: str) -> NDArray[np.float64]:
    if spacing == "linear":
        return np.linspace(first, last, points)
    if first * last <= 0.0:
        raise ExpressionError("values spaced by their logarithm are all above zero")
    return np.geomspace(first, last, points)
