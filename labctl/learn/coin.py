"""The state-aware coin: which way to pulse a cell so that the pulses are the Langevin noise.

Each step gives one cell of every pair exactly one pulse. A SET moves its conductance ``x`` by
``u(x)``, a RESET by ``-d(x)`` in the mean, each with a spread of its own. Tossing SET with
probability ``P = (mu + d) / (u + d)`` makes the mean move ``mu`` and, whatever ``mu`` near zero,
the mean square ``B = u d + s^2``: a random walk with diffusion ``D = B / 2``. It samples the
density ``exp(-V(x))`` when ``mu = -D V' + dD/dx``; the second term is Ito's correction for noise
that depends on the state. With ``V = U / T`` plus a spring on the pair's common mode, the pairs
sample the posterior ``exp(-U)`` at temperature ``T``.

All of it is written in the cell's own conductance, positive in the direction of SET, so that the
minus cell of a pair differs by the sign of ``dV/dx`` only.

Two refinements let the steps be as large as half a standard deviation of the posterior:

- *looking ahead* (where the model gives its curvature): weights are decided one after the other,
  and each decision takes into account the moves already decided in this step, to first order. With
  all coins tossed on the same gradient the error grows with the largest eigenvalue of the
  curvature; one after the other, with the conditional curvature of single weights only.
- *second order*: where SET and RESET steps differ, single steps are skewed, and the next term of
  the Kramers-Moyal expansion (Risken, The Fokker-Planck Equation, ch. 4) is of the order of the
  step over the range. Zero flux, ``mu p = (M2 p)'/2 - (M3 p)''/6`` with ``M2 = B + mu (u - d)`` and
  ``M3 = u d (u - d)``, is solved for ``mu`` by one iteration; second derivatives of the curves
  count as zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.learn.curves import Moments
from labctl.learn.kernels import polynomial, toss_in_turn
from labctl.learn.rule import Rule, View

__all__ = ["Rule", "StateAwareCoin", "View"]


@dataclass(frozen=True, slots=True)
class StateAwareCoin:
    """See the module.

    Attributes
    ----------
    spring
        Standard deviation of a pair's common mode that the spring holds, in parts of the window;
        None lets it go. Where more cells share a weight, each of the modes that the weight does not
        see is held as stiffly.
    ito
        Whether Ito's correction is applied.
    second_order
        Whether the second-order correction is applied.
    look_ahead
        Whether decided moves count for the weights after them, where the model has a curvature.
    """

    spring: float | None = 0.1
    ito: bool = True
    second_order: bool = True
    look_ahead: bool = True

    def force(self, view: View) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return dV/dx (1/S) and d2V/dx2 (1/S^2), shape (n,), without moves of other weights."""
        scale = view.kappa * view.temperature
        first = view.sign * view.gradient / scale
        second = view.stiffness / (scale * view.kappa)
        if self.spring is not None and view.sharing > 1:
            # V = m^2 / (2 sd^2) of a pair's common mode m is the sum of both cells' distances
            # from an even share, squared, over 4 sd^2.
            stiffness = 0.5 * (self.spring * view.range) ** -2.0
            first = first + stiffness * view.common
            second = second + stiffness * (1 - 1 / view.sharing)
        return first, second

    def polynomial(
        self, moments: Moments
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return c0, c1, c2 (shape (n,)) of the wanted mean move ``c0 + c1 V' + c2 (V'^2 - V'')``.

        Parameters
        ----------
        moments
            Of the next pulse.
        """
        found = np.empty((3, len(moments.up)))
        polynomial(
            moments.up, moments.down, moments.variance, moments.up_slope, moments.down_slope,
            moments.variance_slope, self.ito, self.second_order, found,
        )  # fmt: skip
        return found[0], found[1], found[2]

    def decide(self, view: View, rng: np.random.Generator) -> tuple[NDArray[np.int8], int]:
        """Toss one coin for each weight, in random order (see :class:`Rule`)."""
        first, second = self.force(view)
        c0, c1, c2 = self.polynomial(view.moments)
        u, d = view.moments.up, view.moments.down
        toss = rng.random(len(u))
        if view.curvature is None or not self.look_ahead:
            chance = (_drift(first, second, c0, c1, c2) + d) / (u + d)
            saturated = int(np.count_nonzero((chance < 0) | (chance > 1)))
            return np.where(toss < chance, 1, -1).astype(np.int8), saturated
        chains, n = view.curvature.shape[:2]
        polarity = np.empty(chains * n, dtype=np.int8)
        saturated = 0
        lean = view.sign / view.kappa
        for k in range(chains):
            own = slice(k * n, (k + 1) * n)
            saturated += toss_in_turn(
                rng.permutation(n), toss[own], first[own], second[own], c0[own], c1[own], c2[own],
                u[own], d[own], view.curvature[k], lean[own], view.temperature, polarity[own],
            )  # fmt: skip
        return polarity, saturated


def _drift(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    c0: NDArray[np.float64],
    c1: NDArray[np.float64],
    c2: NDArray[np.float64],
) -> NDArray[np.float64]:
    # Far from the mode the expansion is of no use; the coin is saturated there anyway.
    excess = np.clip(first * first - second, -2 * second, 4 * second)
    drift: NDArray[np.float64] = c0 + c1 * first + c2 * excess
    return drift
