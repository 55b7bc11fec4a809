"""Cells that no longer follow their pulses: found while learning, so that spares replace them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.learn.kernels import suspect

_ALARM = 25.0
"""Logarithm of how much likelier a stuck cell must be than one that works. The score of a cell that
works comes so far in one of e^25 pulses at most (Lorden, Ann. Math. Stat. 42, 1897 (1971))."""
_MOST = 4.0
"""What a single pulse may add, whatever it did: heavy tails are no proof."""
_LEAST_SCATTER = 0.2
"""Of its expected step, which a stuck cell is taken to scatter besides its read noise."""
_SILENT = 5
"""Failed reads in a row after which a cell counts as lost."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """A cell that was given up, and the one that took its place, if any did.

    Attributes
    ----------
    step
        After how many steps.
    weight, slot
        What it carried.
    lost, spare
        Row and column; no spare where the cell was frozen in its place.
    reason
        What was seen of it.
    """

    step: int
    weight: int
    slot: int
    lost: tuple[int, int]
    spare: tuple[int, int] | None
    reason: str

    def __str__(self) -> str:
        if self.spare is None:
            return (
                f"Cell {self.lost} of weight {self.weight} {self.reason}; it stays in its block "
                f"of lines, and is pulsed no more, from step {self.step} on."
            )
        return (
            f"Cell {self.lost} of weight {self.weight} {self.reason}; cell {self.spare} took its "
            f"place after step {self.step}."
        )


class Watch:
    """Looks for cells that stay where they are whatever they are given.

    For each cell the log likelihood ratio of "stuck" against "as tracked" is added up pulse by
    pulse and kept from falling below 0 (Page's cumulative sum, Biometrika 41, 100 (1954)).

    Parameters
    ----------
    shape
        Weights and slots.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._score = np.zeros(shape)
        self._silent = np.zeros(shape, dtype=np.int64)

    def update(
        self, slot: NDArray[np.int64], polarity: NDArray[np.int8], seen: NDArray[np.float64]
    ) -> None:
        """Take the pulses of one step; ``seen`` as :meth:`labctl.learn.online.Tracker.update`."""
        suspect(slot, polarity, seen, self._score, self._silent, _MOST, _LEAST_SCATTER)

    def lost(self) -> list[tuple[int, int, str]]:
        """Return weight, slot and reason of every cell that is to be given up."""
        if self._score.max(initial=0.0) <= _ALARM and self._silent.max(initial=0) < _SILENT:
            return []
        stuck, silent = self._score > _ALARM, self._silent >= _SILENT
        return [
            (int(k), int(j), "no longer moves" if stuck[k, j] else "cannot be read any more")
            for k, j in np.argwhere(stuck | silent)
        ]

    def forget(self, weight: int, slot: int) -> None:
        """Begin anew with another cell."""
        self._score[weight, slot] = 0.0
        self._silent[weight, slot] = 0

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return what was added up."""
        return {"watch": np.stack([self._score, self._silent.astype(np.float64)])}

    def restore(self, state: dict[str, NDArray[np.float64]]) -> None:
        """Go on from what :meth:`state` returned."""
        self._score = state["watch"][0].copy()
        self._silent = state["watch"][1].astype(np.int64)
