"""The chips of taox-lin2025 read, learn and program as those of Lin et al. were seen to do.

Tests against the measured errors of 8 192 real cells need their file, and skip without it.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kurtosis

from labctl.sim.chip import Chip
from labctl.sim.chip.preset import preset, pulses
from tests.sim.chip import lin
from tests.sim.chip.probe import Stress, lines, rest, stress

KIND = preset("taox-lin2025")


def test_reads_scatter_by_the_published_laplace_law():
    # 40 000 reads know the scale to 0.5 %: a false alarm in less than 1 of 1e20 seeds.
    currents = np.array([0.4, 0.7, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0])
    law = -0.0058 * currents**2 + 0.0324 * currents + 0.0141
    assert lin.laplace_scales(currents, 40_000) == pytest.approx(law, rel=0.05)


def test_reads_are_laplace_and_not_normal():
    # |x - median| of a Laplace law: sd over mean absolute deviation is 1.414, of a normal 1.253.
    # 40 000 reads know it to 0.5 %, 0.007.
    out = lin.readings(1.0, 40_000, seed=2)
    ratio = out.std() / np.abs(out - np.median(out)).mean()
    assert ratio == pytest.approx(np.sqrt(2.0), abs=0.05)


def test_the_published_ramp_forms_more_than_99_percent_of_the_cells():
    # 0.04 % are stuck: of 4 096 cells 1.6; 41 or more is no accident. At most 400 pulses.
    out = lin.formed(4096, 3, KIND, lin.Procedure())[2]
    formed = out[:, 1] >= 4.0
    assert formed.mean() > 0.99
    assert out[formed, 0].max() <= 400


@pytest.mark.parametrize("current", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("direction", [1, -1])
def test_learning_pulses_move_a_third_of_a_microampere(current, direction):
    # 4 000 cells know the mean to 0.004 µA and the spread to 2 %; the bounds allow for what
    # "about 0.3 µA" leaves open, and the largest step found is 0.36 µA.
    steps = direction * lin.learning_steps(current, direction, 4000)
    assert steps.mean() == pytest.approx(0.3, abs=0.075)
    assert steps.std() == pytest.approx(0.25, abs=0.06)


@pytest.fixture(scope="module")
def real() -> tuple[np.ndarray, np.ndarray]:
    found = lin.reference()
    if found is None:
        pytest.skip("the measured file of Lin et al. is absent")
    return found


@pytest.fixture(scope="module")
def measured(real: tuple[np.ndarray, np.ndarray]) -> lin.Measured:
    return lin.program_many(real[0], (1, 2, 3))


def test_the_form_ramp_of_the_preset_forms_at_its_one_gate():
    # 1 024 cells; 0.04 % are stuck, and eleven that never form would be no accident.
    chip = Chip(32, 32, KIND, 4)
    rest(chip)
    lines(chip)
    form = pulses("taox-lin2025").form
    for volts in np.arange(form.start, form.stop + 0.5 * form.step, form.step):
        stress(chip, Stress(volts, 0.0, form.gate, form.width))
    assert (chip.conductance > 10e-6).mean() > 0.99


def test_programmed_cells_miss_their_targets_as_the_real_ones_do(real, measured):
    # The preset was fitted with the seeds 1 to 12, one chip or three at a time. Three chips know
    # the spread of a bin to 3-6 %, and the largest deviation seen in three sets is 13 %.
    found = lin.compare(*measured, real)
    assert abs(found.mean_difference).max() <= 0.03
    assert abs(found.sd_ratio - 1.0).max() <= 0.15
    assert found.ks <= 0.08


def test_every_bin_is_near_the_real_one(real, measured):
    # The bins between those that are judged: 0.6-1.0 µA comes out 0.05 too low, 3.5-4.2 µA 0.04 too
    # high.
    found = lin.compare(*measured, real, lin.FINE)
    assert abs(found.mean_difference).max() <= 0.06
    assert abs(found.sd_ratio - 1.0).max() <= 0.25


def test_errors_have_the_heavy_tail_and_the_fall_with_current_of_the_real_ones(measured):
    error = measured.current - measured.target
    slope, offset = np.polyfit(measured.target, error, 1)
    # The model falls by half as much as the real cells: 0.6-1.0 µA is too low, 3.5 µA too high.
    assert slope == pytest.approx(-0.036, abs=0.025)
    assert offset == pytest.approx(-0.037, abs=0.05)
    assert 5 < kurtosis(error) < 25
    assert (measured.current < 0.1).mean() < 0.004


def test_programming_repeats_itself_for_a_seed_and_differs_between_seeds():
    targets = np.linspace(0.5, 4.0, 40)
    first = lin.program_and_verify(5, targets)
    assert (first == lin.program_and_verify(5, targets)).all()
    assert (first != lin.program_and_verify(6, targets)).all()
