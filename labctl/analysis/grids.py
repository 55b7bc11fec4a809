"""Rows of a table laid out as the chip is: word lines down, bit lines across."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.distributions import usable

if TYPE_CHECKING:
    import pandas as pd


def shape_of(row: ArrayLike, col: ArrayLike) -> tuple[int, int]:
    """Return the smallest chip that holds these cells: ``(0, 0)`` for none."""
    rows, cols = np.asarray(row), np.asarray(col)
    if rows.size == 0:
        return (0, 0)
    return (int(rows.max()) + 1, int(cols.max()) + 1)


def as_map(
    row: ArrayLike,
    col: ArrayLike,
    values: ArrayLike,
    shape: tuple[int, int] | None = None,
) -> NDArray[np.float64]:
    """Lay values out over the chip; the last value of a cell wins.

    Parameters
    ----------
    row, col
        int, shape (n,).
    values
        float or bool, shape (n,).
    shape
        Rows and columns of the chip; None takes the smallest that fits.

    Returns
    -------
    float64, shape (rows, columns)
        NaN where no cell was given.

    Raises
    ------
    ValueError
        Where a cell lies outside ``shape``, or the lengths differ.
    """
    rows = np.asarray(row, dtype=np.int64)
    cols = np.asarray(col, dtype=np.int64)
    array = np.asarray(values, dtype=np.float64)
    if not rows.shape == cols.shape == array.shape:
        raise ValueError(
            f"Cannot lay out {array.shape} values on {rows.shape} rows and {cols.shape} columns: "
            "give one row and one column each."
        )
    fits = shape_of(rows, cols)
    size = fits if shape is None else shape
    negative = rows.size > 0 and min(int(rows.min()), int(cols.min())) < 0
    if negative or fits[0] > size[0] or fits[1] > size[1]:
        raise ValueError(
            f"A cell lies outside the chip of {size[0]} x {size[1]} cells; "
            f"the largest is ({fits[0] - 1}, {fits[1] - 1}). Give the shape of the chip measured."
        )
    grid = np.full(size, np.nan)
    # Fancy assignment leaves open which duplicate wins, so keep the last of each cell ourselves.
    flat = rows * max(size[1], 1) + cols
    last = flat.size - 1 - np.unique(flat[::-1], return_index=True)[1]
    grid[rows[last], cols[last]] = array[last]
    return grid


def conductance_map(
    cells: pd.DataFrame, shape: tuple[int, int] | None = None
) -> NDArray[np.float64]:
    """Lay out the last usable reading of each cell.

    Parameters
    ----------
    cells
        Columns row, col, conductance (S) and, where there are flags, flag.
    shape
        Rows and columns of the chip; None takes the smallest that fits.

    Returns
    -------
    float64, shape (rows, columns), S
        NaN where a cell has no usable reading.
    """
    size = shape_of(cells["row"], cells["col"]) if shape is None else shape
    good = usable(cells["conductance"], cells.get("flag"))
    kept = cells[good]
    return as_map(kept["row"], kept["col"], kept["conductance"], size)
