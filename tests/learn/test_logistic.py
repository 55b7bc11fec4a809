from __future__ import annotations

import numpy as np
import pytest

from labctl.errors import ProcedureError
from labctl.learn.logistic import LogisticRegression, predict
from labctl.learn.reference import reference
from labctl.learn.tasks import breast_cancer


@pytest.fixture
def model() -> LogisticRegression:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 6))
    return LogisticRegression(x, (x[:, 0] + rng.normal(size=80) > 0).astype(int), prior_sd=0.7)


def test_gradient_is_that_of_the_log_posterior(model: LogisticRegression) -> None:
    rng = np.random.default_rng(1)
    for _ in range(3):
        w = rng.normal(size=6)
        numeric = [
            (model.log_posterior(w - e) - model.log_posterior(w + e)) / 2e-5
            for e in 1e-5 * np.eye(6)
        ]
        np.testing.assert_allclose(model.gradient(w), numeric, rtol=1e-6, atol=1e-6)


def test_curvature_is_that_of_the_gradient(model: LogisticRegression) -> None:
    w = np.random.default_rng(2).normal(size=6)
    numeric = [(model.gradient(w + e) - model.gradient(w - e)) / 2e-5 for e in 1e-5 * np.eye(6)]
    np.testing.assert_allclose(model.curvature(w), numeric, rtol=1e-6, atol=1e-6)


def test_extreme_weights_do_not_overflow(model: LogisticRegression) -> None:
    w = np.full(6, 1e4)
    assert np.isfinite(model.gradient(w)).all()
    assert np.isfinite(model.log_posterior(w))
    assert predict([w], [[1.0] * 6, [-1.0] * 6]).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize(
    ("x", "y", "text"),
    [
        ([[1.0], [np.nan]], [0, 1], "not all finite"),
        ([[1.0], [2.0]], [1, 1], "All 2 labels are of class 1"),
        ([[1.0], [2.0]], [0, 2], "from 0 to 1; row 1 has 2"),
        ([[1.0], [2.0]], [0, 1, 1], "one label for each of the 2 rows"),
    ],
)
def test_unusable_data_are_refused(x: list[list[float]], y: list[int], text: str) -> None:
    with pytest.raises(ProcedureError, match=text):
        LogisticRegression(x, y)


def test_breast_cancer_is_split_and_scaled() -> None:
    task = breast_cancer()
    assert task.x_train.shape == (455, 31)
    assert task.x_test.shape == (114, 31)
    assert (task.x_train[:, 0] == 1).all()
    np.testing.assert_allclose(task.x_train[:, 1:].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(task.x_train[:, 1:].std(axis=0), 1)
    assert len(task.features) == 31
    assert len(set(task.test_index.tolist())) == 114
    assert task.classes == ("malignant", "benign")


def test_the_reference_is_the_posterior_of_this_task() -> None:
    # Under a posterior the gradient has mean zero and a covariance that is the mean curvature.
    task, expected = breast_cancer(), reference("breast_cancer")
    model = LogisticRegression(task.x_train, task.y_train)
    gradients = np.array([model.gradient(w) for w in expected.samples])
    error = gradients.std(axis=0) / np.sqrt(len(gradients))
    assert (np.abs(gradients.mean(axis=0)) < 5 * error).all()  # one alarm in 5e4
    other = breast_cancer(split=1)
    wrong = LogisticRegression(other.x_train, other.y_train)
    gradients = np.array([wrong.gradient(w) for w in expected.samples])
    assert (np.abs(gradients.mean(axis=0)) > 5 * error).any()


def test_the_reference_file_agrees_with_itself() -> None:
    expected = reference("breast_cancer")
    error = (expected.samples.mean(axis=0) - expected.mean) / expected.sd
    assert np.abs(error).max() < 0.15  # 2 000 draws
    np.testing.assert_allclose(expected.samples.std(axis=0), expected.sd, rtol=0.1)


def test_an_unknown_reference_is_refused() -> None:
    with pytest.raises(ProcedureError, match="breast_cancer"):
        reference("iris")
