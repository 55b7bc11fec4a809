"""How stiff the posterior is along each weight, as a chain sees it on its way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MEMORY = 200.0
"""Steps after which the past counts 1/e."""


class Stiffness:
    """Running mean of the inverse conditional variances of weights.

    Chains sample the same posterior: they share what they see.

    Parameters
    ----------
    size
        Weights of one chain.
    chains
        How many run side by side.

    Attributes
    ----------
    total, weight
        What was added up, float64, shape (chains * size,), and how much it counts.
    """

    def __init__(self, size: int, chains: int) -> None:
        self._chains = chains
        self.total = np.zeros(chains * size)
        self.weight = 0.0

    def see(self, values: NDArray[np.float64]) -> None:
        """Take the values of a step, shape (chains * size,)."""
        keep = 1.0 - 1.0 / _MEMORY
        self.total = keep * self.total + values
        self.weight = keep * self.weight + 1.0

    def mean(self, prior: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean, shape (chains * size,), nowhere less than ``prior``."""
        if self.weight == 0.0:
            return prior.copy()
        each = (self.total / self.weight).reshape(self._chains, -1)
        shared = np.tile(each.mean(axis=0), self._chains)
        return np.maximum(shared, prior)
