"""Selected cells as text and as lines on the map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rectangle_text(first: tuple[int, int], last: tuple[int, int], shape: tuple[int, int]) -> str:
    """Return the cells expression of a rectangle given by two opposite corners.

    Parameters
    ----------
    first, last
        (row, column) of two corners, both inside; corners off the chip are moved to its edge.
    shape
        Rows and columns of the chip.

    Examples
    --------
    >>> rectangle_text((0, 0), (3, 7), (16, 16))
    '0..3,0..7'
    >>> rectangle_text((3, 5), (3, 5), (16, 16))
    '3,5'
    >>> rectangle_text((2, 15), (2, 0), (16, 16))
    'row 2'
    >>> rectangle_text((0, 0), (15, 15), (16, 16))
    'all'
    """
    top, bottom = _span(first[0], last[0], shape[0])
    left, right = _span(first[1], last[1], shape[1])
    whole_row = (left, right) == (0, shape[1] - 1)
    whole_column = (top, bottom) == (0, shape[0] - 1)
    if whole_row and whole_column:
        return "all"
    if whole_row and top == bottom:
        return f"row {top}"
    if whole_column and left == right:
        return f"column {left}"
    return f"{_range(top, bottom)},{_range(left, right)}"


def added(text: str, rectangle: str) -> str:
    """Return ``text`` with one more rectangle; "all" swallows the rest.

    Examples
    --------
    >>> added("row 3", "0,0")
    'row 3; 0,0'
    """
    parts = [part.strip() for part in text.split(";") if part.strip()]
    if "all" in (*parts, rectangle):
        return "all"
    return "; ".join(dict.fromkeys([*parts, rectangle]))


def outline(mask: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the border lines of the marked cells.

    Parameters
    ----------
    mask
        bool, shape (rows, columns).

    Returns
    -------
    x, y
        float64, shape (2 * lines,): column and row coordinates of line ends, pair by pair, where
        cell (row, col) covers col..col+1 and row..row+1.
    """
    padded = np.pad(mask, 1)
    row, col = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
    x_across = np.stack([col, col + 1], axis=1)
    y_across = np.stack([row, row], axis=1)
    row, col = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    x_down = np.stack([col, col], axis=1)
    y_down = np.stack([row, row + 1], axis=1)
    x = np.concatenate([x_across.ravel(), x_down.ravel()]).astype(float)
    y = np.concatenate([y_across.ravel(), y_down.ravel()]).astype(float)
    return x, y


def _span(a: int, b: int, count: int) -> tuple[int, int]:
    low, high = sorted((a, b))
    return max(0, min(low, count - 1)), max(0, min(high, count - 1))


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}..{high}"
