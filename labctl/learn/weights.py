"""Weights on cells: which cells carry them, and what their conductances mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import WiringError


def place_pairs(number: int, usable: ArrayLike, cost: ArrayLike | None = None) -> NDArray[np.int64]:
    """Return cells for ``number`` differential pairs: the best ones, around the unusable.

    The two cells of a pair are neighbours in the list of cells chosen, row by row, so that one
    pass over the pairs crosses each word line once.

    Parameters
    ----------
    number
        Of pairs.
    usable
        bool, shape (rows, columns).
    cost
        float, shape (rows, columns): the cells of least cost are taken; None takes the first ones.

    Returns
    -------
    NDArray
        int64, shape (number, 2, 2): pair; plus or minus cell; row or column.

    Raises
    ------
    WiringError
        Where the chip has too few usable cells.
    """
    good = np.asarray(usable, dtype=bool)
    free = np.argwhere(good).astype(np.int64)
    if len(free) < 2 * number:
        raise WiringError(
            f"{number} weights as differential pairs need {2 * number} cells; of the chip's "
            f"{good.size} cells {len(free)} are usable. Form more cells, measure transitions on "
            "more of them, or use a smaller model or a larger chip."
        )
    if cost is not None:
        order = np.argsort(np.asarray(cost)[free[:, 0], free[:, 1]], kind="stable")
        free = free[np.sort(order[: 2 * number])]
    return free[: 2 * number].reshape(number, 2, 2)


@dataclass(slots=True)
class DifferentialPairs:
    """Weights as differences of two conductances: ``w = (G_plus - G_minus) / kappa``.

    Attributes
    ----------
    cells
        int64, shape (n, 2, 2): pair; plus or minus cell; row or column.
    kappa
        float64, shape (n,), S per unit weight: one for each weight.
    centre
        S, where both cells of a pair rest.
    """

    cells: NDArray[np.int64]
    kappa: NDArray[np.float64]
    centre: float

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def all_cells(self) -> NDArray[np.int64]:
        """All cells, shape (2n, 2): plus and minus of the first pair, and so on."""
        return self.cells.reshape(-1, 2)

    def weights(self, conductance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return weights, shape (n,), of conductances (S), shape (n, 2)."""
        found: NDArray[np.float64] = (conductance[:, 0] - conductance[:, 1]) / self.kappa
        return found

    def conductances(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return conductances (S), shape (n, 2), about the centre for weights, shape (n,)."""
        half = 0.5 * weights * self.kappa
        return np.column_stack([self.centre + half, self.centre - half])
