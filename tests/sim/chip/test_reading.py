"""Many cells read at once: the same as one by one."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from labctl.sim.chip import Chip, preset
from labctl.sim.chip import layout as at
from labctl.sim.chip.cell import load_line
from labctl.sim.chip.measure import seen
from labctl.sim.chip.reading import current_table, read_many
from labctl.sim.chip.rest import settled

HFOX = preset("hfox-1t1r")
LAPLACE = dataclasses.replace(
    HFOX, laplace_offset=0.0141e-6, laplace_slope=0.0324, laplace_curvature=-0.0058e6
)
EQUAL = 1e-9  # the load line is solved to 3e-10, the table is ten times closer
NO_TABLE = np.empty((2, 0))


def aged_chip(kind) -> Chip:
    """Return a chip of all conductances that relaxes and forgets; 1 320 cells, three blocks."""
    chip = Chip(33, 40, kind, 3)
    rng = np.random.default_rng(1)
    n = 33 * 40
    chip._state[at.U] = rng.uniform(np.log(0.005), np.log(390.0), n)
    chip._state[at.FORMED] = rng.random(n) < 0.9
    chip._state[at.FATE] = rng.random(n) < 0.1
    chip._state[at.RELAX] = rng.normal(0.02, 0.03, n) * (rng.random(n) < 0.8)
    chip._state[at.RELAX_SINCE] = rng.uniform(0.0, 12.0, n)
    chip._state[at.KEEP] = np.exp(rng.uniform(np.log(1e-18), np.log(0.1), n))
    return chip


def one_by_one(chip: Chip, cells, times, voltage, gate, noise=True) -> np.ndarray:
    state, counts, p = chip._state, chip._counts, chip._p
    out = []
    for c, now in zip(cells, times, strict=True):
        u = settled(state, c, p, now)
        if noise:
            u = seen(state, counts, c, u, p, chip._key, now)
        out.append(load_line(u, voltage, gate, p, abs(voltage), np.inf)[1])
    return np.array(out)


def together(chip: Chip, cells, times, voltage, gate, table, noise=True) -> np.ndarray:
    out = np.empty(len(cells))
    read_many(
        chip._state, chip._counts, cells, times, voltage, gate, chip._p, noise, chip._key, table,
        out,
    )  # fmt: skip
    return out


@pytest.mark.parametrize("kind", [HFOX, LAPLACE], ids=["traps", "laplace"])
@pytest.mark.parametrize(
    ("voltage", "gate"), [(0.2, 5.0), (0.2, math.inf), (-0.3, 1.4), (1.0, 1.5), (0.2, 0.5)]
)
def test_reading_many_cells_is_reading_each(kind, voltage, gate):
    rng = np.random.default_rng(2)
    alone, many = aged_chip(kind), aged_chip(kind)
    table = current_table(voltage, gate, alone._p)
    n = alone._state.shape[1]
    for cells in (np.arange(n), rng.permutation(n), np.sort(rng.choice(n, 50, replace=False))):
        times = rng.uniform(15.0, 20.0, len(cells))
        expected = one_by_one(alone, cells, times, voltage, gate)
        found = together(many, cells, times, voltage, gate, table)
        np.testing.assert_allclose(found, expected, rtol=EQUAL)
        np.testing.assert_array_equal(many._state, alone._state)
        np.testing.assert_array_equal(many._counts, alone._counts)


def test_neither_blocks_nor_the_table_show():
    chips = [aged_chip(HFOX) for _ in range(3)]
    table = current_table(0.2, 5.0, chips[0]._p)
    cells, now = np.arange(1320), np.array([20.0])
    whole = together(chips[0], cells, now, 0.2, 5.0, table)
    parts = [together(chips[1], c, now, 0.2, 5.0, table) for c in np.split(cells, [1, 700, 703])]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    exact = together(chips[2], cells, now, 0.2, 5.0, NO_TABLE)
    np.testing.assert_allclose(whole, exact, rtol=EQUAL)
    for chip in chips[1:]:
        np.testing.assert_array_equal(chip._state, chips[0]._state)


def test_without_noise_nothing_is_drawn():
    chip = aged_chip(HFOX)
    before, drawn = chip._state.copy(), chip._counts.copy()
    cells, times = np.arange(1320), np.full(1320, 30.0)
    found = together(chip, cells, times, 0.2, 5.0, current_table(0.2, 5.0, chip._p), noise=False)
    np.testing.assert_allclose(
        found, one_by_one(chip, cells, times, 0.2, 5.0, noise=False), rtol=EQUAL
    )
    np.testing.assert_array_equal(chip._state, before)
    np.testing.assert_array_equal(chip._counts, drawn)


def test_cells_outside_the_table_are_solved_one_by_one():
    chip = aged_chip(HFOX)
    chip._state[[at.RELAX, at.FORMED]] = 0.0
    chip._state[at.U, :3] = -12.0, 9.0, 2.0
    cells, times = np.arange(3), np.full(3, 1.0)
    found = together(chip, cells, times, 0.2, 5.0, current_table(0.2, 5.0, chip._p), noise=False)
    expected = one_by_one(chip, cells, times, 0.2, 5.0, noise=False)
    np.testing.assert_allclose(found, expected, rtol=EQUAL)
    assert (found > 0).all()
