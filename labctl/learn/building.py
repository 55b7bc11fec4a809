"""From data and a few words to a model: regression without hidden layers, else a network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import ProcedureError
from labctl.learn.calibration import Calibration
from labctl.learn.kappa import KappaCoin
from labctl.learn.models import (
    LinearRegression,
    LogisticRegression,
    Network,
    PredictiveModel,
    SoftmaxRegression,
)
from labctl.learn.models.cold import ColdPosterior
from labctl.learn.models.network import Activation
from labctl.learn.randomscan import RandomScan
from labctl.learn.rule import Rule

LOOKS_AHEAD = 256
"""Weights up to which coins look ahead and all weights may move in one step."""
SHARE = 0.3
"""Of the weights that one step moves where they are more than that."""


def with_bias(x: ArrayLike) -> NDArray[np.float64]:
    """Return features led by a column of ones, shape (n, d + 1)."""
    table = np.asarray(x, dtype=np.float64)
    return np.hstack([np.ones((len(table), 1)), table])


def layers(hidden: int | Sequence[int]) -> tuple[int, ...]:
    """Return the widths of hidden layers; a number is the width of a single one."""
    return (int(hidden),) if isinstance(hidden, (int, np.integer)) else tuple(hidden)


def classifier(
    x: NDArray[np.float64],
    y: NDArray[np.int64],
    classes: int,
    hidden: int | Sequence[int] = (),
    activation: Activation = "relu",
    prior_sd: float = 1.0,
    temperature: float = 1.0,
    *,
    several: bool = True,
) -> PredictiveModel:
    """Return the posterior of a classifier.

    Parameters
    ----------
    x
        float64, shape (n, d), without a column of ones.
    y
        int64, shape (n,): 0 to ``classes`` - 1.
    classes
        How many there are.
    hidden
        Widths of hidden layers, a number for a single one; none is logistic or softmax regression.
    activation
        Of the hidden layers.
    prior_sd
        Of every weight.
    temperature
        Of the posterior (see :class:`labctl.learn.models.cold.ColdPosterior`).
    several
        Whether labels of a single class are refused.

    Raises
    ------
    ProcedureError
        Where data are not finite, or labels missing or of one class.
    """
    model: PredictiveModel
    if widths := layers(hidden):
        all_ = (x.shape[1], *widths, classes)
        model = Network(x, y, all_, activation, "softmax", prior_sd, several=several)
    elif classes == 2:
        model = LogisticRegression(with_bias(x), y, prior_sd, several=several)
    else:
        model = SoftmaxRegression(with_bias(x), y, classes, prior_sd, several=several)
    return model if temperature == 1.0 else ColdPosterior(model, temperature)


def regressor(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    hidden: int | Sequence[int] = (),
    activation: Activation = "relu",
    noise_sd: float = 1.0,
    prior_sd: float = 1.0,
    temperature: float = 1.0,
) -> PredictiveModel:
    """Return the posterior of a regression with Gaussian noise; see :func:`classifier`."""
    model: PredictiveModel
    if widths := layers(hidden):
        all_ = (x.shape[1], *widths, 1)
        model = Network(x, y, all_, activation, "gaussian", prior_sd, noise_sd)
    else:
        model = LinearRegression(with_bias(x), y, noise_sd, prior_sd)
    return model if temperature == 1.0 else ColdPosterior(model, temperature)


def inputs(x: ArrayLike, hidden: int | Sequence[int]) -> NDArray[np.float64]:
    """Return features as the models of this module take them."""
    return np.asarray(x, dtype=np.float64) if layers(hidden) else with_bias(x)


def share_for(model: PredictiveModel) -> float:
    """Return the share of a model's weights that one step should move.

    That is :data:`SHARE` for models of more than :data:`LOOKS_AHEAD` weights, and all for smaller
    ones.
    """
    return 1.0 if model.size <= LOOKS_AHEAD else SHARE


def scan(share: float) -> Rule | None:
    """Return the coin for a share of the weights; None is the coin for all of them."""
    return None if share == 1.0 else RandomScan(share)


def rule_for(model: PredictiveModel, share: float | None = None) -> Rule | None:
    """Return the rule that suits a model: a random scan for large ones; None is the default.

    Parameters
    ----------
    model
        The posterior.
    share
        Of the weights that one step moves; None is that of :func:`share_for`.
    """
    return scan(share_for(model) if share is None else share)


def kappa_rule(model: PredictiveModel, calibration: Calibration) -> KappaCoin:
    """Return the kappa rule for a model.

    Raises
    ------
    ProcedureError
        Where the model has more weights than may all move in one step: the scale of the rule
        belongs to cells that are pulsed at every step.
    """
    if model.size > LOOKS_AHEAD:
        raise ProcedureError(
            f"The kappa rule pulses every weight at every step, which up to {LOOKS_AHEAD} weights "
            f"bear; this model has {model.size}. Take the coin (rule=coin), which may pulse a "
            "share of them, or a smaller model."
        )
    return KappaCoin(calibration)
