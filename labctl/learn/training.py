"""Training: a burn-in that fits the scales, then draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.errors import BudgetSpent
from labctl.learn.sampler import Chain
from labctl.learn.step import Step

RESCALE_EVERY = 50
"""Steps between two fits of the weights' scales during the burn-in."""
RESCALE_UNTIL = 0.8
"""Part of the burn-in after which the scales stay, so that what follows has forgotten them."""
SATURATED = 0.2
"""Share of saturated coins above which a training says so."""


@dataclass(frozen=True, slots=True)
class Training:
    """What a training gave.

    Attributes
    ----------
    draws
        float64, shape (draws, n): of all chains, those of one step next to each other.
    steps
        How many were taken.
    saturated
        Mean share of coins that could not turn far enough.
    stopped
        What ended it before its last step; empty where nothing did.
    """

    draws: NDArray[np.float64]
    steps: int
    saturated: float
    stopped: str = ""


def saturation_warnings(share: float) -> list[str]:
    """Return what is to be said of a training with this share of saturated coins; mostly nothing.

    Parameters
    ----------
    share
        Of the coins of all its steps, those that could not turn as far as the gradient asked.
    """
    if share <= SATURATED:
        return []
    return [
        f"{share:.0%} of the coins could not turn as far as the gradient asked: one pulse is "
        "larger than the posterior is wide, so that the draws scatter too far. Use weaker pulses, "
        "a higher temperature, a longer burn-in where there is one (it fits the scales of the "
        "weights), a larger noise_sd (of a regressor), or a narrower prior."
    ]


def train(
    chain: Chain,
    steps: int,
    burn_in: int,
    thin: int,
    *,
    rescale: bool = True,
    on_step: Callable[[Step], None] | None = None,
) -> Training:
    """Take steps of a chain and keep draws.

    Parameters
    ----------
    chain
        Prepared, or in the middle of its way.
    steps
        How many, burn-in included.
    burn_in
        Steps that are not kept.
    thin
        Every how many steps the weights are kept.
    rescale
        Whether the burn-in may fit the scales of the weights, which moves the weights.
    on_step
        Called with each step, to keep or show it.

    Returns
    -------
    Training
        With ``stopped`` set where the budget was spent on the way; draws until then are kept.
    """
    draws: list[NDArray[np.float64]] = []
    saturated, taken, stopped = 0, 0, ""
    size = chain.model.size
    for k in range(1, steps + 1):
        try:
            step = chain.step()
        except BudgetSpent as error:
            stopped = str(error)
            break
        taken, saturated = k, saturated + step.saturated
        if on_step is not None:
            on_step(step)
        if k > burn_in and (k - burn_in) % thin == 0 and step.draw:
            draws.append(step.weights.reshape(-1, size))
        if rescale and k % RESCALE_EVERY == 0 and k <= RESCALE_UNTIL * burn_in:
            chain.rescale()
    kept = np.concatenate(draws) if draws else np.empty((0, size))
    coins = max(taken * size * chain.chains, 1)
    return Training(kept, taken, saturated / coins, stopped)
