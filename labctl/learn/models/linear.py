"""Bayesian linear regression with Gaussian noise: the one posterior that is known exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import ProcedureError
from labctl.learn.models.model import (
    Product,
    Rows,
    features,
    flat,
    log_prior,
    prior_precision,
    targets,
)


class LinearRegression:
    """Posterior of linear regression, ``y = x w + noise``, with normal priors of mean 0.

    Parameters
    ----------
    x
        float, shape (n, d); a column of ones in it is the bias.
    y
        float, shape (n,).
    noise_sd
        Standard deviation of the noise, in units of ``y``; known.
    prior_sd
        Of every weight: one for all, or shape (d,).

    Attributes
    ----------
    shapes
        ``[(d, 1)]``: the weights are a table of one column.

    Raises
    ------
    ProcedureError
        Where features or targets are not finite, or ``noise_sd`` is not positive.
    """

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        noise_sd: float = 1.0,
        prior_sd: float | NDArray[np.float64] = 1.0,
    ) -> None:
        if not 0 < noise_sd < np.inf:
            raise ProcedureError(f"The noise has a standard deviation above 0; got {noise_sd}.")
        self._x = features(x)
        self._y = targets(y, len(self._x))[:, 0]
        self.noise_sd = noise_sd
        self.size = self._x.shape[1]
        self.shapes = [(self.size, 1)]
        self.prior_sd = prior_sd
        self._precision = prior_precision(prior_sd, self.size)
        self._square = self._x.T @ self._x / noise_sd**2
        self._square.flat[:: self.size + 1] += self._precision
        self._pull = self._x.T @ self._y / noise_sd**2

    def gradient(
        self, weights: NDArray[np.float64], rows: Rows = None, product: Product | None = None
    ) -> NDArray[np.float64]:
        """See :meth:`labctl.learn.models.PredictiveModel.gradient`."""
        if rows is None and product is None:
            found: NDArray[np.float64] = weights @ self._square - self._pull
            return found
        x, y = (self._x, self._y) if rows is None else (self._x[rows], self._y[rows])
        miss = (weights @ x.T if product is None else product(0, x)[:, 0]) - y
        scale = len(self) / len(x) / self.noise_sd**2
        found = scale * (miss @ x) + self._precision * weights
        return found

    def curvature(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the second derivatives of the potential, shape (d, d); the same everywhere."""
        return self._square

    def exact(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean, shape (d,), and the covariance, shape (d, d), of the posterior."""
        covariance = np.linalg.inv(self._square).astype(np.float64)
        return covariance @ self._pull, covariance

    def log_likelihood(self, weights: NDArray[np.float64]) -> float:
        """Return the log likelihood of the training targets, nat."""
        miss = (self._x @ weights - self._y) / self.noise_sd
        constant = len(self) * np.log(self.noise_sd * np.sqrt(2 * np.pi))
        return float(-0.5 * miss @ miss - constant)

    def log_posterior(self, weights: NDArray[np.float64]) -> float:
        """Return log likelihood plus log prior, nat, up to a constant."""
        return self.log_likelihood(weights) + log_prior(weights, self._precision)

    def predict(
        self, weights: ArrayLike, x: ArrayLike, product: Product | None = None
    ) -> NDArray[np.float64]:
        """Return the mean of the targets, shape (draws, n, 1)."""
        draws, data = flat(weights, self.size), features(x, self.size)
        if product is not None:
            return np.stack([product(0, data) for _ in draws])
        mean = draws @ data.T
        return mean[..., None]

    def with_data(self, x: ArrayLike, y: ArrayLike) -> LinearRegression:
        """Return the same model with these data in place of its own."""
        return LinearRegression(features(x, self.size), y, self.noise_sd, self.prior_sd)

    def extend(self, x: ArrayLike, y: ArrayLike) -> LinearRegression:
        """Return the same model with these data, shapes (m, d) and (m,), besides its own."""
        more = features(x, self.size)
        known = targets(y, len(more))[:, 0]
        return self.with_data(np.vstack([self._x, more]), np.concatenate([self._y, known]))

    def __len__(self) -> int:
        return len(self._x)
