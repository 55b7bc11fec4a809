"""The kappa rule on cells with linear soft bounds, where everything about it is known.

Thirty-two independent weights, 2 000 steps or more, some 40 of them to forget: the mean sd ratio
of a run is good to 1.2 %, the mean shift to 0.025 sd. The bounds are four of these away or more
(false alarm below 1e-4).
"""

from __future__ import annotations

import numpy as np
import pytest

from labctl.errors import ProcedureError
from labctl.learn.kappa import KappaCoin, soft_bound_kappa
from labctl.learn.natural import natural
from labctl.learn.sampler import Chain
from labctl.learn.weights import Encoding, ReferenceColumn, SumOfCells
from tests.learn.harness import Gaussian, ideal, sample, told
from tests.learn.toy import PULSES

PRIOR = Gaussian(np.zeros(32), np.eye(32))
MEAN = np.tile([-0.8, 0.8], 16)
TIGHT = Gaussian(MEAN, np.diag(np.full(32, 3.0)))


def moments(model: Gaussian, levels: float = 40, **changes: float) -> tuple[float, float]:
    """Return the mean shift away from zero (sds) and the mean sd ratio."""
    array = ideal(0, levels=levels, **changes)
    calibration = told(array)
    drawn = sample(model, array, 3000, 400, seed=1, rule=KappaCoin(calibration, blind=True))
    z = (drawn - model.mean) / model.sd
    return float((z.mean(axis=0) * np.sign(model.mean)).mean()), float(z.std(axis=0).mean())


def test_the_natural_density_of_soft_bounds_is_the_formula() -> None:
    array = ideal(0, levels=40)
    found = natural(told(array).curves)
    a, s = array.step, array.pulse_noise * array.step
    assert found.mean == pytest.approx(80e-6, rel=0.02)
    # The formula is the leading term in the steps over the range, and the spread is that of 80 µS.
    assert found.variance == pytest.approx(40 * (a**2 + s**2) / 4, rel=0.05)
    assert abs(found.excess) < 0.25  # noise grows with the conductance
    kappa = KappaCoin(told(array), blind=True)
    kappa = kappa.kappa(told(array), np.array([1.0, 2.0]))
    assert kappa[0] == pytest.approx(soft_bound_kappa(40, a, s), rel=0.03)
    assert kappa[1] == pytest.approx(0.5 * kappa[0])


def test_a_cell_that_is_better_at_set_rests_higher() -> None:
    curves = told(ideal(0)).curves
    assert natural(curves, up=1.25).mean > natural(curves).mean + 5e-6
    assert natural(curves, down=1.25).mean < natural(curves).mean - 5e-6


def test_the_soft_bounds_are_the_prior() -> None:
    _, ratio = moments(PRIOR)
    assert ratio == pytest.approx(1.0, abs=0.05)


def test_with_a_likelihood_the_posterior_comes_out() -> None:
    outward, ratio = moments(TIGHT)
    assert abs(outward) < 0.08
    assert ratio == pytest.approx(1.0, abs=0.06)


def test_cells_that_differ_are_made_up_for() -> None:
    array = ideal(0, levels=40, cell_spread=0.3)
    calibration = told(array)
    errors = []
    for blind in (False, True):
        rule = KappaCoin(calibration, blind=blind)
        drawn = sample(PRIOR, array, 2500, 400, seed=1, rule=rule)
        errors.append(float(np.sqrt(np.mean(drawn.mean(axis=0) ** 2))))
    assert errors[0] < 0.25
    assert errors[1] > 1.5 * errors[0]


def test_a_wrong_kappa_shrinks_the_posterior() -> None:
    class Twice(KappaCoin):
        def kappa(self, calibration, prior_sd, pulsed=2):  # type: ignore[no-untyped-def]
            return 2.0 * super().kappa(calibration, prior_sd, pulsed)

    array = ideal(0, levels=40)
    drawn = sample(PRIOR, array, 1500, 400, seed=1, rule=Twice(told(array), blind=True))
    assert drawn.std(axis=0).mean() < 0.7


def test_a_narrow_posterior_gets_a_finer_scale_and_comes_out() -> None:
    """A sixth of the prior's sd: at the scale of the prior a pulse is larger than one sd of it.

    Standard errors of 1 % of the sd ratio and 0.02 sd of the shift.
    """
    narrow = Gaussian(0.25 * MEAN, np.diag(np.full(32, 36.0)))
    found = {}
    for finest in (1.0, 1.7):
        array = ideal(0, levels=40)
        rule = KappaCoin(told(array), finest=finest)
        drawn = sample(narrow, array, 3000, 800, seed=1, rule=rule)
        z = (drawn - narrow.mean) / narrow.sd
        found[finest] = float(z.std(axis=0).mean())
        assert abs(float((z.mean(axis=0) * np.sign(MEAN)).mean())) < 0.08
    assert found[1.0] > 1.1
    assert found[1.7] == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("encoding", [SumOfCells(3), ReferenceColumn()])
def test_weights_that_are_no_pairs_are_refused(encoding: Encoding) -> None:
    array = ideal(0)
    rng, rule = np.random.default_rng(0), KappaCoin(told(array))
    with pytest.raises(ProcedureError, match="differential pairs"):
        Chain(array, PRIOR, told(array), PULSES, rng, rule=rule, encoding=encoding)
    assert array.counters.pulses == 0
