"""Random numbers and what reading shows of them."""

from __future__ import annotations

import dataclasses

import numpy as np

from labctl.sim.chip import Chip, elementary
from labctl.sim.chip.bulk import draw_first, draw_normals, draw_words
from labctl.sim.chip.noise import gaussian, normals, philox, uniforms, words
from tests.sim.chip.probe import HFOX, RESET, SET, formed_chip, lines, read, rest, stress


def counters(*values: int) -> list[np.uint64]:
    return [np.uint64(v) for v in values]


def test_philox_gives_the_published_numbers():
    full = 0xFFFFFFFF
    known = {
        (0, 0, 0, 0, 0, 0): (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
        (full,) * 6: (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0): (
            0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1,
        ),
    }  # fmt: skip
    for counter, answer in known.items():
        assert philox(*counters(*counter)) == answer


def test_many_cells_at_once_draw_what_each_draws_alone():
    rng = np.random.default_rng(0)
    seed = np.uint64(2**64 - 3)
    cells, draws = rng.permutation(2000)[:777], rng.integers(0, 2**40, 777)
    w = [np.empty(777, dtype=np.uint32) for _ in range(4)]
    z, y, first, second, third = np.empty((5, 777))
    draw_words(seed, cells, 2, draws, *w)
    draw_normals(seed, cells, 2, draws, z, y)
    draw_first(seed, cells, 2, draws, first, second, third)
    for k, (cell, draw) in enumerate(zip(cells, draws, strict=True)):
        mine = words(seed, cell, 2, draw)
        assert tuple(x[k] for x in w) == mine
        assert uniforms(seed, cell, 2, draw) == tuple((x + 0.5) / 2**32 for x in mine)
        assert (z[k], y[k]) == normals(seed, cell, 2, draw)
        assert first[k] == z[k]
        assert (second[k], third[k]) == gaussian(np.uint32(mine[2]), np.uint32(mine[3]))


def test_elementary_functions_are_those_of_the_library_to_the_last_digits():
    rng = np.random.default_rng(1)
    near_one = 1.0 + rng.uniform(-1, 1, 1000) * 10.0 ** rng.uniform(-12, -0.31, 1000)
    for x in (*np.exp(rng.uniform(-300, 300, 1000)), *near_one, 2.0**-33, 1.0):
        np.testing.assert_allclose(elementary.log(x), np.log(x), rtol=5e-16)
    for x in (*rng.uniform(-700, 700, 1000), *rng.normal(size=1000), 0.0, -1e-300):
        np.testing.assert_allclose(elementary.exp(x), np.exp(x), rtol=5e-16)
    assert elementary.exp(-1e9) < 1e-300
    for x in rng.uniform(-0.01, 0.01, 300):
        np.testing.assert_allclose(elementary.small_exp(x), np.exp(x), rtol=5e-16)
    turns = rng.integers(0, 2**32, 1000, dtype=np.uint64).tolist()
    for n in (*turns, 0, 2**32 - 1, 2**29 - 1, 2**29, 2**30, 2**31):
        angle = 2.0 * np.pi * (n + 0.5) / 2**32
        found = elementary.cos_sin(np.uint32(n))
        np.testing.assert_allclose(found, (np.cos(angle), np.sin(angle)), atol=1e-15)


def test_normals_are_normal_and_independent_of_each_other():
    # 20 000 pairs: mean within 4/sqrt(n), sd within 4/sqrt(2n), correlation within 4/sqrt(n).
    z = np.array([normals(np.uint64(5), c, 1, d) for c in range(20) for d in range(1000)])
    assert abs(z.mean(0)).max() < 0.029
    assert abs(z.std(0) - 1).max() < 0.02
    assert abs(np.corrcoef(z.T)[0, 1]) < 0.029


def test_results_do_not_depend_on_the_order_of_the_cells():
    # Relaxation, retention and traps follow the time of the chip, which does depend on the order.
    kind = dataclasses.replace(
        HFOX, relaxation_mean=0.0, relaxation_spread=0.0, trap_amplitude=0.0, retention_barrier=4.9
    )
    cells = [(i, j) for i in range(3) for j in range(3)]
    results = []
    for order in (cells, cells[::-1]):
        chip = formed_chip(3, 3, 17, kind=kind)
        seen = {}
        for cell in order:
            lines(chip, cell)
            for k in range(6):
                stress(chip, SET if k % 2 else RESET)
                seen[cell, k] = read(chip)
        results.append((seen, chip.conductance))
    assert results[0][0] == results[1][0]
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_reading_does_not_change_how_a_cell_will_be_programmed():
    chips = [formed_chip(2, 2, 18) for _ in range(2)]
    for chip, reads in zip(chips, (0, 25), strict=True):
        lines(chip, (0, 1))
        for _ in range(8):
            stress(chip, RESET)
            for _ in range(reads):
                read(chip)
    np.testing.assert_array_equal(chips[0].conductance, chips[1].conductance)


def test_one_seed_is_one_chip_and_two_seeds_are_two():
    same = [formed_chip(4, 4, seed).conductance for seed in (1, 1, 2)]
    np.testing.assert_array_equal(same[0], same[1])
    assert (same[0] != same[2]).all()


def test_without_noise_reads_repeat_exactly():
    chip = formed_chip(2, 2, 5, noise=False)
    lines(chip, (0, 0))
    assert len({read(chip) for _ in range(5)}) == 1


def series(chip: Chip, n: int, period: float) -> np.ndarray:
    """Return n reads of every cell of a chip with one row, one after the other, in S."""
    out = np.empty((n, chip.columns))
    word = np.zeros(1, dtype=np.int8)
    for j in range(chip.columns):
        bit = np.full(chip.columns, -1, dtype=np.int8)
        bit[j] = 1
        source = np.where(bit == 1, 2, -1).astype(np.int8)
        chip.connect(word, bit, source)
        chip.drive(np.array([5.0, 0.2, 0.0, 0.0]), np.full(4, np.inf))
        for k in range(n):
            out[k, j] = chip.currents()[0][1] / 0.2
            chip.elapse(period)
    return out


def test_read_noise_lies_in_the_measured_bands():
    # 400 cells: the median of sigma/G is known to 6 %, its 90th percentile to 12 %.
    chip = formed_chip(1, 400, 11)
    rest(chip, 60.0)
    reads = series(chip, 2000, 5e-3)[:, chip.formed[0]]
    total = 100 * reads.std(0) / reads.mean(0)
    single = 100 * np.diff(reads, axis=0).std(0) / reads.mean(0) / np.sqrt(2)
    assert 4.0 < np.median(total) < 6.0
    assert 11.0 < np.percentile(total, 90) < 23.0
    assert 1.0 < np.median(single) < 1.6
    x = reads - reads.mean(0)
    power = abs(np.fft.rfft(x * np.hanning(2000)[:, None], axis=0)) ** 2
    f = np.fft.rfftfreq(2000)
    band = (f > 2e-3) & (f < 0.05)
    slope = np.polyfit(np.log(f[band]), np.log(power[band]), 1)[0]
    assert -1.6 < np.median(slope) < -1.0
    # Averaged over cells, the noise is around the truth.
    np.testing.assert_allclose(
        np.median(reads.mean(0) / (chip.conductance[0, chip.formed[0]])), 1.0, atol=0.01
    )


def test_speeds_spread_from_cell_to_cell_as_the_preset_says():
    spread = []
    for fixed in (0.0, 0.3):
        kind = dataclasses.replace(HFOX, cycle_spread=0.0, speed_spread=fixed)
        chip = formed_chip(32, 32, 41, kind=kind, noise=False)
        before = chip.conductance[chip.formed]
        stress(chip, RESET._replace(width=2e-6))  # too short for the state to change the rate
        spread.append(np.std(np.log(np.log(before / chip.conductance[chip.formed]))))
    assert spread[0] < 0.05
    assert 0.2 < spread[1] < 0.45  # the state that forming left depends on the speed as well
