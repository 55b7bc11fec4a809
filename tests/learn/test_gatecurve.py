"""What a SET limited by the gate leaves, as measured on cells of which it is known."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.array import Pulse
from labctl.errors import CalibrationError
from labctl.learn.gatecurve import measure_gate_curve
from labctl.sim import SimulatedArray
from labctl.sim.chip import Chip, preset
from tests.benchmarks.learn_metropolis import GATES as CHIP_GATES
from tests.benchmarks.learn_metropolis import RESET as CHIP_RESET
from tests.benchmarks.learn_metropolis import SET as CHIP_SET
from tests.learn.gated import GATES, RESET, SET, Gated, curve


def test_a_measured_curve_is_that_of_the_cells() -> None:
    array = Gated(12, 12, seed=1)
    found = curve(array)
    np.testing.assert_allclose(np.exp(found.median), 1e-4 * (GATES - 1) ** 2, rtol=0.03)
    np.testing.assert_allclose(found.spread, 0.1, rtol=0.1)
    np.testing.assert_allclose(found.offset, array.own - np.median(array.own), atol=0.05)
    np.testing.assert_allclose(found.scatter, 1.0, atol=0.15)


def test_quiet_cells_are_those_that_scatter_least() -> None:
    spread = np.full((10, 10), 0.05)
    spread[:, 5:] = 0.2
    found = curve(Gated(10, 10, seed=1, spread=spread), cycles=12)
    quiet = found.quiet(0.5)
    assert quiet[:, :5].all()
    assert not quiet[:, 5:].any()
    # 120 writes: a ratio of standard deviations is good to 10 % in any cell, 2 % in the mean.
    ratio = found.scatter[:, 5:].mean() / found.scatter[:, :5].mean()
    assert ratio == pytest.approx(4.0, rel=0.1)


def test_cells_are_aimed_at_with_their_own_offset() -> None:
    array = Gated(4, 4, seed=2, spread=1e-3)
    found = curve(array, cycles=6)
    cells = np.argwhere(np.ones((4, 4), bool))
    gates = found.gate(np.full(16, 40e-6), found.offset.ravel())
    np.testing.assert_allclose(gates / found.step, np.round(gates / found.step))
    reached = array.pulse(cells, [Pulse.set(1.6, g, 2e-4) for g in gates], 0.2)
    assert reached is not None
    # A gate rounded to 10 mV is 5 mV off at most, 1.6 % in conductance here.
    np.testing.assert_allclose(reached.conductance, 40e-6, rtol=0.035)


def test_the_density_is_that_of_the_gate_that_is_given() -> None:
    array = Gated(40, 40, seed=2)
    found = curve(array, 12)
    cells = np.argwhere(np.ones(array.shape, bool))
    gate, own, ones = np.full(1600, 1.73), found.offset.ravel(), np.ones(1600)
    reached = array.pulse(cells, [Pulse.set(1.6, 1.73, 2e-4)] * len(cells), 0.2)
    assert reached is not None
    log = found.log_density(reached.conductance, gate, own, ones)
    # Minus the entropy of a log-normal density of sd 0.1, but for ln sqrt(2 pi); the mean over
    # 1 600 draws is good to 0.02.
    expected = -0.5 - np.log(0.1) - np.log(reached.conductance).mean()
    assert log.mean() == pytest.approx(expected, abs=0.1)


# The leakage of the second chip is read a little higher at the higher gate, by chance.
@pytest.mark.parametrize(("gates", "seed"), [(CHIP_GATES[:3], 1), (CHIP_GATES[[0, -1]], 5)])
def test_unformed_cells_are_told_from_weak_pulses(gates: np.ndarray, seed: int) -> None:
    array = SimulatedArray(Chip(8, 8, preset("hfox-1t1r"), seed=seed))
    with pytest.raises(CalibrationError, match=r"look unformed: 100% .*Form them first"):
        measure_gate_curve(array, array.all_cells, CHIP_RESET, CHIP_SET, gates, cycles=4)


def test_a_gate_that_does_not_limit_is_told() -> None:
    array = Gated(4, 4, seed=1)
    array.most[:] = 5e-6  # the SET is too weak for the gate to matter
    cells = np.argwhere(np.ones((4, 4), bool))
    with pytest.raises(CalibrationError, match="does not rise with the gate"):
        measure_gate_curve(array, cells, RESET, SET, GATES, cycles=4)
    with pytest.raises(CalibrationError, match="2 gates and 4 cycles"):
        measure_gate_curve(array, cells, RESET, SET, [1.5], cycles=2)
