"""Naive rules: what one would try first, and why it is not a posterior.

Both round the step of Langevin dynamics to whole pulses and hope that the scatter of the pulses is
the noise it needs. It is not: the noise comes only with a pulse, and in the wrong amount, so the
weights stay near the mode. They are here to be measured beside the calibrated rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.errors import ProcedureError
from labctl.learn.rule import View


@dataclass(frozen=True, slots=True)
class SignRule:
    """One pulse against the gradient of every weight whose gradient is large enough.

    Attributes
    ----------
    threshold
        Least gradient (nat per unit weight) that is answered.
    """

    threshold: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.threshold < np.inf:
            raise ProcedureError(
                f"A threshold of {self.threshold} for the sign rule: give 0 or more, finite."
            )

    def decide(self, view: View, rng: np.random.Generator) -> tuple[NDArray[np.int8], int]:
        """Return the polarities (see :class:`labctl.learn.rule.Rule`); no coin is tossed."""
        way = -np.sign(view.gradient) * view.sign
        chosen = np.where(np.abs(view.gradient) > self.threshold, way, 0.0)
        return chosen.astype(np.int8), 0


@dataclass(frozen=True, slots=True)
class RoundingRule:
    """The gradient step ``-rate * gradient``, rounded to a whole pulse or none.

    A cell takes one pulse in a step at most, so what would be several counts as saturated.

    Attributes
    ----------
    rate
        Step of the weight per unit of the gradient.
    stochastic
        Whether the fraction of a pulse is a chance of one (right in the mean); else the nearest
        number of pulses is taken, which freezes where the gradient is small.
    """

    rate: float = 4e-3
    stochastic: bool = True

    def __post_init__(self) -> None:
        if not 0.0 < self.rate < np.inf:
            raise ProcedureError(f"A rate of {self.rate}: give a finite number above 0.")

    def decide(self, view: View, rng: np.random.Generator) -> tuple[NDArray[np.int8], int]:
        """Return the polarities (see :class:`labctl.learn.rule.Rule`)."""
        move = -self.rate * view.gradient * view.sign * view.kappa
        step = np.where(move > 0, view.moments.up, view.moments.down)
        wanted = move / step
        chance = rng.random(len(wanted)) if self.stochastic else 0.5
        pulses = np.floor(wanted + chance)
        saturated = int(np.count_nonzero(np.abs(pulses) > 1))
        return np.clip(pulses, -1, 1).astype(np.int8), saturated
