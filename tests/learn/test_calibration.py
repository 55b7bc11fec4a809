from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from labctl.array import Pulse
from labctl.errors import CalibrationError
from labctl.learn import measuring
from labctl.learn.calibration import Calibration, calibrate
from labctl.learn.initialise import PulsePair
from labctl.learn.readnoise import ReadNoise
from labctl.learn.scale import check_levels, fitted_kappa, start_kappa
from labctl.learn.transitions import Transitions
from labctl.sim import SimulatedArray
from labctl.sim.chip import Chip, preset
from tests.learn.harness import told
from tests.learn.toy import ToyArray, measure_transitions


def calibrated(array: ToyArray, passes: int = 60) -> Calibration:
    return Calibration.from_frames(*measure_transitions(array, passes), array.shape)


def inner(calibration: Calibration) -> np.ndarray:
    """Conductances inside the window, a little off its ends."""
    low, high = calibration.window
    return np.linspace(low + 0.1 * (high - low), high - 0.1 * (high - low), 20)


def test_known_curves_come_back_from_noisy_transitions() -> None:
    # 15 360 pulses; the curves are known to 1-2 %, so 6 % is three errors and some bias.
    array = ToyArray(seed=1, cell_spread=0.0, relaxation=0.0)
    found = calibrated(array)
    at = inner(found)
    moments = found.curves.look_up(at)
    np.testing.assert_allclose(moments[:, 0], array.up(at), rtol=0.06)
    np.testing.assert_allclose(moments[:, 1], array.down(at), rtol=0.06)
    np.testing.assert_allclose(np.sqrt(moments[:, 2]), array.spread(at), rtol=0.12)
    np.testing.assert_allclose(np.sqrt(moments[:, 3]), array.spread(at), rtol=0.12)


def test_the_stated_error_is_that_of_the_curves() -> None:
    deviations = []
    for seed in range(6):
        array = ToyArray(seed=seed, cell_spread=0.0, relaxation=0.0, read_noise=0.004)
        found = calibrated(array, passes=15)
        k = 64  # the middle of the grid
        true = array.up(found.curves.grid[k])
        deviations.append((found.curves.values[k, 0] - true) / found.error[k, 0])
    assert 0.3 < np.sqrt(np.mean(np.square(deviations))) < 2.5  # 99.5 % for six deviations


def test_read_noise_is_taken_off_the_spread_of_the_pulses() -> None:
    array = ToyArray(seed=2, cell_spread=0.0, relaxation=0.0, read_noise=0.04)
    transitions, repeats = measure_transitions(array, 60)
    found = Calibration.from_frames(transitions, repeats, array.shape)
    at = inner(found)
    assert np.sqrt(found.noise.relative) == pytest.approx(0.04, rel=0.15)
    np.testing.assert_allclose(np.sqrt(found.curves.look_up(at)[:, 2]), array.spread(at), rtol=0.25)
    ignorant = calibrate(
        Transitions.from_frame(transitions), ReadNoise.even(array.shape), array.shape
    )
    assert ignorant.spread > 1.25 * found.spread


def test_regression_to_the_mean_is_taken_off_the_steps() -> None:
    # All cells near one conductance, read badly: a high reading comes down by itself.
    array = ToyArray(seed=3, cell_spread=0.0, relaxation=0.0, read_noise=0.06)
    rng = np.random.default_rng(0)
    cells = np.argwhere(np.ones(array.shape, bool))
    parts = []
    for _ in range(40):
        array.conductance[:] = rng.normal(80e-6, 8e-6, array.shape)
        before = array.read(cells).conductance
        polarity = rng.choice([-1, 1], len(cells))
        start = array.conductance.copy()
        step = np.where(polarity > 0, array.up(start).ravel(), -array.down(start).ravel())
        array.conductance += step.reshape(array.shape)
        after = array.read(cells).conductance
        parts.append(np.column_stack([cells, polarity, before, after]))
    row, col, polarity, before, after = np.concatenate(parts).T
    data = Transitions.of(row, col, polarity, before, after)
    right = calibrate(data, ReadNoise.even(array.shape, 0.06), array.shape)
    wrong = calibrate(data, ReadNoise.even(array.shape), array.shape)
    at = np.array([88e-6])  # one sd above the middle
    true = float(array.up(at)[0])
    assert right.curves.look_up(at)[0, 0] == pytest.approx(true, rel=0.15)
    assert wrong.curves.look_up(at)[0, 0] < 0.75 * true


def test_every_cell_gets_its_own_factor() -> None:
    array = ToyArray(seed=4, cell_spread=0.3)
    found = calibrated(array)
    for kind in (0, 1):
        true = array.factor[..., kind].ravel()
        correlation = np.corrcoef(found.factor[..., kind].ravel(), true)[0, 1]
        assert correlation > 0.85
        # Shrinkage: the factors scatter less than raw ratios of means would.
        assert found.factor[..., kind].std() < 1.1 * true.std()


def test_dead_cells_are_not_good() -> None:
    dead = [(0, 0), (3, 7), (15, 15)]
    found = calibrated(ToyArray(seed=5, dead=dead))
    assert not any(found.good[cell] for cell in dead)
    assert found.good.sum() > 200


def test_the_window_lies_where_both_polarities_work() -> None:
    array = ToyArray(seed=6)
    found = calibrated(array)
    low, high = found.window
    assert low < 80e-6 < high
    ends = found.curves.look_up(np.array([low, high]))
    ratio = ends[:, :2].min(axis=1) / ends[:, :2].max(axis=1)
    assert (ratio > 0.14).all()


def table(up: float, down: float, count: int = 2000, **more: float) -> Transitions:
    """Transitions of constant mean steps (µS) between 20 and 100 µS."""
    rng = np.random.default_rng(0)
    polarity = rng.choice([-1, 1], count)
    before = rng.uniform(more.get("low", 20), 100, count) * 1e-6
    if "set_below" in more:
        before = np.where(polarity > 0, rng.uniform(20, more["set_below"], count) * 1e-6, before)
    step = np.where(polarity > 0, up, -down) * 1e-6 + rng.normal(0, 1e-6, count)
    cell = rng.integers(0, 64, count)
    return Transitions.of(cell // 8, cell % 8, polarity, before, before + step)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (table(5, 5, count=200), "at least 150"),
        (table(-5, 5), "SET pulses move the cells by -"),
        (table(5, 0.0), "RESET pulses move the cells by"),
        (table(40, 1), "never balance"),
        (table(5, 5, low=60, set_below=50), "no common range"),
    ],
    ids=["few", "wrong way", "no effect", "unbalanced", "apart"],
)
def test_distributions_that_cannot_carry_learning_are_refused(data: Transitions, text: str) -> None:
    with pytest.raises(CalibrationError, match=text):
        calibrate(data, ReadNoise.even((8, 8)), (8, 8))


def test_too_coarse_pulses_are_refused() -> None:
    coarse = calibrate(table(14, 14), ReadNoise.even((8, 8)), (8, 8))
    with pytest.raises(CalibrationError, match=r"holds 5\.\d mean steps of 14 µS.*at least 8"):
        check_levels(coarse)


def test_missing_columns_and_single_reads_are_refused() -> None:
    with pytest.raises(CalibrationError, match="lacks polarity, after"):
        Transitions.from_frame(pd.DataFrame({"row": [0], "col": [0], "before": [1e-6]}))
    with pytest.raises(CalibrationError, match="No cell was read twice"):
        ReadNoise.of([0, 1], [0, 0], [1e-5, 2e-5], (2, 2))


def test_flagged_and_missing_readings_are_left_out() -> None:
    data = Transitions.of(
        [0, 0, 0], [0, 1, 2], [1, 1, 1], [1e-5, np.nan, 1e-5], [2e-5, 2e-5, 2e-5], [0, 0, 1]
    )
    assert len(data) == 1


def test_the_scale_follows_pulse_and_curvature() -> None:
    found = told(ToyArray(seed=0, levels=30))
    curvature = np.array([1.0, 4.0, 16.0])
    scale = fitted_kappa(found, curvature)
    np.testing.assert_allclose(scale / scale[0], np.sqrt(curvature))
    # A mean step is 0.6 to 0.9 conditional standard deviations.
    assert (found.step / scale * np.sqrt(curvature) > 0.6).all()
    assert (found.step / scale * np.sqrt(curvature) < 0.9).all()
    # However stiff: weights of three prior sds fit.
    assert fitted_kappa(found, np.array([1e6]))[0] == pytest.approx(found.range / 3)
    assert start_kappa(found, np.ones(2)).tolist() == pytest.approx([found.range / 5] * 2)


def test_unformed_cells_are_told_from_weak_pulses() -> None:
    array = SimulatedArray(Chip(8, 8, preset("hfox-1t1r"), seed=1))
    pulses = PulsePair(Pulse.set(1.11, 3.2, 2e-4), Pulse.reset(1.33, 4.75, 2e-4))
    with pytest.raises(CalibrationError, match=r"look unformed: 100% .*Form them first"):
        measuring.measure_transitions(array, pulses, np.random.default_rng(0), passes=12)
