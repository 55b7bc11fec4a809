from __future__ import annotations

import numpy as np
import pytest

from labctl.learn import pspline
from labctl.learn.curves import StepCurves

GRID = np.linspace(10e-6, 110e-6, 201)


@pytest.fixture
def curves() -> StepCurves:
    x = (GRID - GRID[0]) / np.ptp(GRID)
    columns = [6 - 4 * x, 1 + 5 * x**2, (1 + x) ** 2 * 1e-6, (2 - x) ** 2 * 1e-6]
    return StepCurves(GRID[0], GRID[-1], np.column_stack(columns) * 1e-6)


def test_outside_the_grid_nothing_is_extrapolated(curves: StepCurves) -> None:
    table = curves.look_up(np.array([0.0, 10e-6, 110e-6, 1.0]))
    np.testing.assert_array_equal(table[0], table[1])
    np.testing.assert_array_equal(table[3], table[2])
    assert (table[[0, 3], 4:] == 0).all()


def test_between_grid_points_the_curves_are_interpolated(curves: StepCurves) -> None:
    at = GRID[3] + 0.25 * (GRID[4] - GRID[3])
    wanted = 0.75 * curves.values[3] + 0.25 * curves.values[4]
    np.testing.assert_allclose(curves.look_up(np.array([at]))[0, :4], wanted)


def test_slopes_are_the_derivatives_also_of_a_cell_with_factors(curves: StepCurves) -> None:
    at, h = np.array([40e-6, 70e-6]), 0.2e-6
    args = (1.4, 0.7, 1.2)
    middle = curves.moments(at, *args)
    above, below = curves.moments(at + h, *args), curves.moments(at - h, *args)
    for name in ("up", "down", "variance"):
        numeric = (getattr(above, name) - getattr(below, name)) / (2 * h)
        np.testing.assert_allclose(getattr(middle, f"{name}_slope"), numeric, rtol=0.02)


def test_the_variance_is_that_of_a_coin_without_drift(curves: StepCurves) -> None:
    [moments] = [curves.moments(np.array([60e-6]), 2.0, 1.0)]
    u, d, vu, vd = curves.look_up(np.array([60e-6]))[0, :4]
    chance = d / (2 * u + d)
    assert moments.variance[0] == pytest.approx(chance * vu + (1 - chance) * vd)


def test_a_spline_follows_a_bend_and_states_its_error() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, 2000)
    scale = rng.uniform(0.5, 2, 2000)
    noise = 0.1 + 0.2 * x
    y = scale * np.sin(3 * x) + noise * rng.normal(size=2000)
    spline = pspline.fit(x, y, noise**-2.0, 0.0, 1.0, scale=scale)
    at = np.linspace(0.02, 0.98, 40)
    z = (spline(at) - np.sin(3 * at)) / spline.error(at)
    assert np.sqrt(np.mean(z**2)) < 2  # some ten independent errors: one alarm in 1e4
    np.testing.assert_allclose(spline(at, 1), 3 * np.cos(3 * at), atol=0.35)
    assert spline(np.array([7.0])) == spline(np.array([1.0]))


def test_a_spline_through_straight_noise_is_straight() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 1, 500)
    spline = pspline.fit(x, 2 - x + 0.3 * rng.normal(size=500), np.ones(500), 0.0, 1.0)
    at = np.linspace(0, 1, 50)
    assert np.abs(np.diff(spline(at), 2)).max() < 1e-3
