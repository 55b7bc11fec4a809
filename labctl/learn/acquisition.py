"""Which samples to have labelled next: scores of what a label would teach.

An acquisition scores every sample of the pool from the draws of a posterior; the samples of the
highest score are asked for. All are in :data:`ACQUISITIONS`, by name:

===============  ============================================================================
random           no score at all: the baseline everything is held against
entropy          entropy of the mean prediction
margin           minus the margin between the two best classes: a strong and cheap baseline
variation_ratio  share of draws that outvote each other; ties are broken at random
bald             mutual information of label and weights
powerbald        BALD with Gumbel noise, so that a batch is not many copies of one sample
straddle         ``-abs(mu) + 1.96 sigma`` of ``f = 2 p - 1``: near the border *and* unsure; two
                 classes
===============  ============================================================================

Sources: Houlsby et al., arXiv:1112.5745 (BALD); Kirsch et al., TMLR (2023), arXiv:2106.12059
(PowerBALD, coldness 1); Bryan et al., NeurIPS (2005) and Lin et al., Nat. Comput. Sci. 5, 27
(2025) (straddle).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import ProcedureError
from labctl.learn.uncertainty import (
    as_classes,
    margin,
    predictive_entropy,
    split,
    variation_ratio,
)

Acquisition = Callable[[NDArray[np.float64], np.random.Generator], NDArray[np.float64]]
"""From draws, shape (draws, n, classes), to scores, shape (n,); higher is asked first."""

STRADDLE_WIDTH = 1.96
"""Standard deviations: a two-sided 95 % interval (Bryan et al. 2005)."""
_TINY = 1e-12


def random(draws: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Score samples by chance."""
    return rng.random(size=(int(np.shape(draws)[1]),))


def entropy(draws: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Score samples by the entropy of the mean prediction."""
    return predictive_entropy(draws)


def smallest_margin(draws: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Score samples by how close the second best class is to the best."""
    return -margin(draws)


def outvoted(draws: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Score samples by the variation ratio."""
    votes = variation_ratio(draws)
    # With few draws many ratios are equal; by index the pool's order would decide.
    return votes + 0.5 / len(draws) * rng.random(len(votes))


def bald(draws: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Score samples by the mutual information of label and weights."""
    return split(draws).epistemic


def powerbald(draws: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Score samples by log mutual information plus standard Gumbel noise.

    The highest k are then a draw without replacement with probabilities proportional to the
    mutual information.
    """
    information = split(draws).epistemic
    return np.log(np.maximum(information, _TINY)) + rng.gumbel(size=len(information))


def straddle(draws: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Score samples by ``-abs(mu) + 1.96 sigma`` of ``f = 2 p - 1`` over the draws."""
    p = as_classes(draws)
    check_classes("straddle", p.shape[2])
    f = 2.0 * p[..., 1] - 1.0
    found: NDArray[np.float64] = -np.abs(f.mean(axis=0)) + STRADDLE_WIDTH * f.std(axis=0)
    return found


ACQUISITIONS: dict[str, Acquisition] = {
    "random": random,
    "entropy": entropy,
    "margin": smallest_margin,
    "variation_ratio": outvoted,
    "bald": bald,
    "powerbald": powerbald,
    "straddle": straddle,
}


def acquisition(name: str) -> Acquisition:
    """Return the acquisition called ``name``.

    Raises
    ------
    ProcedureError
        For an unknown one.
    """
    if name not in ACQUISITIONS:
        raise ProcedureError(
            f"There is no acquisition {name!r}; there is {', '.join(ACQUISITIONS)}."
        )
    return ACQUISITIONS[name]


def check_classes(name: str, classes: int) -> None:
    """Refuse an acquisition that cannot do with so many classes.

    Raises
    ------
    ProcedureError
        For ``straddle`` with other than two.
    """
    if name == "straddle" and classes != 2:
        raise ProcedureError(
            f"straddle is for two classes; here are {classes}. Use margin, bald or entropy."
        )


def best(scores: ArrayLike, batch: int) -> NDArray[np.int64]:
    """Return the indices of the ``batch`` highest scores, highest first, int64.

    Equal scores keep the order of the pool; fewer are returned where the pool is smaller.

    Raises
    ------
    ProcedureError
        Where a score is no number.
    """
    values = np.asarray(scores, dtype=np.float64)
    if np.isnan(values).any():
        raise ProcedureError(
            f"{int(np.isnan(values).sum())} of {len(values)} samples have no score (NaN). Look at "
            "the draws: a weight that could not be read makes every prediction NaN."
        )
    return np.argsort(-values, kind="stable")[:batch].astype(np.int64)
