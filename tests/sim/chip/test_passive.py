"""Passive arrays: sneak paths, half-selected cells, compliance; and saving in the middle."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq

from labctl.sim.chip import Chip, Preset
from labctl.sim.chip.crossbar import Crossbar
from tests.sim.chip.probe import HFOX

FLOATING = -1
NONE = np.zeros(0, dtype=int)
FREE = np.full(4, np.inf)
# Cells of one speed that need no forming.
ALIKE = dataclasses.replace(
    HFOX, pristine_conductance=40e-6, formed_conductance=41e-6, pristine_spread=0.0,
    forming_barrier=0.0, forming_barrier_spread=0.0, forming_failures=0.0, stuck_low=0.0,
    stuck_high=0.0, speed_spread=0.0, cycle_spread=0.0, retention_spread=0.0,
)  # fmt: skip
VARIED = dataclasses.replace(ALIKE, pristine_spread=1.0, speed_spread=0.3, cycle_spread=0.2)
LINEAR = dataclasses.replace(VARIED, voltage_low=100.0, voltage_high=100.0)


def wired(kind: Preset, ohm: float, word_ohm: float | None = None) -> Preset:
    word_ohm = ohm if word_ohm is None else word_ohm
    return dataclasses.replace(kind, bit_line_resistance=ohm, source_line_resistance=word_ohm)


def passive(rows: int, columns: int, kind: Preset, *, noise: bool = False) -> Chip:
    return Chip(rows, columns, kind, 7, source_lines="none", noise=noise)


def put(chip: Chip, word: object, bit: object, volts: object, limit: object = FREE) -> None:
    chip.drive(np.asarray(volts, dtype=float), np.asarray(limit, dtype=float))
    rows, columns = chip.shape
    chip.connect(np.broadcast_to(word, rows), np.broadcast_to(bit, columns), NONE)


@pytest.mark.parametrize(
    ("rows", "columns", "bit", "word"), [(1, 1, 2.5, 2.5), (16, 16, 2.5, 2.5), (9, 14, 0.7, 11.0)]
)
def test_linear_cells_make_a_crossbar(rows, columns, bit, word):
    # So little voltage that the law of 100 V is straight to 1e-11.
    rng = np.random.default_rng(4)
    chip = passive(rows, columns, wired(LINEAR, bit, word))
    ideal = passive(rows, columns, LINEAR)
    g = ideal.conductance * 2e-3 / np.sinh(2e-3)
    volts = np.append(rng.uniform(-2e-3, 2e-3, rows), np.zeros(columns))
    chip.drive(volts, np.full(rows + columns, np.inf))
    chip.connect(np.arange(rows), rows + np.arange(columns), NONE)
    out = Crossbar(g, word, bit).currents(volts[:rows])
    np.testing.assert_allclose(-chip.currents()[0][rows:], out, atol=1e-9 * abs(out).max(), rtol=0)


@pytest.mark.parametrize("volts", [0.3, -0.3])
def test_a_floating_neighbour_lets_current_sneak_through_three_cells(volts):
    kind = dataclasses.replace(VARIED, voltage_low=0.4, voltage_high=0.4)
    chip = passive(2, 2, kind)
    g = chip.conductance * 0.2 / np.sinh(0.2 / 0.4)  # A: the law is g sinh(v / 0.4 V)

    def left(current: float) -> float:
        path = (g[1, 0], g[1, 1], g[0, 1])
        return float(sum(0.4 * np.arcsinh(current / x) for x in path) - volts)

    sneak = brentq(left, -1e-3, 1e-3, xtol=1e-20, rtol=1e-14)
    put(chip, [0, FLOATING], [1, FLOATING], [0.0, volts, 0.0, 0.0])
    own = g[0, 0] * np.sinh(volts / 0.4)
    np.testing.assert_allclose(chip.currents()[0][1], own + sneak, rtol=1e-9)
    assert abs(sneak / own) > 0.05
    # Unselected lines on ground: nothing sneaks, but the driven bit line feeds both its cells.
    put(chip, [0, 2], [1, 3], [0.0, volts, 0.0, 0.0])
    np.testing.assert_allclose(chip.currents()[0][0], -own, rtol=1e-12)


def half_selected(chip: Chip, row: int, column: int, volts: float) -> None:
    """SET a cell by the V/2 scheme: nets 0 selected word, 1 selected bit, 2 all others."""
    word, bit = np.full(chip.rows, 2), np.full(chip.columns, 2)
    word[row], bit[column] = 0, 1
    put(chip, word, bit, [0.0, volts, 0.5 * volts, 0.0])


def test_half_selected_cells_far_from_the_pads_are_disturbed_less():
    chip = passive(8, 8, wired(ALIKE, 40.0))
    before = chip.conductance
    half_selected(chip, 0, 7, 1.2)
    chip.elapse(20.0)
    moved = np.log(chip.conductance / before)
    along_word, along_bit = moved[0, :7], moved[1:, 7]
    assert (along_word > 1e-3).all()
    assert (along_bit > 1e-3).all()
    assert (np.diff(along_word) < 0.0).all()  # the pad of a word line is at its left
    assert (np.diff(along_bit) > 0.0).all()  # the pad of a bit line lies below the last row
    assert along_word[0] > 1.05 * along_word[-1]
    assert moved[0, 7] > along_word.max()
    assert (abs(moved[1:, :7]) < 0.1 * along_bit.min()).all()


def test_all_cells_of_a_line_set_together_are_set_less_the_farther_they_are():
    chip = passive(1, 12, wired(ALIKE, 0.0, 20.0))
    put(chip, 0, 1, [0.0, 1.1, 0.0, 0.0])
    chip.elapse(1e-3)
    assert (np.diff(chip.conductance[0]) < 0.0).all()
    chip = passive(12, 1, wired(ALIKE, 20.0, 0.0))
    put(chip, 0, 1, [0.0, 1.1, 0.0, 0.0])
    chip.elapse(1e-3)
    assert (np.diff(chip.conductance[:, 0]) > 0.0).all()


def test_half_the_voltage_disturbs_in_time_and_ground_never_does():
    chip = passive(3, 3, ALIKE)
    before = chip.conductance
    half_selected(chip, 1, 1, 1.2)
    chip.elapse(1e-6)
    once = chip.conductance
    assert once[1, 1] > 1.01 * before[1, 1]
    np.testing.assert_allclose(once[1, 0], before[1, 0], rtol=1e-4)
    chip.elapse(50.0)
    after = chip.conductance
    for cell in ((1, 0), (1, 2), (0, 1), (2, 1)):
        assert after[cell] > 1.05 * before[cell]
    unselected = np.ix_([0, 2], [0, 2])  # both lines at V/2
    assert (after[unselected] == before[unselected]).all()
    assert not chip.pulses[unselected].any()


# Cells that run away once they begin to SET, so that only the source stops them.
ABRUPT = dataclasses.replace(VARIED, thermal_resistance=5e6, speed_spread=0.0, cycle_spread=0.0)


@pytest.mark.parametrize("ohm", [0.0, 2.5])
def test_compliance_clamps_a_passive_array(ohm):
    chip = passive(4, 4, wired(ALIKE, ohm))
    word, bit = np.full(4, FLOATING), np.full(4, FLOATING)
    word[2], bit[1] = 0, 1
    for volts, flagged in ((0.02, False), (0.8, True), (-0.8, True)):
        put(chip, word, bit, [0.0, volts, 0.0, 0.0], [np.inf, 10e-6, np.inf, np.inf])
        current, limited = chip.currents()
        assert limited.tolist() == [False, flagged, False, False]
        assert (abs(current[1]) < 0.999 * 10e-6) == (not flagged)
        if flagged:
            np.testing.assert_allclose(current[:2], np.sign(volts) * np.array([-1e-5, 1e-5]))
            assert 0.0 < chip.potentials()[1] / volts < 1.0
        else:
            np.testing.assert_allclose(chip.potentials()[1], volts)


@pytest.mark.parametrize("ohm", [0.0, 2.5])
def test_a_late_limit_overshoots_in_a_passive_array(ohm):
    ends = []
    for reaction in (0.0, 1e-6, 20e-6):
        chip = passive(2, 2, wired(ABRUPT, ohm))
        limit = np.array([np.inf, 100e-6, np.inf, np.inf])
        for volts in np.arange(0.5, 1.3, 0.05):
            chip.drive([0.0, volts, 0.0, 0.0], limit, np.full(4, reaction))
            chip.connect([0, FLOATING], [1, FLOATING], NONE)
            chip.elapse(1e-4)
        current, limited = chip.currents()
        assert limited[1]
        np.testing.assert_allclose(current[1], 100e-6, rtol=1e-6)
        ends.append(chip.conductance[0, 0])
    assert ends[0] < ends[1] < ends[2]
    assert ends[2] > 1.2 * ends[0]


STRESSES = [("none", 0.0), ("none", 2.5), ("columns", 2.5), ("rows", 2.5), ("rows", 0.0)]


def stressed(mode: str, ohm: float, *, noise: bool) -> Chip:
    """Return a chip in the middle of a stress whose node voltages have to be solved for."""
    chip = Chip(5, 4, wired(VARIED, ohm), 9, source_lines=mode, noise=noise)
    volts, limit = np.array([3.0, 1.1, 0.0, 0.0]), np.array([np.inf, 150e-6, np.inf, np.inf])
    word = [2, FLOATING, 2, FLOATING, 2] if mode == "none" else np.zeros(5, dtype=int)
    source = {"none": NONE, "columns": [2, 2, 3, 2], "rows": [2, -1, 2, -1, 3]}[mode]
    chip.drive(volts, limit)
    chip.connect(word, [1, 1, FLOATING, 1], source)
    chip.elapse(3e-5)
    return chip


def contents(chip: Chip, path: Path) -> dict[str, np.ndarray]:
    chip.save(path)
    with np.load(path) as archive:
        return {name: archive[name] for name in archive.files}


def assert_same(one: Chip, other: Chip, folder: Path) -> None:
    a, b = contents(one, folder / "one"), contents(other, folder / "other")
    for name in a:
        assert a[name].tobytes() == b[name].tobytes(), name


@pytest.mark.parametrize(("mode", "ohm"), STRESSES)
def test_a_chip_saved_in_the_middle_of_a_stress_goes_on_bit_for_bit(mode, ohm, tmp_path: Path):
    chip = stressed(mode, ohm, noise=True)
    chip.save(tmp_path / "chip")
    copy = Chip.load(tmp_path / "chip")
    for _ in range(3):
        for each in (chip, copy):
            each.elapse(2e-5)
        assert (chip.currents()[0] == copy.currents()[0]).all()
        assert (chip.potentials() == copy.potentials()).all()
    assert_same(chip, copy, tmp_path)


@pytest.mark.parametrize(("mode", "ohm"), STRESSES)
def test_looking_changes_nothing(mode, ohm, tmp_path: Path):
    watched, alone = stressed(mode, ohm, noise=False), stressed(mode, ohm, noise=False)
    for _ in range(3):
        watched.currents()
        watched.potentials()
        watched.currents()
        for chip in (watched, alone):
            chip.elapse(2e-5)
        assert_same(watched, alone, tmp_path)
    noisy, quiet = stressed(mode, ohm, noise=True), stressed(mode, ohm, noise=True)
    for _ in range(3):  # a noisy reading moves the traps, and nothing else
        noisy.currents()
        noisy.potentials()
        for chip in (noisy, quiet):
            chip.elapse(2e-5)
    assert (noisy.conductance == quiet.conductance).all()
    assert (noisy.wear == quiet.wear).all()
