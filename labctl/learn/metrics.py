"""How good predictions are, and how sure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

ECE_BINS = 15
_TINY = 1e-12


def accuracy(probability: ArrayLike, label: ArrayLike) -> float:
    """Return the share of samples predicted right; probability of class 1 and label, (n,)."""
    return float(np.mean((np.asarray(probability) > 0.5) == (np.asarray(label) > 0.5)))


def balanced_accuracy(probability: ArrayLike, label: ArrayLike) -> float:
    """Return the mean over the two classes of the share predicted right."""
    right = (np.asarray(probability) > 0.5) == (np.asarray(label) > 0.5)
    truth = np.asarray(label) > 0.5
    return float(np.mean([right[truth == value].mean() for value in np.unique(truth)]))


def nll(probability: ArrayLike, label: ArrayLike) -> float:
    """Return the mean negative log likelihood of the labels, nat."""
    p, y = np.clip(probability, _TINY, 1 - _TINY), np.asarray(label, dtype=np.float64)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))


def brier(probability: ArrayLike, label: ArrayLike) -> float:
    """Return the mean square of probability minus label."""
    return float(np.mean((np.asarray(probability) - np.asarray(label)) ** 2))


@dataclass(frozen=True, slots=True)
class CalibrationCurve:
    """Predictions binned by the confidence in the class predicted, 0.5 to 1.

    Attributes
    ----------
    count
        int64, shape (bins,).
    confidence, accuracy
        float64, shape (bins,): means; NaN in an empty bin.
    """

    count: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def ece(self) -> float:
        """Expected calibration error: count-weighted mean of abs(accuracy - confidence)."""
        gap = np.where(self.count > 0, np.abs(self.accuracy - self.confidence), 0.0)
        return float(np.sum(self.count * gap) / max(int(self.count.sum()), 1))


def calibration_curve(
    probability: ArrayLike, label: ArrayLike, bins: int = ECE_BINS
) -> CalibrationCurve:
    """Bin predictions of two classes by confidence, in bins of equal width from 0.5 to 1.

    Parameters
    ----------
    probability
        float, shape (n,): of class 1.
    label
        Shape (n,): 0 or 1.
    bins
        Number of bins; each contains its upper edge.
    """
    p, y = np.asarray(probability, dtype=np.float64), np.asarray(label) > 0.5
    confidence = np.maximum(p, 1 - p)
    return binned(confidence, (p > 0.5) == y, 0.5, bins)


def binned(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], low: float, bins: int
) -> CalibrationCurve:
    """Bin predictions by confidence, in bins of equal width from ``low`` to 1.

    Parameters
    ----------
    confidence
        Shape (n,): probability of the class predicted.
    right
        Shape (n,): whether it is the label.
    low
        Least confidence there can be.
    bins
        Number of bins; each contains its upper edge.
    """
    place = np.ceil((confidence - low) / (1.0 - low) * bins).astype(np.int64) - 1
    place = np.clip(place, 0, bins - 1)
    count = np.bincount(place, minlength=bins).astype(np.int64)
    some = np.where(count > 0, count, np.nan)
    return CalibrationCurve(
        count,
        np.bincount(place, confidence, bins) / some,
        np.bincount(place, right.astype(np.float64), bins) / some,
    )


def ece(probability: ArrayLike, label: ArrayLike, bins: int = ECE_BINS) -> float:
    """Return the expected calibration error (see :func:`calibration_curve`)."""
    return calibration_curve(probability, label, bins).ece


def entropy(probability: ArrayLike) -> NDArray[np.float64]:
    """Return the entropy of two classes, nat, of the probability of one of them."""
    p = np.clip(np.asarray(probability, dtype=np.float64), _TINY, 1 - _TINY)
    found: NDArray[np.float64] = -(p * np.log(p) + (1 - p) * np.log(1 - p))
    return found


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Uncertainty of predictions, float64, shape (n,), nat.

    Attributes
    ----------
    total
        Entropy of the mean prediction.
    aleatoric
        Mean entropy of the draws: doubt that more data would not remove.
    epistemic
        The difference, the mutual information of label and weights (BALD).
    """

    total: NDArray[np.float64]
    aleatoric: NDArray[np.float64]
    epistemic: NDArray[np.float64]


def uncertainty(draws: ArrayLike) -> Uncertainty:
    """Split the uncertainty of predictions.

    Parameters
    ----------
    draws
        float, shape (draws, n): probability of class 1 from each draw of the weights.
    """
    p = np.asarray(draws, dtype=np.float64)
    total, aleatoric = entropy(p.mean(axis=0)), entropy(p).mean(axis=0)
    return Uncertainty(total, aleatoric, np.maximum(total - aleatoric, 0.0))
