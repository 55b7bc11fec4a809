"""The kappa rule: a coin that is blind to the cell, and soft bounds that are the prior.

A fair coin lets a cell wander about the point where SET and RESET are equal, and the soft bounds
draw it back: the density it settles into is a prior that costs nothing (:mod:`.natural`). The rule
chooses the conductance per unit weight, kappa, so that this density is the prior N(0, 1/lambda) of
the model; of linear soft bounds with n levels, mean step a and pulse sd s at mid-range

    kappa = sqrt(lambda n (a^2 + s^2) / 2)

for a differential pair. What is left to the coin is the likelihood alone:
``P(SET) = 1/2 - (D / 2 a) dV/dx`` with ``D = (a^2 + s^2) / 2``, whatever the conductance is.

Cells differ: one whose SET steps are larger than its RESET steps rests too high, one that is noisy
wanders too far. What their own densities lack of the prior is put into the coin (``corrected``);
with cells that are alike, and as noisy as the calibration says, that is nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labctl.errors import CalibrationError
from labctl.learn.calibration import Calibration
from labctl.learn.kernels import toss_in_turn
from labctl.learn.natural import Natural, natural, natural_table
from labctl.learn.rule import View

_RATIOS = np.exp(np.linspace(-0.5, 0.5, 21))
"""SET over RESET factors that are corrected for; beyond them as at the ends. A cell that strays out
of the measured range seems slow in one direction only, and must not be pushed further out."""


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
    corrected
        Whether the coin makes up for what a cell's own speed and rest, and the noise seen in
        learning, take off the prior or add to it.
    aware
        Whether the likelihood's push follows the steps at the present conductance; False is the
        blind coin.
    look_ahead
        Whether decided moves count for the weights after them, where the model has a curvature.
    natural
        Of a typical cell.
    variance
        S^2, of the density of a cell with the factors that are in the middle of all good cells.
    """

    calibration: Calibration
    corrected: bool = True
    aware: bool = False
    look_ahead: bool = True
    natural: Natural = field(init=False)
    variance: float = field(init=False)
    _table: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        curves, good = self.calibration.curves, self.calibration.good
        table = natural_table(curves, _RATIOS)
        own = self.calibration.factor[good]
        each = np.interp(own[:, 0] / own[:, 1], _RATIOS, table[:, 1])
        object.__setattr__(self, "natural", natural(curves))
        object.__setattr__(self, "variance", float(np.median(each)))
        object.__setattr__(self, "_table", table)

    def kappa(self, calibration: Calibration, prior_sd: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return kappa (S per unit weight), shape (n,); see :class:`labctl.learn.rule.OwnScale`."""
        scale: NDArray[np.float64] = np.sqrt(2.0 * self.variance) / prior_sd
        return scale

    def decide(self, view: View, rng: np.random.Generator) -> tuple[NDArray[np.int8], int]:
        """Toss one coin for each weight (see :class:`labctl.learn.rule.Rule`)."""
        here = view.conductance[np.arange(len(view.slot)), view.slot]
        curves, typical = self.calibration.curves, self.natural
        table = curves.look_up(here)
        up, down = view.moments.up / table[:, 0], view.moments.down / table[:, 1]
        noise = view.moments.variance / curves.moments(here, up, down).variance
        force = view.sign * (view.gradient - view.prior) / (view.kappa * view.temperature)
        speed = np.sqrt(up * down)
        step = typical.step * speed
        square = step**2 + noise * (typical.square - typical.step**2)
        if self.corrected:
            rest = np.interp(up / down, _RATIOS, self._table[:, 0])
            own = np.interp(up / down, _RATIOS, self._table[:, 1])
            own = own * square / (speed * typical.square)
            force = force + (here - typical.mean) / self.variance - (here - rest) / own
        if self.aware:
            step = 0.5 * (view.moments.up + view.moments.down)
            square = 0.5 * (view.moments.up**2 + view.moments.down**2) + view.moments.variance
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
