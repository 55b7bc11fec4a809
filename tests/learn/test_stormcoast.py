from __future__ import annotations

import numpy as np
import pytest

from labctl.learn import stormcoast


def test_the_current_drives_the_boat_and_waves_grow_towards_the_coast() -> None:
    rng = np.random.default_rng(0)
    for y in (1.0, 10.0):
        after = stormcoast.sail(np.tile([20.0, y], (40_000, 1)), np.zeros((40_000, 2)), rng)
        np.testing.assert_allclose(after[:, 0], 19.7)
        sd = float(np.exp(0.9 - 0.18 * y))
        assert stormcoast.wave_sd(y) == pytest.approx(sd)
        # 40 000 draws: mean to sd / 200, sd to 0.35 %; bounds are 5 sd.
        assert after[:, 1].mean() == pytest.approx(y - 0.15, abs=0.025 * sd)
        assert after[:, 1].std() == pytest.approx(sd, rel=0.02)


def test_actions_are_bounded_and_stranding_costs() -> None:
    after = stormcoast.sail([[0.0, 50.0]], [[9.0, 0.0]], np.random.default_rng(0))
    assert after[0, 0] == pytest.approx(0.7)
    near, far = stormcoast.reward([[1.0, 1.0], [30.0, 1.0]])
    assert near > far > 0
    assert stormcoast.reward([0.0, -0.1]) == -10.0
    assert stormcoast.reward([[0.0, 0.0]])[0] == pytest.approx(20.0)


def test_voyages_end_at_the_coast() -> None:
    inputs, moves = stormcoast.voyages(50, np.random.default_rng(1))
    assert inputs.shape[0] == moves.shape[0] < 50 * stormcoast.STEPS
    assert (inputs[:, 1] >= 0).all()
    np.testing.assert_allclose(moves[:, 0], inputs[:, 2] - 0.3)
