"""The software chain that other posteriors are measured against gives the ones that are known."""

from __future__ import annotations

import numpy as np

from labctl.learn.models import LinearRegression, LogisticRegression
from labctl.learn.posterior import compare
from labctl.learn.reference import reference
from labctl.learn.tasks import breast_cancer
from tests.learn.hamiltonian import mode, posterior


def test_it_draws_the_posterior_that_is_known_exactly() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(20, 6)) @ np.triu(np.ones((6, 6)))  # correlated
    model = LinearRegression(x, x @ rng.normal(size=6), 1.5)
    mean, covariance = model.exact()
    found = posterior(model, seed=1)
    np.testing.assert_allclose(mode(model), mean, atol=1e-8)
    # 8 000 draws, a quarter of them effective or more: 6 sd of a mean, of a covariance.
    sd = np.sqrt(covariance.diagonal())
    assert np.abs((found.mean - mean) / sd).max() < 6 / 2000**0.5
    scaled = np.cov(found.samples.T) / np.outer(sd, sd) - covariance / np.outer(sd, sd)
    assert np.abs(scaled).max() < 6 * (2 / 2000) ** 0.5


def test_it_agrees_with_the_nuts_draws_that_come_with_labctl() -> None:
    task, known = breast_cancer(), reference("breast_cancer")
    found = posterior(LogisticRegression(task.x_train, task.y_train))
    against = compare(found.samples, known)
    # 2 000 NUTS draws know a mean to 0.022 sd and an sd to 1.6 %: four times that.
    assert against.mean_error < 0.03
    assert abs(against.sd_ratio - 1) < 0.02
    assert 0.93 < against.sd_ratio_min < against.sd_ratio_max < 1.07
    assert against.sliced_w2 < 0.06


def test_a_wrong_density_does_not_pass_for_it() -> None:
    task, known = breast_cancer(), reference("breast_cancer")
    found = posterior(LogisticRegression(task.x_train, task.y_train, prior_sd=1.2))
    against = compare(found.samples, known)
    assert against.sd_ratio > 1.1
