"""Cells that no longer follow their pulses: found while learning, so that spares replace them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.learn.kernels import suspect

_ALARM = 25.0
"""Logarithm of how much likelier a stuck cell must be than one that works. The score of a cell that
works comes so far in one of e^25 pulses at most (Lorden, Ann. Math. Stat. 42, 1897 (1971))."""
_MOST = 2.0
"""What a single pulse may add, whatever it did: heavy tails are no proof."""
_STILL = 0.2
"""Of its expected step, by which a stuck cell may wander from pulse to pulse: traps, relaxation."""
_SHARE, _WALK = 0.5, 0.25
"""Of the tracked mean step, and of the pulse variance that goes with it: a cell that moves by so
little still works. The calibration is wrong by as much for some cells before they are tracked."""
_ROOM = 0.25
"""Of the window: a SET nearer than this to the upper end, or a RESET to the lower one, that does
nothing is what the end of a cell's range does, and no proof."""
_REACH, _LOST = 0.5, 0.5
"""A cell farther than this outside of the window, in its widths, gets so much for every pulse that
did not bring it back, whatever its noise is there: after 50 of them it is given up."""
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

    For each cell the log likelihood ratio of "stuck" against "works" is added up pulse by
    pulse and kept from falling below 0 (Page's cumulative sum, Biometrika 41, 100 (1954)). Both are
    random walks seen through read noise, followed by a Kalman filter each (J. Basic Eng. 82, 35
    (1960)): one that stands still, begun anew where the sum is 0, and one that works. Neighbouring
    steps share a read, so that steps alone would not do: what tells a cell that works is how far
    it *gets*.

    Slow cells are the ones that are easily wronged. A cell that works is one that has half of the
    tracked mean steps (of a fast cell, half of the typical ones: noise alone can make a cell look
    fast) and a quarter of the scatter that goes with them, which is in proportion to the steps,
    since the variance of hops goes as their number.

    Parameters
    ----------
    shape
        Weights and slots.
    window
        S: conductances between which both pulses work.
    """

    def __init__(self, shape: tuple[int, int], window: tuple[float, float]) -> None:
        self._score = np.zeros(shape)
        self._silent = np.zeros(shape, dtype=np.int64)
        self._belief = np.full((5, *shape), np.nan)
        low, high = window
        room, reach = _ROOM * (high - low), _REACH * (high - low)
        self._room = np.array([low + room, high - room])
        self._reach = np.array([low - reach, high + reach])

    def update(
        self,
        slot: NDArray[np.int64],
        polarity: NDArray[np.int8],
        before: NDArray[np.float64],
        after: NDArray[np.float64],
        seen: NDArray[np.float64],
        factor: NDArray[np.float64],
    ) -> None:
        """Take the pulses of one step.

        Parameters
        ----------
        slot, polarity, before, after, seen
            As :meth:`labctl.learn.online.Tracker.update` takes and returns them.
        factor
            float64, shape (n, slots, 2): of the cells' mean steps, as tracked.
        """
        suspect(
            slot, polarity, before, after, seen, factor, self._room, self._reach, self._score,
            self._silent, self._belief, _MOST, _STILL, _SHARE, _WALK, _LOST,
        )  # fmt: skip

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
        self._belief[:, weight, slot] = np.nan

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return what was added up."""
        sums = np.stack([self._score, self._silent.astype(np.float64)])
        return {"watch": np.concatenate([sums, self._belief])}

    def restore(self, state: dict[str, NDArray[np.float64]]) -> None:
        """Go on from what :meth:`state` returned."""
        self._score = state["watch"][0].copy()
        self._silent = state["watch"][1].astype(np.int64)
        self._belief[:] = np.nan
        if len(state["watch"]) > 2:  # runs that began before there were beliefs have none
            self._belief[:] = state["watch"][2:]
