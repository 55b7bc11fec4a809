"""What a run tells of its placement: every cell that carries another weight than it did."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np
from numpy.typing import NDArray

from labctl.learn.models.model import Model
from labctl.learn.placement import DEAD, FREE
from labctl.learn.sampler import Chain

_FIELDS = (
    "weight", "chain", "layer", "input", "output", "slot", "sign", "frozen", "lost_row",
    "lost_col",
)  # fmt: skip
_NOTHING = (FREE, -1, -1, -1, -1, -1, 0, 0, -1, -1)


class PlacementLog:
    """Keeps which cells were told of, so that only what has changed is told again.

    Parameters
    ----------
    shape
        Rows and columns of the chip; all cells are taken for free at first.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._told = _blank(shape)

    def changes(self, chain: Chain) -> dict[str, NDArray[np.int64]]:
        """Return the cells whose use has changed since the last call.

        Returns
        -------
        dict
            Columns of equal length, a row for each cell: ``row``, ``col``; ``weight``, its index,
            -1 free, -2 not usable; ``chain``, ``layer``, ``input`` and ``output`` of the weight
            and ``slot`` of the cell, all from 0; ``sign``, 1 or -1 as the cell adds to the weight
            or takes from it, 0 without a weight; ``frozen``, 1 where it is pulsed no more;
            ``lost_row`` and ``lost_col``, the cell whose place it took. What does not apply is -1.
        """
        now = _uses(chain, self._told.shape[:2])
        row, column = np.nonzero((now != self._told).any(axis=2))
        fields = now[row, column]
        self._told = now
        return {"row": row, "col": column} | {name: fields[:, k] for k, name in enumerate(_FIELDS)}

    def take(self, rows: Mapping[str, NDArray[np.int64]]) -> None:
        """Take rows that were told before, in their order, as when a run is resumed."""
        at = np.asarray(rows["row"], np.intp), np.asarray(rows["col"], np.intp)
        # NumPy assigns in order, so that of several rows of one cell the last one stays.
        self._told[at] = np.stack([np.asarray(rows[name], np.int64) for name in _FIELDS], axis=1)


def _blank(shape: tuple[int, int]) -> NDArray[np.int64]:
    return np.tile(np.array(_NOTHING, dtype=np.int64), (*shape, 1))


def _uses(chain: Chain, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return the fields of every cell, shape (rows, columns, fields)."""
    found = _blank(shape)
    found[~chain.cells.usable, 0] = DEAD
    cells = chain.placed.cells
    number, slots = cells.shape[:2]
    own = np.empty((number, slots, len(_FIELDS)), dtype=np.int64)
    index = np.arange(number) % chain.model.size
    own[..., 0] = index[:, None]
    own[..., 1] = (np.arange(number) // chain.model.size)[:, None]
    own[..., 2:5] = _addresses(chain.model)[index][:, None]
    own[..., 5] = np.arange(slots)
    own[..., 6] = chain.placed.encoding.signs
    own[..., 7] = chain.cells.frozen
    own[..., 8:] = -1
    for event in chain.replaced:
        if event.spare == tuple(cells[event.weight, event.slot].tolist()):
            own[event.weight, event.slot, 8:] = event.lost
    # Backwards, so that of the weights that share a reference cell the first one stays.
    flat = cells[::-1].reshape(-1, 2)
    found[flat[:, 0], flat[:, 1]] = own[::-1].reshape(-1, len(_FIELDS))
    return found


def _addresses(model: Model) -> NDArray[np.int64]:
    """Return layer, input and output of each weight, shape (size, 3)."""
    shapes = getattr(model, "shapes", [(model.size, 1)])
    parts = []
    for layer, shape in enumerate(shapes):
        inside = np.indices(shape).reshape(2, -1).T
        parts.append(np.column_stack([np.full(prod(shape), layer), inside]))
    return np.concatenate(parts)
