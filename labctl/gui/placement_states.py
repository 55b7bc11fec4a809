"""Which weight sits on every cell, gathered from the ``placement`` table of a run that learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FREE, DEAD = -1, -2
"""Weights that are none: of a free cell, and of one that no weight may use."""

_NOTHING = {
    "weight": FREE, "chain": -1, "layer": -1, "input": -1, "output": -1, "slot": -1, "sign": 0,
    "frozen": 0, "lost_row": -1, "lost_col": -1, "step": 0,
}  # fmt: skip


class PlacementStates:
    """Latest use of the cells of one chip.

    Attributes
    ----------
    fields
        Column of the table -> int64, shape (rows, columns), as last told of each cell.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.fields = {name: np.full(shape, value) for name, value in _NOTHING.items()}

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the chip."""
        rows, columns = self.weight.shape
        return rows, columns

    @property
    def weight(self) -> NDArray[np.int64]:
        """Index of the weight, shape (rows, columns); -1 free, -2 not usable."""
        return self.fields["weight"]

    @property
    def is_spare(self) -> NDArray[np.bool_]:
        """Cells that took the place of one that was given up, shape (rows, columns)."""
        return self.fields["lost_row"] >= 0

    @property
    def is_lost(self) -> NDArray[np.bool_]:
        """Cells that were given up in mid-training, shape (rows, columns).

        They carry no weight any more, or, where they had to stay, one that they no longer move.
        """
        return ((self.weight == DEAD) & (self.fields["step"] > 0)) | self.is_frozen

    @property
    def is_frozen(self) -> NDArray[np.bool_]:
        """Cells given up that still carry their weight, shape (rows, columns)."""
        return self.fields["frozen"] > 0

    @property
    def layers(self) -> int:
        """How many layers there are; 0 without weights."""
        return int(self.fields["layer"].max(initial=-1)) + 1

    def add(self, rows: Mapping[str, NDArray[Any]]) -> None:
        """Take new rows of the table in; those of cells beyond the chip are left out."""
        row, col = np.asarray(rows["row"], np.intp), np.asarray(rows["col"], np.intp)
        here = (row >= 0) & (row < self.shape[0]) & (col >= 0) & (col < self.shape[1])
        for name, field in self.fields.items():
            # NumPy assigns in order, so that of several rows of one cell the last one stays.
            field[row[here], col[here]] = np.asarray(rows[name], np.int64)[here]

    def describe(self, row: int, column: int) -> str:
        """Return what a cell carries, in words."""
        at = {name: int(field[row, column]) for name, field in self.fields.items()}
        if self.is_lost[row, column] and not self.is_frozen[row, column]:
            return f"given up after step {at['step']}"
        if at["weight"] < 0:
            return "free" if at["weight"] == FREE else "not usable"
        side = "plus" if at["sign"] > 0 else "minus"
        if self._alike(at):
            side += f" cell {at['slot'] + 1}"
        chain = f" of chain {at['chain'] + 1}" if self.fields["chain"].max() > 0 else ""
        words = f"weight {at['weight']}{chain}, {side}"
        layer = f"layer {at['layer'] + 1}, " if self.layers > 1 else ""
        words += f" · {layer}input {at['input']} to output {at['output']}"
        if self.is_spare[row, column]:
            words += f" · spare for ({at['lost_row']}, {at['lost_col']})"
        if self.is_frozen[row, column]:
            words += f" · frozen after step {at['step']}"
        return words

    def _alike(self, at: Mapping[str, int]) -> bool:
        """Whether the weight has several cells of this sign."""
        same = (self.weight == at["weight"]) & (self.fields["chain"] == at["chain"])
        return int((same & (self.fields["sign"] == at["sign"])).sum()) > 1
