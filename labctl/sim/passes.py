"""The same cells read over and over again: what a pass costs is found once for each way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.planner import Planner
from labctl.sim.chip.together import moves
from labctl.sim.chip.visits import Progress, Visits

Here = tuple[int, int]
_MOST = 64


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """One pass over cells, from the cell selected before it.

    Attributes
    ----------
    order
        intp, shape (n,).
    ages
        s, float64, shape (n,): how long after the beginning each cell is read, cells in ascending
        order of their numbers.
    lived, lasting
        s from the beginning to the last change of a level, and to the end.
    drives
        How many drives there are.
    end
        The cell selected at the end.
    rows, columns
        How often the word line and the bit line change.
    """

    order: NDArray[np.intp]
    ages: NDArray[np.float64]
    lived: float
    lasting: float
    drives: int
    end: Here
    rows: int
    columns: int


class Orders:
    """In which order blocks of cells are visited; the last few are kept.

    Parameters
    ----------
    planner
        Finds the order.
    """

    def __init__(self, planner: Planner) -> None:
        self._planner = planner
        self._kept: dict[tuple[bytes, Here | None], NDArray[np.intp]] = {}

    def __call__(self, cells: NDArray[np.int64], here: Here | None) -> NDArray[np.intp]:
        """Return indices into ``cells``, shape (n, 2), from the cell selected now."""
        key = (cells.tobytes(), here)
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= _MOST:
                self._kept.pop(next(iter(self._kept)))
            found = self._kept[key] = self._planner.order(cells, here)
        return found


class Passes:
    """Passes of reads over the same cells.

    Parameters
    ----------
    visits
        The kernels on the chip.
    orders
        In which order cells are visited.
    """

    def __init__(self, visits: Visits, orders: Orders) -> None:
        self._visits, self._orders = visits, orders
        self._cells = np.empty((0, 2), dtype=np.int64)
        self._ways: dict[Here, Way] = {}

    def ways(self, cells: NDArray[np.int64], here: Here, passes: int) -> list[Way] | None:
        """Return the ways of so many passes, the first one from ``here``.

        None where cells occur more than once.
        """
        if not np.array_equal(cells, self._cells):
            self._ways.clear()
            self._cells = cells.copy()
        found = []
        for _ in range(passes):
            if here not in self._ways:
                way = self._find(cells, here)
                if way is None:
                    return None
                self._ways[here] = way
            found.append(self._ways[here])
            here = found[-1].end
        return found

    def _find(self, cells: NDArray[np.int64], here: Here) -> Way | None:
        order = self._orders(cells, here)
        timed = self._visits.pass_times(cells, order, here)
        if timed is None:
            return None
        ages, lived, lasting, drives = timed
        row, column = cells[order[-1]].tolist()
        return Way(order, ages, lived, lasting, drives, (row, column), *moves(cells, order, *here))

    def read(
        self,
        progress: Progress,
        cells: NDArray[np.int64],
        ways: list[Way],
        asking: float,
        read: float,
        gate: float,
    ) -> NDArray[np.float64] | None:
        """Read along ``ways``, with ``asking`` seconds after each; None where that cannot be.

        Returns
        -------
        NDArray
            A, float64, shape (passes, n), as the meter of the bit line shows them.
        """
        different = list({id(way): way for way in ways}.values())
        starts = np.zeros(len(ways))
        np.cumsum([way.lasting + asking for way in ways[:-1]], out=starts[1:])
        return self._visits.read_passes(
            progress, cells, starts, np.stack([way.ages for way in different]),
            np.array([different.index(way) for way in ways], dtype=np.int64), ways[-1].lived,
            ways[-1].lasting, sum(way.drives for way in ways), ways[-1].end, read, gate,
        )  # fmt: skip
