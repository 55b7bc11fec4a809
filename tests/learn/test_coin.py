from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from labctl.learn.coin import StateAwareCoin, View
from labctl.learn.curves import StepCurves

LOW, HIGH = 20e-6, 120e-6
GRID = np.linspace(LOW, HIGH, 401)
X = (GRID - LOW) / (HIGH - LOW)
# Neither straight nor alike: a hump for SET, a saturating RESET, spreads that differ.
CURVES = StepCurves(
    LOW,
    HIGH,
    np.column_stack(
        [
            (2 + 6 * np.sin(np.pi * (0.1 + 0.8 * X)) - 2 * X) * 1e-6,
            (1 + 5 * X / (0.3 + X)) * 1e-6,
            ((2 + X) * 1e-6) ** 2,
            ((1 + 2 * X) * 1e-6) ** 2,
        ]
    ),
)
UP, DOWN = 1.3, 0.8
MANY = 400_000
FIRST = StateAwareCoin(second_order=False, spring=None)


def view(
    conductance: float, *, sign: int = 1, gradient: float = 0.0, common: float = 0.0, size: int = 1
) -> View:
    """The same weight ``size`` times."""
    return View(
        step=0,
        sign=np.full(size, float(sign)),
        slot=np.full(size, 0 if sign > 0 else 1),
        weights=np.zeros(size),
        samples=None,
        gradient=np.full(size, gradient),
        prior=np.zeros(size),
        prior_sd=np.ones(size),
        curvature=None,
        stiffness=np.full(size, 4.0),
        kappa=np.full(size, 20e-6),
        moments=CURVES.moments(np.full(size, conductance), UP, DOWN),
        conductance=np.full((size, 2), conductance),
        common=np.full(size, common),
        sharing=2,
        range=HIGH - LOW,
        temperature=1.0,
    )


def pulsed(rule: StateAwareCoin, conductance: float, **state: float) -> NDArray[np.float64]:
    """Toss many coins in the same state and pulse: the steps, µS."""
    rng = np.random.default_rng(0)
    at = view(conductance, size=MANY, **state)  # type: ignore[arg-type]
    polarity, _ = rule.decide(at, rng)
    table = CURVES.look_up(np.array([conductance]))[0]
    mean = np.where(polarity > 0, UP * table[0], -DOWN * table[1])
    sd = np.sqrt(np.where(polarity > 0, table[2], table[3]))
    step: NDArray[np.float64] = 1e6 * (mean + sd * rng.normal(size=MANY))
    return step


def mean_square(conductance: float) -> float:
    """B = u d + s^2 without drift, in µS^2."""
    u, d, vu, vd = CURVES.look_up(np.array([conductance]))[0, :4]
    u, d = UP * u, DOWN * d
    return float(u * d + (d * vu + u * vd) / (u + d)) * 1e12


@pytest.mark.parametrize("conductance", [35e-6, 60e-6, 100e-6])
def test_without_drift_the_mean_square_of_a_step_is_ud_plus_s2(conductance: float) -> None:
    # Tolerances of the tests here: five standard errors of 400 000 tosses, one alarm in 1e6.
    step = pulsed(StateAwareCoin(second_order=False, spring=None, ito=False), conductance)
    assert abs(step.mean()) < 5 * step.std() / MANY**0.5
    square = step**2
    assert abs(square.mean() - mean_square(conductance)) < 5 * square.std() / MANY**0.5


@pytest.mark.parametrize("conductance", [35e-6, 60e-6, 100e-6])
def test_with_no_force_the_mean_step_is_the_derivative_of_the_diffusion(conductance: float) -> None:
    step = pulsed(FIRST, conductance)
    slope = (mean_square(conductance + 1e-6) - mean_square(conductance - 1e-6)) / 2
    assert abs(step.mean() - slope / 2) < 5 * step.std() / MANY**0.5 + 0.01 * abs(slope)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_gradient_moves_the_cell_by_the_diffusion_times_the_force(sign: int) -> None:
    at, gradient = 60e-6, 1.5
    without = pulsed(FIRST, at, sign=sign).mean()
    step = pulsed(FIRST, at, sign=sign, gradient=gradient)
    force = sign * gradient / 20.0  # 1/µS; kappa is 20 µS
    wanted = without - 0.5 * mean_square(at) * force
    assert abs(step.mean() - wanted) < 8 * step.std() / MANY**0.5


def test_plus_and_minus_cells_are_pulsed_opposite_ways() -> None:
    # Far down the slope the weight must grow: SET on the plus cell, RESET on the minus cell.
    rng = np.random.default_rng(0)
    plus, _ = StateAwareCoin().decide(view(60e-6, gradient=-50.0, size=100), rng)
    minus, _ = StateAwareCoin().decide(view(60e-6, sign=-1, gradient=-50.0, size=100), rng)
    assert (plus == 1).all()
    assert (minus == -1).all()


def test_the_spring_pulls_both_cells_back_to_the_centre() -> None:
    springy = StateAwareCoin(second_order=False, spring=0.1)
    for sign in (1, -1):
        free = pulsed(FIRST, 60e-6, sign=sign).mean()
        assert pulsed(springy, 60e-6, sign=sign, common=5e-6).mean() < free - 0.1
        assert pulsed(springy, 60e-6, sign=sign, common=-5e-6).mean() > free + 0.1


def test_saturated_coins_are_counted() -> None:
    rng = np.random.default_rng(0)
    _, saturated = StateAwareCoin().decide(view(60e-6, gradient=-50.0, size=10), rng)
    _, free = StateAwareCoin().decide(view(60e-6, size=10), rng)
    assert (saturated, free) == (10, 0)


def test_looking_ahead_without_coupling_tosses_the_same_coins() -> None:
    at = view(60e-6, gradient=0.7, size=2000)
    coupled = View(
        **{name: getattr(at, name) for name in View.__slots__ if name != "curvature"},
        curvature=np.diag(at.stiffness)[None],
    )
    one, _ = StateAwareCoin().decide(at, np.random.default_rng(3))
    other, _ = StateAwareCoin().decide(coupled, np.random.default_rng(3))
    np.testing.assert_array_equal(one, other)


def test_looking_ahead_makes_coupled_weights_compensate() -> None:
    # Two weights of which only the sum matters: a SET of one makes a RESET of the other likelier.
    at = view(70e-6, size=2)
    stiff = np.full((2, 2), 30.0)
    coupled = View(
        **{name: getattr(at, name) for name in View.__slots__ if name != "curvature"},
        curvature=stiff[None],
    )
    rng = np.random.default_rng(0)
    equal = [
        len(set(StateAwareCoin(spring=None).decide(coupled, rng)[0].tolist())) == 1
        for _ in range(2000)
    ]
    assert np.mean(equal) < 0.4  # 0.5 without; the standard error is 0.011
