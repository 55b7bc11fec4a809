"""Draws of a posterior: how well they mixed, and how far they are from a reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Moments:
    """Means, standard deviations and draws of a posterior.

    Attributes
    ----------
    mean, sd
        float64, shape (d,).
    samples
        float64, shape (n, d).
    """

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    samples: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far draws are from a reference.

    Attributes
    ----------
    mean_error
        Root mean square over the weights of (mean - reference mean) / reference sd.
    sd_ratio, sd_ratio_min, sd_ratio_max
        Median, least and largest over the weights of sd / reference sd.
    sliced_w2
        Sliced Wasserstein-2 distance with each weight in units of its reference sd.
    """

    mean_error: float
    sd_ratio: float
    sd_ratio_min: float
    sd_ratio_max: float
    sliced_w2: float


def compare(draws: ArrayLike, reference: Moments) -> Comparison:
    """Hold draws, shape (n, d), against a reference."""
    values = np.asarray(draws, dtype=np.float64)
    error = (values.mean(axis=0) - reference.mean) / reference.sd
    ratio = values.std(axis=0) / reference.sd
    distance = sliced_w2(
        (values - reference.mean) / reference.sd,
        (reference.samples - reference.mean) / reference.sd,
    )
    return Comparison(
        mean_error=float(np.sqrt(np.mean(error**2))),
        sd_ratio=float(np.median(ratio)),
        sd_ratio_min=float(ratio.min()),
        sd_ratio_max=float(ratio.max()),
        sliced_w2=distance,
    )


def sliced_w2(a: ArrayLike, b: ArrayLike, directions: int = 200, seed: int = 0) -> float:
    """Return the sliced Wasserstein-2 distance of two sets of points, shapes (n, d), (m, d).

    Root of the mean over random directions of the squared one-dimensional distance (Bonneel et
    al., J. Math. Imaging Vis. 51, 22 (2015)).

    Parameters
    ----------
    a, b
        The points; the sets may differ in size.
    directions
        How many.
    seed
        Of the directions: the same for every call, so that figures compare.
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    rng = np.random.default_rng(seed)
    ways = rng.normal(size=(x.shape[1], directions))
    ways /= np.linalg.norm(ways, axis=0)
    size = min(len(x), len(y))
    levels = (np.arange(size) + 0.5) / size
    first, second = (
        np.sort(points @ ways, axis=0)[(levels * len(points)).astype(np.intp)] for points in (x, y)
    )
    return float(np.sqrt(np.mean((first - second) ** 2)))


def effective_sample_size(draws: ArrayLike) -> NDArray[np.float64]:
    """Return the bulk effective sample size of each weight, shape (d,).

    Parameters
    ----------
    draws
        float, shape (draws, d), or (chains, draws, d).
    """
    from arviz_stats.base import array_stats

    chains = _chains(draws)
    size: NDArray[np.float64] = array_stats.ess(chains, chain_axis=0, draw_axis=1, method="bulk")
    return np.asarray(size, dtype=np.float64)


def r_hat(draws: ArrayLike) -> NDArray[np.float64]:
    """Return the rank-normalised R-hat of each weight, shape (d,).

    Chains are split in halves; a single chain is cut in two before, so that its quarters are
    compared.

    Parameters
    ----------
    draws
        float, shape (draws, d), or (chains, draws, d).
    """
    from arviz_stats.base import array_stats

    chains = _chains(draws)
    if len(chains) == 1:
        half = chains.shape[1] // 2
        chains = np.stack([chains[0, :half], chains[0, -half:]])
    ratio = array_stats.rhat(chains, chain_axis=0, draw_axis=1, method="rank")
    return np.asarray(ratio, dtype=np.float64)


def _chains(draws: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(draws, dtype=np.float64)
    return values[None] if values.ndim == 2 else values
