"""Placement: which cells carry which weight, around those that cannot."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import WiringError
from labctl.learn.weights import DifferentialPairs, Encoding, ReferenceColumn

FREE, DEAD = -1, -2
"""Marks of a placement map: a cell that no weight uses, and one that no weight may use."""


def place(
    number: int,
    encoding: Encoding,
    usable: ArrayLike,
    cost: ArrayLike | None = None,
) -> NDArray[np.int64]:
    """Return cells for ``number`` weights: the best ones, around the unusable.

    The cells of a weight are neighbours in the list of cells chosen, row by row, so that one pass
    over the weights crosses each word line once.

    Parameters
    ----------
    number
        Of weights, of all layers and chains.
    encoding
        How many cells a weight takes.
    usable
        bool, shape (rows, columns).
    cost
        float, shape (rows, columns): the cells of least cost are taken; None takes the first ones.

    Returns
    -------
    NDArray
        int64, shape (number, slots, 2): weight; slot; row or column.

    Raises
    ------
    WiringError
        Where the chip has too few usable cells; says how many are needed and free.
    """
    good = np.asarray(usable, dtype=bool)
    price = np.zeros(good.shape) if cost is None else np.asarray(cost, dtype=np.float64)
    if isinstance(encoding, ReferenceColumn) and encoding.cells:
        return _beside_references(number, good, price)
    slots = len(encoding.signs)
    needed = number * slots
    free = np.argwhere(good).astype(np.int64)
    if len(free) < needed:
        raise WiringError(_too_few(number, encoding, needed, good))
    if cost is not None:
        order = np.argsort(price[free[:, 0], free[:, 1]], kind="stable")
        free = free[np.sort(order[:needed])]
    return free[:needed].reshape(number, slots, 2)


def _beside_references(
    number: int, good: NDArray[np.bool_], price: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Give each word line its best cell as a reference, and the others to weights."""
    rows = np.flatnonzero(good.sum(axis=1) >= 2)
    reference = np.argmin(np.where(good, price, np.inf), axis=1)
    free = good.copy()
    free[:] = False
    free[rows] = good[rows]
    free[rows, reference[rows]] = False
    cells = np.argwhere(free).astype(np.int64)
    if len(cells) < number:
        needed = number + int(np.ceil(number / max(good.shape[1] - 1, 1)))
        raise WiringError(_too_few(number, ReferenceColumn(cells=True), needed, good))
    order = np.argsort(price[cells[:, 0], cells[:, 1]], kind="stable")
    cells = cells[np.sort(order[:number])]
    beside = np.stack([cells[:, 0], reference[cells[:, 0]]], axis=1)
    return np.stack([cells, beside], axis=1)


def _too_few(number: int, encoding: Encoding, needed: int, good: NDArray[np.bool_]) -> str:
    if isinstance(encoding, DifferentialPairs):
        name = "differential pairs"
    elif isinstance(encoding, ReferenceColumn):
        name = "one cell each beside a reference" if encoding.cells else "one cell each"
    else:
        name = f"{len(encoding.signs)} cells each"
    return (
        f"{number} weights as {name} need {needed} cells; of the chip's {good.size} cells "
        f"{int(good.sum())} are usable. Form more cells, measure transitions on more of them, or "
        "use a smaller model, fewer chains or a larger chip."
    )


def placement_map(
    cells: NDArray[np.int64], usable: ArrayLike, weights: int | None = None
) -> NDArray[np.int64]:
    """Return which weight sits where.

    Parameters
    ----------
    cells
        int64, shape (n, slots, 2), as of :func:`place`.
    usable
        bool, shape (rows, columns).
    weights
        Of one model, where several chains share the chip: indices begin anew after so many.

    Returns
    -------
    NDArray
        int64, shape (rows, columns): index of the weight; -1 free, -2 dead. A reference cell that
        several weights share has the index of the first of them.
    """
    found = np.where(np.asarray(usable, dtype=bool), FREE, DEAD).astype(np.int64)
    index = np.arange(len(cells)) if weights is None else np.arange(len(cells)) % weights
    flat = cells[::-1].reshape(-1, 2)
    found[flat[:, 0], flat[:, 1]] = np.repeat(index[::-1], cells.shape[1])
    return found
