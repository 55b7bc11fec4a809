from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from labctl.errors import BudgetSpent, ProcedureError, WiringError
from labctl.learn.budget import Budget
from labctl.learn.estimator import MemristorClassifier, MemristorRegressor
from labctl.learn.source import Measured
from tests.learn.harness import ideal, told
from tests.learn.toy import PULSES, ToyArray

KNOWN = Measured(told(ideal(0, 24, 24)), PULSES, Path())
FRESH = partial(ideal, 0, 24, 24)
"""Returns the same fresh chip each time."""
KNOWN_SMALL = Measured(told(ideal(0, 14, 14)), PULSES, Path())
SMALL = partial(ideal, 0, 14, 14)
SHORT = {"calibration": KNOWN, "steps": 240, "burn_in": 100, "thin": 5, "random_state": 0}

EXPECTED_FAILURES: dict[str, str] = {}
"""Checks of scikit-learn that cannot be passed, and why: there are none. Two are skipped by
scikit-learn itself, since the estimators say that they are not deterministic: the chip remembers
what was done to it, so that a second fit on the same chip gives other draws."""


@pytest.mark.parametrize("kind", [MemristorClassifier, MemristorRegressor])
def test_scikit_learn_finds_nothing_wrong(kind: type[Any]) -> None:
    results = check_estimator(
        kind(SMALL, **{**SHORT, "calibration": KNOWN_SMALL, "steps": 160, "burn_in": 80}),
        on_skip=None,
        on_fail=None,
        expected_failed_checks=EXPECTED_FAILURES,
    )
    failed = {r["check_name"]: repr(r["exception"]) for r in results if r["status"] == "failed"}
    assert failed == {}
    passed = [r for r in results if r["status"] == "passed"]
    assert len(passed) >= 45


@pytest.mark.parametrize("kind", [MemristorClassifier, MemristorRegressor])
def test_a_subclass_may_have_parameters_of_its_own(kind: type[Any]) -> None:
    class Own(kind):  # type: ignore[misc]
        def __init__(self, array: Any = None, extra: int = 1, calibration: Any = None) -> None:
            super().__init__(array, calibration=calibration)
            self.extra = extra

    one = clone(Own(FRESH, extra=7, calibration=KNOWN))
    assert one.get_params() == {"array": FRESH, "extra": 7, "calibration": KNOWN}
    assert one.steps == kind().steps


def blobs(seed: int = 0, n: int = 60, apart: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return rng.normal(size=(n, 2)) + apart * (2 * y[:, None] - 1), y


@pytest.mark.parametrize(("hidden", "classes"), [((), [0, 1]), ((), [0, 1, 2]), (3, [0, 1])])
def test_a_first_batch_of_one_class_does_where_all_are_named(
    hidden: Any, classes: list[int]
) -> None:
    x, y = blobs()
    zero = y == 0
    one = MemristorClassifier(FRESH, hidden=hidden, **SHORT)
    one.partial_fit(x[zero], y[zero], classes=classes)
    assert one.predict_proba(x).shape == (len(x), len(classes))
    assert one.predict_proba(x[zero])[:, 0].mean() > 0.7
    one.partial_fit(x[~zero], y[~zero])
    assert one.score(x, y) > 0.85


def test_a_single_class_is_refused_by_name() -> None:
    x, _ = blobs()
    one = MemristorClassifier(FRESH, **SHORT)
    for fit in (one.fit, one.partial_fit):
        with pytest.raises(ValueError, match=r"one class is present: 0\.0\. Add"):
            fit(x, np.zeros(len(x)))
    with pytest.raises(ProcedureError, match="nothing can be learned from one class"):
        MemristorClassifier(FRESH, classes=[0, 1], **SHORT).fit(x, np.zeros(len(x)))


def test_a_number_is_the_width_of_a_single_layer() -> None:
    x, y = blobs()
    one, same = (MemristorClassifier(FRESH, hidden=h, **SHORT).fit(x, y) for h in (3, (3,)))
    assert one.get_params()["hidden"] == 3
    np.testing.assert_array_equal(one.predict_proba(x), same.predict_proba(x))
    assert one.proba_now(x[:2]).shape == (1, 2, 2)


def test_it_learns_in_a_pipeline_and_a_cross_validation_on_one_chip() -> None:
    x, y = load_iris(return_X_y=True)
    array = ideal(3, 24, 24)
    flowers = make_pipeline(
        StandardScaler(), MemristorClassifier(array, **{**SHORT, "steps": 500, "burn_in": 200})
    )
    scores = cross_val_score(flowers, x, y, cv=3)
    assert scores.mean() > 0.9
    assert array.counters.pulses > 3 * 500 * 15  # all three folds were learned on that very chip


def test_clones_share_the_chip_and_nothing_else() -> None:
    array = ideal(0, 8, 8)
    first = MemristorClassifier(array, hidden=(3,), budget=Budget(pulses=9))
    second = clone(first)
    assert second.array is array
    assert second.get_params()["hidden"] == (3,)
    assert second.budget == first.budget


def test_the_draws_are_those_of_the_posterior() -> None:
    """Against the exact posterior of a linear regression with known noise."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 3))
    y = x @ [1.0, -0.5, 0.2] + 0.4 * rng.normal(size=40)
    found = MemristorRegressor(
        FRESH, calibration=KNOWN, steps=4000, burn_in=400, thin=2, noise_sd=1.5, random_state=2
    ).fit(x, y)
    design = np.hstack([np.ones((40, 1)), x])
    covariance = np.linalg.inv(design.T @ design / 2.25 + np.eye(4))
    mean = covariance @ design.T @ ((y - y.mean()) / y.std()) / 2.25
    sd = np.sqrt(covariance.diagonal())
    # 1 800 draws, some hundreds of them effective: the mean is known to 0.06 sd, the sd to 4 %.
    assert np.abs((found.draws_.mean(axis=0) - mean) / sd).max() < 0.3
    np.testing.assert_allclose(found.draws_.std(axis=0) / sd, 1.0, atol=0.15)
    assert found.warnings_ == []


def test_pulses_too_coarse_for_the_posterior_are_told() -> None:
    x = np.linspace(-1, 1, 400)[:, None]
    found = MemristorRegressor(FRESH, noise_sd=0.05, **SHORT).fit(x, x[:, 0])
    assert "one pulse is larger than the posterior is wide" in found.warnings_[0]


def test_a_regression_knows_its_doubt() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, size=(30, 1))
    found = MemristorRegressor(FRESH, **SHORT).fit(x, 5 + 2 * x[:, 0])
    mean, sd = found.predict([[0.0], [6.0]], return_std=True)
    assert mean[0] == pytest.approx(5.0, abs=0.3)
    assert sd[1] > 2 * sd[0]
    assert found.sample_predict([[0.0]], n_samples=3).shape == (3, 1)


def test_draws_of_probabilities_are_what_the_mean_is_of() -> None:
    x, y = blobs()
    found = MemristorClassifier(FRESH, **SHORT).fit(x, y)
    draws = found.sample_proba(x)
    assert draws.shape == (28, 60, 2)
    np.testing.assert_allclose(draws.mean(axis=0), found.predict_proba(x))
    assert found.sample_proba(x, n_samples=5).shape == (5, 60, 2)
    with pytest.raises(ProcedureError, match="29 draws are wanted; there are 1 to 28"):
        found.sample_proba(x, n_samples=29)
    cost = found.cost_
    assert cost["pulses"] == found.spent_.pulses
    assert cost["pulses_per_cell"] == pytest.approx(cost["pulses"] / 6)
    assert cost["device_energy"] > cost["periphery_energy"] > 0
    far, near = found.uncertainty([[9.0, -9.0], [3.0, 3.0]]).epistemic
    assert far > near


def test_a_network_learns_what_a_line_cannot() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, size=(120, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    array = ideal(0, 24, 24)
    settings = {**SHORT, "steps": 900, "burn_in": 500, "temperature": 0.03}
    flat = MemristorClassifier(array, **settings).fit(2 * x, y)
    deep = MemristorClassifier(array, hidden=(12,), share=0.3, **settings).fit(2 * x, y)
    assert flat.score(2 * x, y) < 0.75
    assert deep.score(2 * x, y) > 0.85


def test_a_warm_start_goes_on_from_the_chip_and_partial_fit_adds_data() -> None:
    x, y = blobs()
    cold = MemristorClassifier(FRESH, **SHORT)
    cold.fit(x[:20], y[:20])
    before, spent = cold.chain_, cold.spent_.pulses
    cold.fit(x, y)
    assert cold.chain_ is not before
    warm = MemristorClassifier(FRESH, warm_start=True, **SHORT)
    warm.fit(x[:20], y[:20])
    chain = warm.chain_
    warm.partial_fit(x[20:], y[20:])
    assert warm.chain_ is chain
    assert warm.spent_.pulses == pytest.approx(2 * spent, rel=0.2)
    assert len(chain.model) == 60
    one = MemristorClassifier(FRESH, **SHORT)
    one.partial_fit(x[:20], y[:20], classes=[0, 1, 2])
    assert one.predict_proba(x[:1]).shape == (1, 3)
    with pytest.raises(ProcedureError, match=r"Labels \[7\] are none of"):
        one.partial_fit(x[:1], [7])


def test_the_budget_ends_a_training_and_keeps_what_was_drawn() -> None:
    x, y = blobs()
    limited = MemristorClassifier(FRESH, budget=Budget(pulses=700), **SHORT)
    with pytest.warns(ConvergenceWarning, match="All pulses are spent"):
        limited.fit(x, y)
    assert limited.spent_.pulses <= 700
    assert 0 < len(limited.draws_) < 28
    with pytest.raises(BudgetSpent, match="Nothing was drawn"):
        MemristorClassifier(FRESH, budget=Budget(endurance=30), **SHORT).fit(x, y)


def test_the_chip_is_measured_where_nobody_did_before() -> None:
    x, y = blobs(apart=2.0)
    array = ToyArray(seed=5)
    found = MemristorClassifier(array, pulses=PULSES, steps=300, burn_in=100, random_state=0)
    assert found.fit(x, y).score(x, y) > 0.95
    assert found.calibration_.calibration.pulses > 1000


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"array": None}, ProcedureError, "no array to learn on: MemristorClassifier"),
        ({"calibration": None}, ProcedureError, "needs to know its pulses"),
        ({"hidden": (200,)}, WiringError, "need 2004 cells"),
        ({"burn_in": 240}, ProcedureError, "leave nothing to draw"),
        ({"temperature": 0.0}, ProcedureError, "above 0"),
    ],
)
def test_what_cannot_work_is_told(changes: dict[str, Any], error: type, said: str) -> None:
    x, y = blobs()
    with pytest.raises(error, match=said):
        MemristorClassifier(**{"array": FRESH, **SHORT, **changes}).fit(x, y)


def test_labels_of_one_class_and_nan_features_are_refused() -> None:
    x, y = blobs()
    array = ideal(0, 24, 24)
    with pytest.raises(ValueError, match="only one class"):
        MemristorClassifier(array, **SHORT).fit(x, np.zeros(60))
    x[3, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        MemristorClassifier(array, **SHORT).fit(x, y)
    assert array.counters.pulses == 0
