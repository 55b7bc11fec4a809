"""Chains on posteriors that are known exactly; and what goes wrong without each ingredient.

Under eight seeds the mean ratio of the sds of the 64 weights scattered by 0.4 %, their mean shift
away from zero by 0.008 sd. The bounds stand four such deviations or more from the means seen there:
a false alarm, under other random numbers, is below 1e-4.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from labctl.learn.coin import Rule, StateAwareCoin
from tests.learn.harness import Gaussian, NoCurvature, SignRule, ideal, sample

MEAN = np.tile([-1.2, -0.4, 0.4, 1.2], 16)
MODEL = Gaussian(MEAN, np.diag(np.full(64, 1.5)))


@cache
def figures(
    levels: float, rule: Rule | None = None, temperature: float = 1.0
) -> tuple[float, float]:
    """Return the mean shift away from zero, in sds, and the mean ratio of the sds."""
    drawn = sample(
        MODEL, ideal(0, levels=levels), 1800, 300, seed=1, rule=rule, temperature=temperature
    )
    z = (drawn - MODEL.mean) / MODEL.sd
    return float((z.mean(axis=0) * np.sign(MEAN)).mean()), float(z.std(axis=0).mean())


def test_moments_are_right_with_steps_of_a_third_of_a_standard_deviation() -> None:
    outward, ratio = figures(20)
    assert abs(outward) < 0.04
    assert 0.98 < ratio < 1.04


def test_without_ito_the_weights_are_driven_outward() -> None:
    # On the plain coin: the second-order terms contain a part of the same correction.
    with_it, _ = figures(12, StateAwareCoin(second_order=False))
    without, _ = figures(12, StateAwareCoin(second_order=False, ito=False))
    assert with_it < 0.05 < without


def test_without_the_second_order_the_posterior_is_too_wide() -> None:
    _, ratio = figures(12, StateAwareCoin(second_order=False))
    assert ratio > 1.07
    assert abs(figures(12)[1] - 1) < 0.07


def test_without_the_spring_the_weights_are_drawn_inward() -> None:
    outward, _ = figures(12, StateAwareCoin(spring=None))
    assert outward < -0.045 < figures(12)[0]


def test_the_sign_rule_gives_a_posterior_far_too_narrow() -> None:
    assert figures(20, SignRule())[1] < 0.7
    assert figures(20, SignRule(threshold=1.0))[1] < 0.1


def test_temperature_is_a_dial() -> None:
    assert figures(20, temperature=0.25)[1] == pytest.approx(0.5, abs=0.05)


class TestStiffPosterior:
    """Twenty weights of which the sum is many times stiffer than the rest."""

    size = 20
    precision = np.diag(np.linspace(1, 6, size)) + 60 / size * np.ones((size, size))
    mean = np.linspace(-1, 1, size)

    def figures(self, model: Gaussian, rule: Rule | None = None) -> tuple[float, float]:
        drawn = sample(model, ideal(0, levels=20), 2500, 300, seed=1, rule=rule)
        z = (drawn - model.mean) / model.sd
        return float(np.sqrt((z.mean(axis=0) ** 2).mean())), float(z.std(axis=0).mean())

    def test_looking_ahead_keeps_it_right(self) -> None:
        error, ratio = self.figures(Gaussian(self.mean, self.precision))
        assert error < 0.15
        assert 0.95 < ratio < 1.08

    def test_coins_tossed_on_one_gradient_spoil_it(self) -> None:
        coin = StateAwareCoin(look_ahead=False)
        error, _ = self.figures(Gaussian(self.mean, self.precision), coin)
        assert error > 0.25

    def test_without_curvature_the_scale_follows_the_gradients(self) -> None:
        error, ratio = self.figures(NoCurvature(self.mean, self.precision))
        assert error < 0.2
        assert 0.8 < ratio < 1.1
