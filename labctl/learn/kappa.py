"""The kappa rule: a coin that is blind to the cell, and soft bounds that are the prior.

A fair coin lets a cell wander about the point where SET and RESET are equal, and the soft bounds
draw it back: the density it settles into is a prior that costs nothing (:mod:`.natural`). The rule
chooses the conductance per unit weight, kappa, so that this density is the prior N(0, 1/lambda) of
the model; of linear soft bounds with n levels, mean step a and pulse sd s at mid-range

    kappa = sqrt(lambda n (a^2 + s^2) / 2)

for a differential pair. What is left to the coin is the likelihood alone:
``P(SET) = 1/2 - (D / 2 a) dV/dx`` with ``D = (a^2 + s^2) / 2``, whatever the conductance is.

That is the blind coin (``blind=True``), and enough for cells that are alike and softly bound.
Measured cells are not: one is better at SET than at RESET and rests too high, another is noisier
than the calibration said, and where SET and RESET stay equal over a wide range nothing draws a cell
back at all. By default the coin therefore puts in what the cell's own density lacks of the prior,
``(x - c) / v - d(-ln p) / dx`` with the tracked steps of the cell, and lets the push of the
likelihood follow those steps. For linear soft bounds that is nothing.

At that scale pulses are too coarse for a posterior that is far narrower than the prior. Since the
coin knows what the prior asks for at any scale, weights whose posterior turns out narrow in the
burn-in get a kappa nearly as large as the state-aware coin would have, up to :data:`FINEST` times
that of the prior: the soft bounds are then narrower than the prior, and the coin pushes outwards by
the difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labctl.errors import ProcedureError
from labctl.learn.calibration import Calibration
from labctl.learn.kernels import toss_in_turn
from labctl.learn.natural import Natural, natural
from labctl.learn.rule import View

FINEST = 1.7
"""Times the prior's scale. The coin has no second-order correction (see
:mod:`labctl.learn.coin`), which is missed far from where a cell rests by itself: means lean
there."""
_EASE = 0.85
"""Of the state-aware coin's scale: larger ones mix more slowly, and the prior's does already."""
_REACH = 3.0


def soft_bound_kappa(levels: float, step: float, spread: float, precision: float = 1.0) -> float:
    """Return kappa (S per unit weight) of a pair of cells with linear soft bounds.

    Parameters
    ----------
    levels
        Mean steps between the bounds.
    step, spread
        Mean step and pulse sd at mid-range, S.
    precision
        Of the prior, lambda.
    """
    return float(np.sqrt(0.5 * precision * levels * (step**2 + spread**2)))


@dataclass(frozen=True, slots=True)
class KappaCoin:
    """See the module. Weights are differential pairs.

    Attributes
    ----------
    calibration
        Where the density without a coin comes from.
    blind
        Whether the coin knows nothing of the cell it is tossed for.
    look_ahead
        Whether decided moves count for the weights after them, where the model has a curvature.
    finest
        Times the scale of the prior that the scale may become where the posterior is narrow; 1 of a
        blind coin.
    natural
        Of a typical cell.
    variance
        S^2, of a cell that holds half a weight at the scale of the prior: that of ``natural``, or
        less, so that three standard deviations fit the window.
    """

    calibration: Calibration
    blind: bool = False
    look_ahead: bool = True
    finest: float = FINEST
    natural: Natural = field(init=False)
    variance: float = field(init=False)

    def __post_init__(self) -> None:
        found = natural(self.calibration.curves)
        most = (0.5 * self.calibration.range / _REACH) ** 2
        object.__setattr__(self, "natural", found)
        variance = found.variance if self.blind else min(found.variance, most)
        object.__setattr__(self, "variance", variance)
        if self.blind:
            object.__setattr__(self, "finest", 1.0)

    def kappa(
        self, calibration: Calibration, prior_sd: NDArray[np.float64], pulsed: int = 2
    ) -> NDArray[np.float64]:
        """Return kappa (S per unit weight), shape (n,); see :class:`labctl.learn.rule.OwnScale`."""
        if pulsed != 2:
            raise ProcedureError(
                f"The kappa rule takes what two cells rest at for the prior of a weight; here "
                f"{pulsed} of a weight's cells are pulsed. Use differential pairs, or the "
                "state-aware coin."
            )
        scale: NDArray[np.float64] = np.sqrt(2.0 * self.variance) / prior_sd
        return scale

    def rescaled(
        self, own: NDArray[np.float64], fitted: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return a finer scale for narrow posteriors (see :class:`labctl.learn.rule.OwnScale`)."""
        return np.clip(_EASE * fitted, own, self.finest * own)

    @property
    def _centre(self) -> float:
        """Where pairs rest, S: where the typical cell does, as far as the window allows."""
        low, high = self.calibration.window
        reach = _REACH * float(np.sqrt(self.variance))
        return min(max(self.natural.mean, low + reach), high - reach)

    def decide(self, view: View, rng: np.random.Generator) -> tuple[NDArray[np.int8], int]:
        """Toss one coin for each weight (see :class:`labctl.learn.rule.Rule`)."""
        here = view.conductance[np.arange(len(view.slot)), view.slot]
        force = view.sign * (view.gradient - view.prior) / (view.kappa * view.temperature)
        if self.blind:
            step = np.full(len(here), self.natural.step)
            square = np.full(len(here), self.natural.square)
        else:
            m = view.moments
            step = 0.5 * (m.up + m.down)
            square = 0.5 * (m.up**2 + m.down**2) + m.variance
            rise = m.up * m.up_slope + m.down * m.down_slope + m.variance_slope
            pull = ((m.up - m.down) - rise) / square
            # The prior of a weight is shared by the two cells of its pair.
            variance = 0.5 * (view.kappa * view.prior_sd) ** 2
            force = force + (here - self._centre) / variance + pull
        toss = rng.random(len(here))
        drift = -0.5 * square
        if view.curvature is None or not self.look_ahead:
            chance = 0.5 + 0.5 * drift * force / step
            saturated = int(np.count_nonzero((chance < 0) | (chance > 1)))
            return np.where(toss < chance, 1, -1).astype(np.int8), saturated
        chains, n = view.curvature.shape[:2]
        polarity = np.empty(chains * n, dtype=np.int8)
        none = np.zeros(n)
        saturated = 0
        lean = view.sign / view.kappa
        for k in range(chains):
            own = slice(k * n, (k + 1) * n)
            saturated += toss_in_turn(
                rng.permutation(n), toss[own], force[own], none, none, drift[own], none,
                step[own], step[own], view.curvature[k], lean[own], view.temperature, polarity[own],
            )  # fmt: skip
        return polarity, saturated
