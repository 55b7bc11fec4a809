from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from labctl.errors import ProcedureError
from labctl.learn import metrics, scores, uncertainty

Array = NDArray[np.float64]


@st.composite
def predictions(draw: st.DrawFn) -> Array:
    """Draws of class probabilities, sharp ones and exact zeros among them."""
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 5)), draw(st.integers(2, 5)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    p = rng.dirichlet(np.full(shape[2], draw(st.sampled_from([0.01, 0.3, 1.0, 30.0]))), shape[:2])
    if draw(st.booleans()):
        p = np.eye(shape[2])[p.argmax(axis=-1)]
    return p


@given(predictions())
def test_total_is_the_sum_of_parts_that_are_not_negative(p: Array) -> None:
    parts = uncertainty.split(p)
    classes = p.shape[2]
    assert (parts.epistemic >= 0).all()
    assert (parts.aleatoric >= 0).all()
    np.testing.assert_allclose(parts.total, parts.aleatoric + parts.epistemic, atol=1e-12)
    assert (parts.total <= np.log(classes) + 1e-12).all()
    # The label cannot tell more of the draw than which one it is.
    assert (parts.epistemic <= np.log(len(p)) + 1e-12).all()


@given(predictions())
def test_draws_that_agree_leave_nothing_epistemic(p: Array) -> None:
    same = np.repeat(p[:1], 4, axis=0)
    np.testing.assert_allclose(uncertainty.epistemic(same), 0.0, atol=1e-12)
    np.testing.assert_allclose(uncertainty.variation_ratio(same), 0.0, atol=1e-12)
    np.testing.assert_allclose(
        uncertainty.predictive_entropy(same), uncertainty.aleatoric(same), atol=1e-12
    )


@given(predictions(), st.randoms(use_true_random=False))
def test_the_order_of_draws_and_the_names_of_classes_do_not_matter(
    p: Array, random: object
) -> None:
    rng = np.random.default_rng(random.getrandbits(32))  # type: ignore[attr-defined]
    shuffled = p[rng.permutation(len(p))][..., rng.permutation(p.shape[2])]
    for measure in (
        uncertainty.predictive_entropy,
        uncertainty.aleatoric,
        uncertainty.epistemic,
        uncertainty.margin,
    ):
        np.testing.assert_allclose(measure(shuffled), measure(p), atol=1e-12)


@given(predictions())
def test_two_classes_are_what_the_measures_of_one_probability_say(p: Array) -> None:
    one = p[..., 0] / np.maximum(p[..., 0] + p[..., 1], 1e-300)
    mine, theirs = uncertainty.split(one), metrics.uncertainty(one)
    np.testing.assert_allclose(mine.total, theirs.total, atol=1e-9)
    np.testing.assert_allclose(mine.epistemic, theirs.epistemic, atol=1e-9)


def test_draws_that_contradict_each_other_are_all_epistemic() -> None:
    p = np.array([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])
    parts = uncertainty.split(p)
    np.testing.assert_allclose(parts.epistemic, [np.log(2), 0.0])
    np.testing.assert_allclose(parts.aleatoric, [0.0, np.log(2)])
    np.testing.assert_allclose(uncertainty.variation_ratio(p), [0.5, 0.0])
    np.testing.assert_allclose(uncertainty.margin(p), [0.0, 0.0])


def test_the_margin_is_between_the_two_best_classes() -> None:
    p = np.array([[[0.5, 0.1, 0.4]], [[0.7, 0.1, 0.2]]])
    np.testing.assert_allclose(uncertainty.margin(p), [0.3])


def test_a_variance_splits_into_noise_and_spread() -> None:
    parts = uncertainty.split_variance([[0.0, 1.0], [2.0, 1.0]], 0.25)
    np.testing.assert_allclose(parts.epistemic, [1.0, 0.0])
    np.testing.assert_allclose(parts.aleatoric, [0.25, 0.25])
    np.testing.assert_allclose(parts.total, [1.25, 0.25])


@pytest.mark.parametrize("bad", [np.zeros(3), np.full((2, 3, 4), 1.7), np.full((2, 2), np.nan)])
def test_what_is_no_draws_of_probabilities_is_refused(bad: Array) -> None:
    with pytest.raises(ProcedureError, match="Predictions"):
        uncertainty.split(bad)


def mean_prediction(p: Array, seed: int = 0) -> tuple[Array, NDArray[np.int64]]:
    mean = p.mean(axis=0)
    return mean, np.random.default_rng(seed).integers(0, mean.shape[1], len(mean))


@given(predictions())
def test_scores_of_two_classes_agree_with_those_of_one_probability(p: Array) -> None:
    one = p[..., 0] / np.maximum(p[..., 0] + p[..., 1], 1e-300)
    one = 0.004 + 0.9871 * one  # votes of a few draws fall on the edges of bins otherwise
    both, label = mean_prediction(np.stack([1 - one, one], axis=-1))
    half = both[:, 1]
    assert scores.nll(both, label) == pytest.approx(metrics.nll(half, label), abs=1e-9)
    assert scores.brier(both, label) == pytest.approx(2 * metrics.brier(half, label))
    assert scores.ece(both, label) == pytest.approx(metrics.ece(half, label))


@given(predictions())
def test_scores_keep_their_ranges(p: Array) -> None:
    mean, label = mean_prediction(p)
    assert 0.0 <= scores.accuracy(mean, label) <= 1.0
    assert 0.0 <= scores.ece(mean, label) <= 1.0
    assert 0.0 <= scores.brier(mean, label) <= 2.0
    assert scores.nll(mean, label) >= 0.0
    assert scores.calibration_curve(mean, label).count.sum() == len(label)


def test_predictions_that_are_drawn_from_themselves_are_calibrated() -> None:
    rng = np.random.default_rng(3)
    p = rng.dirichlet(np.full(4, 0.7), 20_000)
    label = (rng.random((len(p), 1)) > p.cumsum(axis=1)).sum(axis=1)
    # 15 bins of some 1 300: the mean absolute error of a share is below 0.8 * 0.5 / sqrt(1 300).
    assert scores.ece(p, label) < 0.015
    sharp = p**3 / (p**3).sum(axis=1, keepdims=True)
    assert scores.ece(sharp, label) > 0.1


def test_auroc_counts_pairs() -> None:
    assert scores.auroc([0.1, 0.4, 0.35, 0.8], [False, False, True, True]) == pytest.approx(0.75)
    assert scores.auroc([1.0, 1.0], [False, True]) == pytest.approx(0.5)
    with pytest.raises(ProcedureError, match="only one kind"):
        scores.auroc([1.0, 2.0], [True, True])


def test_labels_that_are_no_classes_are_refused() -> None:
    with pytest.raises(ProcedureError, match="0 to 1; here are 0 to 2"):
        scores.nll(np.full((3, 2), 0.5), [0, 1, 2])
