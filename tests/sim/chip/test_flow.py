"""One pulse on many cells by the flow of the drive; its statistics are in ``test_gates``."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from labctl.sim.chip import Chip, preset
from labctl.sim.chip import layout as at
from labctl.sim.chip.common import common_pulse, fit_for_common
from labctl.sim.chip.evolve import stress
from labctl.sim.chip.flow import flow_table

HFOX = preset("hfox-1t1r")
N = 26 * 25
CELLS = np.arange(N)
SET, RESET = (1.11, 3.2), (-1.33, 4.75)


def chip_at(low: float, high: float, kind=HFOX) -> Chip:
    """Return a formed chip with ln(G / 1 µS) from ``low`` to ``high``; 650 cells, two blocks."""
    chip = Chip(26, 25, kind, 3)
    chip._state[at.U] = np.linspace(low, high, N)
    chip._state[at.FORMED] = 1.0
    chip._state[at.FATE] = 0.0
    chip._state[at.LIFE] = np.inf
    return chip


def together(chip, drive, t, *, cells=CELLS, now=0.0, pulse=1, noise=True):
    table = flow_table(*drive, chip._p)
    common_pulse(
        chip._state,
        chip._counts,
        cells,
        *drive,
        np.array([now]),
        t,
        chip._p,
        noise,
        chip._key,
        pulse,
        table,
    )


def one_by_one(chip, drive, t, *, now=0.0, pulse=1):
    for c in CELLS:
        stress(
            chip._state, chip._counts, c, *drive, 0.0, 0.0, now, t, np.inf, 0.0, chip._p, False,
            chip._key, pulse,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("drive", "t", "low", "high"),
    [(SET, 2e-4, 0.5, 5.0), (SET, 2e-2, 0.5, 5.0), (RESET, 2e-4, 1.5, 5.5), (RESET, 5e-3, 2, 5.5)],
)
@pytest.mark.parametrize("worn", [0.0, 1e5])
def test_without_noise_the_flow_is_that_of_the_reference(drive, t, low, high, worn):
    flow, march = chip_at(low, high), chip_at(low, high)
    for chip in (flow, march):
        chip._state[at.WEAR] = worn
        chip._state[at.RELAX] = 0.01
    start = flow._state[at.U].copy()
    together(flow, drive, t, now=4.0, noise=False)
    one_by_one(march, drive, t, now=4.0)
    moved = march._state[at.U] - start
    assert abs(moved).max() > 0.05
    np.testing.assert_allclose(flow._state[at.U], march._state[at.U], atol=0.008)
    for row in (at.MOVED, at.RELAX):
        scale = abs(march._state[row]).max()
        np.testing.assert_allclose(flow._state[row], march._state[row], atol=0.01 * scale)
    endured = march._state[at.WEAR] - worn
    np.testing.assert_allclose(
        flow._state[at.WEAR] - worn, endured, rtol=0.03, atol=1e-3 + 1e-9 * worn
    )
    same = [at.SET_TIME, at.RESET_TIME, at.RELAX_SINCE, at.KEPT_SINCE, at.RELAX_DRAW, at.FATE]
    np.testing.assert_array_equal(flow._state[same], march._state[same])
    np.testing.assert_array_equal(flow._counts, march._counts)


@pytest.mark.parametrize(("drive", "t"), [(SET, 2e-4), (RESET, 5e-3)])
def test_order_and_company_do_not_matter(drive, t):
    chips = [chip_at(1.0, 5.0) for _ in range(3)]
    shuffled = np.random.default_rng(0).permutation(CELLS)
    for pulse in (1, 2):
        together(chips[0], drive, t, pulse=pulse)
        together(chips[1], drive, t, pulse=pulse, cells=shuffled)
        for part in np.split(shuffled, [1, 5, 300]):
            together(chips[2], drive, t, pulse=pulse, cells=part)
    for chip in chips[1:]:
        np.testing.assert_array_equal(chip._state, chips[0]._state)
        np.testing.assert_array_equal(chip._counts, chips[0]._counts)


def test_a_drive_that_goes_on_is_one_pulse():
    chip = chip_at(3.0, 4.0)
    together(chip, SET, 1e-4)
    drawn, moved = chip._state[at.RELAX_DRAW].copy(), chip._state[at.MOVED].copy()
    together(chip, SET, 1e-4, now=1e-4)
    np.testing.assert_array_equal(chip._state[at.RELAX_DRAW], drawn)
    assert (chip._state[at.MOVED] > moved).all()
    assert (chip._counts[at.PULSES] == 1).all()
    together(chip, SET, 1e-4, now=2e-4, pulse=2)
    assert (chip._state[at.RELAX_DRAW] != drawn).all()
    assert (chip._counts[at.PULSES] == 2).all()
    np.testing.assert_allclose(chip._state[at.SET_TIME], 3e-4)


def test_a_pulse_that_moves_nothing_leaves_an_earlier_relaxation_going_on():
    chip = chip_at(3.0, 4.0)
    together(chip, SET, 2e-4)
    relax, since = chip._state[at.RELAX].copy(), chip._state[at.RELAX_SINCE].copy()
    before = chip._state[at.U].copy()
    together(chip, (0.5, 3.2), 1e-6, now=5.0, pulse=2)
    np.testing.assert_array_equal(chip._state[at.RELAX], relax)
    np.testing.assert_array_equal(chip._state[at.RELAX_SINCE], since)
    np.testing.assert_allclose(chip._state[at.U], before, atol=2e-4)


def test_cells_fail_hard_at_the_end_of_their_life():
    chip = chip_at(3.0, 4.0)
    chip._state[at.LIFE, ::2] = 1e-6
    together(chip, SET, 2e-4)
    failed = chip._state[at.FATE] > 0.0
    np.testing.assert_array_equal(failed, CELLS % 2 == 0)
    np.testing.assert_array_equal(chip._state[at.U, failed], chip._state[at.END, failed])
    assert not chip._state[at.RELAX, failed].any()


def test_only_formed_cells_that_are_not_stuck_follow_the_flow():
    chip = chip_at(3.0, 4.0)
    chip._state[at.FORMED, 3] = 0.0
    chip._state[at.FATE, 5] = 1.0
    fit, other = np.empty(8, dtype=np.int64), np.empty(8, dtype=np.int64)
    assert fit_for_common(chip._state, np.arange(8), fit, other) == (6, 2)
    np.testing.assert_array_equal(fit[:6], [0, 1, 2, 4, 6, 7])
    np.testing.assert_array_equal(other[:2], [3, 5])


def test_there_is_no_common_flow_where_heat_dissolves_filaments():
    kind = dataclasses.replace(HFOX, retention_barrier=0.7)
    assert flow_table(*SET, chip_at(1, 2)._p).shape[1] > 1000
    assert flow_table(*SET, chip_at(1, 2, kind)._p).shape[1] == 0
