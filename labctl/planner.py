"""In which order cells are visited, so that the fewest relays close."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from labctl.cells import visiting_order

Cells = NDArray[np.int64]
Order = NDArray[np.intp]
_MANY = 100


@dataclass(frozen=True, slots=True)
class Planner:
    """Orders of visits on one chip.

    Every visit but the first has to move at least one line. Blocks of cells can be walked with
    one line at a time, to and fro; of the other selections, such walks along the rows and along
    the columns are compared with one that leaves each line where the next one crosses it.

    Attributes
    ----------
    row_step, column_step, both_step
        Relays that close when the word line changes, the bit line, or both.
    """

    row_step: int
    column_step: int
    both_step: int

    def closures(self, cells: Cells) -> int:
        """Return how many relays close on the way through cells, shape (n, 2), in their order."""
        row, column = (np.diff(cells, axis=0) != 0).T
        return int(
            self.row_step * np.count_nonzero(row & ~column)
            + self.column_step * np.count_nonzero(column & ~row)
            + self.both_step * np.count_nonzero(row & column)
        )

    def closures_through(self, cells: Cells) -> int:
        """Return how many relays close on the best way through cells from another one."""
        if not len(cells):
            return 0
        return self.closures(cells[self.order(cells, None)]) + self.both_step

    def order(self, cells: Cells, here: tuple[int, int] | None) -> Order:
        """Return the order in which to visit cells.

        Parameters
        ----------
        cells
            int64, shape (n, 2). A cell that occurs more than once is visited as often, in the
            order given, without another in between.
        here
            The cell selected now.

        Returns
        -------
        int, shape (n,)
            Indices into ``cells``.
        """
        along_rows = visiting_order(cells, here)
        if len(cells) < 2:
            return along_rows
        least = (len(cells) - 1) * min(self.row_step, self.column_step)
        fewest = self.closures(cells[along_rows])
        if fewest <= least:
            return along_rows
        best = along_rows
        turned = None if here is None else here[::-1]
        swapped = np.ascontiguousarray(cells[:, ::-1])
        for make in (
            lambda: visiting_order(swapped, turned),
            lambda: _chain(cells, here),
            lambda: _chain(swapped, turned),
        ):
            found = make()
            count = self.closures(cells[found])
            if count < fewest:
                best, fewest = found, count
        return best


def _chain(cells: Cells, here: tuple[int, int] | None) -> Order:
    """Visit row after row, leaving each where possible in a column that the next one shares."""
    ranked = np.lexsort((cells[:, 1], cells[:, 0]))
    rows, columns = cells[ranked, 0], cells[ranked, 1]
    row, column = here if here is not None else (int(rows[0]), int(columns[0]))
    order = np.empty(len(cells), dtype=np.intp)
    walk = _walk if len(cells) < _MANY else _compiled()
    walk(rows, columns, int(columns.max()) + 1, row, column, order)
    return ranked[order]


@cache
def _compiled() -> Callable[..., None]:
    """Return :func:`_walk` compiled: worth its while for thousands of cells only."""
    from numba import njit

    compiled: Callable[..., None] = njit(_walk, cache=True)
    return compiled


def _walk(rows: Cells, columns: Cells, width: int, row: int, column: int, order: Order) -> None:
    """Write the way of :func:`_chain` through cells sorted by row and column; runs compiled too."""
    n = rows.size
    height = rows[n - 1] + 1
    begin = np.zeros(height + 1, dtype=np.int64)
    for k in range(n):
        begin[rows[k] + 1] = k + 1
    for r in range(height):
        begin[r + 1] = max(begin[r], begin[r + 1])
    crossing = np.zeros((width, height), dtype=np.bool_)  # rows not yet visited, by column
    for k in range(n):
        crossing[columns[k], rows[k]] = True
    left = begin[1:] > begin[:-1]
    done = 0
    wanted = left  # among which the next row is looked for
    while done < n:
        near, away = -1, 0
        while near < 0:
            if 0 <= row - away < height and wanted[row - away]:
                near = row - away
            elif 0 <= row + away < height and wanted[row + away]:
                near = row + away
            away += 1
        row = near
        left[row] = False
        a, b = begin[row], begin[row + 1]
        first = columns[a]
        for k in range(a, b):
            crossing[columns[k], row] = False
            if abs(columns[k] - column) < abs(first - column):
                first = columns[k]
        last, shared = first, False
        for k in range(a, b):
            if columns[k] == first or shared:
                continue
            last = columns[k]
            shared = crossing[last].any()
        for turn in range(3):
            for k in range(a, b):
                c = columns[k]
                if turn == (0 if c == first else 2 if c == last else 1):
                    order[done] = k
                    done += 1
        column = last
        wanted = crossing[last] if crossing[last].any() else left
