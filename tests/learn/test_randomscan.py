from __future__ import annotations

import numpy as np
import pytest

from labctl.errors import ProcedureError
from labctl.learn.models import LogisticRegression
from labctl.learn.models.cold import ColdPosterior
from labctl.learn.randomscan import RandomScan
from tests.learn.harness import Gaussian, NoCurvature, ideal, sample

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
