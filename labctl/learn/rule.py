"""What decides on the pulses of a step, and what it sees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from labctl.learn.curves import Moments

if TYPE_CHECKING:
    from labctl.learn.calibration import Calibration


@dataclass(frozen=True, slots=True)
class View:
    """What a rule sees when it decides on one step; n weights (of all chains on the chip).

    Attributes
    ----------
    step
        How many steps were taken before.
    sign
        float64, shape (n,): 1 where a SET of the cell to be pulsed raises the weight, -1 where it
        lowers it.
    slot
        int64, shape (n,): which of the weight's cells is to be pulsed.
    weights
        float64, shape (n,): as last read (the mean of the passes, where there are several).
    samples
        float64, shape (passes, n): the weights of each read pass before this step; None where the
        weights are known from the reads after pulses.
    gradient
        float64, shape (n,): of the potential (minus log posterior) to the weights; over several
        passes, its mean.
    prior
        float64, shape (n,): the prior's part of ``gradient``, weight / prior_sd^2.
    prior_sd
        float64, shape (n,).
    curvature
        float64, shape (chains, n / chains, n / chains): second derivatives of the potential, or
        None.
    stiffness
        float64, shape (n,): diagonal of the curvature, or an estimate of it.
    kappa
        float64, shape (n,), S per unit weight.
    conductance
        float64, shape (n, cells per weight), S, as last read.
    moments
        Of the next pulse on each cell.
    common
        float64, shape (n,), S: how far the cell is from where it would be if its weight's
        conductance were evenly shared (the common mode of a pair).
    sharing
        How many cells share a weight: 1 has no common mode.
    range
        Width of the window, S.
    temperature
        Of the posterior; 1 is Bayes.
    """

    step: int
    sign: NDArray[np.float64]
    slot: NDArray[np.int64]
    weights: NDArray[np.float64]
    samples: NDArray[np.float64] | None
    gradient: NDArray[np.float64]
    prior: NDArray[np.float64]
    prior_sd: NDArray[np.float64]
    curvature: NDArray[np.float64] | None
    stiffness: NDArray[np.float64]
    kappa: NDArray[np.float64]
    conductance: NDArray[np.float64]
    moments: Moments
    common: NDArray[np.float64]
    sharing: int
    range: float
    temperature: float

    def without(self, resting: NDArray[np.bool_]) -> View:
        """Return the view of a step in which some weights, bool, shape (n,), get no pulse.

        Rules that look ahead count on the moves they have decided; those that will not be made
        must not be counted.
        """
        if self.curvature is None or not resting.any():
            return self
        curvature = self.curvature.copy()
        curvature[resting.reshape(curvature.shape[:2])] = 0.0
        return replace(self, curvature=curvature)


class Rule(Protocol):
    """What decides on the pulses of one step."""

    def decide(self, view: View, rng: np.random.Generator) -> tuple[NDArray[np.int8], int]:
        """Return polarities, and how many coins could not give the drift that was wanted.

        Returns
        -------
        polarity
            int8, shape (n,): 1 SET, -1 RESET, 0 no pulse.
        saturated
            Number of coins.
        """
        ...


@runtime_checkable
class ChoosesCells(Protocol):
    """A rule that also chooses which of a weight's cells is pulsed; else they take turns."""

    def slots(
        self, step: int, weights: int, of: tuple[int, ...], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Return a slot for each weight, int64, shape (weights,), out of ``of``."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """A rule that goes by what it saw in earlier steps: kept with the state of a chain."""

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return what it goes by, as arrays, under names of its own."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state` returned, among more."""
        ...


@runtime_checkable
class OwnScale(Protocol):
    """A rule that needs a conductance per unit weight of its own."""

    def kappa(
        self, calibration: Calibration, prior_sd: NDArray[np.float64], pulsed: int = 2
    ) -> NDArray[np.float64]:
        """Return kappa (S per unit weight), shape (n,), for priors of shape (n,).

        Parameters
        ----------
        calibration
            With the window.
        prior_sd
            Of the weights.
        pulsed
            How many cells of a weight are pulsed.

        Raises
        ------
        ProcedureError
            Where the rule does not do for so many.
        """
        ...

    def rescaled(
        self, own: NDArray[np.float64], fitted: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the scale for what the burn-in has seen, shape (n,).

        Parameters
        ----------
        own
            What :meth:`kappa` asked for, S per unit weight.
        fitted
            What the state-aware coin would have (see :func:`labctl.learn.scale.fitted_kappa`).
        """
        ...
