"""The latest known state of every cell, gathered from the rows of run files.

Whatever a procedure stores, a table takes part when it has the columns ``row``, ``col`` and a
conductance. The cost of :meth:`CellStates.add` depends on the new rows only, and that of a
redraw on the number of cells only, so a window may follow a run of any length.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNREAD, READ, FAILED = 0, 1, 2
"""States of a cell: nothing known, a good reading, a flagged reading or an unformed cell."""

_CONDUCTANCES = ("conductance", "after")


class CellStates:
    """Latest conductance and state of the cells of one chip.

    Attributes
    ----------
    conductance
        float64, shape (rows, columns), S, NaN where nothing is known.
    state
        uint8, shape (rows, columns): UNREAD, READ or FAILED.
    in_run
        bool, shape (rows, columns): the present run has said something of this cell.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.conductance: NDArray[np.float64] = np.full(shape, np.nan)
        self.state: NDArray[np.uint8] = np.zeros(shape, np.uint8)
        self.in_run: NDArray[np.bool_] = np.zeros(shape, bool)
        self._time: NDArray[np.float64] = np.full(shape, -np.inf)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the chip."""
        rows, columns = self.conductance.shape
        return rows, columns

    def begin_run(self) -> None:
        """Start another run: what is known stays, but belongs to an earlier run."""
        self.in_run[:] = False
        self._time[:] = -np.inf

    def forget(self) -> None:
        """Forget all cells, as when another chip is put on the bench."""
        self.begin_run()
        self.conductance[:] = np.nan
        self.state[:] = UNREAD

    def add(self, rows: Mapping[str, NDArray[Any]]) -> int:
        """Take new rows of one table in.

        Parameters
        ----------
        rows
            Columns of equal length, in the order they were stored. ``time`` (s) decides between
            tables that speak of one cell; ``flag`` not 0, ``formed`` or ``ok`` false mark a
            failed cell.

        Returns
        -------
        int
            The number of rows that were used: those of cells on this chip.
        """
        name = next((name for name in _CONDUCTANCES if name in rows), None)
        if name is None or "row" not in rows or "col" not in rows:
            return 0
        row = np.asarray(rows["row"], np.intp)
        col = np.asarray(rows["col"], np.intp)
        conductance = np.asarray(rows[name], np.float64)
        failed, has_verdict = _failed(rows, len(row))
        time = np.asarray(rows["time"], np.float64) if "time" in rows else np.zeros(len(row))

        on_chip = (row >= 0) & (row < self.shape[0]) & (col >= 0) & (col < self.shape[1])
        row, col, time = row[on_chip], col[on_chip], time[on_chip]
        conductance, failed = conductance[on_chip], failed[on_chip]
        known = self._time[row, col]
        # A pulse and the verdict that ends its cell may carry one time; the verdict then stands.
        newer = time >= known if has_verdict else time > known
        at = (row[newer], col[newer])
        # NumPy assigns in order, so that of several rows of one cell the last one stays.
        self.conductance[at] = conductance[newer]
        self.state[at] = np.where(failed[newer], FAILED, READ)
        self.in_run[at] = True
        self._time[at] = time[newer]
        return len(row)


def _failed(rows: Mapping[str, NDArray[Any]], count: int) -> tuple[NDArray[np.bool_], bool]:
    """Return which rows tell of a failure, and whether the table judges at all."""
    failed = np.zeros(count, bool)
    has_verdict = False
    if "flag" in rows:
        failed |= np.asarray(rows["flag"]) != 0
        has_verdict = True
    for name in ("formed", "ok"):
        if name in rows:
            failed |= ~np.asarray(rows[name], bool)
            has_verdict = True
    return failed, has_verdict
