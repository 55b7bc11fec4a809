"""Layers whose products the array itself works out, instead of the computer from what was read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.array import READ_VOLTAGE, AnalogueArray, CellArray
from labctl.errors import ProcedureError, WiringError
from labctl.learn.models.model import Model, PredictiveModel
from labctl.learn.weights import Encoding, Weights

Floats = NDArray[np.float64]


def place_layers(
    shapes: Sequence[tuple[int, int]],
    encoding: Encoding,
    usable: ArrayLike,
    cost: ArrayLike | None = None,
) -> NDArray[np.int64]:
    """Return cells for layers such that each is a block of word lines and bit lines.

    A row of a layer's table (an input, or the bias) has a bit line; a column (an output) has a word
    line for each slot. Word lines and bit lines with unusable cells are passed over, as few as
    possible; of those that are left, the ones of least cost are taken.

    Parameters
    ----------
    shapes
        Rows and columns of each layer's table of weights.
    encoding
        How many cells a weight takes.
    usable
        bool, shape (rows, columns): of the chip.
    cost
        float, shape (rows, columns): of a cell; None takes the first lines that do.

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
    price = np.zeros(good.shape) if cost is None else np.asarray(cost, dtype=np.float64)
    slots = len(encoding.signs)
    free = np.arange(good.shape[0])
    cells = []
    for k, (inputs, outputs) in enumerate(shapes):
        rows, columns = _lines(good, price, free, inputs, outputs * slots, k)
        free = np.setdiff1d(free, rows)
        by_output = rows.reshape(outputs, slots)
        layer = np.empty((inputs, outputs, slots, 2), dtype=np.int64)
        layer[..., 0] = by_output[None]
        layer[..., 1] = columns[:, None, None]
        cells.append(layer.reshape(-1, slots, 2))
    return np.concatenate(cells)


def _lines(
    good: NDArray[np.bool_],
    price: Floats,
    free: NDArray[np.int64],
    inputs: int,
    needed: int,
    layer: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return word lines and bit lines that cross in usable cells only."""
    kept = free
    columns = np.arange(0)
    while len(kept) >= needed and good.shape[1] >= inputs:
        # The bit lines with fewest gaps, then without the word lines that have most gaps there.
        gaps = (~good[kept]).sum(axis=0)
        prices = np.where(good[kept], price[kept], 0.0).sum(axis=0)
        columns = np.sort(np.lexsort((prices, gaps))[:inputs])
        bad = (~good[np.ix_(kept, columns)]).sum(axis=1)
        if not bad.any():
            best = np.argsort(price[np.ix_(kept, columns)].sum(axis=1), kind="stable")
            return np.sort(kept[best[:needed]]), columns
        kept = kept[bad < bad.max()]
    raise WiringError(
        f"Layer {layer} needs {needed} word lines that cross {inputs} bit lines in usable cells "
        f"only; of the chip's {good.shape[0]} word lines {len(free)} are free, and {len(kept)} are "
        f"left when those with unusable cells are passed over, of {good.shape[1]} bit lines. Use a "
        "smaller layer or a larger chip, or take products from what is read."
    )


def check_offered(array: CellArray) -> None:
    """Refuse an array without products.

    Raises
    ------
    WiringError
        Says what to do.
    """
    if not isinstance(array, AnalogueArray):
        raise WiringError(
            f"This array ({type(array).__name__}) offers no analogue products: a bench whose "
            "instruments reach one cell at a time has none. Take products from what is read "
            "(without analogue), or use an array that offers them, such as "
            'labctl.sim.SimulatedArray of a chip with source_lines = "rows".'
        )


def layers_of(array: CellArray, model: Model) -> list[tuple[int, int]]:
    """Return rows and columns of the layers whose products an array is to work out.

    Raises
    ------
    WiringError
        Where the array offers none.
    ProcedureError
        Where the model has none.
    """
    check_offered(array)
    if not isinstance(model, PredictiveModel):
        raise ProcedureError(
            f"{type(model).__name__} has no layers whose products an array could work out. Use a "
            "model of labctl.learn.models, or leave analogue out."
        )
    return list(model.shapes)


def share_kappa(
    kappa: Floats, most: Floats, shapes: Sequence[tuple[int, int]], chains: int = 1
) -> Floats:
    """Return scales of which the weights of each output have one.

    It is the largest of theirs, so that a pulse is too large for none of them, but none larger than
    the least of ``most``, so that they all reach as far as they must.

    Parameters
    ----------
    kappa
        float64, shape (n,), S per unit weight: what each weight would have for itself.
    most
        float64, shape (n,): the largest each may have.
    shapes
        Of the layers of one chain.
    chains
        How many there are, one after the other.
    """
    shared = np.empty_like(kappa)
    start = 0
    for inputs, outputs in [*shapes] * chains:
        own = slice(start, start := start + inputs * outputs)
        wanted, bound = kappa[own].reshape(inputs, -1), most[own].reshape(inputs, -1)
        shared[own] = np.tile(np.minimum(wanted.max(axis=0), bound.min(axis=0)), inputs)
    return shared


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
    chain
        Which chain's weights, where several share the chip.

    Raises
    ------
    WiringError
        Where the array offers none, or the weights are not placed in blocks.
    LimitError
        Where the lines of the chip do not allow it.
    """

    def __init__(
        self,
        array: CellArray,
        placed: Weights,
        shapes: Sequence[tuple[int, int]],
        voltage: float = READ_VOLTAGE,
        chain: int = 0,
    ) -> None:
        check_offered(array)
        assert isinstance(array, AnalogueArray)
        self._array, self._placed, self._voltage = array, placed, voltage
        self._signs = np.array(placed.encoding.signs, dtype=np.float64)
        self._blocks = []
        start = chain * sum(inputs * outputs for inputs, outputs in shapes)
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
            array.check_product(rows.ravel(), columns)
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
