"""Known posteriors and naive rules, to hold the sampler against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.learn.calibration import Calibration
from labctl.learn.curves import StepCurves
from labctl.learn.models import Model
from labctl.learn.readnoise import ReadNoise
from labctl.learn.rule import Rule, View
from labctl.learn.sampler import Chain
from tests.learn.toy import HIGH, LOW, PULSES, ToyArray


class Gaussian:
    """A normal posterior of known mean and precision; a Model."""

    prior_sd = 1.0

    def __init__(self, mean: NDArray[np.float64], precision: NDArray[np.float64]) -> None:
        self.mean, self.precision = mean, precision
        self.size = len(mean)
        self.sd = np.sqrt(np.linalg.inv(precision).diagonal())

    def gradient(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return (weights - self.mean) @ self.precision

    def curvature(self, weights: NDArray[np.float64]) -> NDArray[np.float64] | None:
        return self.precision


class NoCurvature(Gaussian):
    """The same, but it does not tell its curvature."""

    def curvature(self, weights: NDArray[np.float64]) -> NDArray[np.float64] | None:
        return None


class SignRule:
    """The naive rule: one pulse against the sign of the gradient where it is large enough."""

    def __init__(self, threshold: float = 0.0) -> None:
        self.threshold = threshold

    def decide(self, view: View, rng: np.random.Generator) -> tuple[NDArray[np.int8], int]:
        way = -np.sign(view.gradient) * view.sign
        return np.where(np.abs(view.gradient) > self.threshold, way, 0).astype(np.int8), 0


def told(array: ToyArray) -> Calibration:
    """Return the calibration a toy array would have if it were known exactly."""
    low, high = LOW + 0.02 * array.range, HIGH - 0.02 * array.range
    grid = np.linspace(low, high, 129)
    variance = array.spread(grid) ** 2
    values = np.column_stack([array.up(grid), array.down(grid), variance, variance])
    return Calibration(
        curves=StepCurves(low, high, values),
        error=np.zeros((129, 2)),
        window=(LOW + 0.1 * array.range, HIGH - 0.1 * array.range),
        noise=ReadNoise.even(array.shape, array.read_noise),
        factor=array.factor.copy(),
        information=np.full(array.factor.shape, 1e4),
        good=~array.dead,
        cost=np.ones(array.shape),
        pulses=10_000,
    )


def ideal(seed: int, rows: int = 16, columns: int = 16, **changes: float) -> ToyArray:
    """Return a toy array whose cells are alike and keep what they have; reads are exact."""
    settings = {"cell_spread": 0.0, "read_noise": 0.0, "relaxation": 0.0} | changes
    return ToyArray(rows, columns, seed, **settings)


def sample(
    model: Model,
    array: ToyArray,
    steps: int,
    burn_in: int,
    seed: int,
    rule: Rule | None = None,
    calibration: Calibration | None = None,
    temperature: float = 1.0,
) -> NDArray[np.float64]:
    """Run a chain and return the weights after the burn-in, shape (steps - burn_in, n)."""
    chain = Chain(
        array,
        model,
        told(array) if calibration is None else calibration,
        PULSES,
        np.random.default_rng(seed),
        rule=rule,
        temperature=temperature,
    )
    chain.prepare()
    drawn = np.empty((steps, model.size))
    for k in range(steps):
        drawn[k] = chain.step().weights
        if k % 50 == 49 and k < 0.8 * burn_in:
            chain.rescale()
    return drawn[burn_in:]
