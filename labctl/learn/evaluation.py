"""What predictions of any number of classes are worth, as results keep it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.learn import scores
from labctl.learn.tasks import Task
from labctl.learn.uncertainty import split

_LISTED = 10


def evaluate_classes(draws: NDArray[np.float64], task: Task) -> dict[str, Any]:
    """Return scores of the test samples, and the samples in most doubt; JSON-able.

    Parameters
    ----------
    draws
        float64, shape (draws, n, classes): probabilities for the test samples.
    task
        Whose test samples they are.
    """
    mean, label = draws.mean(axis=0), task.y_test.astype(np.int64)
    doubt = split(draws)
    order = np.argsort(-doubt.total, kind="stable")[:_LISTED].tolist()
    return {
        "test_samples": len(label),
        "test_accuracy": scores.accuracy(mean, label),
        "balanced_accuracy": scores.balanced_accuracy(mean, label),
        "nll": scores.nll(mean, label),
        "brier": scores.brier(mean, label),
        "ece": scores.ece(mean, label),
        "aleatoric": float(doubt.aleatoric.mean()),
        "epistemic": float(doubt.epistemic.mean()),
        "most_uncertain": [
            {
                "sample": int(task.test_index[k]),
                "class": task.classes[int(label[k])],
                "predicted": task.classes[int(mean[k].argmax())],
                "probability": float(mean[k].max()),
                "total": float(doubt.total[k]),
                "epistemic": float(doubt.epistemic[k]),
            }
            for k in order
        ],
    }
