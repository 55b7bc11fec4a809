"""SET, RESET and forming through connect, drive and elapse."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp

from labctl.sim.chip import Chip
from tests.sim.chip.probe import (
    FORMING_GATE,
    FREE,
    HFOX,
    RESET,
    SET,
    Stress,
    formed_chip,
    lines,
    read,
    rest,
    steps,
    stress,
    walk,
)


def micro(chip: Chip) -> np.ndarray:
    return chip.conductance.ravel() * 1e6


def test_identical_pulses_move_gradually_between_soft_bounds():
    # 1 024 cells, 300 pulses each: every bin holds thousands of steps, its mean is known to 3 %.
    edges = [30.0, 50.0, 70.0, 90.0, 110.0, 130.0]
    walked = walk(formed_chip(32, 32, 5), 300, np.random.default_rng(1))
    up, down = steps(walked, 1, edges), steps(walked, -1, edges)
    assert (np.diff(up[:, 0]) < 0).all(), "SET steps must fall with conductance"
    assert (np.diff(down[:, 0]) > 0).all(), "RESET steps must grow with conductance"
    assert up[0, 0] > down[0, 0]
    assert up[-1, 0] < down[-1, 0]
    window = 100.0
    balance = 0.5 * (up[2] + down[2])
    assert window / 30 < balance[0] < window / 12
    assert up[:, 0].min() > 1.0
    assert down[:, 0].min() > 1.0
    for table in (up, down):
        assert (table[:, 1] / table[:, 0] > 0.3).all()
        assert (table[1:4, 1] / table[1:4, 0] < 1.1).all()
        assert (table[:, 2] < 0.3 * window).all(), "of 200 steps at most one is longer"
        assert (table[1:, 2] < window / 4).all()


def test_a_random_sequence_of_pulses_stays_inside_the_window():
    chip = formed_chip(24, 24, 9)
    rng = np.random.default_rng(2)
    seen = []
    for k in range(160):
        stress(chip, SET if rng.random() < 0.5 else RESET)
        if k > 60:
            seen.append(micro(chip)[chip.formed.ravel()])
    low, high = np.percentile(seen, [0.5, 99.5])
    assert 25 < low < 60
    assert 95 < high < 150


@pytest.mark.parametrize(
    "pulse", [SET, RESET, Stress(1.25, 0, 3.2, 1e-3), Stress(0, 1.5, 4.75, 1e-3)]
)
def test_splitting_a_pulse_leaves_its_law_unchanged(pulse):
    # Two chips of 4 096 cells: a KS distance of 0.038 has a false-alarm rate of 0.5 %.
    whole, split = formed_chip(64, 64, 21), formed_chip(64, 64, 22)
    before = [np.log(micro(chip)) for chip in (whole, split)]
    assert ks_2samp(*before).statistic < 0.038
    stress(whole, pulse)
    for _ in range(10):
        stress(split, pulse._replace(width=pulse.width / 10))
    after = [np.log(micro(chip)) for chip in (whole, split)]
    assert ks_2samp(*after).statistic < 0.038
    steps = [b - a for a, b in zip(before, after, strict=True)]
    assert ks_2samp(*steps).statistic < 0.038


def test_splitting_time_within_a_drive_without_noise_changes_nothing():
    whole, split = (formed_chip(4, 4, 3, noise=False) for _ in range(2))
    for chip, parts in ((whole, 1), (split, 16)):
        chip.drive(np.array([SET.gate, SET.bit, 0, 0]), FREE)
        for _ in range(parts):
            chip.elapse(2e-4 / parts)
        rest(chip)
    np.testing.assert_allclose(whole.conductance, split.conductance, rtol=1e-3)


def test_forming_happens_in_its_band_and_leaves_cells_in_the_window():
    chip = Chip(16, 16, HFOX, 7)
    rest(chip)
    assert micro(chip).max() < 0.1
    volts = np.full(chip.shape, np.nan)
    for cell in np.ndindex(chip.shape):
        lines(chip, cell)
        for v in np.arange(1.5, 3.55, 0.1):
            stress(chip, Stress(v, 0.0, FORMING_GATE, 1e-3))
            if read(chip) > 5e-6:
                volts[cell] = v
                break
    assert chip.formed.mean() > 0.98
    np.testing.assert_array_equal(chip.formed, np.isfinite(volts))
    assert 2.3 < np.nanmedian(volts) < 2.7
    assert np.nanmin(volts) > 1.95
    assert np.nanmax(volts) < 3.15
    low, median, high = np.percentile(micro(chip)[chip.formed.ravel()], [5, 50, 95])
    assert low > 30
    assert 55 < median < 95
    assert high < 130


def test_a_few_cells_in_a_thousand_never_form():
    # 0.4 % of 9 216 cells: 36.9 +- 6.1; 4 sd either way is a false alarm once in 16 000 seeds.
    chip = formed_chip(96, 96, 31)
    stress(chip, Stress(4.5, 0, FORMING_GATE, 1e-2))
    assert 13 < (~chip.formed).sum() < 61


def test_a_higher_gate_leaves_a_higher_conductance_as_a_power_law():
    medians, spreads, currents = [], [], []
    for gate in (1.4, 1.5, 1.6, 1.7, 1.8):
        chip = Chip(24, 24, HFOX, 4)
        rest(chip)
        lines(chip)
        for volts in np.arange(1.5, 3.55, 0.1):
            stress(chip, Stress(volts, 0.0, gate, 1e-3))
        g = micro(chip)[chip.formed.ravel()]
        medians.append(np.median(g))
        spreads.append(np.std(np.log(g)))
        currents.append((gate - HFOX.transistor_threshold) ** 2)
    slope, offset = np.polyfit(np.log(currents), np.log(medians), 1)
    assert 0.8 < slope < 1.6
    assert np.ptp(np.log(medians) - slope * np.log(currents) - offset) < 0.1
    assert spreads[-1] < spreads[0]


def test_reset_lowers_and_a_closed_gate_protects():
    chip, idle = formed_chip(8, 8, 6), formed_chip(8, 8, 6)
    for _ in range(3):
        stress(chip, Stress(0, 1.33, 0.5, 2e-4))
        rest(idle, 2e-4)
    np.testing.assert_array_equal(micro(chip), micro(idle))
    before = micro(chip)
    for _ in range(20):
        stress(chip, RESET)
    assert (micro(chip) < before).mean() > 0.95
    assert np.median(micro(chip)) < 0.65 * np.median(before)


def test_a_pulse_on_one_cell_leaves_its_neighbours_alone():
    for source_lines in ("columns", "rows"):
        chip, idle = (formed_chip(5, 6, 8, source_lines=source_lines) for _ in range(2))
        lines(chip, (2, 3))
        for _ in range(12):
            stress(chip, RESET)
            rest(idle, RESET.width)
        pulsed, left = chip.conductance, idle.conductance
        assert pulsed[2, 3] < 0.9 * left[2, 3]
        pulsed[2, 3] = left[2, 3]
        np.testing.assert_array_equal(pulsed, left)


def test_a_million_reads_do_not_disturb():
    chip = formed_chip(16, 16, 12, noise=False)
    rest(chip, 3600.0)
    before = chip.conductance
    # 0.31 V, above the limit below which rates are not even evaluated, for the time of 1e6 reads
    chip.drive(np.array([5.0, 0.31, 0, 0]), FREE)
    chip.elapse(100.0)
    chip.drive(np.array([5.0, 0.2, 0, 0]), FREE)
    chip.elapse(1000.0)
    rest(chip)
    np.testing.assert_allclose(chip.conductance, before, rtol=0.01)


def test_a_fresh_reset_relaxes_upwards_in_time():
    chip = formed_chip(32, 32, 14)
    stress(chip, Stress(0, 1.7, 4.75, 1e-3))
    before = np.log(micro(chip))
    chip.elapse(10.0)  # 2 000 reads of 5 ms
    change = (np.log(micro(chip)) - before)[chip.formed.ravel()]
    assert 0.08 < change.mean() < 0.20
    assert 0.1 < change.std() < 0.35
    assert chip.pulses.max() == chip.pulses.min() > 0
    assert (chip.stress[..., 1] == 1e-3).all()
