"""What a posterior does not know: predictive uncertainty of any number of classes, and its parts.

The *draws* of a posterior give one prediction each; everything here is computed from these,
``p[s, n, c]``: the probability of class ``c`` for sample ``n`` by draw ``s``. For two classes the
probability of class 1 alone, ``p[s, n]``, is taken as well.

=================  ==================================  ===========================================
measure            of                                  large where
=================  ==================================  ===========================================
entropy            ``H[mean_s p]``                     the prediction is undecided
aleatoric          ``mean_s H[p_s]``                   every draw is undecided: overlapping classes
epistemic          the difference, >= 0                the draws disagree: too little data (BALD)
variation ratio    share of draws that outvote none    the draws vote for different classes
margin             best minus second best probability  *small* where two classes compete
=================  ==================================  ===========================================

Sources: Houlsby et al., arXiv:1112.5745 (2011) for the split (BALD); Freeman, Elementary Applied
Statistics (1965) for the variation ratio; Depeweg et al., ICML (2018) for the split of a variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import ProcedureError
from labctl.learn.metrics import Uncertainty


def as_classes(probability: ArrayLike) -> NDArray[np.float64]:
    """Return class probabilities with the classes on the last axis.

    Parameters
    ----------
    probability
        float, shape (draws, n, classes), given back as it is; or (draws, n): probability of
        class 1, to which that of class 0 is added.

    Returns
    -------
    NDArray
        float64, shape (draws, n, classes).

    Raises
    ------
    ProcedureError
        Where these are no probabilities.
    """
    p = np.asarray(probability, dtype=np.float64)
    if p.ndim == 2:
        p = np.stack([1.0 - p, p], axis=-1)
    if p.ndim != 3 or p.shape[0] == 0 or p.shape[2] < 2:
        raise ProcedureError(
            f"Predictions of shape {np.shape(probability)} are no draws of class probabilities; "
            "give (draws, samples, classes), or (draws, samples) for two classes."
        )
    if not np.isfinite(p).all() or p.min(initial=0.0) < -1e-9 or p.max(initial=0.0) > 1 + 1e-9:
        raise ProcedureError(
            "Predictions must be probabilities, finite and from 0 to 1. Did a read fail? "
            "Leave draws with NaN weights out."
        )
    return p


def entropy(probability: ArrayLike) -> NDArray[np.float64]:
    """Return the entropy (nat) over the last axis of probabilities, shape (..., classes)."""
    p = np.clip(np.asarray(probability, dtype=np.float64), 0.0, 1.0)
    found: NDArray[np.float64] = -np.sum(np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0), -1)
    return found


def predictive_entropy(draws: ArrayLike) -> NDArray[np.float64]:
    """Return the entropy (nat) of the mean prediction, shape (n,)."""
    return entropy(as_classes(draws).mean(axis=0))


def aleatoric(draws: ArrayLike) -> NDArray[np.float64]:
    """Return the mean entropy (nat) of the draws' predictions, shape (n,)."""
    found: NDArray[np.float64] = entropy(as_classes(draws)).mean(axis=0)
    return found


def epistemic(draws: ArrayLike) -> NDArray[np.float64]:
    """Return the mutual information (nat) of label and weights (BALD), shape (n,), never < 0."""
    return split(draws).epistemic


def split(draws: ArrayLike) -> Uncertainty:
    """Split the predictive entropy into its aleatoric and epistemic parts.

    Parameters
    ----------
    draws
        float, shape (draws, n, classes), or (draws, n) for two classes.

    Returns
    -------
    Uncertainty
        ``total``, ``aleatoric`` and ``epistemic``, shape (n,) each, nat;
        ``total == aleatoric + epistemic`` to rounding.
    """
    p = as_classes(draws)
    total, noise = entropy(p.mean(axis=0)), entropy(p).mean(axis=0)
    # Jensen: the difference is not negative but for rounding.
    return Uncertainty(total, noise, np.maximum(total - noise, 0.0))


def variation_ratio(draws: ArrayLike) -> NDArray[np.float64]:
    """Return the share of draws that do not vote for the class most draws vote for, shape (n,)."""
    p = as_classes(draws)
    votes = (p.argmax(axis=-1)[..., None] == np.arange(p.shape[2])).mean(axis=0)
    found: NDArray[np.float64] = 1.0 - votes.max(axis=-1)
    return found


def margin(draws: ArrayLike) -> NDArray[np.float64]:
    """Return how far the best class is ahead of the second best in the mean, shape (n,), 0 to 1."""
    mean = as_classes(draws).mean(axis=0)
    best = np.partition(mean, -2, axis=-1)[:, -2:]
    found: NDArray[np.float64] = best[:, 1] - best[:, 0]
    return found


@dataclass(frozen=True, slots=True)
class Variance:
    """Uncertainty of a regression, in the square of its unit.

    Attributes
    ----------
    total
        float64, shape (n,): variance of a fresh observation.
    aleatoric
        float64, shape (n,): mean variance of the noise.
    epistemic
        float64, shape (n,): variance of the draws' means.
    """

    total: NDArray[np.float64]
    aleatoric: NDArray[np.float64]
    epistemic: NDArray[np.float64]


def split_variance(means: ArrayLike, noise_variance: ArrayLike) -> Variance:
    """Split the variance of a regression by the law of total variance.

    Parameters
    ----------
    means
        float, shape (draws, n): what each draw expects.
    noise_variance
        Of an observation about it; a number, or shape (draws, n).
    """
    m = np.asarray(means, dtype=np.float64)
    noise = np.broadcast_to(np.asarray(noise_variance, dtype=np.float64), m.shape).mean(axis=0)
    spread = m.var(axis=0)
    return Variance(spread + noise, noise, spread)
