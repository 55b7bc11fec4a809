"""The way of the relays from cell to cell: what is selected, what moves, what was counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from labctl.array import Counters
from labctl.errors import InstrumentError
from labctl.instruments import SwitchMatrix
from labctl.wiring import Move, Wiring

Moves = Sequence[tuple[Sequence[str], Sequence[str]]]


class Route:
    """Selects cells, with the fewest relays that lead from one to the next.

    Parameters
    ----------
    wiring, matrix
        Of the bench.
    closures, counters
        Count every closure.

    Attributes
    ----------
    here
        The cell selected, or None.
    """

    def __init__(
        self, wiring: Wiring, matrix: SwitchMatrix, closures: Counter[str], counters: Counters
    ) -> None:
        self._wiring, self._matrix = wiring, matrix
        self._closures, self._counters = closures, counters
        self.here: tuple[int, int] | None = None
        self._known = False  # whether the relays are where `here` says

    def forget(self) -> None:
        """Ask the matrix for its relays before the next move; somebody else moved them."""
        self._known, self.here = False, None

    def select(self, cell: tuple[int, int]) -> None:
        """Connect ``cell``; all levels are at 0 V here, as every operation leaves them."""
        if self._known and cell == self.here:
            return
        if self._known:
            move = self._wiring.move(self.here, cell)
        else:
            present, wanted = self._matrix.closed(), self._wiring.closed(cell)
            move = Move(tuple(sorted(present - wanted)), tuple(sorted(wanted - present)))
        self._known = False
        self._matrix.move(move.opened, move.closed)
        self.here, self._known = cell, True
        self._counters.relay_closures += len(move.closed)
        for point in move.closed:
            self._closures[point] += 1

    def along(self, cells: NDArray[np.int64]) -> tuple[frozenset[str], Moves]:
        """Return what is closed now, and the moves from cell to cell, shape (n, 2).

        Whoever makes them says so with :meth:`arrived`; until then nothing is known. Where
        nothing is known now, the first cell is selected here.
        """
        listed = [(row, column) for row, column in cells.tolist()]
        if not self._known:
            self.select(listed[0])
        at, present = self.here, self._wiring.closed(self.here)
        moves, step = [], self._wiring.move
        for cell in listed:
            move = step(at, cell)
            moves.append((move.opened, move.closed))
            at = cell
        self._known = False
        return present, moves

    def arrived(self, cell: NDArray[np.int64], moves: Moves) -> None:
        """Take it that ``moves`` were made, and that they end at ``cell``, shape (2,)."""
        row, column = cell.tolist()
        self.here, self._known = (row, column), True
        counted = Counter(chain.from_iterable(closed for _, closed in moves))
        self._closures.update(counted)
        self._counters.relay_closures += counted.total()

    def verify(self) -> None:
        """Compare what the matrix says is closed with what should be.

        Raises
        ------
        InstrumentError
            Naming the relays that differ.
        """
        if not self._known:
            return
        present, wanted = self._matrix.closed(), self._wiring.closed(self.here)
        if present != wanted:
            stuck, missing = sorted(present - wanted), sorted(wanted - present)
            raise InstrumentError(
                f"The matrix is not where it was sent: closed but should be open {stuck}, open "
                f"but should be closed {missing}. The last readings are not to be trusted; run "
                "`labctl bench check`."
            )
