"""What a chain needs of a posterior, and what all models have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import ProcedureError

Rows = NDArray[np.int64] | Sequence[int] | None
"""Which data a minibatch has, by index; None is all of them."""
Product = Callable[[int, NDArray[np.float64]], NDArray[np.float64]]
"""Of a layer's number and its inputs, shape (n, rows), bias included: ``inputs @ table``."""


class Model(Protocol):
    """A posterior over weights, given as one flat vector."""

    @property
    def size(self) -> int:
        """Number of weights."""
        ...

    @property
    def prior_sd(self) -> float | NDArray[np.float64]:
        """Of the independent normal priors of mean 0: one for all, or float64, shape (size,)."""
        ...

    def gradient(self, weights: NDArray[np.float64], rows: Rows = None) -> NDArray[np.float64]:
        """Return the gradient of minus the log posterior.

        Parameters
        ----------
        weights
            float64, shape (size,), or (k, size) for k draws at once.
        rows
            Of a minibatch of n; its part of the likelihood is scaled by N / n.

        Returns
        -------
        NDArray
            float64, of the shape of ``weights``.
        """
        ...

    def curvature(self, weights: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return the second derivatives of minus the log posterior, shape (size, size).

        None where they are too dear.
        """
        ...


@runtime_checkable
class PredictiveModel(Model, Protocol):
    """A posterior over the weights of something that predicts outputs from features."""

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Rows and columns of each layer's table; the weights are these, row by row."""
        ...

    def gradient(
        self, weights: NDArray[np.float64], rows: Rows = None, product: Product | None = None
    ) -> NDArray[np.float64]:
        """See :meth:`Model.gradient`.

        With ``product``, forward products are what it returns (say of
        :class:`labctl.learn.analogue.AnalogueProducts`), for one vector of weights; the way back
        uses ``weights``.
        """
        ...

    def log_likelihood(self, weights: NDArray[np.float64]) -> float:
        """Return the log likelihood of the training labels, nat."""
        ...

    def log_posterior(self, weights: NDArray[np.float64]) -> float:
        """Return log likelihood plus log prior, nat, up to a constant."""
        ...

    def predict(
        self, weights: ArrayLike, x: ArrayLike, product: Product | None = None
    ) -> NDArray[np.float64]:
        """Return predictions, shape (draws, n, outputs).

        Parameters
        ----------
        weights
            float, shape (draws, size) or (size,).
        x
            float, shape (n, d).
        product
            See :meth:`gradient`; called anew for each draw.

        Returns
        -------
        NDArray
            float64: the probability of each class (two columns where there are two classes), or
            the mean of a Gaussian output.
        """
        ...

    def with_data(self, x: ArrayLike, y: ArrayLike) -> PredictiveModel:
        """Return the same model of the same weights with these data in place of its own."""
        ...

    def extend(self, x: ArrayLike, y: ArrayLike) -> PredictiveModel:
        """Return the same model with these data in addition to its own."""
        ...

    def __len__(self) -> int:
        """Return the number of training data."""
        ...


def prior_precision(prior_sd: float | ArrayLike, size: int) -> NDArray[np.float64]:
    """Return 1 / sd^2 of every weight, shape (size,).

    Raises
    ------
    ProcedureError
        Where it is neither one positive number nor one for each weight.
    """
    sd = np.asarray(prior_sd, dtype=np.float64)
    if sd.shape not in ((), (size,)) or not np.isfinite(sd).all() or (sd <= 0).any():
        raise ProcedureError(
            f"The prior needs one standard deviation above 0, or one for each of the {size} "
            f"weights; got shape {sd.shape}."
        )
    return np.full(size, 1.0) / np.square(sd)


def log_prior(weights: NDArray[np.float64], precision: NDArray[np.float64]) -> float:
    """Return the log density of the prior up to a constant, nat."""
    return -0.5 * float(np.sum(precision * weights * weights))


def features(x: ArrayLike, width: int | None = None) -> NDArray[np.float64]:
    """Return features as float64, C-ordered, shape (n, d), or say what is wrong with them.

    Raises
    ------
    ProcedureError
        Where they are not a table of finite numbers, or not ``width`` columns wide.
    """
    table = np.ascontiguousarray(x, dtype=np.float64)
    if table.ndim != 2 or 0 in table.shape:
        raise ProcedureError(
            f"Features must be a table of shape (n, d) with at least one row and one column; got "
            f"shape {table.shape}."
        )
    if width is not None and table.shape[1] != width:
        raise ProcedureError(
            f"The features have {table.shape[1]} columns; the model takes {width}."
        )
    bad = ~np.isfinite(table)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ProcedureError(
            f"Features are not all finite ({int(bad.sum())} of {table.size}, first in row {row}, "
            f"column {column}); fill in or drop what is missing."
        )
    return table


def labels(y: ArrayLike, rows: int, classes: int, *, several: bool = True) -> NDArray[np.int64]:
    """Return class labels as int64, shape (rows,), or say what is wrong with them.

    Parameters
    ----------
    y
        shape (rows,): 0 to ``classes`` - 1.
    rows
        How many features there are.
    classes
        How many classes there are.
    several
        Whether labels of a single class are refused.

    Raises
    ------
    ProcedureError
        Where labels are missing, of another number than the features, no class or all of one.
    """
    given = np.asarray(y)
    if given.shape != (rows,):
        raise ProcedureError(
            f"There must be one label for each of the {rows} rows of features; got shape "
            f"{given.shape}."
        )
    try:
        value = given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ProcedureError(
            f"Labels must be whole numbers from 0 to {classes - 1}; got {given.dtype}. Number the "
            "classes first."
        ) from error
    missing = ~np.isfinite(value)
    if missing.any():
        raise ProcedureError(
            f"{int(missing.sum())} of {rows} labels are missing, the first in row "
            f"{int(np.flatnonzero(missing)[0])}; label these rows or drop them."
        )
    wrong = (value != np.floor(value)) | (value < 0) | (value >= classes)
    if wrong.any():
        raise ProcedureError(
            f"Labels must be whole numbers from 0 to {classes - 1}; row "
            f"{int(np.flatnonzero(wrong)[0])} has {value[wrong][0]:g}."
        )
    if several and len(np.unique(value)) < 2:
        raise ProcedureError(
            f"All {rows} labels are of class {value[0]:g}: nothing can be learned from one class. "
            "Add rows of another."
        )
    return value.astype(np.int64)


def targets(y: ArrayLike, rows: int, outputs: int = 1) -> NDArray[np.float64]:
    """Return targets of a regression as float64, shape (rows, outputs).

    Raises
    ------
    ProcedureError
        Where they are missing, not finite, or of another shape.
    """
    value = np.asarray(y, dtype=np.float64)
    if value.ndim == 1 and outputs == 1:
        value = value[:, None]
    if value.shape != (rows, outputs):
        raise ProcedureError(
            f"There must be {outputs} target{'s' * (outputs > 1)} for each of the {rows} rows of "
            f"features; got shape {np.shape(y)}."
        )
    missing = ~np.isfinite(value).all(axis=1)
    if missing.any():
        raise ProcedureError(
            f"{int(missing.sum())} of {rows} targets are missing or not finite, the first in row "
            f"{int(np.flatnonzero(missing)[0])}; fill in or drop them."
        )
    return value


def flat(weights: ArrayLike, size: int) -> NDArray[np.float64]:
    """Return weights as float64, shape (draws, size).

    Raises
    ------
    ProcedureError
        Where they are of another model.
    """
    value = np.atleast_2d(np.asarray(weights, dtype=np.float64))
    if value.ndim != 2 or value.shape[1] != size:
        raise ProcedureError(
            f"The model has {size} weights; got draws of shape {np.shape(weights)}."
        )
    return value
