from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labctl.errors import ProcedureError
from labctl.learn.sampler import Chain
from labctl.learn.schedule import Constant, Cyclical, Tempered
from tests.learn.harness import Gaussian, ideal, told
from tests.learn.toy import PULSES


def test_cooling_is_geometric_and_then_over() -> None:
    cooling = Tempered(start=16.0, end=1.0, steps=4)
    assert [cooling.temperature(k) for k in range(6)] == pytest.approx([16, 8, 4, 2, 1, 1])
    assert [cooling.draws(k) for k in (0, 3, 4, 100)] == [False, False, True, True]


def test_a_cycle_explores_settles_and_samples() -> None:
    cycle = Cyclical(period=10, hot=9.0, cold=1.0, explore=0.4, settle=0.2)
    temperatures = [cycle.temperature(k) for k in range(10)]
    assert temperatures[0] == 9.0
    assert temperatures[2] == pytest.approx(5.0)
    assert temperatures[4:] == [1.0] * 6
    assert (np.diff(temperatures[:5]) < 0).all()
    assert [cycle.draws(k) for k in range(10)] == [False] * 6 + [True] * 4
    assert cycle.temperature(23) == cycle.temperature(3)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (Constant, {"value": 0.0}),
        (Tempered, {"start": -1.0}),
        (Tempered, {"start": 2.0, "steps": 0}),
        (Cyclical, {"hot": float("inf")}),
        (Cyclical, {"explore": 0.8, "settle": 0.2}),
        (Cyclical, {"period": 1}),
    ],
)
def test_schedules_that_make_no_sense_are_refused(kind: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(ProcedureError):
        kind(**settings)


class TwoHills:
    """One weight with modes at -1.2 and 1.2, far apart at temperature 1."""

    size, prior_sd = 16, 1.0

    def gradient(self, weights: np.ndarray, rows: Any = None) -> np.ndarray:
        # U = 8 (w^2 - 1.44)^2 / 1.44^2 / 2: a barrier of 4 between the modes... times the depth
        return 12.0 * weights * (weights**2 - 1.44)

    def curvature(self, weights: np.ndarray) -> None:
        return None


def crossings(schedule: Any) -> tuple[float, np.ndarray]:
    """Return how often a weight changed sides between draws, and all draws of the schedule."""
    array = ideal(0, levels=24)
    chain = Chain(
        array, TwoHills(), told(array), PULSES, np.random.default_rng(1), schedule=schedule
    )
    chain.prepare()
    drawn = []
    for _ in range(2400):
        step = chain.step()
        if step.draw:
            drawn.append(step.weights)
    found = np.array(drawn)
    return float((np.diff(np.sign(found), axis=0) != 0).sum(axis=0).mean()), found


def test_cycles_cross_between_modes_where_one_temperature_stays() -> None:
    cold, _ = crossings(Constant())
    crossed, drawn = crossings(Cyclical(period=300, hot=12.0, explore=0.4, settle=0.2))
    # Eight cycles cross in about half of them; at temperature 1 a weight stays where it fell.
    assert crossed > cold + 1.0
    # What counts as a draw is at temperature 1: near a mode, not between.
    assert (np.abs(drawn) < 0.4).mean() < 0.05


def test_tempering_leaves_the_posterior_it_ends_at() -> None:
    model = Gaussian(np.tile([-0.8, 0.8], 8), np.diag(np.full(16, 2.0)))
    array = ideal(0, levels=24)
    chain = Chain(
        array, model, told(array), PULSES, np.random.default_rng(2),
        schedule=Tempered(start=6.0, end=0.5, steps=300),
    )  # fmt: skip
    chain.prepare()
    drawn = []
    for k in range(2300):
        step = chain.step()
        assert step.draw == (k >= 300)
        if k >= 500:
            drawn.append(step.weights)
    ratio = np.array(drawn).std(axis=0) / model.sd
    # sqrt(1/2); sixteen weights of some 100 independent draws each: 7 % each, 1.8 % in the mean.
    assert ratio.mean() == pytest.approx(0.5**0.5, rel=0.08)
