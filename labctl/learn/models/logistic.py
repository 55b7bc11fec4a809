"""Bayesian logistic regression: gradient, curvature and predictions in NumPy."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.learn.models.model import (
    Product,
    Rows,
    features,
    flat,
    labels,
    log_prior,
    prior_precision,
)


def sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 / (1 + exp(-z)) without overflow."""
    value: NDArray[np.float64] = 0.5 + 0.5 * np.tanh(0.5 * z)
    return value


def predict(weights: ArrayLike, x: ArrayLike) -> NDArray[np.float64]:
    """Return the probability of class 1, shape (draws, n), for weights (draws, d), x (n, d)."""
    return sigmoid(np.atleast_2d(weights) @ np.asarray(x, dtype=np.float64).T)


class LogisticRegression:
    """Posterior of logistic regression with independent normal priors of mean 0.

    Parameters
    ----------
    x
        float, shape (n, d); a column of ones in it is the bias.
    y
        shape (n,): 0 or 1.
    prior_sd
        Of every weight: one for all, or shape (d,).
    several
        Whether labels of a single class are refused; the prior alone bounds their posterior.

    Attributes
    ----------
    shapes
        ``[(d, 1)]``: the weights are a table of one column.

    Raises
    ------
    ProcedureError
        Where features are not finite, or labels are not 0 and 1, or all of one.
    """

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        prior_sd: float | NDArray[np.float64] = 1.0,
        *,
        several: bool = True,
    ) -> None:
        self._x = features(x)
        self._xt = np.ascontiguousarray(self._x.T)
        self._labels = labels(y, len(self._x), 2, several=several)
        self._y = self._labels.astype(np.float64)
        self.size = self._x.shape[1]
        self.shapes = [(self.size, 1)]
        self.prior_sd = prior_sd
        self._precision = prior_precision(prior_sd, self.size)

    def gradient(
        self, weights: NDArray[np.float64], rows: Rows = None, product: Product | None = None
    ) -> NDArray[np.float64]:
        """See :meth:`labctl.learn.models.PredictiveModel.gradient`."""
        if rows is None and product is None:
            miss = sigmoid(weights @ self._xt) - self._y
            return miss @ self._x + self._precision * weights
        x, y = (self._x, self._y) if rows is None else (self._x[rows], self._y[rows])
        miss = sigmoid(weights @ x.T if product is None else product(0, x)[:, 0]) - y
        found: NDArray[np.float64] = len(self) / len(x) * (miss @ x) + self._precision * weights
        return found

    def curvature(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the second derivatives of the potential, shape (d, d)."""
        p = sigmoid(self._x @ weights)
        found = (self._xt * (p * (1 - p))) @ self._x
        found.flat[:: self.size + 1] += self._precision
        return found

    def log_likelihood(self, weights: NDArray[np.float64]) -> float:
        """Return the log likelihood of the training labels, nat."""
        z = self._x @ weights
        return float(self._y @ z - np.logaddexp(0.0, z).sum())

    def log_posterior(self, weights: NDArray[np.float64]) -> float:
        """Return log likelihood plus log prior, nat, up to a constant."""
        return self.log_likelihood(weights) + log_prior(weights, self._precision)

    def log_posteriors(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log posteriors, shape (k,), of weights, shape (k, size)."""
        z = weights @ self._xt
        found: NDArray[np.float64] = (
            z @ self._y
            - np.logaddexp(0.0, z).sum(axis=-1)
            - 0.5 * np.square(weights) @ self._precision
        )
        return found

    def predict(
        self, weights: ArrayLike, x: ArrayLike, product: Product | None = None
    ) -> NDArray[np.float64]:
        """Return the probabilities of classes 0 and 1, shape (draws, n, 2)."""
        draws, data = flat(weights, self.size), features(x, self.size)
        if product is None:
            p = predict(draws, data)
        else:
            p = sigmoid(np.stack([product(0, data)[:, 0] for _ in draws]))
        return np.stack([1 - p, p], axis=-1)

    def with_data(self, x: ArrayLike, y: ArrayLike) -> LogisticRegression:
        """Return the same model with these data in place of its own."""
        return LogisticRegression(features(x, self.size), y, self.prior_sd)

    def extend(self, x: ArrayLike, y: ArrayLike) -> LogisticRegression:
        """Return the same model with these data, shapes (m, d) and (m,), besides its own."""
        more = features(x, self.size)
        known = labels(y, len(more), 2, several=False)
        return self.with_data(np.vstack([self._x, more]), np.concatenate([self._labels, known]))

    def __len__(self) -> int:
        return len(self._y)
