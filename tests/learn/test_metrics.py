from __future__ import annotations

import numpy as np
import pytest

from labctl.learn import metrics
from labctl.learn.posterior import Moments, compare, effective_sample_size, r_hat, sliced_w2

P = np.array([0.95, 0.85, 0.25, 0.45, 0.65])
Y = np.array([1, 0, 0, 1, 1])


def test_scores_by_hand() -> None:
    assert metrics.accuracy(P, Y) == pytest.approx(3 / 5)
    assert metrics.balanced_accuracy(P, Y) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert metrics.nll(P, Y) == pytest.approx(-np.log([0.95, 0.15, 0.75, 0.45, 0.65]).mean())
    assert metrics.brier(P, Y) == pytest.approx(
        np.mean([0.05, 0.85, 0.25, 0.55, 0.35] * np.array([0.05, 0.85, 0.25, 0.55, 0.35]))
    )


def test_certain_predictions_have_a_finite_score() -> None:
    assert np.isfinite(metrics.nll([0.0, 1.0], [1, 0]))


def test_calibration_error_by_hand() -> None:
    # One in each of five bins: right, wrong, right, wrong, right in the order of P.
    curve = metrics.calibration_curve(P, Y, bins=5)
    assert curve.count.tolist() == [1, 1, 1, 1, 1]
    assert curve.confidence.tolist() == pytest.approx([0.55, 0.65, 0.75, 0.85, 0.95])
    assert curve.accuracy.tolist() == [0.0, 1.0, 1.0, 0.0, 1.0]
    assert curve.ece == pytest.approx((0.55 + 0.35 + 0.25 + 0.85 + 0.05) / 5)
    assert metrics.ece(P, Y, bins=5) == curve.ece


def test_honest_predictions_are_calibrated() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(50_000)
    assert metrics.ece(p, rng.random(50_000) < p) < 0.015  # expected 0.006 by chance
    assert metrics.ece(p**0.25, rng.random(50_000) < p) > 0.1


def test_uncertainty_splits_into_what_data_and_what_weights_leave_open() -> None:
    agree, disagree = np.full((4, 1), 0.5), np.array([[0.001], [0.999]] * 2)
    one, two = metrics.uncertainty(agree), metrics.uncertainty(disagree)
    assert one.total[0] == pytest.approx(np.log(2))
    assert one.epistemic[0] == pytest.approx(0, abs=1e-9)
    assert two.total[0] == pytest.approx(np.log(2))
    assert two.epistemic[0] > 0.98 * np.log(2)
    assert two.aleatoric[0] + two.epistemic[0] == pytest.approx(two.total[0])


def test_comparison_sees_shift_and_width() -> None:
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(4000, 3))
    reference = Moments(np.zeros(3), np.ones(3), samples)
    same = compare(rng.normal(size=(4000, 3)), reference)
    assert same.mean_error < 0.06
    assert same.sd_ratio == pytest.approx(1, abs=0.05)
    assert same.sliced_w2 < 0.08
    other = compare(0.5 * rng.normal(size=(4000, 3)) + [0.3, 0.0, 0.0], reference)
    assert other.mean_error == pytest.approx(0.3 / 3**0.5, abs=0.03)
    assert other.sd_ratio == pytest.approx(0.5, abs=0.03)
    assert other.sd_ratio_min <= other.sd_ratio <= other.sd_ratio_max
    assert other.sliced_w2 > 0.4


def test_the_distance_of_shifted_sets_is_the_shift_over_root_d() -> None:
    points = np.random.default_rng(1).normal(size=(500, 4))
    shifted = points + np.array([2.0, 0.0, 0.0, 0.0])
    # The squared projections of a unit vector on random directions have the mean 1/4.
    assert sliced_w2(points, shifted, directions=4000) == pytest.approx(1, abs=0.05)
    assert sliced_w2(points, points) == 0
    assert sliced_w2(points[:250], points) < 0.2


def test_mixing_of_a_chain_with_known_memory() -> None:
    rng = np.random.default_rng(2)
    chain = np.zeros((20_000, 2))
    for k in range(1, len(chain)):
        chain[k] = 0.9 * chain[k - 1] + rng.normal(size=2)
    # Autocorrelation time (1 + 0.9) / (1 - 0.9) = 19.
    assert effective_sample_size(chain) == pytest.approx(20_000 / 19, rel=0.3)
    assert r_hat(chain).max() < 1.02
    assert r_hat(chain + np.linspace(0, 10, 20_000)[:, None]).min() > 1.2
    assert r_hat(np.stack([chain, chain + 5])).min() > 1.2
