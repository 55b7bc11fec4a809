"""Samples of weights in rows of cells: where they lie on a chip, and what they held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.errors import WiringError


@dataclass(frozen=True, slots=True)
class Samples:
    """What rows held, in order.

    Attributes
    ----------
    weights
        float64, shape (chains, samples, size).
    accepted
        Share of the decisions.
    pulses
        RESET and SET pulses of this run, those of its burn-in too.
    """

    weights: NDArray[np.float64]
    accepted: float
    pulses: int

    def draws(self) -> NDArray[np.float64]:
        """Return the samples of all chains, shape (chains * samples, size)."""
        return self.weights.reshape(-1, self.weights.shape[-1])

    def counted(self, chain: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the samples that differ, shape (n, size), and how often each counts, (n,).

        That is how an array stores them: a row once, and a counter with it.
        """
        held = self.weights[chain]
        new = np.flatnonzero((held[1:] != held[:-1]).any(axis=1)) + 1
        first = np.concatenate([[0], new])
        return held[first], np.diff(np.append(first, len(held)))


def sample_rows(usable: NDArray[np.bool_], size: int) -> NDArray[np.int64]:
    """Lay samples of ``size`` pairs on a chip, word line by word line.

    Parameters
    ----------
    usable
        bool, shape (rows, columns).
    size
        Weights of a sample.

    Returns
    -------
    NDArray
        int64, shape (samples, size, 2, 2): sample; weight; plus or minus cell; row or column.

    Raises
    ------
    WiringError
        Where there is no room for two samples.
    """
    found, block = [], np.empty((0, 2), dtype=np.int64)
    for row in range(usable.shape[0]):
        free = np.flatnonzero(usable[row])
        block = np.vstack([block, np.column_stack([np.full(len(free), row), free])])
        while len(block) >= 2 * size:
            found.append(block[: 2 * size].reshape(size, 2, 2))
            block = block[2 * size :]
    if len(found) < 2:
        raise WiringError(
            f"Samples of {size} weights need {2 * size} cells each, and two samples at least; the "
            f"{int(usable.sum())} usable cells of this chip hold {len(found)}."
        )
    return np.stack(found)
