"""Where the weights of a chain have been: how much of the window each of them needs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MEMORY = 100.0
"""Looks after which the past counts 1/e."""
_SPREAD = 5.0
"""Standard deviations about its mean that a weight is given."""


class Whereabouts:
    """Running mean and spread of weights, over steps and over chains side by side.

    Parameters
    ----------
    size
        Weights of one chain.
    """

    def __init__(self, size: int) -> None:
        self._sums = np.zeros((3, size))  # of 1, weight, weight squared

    def see(self, weights: NDArray[np.float64]) -> None:
        """Take the weights of a step, shape (chains * size,)."""
        each = weights.reshape(-1, self._sums.shape[1])
        self._sums *= 1.0 - 1.0 / _MEMORY
        self._sums += [np.full(each.shape[1], float(len(each))), each.sum(0), (each**2).sum(0)]

    def reach(self) -> NDArray[np.float64]:
        """Return how far from 0 each weight may want to go, shape (size,); inf before any step."""
        count, total, square = self._sums
        if not count.all():
            return np.full(len(count), np.inf)
        mean = total / count
        sd = np.sqrt(np.maximum(square / count - mean**2, 0.0))
        reach: NDArray[np.float64] = np.abs(mean) + _SPREAD * sd
        return reach

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return what was added up."""
        return {"whereabouts": self._sums.copy()}

    def restore(self, state: dict[str, NDArray[np.float64]]) -> None:
        """Go on from what :meth:`state` returned."""
        self._sums[:] = state.get("whereabouts", 0.0)  # runs that began before have none
