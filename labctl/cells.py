"""Cell expressions: how people name cells in a form, on the command line and in a campaign."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import WiringError

_RANGE = r"(\*|\d+(?:\.\.\d+)?)"
_BLOCK = re.compile(rf"^{_RANGE}\s*,\s*{_RANGE}$")
_LINE = re.compile(rf"^(rows?|columns?|cols?)\s+{_RANGE}$")
HELP = 'all | row 3 | column 0..4 | 3,5 | 0..3,0..7 | *,2 ; several joined by ";"'


def parse_cells(text: str, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Turn a cell expression into cells.

    Parameters
    ----------
    text
        ``all``; ``row 3``; ``rows 0..3``; ``column 2``; ``3,5`` (row, column); ``0..3,0..7``
        (both ends included); ``*`` for a whole side; several joined by ``;``.
    shape
        Rows and columns of the chip.

    Returns
    -------
    int64, shape (n, 2)
        Row and column of each cell, in the order written, each cell once.

    Raises
    ------
    WiringError
        For text that is no cell expression, or a cell outside the chip.

    Examples
    --------
    >>> parse_cells("0,1; row 1", (2, 2)).tolist()
    [[0, 1], [1, 0], [1, 1]]
    """
    blocks = [_parse_block(part.strip(), shape) for part in text.split(";") if part.strip()]
    if not blocks:
        raise WiringError(f"No cells named. Write one of: {HELP}.")
    cells = np.concatenate(blocks)
    _, first = np.unique(cells[:, 0] * shape[1] + cells[:, 1], return_index=True)
    return cells[np.sort(first)]


def check_cells(cells: ArrayLike, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return ``cells`` as int64, shape (n, 2), or say which one the chip does not have.

    Raises
    ------
    WiringError
        For another shape or type, or a cell outside the chip.
    """
    array = np.asarray(cells)
    if array.size == 0:
        return np.empty((0, 2), dtype=np.int64)
    if array.ndim == 1 and array.shape == (2,):
        array = array.reshape(1, 2)
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "iu":
        raise WiringError(
            f"Cells must be integers of shape (n, 2): row, column; got {array.dtype} of shape "
            f"{array.shape}."
        )
    array = array.astype(np.int64)
    rows, columns = array[:, 0], array[:, 1]
    if min(rows.min(), columns.min()) < 0 or rows.max() >= shape[0] or columns.max() >= shape[1]:
        outside = (array < 0).any(axis=1) | (array >= np.array(shape)).any(axis=1)
        row, column = array[outside][0]
        raise WiringError(_outside(int(row), int(column), shape))
    return array


def visiting_order(
    cells: NDArray[np.int64], here: tuple[int, int] | None = None
) -> NDArray[np.intp]:
    """Return the order that takes few relays from cell to cell.

    Row by row, each row from the end where the last one stopped, starting at the end of the
    rows nearest to ``here``; repeated cells keep their order.

    Parameters
    ----------
    cells
        Shape (n, 2): row, column; as :func:`check_cells` returns them.
    here
        The cell selected now, or None.

    Returns
    -------
    intp, shape (n,)
        Indices into ``cells``.
    """
    if len(cells) < 2:
        return np.arange(len(cells))
    rows, columns = cells[:, 0], cells[:, 1]
    if (block := _block_order(rows, columns, here)) is not None:
        return block
    wanted = np.zeros(int(rows.max()) + 1, dtype=np.intp)
    wanted[rows] = 1
    level = (np.cumsum(wanted) - 1)[rows]
    first, last = int(rows.min()), wanted.size - 1
    if here is not None and abs(here[0] - last) < abs(here[0] - first):
        level = level.max() - level
    backwards = here is not None and here[1] > np.median(columns[level == 0])
    sign = np.where((level + backwards) % 2 == 1, -1, 1)
    return np.argsort(level * (2 * int(columns.max()) + 1) + sign * columns, kind="stable")


def _block_order(
    rows: NDArray[np.int64], columns: NDArray[np.int64], here: tuple[int, int] | None
) -> NDArray[np.intp] | None:
    """Return the order of :func:`visiting_order` for a block listed row by row, without sorting.

    None for anything else.
    """
    n = rows.size
    width = int(np.argmax(rows != rows[0])) or n
    if n % width:
        return None
    i, j = rows.reshape(-1, width), columns.reshape(-1, width)
    if not (
        (np.diff(i[:, 0]) > 0).all()
        and (np.diff(j[0]) > 0).all()
        and (i == i[:, :1]).all()
        and (j == j[:1]).all()
    ):
        return None
    order = np.arange(n).reshape(-1, width)
    if here is not None and abs(here[0] - i[-1, 0]) < abs(here[0] - i[0, 0]):
        order = order[::-1]
    order = order.copy()
    backwards = here is not None and here[1] > np.median(j[0])
    turned = order[0 if backwards else 1 :: 2]
    turned[:] = turned[:, ::-1].copy()
    return order.ravel()


def format_cells(cells: ArrayLike) -> str:
    """Write cells as the shortest list of blocks per row that :func:`parse_cells` reads back.

    Examples
    --------
    >>> format_cells([[0, 0], [0, 1], [0, 2], [2, 5]])
    '0,0..2; 2,5'
    """
    parts: list[str] = []
    array = np.unique(np.asarray(cells, dtype=np.int64).reshape(-1, 2), axis=0)
    for row in np.unique(array[:, 0]):
        columns = array[array[:, 0] == row, 1]
        for run in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1):
            span = f"{run[0]}" if run.size == 1 else f"{run[0]}..{run[-1]}"
            parts.append(f"{row},{span}")
    return "; ".join(parts)


def _parse_block(part: str, shape: tuple[int, int]) -> NDArray[np.int64]:
    rows: str
    columns: str
    if part.lower() == "all":
        rows = columns = "*"
    elif match := _LINE.match(part.lower()):
        rows, columns = (match[2], "*") if match[1].startswith("row") else ("*", match[2])
    elif match := _BLOCK.match(part):
        rows, columns = match[1], match[2]
    else:
        raise WiringError(f"{part!r} names no cells. Write one of: {HELP}.")
    i, j = _span(rows, shape[0], part, "row"), _span(columns, shape[1], part, "column")
    grid = np.meshgrid(i, j, indexing="ij")
    return np.stack([grid[0].ravel(), grid[1].ravel()], axis=1).astype(np.int64)


def _span(text: str, size: int, part: str, side: str) -> NDArray[np.int64]:
    if text == "*":
        return np.arange(size)
    first, _, last = text.partition("..")
    low, high = int(first), int(last or first)
    if high < low:
        raise WiringError(f"{part!r} runs backwards: write {high}..{low}.")
    if high >= size:
        raise WiringError(f"{part!r} asks for {side} {high}; the chip has {side}s 0 to {size - 1}.")
    return np.arange(low, high + 1)


def _outside(row: int, column: int, shape: tuple[int, int]) -> str:
    return (
        f"Cell ({row}, {column}) is not on the chip: it has rows 0 to {shape[0] - 1} and columns "
        f"0 to {shape[1] - 1}."
    )
