"""Bayesian neural networks: layers of weights with bias rows, gradients by hand in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import ProcedureError
from labctl.learn.models.logistic import sigmoid
from labctl.learn.models.model import (
    Product,
    Rows,
    features,
    flat,
    labels,
    log_prior,
    prior_precision,
    targets,
)
from labctl.learn.models.softmax import softmax

Floats = NDArray[np.float64]
Likelihood = Literal["binary", "softmax", "gaussian"]
Activation = Literal["relu", "sigmoid", "tanh"]

# The slopes are written in the activation's own value, which the forward pass keeps.
_ACTIVATIONS: dict[str, tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]] = {
    "relu": (lambda z: np.maximum(z, 0), lambda a: (a > 0).astype(a.dtype)),
    "sigmoid": (sigmoid, lambda a: a * (1.0 - a)),
    "tanh": (np.tanh, lambda a: 1.0 - a * a),
}
_LIKELIHOODS = ("binary", "softmax", "gaussian")


class Network:
    """Posterior of a network of dense layers with independent normal priors of mean 0.

    Parameters
    ----------
    x
        float, shape (n, d), without a column of ones: each layer has its bias row.
    y
        shape (n,): classes from 0 for ``"binary"`` and ``"softmax"``; float, shape (n,) or
        (n, outputs), for ``"gaussian"``.
    layers
        Widths from the input to the output, say ``(11, 50, 50, 2)``; at least one hidden layer.
    activation
        Of the hidden layers.
    likelihood
        ``"binary"`` (one output, its logit), ``"softmax"`` (one output for each class), or
        ``"gaussian"`` (outputs are means).
    prior_sd
        Of every weight: one for all, or shape (size,).
    noise_sd
        Standard deviation of the targets, for ``"gaussian"`` only.
    single
        Whether gradients are worked out in single precision: twice as fast, to some 1e-6 of the
        largest.
    several
        Whether labels of a single class are refused; the prior alone bounds their posterior.

    Attributes
    ----------
    shapes
        Rows and columns of each layer's table of weights; the last row is the bias. The flat
        weights are these tables one after the other, row by row.
    size
        Number of weights.

    Raises
    ------
    ProcedureError
        Where widths, features or labels do not fit each other.

    Examples
    --------
    >>> import numpy as np
    >>> network = Network(np.zeros((4, 11)), [0, 1, 0, 1], (11, 50, 50, 2), "sigmoid", "softmax")
    >>> network.shapes, network.size
    ([(12, 50), (51, 50), (51, 2)], 3252)
    """

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        layers: Sequence[int],
        activation: Activation = "relu",
        likelihood: Likelihood = "binary",
        prior_sd: float | NDArray[np.float64] = 1.0,
        noise_sd: float = 1.0,
        *,
        single: bool = False,
        several: bool = True,
    ) -> None:
        self.layers = tuple(int(width) for width in layers)
        self.activation, self.likelihood = activation, likelihood
        self._check()
        if not 0 < noise_sd < np.inf:
            raise ProcedureError(f"The noise has a standard deviation above 0; got {noise_sd}.")
        self.noise_sd, self.prior_sd = noise_sd, prior_sd
        self.shapes = [(a + 1, b) for a, b in zip(self.layers, self.layers[1:], strict=False)]
        self._ends = np.cumsum([0, *(prod(shape) for shape in self.shapes)]).tolist()
        self.size = self._ends[-1]
        self._precision = prior_precision(prior_sd, self.size)
        self._x = features(x, self.layers[0])
        self._y, self._target = self._take(y, len(self._x), several=several)
        self.single = single
        self._kind: Any = np.float32 if single else np.float64
        self._data: tuple[Floats, Floats] = (
            self._x.astype(self._kind, copy=False), self._target.astype(self._kind, copy=False),
        )  # fmt: skip

    def _check(self) -> None:
        outputs = self.layers[-1] if self.layers else 0
        if len(self.layers) < 3 or min(self.layers) < 1:
            raise ProcedureError(
                f"Layers {self.layers}: give the widths from the input to the output with at least "
                "one hidden layer between, say (11, 50, 50, 2)."
            )
        if self.activation not in _ACTIVATIONS:
            raise ProcedureError(
                f"There is no activation {self.activation!r}; there is {', '.join(_ACTIVATIONS)}."
            )
        if self.likelihood not in _LIKELIHOODS:
            raise ProcedureError(
                f"There is no likelihood {self.likelihood!r}; there is {', '.join(_LIKELIHOODS)}."
            )
        if self.likelihood == "binary" and outputs != 1:
            raise ProcedureError(
                f"A binary likelihood takes one output, not {outputs}; use softmax for classes "
                "with an output each."
            )
        if self.likelihood == "softmax" and outputs < 2:
            raise ProcedureError("A softmax takes an output for each of two or more classes.")

    @property
    def classes(self) -> int | None:
        """How many classes there are; None in a regression."""
        if self.likelihood == "gaussian":
            return None
        return max(2, self.layers[-1])

    def _take(self, y: ArrayLike, rows: int, *, several: bool) -> tuple[Floats, Floats]:
        """Return labels as they are kept, and as targets of the outputs, shape (n, outputs)."""
        if self.classes is None:
            value = targets(y, rows, self.layers[-1])
            return value, value
        known = labels(y, rows, self.classes, several=several)
        hot = known[:, None] if self.likelihood == "binary" else np.eye(self.classes)[known]
        return known.astype(np.float64), hot.astype(np.float64)

    def tables(self, weights: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Return each layer's weights, shapes (..., rows, columns), of flat ones (..., size)."""
        lead = weights.shape[:-1]
        parts = zip(self._ends, self._ends[1:], self.shapes, strict=False)
        return [weights[..., a:b].reshape(*lead, *shape) for a, b, shape in parts]

    def _forward(
        self, weights: Floats, x: Floats, product: Product | None = None
    ) -> tuple[list[Floats], list[Floats]]:
        """Return the tables, and the activations of all layers: features first, output last."""
        act, _ = _ACTIVATIONS[self.activation]
        tables, values = self.tables(weights), [x]
        for k, table in enumerate(tables):
            if product is None:
                z = values[-1] @ table[..., :-1, :]
                z += table[..., -1:, :]
            else:
                z = product(k, np.column_stack([values[-1], np.ones(len(x))]))
            values.append(act(z) if k < len(tables) - 1 else z)
        return tables, values

    def _mean(self, z: Floats) -> Floats:
        if self.likelihood == "gaussian":
            return z
        return sigmoid(z) if self.likelihood == "binary" else softmax(z)

    def gradient(
        self,
        weights: NDArray[np.float64],
        rows: Rows = None,
        product: Product | None = None,
    ) -> NDArray[np.float64]:
        """See :meth:`labctl.learn.models.PredictiveModel.gradient`."""
        x, target = self._data if rows is None else (self._data[0][rows], self._data[1][rows])
        full, weights = weights, weights.astype(self._kind, copy=False)
        _, slope = _ACTIVATIONS[self.activation]
        tables, values = self._forward(weights, x, product)
        scale = len(self) / len(x)
        if self.likelihood == "gaussian":
            scale /= self.noise_sd**2
        miss = scale * (self._mean(values[-1]) - target)
        found = np.empty_like(weights)
        for k in reversed(range(len(tables))):
            rows_, columns = self.shapes[k]
            part = found[..., self._ends[k] : self._ends[k + 1]].reshape(
                *weights.shape[:-1], rows_, columns
            )
            if k or weights.ndim == 1:
                part[..., :-1, :] = values[k].swapaxes(-1, -2) @ miss
            else:
                part[..., :-1, :] = x.T @ miss
            part[..., -1, :] = miss.sum(axis=-2)
            found[..., self._ends[k] : self._ends[k + 1]] = part.reshape(*weights.shape[:-1], -1)
            if k:
                miss = (miss @ tables[k][..., :-1, :].swapaxes(-1, -2)) * slope(values[k])
        return found + self._precision * full

    def curvature(self, weights: NDArray[np.float64]) -> None:
        """Return None: second derivatives of networks are too dear."""
        return

    def _log_likelihoods(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log likelihoods, nat, shape (...), of weights, shape (..., size)."""
        z = self._forward(weights, self._x)[1][-1]
        if self.likelihood == "gaussian":
            miss = (z - self._target) / self.noise_sd
            constant = self._target.size * np.log(self.noise_sd * np.sqrt(2 * np.pi))
            return np.asarray(-0.5 * np.sum(miss * miss, axis=(-2, -1)) - constant)
        if self.likelihood == "binary":
            return np.asarray(np.sum(self._target * z - np.logaddexp(0.0, z), axis=(-2, -1)))
        level = np.logaddexp.reduce(z, axis=-1).sum(axis=-1)
        return np.asarray(np.sum(z * self._target, axis=(-2, -1)) - level)

    def log_likelihood(self, weights: NDArray[np.float64]) -> float:
        """Return the log likelihood of the training labels, nat."""
        return float(self._log_likelihoods(weights))

    def log_posterior(self, weights: NDArray[np.float64]) -> float:
        """Return log likelihood plus log prior, nat, up to a constant."""
        return self.log_likelihood(weights) + log_prior(weights, self._precision)

    def log_posteriors(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log posteriors, shape (k,), of weights, shape (k, size)."""
        prior = -0.5 * np.square(weights) @ self._precision
        found: NDArray[np.float64] = self._log_likelihoods(weights) + prior
        return found

    def predict(
        self, weights: ArrayLike, x: ArrayLike, product: Product | None = None
    ) -> NDArray[np.float64]:
        """Return probabilities of the classes, or means: shape (draws, n, outputs).

        A binary network gives both classes: two columns. For ``product`` see :meth:`gradient`.
        """
        draws, data = flat(weights, self.size), features(x, self.layers[0])
        if product is None:
            z = self._forward(draws, data)[1][-1]
        else:
            z = np.stack([self._forward(w, data, product)[1][-1] for w in draws])
        mean = self._mean(z)
        if self.likelihood == "binary":
            return np.concatenate([1 - mean, mean], axis=-1)
        return mean

    def with_data(self, x: ArrayLike, y: ArrayLike) -> Network:
        """Return the same model with these data in place of its own."""
        return Network(
            x, y, self.layers, self.activation, self.likelihood, self.prior_sd, self.noise_sd,
            single=self.single,
        )  # fmt: skip

    def extend(self, x: ArrayLike, y: ArrayLike) -> Network:
        """Return the same model with these data, n rows more, besides its own."""
        more = features(x, self.layers[0])
        known, _ = self._take(y, len(more), several=False)
        return self.with_data(np.vstack([self._x, more]), np.concatenate([self._y, known]))

    def __len__(self) -> int:
        return len(self._x)
