from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from labctl.errors import ProcedureError
from labctl.learn.coin import StateAwareCoin
from labctl.learn.models import LogisticRegression
from labctl.learn.models.cold import ColdPosterior
from labctl.learn.randomscan import RandomScan
from labctl.learn.rule import View
from labctl.learn.sampler import Chain
from tests.learn.harness import Gaussian, NoCurvature, ideal, sample, told
from tests.learn.toy import PULSES

PRECISION = np.array([[3.0, 1.2, 0.0], [1.2, 2.0, 0.0], [0.0, 0.0, 4.0]])
MEAN = np.array([0.3, -0.2, 0.4])


def test_a_scan_of_a_share_leaves_the_same_posterior() -> None:
    model = NoCurvature(MEAN, PRECISION)
    draws = sample(model, ideal(0), 7_000, 600, seed=4, rule=RandomScan(0.4))
    # Some 400 effective draws: means to 0.05 sd, sds to 3.5 %; bounds are four times that.
    error = (draws.mean(axis=0) - MEAN) / model.sd
    assert np.abs(error).max() < 0.2
    np.testing.assert_allclose(draws.std(axis=0) / model.sd, 1.0, atol=0.14)


def test_a_share_of_the_weights_gets_pulses() -> None:
    array = ideal(0)
    before = array.counters.pulses
    sample(Gaussian(np.zeros(20), np.eye(20)), array, 200, 10, seed=1, rule=RandomScan(0.25))
    prepared = 40 * 12  # pulses to the middle of the window, at most
    pulses = array.counters.pulses - before
    assert 200 * 20 * 0.25 * 0.85 < pulses < 200 * 20 * 0.25 * 1.15 + prepared


class Recorded:
    """The state-aware coin; keeps the curvatures it was shown."""

    def __init__(self) -> None:
        self.coin = StateAwareCoin()
        self.shown: list[NDArray[np.float64]] = []

    def decide(self, view: View, rng: np.random.Generator) -> tuple[NDArray[np.int8], int]:
        assert view.curvature is not None
        self.shown.append(view.curvature[0])
        return self.coin.decide(view, rng)


def test_coins_that_look_ahead_do_not_count_on_weights_that_rest() -> None:
    recorded = Recorded()
    array, model = ideal(0), Gaussian(MEAN, PRECISION)
    rng = np.random.default_rng(2)
    chain = Chain(array, model, told(array), PULSES, rng, rule=RandomScan(0.5, recorded))
    chain.prepare()
    for _ in range(20):
        cells = {tuple(cell) for cell in chain.step().cells.tolist()}
        of_weight = [[tuple(c) for c in weight] for weight in chain.placed.cells.tolist()]
        moves = np.array([bool(cells.intersection(weight)) for weight in of_weight])
        np.testing.assert_array_equal(recorded.shown[-1], np.where(moves[:, None], PRECISION, 0))


def test_coins_that_look_ahead_do_not_count_on_frozen_weights() -> None:
    """What is left samples its density given the frozen weight.

    Some 3 000 effective draws: the sd is good to 1.3 %, the mean to 0.02 sd. Where the moves that
    the frozen weight does not make are counted, the sd is 8 % too wide.
    """
    tied = Gaussian(MEAN, np.linalg.inv(0.25 * np.array([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]])))
    array = ideal(0)
    chain = Chain(array, tied, told(array), PULSES, np.random.default_rng(1))
    chain.prepare()
    for k in range(600):
        chain.step()
        if k % 50 == 49 and k < 480:
            chain.rescale()
    chain.cells.frozen[0] = True
    draws = np.array([chain.step().weights for _ in range(8000)])[300:]
    assert np.ptp(draws[:, 0]) == 0.0
    sd = 0.5 * np.sqrt(1 - 0.9**2)
    mean = MEAN[1] + 0.9 * (draws[0, 0] - MEAN[0])
    assert draws[:, 1].std() / sd == pytest.approx(1.0, abs=0.05)
    assert draws[:, 1].mean() == pytest.approx(mean, abs=0.06 * sd)


@pytest.mark.parametrize("share", [0.0, 1.5, -1.0])
def test_other_shares_are_refused(share: float) -> None:
    with pytest.raises(ProcedureError, match="above 0, up to 1"):
        RandomScan(share)


def logistic() -> LogisticRegression:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 3))
    return LogisticRegression(x, x[:, 0] > 0, prior_sd=2.0)


def test_a_cold_posterior_is_the_power_of_the_warm_one() -> None:
    warm, weights = logistic(), np.array([0.3, -0.1, 0.7])
    cold = ColdPosterior(warm, 0.25)
    np.testing.assert_allclose(cold.gradient(weights), 4 * warm.gradient(weights))
    np.testing.assert_allclose(cold.curvature(weights), 4 * warm.curvature(weights))
    assert cold.log_posterior(weights) == pytest.approx(4 * warm.log_posterior(weights))
    assert cold.log_likelihood(weights) == warm.log_likelihood(weights)
    assert cold.prior_sd == 1.0
    x = np.ones((2, 3))
    np.testing.assert_array_equal(cold.predict(weights, x), warm.predict(weights, x))
    assert len(cold.extend(x, [0, 1])) == 32
    assert cold.with_data(x, [0, 1]).temperature == 0.25


def test_without_data_the_cold_posterior_is_the_narrower_prior() -> None:
    model = ColdPosterior(Flat(), 0.25)  # type: ignore[arg-type]
    draws = sample(model, ideal(1), 4000, 300, seed=2)
    np.testing.assert_allclose(draws.std(axis=0), 0.5, rtol=0.15)


class Flat(Gaussian):
    """A prior of sd 1 and nothing else."""

    def __init__(self) -> None:
        super().__init__(np.zeros(2), np.eye(2))

    def gradient(self, weights: np.ndarray, rows: object = None) -> np.ndarray:
        return weights
