"""What learning may spend, and what it has spent."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from labctl.array import CellArray
from labctl.errors import BudgetSpent, ProcedureError


@dataclass(frozen=True, slots=True)
class Budget:
    """Most that learning may spend; None sets no bound.

    Attributes
    ----------
    pulses
        In all.
    energy
        J in the cells: pulses and reads (device only).
    endurance
        Pulses of any one cell.
    time
        s of bench time.
    """

    pulses: int | None = None
    energy: float | None = None
    endurance: int | None = None
    time: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not 0 < value < float("inf"):
                raise ProcedureError(
                    f"A budget of {value} for {field.name}: give a finite number above 0, or "
                    "nothing for no bound."
                )


_BOUNDLESS = Budget()


@dataclass(frozen=True, slots=True)
class Spent:
    """What learning has spent.

    Attributes
    ----------
    pulses, reads
        In all.
    write_energy, read_energy
        J in the cells.
    worn
        Pulses of the cell that had most.
    time
        s of bench time.
    """

    pulses: int
    reads: int
    write_energy: float
    read_energy: float
    worn: int
    time: float


class Ledger:
    """Keeps the account of one chain, and refuses pulses that would overdraw it.

    The number of pulses is known before they are given, so these bounds are never passed. Energy
    and time are known after: the largest block so far is taken for what the next one may cost.

    Parameters
    ----------
    budget
        What may be spent.
    array
        Whose counters and clock are read.
    """

    def __init__(self, budget: Budget, array: CellArray) -> None:
        self.budget = budget
        self._array = array
        self.counts = np.zeros(array.shape, dtype=np.int64)
        self._before = np.zeros(4)  # reads, write energy, read energy, time: of earlier sittings
        self._start = self._reading()
        self._last = self._start
        self._largest = np.zeros(2)  # energy, time of one block

    def _reading(self) -> NDArray[np.float64]:
        counters = self._array.counters
        return np.array(
            [counters.reads, counters.write_energy, counters.read_energy, self._array.now()]
        )

    @property
    def spent(self) -> Spent:
        """Everything since the beginning, earlier sittings included."""
        reads, write, read, time = self._before + self._reading() - self._start
        pulses = int(self.counts.sum())
        return Spent(
            pulses, int(reads), float(write), float(read), int(self.counts.max(initial=0)), time
        )

    def allow(self, cells: NDArray[np.int64]) -> None:
        """Take note of one pulse for each cell, or refuse them all.

        Parameters
        ----------
        cells
            int64, shape (n, 2): about to be pulsed.

        Raises
        ------
        BudgetSpent
            Says which bound would be passed; nothing is noted then.
        """
        budget, shape = self.budget, self.counts.shape
        flat = cells[:, 0] * shape[1] + cells[:, 1]
        counts = self.counts + np.bincount(flat, minlength=self.counts.size).reshape(shape)
        if budget == _BOUNDLESS:
            self.counts = counts
            return
        now = self._reading()
        self._largest = np.maximum(
            self._largest, [np.sum(now[1:3] - self._last[1:3]), now[3] - self._last[3]]
        )
        self._last = now
        total = self._before + now - self._start
        if budget.pulses is not None and counts.sum() > budget.pulses:
            raise BudgetSpent(
                f"All pulses are spent: {self.counts.sum()} of {budget.pulses}; the next step "
                f"needs {len(cells)}. More takes a larger budget of pulses."
            )
        if budget.endurance is not None and counts.max(initial=0) > budget.endurance:
            row, column = np.argwhere(counts > budget.endurance)[0].tolist()
            raise BudgetSpent(
                f"Cell ({row}, {column}) has had {self.counts[row, column]} of the "
                f"{budget.endurance} pulses a cell may have. More takes a larger budget of "
                "endurance, or other cells."
            )
        if budget.energy is not None:
            used = total[1] + total[2]
            if used + self._largest[0] > budget.energy:
                raise BudgetSpent(
                    f"The energy is spent: {used * 1e6:.4g} of {budget.energy * 1e6:.4g} µJ, and a "
                    f"step takes up to {self._largest[0] * 1e6:.3g} µJ. More takes a larger budget "
                    "of energy."
                )
        if budget.time is not None and total[3] + self._largest[1] > budget.time:
            raise BudgetSpent(
                f"The bench time is spent: {total[3]:.4g} of {budget.time:.4g} s, and a step takes "
                f"up to {self._largest[1]:.3g} s. More takes a larger budget of time."
            )
        self.counts = counts

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return the account as arrays."""
        total = self._before + self._reading() - self._start
        return {
            "spent": np.concatenate([total, self._largest]),
            "pulse_counts": self.counts.astype(np.float64),
        }

    def restore(self, state: dict[str, NDArray[np.float64]]) -> None:
        """Go on from what :meth:`state` returned; what the array does from now on comes on top."""
        self._before, self._largest = state["spent"][:4].copy(), state["spent"][4:].copy()
        self.counts = state["pulse_counts"].astype(np.int64)
        self._start = self._last = self._reading()
