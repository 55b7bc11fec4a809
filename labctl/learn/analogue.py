"""Layers whose products the array itself works out, instead of the computer from what was read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.array import READ_VOLTAGE, AnalogueArray, CellArray
from labctl.errors import WiringError
from labctl.learn.weights import Encoding, Weights

Floats = NDArray[np.float64]


def place_layers(
    shapes: Sequence[tuple[int, int]], encoding: Encoding, usable: ArrayLike
) -> NDArray[np.int64]:
    """Return cells for layers such that each is a block of word lines and bit lines.

    A row of a layer's table (an input, or the bias) has a bit line; a column (an output) has a word
    line for each slot. Word lines and bit lines with unusable cells are passed over, as few as
    possible.

    Parameters
    ----------
    shapes
        Rows and columns of each layer's table of weights.
    encoding
        How many cells a weight takes.
    usable
        bool, shape (rows, columns): of the chip.

    Returns
    -------
    NDArray
        int64, shape (weights, slots, 2), weights in the order of the flat vector.

    Raises
    ------
    WiringError
        Where the chip has too few whole lines left.
    """
    good = np.asarray(usable, dtype=bool)
    slots = len(encoding.signs)
    free = np.arange(good.shape[0])
    cells = []
    for k, (inputs, outputs) in enumerate(shapes):
        rows, columns = _lines(good, free, inputs, outputs * slots, k)
        free = np.setdiff1d(free, rows)
        by_output = rows.reshape(outputs, slots)
        layer = np.empty((inputs, outputs, slots, 2), dtype=np.int64)
        layer[..., 0] = by_output[None]
        layer[..., 1] = columns[:, None, None]
        cells.append(layer.reshape(-1, slots, 2))
    return np.concatenate(cells)


def _lines(
    good: NDArray[np.bool_], free: NDArray[np.int64], inputs: int, needed: int, layer: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return word lines and bit lines that cross in usable cells only."""
    kept = free
    columns = np.arange(0)
    while len(kept) >= needed and good.shape[1] >= inputs:
        # The bit lines with fewest gaps, then without the word lines that have most gaps there.
        gaps = (~good[kept]).sum(axis=0)
        columns = np.sort(np.argsort(gaps, kind="stable")[:inputs])
        bad = (~good[np.ix_(kept, columns)]).sum(axis=1)
        if not bad.any():
            return kept[:needed], columns
        kept = kept[bad < bad.max()]
    raise WiringError(
        f"Layer {layer} needs {needed} word lines that cross {inputs} bit lines in usable cells "
        f"only; of the chip's {good.shape[0]} word lines {len(free)} are free, and {len(kept)} are "
        f"left when those with unusable cells are passed over, of {good.shape[1]} bit lines. Use a "
        "smaller layer or a larger chip, or take products from what is read."
    )


class AnalogueProducts:
    """Products of layers on a chip, for ``product`` of :class:`labctl.learn.models.Network`.

    Parameters
    ----------
    array
        Must offer products.
    placed
        Weights placed by :func:`place_layers`, one scale for each output at least.
    shapes
        Of the layers.
    voltage
        V of an input of 1.

    Raises
    ------
    WiringError
        Where the array offers none, or the weights are not placed in blocks.
    """

    def __init__(
        self,
        array: CellArray,
        placed: Weights,
        shapes: Sequence[tuple[int, int]],
        voltage: float = READ_VOLTAGE,
    ) -> None:
        if not isinstance(array, AnalogueArray):
            raise WiringError(
                "This array offers no analogue products; take them from what is read."
            )
        self._array, self._placed, self._voltage = array, placed, voltage
        self._signs = np.array(placed.encoding.signs, dtype=np.float64)
        self._blocks = []
        start = 0
        for inputs, outputs in shapes:
            stop = start + inputs * outputs
            cells = placed.cells[start:stop].reshape(inputs, outputs, len(self._signs), 2)
            rows, columns = cells[0, :, :, 0], cells[:, 0, 0, 1]
            if not (
                (cells[..., 0] == rows[None]).all()
                and (cells[..., 1] == columns[:, None, None]).all()
            ):
                raise WiringError(
                    "These weights are not placed in blocks of lines: place them by place_layers."
                )
            self._blocks.append((rows, columns, slice(start, stop)))
            start = stop

    def __call__(self, layer: int, inputs: Floats) -> Floats:
        """Return ``inputs @ table`` of a layer, shape (n, outputs), for inputs (n, rows)."""
        rows, columns, own = self._blocks[layer]
        kappa = self._placed.kappa[own].reshape(len(columns), -1)
        if not np.allclose(kappa, kappa[:1]):
            raise WiringError(
                "An analogue product adds up before it is scaled: the weights of an output need "
                "one kappa."
            )
        scale = max(float(np.abs(inputs).max(initial=0.0)), 1e-300)
        found = self._array.product(inputs / scale, rows.ravel(), columns, self._voltage)
        summed = found.reshape(len(inputs), *rows.shape) @ self._signs
        offset = self._placed.encoding.offset(self._placed.centre)
        product: Floats = scale * summed - offset * inputs.sum(axis=1, keepdims=True)
        return product / kappa[0]
