"""Metropolis-Hastings on cells whose SET scatters in proportion to the conductance.

With 6 000 proposals of three weights the effective sample size is some 600: the mean of a weight is
good to 0.04 sd and its sd to 3 %; the bounds are five of these away (false alarm below 1e-5).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import ArrayLike

from labctl.array import READ_GATE, READ_VOLTAGE, Counters, Pulse, Readings, Sweep, Timing
from labctl.errors import CalibrationError, ProcedureError, WiringError
from labctl.learn.gatecurve import GateCurve, measure_gate_curve
from labctl.learn.metropolis import Metropolis, Samples, sample_rows

RESET, SET = Pulse.reset(1.6, 4.75, 2e-4), Pulse.set(1.6, 1.5, 2e-4)
GATES = np.arange(1.2, 2.25, 0.1)


class Gated:
    """A CellArray: a RESET clears a cell, a SET leaves 100 µS/V^2 (gate - 1)^2, give or take."""

    def __init__(self, rows: int, columns: int, seed: int, spread: float = 0.1) -> None:
        self.shape = rows, columns
        self.timing, self.counters = Timing(0.01, 0.01), Counters()
        self.rng, self.spread = np.random.default_rng(seed), spread
        self.own = 0.05 * self.rng.normal(size=self.shape)
        self.conductance, self.most = np.full(self.shape, 1e-6), 1.0

    def now(self) -> float:
        return 0.0

    def read(
        self, cells: ArrayLike, voltage: float = READ_VOLTAGE, gate: float = READ_GATE
    ) -> Readings:
        wanted = np.asarray(cells)
        value = self.conductance[wanted[:, 0], wanted[:, 1]]
        none = np.zeros(len(wanted), np.uint8)
        return Readings(wanted, value * voltage, value, none, np.zeros(len(wanted)))

    def pulse(
        self, cells: ArrayLike, pulses: Pulse | Sequence[Pulse], read: float | None = None
    ) -> Readings | None:
        wanted = np.asarray(cells)
        each = [pulses] * len(wanted) if isinstance(pulses, Pulse) else pulses
        gate = np.array([p.gate for p in each])
        noise = self.own[wanted[:, 0], wanted[:, 1]] + self.spread * self.rng.normal(size=len(gate))
        up = np.array([p.bit_line > 0 for p in each])
        left = np.where(up, 1e-4 * (gate - 1.0) ** 2 * np.exp(noise), 1e-6)
        self.conductance[wanted[:, 0], wanted[:, 1]] = np.minimum(left, self.most)
        self.counters.pulses += len(wanted)
        return None if read is None else self.read(wanted, read)

    def check(self, pulses: Sequence[Pulse]) -> None:
        """Nothing is forbidden."""

    def sweep(
        self, cell: tuple[int, int], voltages: Sequence[float], gate: float, dwell: float
    ) -> Sweep:
        raise NotImplementedError


class Normal:
    """Three weights of known mean and sd."""

    size = 3
    mean, sd = np.array([-0.5, 0.0, 0.7]), np.array([0.5, 0.8, 0.6])

    def log_posterior(self, weights: np.ndarray) -> float:
        return float(-0.5 * np.sum(((weights - self.mean) / self.sd) ** 2))


def curve(array: Gated, cycles: int = 60) -> GateCurve:
    cells = np.argwhere(np.ones(array.shape, bool))
    return measure_gate_curve(array, cells, RESET, SET, GATES, cycles=cycles)


def run(hastings: bool, rows: int = 3000) -> Samples:
    array = Gated(8, 6, seed=3)
    chain = Metropolis(
        array, Normal(), curve(array), np.random.default_rng(4), kappa=20e-6, hastings=hastings
    )
    return chain.run(rows, burn_in=300, every=2)


def figures(samples: Samples) -> tuple[float, float]:
    """Return the largest mean error in sds, and the mean sd ratio."""
    drawn = samples.draws()
    error = (drawn.mean(axis=0) - Normal.mean) / Normal.sd
    return float(np.abs(error).max()), float((drawn.std(axis=0) / Normal.sd).mean())


def test_a_measured_curve_is_that_of_the_cells() -> None:
    array = Gated(12, 12, seed=1)
    found = curve(array)
    np.testing.assert_allclose(np.exp(found.median), 1e-4 * (GATES - 1) ** 2, rtol=0.03)
    np.testing.assert_allclose(found.spread, 0.1, rtol=0.1)
    np.testing.assert_allclose(found.offset, array.own - np.median(array.own), atol=0.05)


def test_cells_are_aimed_at_with_their_own_offset() -> None:
    array = Gated(4, 4, seed=2, spread=1e-3)
    found = curve(array, cycles=6)
    cells = np.argwhere(np.ones((4, 4), bool))
    gates = found.gate(np.full(16, 40e-6), found.offset.ravel())
    reached = array.pulse(cells, [Pulse.set(1.6, g, 2e-4) for g in gates], 0.2)
    assert reached is not None
    np.testing.assert_allclose(reached.conductance, 40e-6, rtol=0.03)


def test_with_the_factor_of_hastings_the_posterior_comes_out() -> None:
    error, ratio = figures(run(hastings=True))
    assert error < 0.25
    assert 0.85 < ratio < 1.15


def test_without_it_the_posterior_is_another_one() -> None:
    error, ratio = figures(run(hastings=False))
    assert error > 0.25 or ratio < 0.85


def test_a_rejected_row_is_written_again_and_the_old_one_counts() -> None:
    array = Gated(8, 6, seed=5)
    chain = Metropolis(array, Normal(), curve(array), np.random.default_rng(6), kappa=20e-6)
    chain.start(Normal.mean)
    samples = chain.run(40)
    assert samples.counts.min() >= 1
    assert samples.counts.max() > 1
    assert samples.draws().shape == (samples.counts.sum(), 3)
    assert samples.accepted == pytest.approx(40 / samples.counts.sum())
    assert samples.pulses == 12 * (1 + samples.counts.sum())


def test_samples_are_laid_around_what_is_unusable() -> None:
    usable = np.ones((5, 6), bool)
    usable[1, 2] = False
    rows = sample_rows(usable, 3)
    assert rows.shape == (4, 3, 2, 2)
    assert not any((rows.reshape(-1, 2) == [1, 2]).all(axis=1))
    with pytest.raises(WiringError, match="need 12 cells each"):
        sample_rows(np.ones((2, 6), bool), 6)


def test_a_gate_that_does_not_limit_is_told() -> None:
    array = Gated(4, 4, seed=1)
    array.most = 5e-6  # the SET is too weak for the gate to matter
    cells = np.argwhere(np.ones((4, 4), bool))
    with pytest.raises(CalibrationError, match="does not rise with the gate"):
        measure_gate_curve(array, cells, RESET, SET, GATES, cycles=4)
    with pytest.raises(CalibrationError, match="2 gates and 4 cycles"):
        measure_gate_curve(array, cells, RESET, SET, [1.5], cycles=2)


def test_wrong_settings_are_told() -> None:
    array = Gated(8, 6, seed=1)
    measured = curve(array, cycles=4)
    rng = np.random.default_rng(0)
    with pytest.raises(ProcedureError, match="kappa is 0"):
        Metropolis(array, Normal(), measured, rng, kappa=0.0)
    chain = Metropolis(array, Normal(), measured, rng, kappa=20e-6)
    with pytest.raises(ProcedureError, match="1 or more"):
        chain.run(0)
