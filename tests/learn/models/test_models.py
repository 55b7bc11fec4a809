"""Gradients against finite differences, for every model; what extending does; bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labctl.errors import ProcedureError
from labctl.learn.models import (
    LinearRegression,
    LogisticRegression,
    Network,
    PredictiveModel,
    SoftmaxRegression,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
BINARY = (X[:, 0] + 0.5 * RNG.normal(size=40) > 0).astype(int)
THREE = np.digitize(X[:, 1] + 0.5 * RNG.normal(size=40), [-0.5, 0.5])
TARGET = X @ [1.0, -2.0, 0.5] + 0.3 * RNG.normal(size=40)
TWO = np.column_stack([TARGET, X[:, 0] ** 2])
SPREAD = np.linspace(0.5, 2.0, 3)

MODELS: dict[str, PredictiveModel] = {
    "logistic": LogisticRegression(X, BINARY, prior_sd=SPREAD),
    "softmax": SoftmaxRegression(X, THREE, 4, prior_sd=0.7),
    "linear": LinearRegression(X, TARGET, 0.3, prior_sd=SPREAD),
    "relu": Network(X, BINARY, (3, 5, 1), "relu", "binary"),
    "sigmoid": Network(X, THREE, (3, 4, 5, 3), "sigmoid", "softmax", prior_sd=0.6),
    "tanh": Network(X, TWO, (3, 6, 2), "tanh", "gaussian", noise_sd=0.4),
}
LABELS: dict[str, Any] = {
    "logistic": BINARY, "softmax": THREE, "linear": TARGET, "relu": BINARY, "sigmoid": THREE,
    "tanh": TWO,
}  # fmt: skip
every = pytest.mark.parametrize("name", MODELS)


@every
def test_the_gradient_is_that_of_the_log_posterior(name: str) -> None:
    model = MODELS[name]
    rng = np.random.default_rng(1)
    w = rng.normal(size=model.size)
    numeric = [
        (model.log_posterior(w - e) - model.log_posterior(w + e)) / 2e-5
        for e in 1e-5 * np.eye(model.size)
    ]
    np.testing.assert_allclose(model.gradient(w), numeric, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["logistic", "relu", "sigmoid", "tanh"])
def test_many_posteriors_at_once_are_those_one_by_one(name: str) -> None:
    model = MODELS[name]
    w = np.random.default_rng(3).normal(size=(5, model.size))
    alone = [model.log_posterior(each) for each in w]
    np.testing.assert_allclose(model.log_posteriors(w), alone, rtol=1e-12)


@every
def test_the_curvature_is_that_of_the_gradient(name: str) -> None:
    model = MODELS[name]
    w = np.random.default_rng(2).normal(size=model.size)
    curvature = model.curvature(w)
    if isinstance(model, Network):
        assert curvature is None
        return
    assert curvature is not None
    numeric = [
        (model.gradient(w + e) - model.gradient(w - e)) / 2e-5 for e in 1e-5 * np.eye(model.size)
    ]
    np.testing.assert_allclose(curvature, numeric, rtol=1e-5, atol=1e-5)


@every
def test_several_draws_at_once_give_what_each_gives(name: str) -> None:
    model = MODELS[name]
    draws = np.random.default_rng(3).normal(size=(4, model.size))
    rows = np.array([3, 1, 30, 8])
    for chosen in (None, rows):
        one_by_one = [model.gradient(w, chosen) for w in draws]
        np.testing.assert_allclose(model.gradient(draws, chosen), one_by_one, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh"])
def test_single_precision_gives_nearly_the_same_gradients(name: str) -> None:
    model = MODELS[name]
    assert isinstance(model, Network)
    quick = Network(
        X, LABELS[name], model.layers, model.activation, model.likelihood, model.prior_sd,
        model.noise_sd, single=True,
    )  # fmt: skip
    draws = np.random.default_rng(8).normal(size=(5, model.size))
    exact, found = model.gradient(draws), quick.gradient(draws)
    assert found.dtype == np.float64
    assert 0 < np.abs(found - exact).max() < 1e-5 * np.abs(exact).max()
    assert quick.extend(X[:2], LABELS[name][:2]).single


@every
def test_minibatches_are_right_in_the_mean(name: str) -> None:
    model = MODELS[name]
    w = np.random.default_rng(4).normal(size=model.size)
    parts = [model.gradient(w, np.arange(k, 40, 8)) for k in range(8)]
    np.testing.assert_allclose(np.mean(parts, axis=0), model.gradient(w), rtol=1e-9, atol=1e-9)
    assert np.ptp(parts, axis=0).max() > 0.1


@every
def test_extending_is_the_same_as_all_the_data_at_once(name: str) -> None:
    model, y = MODELS[name], LABELS[name]
    w = np.random.default_rng(5).normal(size=model.size)
    grown = model.with_data(X[:25], y[:25]).extend(X[25:], y[25:])
    assert len(grown) == 40
    np.testing.assert_allclose(grown.gradient(w), model.gradient(w))
    assert grown.log_posterior(w) == pytest.approx(model.log_posterior(w))
    one = model.extend(X[:1], y[:1])
    assert len(one) == 41
    assert len(model) == 40


@every
def test_predictions_are_probabilities_or_means(name: str) -> None:
    model = MODELS[name]
    draws = np.random.default_rng(6).normal(size=(7, model.size))
    found = model.predict(draws, X[:5])
    outputs = {"logistic": 2, "softmax": 4, "linear": 1, "relu": 2, "sigmoid": 3, "tanh": 2}[name]
    assert found.shape == (7, 5, outputs)
    np.testing.assert_allclose(found[2], model.predict(draws[2], X[:5])[0])
    if name in ("linear", "tanh"):
        return
    np.testing.assert_allclose(found.sum(axis=-1), 1)
    # The likelihood of the labels is the product of the predictions.
    p = model.predict(draws[0], X)[0][np.arange(40), LABELS[name]]
    assert model.log_likelihood(draws[0]) == pytest.approx(np.log(p).sum())


@pytest.mark.parametrize("name", ["linear", "tanh"])
def test_the_likelihood_of_a_regression_is_normal(name: str) -> None:
    from scipy.stats import norm

    model = MODELS[name]
    assert isinstance(model, LinearRegression | Network)
    w = np.random.default_rng(7).normal(size=model.size)
    mean = model.predict(w, X)[0]
    y = np.asarray(LABELS[name]).reshape(mean.shape)
    expected = norm.logpdf(y, mean, model.noise_sd).sum()
    assert model.log_likelihood(w) == pytest.approx(expected)


def test_the_exact_posterior_of_a_linear_regression() -> None:
    model = MODELS["linear"]
    assert isinstance(model, LinearRegression)
    mean, covariance = model.exact()
    np.testing.assert_allclose(model.gradient(mean), 0, atol=1e-9)
    np.testing.assert_allclose(covariance @ model.curvature(mean), np.eye(3), atol=1e-9)


@pytest.mark.parametrize("name", ["sigmoid", "relu", "softmax"])
def test_extreme_weights_do_not_overflow(name: str) -> None:
    model = MODELS[name]
    w = np.full(model.size, 1e4)
    assert np.isfinite(model.gradient(w)).all()
    assert np.isfinite(model.log_posterior(w))
    assert np.isfinite(model.predict(w, X)).all()


@every
def test_unusable_data_are_refused(name: str) -> None:
    model, y = MODELS[name], LABELS[name]
    holed = X.copy()
    holed[3, 1] = np.nan
    with pytest.raises(ProcedureError, match=r"not all finite .*row 3, column 1"):
        model.with_data(holed, y)
    with pytest.raises(ProcedureError, match=r"for each of the 40 rows"):
        model.with_data(X, y[:-1])
    missing = np.array(y, dtype=np.float64)
    missing[5] = np.nan
    with pytest.raises(ProcedureError, match=r"1 of 40 (labels|targets) are missing.* row 5"):
        model.with_data(X, missing)
    with pytest.raises(ProcedureError, match="4 columns; the model takes 3"):
        model.extend(np.zeros((2, 4)), y[:2])
    with pytest.raises(ProcedureError, match="shape"):
        model.with_data(X[:, 0], y)
    with pytest.raises(ProcedureError, match=f"has {model.size} weights"):
        model.predict(np.zeros(model.size + 1), X)


@pytest.mark.parametrize("name", ["logistic", "softmax", "relu", "sigmoid"])
def test_unusable_labels_are_refused(name: str) -> None:
    model, y = MODELS[name], np.array(LABELS[name])
    with pytest.raises(ProcedureError, match="nothing can be learned from one class"):
        model.with_data(X, np.ones(40))
    with pytest.raises(ProcedureError, match="row 7 has 17"):
        model.with_data(X, np.where(np.arange(40) == 7, 17, y))
    with pytest.raises(ProcedureError, match="Number the classes first"):
        model.with_data(X, np.array(["a", "b"] * 20))
    # A single new label is of one class, and welcome.
    assert len(model.extend(X[:1], [1])) == 41


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"layers": (3, 1)}, "at least one hidden layer"),
        ({"layers": (3, 0, 1)}, "at least one hidden layer"),
        ({"layers": (3, 4, 2)}, "binary likelihood takes one output, not 2"),
        ({"layers": (3, 4, 1), "likelihood": "softmax"}, "two or more classes"),
        ({"layers": (3, 4, 1), "likelihood": "poisson"}, "no likelihood 'poisson'"),
        ({"layers": (3, 4, 1), "activation": "gelu"}, "no activation 'gelu'"),
        ({"layers": (3, 4, 1), "prior_sd": 0.0}, "above 0"),
        ({"layers": (3, 4, 1), "prior_sd": np.ones(3)}, r"got shape \(3,\)"),
        ({"layers": (3, 4, 1), "noise_sd": -1.0}, "above 0; got -1"),
    ],
)
def test_networks_that_make_no_sense_are_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ProcedureError, match=text):
        Network(X, BINARY, **settings)
