from __future__ import annotations

import copy

import numpy as np
import pytest

from labctl.errors import CalibrationError, ProcedureError, WiringError
from labctl.learn.calibration import Calibration
from labctl.learn.coin import Rule
from labctl.learn.logistic import LogisticRegression, predict
from labctl.learn.metrics import accuracy
from labctl.learn.posterior import compare
from labctl.learn.reference import reference
from labctl.learn.sampler import Chain
from labctl.learn.tasks import breast_cancer
from tests.learn.harness import Gaussian, SignRule, told
from tests.learn.toy import PULSES, ToyArray, measure_transitions

TASK = breast_cancer()
NORMAL = Gaussian(np.array([0.5, -0.5, 0.0]), np.diag([2.0, 4.0, 6.0]))


def chain(array: ToyArray, seed: int = 0) -> Chain:
    return Chain(array, NORMAL, told(array), PULSES, np.random.default_rng(seed))


def learn(rule: Rule | None, steps: int = 3000, burn_in: int = 500) -> np.ndarray:
    """Calibrate a toy chip by its own transitions and learn breast cancer with it."""
    array = ToyArray(seed=11)
    calibration = Calibration.from_frames(*measure_transitions(array, 40), array.shape)
    model = LogisticRegression(TASK.x_train, TASK.y_train)
    learner = Chain(array, model, calibration, PULSES, np.random.default_rng(12), rule=rule)
    learner.prepare()
    drawn = np.empty((steps, model.size))
    for k in range(steps):
        drawn[k] = learner.step().weights
        if k % 50 == 49 and k < 0.8 * burn_in:
            learner.rescale()
    return drawn[burn_in:]


def test_breast_cancer_on_a_noisy_chip_comes_out_near_the_reference() -> None:
    # Twelve seeds gave mean errors of 0.09 on average and 0.12 at most, sd ratios of 1.00 to 1.04:
    # the bounds are five of their standard deviations away.
    drawn = learn(None)
    result = compare(drawn, reference("breast_cancer"))
    assert result.mean_error < 0.2
    assert 0.95 < result.sd_ratio < 1.08
    assert accuracy(predict(drawn[::10], TASK.x_test).mean(axis=0), TASK.y_test) > 0.95


def test_the_sign_rule_predicts_as_well_but_its_posterior_is_far_too_narrow() -> None:
    drawn = learn(SignRule(), steps=1500)
    assert accuracy(predict(drawn[::10], TASK.x_test).mean(axis=0), TASK.y_test) > 0.93
    assert compare(drawn, reference("breast_cancer")).sd_ratio < 0.6


def test_a_posterior_far_narrower_than_its_prior_gets_finer_pulses() -> None:
    # At the scale that three sds of the prior need, a mean step is an sd of this posterior.
    array = ToyArray(8, 8, seed=5, levels=30.0, read_noise=0.0, relaxation=0.0)
    narrow = Gaussian(np.array([0.4, -0.3, 0.2]), np.diag([100.0, 100.0, 100.0]))
    learner = Chain(array, narrow, told(array), PULSES, np.random.default_rng(0), chains=2)
    learner.prepare()
    drawn = np.empty((6000, 2, 3))
    for k in range(len(drawn)):
        drawn[k] = learner.step().weights
        if k % 50 == 49 and k < 1200:
            learner.rescale()
    half = told(array).range  # of a pair
    reach = half / learner.placed.kappa.reshape(2, 3)
    assert (reach < 0.6 * 3.0).all()  # of the prior's three sds
    assert (reach > np.abs(narrow.mean) + 3.0 * narrow.sd).all()
    ratio = drawn[1500:].reshape(-1, 3).std(axis=0) / narrow.sd
    # Some 400 effective draws know an sd to 4 %: five times that.
    assert np.abs(ratio - 1.0).max() < 0.2


def test_a_draw_of_many_reads_is_nearer_to_what_the_cells_are() -> None:
    array = ToyArray(8, 8, seed=5, read_noise=0.05, relaxation=0.0)
    learner = Chain(array, NORMAL, told(array), PULSES, np.random.default_rng(0), chains=2)
    learner.prepare()
    learner.step()
    rows, cols = np.moveaxis(learner.placed.cells, -1, 0)
    truth = learner.placed.weights(array.conductance[rows, cols]).reshape(2, 3)
    reads = array.counters.reads
    before = learner.weights
    once = np.array([learner.draw(1) for _ in range(400)]) - truth
    often = np.array([learner.draw(16) for _ in range(400)]) - truth
    assert array.counters.reads == reads + 400 * 17 * 12
    np.testing.assert_array_equal(learner.weights, before)
    # 400 draws know each sd to 3.5 %, the ratio to 5 %: five times that.
    assert once.std(axis=0) / often.std(axis=0) == pytest.approx(4.0, rel=0.25)
    with pytest.raises(ProcedureError, match="give 1 or more"):
        learner.draw(0)


def test_a_chain_goes_on_where_it_was_left() -> None:
    array = ToyArray(4, 4, seed=1)
    first = chain(array)
    first.prepare()
    for _ in range(60):
        first.step()
    first.rescale()
    state = first.state()
    twin = copy.deepcopy(array)
    second = chain(twin, seed=99)
    second.restore(state)
    for _ in range(60):
        np.testing.assert_array_equal(first.step().weights, second.step().weights)


def test_a_state_of_before_there_were_beliefs_is_taken_up() -> None:
    array = ToyArray(4, 4, seed=1)
    first = chain(array)
    first.prepare()
    for _ in range(60):
        first.step()
    old = first.state()
    old["watch"] = old["watch"][:2]
    del old["whereabouts"]
    second = chain(copy.deepcopy(array))
    second.restore(old)
    for _ in range(60):
        np.testing.assert_array_equal(first.step().weights, second.step().weights)


def test_a_state_of_another_model_is_refused() -> None:
    array = ToyArray(4, 4, seed=1)
    state = chain(array).state()
    other = Chain(
        array, Gaussian(np.zeros(2), np.eye(2)), told(array), PULSES, np.random.default_rng(0)
    )
    with pytest.raises(CalibrationError, match="3 weights of 2 cells, the model 2 of 2"):
        other.restore(state)


def test_a_calibration_of_another_chip_is_refused() -> None:
    with pytest.raises(CalibrationError, match="of a chip of 4 x 5 cells, this one has 4 x 4"):
        Chain(
            ToyArray(4, 4, seed=1), NORMAL, told(ToyArray(4, 5, seed=1)), PULSES,
            np.random.default_rng(0),
        )  # fmt: skip


def test_preparing_brings_every_cell_to_the_centre() -> None:
    array = ToyArray(4, 4, seed=2)
    learner = chain(array)
    spent = learner.prepare()
    assert spent == array.counters.pulses
    assert np.abs(learner.conductance - learner.placed.centre).max() < 1.2 * array.step


def test_cells_that_do_not_follow_are_replaced() -> None:
    array = ToyArray(4, 4, seed=3, dead=[(0, 1)])
    array.conductance[0, 1] = 20e-6
    calibration = told(array)
    calibration.good[:] = True  # it died after the calibration
    learner = Chain(array, NORMAL, calibration, PULSES, np.random.default_rng(0))
    learner.prepare()
    used = {tuple(cell) for cell in learner.placed.all_cells.tolist()}
    assert (0, 1) not in used
    assert len(used) == 6


def test_a_chip_without_spare_cells_is_refused() -> None:
    array = ToyArray(2, 3, seed=4, dead=[(1, 1)])
    with pytest.raises(WiringError, match="need 6 cells; of the chip's 6 cells 5 are usable"):
        chain(array)


def test_every_step_pulses_one_side_of_each_pair() -> None:
    array = ToyArray(4, 4, seed=5)
    learner = chain(array)
    learner.prepare()
    for side in (0, 1, 0):
        before = array.counters.pulses
        step = learner.step()
        np.testing.assert_array_equal(step.cells, learner.placed.cells[:, side])
        assert array.counters.pulses == before + 3


def test_a_read_that_failed_keeps_the_last_conductance() -> None:
    class Deaf(ToyArray):
        def read(self, cells, voltage=0.2, gate=5.0):  # type: ignore[no-untyped-def]
            readings = super().read(cells, voltage, gate)
            if self.deaf:
                readings.conductance[0] = np.nan
            return readings

        deaf = False

    array = Deaf(4, 4, seed=6)
    learner = chain(array)
    learner.prepare()
    array.deaf = True
    kept = learner.conductance[0, 0]
    step = learner.step()
    assert np.isnan(step.after[0])
    assert learner.conductance[0, 0] == kept
    assert np.isfinite(step.weights).all()


def test_all_cells_are_read_again_now_and_then() -> None:
    array = ToyArray(4, 4, seed=7)
    learner = chain(array)
    learner.prepare()
    for _ in range(50):
        learner.step()
    reads = array.counters.reads
    learner.step()
    assert array.counters.reads == reads + 6 + 3
