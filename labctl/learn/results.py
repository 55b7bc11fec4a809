"""What a sampled posterior is worth: predictions, doubts, mixing, distance from the reference."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.learn import metrics
from labctl.learn.logistic import predict
from labctl.learn.posterior import Comparison, Moments, compare, effective_sample_size, r_hat
from labctl.learn.tasks import Task


@dataclass(frozen=True, slots=True)
class Results:
    """Figures of a posterior of logistic regression.

    Attributes
    ----------
    mean, sd
        float64, shape (d,): of the weights.
    ess, r_hat
        float64, shape (d,): bulk effective sample size and rank-normalised R-hat.
    probability
        float64, shape (m,): posterior mean probability of class 1 for the test samples.
    uncertainty
        Of the test samples.
    accuracy, balanced_accuracy, nll, brier, ece
        Of the test samples; nll in nat.
    comparison
        With the reference, or None.
    """

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    ess: NDArray[np.float64]
    r_hat: NDArray[np.float64]
    probability: NDArray[np.float64]
    uncertainty: metrics.Uncertainty
    accuracy: float
    balanced_accuracy: float
    nll: float
    brier: float
    ece: float
    comparison: Comparison | None

    def to_json(self, task: Task, most_uncertain: int = 10) -> dict[str, Any]:
        """Return everything as JSON-able values, and the samples of greatest total entropy."""
        doubt = self.uncertainty
        order = np.argsort(-doubt.total, kind="stable")[:most_uncertain]
        return {
            "test_samples": len(self.probability),
            "test_accuracy": self.accuracy,
            "balanced_accuracy": self.balanced_accuracy,
            "nll": self.nll,
            "brier": self.brier,
            "ece": self.ece,
            **(asdict(self.comparison) if self.comparison is not None else {}),
            "ess_min": float(self.ess.min()),
            "ess_median": float(np.median(self.ess)),
            "r_hat_max": float(self.r_hat.max()),
            "posterior_mean": self.mean.tolist(),
            "posterior_sd": self.sd.tolist(),
            "weights": list(task.features),
            "predictions": {
                "sample": task.test_index.tolist(),
                "label": task.y_test.astype(int).tolist(),
                "probability": self.probability.tolist(),
                "aleatoric": doubt.aleatoric.tolist(),
                "epistemic": doubt.epistemic.tolist(),
                "classes": list(task.classes),
            },
            "most_uncertain": [
                {
                    "sample": int(task.test_index[k]),
                    "class": task.classes[int(task.y_test[k])],
                    "probability": float(self.probability[k]),
                    "total": float(doubt.total[k]),
                    "epistemic": float(doubt.epistemic[k]),
                }
                for k in order.tolist()
            ],
        }


def evaluate(draws: NDArray[np.float64], task: Task, reference: Moments | None = None) -> Results:
    """Return the figures of draws of the weights, in the order they were taken.

    Parameters
    ----------
    draws
        float64, shape (chains, n, d), or (n, d) for a single chain.
    task
        With the test samples.
    reference
        What the draws are held against.
    """
    every = draws.reshape(-1, draws.shape[-1])
    probabilities = predict(every, task.x_test)
    p, y = probabilities.mean(axis=0), task.y_test
    return Results(
        mean=every.mean(axis=0),
        sd=every.std(axis=0),
        ess=effective_sample_size(draws),
        r_hat=r_hat(draws),
        probability=p,
        uncertainty=metrics.uncertainty(probabilities),
        accuracy=metrics.accuracy(p, y),
        balanced_accuracy=metrics.balanced_accuracy(p, y),
        nll=metrics.nll(p, y),
        brier=metrics.brier(p, y),
        ece=metrics.ece(p, y),
        comparison=None if reference is None else compare(every, reference),
    )
