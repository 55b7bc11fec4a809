"""Fit of one polarity: mean step, spread of single pulses, and each cell's own factor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.learn.curves import FACTOR_BOUNDS
from labctl.learn.pspline import Spline, fit
from labctl.learn.readnoise import ReadNoise

_ROUNDS = 4
_CLIP = 5.0
"""Steps further than this many sds from the curve are pulled in to there: a trap that switched or
a relay that bounced is not a step."""


@dataclass(frozen=True, slots=True)
class StepFit:
    """What one polarity does.

    Attributes
    ----------
    mean
        Mean step (S, positive) of a cell with factor 1 against the conductance read before (S).
    variance
        Spread of single pulses about their cell's mean (S^2) against the same; the noise of the
        two reads is taken off.
    factor
        float, shape (cells,): each cell's own factor on the mean, shrunk towards 1.
    information
        float, shape (cells,): inverse variance of ``factor``.
    spread
        Standard deviation of the factors over the cells (sampling error taken off).
    residual
        float, shape (cells,): rms of each cell's residuals over the sd expected of them.
    count
        int, shape (cells,): pulses.
    """

    mean: Spline
    variance: Spline
    factor: NDArray[np.float64]
    information: NDArray[np.float64]
    spread: float
    residual: NDArray[np.float64]
    count: NDArray[np.int64]


def score(x: NDArray[np.float64], low: float, high: float, bins: int = 64) -> NDArray[np.float64]:
    """Return d ln p / dx of the density of ``x`` at each of its points (kernel estimate)."""
    from scipy.ndimage import gaussian_filter1d

    spacing = (high - low) / bins
    pad = bins // 2
    edges = low + spacing * np.arange(-pad, bins + pad + 1)
    density = np.histogram(x, edges)[0].astype(np.float64)
    # Silverman's width, doubled: the derivative of a density needs more smoothing than itself.
    width = 2 * 0.9 * float(np.std(x)) * len(x) ** -0.2 / spacing
    smooth = gaussian_filter1d(density, max(width, 1.0), mode="constant")
    smooth += 1e-3 * smooth.max()
    slope = np.gradient(np.log(smooth), spacing)
    middle = 0.5 * (edges[1:] + edges[:-1])
    found: NDArray[np.float64] = np.interp(x, middle, slope)
    return found


def regression_bias(
    before: NDArray[np.float64], noise: NDArray[np.float64], low: float, high: float
) -> NDArray[np.float64]:
    """Return how much of each step is regression to the mean, S.

    A high reading is high partly by its own noise, and the next read does not repeat it: given
    what was read before, the noise in it has the mean ``-r^2 d ln p(before)/d before`` (Tweedie's
    formula; Efron, J. Am. Stat. Assoc. 106, 1602 (2011)), and ``after - before`` contains its
    negative.

    Parameters
    ----------
    before
        S, shape (n,), as read.
    noise
        Variance of these reads, S^2, shape (n,).
    low, high
        Range of the fit, S.
    """
    bias = noise * score(before, low, high)
    limit = np.sqrt(noise)
    clipped: NDArray[np.float64] = np.clip(bias, -limit, limit)
    return clipped


def _factors(
    cell: NDArray[np.int64],
    cells: int,
    expected: NDArray[np.float64],
    step: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return shrunk factors, their information, and their spread (empirical Bayes)."""
    information = np.bincount(cell, weight * expected**2, cells).astype(np.float64)
    moment = np.bincount(cell, weight * expected * step, cells)
    enough = information > 4.0  # a factor known to better than 50 %
    if enough.sum() < 3:
        return np.ones(cells), np.full(cells, 1e4), 0.01
    raw = moment[enough] / information[enough]
    sampling = 1.0 / information[enough]
    # The middle 90 %: dead and runaway cells say nothing about the spread of the others.
    inner = np.abs(raw - np.median(raw)) <= np.quantile(np.abs(raw - np.median(raw)), 0.9)
    spread2 = max(float(np.var(raw[inner]) * 1.6 - np.mean(sampling[inner])), 1e-4)
    prior = 1.0 / spread2
    factor = (moment + prior) / (information + prior)
    known = np.asarray(information + prior, dtype=np.float64)
    return np.clip(factor, *FACTOR_BOUNDS), known, float(np.sqrt(spread2))


def fit_steps(
    cell: NDArray[np.int64],
    cells: int,
    before: NDArray[np.float64],
    step: NDArray[np.float64],
    noise: ReadNoise,
    low: float,
    high: float,
    quiet: NDArray[np.bool_] | None = None,
) -> StepFit:
    """Fit the steps of one polarity.

    Parameters
    ----------
    cell
        int, shape (n,): index of the cell of each pulse.
    cells
        How many cells there are.
    before
        S, shape (n,), inside [low, high].
    step
        S, shape (n,): change in the direction of the polarity, so positive where it works.
    noise
        Of the reads.
    low, high
        Range of the curves, S.
    quiet
        bool, shape (n,): the pulses that the curves are fitted to; None takes all. The factors of
        the cells always come from all.
    """
    own_curve = slice(None) if quiet is None else quiet
    read = 2 * noise.typical(before) * noise.factor.ravel()[cell]
    factor, information, spread = np.ones(cells), np.ones(cells), 0.0
    total = np.full(len(step), max(float(np.var(step)), 1e-30))
    clean, mean, variance = step, None, None
    for _ in range(_ROUNDS):
        own = factor[cell]
        mean = fit(
            before[own_curve], clean[own_curve], 1.0 / total[own_curve], low, high,
            scale=own[own_curve],
        )  # fmt: skip
        expected = mean(before)
        residual = step - own * expected
        limit = _CLIP * np.sqrt(total)
        clean = own * expected + np.clip(residual, -limit, limit)
        # A cell's own factor follows its own pulses: what it takes off the residuals is put back.
        follows = np.minimum(expected**2 / total / information[cell], 0.5) if spread else 0
        square = np.clip(residual, -limit, limit) ** 2 / (1 - follows)
        variance = fit(
            before[own_curve], (square - read)[own_curve], total[own_curve] ** -2.0, low, high
        )
        floor = 0.02 * float(np.mean(square[own_curve]))
        total = np.maximum(variance(before), floor) + read
        factor, information, spread = _factors(cell, cells, expected, clean, 1.0 / total)
    assert mean is not None
    assert variance is not None
    count = np.bincount(cell, minlength=cells)
    squares = np.bincount(
        cell, np.minimum((step - factor[cell] * mean(before)) ** 2 / total, 100.0), cells
    )
    rms = np.sqrt(squares / np.maximum(count, 1))
    return StepFit(mean, variance, factor, information, spread, rms, count)
