"""Storm coast: a small boat that must keep off a coast where the waves grow.

The task of Lin et al., Nat. Mach. Intell. 5, 714 (2023), made from its equations. The boat is at
``(x, y)``, the coast at ``y = 0``; an action in [-1, 1]^2 moves it, a current drives it towards the
coast, and waves throw it up and down, the more the nearer to the coast it is:
``s' = s + (-0.3, -0.15) + a + (0, exp(0.9 - 0.18 y) xi)`` with standard normal ``xi``. The doubt
about where the boat will be is aleatoric near the coast, and epistemic where nobody has sailed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

START = np.array([20.0, 10.0])
STEPS = 100
"""Of an episode, unless the boat strands before."""
STRANDED = -10.0
"""Reward of stranding."""
_CURRENT = np.array([-0.3, -0.15])


def wave_sd(y: ArrayLike) -> Floats:
    """Return the standard deviation of a wave at distances ``y`` from the coast."""
    found: Floats = np.exp(0.9 - 0.18 * np.asarray(y, dtype=np.float64))
    return found


def sail(state: ArrayLike, action: ArrayLike, rng: np.random.Generator) -> Floats:
    """Return where boats are after one step.

    Parameters
    ----------
    state
        float, shape (..., 2).
    action
        float, shape (..., 2), clipped to [-1, 1].
    rng
        Makes the waves.
    """
    here = np.asarray(state, dtype=np.float64)
    after: Floats = here + _CURRENT + np.clip(action, -1.0, 1.0)
    after[..., 1] += wave_sd(here[..., 1]) * rng.standard_normal(here.shape[:-1])
    return after


def reward(state: ArrayLike) -> Floats:
    """Return the reward of being at states, shape (...): the nearer to (0, 0) the more."""
    here = np.asarray(state, dtype=np.float64)
    far = np.maximum(np.linalg.norm(here, axis=-1), 1e-12)
    found: Floats = np.where(here[..., 1] < 0, STRANDED, 20.0 * (1.0 - np.exp(-1.0 / far)))
    return found


def voyages(count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return single steps of boats that sail at random, to learn where they go.

    Returns
    -------
    inputs
        float64, shape (n, 4): state and action.
    moves
        float64, shape (n, 2): the state after less the state before; n is up to ``count`` times
        :data:`STEPS`, steps after stranding left out.
    """
    state, afloat = np.tile(START, (count, 1)), np.ones(count, dtype=bool)
    inputs, moves = [], []
    for _ in range(STEPS):
        action = rng.uniform(-1.0, 1.0, (count, 2))
        after = sail(state, action, rng)
        inputs.append(np.hstack([state, action])[afloat])
        moves.append((after - state)[afloat])
        afloat &= after[:, 1] >= 0
        state = np.where(afloat[:, None], after, START)  # who has stranded sails no further
    return np.concatenate(inputs), np.concatenate(moves)
