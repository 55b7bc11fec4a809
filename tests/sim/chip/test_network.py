"""The resistive network of a chip: balance, limits, ideal wires, and ngspice."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from labctl.sim.chip import Chip, Preset, circuit, layout
from labctl.sim.chip.network import solve_network
from labctl.sim.chip.packing import packed
from tests.sim.chip.ngspice import chip_netlist, needs_ngspice, operating_point
from tests.sim.chip.probe import HFOX

NETS = 8
MODES = ("columns", "rows", "none")
# Cells of every conductance from manufacture, of one bend.
SPREAD = dataclasses.replace(
    HFOX, pristine_conductance=40e-6, formed_conductance=41e-6, pristine_spread=1.0,
    voltage_low=0.6, voltage_high=0.6, stuck_low=0.0, stuck_high=0.0,
)  # fmt: skip


def wired(bit: float, source: float, kind: Preset = SPREAD) -> Preset:
    return dataclasses.replace(kind, bit_line_resistance=bit, source_line_resistance=source)


def make(rows: int, columns: int, mode: str, ohm: float = 0.0, seed: int = 3) -> Chip:
    return Chip(rows, columns, wired(ohm, ohm), seed, source_lines=mode, noise=False)


@dataclasses.dataclass
class Situation:
    """Which net each line is on, and what holds the nets."""

    word: np.ndarray
    bit: np.ndarray
    source: np.ndarray
    volts: np.ndarray
    limit: np.ndarray

    def put(self, chip: Chip) -> None:
        chip.drive(self.volts, self.limit)
        chip.connect(self.word, self.bit, self.source)

    @property
    def low_side(self) -> np.ndarray:
        return self.source if self.source.size else self.word


def situation(chip: Chip, rng: np.random.Generator, *, shut: bool = True) -> Situation:
    """Draw nets 0 and 1 as gates, 2 ground, 3 to 6 sources, 7 not driven; lines anywhere."""
    gate = rng.uniform(0.5 if shut else 2.0, 3.5)
    volts = np.append([5.0, gate, 0.0], rng.uniform(-0.6, 0.6, 5))
    volts[7] = np.nan
    limit = np.full(NETS, np.inf)
    for n in range(3, 7):
        if rng.random() < 0.5:
            limit[n] = 10.0 ** rng.uniform(-8, -3)
    lines = rng.choice([-1, 2, 3, 4, 5, 6, 7], chip.rows + 2 * chip.columns + chip.rows)
    passive = chip.source_lines == "none"
    sources = 0 if passive else chip.columns if chip.source_lines == "columns" else chip.rows
    word = lines[: chip.rows]
    if not passive:
        word = rng.choice([0, 0, 1, 2, -1] if shut else [0, 0, 1], chip.rows)
    bit = lines[chip.rows : chip.rows + chip.columns]
    return Situation(word, bit, lines[chip.rows + chip.columns :][:sources], volts, limit)


def check(chip: Chip, drawn: Situation) -> float:
    """Assert what holds of every solution; return the sum of all currents (A)."""
    current, limited = chip.currents()
    volts = chip.potentials()
    assert np.isfinite(current).all()
    assert np.isfinite(volts).all()
    total = abs(current).sum()
    assert abs(current.sum()) <= 1e-9 * total
    assert (abs(current) <= drawn.limit * (1 + 1e-9)).all()
    off = np.isnan(drawn.volts)
    assert (abs(current[off]) <= 1e-9 * total).all()
    used = np.unique(np.concatenate((drawn.bit, drawn.low_side)))
    used = used[(used >= 0) & ~off[used]]
    if used.size:
        assert volts[used].min() >= drawn.volts[used].min() - 1e-12
        assert volts[used].max() <= drawn.volts[used].max() + 1e-12
        if total:
            inside = volts[off & np.isin(np.arange(NETS), drawn.bit)]
            assert ((inside >= drawn.volts[used].min()) & (inside <= drawn.volts[used].max())).all()
    # A source gives its voltage, or its limit in the direction in which that voltage pulls.
    free = ~off & ~limited
    np.testing.assert_allclose(volts[free], drawn.volts[free], atol=1e-9)
    assert (abs(current[limited]) >= drawn.limit[limited] * (1 - 1e-6)).all()
    assert ((drawn.volts - volts)[limited] * np.sign(current[limited]) >= -1e-12).all()
    return float(total)


SIZES = [(1, 1), (1, 5), (5, 1), (2, 2), (3, 7), (8, 4), (13, 13), (24, 24)]


@pytest.mark.parametrize("ohm", [0.0, 2.5])
@pytest.mark.parametrize("mode", MODES)
def test_currents_balance_within_limits_whatever_is_connected(mode, ohm):
    rng = np.random.default_rng(17)
    carrying = 0
    for rows, columns in SIZES:
        chip = make(rows, columns, mode, ohm)
        for _ in range(25 if rows * columns < 100 else 6):
            drawn = situation(chip, rng)
            drawn.put(chip)
            carrying += check(chip, drawn) > 0.0
    assert carrying > 60


@pytest.mark.parametrize("ohm", [0.0, 2.5])
@pytest.mark.parametrize("mode", MODES)
def test_a_network_under_stress_stays_in_balance(mode, ohm):
    rng = np.random.default_rng(18)
    chip = make(5, 6, mode, ohm)
    for _ in range(8):
        drawn = situation(chip, rng)
        drawn.volts[3:] *= 1.3
        drawn.put(chip)
        chip.elapse(1e-5)
        check(chip, drawn)
        chip.elapse(1e-4)
        check(chip, drawn)
    assert chip.pulses.any()


def test_the_largest_passive_chip_can_be_read_through_floating_lines():
    chip = make(1024, 1024, "none", 2.5)
    word, bit = np.full(1024, -1), np.full(1024, -1)
    word[512], bit[512] = 0, 1
    chip.connect(word, bit, np.zeros(0, dtype=int))
    chip.drive(np.array([0.0, 0.2]), np.full(2, np.inf))
    current, _ = chip.currents()
    # far more than the cell itself: a million others let current sneak past it
    assert current[1] > 5.0 * 0.2 * SPREAD.pristine_conductance
    np.testing.assert_allclose(current[0], -current[1], rtol=1e-9)


@pytest.mark.parametrize(("bit", "source"), [(1.0, 1.0), (1.0, 0.0), (0.0, 1.0)])
@pytest.mark.parametrize("mode", MODES)
def test_ideal_wires_are_the_limit_of_small_resistances(mode, bit, source):
    rng = np.random.default_rng(19)
    ideal = make(9, 7, mode)
    least, near, twice = (
        Chip(9, 7, wired(bit * ohm, source * ohm), 3, source_lines=mode, noise=False)
        for ohm in (1e-5, 1e-3, 2e-3)
    )
    for _ in range(15):
        drawn = situation(ideal, rng)
        for chip in (ideal, least, near, twice):
            drawn.put(chip)
        current, volts = ideal.currents()[0], ideal.potentials()
        size = abs(current).max()
        np.testing.assert_allclose(least.currents()[0], current, atol=1e-6 * size)
        driven = ~np.isnan(drawn.volts)
        np.testing.assert_allclose(least.potentials()[driven], volts[driven], atol=1e-6)
        # what the wires change is proportional to their resistance
        straight = 2.0 * near.currents()[0] - twice.currents()[0]
        np.testing.assert_allclose(straight, current, atol=1e-8 * size)


@needs_ngspice
@pytest.mark.parametrize("ohm", [0.0, 25.0])
@pytest.mark.parametrize("mode", MODES)
def test_a_nonlinear_chip_agrees_with_ngspice(mode, ohm, tmp_path: Path):
    rng = np.random.default_rng(20)
    chip = make(6, 6, mode, ohm)
    conductance = _at_zero_volts(make(6, 6, "none"))
    limits = 0
    for _ in range(4):
        drawn = situation(chip, rng, shut=False)
        drawn.put(chip)
        current, limited = chip.currents()
        gates = np.where(drawn.word < 0, 0.0, drawn.volts[drawn.word])
        netlist = chip_netlist(chip, conductance, gates)
        for letter, lines in (("b", drawn.bit), ("s", drawn.low_side)):
            netlist += [f"v{letter}p{k} n{n} p{letter}{k} 0" for k, n in enumerate(lines) if n >= 0]
        held = [n for n in range(NETS) if not np.isnan(drawn.volts[n])]
        for n in held:
            if limited[n]:  # a current source in place of one at its limit
                netlist.append(f"i{n} 0 n{n} {current[n]:.17g}")
            else:
                netlist.append(f"v{n} 0 n{n} {-drawn.volts[n]:.17g}")
        spice = operating_point(netlist, tmp_path, linear=False)
        size = abs(current).max()
        for n in held:
            if limited[n]:
                np.testing.assert_allclose(chip.potentials()[n], spice[f"v(n{n})"], atol=1e-7)
            else:
                np.testing.assert_allclose(current[n], spice[f"i(v{n})"], atol=1e-6 * size)
        limits += limited.sum()
    assert limits


def _at_zero_volts(passive: Chip) -> np.ndarray:
    scale = passive.preset.voltage_low
    return passive.conductance * 0.2 / (scale * np.sinh(0.2 / scale))


@pytest.mark.parametrize("limit", [np.inf, 8e-6])
@pytest.mark.parametrize("volts", [0.9, -0.9])
@pytest.mark.parametrize("mode", ["columns", "rows"])
def test_one_selected_cell_in_closed_form_is_the_network(mode, volts, limit):
    chip = make(5, 4, mode, 300.0)
    nets = np.array([3.2, volts, 0.0, 0.0])
    limits = np.array([np.inf, limit, np.inf, np.inf])
    conductance = make(5, 4, "none").conductance
    for cell in np.ndindex(chip.shape):
        word, bit, source = (
            np.full(5, 3),
            np.full(4, -1),
            np.full(4 if mode == "columns" else 5, -1),
        )
        word[cell[0]], bit[cell[1]] = 0, 1
        source[cell[0] if mode == "rows" else cell[1]] = 2
        chip.connect(word, bit, source)
        chip.drive(nets, limits)
        closed = chip.currents()[0]
        kind = chip.preset
        p = packed(kind)
        size = (5, 4, layout.MODES[mode])
        nodes = 4 + 4 + source.size
        edges, gates = np.zeros((20, 3), dtype=np.int64), np.zeros(20)
        held, most, volt = np.zeros(nodes), np.zeros(nodes), np.zeros(nodes)
        count, _, _ = circuit.plan(
            word.astype(np.int8), bit.astype(np.int8), source.astype(np.int8), size[2], nets,
            limits, p, edges, gates, held, most, np.zeros(nodes, dtype=np.int64),
        )  # fmt: skip
        assert count == 1
        us = np.array([_log_conductance(conductance[cell], kind)])
        bit_at, source_at = np.full(20, np.nan), np.zeros(20)
        solve_network(us, edges, gates, count, held, most, volt, bit_at, source_at, p, size)
        current = circuit.edge_current(us[0], gates[0], bit_at[0], source_at[0], p, np.inf)[1]
        np.testing.assert_allclose(current * 1e-6, closed[1], rtol=1e-8)
        if limit < np.inf:
            assert chip.currents()[1][1]


def _log_conductance(conductance: float, kind: Preset) -> float:
    scale = kind.voltage_low
    return float(np.log(conductance * 1e6 * 0.2 / (scale * np.sinh(0.2 / scale))))


EASY = dataclasses.replace(SPREAD, forming_barrier=0.0, forming_barrier_spread=0.0)


@pytest.mark.parametrize("volts", [1.2, -1.3])
@pytest.mark.parametrize(
    ("mode", "shape", "bit", "source"),
    [
        ("columns", (1, 2), 150.0, 200.0),
        ("rows", (1, 2), 300.0, 0.0),
        ("rows", (2, 1), 0.0, 300.0),
        ("none", (1, 2), 300.0, 0.0),
        ("none", (2, 1), 0.0, 300.0),
    ],
)
def test_a_cell_programmed_alone_ends_where_it_ends_in_a_network(mode, shape, bit, source, volts):
    # Two cells that share no resistive wire do not feel each other, but are solved together.
    alone, together = (
        Chip(*shape, wired(bit, source, EASY), 5, source_lines=mode, noise=False) for _ in range(2)
    )
    before = alone.conductance
    for chip, groups in ((alone, [[0], [1]]), (together, [[0, 1]])):
        for level in (1.0, volts, volts):
            for group in groups:
                select(chip, group)
                chip.drive(np.array([3.0, level, 0.0, 0.0]), np.full(4, np.inf))
                chip.elapse(1e-4)
    moved = np.log(alone.conductance / before)
    assert (abs(moved) > 0.02).all()
    apart = np.log(alone.conductance / together.conductance)
    assert (abs(apart) < 0.02 * abs(moved)).all()


def select(chip: Chip, cells: list[int]) -> None:
    """Put cells of a chip of one row or column on nets 1 (bit) and 2; net 0 is their gate."""
    rows, columns = chip.shape
    passive = chip.source_lines == "none"
    word, bit = np.full(rows, -1 if passive else 3), np.full(columns, -1)
    sources = {"columns": columns, "rows": rows, "none": 0}[chip.source_lines]
    source = np.full(sources, -1)
    for c in cells:
        i, j = divmod(c, columns)
        word[i], bit[j] = (2 if passive else 0), 1
        if not passive:
            source[i if chip.source_lines == "rows" else j] = 2
    chip.connect(word, bit, source)
