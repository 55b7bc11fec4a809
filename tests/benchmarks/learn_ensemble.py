"""The yardstick of active learning: ten networks of the same prior, trained in floating point."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.learn import building
from labctl.learn.models import PredictiveModel

MEMBERS = 10
_STEPS, _RATE = 300, 1e-2


class FloatEnsemble:
    """Maximum a posteriori from ten starts, by Adam; an estimator with draws.

    Without hidden layers all starts end in the same place, so that each member learns from a
    bootstrap of the labels instead.
    """

    def __init__(
        self, classes: int, hidden: tuple[int, ...], activation: Any, prior_sd: float, seed: int
    ) -> None:
        self.classes, self.hidden, self.activation = classes, hidden, activation
        self.prior_sd, self.rng = prior_sd, np.random.default_rng(seed)

    def fit(self, X: NDArray[np.float64], y: NDArray[np.int64]) -> None:
        """Train all members."""
        self._model = self._of(X, y)
        if self.hidden:
            self._draws = self._adam(self._model, self._start(X.shape[1]), len(y))
            return
        parts = [self._bootstrap(X, y) for _ in range(MEMBERS)]
        self._draws = np.concatenate(
            [self._adam(part, np.zeros((1, part.size)), len(y)) for part in parts]
        )

    def sample_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the members' probabilities, shape (10, n, classes)."""
        return self._model.predict(self._draws, building.inputs(X, self.hidden))

    def _of(self, x: NDArray[np.float64], y: NDArray[np.int64]) -> PredictiveModel:
        return building.classifier(x, y, self.classes, self.hidden, self.activation, self.prior_sd)

    def _bootstrap(self, x: NDArray[np.float64], y: NDArray[np.int64]) -> PredictiveModel:
        while True:
            chosen = self.rng.integers(0, len(y), len(y))
            if len(np.unique(y[chosen])) > 1:
                return self._of(x[chosen], y[chosen])

    def _start(self, features: int) -> NDArray[np.float64]:
        """Return weights of the usual size, N(0, 2 / fan-in), and biases of zero."""
        parts = []
        for inside, outside in zip(
            (features, *self.hidden), (*self.hidden, self.classes), strict=True
        ):
            table = self.rng.normal(size=(MEMBERS, inside, outside)) * (2 / inside) ** 0.5
            bias = np.zeros((MEMBERS, 1, outside))
            parts.append(np.concatenate([table, bias], axis=1).reshape(MEMBERS, -1))
        return np.concatenate(parts, axis=1)

    def _adam(
        self, model: PredictiveModel, weights: NDArray[np.float64], n: int
    ) -> NDArray[np.float64]:
        first, second = np.zeros_like(weights), np.zeros_like(weights)
        for k in range(1, _STEPS + 1):
            g = model.gradient(weights if len(weights) > 1 else weights[0]) / n
            first = 0.9 * first + 0.1 * g
            second = 0.999 * second + 0.001 * g * g
            rate = _RATE * (1 - 0.9 * k / _STEPS)
            step = (first / (1 - 0.9**k)) / (np.sqrt(second / (1 - 0.999**k)) + 1e-8)
            weights = weights - rate * step
        return weights
