"""The model of the chip against references, measured laws and itself, with seeds."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.sim.chip import Chip, preset
from tests.sim.chip import gates
from tests.sim.chip.probe import BIT, GATE, GROUND, RESET, SET, SOURCE, Stress, stress

PRESETS = ("hfox-1t1r", "sky130-reram", "taox-lin2025")


@pytest.mark.parametrize("name", PRESETS)
def test_the_flow_table_agrees_with_the_reference_integrator(name):
    # 4 096 cells with independent noise: the ratio of two sds is known to 1.6 %, so 10 % where the
    # table may be 5 % off is a false alarm once in 1 000; means are known better than 1 %.
    for what, found in gates.agreements(name, 64).items():
        assert abs(found.mean) < 0.03, (what, found)
        assert abs(found.spread) < 0.10, (what, found)
    moved = {what: found.moved for what, found in gates.agreements(name, 8).items()}
    assert moved["strong SET"] > 1.0
    assert moved["strong RESET"] < -1.0


@pytest.mark.parametrize("pulse", [SET, Stress(0, 1.6, 4.75, 200e-6)])
def test_splitting_a_pulse_on_many_cells_leaves_its_law_unchanged(pulse):
    # Two chips of 4 096 cells: a KS distance of 0.038 has a false-alarm rate of 0.5 %.
    assert gates.splitting(pulse, None, 64, reference=False) < 0.038


def test_a_cell_does_not_depend_on_its_company():
    chips = [gates.formed(preset("hfox-1t1r"), 24, 4) for _ in range(2)]
    some = np.full(24, GROUND)
    some[3:17] = GATE
    for chip, word in zip(chips, (np.full(24, GATE), some), strict=True):
        chip.connect(word, np.full(24, BIT), np.full(24, SOURCE))
        for pulse in (RESET, SET, RESET):
            stress(chip, pulse)
    first, second = (chip.conductance for chip in chips)
    np.testing.assert_array_equal(first[3:17], second[3:17])
    assert (first[:3] != second[:3]).mean() > 0.9


def test_the_set_voltage_of_a_sweep_does_not_depend_on_the_number_of_points():
    volts = gates.sweep_rate(cells=24)
    assert volts.max() / volts.min() - 1.0 < 0.02
    assert 0.6 < volts.mean() < 1.3


@pytest.mark.parametrize("name", ["hfox-1t1r", "sky130-reram"])
def test_gate_limited_set_follows_a_power_law_with_falling_relative_sigma(name):
    # The relative sigma of 40 cycles is known to 11 % per cell, its median over 256 cells to 1 %.
    law = gates.dalgaty(name, 16, 40)
    assert 0.6 < law.exponent < 1.2
    assert law.r_squared > 0.97
    assert law.spreads[-1] < 0.85 * law.spreads[0]
    assert law.trend < -0.5


def test_reads_of_the_lin_preset_scatter_by_their_laplace_law():
    # The scale of 10 000 reads is known to 1 %; the worst of eight beyond 5 % is no accident.
    assert gates.laplace_error(10_000) < 0.05


def test_a_chip_of_one_cell_and_one_of_a_million_can_be_made():
    for side in (1, 1024):
        chip = Chip(side, side, preset("hfox-1t1r"), 1)
        assert chip.conductance.shape == (side, side)
