from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.errors import ProcedureError
from labctl.learn import pour
from labctl.learn.tasks import digits, lin2025_pour, load_task, task_names


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_no_more_lands_than_there_is(seed: int) -> None:
    landed, _ = pour.pour(pour.sample(40, np.random.default_rng(seed)))
    assert (landed >= 0).all()
    assert (landed <= 1 + 1e-9).all()


def good() -> np.ndarray:
    """A pour that succeeds."""
    ways = pour.sample(500, np.random.default_rng(0))
    return ways[pour.succeeds(ways)][:1]


def test_one_in_seven_succeeds() -> None:
    share = pour.succeeds(pour.sample(4000, np.random.default_rng(1))).mean()
    assert share == pytest.approx(0.15, abs=0.025)  # 0.025 is 4 sd


def test_what_is_held_too_far_misses_and_what_hangs_too_low_hits() -> None:
    way = good()
    far, low = way.copy(), way.copy()
    far[0, 1] += 20
    low[0, 2] = 0.5
    assert pour.pour(far)[0][0] == 0.0
    assert pour.pour(low)[1][0]


def test_a_mirrored_cup_is_as_wide() -> None:
    way = good()
    wider = way.copy()
    wider[0, 4] += 1.0
    assert pour.pour(wider)[0][0] >= pour.pour(way)[0][0] - 1e-12


def test_the_ranges_are_scaled_to_one() -> None:
    np.testing.assert_allclose(pour.scaled([pour.LOW, pour.HIGH]), [[-1] * 8, [1] * 8])


@pytest.mark.parametrize("bad", [np.zeros((2, 7)), np.full((1, 8), np.nan), np.zeros(8)])
def test_what_is_no_pour_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ProcedureError, match="8 finite numbers"):
        pour.pour(bad)


@pytest.mark.parametrize("name", task_names())
def test_every_task_is_led_by_ones_and_split(name: str) -> None:
    task = load_task(name)
    assert task.name == name
    assert (task.x_train[:, 0] == 1).all()
    assert task.features[0] == "bias"
    assert task.x_train.shape[1] == task.x_test.shape[1] == len(task.features)
    assert set(np.unique(task.y_train)) == set(range(len(task.classes)))
    assert len(task.test_index) == len(task.y_test)


def test_another_split_has_other_samples() -> None:
    assert set(digits(0).test_index) != set(digits(1).test_index)


def test_the_published_pouring_data_are_read_where_they_are(tmp_path: object) -> None:
    file = f"{tmp_path}/pour.npz"
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-1, 1, (30, 11)), rng.uniform(-1, 1, 30)
    np.savez(file, x=x, y=y)
    task = lin2025_pour(file)
    assert task.x_train.shape == (20, 12)
    assert task.y_test.tolist() == (y[task.test_index] > 0).astype(float).tolist()
    with pytest.raises(ProcedureError, match="cannot be read"):
        lin2025_pour(f"{tmp_path}/nothing.npz")
