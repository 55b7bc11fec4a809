"""Cells that drift and wear in mid-training: the calibration follows their own pulses."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.learn.online import Tracker
from labctl.learn.sampler import Chain
from tests.learn.harness import Gaussian, ideal, told
from tests.learn.toy import HIGH, LOW, PULSES, ToyArray

MEAN = np.tile([-0.5, 0.5], 32)
MODEL = Gaussian(MEAN, np.diag(np.full(64, 3.0)))
STEPS = 5000


class Wearing(ToyArray):
    """SET steps fall to 70 % of what they were, RESET steps to 90 %, in two thirds of a run."""

    def pulse(self, cells, pulses, read=None):  # type: ignore[no-untyped-def]
        worn = min(self.counters.pulses / (64 * STEPS * 2 / 3), 1.0)
        self.factor[..., 0], self.factor[..., 1] = 1 - 0.3 * worn, 1 - 0.1 * worn
        return super().pulse(cells, pulses, read)


def late_draws(monkeypatch: pytest.MonkeyPatch, *, follow: bool) -> tuple[np.ndarray, Chain]:
    """Return draws of the last third of a run, in sds from the mean."""
    made = ideal(3, levels=24.0)
    array = Wearing(seed=3, levels=24.0, cell_spread=0.0, read_noise=0.0, relaxation=0.0)
    chain = Chain(array, MODEL, told(made), PULSES, np.random.default_rng(1))
    chain.prepare()
    if not follow:
        monkeypatch.setattr(
            Tracker,
            "moments",
            lambda self, slot, g: self.calibration.curves.moments_of(
                g, slot, np.ones((len(slot), 2, 2)), 1.0
            ),
        )
    drawn = []
    for k in range(STEPS):
        weights = chain.step().weights
        if k in (100, 200):
            chain.rescale()
        if k >= 2 * STEPS // 3:
            drawn.append(weights)
    return (np.array(drawn) - MODEL.mean) / MODEL.sd, chain


def sunk(chain: Chain) -> float:
    """Return how far below the centre the cells are in the mean, in parts of their range."""
    return float(chain.placed.centre - np.mean(chain.conductance)) / (HIGH - LOW)


def test_wear_is_followed_so_that_cells_and_posterior_stay_where_they_belong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    z, chain = late_draws(monkeypatch, follow=True)
    # A cell's past counts 1/e after 600 pulses of one polarity: the factors are a little behind.
    factors = chain.tracker.factor.mean(axis=(0, 1))
    assert factors[0] == pytest.approx(0.70, abs=0.09)
    assert factors[1] == pytest.approx(0.90, abs=0.05)
    assert chain.replaced == []
    # 64 weights of some 30 independent draws each: 0.023 sd for all; six of them.
    assert abs((z.mean(axis=0) * np.sign(MEAN)).mean()) < 0.14
    assert 0.91 < z.std(axis=0).mean() < 1.06
    assert sunk(chain) < 0.035


def test_without_following_the_cells_sink(monkeypatch: pytest.MonkeyPatch) -> None:
    # The coin still takes SET steps for as large as RESET steps; the spring holds what it can.
    _, chain = late_draws(monkeypatch, follow=False)
    assert sunk(chain) > 0.045
