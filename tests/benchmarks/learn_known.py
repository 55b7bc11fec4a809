"""Posteriors that are known exactly: moments, and ranks of simulation-based calibration."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kstest

from labctl.learn.models import LinearRegression
from labctl.learn.posterior import Moments
from labctl.learn.sampler import Chain
from tests.benchmarks.figure import Figure
from tests.benchmarks.learn_chips import Prepared, prepared
from tests.benchmarks.learn_posterior import BURN_IN, CHAINS, HFOX, Gate

FEATURES, NOISE = 8, 1.5
DATA = (16, 40)
"""With 40 the posterior is a quarter as wide as the prior: about twice the read noise of a pair."""
REPLICAS, SBC_FEATURES, SBC_DATA = 32, 2, 6
SBC_STEPS, SBC_DRAWS = 3_600, 30
"""Steps and draws of one replica; the draws lie about as far apart as the chain takes to forget."""


def sample(
    chip: Prepared, model: LinearRegression, steps: int, chains: int, seed: int, thin: int
) -> NDArray[np.float64]:
    """Return draws of shape (n, chains, size)."""
    chain = Chain(
        chip.array, model, chip.calibration, chip.pulses, np.random.default_rng(seed),
        chains=chains,
    )  # fmt: skip
    chain.prepare()
    drawn = []
    for k in range(steps):
        step = chain.step()
        if k % 50 == 49 and k < 0.8 * min(BURN_IN, steps // 6):
            chain.rescale()
        if k >= min(BURN_IN, steps // 6) and k % thin == 0:
            drawn.append(step.weights)
    return np.array(drawn).reshape(len(drawn), chains, model.size)


def measure() -> Iterator[Figure]:
    """Sample a linear regression, then many small ones whose truth was drawn from the prior."""
    rng = np.random.default_rng(11)
    chip = prepared(*HFOX)
    for data in DATA:
        x = rng.normal(size=(data, FEATURES))
        y = x @ rng.normal(size=FEATURES) + NOISE * rng.normal(size=data)
        model = LinearRegression(x, y, NOISE)
        mean, covariance = model.exact()
        exact = rng.multivariate_normal(mean, covariance, 4_000)
        known = Moments(mean, np.sqrt(covariance.diagonal()), exact)
        draws = sample(chip, model, 16_000, CHAINS, 2, 10)
        yield from Gate.of(draws.swapaxes(0, 1), known).held(f"linear regression, {data} data")
    ranks = replicas(chip, rng)
    p = min(float(kstest(r, "uniform").pvalue) for r in ranks.T)
    yield Figure(
        f"ranks of {len(ranks)} simulated truths, least KS p of {ranks.shape[1]} weights",
        p, "p", low=0.01,
    )  # fmt: skip


def replicas(chip: Prepared, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return where truths lie among the draws of their posteriors, 0 to 1, (replicas, weights).

    Talts et al., arXiv:1804.06788: uniform, where the sampler is right. The replicas are one model
    whose data do not overlap, so that they run side by side; each has its own truth and data.
    """
    found = []
    for seed in range(5):
        x = np.zeros((REPLICAS * SBC_DATA, REPLICAS * SBC_FEATURES))
        truth = rng.normal(size=REPLICAS * SBC_FEATURES)
        for k in range(REPLICAS):
            rows = slice(k * SBC_DATA, (k + 1) * SBC_DATA)
            columns = slice(k * SBC_FEATURES, (k + 1) * SBC_FEATURES)
            x[rows, columns] = rng.normal(size=(SBC_DATA, SBC_FEATURES))
        y = x @ truth + NOISE * rng.normal(size=len(x))
        drawn = sample(chip, LinearRegression(x, y, NOISE), SBC_STEPS, 1, seed, 100)[:, 0]
        drawn = drawn[-SBC_DRAWS:]
        below = (drawn < truth).sum(axis=0)
        place = (below + rng.random(len(truth))) / (len(drawn) + 1)
        found.append(place.reshape(REPLICAS, SBC_FEATURES))
    return np.concatenate(found)
