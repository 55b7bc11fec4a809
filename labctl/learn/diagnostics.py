"""Whether chains have mixed: R-hat, bulk and tail effective sample size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import ProcedureError
from labctl.learn.posterior import effective_sample_size, r_hat

R_HAT_MAX = 1.02
"""Largest R-hat of a weight that counts as mixed."""
ESS_MIN = 1000.0
"""Fewest effective draws of a weight that a posterior should be judged by."""
_FEWEST = 8  # quarters of a single chain need two draws each


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """How well chains mixed, weight by weight.

    Attributes
    ----------
    r_hat
        float64, shape (d,): rank-normalised split R-hat (Vehtari et al., Bayesian Anal. 16, 667
        (2021)); 1 where the chains agree. NaN for a weight that never moved.
    ess_bulk, ess_tail
        float64, shape (d,): effective sample size for the centre, and for the 5 % and 95 %
        quantiles.
    chains, draws
        How many there were.
    """

    r_hat: NDArray[np.float64]
    ess_bulk: NDArray[np.float64]
    ess_tail: NDArray[np.float64]
    chains: int
    draws: int

    @property
    def stuck(self) -> NDArray[np.int64]:
        """Weights that never moved, int64."""
        return np.flatnonzero(~np.isfinite(self.r_hat)).astype(np.int64)

    @property
    def mixed(self) -> bool:
        """Whether every weight keeps R-hat and effective sample size."""
        return bool(
            np.nanmax(self.r_hat, initial=1.0) <= R_HAT_MAX
            and self.ess_bulk.min() >= ESS_MIN
            and not len(self.stuck)
        )

    def to_json(self) -> dict[str, Any]:
        """Return the worst and the median of each, JSON-able."""
        return {
            "chains": self.chains,
            "draws": self.draws,
            "r_hat_max": float(np.nanmax(self.r_hat, initial=1.0)),
            "ess_min": float(self.ess_bulk.min()),
            "ess_median": float(np.median(self.ess_bulk)),
            "ess_tail_min": float(self.ess_tail.min()),
            "stuck_weights": len(self.stuck),
        }


def diagnose(draws: ArrayLike) -> Diagnostics:
    """Return the diagnostics of draws.

    Parameters
    ----------
    draws
        float, shape (chains, draws, d), or (draws, d) for a single chain, in the order they were
        taken, burn-in left out.

    Raises
    ------
    ProcedureError
        Where there are too few draws, or they are not finite.
    """
    from arviz_stats.base import array_stats

    values = np.asarray(draws, dtype=np.float64)
    chains = values[None] if values.ndim == 2 else values
    if chains.ndim != 3 or chains.shape[1] < _FEWEST:
        raise ProcedureError(
            f"Draws of shape {values.shape}: R-hat and effective sample size need (chains, draws, "
            f"weights) with at least {_FEWEST} draws. Take more, or thin less."
        )
    if not np.isfinite(chains).all():
        raise ProcedureError(
            f"{int((~np.isfinite(chains)).sum())} values of the draws are not finite; leave these "
            "draws out."
        )
    moved = chains.std(axis=(0, 1)) > 0
    ratio = np.full(chains.shape[2], np.nan)
    bulk, tail = np.zeros(chains.shape[2]), np.zeros(chains.shape[2])
    if moved.any():
        some = chains[..., moved]
        ratio[moved] = r_hat(some)
        bulk[moved] = effective_sample_size(some)
        tail[moved] = array_stats.ess(
            some, chain_axis=0, draw_axis=1, method="tail", prob=(0.05, 0.95)
        )
    return Diagnostics(ratio, bulk, tail, chains.shape[0], chains.shape[1])
