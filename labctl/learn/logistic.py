"""Bayesian logistic regression: gradient, curvature and predictions in NumPy."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import ProcedureError


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
        float, shape (n, d).
    y
        shape (n,): 0 or 1.
    prior_sd
        Of every weight.

    Raises
    ------
    ProcedureError
        Where features are not finite, or labels are not 0 and 1, both present.
    """

    def __init__(self, x: ArrayLike, y: ArrayLike, prior_sd: float = 1.0) -> None:
        self._x = np.ascontiguousarray(x, dtype=np.float64)
        self._xt = np.ascontiguousarray(self._x.T)
        self._y = np.asarray(y, dtype=np.float64)
        self.prior_sd = prior_sd
        self.size = self._x.shape[1]
        if not np.isfinite(self._x).all():
            raise ProcedureError("Features are not all finite; fill in or drop what is missing.")
        if self._y.shape != (len(self._x),) or set(np.unique(self._y)) != {0.0, 1.0}:
            raise ProcedureError(
                f"Labels must be 0 and 1, both present, one for each of the {len(self._x)} rows."
            )

    def gradient(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gradient of the potential, minus the log posterior, shape (d,)."""
        miss = sigmoid(self._x @ weights) - self._y
        found: NDArray[np.float64] = self._xt @ miss + weights / self.prior_sd**2
        return found

    def curvature(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the second derivatives of the potential, shape (d, d)."""
        p = sigmoid(self._x @ weights)
        found = (self._xt * (p * (1 - p))) @ self._x
        found.flat[:: self.size + 1] += self.prior_sd**-2
        return found

    def log_likelihood(self, weights: NDArray[np.float64]) -> float:
        """Return the log likelihood of the training labels, nat."""
        z = self._x @ weights
        return float(self._y @ z - np.logaddexp(0.0, z).sum())

    def log_posterior(self, weights: NDArray[np.float64]) -> float:
        """Return log likelihood plus log prior, nat, up to a constant."""
        prior = -0.5 * float(weights @ weights) / self.prior_sd**2
        return self.log_likelihood(weights) + prior

    def __len__(self) -> int:
        return len(self._y)
