"""What time, heat and use do to a chip: retention, wear, failures, stuck cells, ambient."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from labctl.errors import LimitError
from labctl.sim.chip import Chip, Preset
from tests.sim.chip.probe import HFOX, RESET, SET, Stress, formed_chip, read, rest, stress

DAY = 86400.0
BOLTZMANN = 8.617333e-5


def micro(chip: Chip) -> np.ndarray:
    return chip.conductance[chip.formed & ~chip.failed] * 1e6


def test_a_month_in_the_drawer_drifts_the_chip_and_one_wait_is_many_short_ones():
    chip, steps = (formed_chip(16, 16, 1) for _ in range(2))
    before = chip.conductance
    chip.elapse(30 * DAY)
    for _ in range(30):
        steps.elapse(DAY)
    change = chip.conductance / before - 1.0
    assert np.median(abs(change[chip.formed])) > 1e-3
    np.testing.assert_allclose(steps.conductance, chip.conductance, rtol=1e-9)
    assert chip.time == pytest.approx(steps.time)


def test_retention_follows_arrhenius():
    # Without spread, the time to lose a given share of ln G scales with exp(E / kT).
    kind = dataclasses.replace(
        HFOX, retention_spread=0.0, relaxation_mean=0.0, relaxation_spread=0.0
    )
    lost = []
    for celsius, seconds in ((125.0, 1e5), (150.0, None)):
        chip = formed_chip(8, 8, 2, kind=kind)
        before = np.log(chip.conductance / kind.retention_conductance)
        chip.ambient = 273.15 + celsius
        hot = 1.0 / (BOLTZMANN * (273.15 + 125.0)) - 1.0 / (BOLTZMANN * (273.15 + 150.0))
        chip.elapse(seconds if seconds else 1e5 * np.exp(-kind.retention_barrier * hot))
        after = np.log(chip.conductance / kind.retention_conductance)
        lost.append((after / before)[chip.formed & ~chip.failed])
    assert 0.9 < lost[0].mean() < 0.999
    np.testing.assert_allclose(lost[0], lost[1], rtol=1e-6)


def test_what_heat_takes_is_kept_when_it_cools_and_the_order_of_temperatures_does_not_matter():
    chips = [formed_chip(8, 8, 3) for _ in range(2)]
    for chip, order in zip(chips, ((358.15, 398.15), (398.15, 358.15)), strict=True):
        for kelvin in order:
            chip.ambient = kelvin
            chip.elapse(1e5)
        chip.ambient = 300.0
    first, second = (np.log(micro(chip)) for chip in chips)
    np.testing.assert_allclose(first, second, rtol=1e-9)


def test_a_hot_cell_switches_faster():
    moves = []
    for kelvin in (300.0, 340.0):
        chip = formed_chip(16, 16, 4)
        chip.ambient = kelvin
        before = np.log(micro(chip))
        stress(chip, RESET)
        moves.append(np.median(before - np.log(micro(chip))))
    assert moves[1] > 1.5 * moves[0]


@pytest.mark.parametrize("kelvin", [0.0, -3.0, np.nan, np.inf, 2000.0])
def test_an_impossible_ambient_is_refused_and_changes_nothing(kelvin):
    chip = formed_chip(2, 2, 4)
    with pytest.raises(LimitError, match="ambient"):
        chip.ambient = kelvin
    assert chip.ambient == 300.0


def test_wear_comes_from_the_stress_applied_and_does_not_depend_on_how_it_is_split():
    whole, split, idle = (formed_chip(8, 8, 5, noise=False) for _ in range(3))
    fresh = whole.wear
    for _ in range(5):
        stress(whole, RESET)
        stress(whole, SET)
        for pulse in (RESET, SET):
            for _ in range(4):
                stress(split, pulse._replace(width=pulse.width / 4))
        rest(idle, RESET.width + SET.width)
        read(idle)
    assert (whole.wear > fresh)[whole.formed & ~whole.failed].all()
    np.testing.assert_array_equal(idle.wear, fresh)
    np.testing.assert_allclose(split.wear, whole.wear, rtol=0.02)


WEARING = dataclasses.replace(HFOX, wear_activity=20.0, failure_activity=1e12)


def test_wear_shrinks_the_window():
    # Beside a twin that does not wear: over the first three cycles both come into their stride, and
    # the worn cell, which resets less deeply, is set a little further.
    worn, fresh = (windows(dataclasses.replace(WEARING, wear_loss=loss)) for loss in (0.5, 0.0))
    assert worn[-1] < fresh[-1] - 0.3
    assert (np.diff(worn - fresh)[2:] < 0.0).all()
    assert abs(np.diff(fresh)[2:]).max() < 1e-3


def windows(kind: Preset, cycles: int = 12) -> np.ndarray:
    """Return ln of the ratio of the medians after SET and after RESET, cycle by cycle."""
    chip = formed_chip(8, 8, 6, kind=kind, noise=False)
    found = []
    for _ in range(cycles):
        ends = []
        for pulse in (Stress(0, 1.6, 4.75, 2e-4), Stress(1.4, 0, 3.2, 2e-4)):
            stress(chip, pulse)
            ends.append(np.median(micro(chip)))
        found.append(np.log(ends[1] / ends[0]))
    return np.array(found)


def test_cells_fail_by_a_weibull_law_and_stay_where_they_failed():
    # Life is drawn at manufacture: of 4 096 cells the share that fails before the scale is
    # 1 - 1/e = 63.2 %, sd 0.75 %; 4 sd either way.
    kind = dataclasses.replace(
        HFOX, failure_activity=40.0, stuck_low=0.0, stuck_high=0.0, speed_spread=0.0
    )
    chip = formed_chip(64, 64, 7, kind=kind)
    while np.median(chip.wear[~chip.failed]) < 40.0:
        stress(chip, Stress(0, 1.6, 4.75, 2e-4))
        stress(chip, Stress(1.4, 0, 3.2, 2e-4))
    assert 0.5 < chip.failed.mean() < 0.75
    dead = chip.failed
    shorts = chip.conductance[dead] > 100e-6
    assert abs(shorts.mean() - kind.failure_short) < 0.05
    before = chip.conductance
    wear = chip.wear
    for pulse in (SET, RESET, Stress(3.0, 0, 3.2, 1e-3)):
        stress(chip, pulse)
    np.testing.assert_array_equal(chip.conductance[dead], before[dead])
    np.testing.assert_array_equal(chip.wear[dead], wear[dead])


def test_stuck_cells_come_from_manufacture_in_their_share():
    # 1 % and 0.5 % of 16 384: 164 +- 13 and 82 +- 9; 5 sd either way.
    kind = dataclasses.replace(HFOX, stuck_low=0.01, stuck_high=0.005)
    chip = Chip(128, 128, kind, 8)
    stuck = chip.failed
    high = chip.conductance[stuck] > 100e-6
    assert 100 < (~high).sum() < 228
    assert 37 < high.sum() < 127
    before = chip.conductance[stuck]
    rest(chip)
    chip.connect(np.zeros(128, int), np.ones(128, int), np.full(128, 2))
    stress(chip, Stress(3.5, 0, 1.5, 1e-3))
    np.testing.assert_array_equal(chip.conductance[stuck], before)
    assert chip.formed.mean() > 0.97


def test_unstable_cells_relax_more():
    kind = dataclasses.replace(HFOX, unstable_cells=0.5, unstable_relaxation=6.0)
    chip = formed_chip(48, 48, 9, kind=kind)
    before = np.log(micro(chip))
    chip.elapse(100.0)
    change = np.log(micro(chip)) - before
    # Half of the cells spread six times wider than the others: a normal law has kurtosis 3.
    assert np.mean((change - change.mean()) ** 4) / change.var() ** 2 > 4.0
