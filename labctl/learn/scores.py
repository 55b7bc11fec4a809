"""How good predictions of any number of classes are, and how honest their confidence is.

For two classes given as one probability see :mod:`labctl.learn.metrics`; where both apply they
agree.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import ProcedureError
from labctl.learn.metrics import ECE_BINS, CalibrationCurve, binned

_TINY = 1e-12


def accuracy(probability: ArrayLike, label: ArrayLike) -> float:
    """Return the share of samples whose most probable class is the label.

    Parameters
    ----------
    probability
        float, shape (n, classes).
    label
        int, shape (n,): index of the class.
    """
    p, y = _checked(probability, label)
    return float(np.mean(p.argmax(axis=1) == y))


def balanced_accuracy(probability: ArrayLike, label: ArrayLike) -> float:
    """Return the mean over the classes present of the share predicted right."""
    p, y = _checked(probability, label)
    right = p.argmax(axis=1) == y
    return float(np.mean([right[y == k].mean() for k in np.unique(y)]))


def nll(probability: ArrayLike, label: ArrayLike) -> float:
    """Return the mean negative log likelihood of the labels, nat."""
    p, y = _checked(probability, label)
    return float(-np.mean(np.log(np.clip(p[np.arange(len(y)), y], _TINY, 1.0))))


def brier(probability: ArrayLike, label: ArrayLike) -> float:
    """Return the Brier score: mean over samples of the squared distance, summed over classes.

    Two classes give twice what :func:`labctl.learn.metrics.brier` does, which looks at one class
    (Brier, Mon. Weather Rev. 78, 1 (1950), eq. 2, is the sum).
    """
    p, y = _checked(probability, label)
    hit = np.zeros_like(p)
    hit[np.arange(len(y)), y] = 1.0
    return float(np.mean(np.sum((p - hit) ** 2, axis=1)))


def calibration_curve(
    probability: ArrayLike, label: ArrayLike, bins: int = ECE_BINS
) -> CalibrationCurve:
    """Bin predictions by the confidence in the class predicted.

    Parameters
    ----------
    probability
        float, shape (n, classes).
    label
        int, shape (n,).
    bins
        Of equal width, from ``1 / classes`` (no prediction is less confident) to 1; each contains
        its upper edge.
    """
    p, y = _checked(probability, label)
    return binned(p.max(axis=1), p.argmax(axis=1) == y, 1.0 / p.shape[1], bins)


def ece(probability: ArrayLike, label: ArrayLike, bins: int = ECE_BINS) -> float:
    """Return the expected calibration error (Guo et al., ICML (2017), eq. 5)."""
    return calibration_curve(probability, label, bins).ece


def auroc(score: ArrayLike, positive: ArrayLike) -> float:
    """Return the area under the receiver operating characteristic.

    The probability that a positive scores above a negative, ties counting one half: how well, for
    example, the mutual information tells unseen classes (positive) from known ones.

    Parameters
    ----------
    score
        float, shape (n,).
    positive
        bool, shape (n,).
    """
    from scipy.stats import rankdata

    truth = np.asarray(positive, dtype=bool)
    hits = int(truth.sum())
    if hits in (0, len(truth)):
        raise ProcedureError("AUROC needs positives and negatives; there is only one kind here.")
    ranks = rankdata(np.asarray(score, dtype=np.float64))
    area = ranks[truth].sum() - hits * (hits + 1) / 2
    return float(area / (hits * (len(truth) - hits)))


def _checked(
    probability: ArrayLike, label: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    p, y = np.asarray(probability, dtype=np.float64), np.asarray(label).astype(np.int64)
    if p.ndim != 2 or y.shape != (len(p),) or len(p) == 0:
        raise ProcedureError(
            f"Probabilities of shape {p.shape} and labels of shape {y.shape} do not go together; "
            "give (samples, classes) and (samples,)."
        )
    if y.min() < 0 or y.max() >= p.shape[1]:
        raise ProcedureError(
            f"Labels are indices of classes, 0 to {p.shape[1] - 1}; here are {y.min()} to "
            f"{y.max()}."
        )
    return p, y
