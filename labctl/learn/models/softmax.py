"""Bayesian softmax regression: several classes, one column of weights for each."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import ProcedureError
from labctl.learn.models.model import (
    Product,
    Rows,
    features,
    flat,
    labels,
    log_prior,
    prior_precision,
)

MOST_CURVATURE = 256
"""Weights up to which second derivatives are given: their cost grows with the square."""


def softmax(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return probabilities along the last axis, without overflow."""
    power = np.exp(z - z.max(axis=-1, keepdims=True))
    found: NDArray[np.float64] = power / power.sum(axis=-1, keepdims=True)
    return found


class SoftmaxRegression:
    """Posterior of softmax regression with independent normal priors of mean 0.

    The prior makes the weights identifiable; no class is held at zero.

    Parameters
    ----------
    x
        float, shape (n, d); a column of ones in it is the bias.
    y
        shape (n,): classes 0 to ``classes`` - 1.
    classes
        How many there are, 2 or more, seen or not.
    prior_sd
        Of every weight: one for all, or shape (d * classes,).
    several
        Whether labels of a single class are refused; the prior alone bounds their posterior.

    Attributes
    ----------
    shapes
        ``[(d, classes)]``: the flat weights are this table row by row.

    Raises
    ------
    ProcedureError
        Where features are not finite or labels are no classes or all of one.
    """

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        classes: int,
        prior_sd: float | NDArray[np.float64] = 1.0,
        *,
        several: bool = True,
    ) -> None:
        if classes < 2:
            raise ProcedureError(f"A softmax over {classes} classes: give 2 or more.")
        self._x = features(x)
        self.classes = classes
        self._labels = labels(y, len(self._x), classes, several=several)
        self._hot = np.eye(classes)[self._labels]
        self.shapes = [(self._x.shape[1], classes)]
        self.size = self._x.shape[1] * classes
        self.prior_sd = prior_sd
        self._precision = prior_precision(prior_sd, self.size)

    def _table(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return weights.reshape(*weights.shape[:-1], *self.shapes[0])

    def gradient(
        self, weights: NDArray[np.float64], rows: Rows = None, product: Product | None = None
    ) -> NDArray[np.float64]:
        """See :meth:`labctl.learn.models.PredictiveModel.gradient`."""
        x, hot = (self._x, self._hot) if rows is None else (self._x[rows], self._hot[rows])
        miss = softmax(x @ self._table(weights) if product is None else product(0, x)) - hot
        likelihood = (x.T @ miss).reshape(weights.shape)
        found: NDArray[np.float64] = len(self) / len(x) * likelihood + self._precision * weights
        return found

    def curvature(self, weights: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return the second derivatives, shape (size, size); None for more than 256 weights."""
        if self.size > MOST_CURVATURE:
            return None
        p = softmax(self._x @ self._table(weights))
        spread = p[:, :, None] * (np.eye(self.classes) - p[:, None, :])
        found = np.einsum("ni,nkl,nj->ikjl", self._x, spread, self._x, optimize=True)
        square: NDArray[np.float64] = found.reshape(self.size, self.size).copy()
        square.flat[:: self.size + 1] += self._precision
        return square

    def log_likelihood(self, weights: NDArray[np.float64]) -> float:
        """Return the log likelihood of the training labels, nat."""
        z = self._x @ self._table(weights)
        return float(np.sum(z * self._hot) - np.logaddexp.reduce(z, axis=-1).sum())

    def log_posterior(self, weights: NDArray[np.float64]) -> float:
        """Return log likelihood plus log prior, nat, up to a constant."""
        return self.log_likelihood(weights) + log_prior(weights, self._precision)

    def predict(
        self, weights: ArrayLike, x: ArrayLike, product: Product | None = None
    ) -> NDArray[np.float64]:
        """Return the probabilities of the classes, shape (draws, n, classes)."""
        draws, data = flat(weights, self.size), features(x, self.shapes[0][0])
        if product is None:
            return softmax(data @ self._table(draws))
        return softmax(np.stack([product(0, data) for _ in draws]))

    def with_data(self, x: ArrayLike, y: ArrayLike) -> SoftmaxRegression:
        """Return the same model with these data in place of its own."""
        return SoftmaxRegression(features(x, self.shapes[0][0]), y, self.classes, self.prior_sd)

    def extend(self, x: ArrayLike, y: ArrayLike) -> SoftmaxRegression:
        """Return the same model with these data, shapes (m, d) and (m,), besides its own."""
        more = features(x, self.shapes[0][0])
        known = labels(y, len(more), self.classes, several=False)
        return self.with_data(np.vstack([self._x, more]), np.concatenate([self._labels, known]))

    def __len__(self) -> int:
        return len(self._x)
