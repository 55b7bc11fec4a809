"""In which order cells are visited, so that the fewest relays close."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.cells import visiting_order

Cells = NDArray[np.int64]
Order = NDArray[np.intp]


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
    inside: dict[int, dict[int, list[int]]] = {}  # row -> column -> places in the list
    crossing: dict[int, set[int]] = {}  # column -> rows not yet visited
    for k, (row, column) in enumerate(cells.tolist()):
        inside.setdefault(row, {}).setdefault(column, []).append(k)
        crossing.setdefault(column, set()).add(row)
    order: list[int] = []
    left = sorted(inside)
    row, at = here if here is not None else (left[0], min(inside[left[0]]))
    following: int | None = None
    while left:
        row = following if following is not None else min(left, key=lambda r: abs(r - row))
        left.remove(row)
        columns = sorted(inside[row])
        for column in columns:
            crossing[column].discard(row)
        first = at if at in inside[row] else min(columns, key=lambda c: abs(c - at))
        others = [column for column in columns if column != first]
        last = next((c for c in (others or [first]) if crossing[c]), None)
        if last is None:
            last = others[-1] if others else first
        walk = [first, *(c for c in others if c != last)]
        if others:
            walk.append(last)
        for column in walk:
            order += inside[row][column]
        following = min(crossing[last], key=lambda r: abs(r - row), default=None)
        at = last
    return np.array(order, dtype=np.intp)
