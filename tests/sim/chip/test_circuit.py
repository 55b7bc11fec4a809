"""Nets, floating lines and current limits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from labctl.sim.chip import Chip
from tests.sim.chip.probe import (
    BIT,
    FREE,
    GATE,
    GROUND,
    HFOX,
    RESET,
    SOURCE,
    formed_chip,
    lines,
    read,
)


def quiet(rows: int, columns: int, **more: str) -> Chip:
    chip = formed_chip(rows, columns, 3, noise=False, **more)
    chip.drive(np.zeros(4), FREE)
    return chip


def floating(n: int) -> np.ndarray:
    return np.full(n, -1)


def test_one_selected_cell_reads_its_own_conductance():
    for source_lines in ("columns", "rows"):
        chip = quiet(3, 4, source_lines=source_lines)
        for cell in np.ndindex(chip.shape):
            lines(chip, cell)
            np.testing.assert_allclose(read(chip), chip.conductance[cell], rtol=1e-9)


def test_current_is_nearly_linear_in_the_read_voltage():
    chip = quiet(4, 4)
    lines(chip, (1, 1))
    np.testing.assert_allclose(read(chip, 0.05), read(chip, 0.3), rtol=0.03)


def test_a_floating_line_carries_nothing():
    chip = quiet(3, 3)
    for bit, source in ((BIT, -1), (-1, SOURCE)):
        word, bits, sources = np.full(3, GATE), floating(3), floating(3)
        bits[0], sources[0] = bit, source
        chip.connect(word, bits, sources)
        chip.drive(np.array([5.0, 1.0, 0.0, 0.0]), FREE)
        assert not chip.currents()[0].any()


def test_a_grounded_or_floating_word_line_conducts_nothing():
    chip = quiet(3, 3)
    for word in (GROUND, -1):
        chip.connect(np.full(3, word), np.full(3, BIT), np.full(3, SOURCE))
        chip.drive(np.array([5.0, 0.2, 0.0, 0.0]), FREE)
        assert not chip.currents()[0].any()


def test_a_net_that_is_not_driven_carries_nothing():
    chip = quiet(3, 3)
    lines(chip, (0, 0))
    chip.drive(np.array([5.0, 0.2, np.nan, 0.0]), FREE)
    assert not chip.currents()[0].any()
    chip.drive(np.array([np.nan, 0.2, 0.0, 0.0]), FREE)
    assert not chip.currents()[0].any()


def test_cells_in_parallel_add_and_currents_balance():
    chip = quiet(4, 4)
    lines(chip)
    chip.drive(np.array([5.0, 0.2, 0.0, 0.0]), FREE)
    current, limited = chip.currents()
    np.testing.assert_allclose(current[BIT], 0.2 * chip.conductance.sum(), rtol=1e-9)
    np.testing.assert_allclose(current.sum(), 0.0, atol=1e-18)
    assert not limited.any()


def test_current_sneaks_through_a_floating_source_line():
    # Row 0 shares a floating source line: bit 0 -> cell -> source line -> cells -> other bit lines
    chip = quiet(1, 3, source_lines="rows")
    chip.connect(np.array([GATE]), np.array([BIT, GROUND, GROUND]), np.array([-1]))
    chip.drive(np.array([5.0, 0.2, 0.0, 0.0]), FREE)
    current, _ = chip.currents()
    g = chip.conductance[0]
    series = 1 / (1 / g[0] + 1 / (g[1] + g[2]))
    np.testing.assert_allclose(current[BIT], 0.2 * series, rtol=0.03)
    np.testing.assert_allclose(current.sum(), 0.0, atol=1e-13)


def test_a_limited_net_delivers_its_limit_and_says_so():
    chip = quiet(3, 3)
    lines(chip, (1, 2))
    limit = np.array([np.inf, 5e-6, np.inf, np.inf])
    chip.drive(np.array([5.0, 0.2, 0.0, 0.0]), limit)
    current, limited = chip.currents()
    np.testing.assert_allclose(current[BIT], 5e-6, rtol=1e-9)
    assert limited.tolist() == [False, True, False, False]
    volts = chip.potentials()[BIT]
    np.testing.assert_allclose(volts * chip.conductance[1, 2], 5e-6, rtol=0.02)
    lines(chip)  # nine cells
    chip.drive(np.array([5.0, 0.2, 0.0, 0.0]), limit)
    np.testing.assert_allclose(chip.currents()[0][BIT], 5e-6, rtol=1e-5)
    chip.drive(np.array([5.0, -0.2, 0.0, 0.0]), limit)
    np.testing.assert_allclose(chip.currents()[0][BIT], -5e-6, rtol=1e-5)


def test_a_limit_stops_the_growth_of_a_cell_and_of_many():
    free, held = quiet(3, 3), quiet(3, 3)
    for chip in (free, held):
        lines(chip, (0, 0))
    hold = np.array([np.inf, 20e-6, np.inf, np.inf])
    for chip, limit in ((free, FREE), (held, hold)):
        chip.drive(np.array([3.2, 1.4, 0.0, 0.0]), limit)
        chip.elapse(1e-3)
    before = quiet(3, 3).conductance
    assert free.conductance[0, 0] > 1.3 * before[0, 0]
    assert held.conductance[0, 0] < 1.02 * before[0, 0]
    lines(held)
    held.drive(np.array([3.2, 1.4, 0.0, 0.0]), 9 * hold)
    held.elapse(1e-3)
    assert (held.conductance < 1.05 * before).all()


def test_reset_is_limited_by_the_same_net_from_the_other_side():
    chip = quiet(2, 2)
    lines(chip, (0, 0))
    limit = np.array([np.inf, np.inf, 10e-6, np.inf])
    chip.drive(np.array([RESET.gate, 0.0, RESET.source, 0.0]), limit)
    current, limited = chip.currents()
    np.testing.assert_allclose(current[[BIT, SOURCE]], [-10e-6, 10e-6], rtol=1e-9)
    assert limited[SOURCE]


@pytest.mark.parametrize("ohm", [0.0, 10.0])
def test_of_sources_that_only_feed_each_other_one_holds_its_voltage(ohm):
    # Nets 0 and 1 could deliver more than net 2 takes: net 2 and net 1 limit, net 0 must not.
    kind = dataclasses.replace(
        HFOX, pristine_conductance=4e-6, formed_conductance=41e-6, pristine_spread=1.0,
        bit_line_resistance=ohm, source_line_resistance=ohm,
    )  # fmt: skip
    limit = np.array([1.12e-6, 0.371e-6, 1.15e-6])
    for seed in range(30):
        chip = Chip(6, 3, kind, seed, source_lines="none", noise=False)
        chip.drive(np.array([0.61, 1.37, -1.25]), limit)
        chip.connect(np.array([1, 1, 1, -1, 0, 0]), np.array([1, 0, 2]), np.zeros(0, dtype=int))
        current, limited = chip.currents()
        np.testing.assert_allclose(current, [0.779e-6, 0.371e-6, -1.15e-6], rtol=1e-6)
        assert limited.tolist() == [False, True, True]
        assert chip.potentials()[0] == 0.61
