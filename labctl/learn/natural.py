"""Where a cell wanders by itself when SET and RESET are tossed with a fair coin.

Soft bounds draw it back to where both steps are equal, and the pulses scatter it: it settles into a
density of its own, which the kappa rule uses as the prior. Of linear soft bounds, steps
``u = 2 a (1 - g)`` and ``d = 2 a g`` over n levels, it is nearly normal with the variance
``n (a^2 + s^2) / 4``; of measured curves it is the stationary solution of the Fokker-Planck
equation, ``p = exp(integral of M1 / D) / D`` with the mean move ``M1 = (u - d) / 2`` and half the
mean square ``D = ((u^2 + d^2) / 2 + s^2) / 2`` (Risken, The Fokker-Planck Equation, ch. 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.learn.curves import StepCurves

_REFINED = 8


@dataclass(frozen=True, slots=True)
class Natural:
    """The density of a cell under fair coins.

    Attributes
    ----------
    mean, variance
        S, S^2.
    excess
        Excess kurtosis: 0 of a normal density; negative where the cell is held by walls rather
        than drawn back.
    step
        Mean step where the cell settles, S.
    square
        Mean square of a step there, S^2.
    """

    mean: float
    variance: float
    excess: float
    step: float
    square: float

    @property
    def levels(self) -> float:
        """Steps between the soft bounds that would give the same variance."""
        return 4.0 * self.variance / self.square


def natural(curves: StepCurves, up: float = 1.0, down: float = 1.0, noise: float = 1.0) -> Natural:
    """Return where a cell settles, given its factors on the mean steps and on their variance."""
    grid = np.linspace(curves.low, curves.high, _REFINED * (len(curves.grid) - 1) + 1)
    table = curves.look_up(grid)
    u, d = table[:, 0] * up, table[:, 1] * down
    square = 0.5 * (u * u + d * d) + 0.5 * noise * (table[:, 2] + table[:, 3])
    half = 0.5 * square
    pull = 0.5 * (u - d) / half
    spacing = float(grid[1] - grid[0])
    climb = np.concatenate([[0.0], np.cumsum(0.5 * (pull[1:] + pull[:-1]) * spacing)])
    log = climb - np.log(half)
    density = np.exp(log - log.max())
    density /= density.sum()
    mean = float(density @ grid)
    away = grid - mean
    variance = float(density @ away**2)
    fourth = float(density @ away**4)
    return Natural(
        mean,
        variance,
        fourth / variance**2 - 3.0,
        float(density @ (0.5 * (u + d))),
        float(density @ square),
    )
