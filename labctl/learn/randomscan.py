"""Random scan: each step pulses a random share of the weights, the others rest."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labctl.errors import ProcedureError
from labctl.learn.coin import StateAwareCoin
from labctl.learn.rule import Rule, View


@dataclass(frozen=True, slots=True)
class RandomScan:
    """A rule that lets most weights rest.

    All coins of a step are tossed on one gradient. Where thousands of weights carry one output, the
    moves of all of them add up to far more than any one was meant to make, and the chain heats up:
    the step size of Langevin dynamics is too large for the largest eigenvalue of the curvature, and
    the pulses cannot be made smaller. With a share of the weights at a time the step size falls
    with the share, and so do pulses, reads and energy of a step. Random-scan updates leave the
    same density invariant as updates of all weights (Liu, Monte Carlo Strategies in Scientific
    Computing, ch. 6). Models that tell their curvature look ahead instead and need no scan.

    Attributes
    ----------
    share
        Of the weights that each step may pulse, above 0 to 1.
    rule
        Decides on their pulses.
    """

    share: float
    rule: Rule = field(default_factory=StateAwareCoin)

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ProcedureError(f"A share of {self.share} of the weights: give above 0, up to 1.")

    def decide(self, view: View, rng: np.random.Generator) -> tuple[NDArray[np.int8], int]:
        """Let the rule decide, and keep a random share of it (see :class:`labctl.learn.Rule`)."""
        if view.curvature is not None:  # the coins look ahead: they must know who rests
            rests = rng.random(len(view.slot)) >= self.share
            polarity, saturated = self.rule.decide(view.without(rests), rng)
        else:
            polarity, saturated = self.rule.decide(view, rng)
            rests = rng.random(len(polarity)) >= self.share
        return np.where(rests, 0, polarity).astype(np.int8), round(self.share * saturated)
