"""Chains on other encodings, and several on one chip, against posteriors that are known exactly.

The weights of one model are alike, so that means over all of them tell: under other seeds the mean
ratio of the sds scatters by about 0.7 % here (64 weights, some 150 independent draws each), the
mean shift by 0.01 sd. Bounds stand four of these or more from the value meant.
"""

from __future__ import annotations

import numpy as np
import pytest

from labctl.errors import ProcedureError
from labctl.learn.coin import StateAwareCoin
from labctl.learn.models import LinearRegression
from labctl.learn.sampler import Chain
from labctl.learn.weights import DifferentialPairs, Encoding, ReferenceColumn, SumOfCells
from tests.learn.harness import Gaussian, NoCurvature, ideal, told
from tests.learn.toy import PULSES, ToyArray

MEAN = np.tile([-0.6, -0.2, 0.2, 0.6], 16)
MODEL = Gaussian(MEAN, np.diag(np.full(64, 4.0)))


def run(chain: Chain, steps: int, burn_in: int) -> np.ndarray:
    chain.prepare()
    drawn = []
    for k in range(steps):
        weights = chain.step().weights
        if k % 50 == 49 and k < 0.8 * burn_in:
            chain.rescale()
        if k >= burn_in:
            drawn.append(weights)
    return np.array(drawn)


def figures(encoding: Encoding) -> tuple[float, float]:
    """Return the mean shift away from zero, in sds, and the mean ratio of the sds."""
    array = ideal(0, 20, 20, levels=24.0)
    chain = Chain(array, MODEL, told(array), PULSES, np.random.default_rng(1), encoding=encoding)
    z = (run(chain, 2100, 300) - MODEL.mean) / MODEL.sd
    return float((z.mean(axis=0) * np.sign(MEAN)).mean()), float(z.std(axis=0).mean())


@pytest.mark.parametrize(
    "encoding",
    [DifferentialPairs(), ReferenceColumn(), ReferenceColumn(cells=True), SumOfCells(3)],
    ids=["pairs", "reference", "reference cells", "sum of three"],
)
def test_every_encoding_samples_the_same_posterior(encoding: Encoding) -> None:
    outward, ratio = figures(encoding)
    assert abs(outward) < 0.06
    assert 0.96 < ratio < 1.05


def spread(rule: StateAwareCoin) -> float:
    """Return the sd of the modes that sums of three cells do not see, in parts of the window."""
    array = ideal(0, 20, 20, levels=24.0)
    chain = Chain(
        array, MODEL, told(array), PULSES, np.random.default_rng(1),
        encoding=SumOfCells(3), rule=rule,
    )  # fmt: skip
    chain.prepare()
    seen = []
    for k in range(900):
        chain.step()
        if k > 300:
            seen.append(chain.placed.common(chain.conductance, np.full(64, k % 3)))
    return float(np.std(seen)) / chain.calibration.range


def test_the_spring_holds_the_modes_that_a_sum_of_cells_does_not_see() -> None:
    # Each of two modes is held to 0.1 * sqrt(2) of the window; a cell has two thirds of both.
    held = spread(StateAwareCoin())
    assert held == pytest.approx(0.1 * (2 * 2 / 3) ** 0.5, rel=0.2)
    assert spread(StateAwareCoin(spring=None)) > 1.4 * held


def test_the_cells_of_a_weight_take_turns_and_references_are_left_alone() -> None:
    array = ideal(1, 6, 6)
    model = Gaussian(np.zeros(4), np.eye(4))
    chain = Chain(
        array, model, told(array), PULSES, np.random.default_rng(0), encoding=SumOfCells(3)
    )
    chain.prepare()
    for slot in (0, 1, 2, 0):
        np.testing.assert_array_equal(chain.step().cells, chain.placed.cells[:, slot])
    chain = Chain(
        array, model, told(array), PULSES, np.random.default_rng(0),
        encoding=ReferenceColumn(cells=True),
    )  # fmt: skip
    chain.prepare()
    references = chain.placed.cells[:, 1]
    before = array.conductance[references[:, 0], references[:, 1]].copy()
    for _ in range(60):
        chain.step()
    np.testing.assert_array_equal(array.conductance[references[:, 0], references[:, 1]], before)
    assert np.abs(before - told(array).centre).max() < array.step


class TestSeveralChains:
    rng = np.random.default_rng(5)
    x = np.column_stack([np.ones(40), rng.normal(size=(40, 3))])
    y = x @ [0.3, 1.0, -0.5, 0.2] + 2.5 * rng.normal(size=40)
    model = LinearRegression(x, y, noise_sd=2.5)

    def chain(self, array: ToyArray, **settings: object) -> Chain:
        return Chain(
            array, self.model, told(array), PULSES, np.random.default_rng(3), **settings,  # type: ignore[arg-type]
        )  # fmt: skip

    def test_each_samples_the_exact_posterior_on_cells_of_its_own(self) -> None:
        array = ideal(2, levels=24.0)
        chain = self.chain(array, chains=6)
        drawn = run(chain, 1800, 400)
        assert drawn.shape == (1400, 6, 4)
        cells = chain.placed.cells.reshape(-1, 2)
        assert len(np.unique(cells, axis=0)) == 6 * 4 * 2
        assert sorted(np.unique(chain.placement).tolist()) == [-1, 0, 1, 2, 3]
        mean, covariance = self.model.exact()
        sd = np.sqrt(covariance.diagonal())
        # Some 100 independent draws for each chain: 0.1 sd each, 0.02 sd for all and all weights.
        shift = (drawn.mean(axis=(0, 1)) - mean) / sd
        assert np.abs(shift).max() < 0.2
        ratio = drawn.std(axis=(0, 1)) / sd
        assert (ratio > 0.92).all()
        assert (ratio < 1.12).all()
        # And they are independent of each other.
        between = np.corrcoef(drawn[:, :, 1].T)[np.triu_indices(6, 1)]
        assert abs(between.mean()) < 0.1

    def test_minibatches_widen_nothing_when_they_are_large(self) -> None:
        array = ideal(2, levels=24.0)
        chain = self.chain(array, chains=6, batch=30)
        drawn = run(chain, 1500, 400)
        mean, covariance = self.model.exact()
        sd = np.sqrt(covariance.diagonal())
        assert np.abs((drawn.mean(axis=(0, 1)) - mean) / sd).max() < 0.25
        assert (drawn.std(axis=(0, 1)) / sd > 0.85).all()
        assert (drawn.std(axis=(0, 1)) / sd < 1.25).all()

    def test_read_draws_and_verify_have_a_row_for_each_chain(self) -> None:
        array = ToyArray(seed=3, relaxation=0.0)
        chain = self.chain(array, chains=2)
        chain.prepare()
        chain.step()
        assert chain.weights.shape == (2, 4)
        passes = chain.read_draws(400)
        assert passes.shape == (400, 2, 4)
        # Read noise of 1.2 % of two cells, over kappa.
        pairs = chain.placed.conductances(chain.weights.ravel())
        noise = array.read_noise * np.sqrt((pairs**2).sum(axis=1)) / chain.placed.kappa
        np.testing.assert_allclose(passes.std(axis=0).ravel(), noise, rtol=0.25)
        kept = chain.weights
        assert chain.verify().shape == (2, 4)
        np.testing.assert_array_equal(chain.weights, kept)

    def test_a_model_with_more_data_goes_on_from_the_same_weights(self) -> None:
        array = ideal(2)
        chain = self.chain(array, chains=2)
        chain.prepare()
        chain.step()
        before = chain.weights
        chain.with_model(self.model.extend(self.x[:5], self.y[:5]))
        np.testing.assert_array_equal(chain.weights, before)
        chain.step()
        with pytest.raises(ProcedureError, match="4 weights, the new model 3"):
            chain.with_model(LinearRegression(self.x[:, :3], self.y))

    @pytest.mark.parametrize("wrong", [{"chains": 0}, {"passes": -1}, {"batch": 0}])
    def test_settings_that_make_no_sense_are_refused(self, wrong: dict[str, int]) -> None:
        with pytest.raises(ProcedureError, match="1 chain or more"):
            self.chain(ideal(2), **wrong)


def test_unverified_pulses_learn_from_passes_of_reads() -> None:
    array = ideal(4, 20, 20, levels=24.0, read_noise=0.01)
    model = NoCurvature(MEAN, np.diag(np.full(64, 4.0)))
    chain = Chain(array, model, told(array), PULSES, np.random.default_rng(1), passes=4)
    drawn = run(chain, 1500, 300)
    assert array.counters.reads >= 4 * 128 * 1500
    step = chain.step()
    assert np.isnan(step.after).all()
    # What pulses did is seen in the passes after them: the calibration is followed all the same.
    assert chain.tracker.pulses == pytest.approx(64 * 1500, abs=64)
    z = (drawn - model.mean) / model.sd
    assert 0.93 < z.std(axis=0).mean() < 1.1
    assert abs((z.mean(axis=0) * np.sign(MEAN)).mean()) < 0.1
