"""A long chain in software to hold the cells against: Hamiltonian Monte Carlo, many chains at once.

Neal, in Handbook of Markov Chain Monte Carlo (2011), ch. 5: leapfrog steps and a Metropolis test,
so that the density is exact whatever the step. Positions are counted from the mode in units of the
Gaussian there (its curvature's inverse Cholesky factor), which makes a posterior with one mode
nearly round: a step of 0.3 is then accepted nine times in ten, and an orbit of a quarter turn
forgets where it began.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labctl.learn.posterior import Moments, effective_sample_size, r_hat

STEP = 0.3
"""Length of a leapfrog step, drawn anew by a fifth up or down for each orbit: no orbit closes."""
ORBIT = 6
"""Leapfrog steps of an orbit, about a quarter turn and a bit more."""
_NEWTON = 50


class Smooth(Protocol):
    """A posterior with a gradient, a curvature and a density (see :mod:`labctl.learn.models`)."""

    size: int

    def gradient(self, weights: NDArray[np.float64]) -> NDArray[np.float64]: ...

    def curvature(self, weights: NDArray[np.float64]) -> NDArray[np.float64]: ...

    def log_posterior(self, weights: NDArray[np.float64]) -> float: ...


def mode(model: Smooth) -> NDArray[np.float64]:
    """Return the mode of a log-concave posterior, by Newton's method with steps cut in halves."""
    at = np.zeros(model.size)
    for _ in range(_NEWTON):
        move = np.linalg.solve(model.curvature(at), model.gradient(at))
        if np.abs(move).max() < 1e-10:
            break
        here = model.log_posterior(at)
        while model.log_posterior(at - move) < here - 1e-9:
            move /= 2
        at = at - move
    return at


def draw(
    model: Smooth, orbits: int, chains: int, rng: np.random.Generator, burn_in: int = 100
) -> NDArray[np.float64]:
    """Return draws of shape (chains, orbits, size), one at the end of each orbit.

    Parameters
    ----------
    model
        Its gradient takes many points at once, shape (chains, size).
    orbits
        Kept of each chain.
    chains
        How many run side by side; they begin at draws of the Gaussian at the mode.
    burn_in
        Orbits that are not kept.
    """
    centre = mode(model)
    # theta = centre + L z with L L^T the inverse of the curvature.
    factor = np.linalg.inv(np.linalg.cholesky(model.curvature(centre)))

    def density(z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([model.log_posterior(w) for w in centre + z @ factor])

    def slope(z: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = model.gradient(centre + z @ factor) @ factor.T
        return found

    z = rng.normal(size=(chains, model.size))
    here, kept = density(z), np.empty((chains, orbits, model.size))
    for k in range(burn_in + orbits):
        speed = rng.normal(size=z.shape)
        step = STEP * rng.uniform(0.8, 1.2, size=(chains, 1))
        there, moving = z, speed - 0.5 * step * slope(z)
        for j in range(ORBIT):
            there = there + step * moving
            moving = moving - (1.0 if j < ORBIT - 1 else 0.5) * step * slope(there)
        after = density(there)
        gain = after - here - 0.5 * np.sum(moving**2 - speed**2, axis=1)
        accepted = np.log(rng.random(chains)) < gain
        z = np.where(accepted[:, None], there, z)
        here = np.where(accepted, after, here)
        if k >= burn_in:
            kept[:, k - burn_in] = centre + z @ factor
    return kept


def posterior(model: Smooth, seed: int = 0, orbits: int = 1_000, chains: int = 8) -> Moments:
    """Return moments and draws of a posterior with one mode.

    Raises
    ------
    AssertionError
        Where the chains do not agree: R-hat above 1.01, or fewer than 2 000 effective draws.
    """
    found = draw(model, orbits, chains, np.random.default_rng(seed))
    apart, size = float(r_hat(found).max()), float(effective_sample_size(found).min())
    assert apart < 1.01, f"R-hat {apart:.3f}"
    assert size > 2_000, f"{size:.0f} effective draws"
    flat = found.reshape(-1, model.size)
    return Moments(flat.mean(axis=0), flat.std(axis=0), flat)
