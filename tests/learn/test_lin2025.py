"""The published rule does what the paper says, and freezes as it does there."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.errors import ProcedureError
from labctl.learn.lin2025 import EPOCHS, KAPPA, Lin2025
from labctl.learn.sampler import Chain
from labctl.learn.weights import SumOfCells
from tests.learn.harness import Gaussian, ideal, told
from tests.learn.test_naive import view
from tests.learn.toy import PULSES

RNG = np.random.default_rng(0)


def hits(rule: Lin2025, gradient: np.ndarray, steps: range) -> np.ndarray:
    return np.array([rule.decide(view(gradient, step=k), RNG)[0] for k in steps])


def test_the_share_falls_every_twenty_epochs() -> None:
    rule = Lin2025((10,))
    assert rule.share(0) == rule.share(19) == pytest.approx(0.125 * 0.51)
    assert rule.share(20) == pytest.approx(0.9 * rule.share(0))
    assert Lin2025((10,), "restarted").share(EPOCHS) == pytest.approx(rule.share(0))
    assert rule.share(EPOCHS) < 0.6 * rule.share(0)


def test_pulses_come_every_six_epochs_to_the_largest_of_each_layer() -> None:
    rule = Lin2025((40, 20))
    gradient = np.full(60, 0.1)
    # Scaled by their own scatter, those that stand out of their past are large.
    quiet = hits(rule, gradient, range(6))
    assert (quiet[:5] == 0).all()
    gradient[[7, 30]], gradient[59] = 5.0, -5.0
    polarity = hits(rule, gradient, range(6, 12))
    assert (polarity[:5] == 0).all()
    # floor(0.06375 * 40) = 2 and floor(0.06375 * 20) = 1
    assert np.flatnonzero(polarity[5]).tolist() == [7, 30, 59]
    assert polarity[5, [7, 30, 59]].tolist() == [-1, -1, 1]


def test_a_weight_hit_once_gets_no_pulse() -> None:
    rule = Lin2025((20,))
    for k in range(6):
        gradient = np.full(20, 0.1)
        gradient[k] = 5.0  # another one each time
        polarity, _ = rule.decide(view(gradient, step=k), RNG)
    assert (polarity == 0).all()


@pytest.mark.parametrize(("schedule", "freezes"), [("published", True), ("restarted", False)])
def test_as_published_small_layers_stop_moving(schedule: str, freezes: bool) -> None:
    rule = Lin2025((102,), schedule)  # type: ignore[arg-type]
    late = hits(rule, np.linspace(0.1, 1.0, 102), range(4 * EPOCHS, 5 * EPOCHS))
    assert (not late.any()) == freezes


def test_one_random_cell_of_three_is_pulsed_and_its_posterior_is_too_narrow() -> None:
    model = Gaussian(np.zeros(31), np.eye(31))
    array = ideal(0)
    rule = Lin2025((31,), "restarted", kappa=None)
    chain = Chain(
        array, model, told(array), PULSES, np.random.default_rng(1), rule=rule,
        encoding=SumOfCells(3), passes=10,
    )  # fmt: skip
    chain.prepare()
    pulsed, drawn = [], []
    for _ in range(600):
        step = chain.step()
        pulsed += [tuple(cell) for cell in step.cells.tolist()]
        drawn.append(step.weights)
    assert len(set(pulsed)) > 40  # of the 93 cells, whichever weights were hit
    assert (np.std(drawn[200:], axis=0) / model.sd).mean() < 0.5
    assert chain.read_draws(20).shape == (20, 31)


def test_the_published_scale_is_the_default_whatever_the_prior() -> None:
    calibration = told(ideal(0))
    np.testing.assert_allclose(Lin2025((3,)).kappa(calibration, np.array([1.0, 9.0])), KAPPA)
    own = Lin2025((3,), kappa=None).kappa(calibration, np.ones(1))
    assert own[0] == pytest.approx(calibration.range * 1.1 / 3.6)


def test_wrong_layers_are_told() -> None:
    with pytest.raises(ProcedureError, match="no schedule 'never'"):
        Lin2025((3,), "never")  # type: ignore[arg-type]
    with pytest.raises(ProcedureError, match="Layers of"):
        Lin2025(())
    with pytest.raises(ProcedureError, match="there are 4"):
        Lin2025((3,)).decide(view(np.zeros(4)), RNG)
