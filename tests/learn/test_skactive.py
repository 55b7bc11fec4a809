from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labctl.errors import ProcedureError
from labctl.learn.acquisition import acquisition, best
from labctl.learn.active import ActiveLearner
from labctl.learn.skactive import SkactivemlStrategy
from tests.learn.test_active import Border, line

pool = pytest.importorskip("skactiveml.pool")

SAMPLED = {"sample_predictions_method_name": "sample_proba", "sample_predictions_dict": {}}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("GreedyBALD", SAMPLED),
        ("BatchBALD", SAMPLED),
        ("UncertaintySampling", {"method": "margin_sampling"}),
        ("CoreSet", {}),
        ("RandomSampling", {}),
    ],
)
def test_strategies_plug_in(name: str, settings: dict[str, Any]) -> None:
    samples, oracle = line()
    strategy = SkactivemlStrategy(getattr(pool, name)(random_state=0, **settings))
    learner = ActiveLearner(
        Border(), samples, oracle, acquisition=strategy, batch=3, initial=4,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    rounds = [learner.step() for _ in range(4)]
    assert len(set(learner.order)) == len(learner.order) == rounds[-1].labelled
    assert rounds[-1].labelled == 13 or name == "BatchBALD"  # it may name a sample twice
    if name not in ("CoreSet", "RandomSampling"):
        borders = learner.estimator.borders  # type: ignore[attr-defined]
        assert borders[-1] - borders[0] < 0.1


def test_greedy_bald_asks_for_what_bald_asks_for() -> None:
    samples, oracle = line()
    learner = ActiveLearner(Border(), samples, oracle, initial=6, rng=np.random.default_rng(1))
    learner.step()
    candidates = learner.candidates
    draws = learner.estimator.sample_proba(samples.x[candidates])
    scores = acquisition("bald")(draws, learner.rng)
    theirs = SkactivemlStrategy(pool.GreedyBALD(random_state=0, **SAMPLED)).choose(
        learner.estimator, samples.x, learner.labels, candidates, 1
    )
    place = int(np.flatnonzero(candidates == theirs[0])[0])
    assert scores[place] == pytest.approx(scores[best(scores, 1)[0]], rel=1e-6)


def test_what_is_no_strategy_is_refused() -> None:
    class Other:
        def query(self, text: str) -> None:
            """Take no pool."""

    with pytest.raises(ProcedureError, match=r"Other.query takes text; a .*pool-based"):
        SkactivemlStrategy(Other())
