"""Metropolis-Hastings on cells whose SET scatters in proportion to the conductance.

With 6 000 proposals of three weights the effective sample size is some 600: the mean of a weight is
good to 0.04 sd and its sd to 3 %; the bounds are five of these away (false alarm below 1e-5).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from labctl.errors import CalibrationError, ProcedureError, WiringError
from labctl.learn.gatecurve import measure_gate_curve
from labctl.learn.metropolis import Metropolis
from labctl.learn.samplerows import Samples, sample_rows
from tests.benchmarks.learn_chips import formed
from tests.benchmarks.learn_metropolis import GATES as CHIP_GATES
from tests.benchmarks.learn_metropolis import RESET as CHIP_RESET
from tests.benchmarks.learn_metropolis import SET as CHIP_SET
from tests.learn.gated import Gated, curve


class Normal:
    """Weights of known mean and sd, three of them, or more that are correlated."""

    def __init__(self, size: int = 3, correlation: float = 0.0) -> None:
        self.size = size
        self.mean = np.resize([-0.5, 0.0, 0.7], size)
        self.sd = np.resize([0.5, 0.8, 0.6], size)
        table = np.full((size, size), correlation)
        np.fill_diagonal(table, 1.0)
        self.precision = np.linalg.inv(table * np.outer(self.sd, self.sd))

    def log_posterior(self, weights: np.ndarray) -> float:
        away = weights - self.mean
        return float(-0.5 * away @ self.precision @ away)


def run(
    array: Gated, proposals: int, model: Normal | None = None, burn_in: int = 300, **settings: Any
) -> tuple[Metropolis, Samples]:
    rng = np.random.default_rng(4)
    settings = {"kappa": 20e-6, **settings}
    chain = Metropolis(array, model or Normal(), curve(array, 30), rng, **settings)
    return chain, chain.run(proposals // chain.chains, burn_in=burn_in)


def figures(samples: Samples, known: Normal | None = None) -> tuple[float, float]:
    """Return the largest mean error in sds, and the mean sd ratio."""
    drawn, model = samples.draws(), known or Normal()
    error = (drawn.mean(axis=0) - model.mean) / model.sd
    return float(np.abs(error).max()), float((drawn.std(axis=0) / model.sd).mean())


def test_with_the_factor_of_hastings_the_posterior_comes_out() -> None:
    rows = sample_rows(np.ones((8, 6), bool), 3)
    _, samples = run(Gated(8, 6, seed=3), 6000, rows=rows, chains=2)
    error, ratio = figures(samples)
    assert error < 0.25
    assert 0.85 < ratio < 1.15


def test_with_it_a_pair_conducts_anything_between_the_bounds_alike() -> None:
    rng = np.random.default_rng(4)
    array = Gated(8, 6, seed=3, spread=0.3)
    rows = sample_rows(np.ones((8, 6), bool), 3)
    chain = Metropolis(array, Normal(), curve(array, 30), rng, kappa=20e-6, rows=rows, block=1)
    chain.start(Normal().mean)
    common = []
    for _ in range(3000):
        chain.propose()
        common.append(chain.conductance.mean())
    # The middle whatever the weights, 74 µS; good to 4. A density flat in ln G has 40.
    low, high = chain.curve.range
    assert np.mean(common) == pytest.approx((low + high) / 2, abs=20e-6)


class Flat:
    """Weights of which nothing is known."""

    size = 2

    def log_posterior(self, weights: np.ndarray) -> float:
        return 0.0


def test_the_room_of_a_pair_is_no_prior() -> None:
    rng = np.random.default_rng(4)
    array = Gated(8, 8, seed=3, spread=0.3)
    rows = sample_rows(np.ones((8, 8), bool), 2)
    measured = curve(array, 30)
    chain = Metropolis(array, Flat(), measured, rng, kappa=20e-6, rows=rows, block=1, chains=4)
    samples = chain.run(3000, burn_in=300)
    low, high = measured.range
    # Evenly between minus and plus the range; unheeded, a triangle, of 0.71 times that sd. With an
    # effective sample size of some 200 it is good to 3 %.
    assert samples.draws().std() == pytest.approx((high - low) / 20e-6 / 3**0.5, rel=0.15)


def test_without_it_the_posterior_is_another_one() -> None:
    rows = sample_rows(np.ones((8, 6), bool), 3)
    _, samples = run(Gated(8, 6, seed=3), 6000, rows=rows, hastings=False)
    error, ratio = figures(samples)
    assert error > 0.25 or ratio < 0.85


def leaning() -> Gated:
    """Return cells that keep a third of their variance for some twenty writes."""
    return Gated(8, 12, seed=5, lean=0.3, forget=0.3)


def test_cells_that_lean_widen_the_posterior_where_that_is_not_followed() -> None:
    _, samples = run(leaning(), 12_000, chains=4, same_row=True, gain=0.0)
    assert figures(samples)[1] > 1.2


def test_followed_they_do_not() -> None:
    chain, samples = run(leaning(), 12_000, chains=4, same_row=True)
    error, ratio = figures(samples)
    assert 0.07 <= chain.offsets.gain <= 0.2
    # An effective sample size of some 1 000: five standard errors, and 2 % for the gain's own.
    assert error < 0.2
    assert 0.87 < ratio < 1.13


def test_going_round_the_rows_takes_them_in_turn() -> None:
    array = Gated(8, 6, seed=5)
    rows = sample_rows(np.ones((8, 6), bool), 3)
    rng = np.random.default_rng(6)
    chain = Metropolis(array, Normal(), curve(array, 6), rng, kappa=5e-6, rows=rows)
    chain.start(Normal().mean)
    written = []
    for _ in range(40):
        before = array.conductance.copy()
        chain.propose()
        [row] = np.unique(np.argwhere(array.conductance != before)[:, 0])
        written.append(int(row))
    steps = np.diff(written) % 8
    assert set(steps) <= {1, 2}  # the row that holds the sample is left out
    assert (steps == 1).mean() > 0.7


def test_many_weights_are_decided_one_by_one() -> None:
    model = Normal(12, correlation=0.3)
    array = Gated(16, 24, seed=6)
    _, whole = run(array, 300, model, kappa=8e-6)
    chain, samples = run(array, 4000, model, kappa=8e-6, chains=2, block=1)
    assert 2 * whole.accepted < samples.accepted
    error, ratio = figures(samples, model)
    # An effective sample size of some 150 a weight: five standard errors.
    assert error < 0.4
    assert 0.88 < ratio < 1.12
    assert samples.pulses == 2 * 24 * chain.chains * (1 + 300 + 2000)
    held = chain.conductance
    np.testing.assert_array_equal(chain.read(), chain.weights(held))


def test_the_posterior_comes_out_on_a_realistic_chip() -> None:
    array = formed("hfox-1t1r", 16, 16, seed=1)
    measured = measure_gate_curve(array, array.all_cells, CHIP_RESET, CHIP_SET, CHIP_GATES)
    chain = Metropolis(
        array, Normal(), measured, np.random.default_rng(1), kappa=9e-6, chains=4, block=1
    )
    error, ratio = figures(chain.run(500, burn_in=150))
    # An effective sample size of some 200 a weight: five standard errors.
    assert error < 0.36
    assert 0.85 < ratio < 1.15


def test_a_rejected_row_is_written_again_and_the_old_one_counts() -> None:
    array = Gated(8, 6, seed=5)
    chain = Metropolis(
        array, Normal(), curve(array, 12), np.random.default_rng(6), kappa=20e-6, same_row=True,
        rows=sample_rows(np.ones((8, 6), bool), 3),
    )  # fmt: skip
    chain.start(chain.model.mean)
    samples = chain.run(200)
    held, counts = samples.counted()
    assert counts.min() >= 1
    assert counts.max() > 1
    np.testing.assert_array_equal(np.repeat(held, counts, axis=0), samples.draws())
    # The first sample of the run may be the one from before it.
    assert samples.accepted * 200 - len(held) in (-1, 0)
    assert samples.pulses == 12 * 200
    assert chain.run(10, burn_in=5).pulses == 12 * 15
    assert chain.pulses == 12 * (1 + 200 + 15)


def test_chains_keep_to_cells_of_their_own() -> None:
    array = Gated(8, 12, seed=1)
    chain = Metropolis(
        array, Normal(), curve(array, 6), np.random.default_rng(0), kappa=20e-6, chains=3, block=1
    )
    cells = chain.rows.reshape(-1, 2)
    assert len(np.unique(cells, axis=0)) == len(cells)
    chain.start(np.zeros((3, 3)))
    before = chain.conductance.copy()
    moved = chain.propose()
    changed = (chain.conductance != before).all(axis=-1)
    np.testing.assert_array_equal(changed, moved)
    assert len(np.unique(moved.sum(axis=1))) > 1 or 0 < moved.mean() < 1


def test_a_first_row_goes_around_a_cell_that_does_not_follow() -> None:
    array = Gated(8, 6, seed=5)
    measured = curve(array, 12)
    array.most[0, 1] = 2e-6  # it broke after it was measured
    chain = Metropolis(
        array, Normal(), measured, np.random.default_rng(6), kappa=20e-6,
        rows=sample_rows(np.ones((8, 6), bool), 3),
    )  # fmt: skip
    chain.start(Normal().mean)
    low, high = measured.range
    assert ((chain.conductance > low) & (chain.conductance < high)).all()
    np.testing.assert_allclose(chain.weights(chain.conductance)[0], Normal().mean, atol=2.0)
    array.most[:, 1] = 2e-6
    with pytest.raises(ProcedureError, match="none of 8 pairs of weight 0"):
        chain.start(Normal().mean)


def test_samples_are_laid_around_what_is_unusable() -> None:
    usable = np.ones((5, 6), bool)
    usable[1, 2] = False
    rows = sample_rows(usable, 3)
    assert rows.shape == (4, 3, 2, 2)
    assert not any((rows.reshape(-1, 2) == [1, 2]).all(axis=1))
    assert sample_rows(np.ones((2, 13), bool), 3).shape == (4, 3, 2, 2)
    with pytest.raises(WiringError, match="need 12 cells each"):
        sample_rows(np.ones((2, 6), bool), 6)


def test_wrong_settings_are_told() -> None:
    array = Gated(8, 6, seed=1)
    measured = curve(array, cycles=4)
    rng = np.random.default_rng(0)
    with pytest.raises(ProcedureError, match="kappa is 0"):
        Metropolis(array, Normal(), measured, rng, kappa=0.0)
    with pytest.raises(ProcedureError, match="deciding on 4 of 3 weights"):
        Metropolis(array, Normal(), measured, rng, kappa=20e-6, block=4)
    rows = sample_rows(np.ones((8, 6), bool), 3)
    with pytest.raises(ProcedureError, match=r"for 5 chains of 3 weights; give \(10 or more"):
        Metropolis(array, Normal(), measured, rng, kappa=20e-6, chains=5, rows=rows)
    with pytest.raises(ProcedureError, match=r"5 chains of 3 weights need 60 cells.*; 48 of"):
        Metropolis(array, Normal(), measured, rng, kappa=20e-6, chains=5)
    none = np.full((8, 6), np.nan)
    lost = replace(measured, offset=none, scatter=none)
    with pytest.raises(CalibrationError, match="holds no usable cell"):
        Metropolis(array, Normal(), lost, rng, kappa=20e-6)
    chain = Metropolis(array, Normal(), measured, rng, kappa=20e-6)
    with pytest.raises(ProcedureError, match=r"finite weights of shape \(3,\).*got 1 that"):
        chain.start(np.array([0.0, np.nan, 1.0]))
    with pytest.raises(ProcedureError, match=r"finite weights of shape \(3,\)"):
        chain.start(np.zeros(2))
    with pytest.raises(ProcedureError, match="1 or more"):
        chain.run(0)
