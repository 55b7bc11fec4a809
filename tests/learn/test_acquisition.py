from __future__ import annotations

import numpy as np
import pytest

from labctl.errors import ProcedureError
from labctl.learn.acquisition import ACQUISITIONS, acquisition, best


def pool() -> np.ndarray:
    """Draws of four samples: sure, undecided in every draw, contradictory, two of three close."""
    sure = np.tile([0.98, 0.01, 0.01], (2, 1))
    noisy = np.tile([1 / 3, 1 / 3, 1 / 3], (2, 1))
    torn = np.array([[0.9, 0.05, 0.05], [0.05, 0.05, 0.9]])
    close = np.tile([0.499, 0.500, 0.001], (2, 1))
    return np.stack([sure, noisy, torn, close], axis=1)


@pytest.mark.parametrize(
    ("name", "first"), [("entropy", 1), ("bald", 2), ("margin", 1), ("variation_ratio", 2)]
)
def test_each_measure_asks_for_what_it_is_for(name: str, first: int) -> None:
    scores = acquisition(name)(pool(), np.random.default_rng(0))
    assert best(scores, 1).tolist() == [first]
    assert scores.argmin() == 0 or name in ("bald", "variation_ratio")


def test_the_straddle_wants_the_border_and_the_doubt() -> None:
    # p of class 1 by two draws: sure, on the border but certain, on the border and unsure
    p = np.array([[0.9, 0.5, 0.2], [0.9, 0.5, 0.8]])
    scores = acquisition("straddle")(p, np.random.default_rng(0))
    np.testing.assert_allclose(scores, [-0.8, 0.0, 1.96 * 0.6])
    with pytest.raises(ProcedureError, match="two classes; here are 3"):
        acquisition("straddle")(pool(), np.random.default_rng(0))


def test_powerbald_draws_in_proportion_to_the_information() -> None:
    # Sample 0 carries three times the information of sample 1; sample 2 none.
    p = np.zeros((2, 3, 2))
    for k, gap in enumerate((0.5, 0.2943, 0.0)):
        p[:, k, 1] = 0.5 + np.array([-gap, gap]) * 0.9
    p[..., 0] = 1 - p[..., 1]
    bald = acquisition("bald")(p, np.random.default_rng(0))
    rng, score = np.random.default_rng(1), acquisition("powerbald")
    firsts = np.array([best(score(p, rng), 1)[0] for _ in range(4000)])
    share = bald[0] / bald.sum()
    # Binomial sd 0.007 at 4 000 draws; 4 sd: a false alarm in 16 000.
    assert np.mean(firsts == 0) == pytest.approx(share, abs=0.028)
    assert not (firsts == 2).any()


def test_ties_of_the_variation_ratio_are_broken_at_random() -> None:
    same = np.full((4, 50, 3), 1 / 3)
    rng = np.random.default_rng(0)
    chosen = {int(best(acquisition("variation_ratio")(same, rng), 1)[0]) for _ in range(40)}
    assert len(chosen) > 10


@pytest.mark.parametrize("name", sorted(ACQUISITIONS))
def test_every_acquisition_scores_every_sample(name: str) -> None:
    p = np.random.default_rng(0).random((5, 7))
    scores = acquisition(name)(p, np.random.default_rng(1))
    assert scores.shape == (7,)
    assert np.isfinite(scores).all()


def test_the_best_come_first_and_nan_is_no_score() -> None:
    assert best([0.1, 0.9, 0.5], 2).tolist() == [1, 2]
    assert best([0.1, 0.9], 5).tolist() == [1, 0]
    with pytest.raises(ProcedureError, match="1 of 2 samples have no score"):
        best([0.1, np.nan], 1)


def test_an_unknown_acquisition_is_named_with_those_there_are() -> None:
    with pytest.raises(ProcedureError, match="no acquisition 'fate'; there is random"):
        acquisition("fate")
