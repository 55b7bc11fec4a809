"""Curves are fitted to the cells they are meant for; every cell still gets its factor."""

from __future__ import annotations

import numpy as np

from labctl.learn.readnoise import ReadNoise
from labctl.learn.stepfit import StepFit, fit_steps

LOW, HIGH = 20e-6, 100e-6


def fitted(quiet_only: bool) -> StepFit:
    """Fit 40 cells, of which the odd ones come back from above whatever their pulse was."""
    rng = np.random.default_rng(0)
    cell = np.repeat(np.arange(40), 100)
    before = rng.uniform(LOW, HIGH, len(cell))
    odd = cell % 2 == 1
    step = 4e-6 + 0.4e-6 * rng.normal(size=len(cell)) - np.where(odd, 0.05 * (before - LOW), 0.0)
    quiet = ~odd if quiet_only else None
    return fit_steps(cell, 40, before, step, ReadNoise.even((5, 8)), LOW, HIGH, quiet)


def test_the_curve_is_that_of_the_quiet_cells() -> None:
    # 2 000 pulses of 10 % scatter: the curve is good to 1 % at its ends; 5 of these are allowed.
    top = np.array([HIGH - 2e-6])
    np.testing.assert_allclose(fitted(quiet_only=True).mean(top), 4e-6, rtol=0.05)
    assert fitted(quiet_only=False).mean(top)[0] < 3e-6


def test_the_others_have_their_factor_all_the_same() -> None:
    found = fitted(quiet_only=True)
    assert np.abs(found.factor[0::2] - 1).max() < 0.1
    assert found.factor[1::2].max() < 0.8
    assert (found.count == 100).all()
