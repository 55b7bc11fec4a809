"""The cells of sky130-reram do what is published of them, under their own pulses of 1 µs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import skew

from labctl.sim.chip import Chip
from labctl.sim.chip.preset import Ramp, preset, pulses
from tests.sim.chip.probe import Stress, lines, rest, stress

SKY, RECIPE = preset("sky130-reram"), pulses("sky130-reram")
SET = Stress(RECIPE.set.voltage, 0.0, RECIPE.set.gate, RECIPE.set.width)
RESET = Stress(0.0, RECIPE.reset.voltage, RECIPE.reset.gate, RECIPE.reset.width)


def micro(chip: Chip) -> np.ndarray:
    return chip.conductance.ravel() * 1e6


def fresh(size: int, seed: int) -> Chip:
    chip = Chip(size, size, SKY, seed)
    rest(chip)
    lines(chip)
    return chip


def ramp(chip: Chip, form: Ramp) -> tuple[np.ndarray, np.ndarray]:
    """Pulse all cells at rising voltage; return where each formed (V), and what it was then, µS."""
    volts = np.full(chip.rows * chip.columns, np.nan)
    first = volts.copy()
    for v in np.arange(form.start, form.stop + 0.5 * form.step, form.step):
        stress(chip, Stress(v, 0.0, form.gate, form.width))
        now = micro(chip)
        new = np.isnan(volts) & (now > 5.0)
        volts[new], first[new] = v, now[new]
    return volts, first


def test_pulses_of_a_microsecond_form_in_the_published_band():
    # 1 600 cells, of which 0.5 % must fail: 8 +- 2.8; 16 or more is a false alarm in 1 of 150
    # seeds. The mean of the band is known to 3 mV, its 1 % and 99 % points to 12 mV.
    chip = fresh(40, 3)
    assert np.percentile(micro(chip), 99) < 0.1
    volts, first = ramp(chip, RECIPE.form)
    formed = np.isfinite(volts)
    assert formed.mean() > 0.99
    assert 2.45 < np.nanmean(volts) < 2.55
    low, high = np.nanpercentile(volts, [1, 99])
    assert 2.15 < low < 2.35
    assert 2.65 < high < 3.05
    low, high = np.percentile(first[formed], [2, 98])
    assert low > 30
    assert high < 120


def test_pulses_of_a_millisecond_form_a_third_of_a_volt_lower():
    # Time and voltage trade at kT ln(1000) / 0.6 eV/V = 0.30 V. 100 cells each, of 0.11 V spread:
    # the difference is known to 16 mV, and the bounds are 5 of those away.
    slow = Ramp(start=1.5, stop=3.1, step=0.1, gate=RECIPE.form.gate, width=1e-3)
    quick, patient = (ramp(fresh(10, 5), form)[0] for form in (RECIPE.form, slow))
    assert 0.22 < np.nanmean(quick) - np.nanmean(patient) < 0.38


@pytest.fixture(scope="module")
def cycled() -> tuple[np.ndarray, np.ndarray]:
    """Conductance after SET and after RESET, µS, (100 cycles, cells that formed)."""
    chip = fresh(12, 11)
    formed = np.isfinite(ramp(chip, RECIPE.form)[0])
    low, high = [], []
    for _ in range(100):
        stress(chip, RESET, gap=1e-3)
        low.append(micro(chip)[formed])
        stress(chip, SET, gap=1e-3)
        high.append(micro(chip)[formed])
    return np.array(high), np.array(low)


def test_no_cell_is_lost_in_a_hundred_cycles_and_the_window_is_above_ten(cycled):
    high, low = cycled
    window = high / low
    assert (np.median(window, axis=0) >= 10).all()
    assert 30 < np.median(window) < 80
    assert (window[-10:] > 5).any(axis=0).all()
    assert (window > 3).mean() > 0.99, "single pulses of RESET rarely fail"


def test_the_low_resistive_state_is_normal(cycled):
    high, _ = cycled
    assert 80 < np.median(high) < 130
    assert np.percentile(high, 0.5) > 30
    assert np.percentile(high, 99.5) < 150
    from_cycle_to_cycle = high.std(axis=0) / high.mean(axis=0)
    assert 0.03 < np.median(from_cycle_to_cycle) < 0.08
    assert abs(np.median(skew(high))) < 0.6


def test_the_high_resistive_state_is_log_normal(cycled):
    _, low = cycled
    decades = np.log10(low)
    assert 1.0 < np.median(low) < 4.0
    assert 0.15 < decades.std() < 0.35
    assert 0.10 < np.median(decades.std(axis=0)) < 0.35
    assert abs(np.median(skew(decades))) < 0.6 < np.median(skew(low))
