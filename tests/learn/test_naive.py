"""Rules that are no samplers, and do what they say all the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labctl.errors import ProcedureError
from labctl.learn.curves import Moments
from labctl.learn.naive import RoundingRule, SignRule
from labctl.learn.rule import View
from tests.learn.harness import Gaussian, ideal, sample

RNG = np.random.default_rng(0)


def view(gradient: np.ndarray, **changes: object) -> View:
    n = len(gradient)
    ones, zeros = np.ones(n), np.zeros(n)
    moments = Moments(2e-6 * ones, 4e-6 * ones, 1e-12 * ones, zeros, zeros, zeros)
    made = View(
        0, ones, np.zeros(n, np.int64), zeros, None, gradient, zeros, ones, None, ones,
        20e-6 * ones, np.full((n, 2), 50e-6), moments, zeros, 2, 1e-4, 1.0,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def test_the_sign_rule_goes_against_the_gradient_above_its_threshold() -> None:
    gradient = np.array([3.0, -3.0, 0.5, 0.0])
    polarity, saturated = SignRule(1.0).decide(view(gradient), RNG)
    np.testing.assert_array_equal(polarity, [-1, 1, 0, 0])
    assert saturated == 0
    minus = SignRule(1.0).decide(view(gradient, sign=-np.ones(4)), RNG)[0]
    np.testing.assert_array_equal(minus, [1, -1, 0, 0])


def test_rounding_to_the_nearest_freezes_where_the_gradient_is_small() -> None:
    # A RESET is 4 µS, 0.2 of a unit: rate 0.1 and gradient 1 want half of it.
    rule = RoundingRule(0.1, stochastic=False)
    polarity, saturated = rule.decide(view(np.array([0.9, 1.1, -0.6, 5.0])), RNG)
    np.testing.assert_array_equal(polarity, [0, -1, 1, -1])
    assert saturated == 1  # the last one wanted two and a half


def test_stochastic_rounding_is_right_in_the_mean() -> None:
    gradient = np.full(20_000, 0.5)  # a quarter of a RESET; the share is good to 0.3 %
    polarity, _ = RoundingRule(0.1).decide(view(gradient), np.random.default_rng(1))
    assert set(np.unique(polarity)) == {-1, 0}
    assert np.mean(polarity == -1) == pytest.approx(0.25, abs=0.0155)


@pytest.mark.parametrize("rule", [SignRule(1.0), RoundingRule(0.02)])
def test_their_posteriors_are_far_too_narrow(rule: SignRule | RoundingRule) -> None:
    model = Gaussian(np.zeros(16), np.diag(np.full(16, 2.0)))
    drawn = sample(model, ideal(0, levels=40), 2000, 300, seed=1, rule=rule)
    assert (drawn.std(axis=0) / model.sd).mean() < 0.8


def test_wrong_settings_are_told() -> None:
    with pytest.raises(ProcedureError, match="threshold of -1"):
        SignRule(-1.0)
    with pytest.raises(ProcedureError, match="rate of 0"):
        RoundingRule(0.0)
