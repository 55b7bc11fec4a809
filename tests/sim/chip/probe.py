"""Four nets at hand: 0 gate, 1 bit line, 2 source line, 3 ground. Pulses, reads and step tables."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from labctl.sim.chip import Chip, Preset, preset

GATE, BIT, SOURCE, GROUND = range(4)
FREE = np.full(4, np.inf)
HFOX = preset("hfox-1t1r")


class Stress(NamedTuple):
    bit: float
    source: float
    gate: float
    width: float


SET = Stress(1.11, 0.0, 3.2, 200e-6)
RESET = Stress(0.0, 1.33, 4.75, 200e-6)
FORMING_GATE = 1.5


def lines(chip: Chip, cell: tuple[int, int] | None = None) -> None:
    """Connect one cell, everything else grounded or floating; or, with None, all cells at once."""
    along_rows = chip.source_lines == "rows"
    sources = chip.rows if along_rows else chip.columns
    if cell is None:
        chip.connect(np.full(chip.rows, GATE), np.full(chip.columns, BIT), np.full(sources, SOURCE))
        return
    word, bit, source = (np.full(n, -1) for n in (chip.rows, chip.columns, sources))
    word[:] = GROUND
    word[cell[0]], bit[cell[1]] = GATE, BIT
    source[cell[0] if along_rows else cell[1]] = SOURCE
    chip.connect(word, bit, source)


def rest(chip: Chip, seconds: float = 0.0) -> None:
    chip.drive(np.zeros(4), FREE)
    chip.elapse(seconds)


def stress(chip: Chip, pulse: Stress, gap: float = 0.0, limit: np.ndarray = FREE) -> None:
    chip.drive(np.array([pulse.gate, pulse.bit, pulse.source, 0.0]), limit)
    chip.elapse(pulse.width)
    rest(chip, gap)


def read(chip: Chip, volts: float = 0.2) -> float:
    chip.drive(np.array([5.0, volts, 0.0, 0.0]), FREE)
    current = chip.currents()[0][BIT]
    rest(chip)
    return float(current / volts)


def formed_chip(
    rows: int,
    columns: int,
    seed: int,
    *,
    kind: Preset = HFOX,
    noise: bool = True,
    source_lines: str = "columns",
) -> Chip:
    """Return a chip whose cells were all formed under the forming gate."""
    chip = Chip(rows, columns, kind, seed, noise=noise, source_lines=source_lines)
    rest(chip)
    lines(chip)
    for volts in np.arange(1.5, 3.55, 0.1):
        stress(chip, Stress(volts, 0.0, FORMING_GATE, 1e-3))
    return chip


def walk(chip: Chip, pulses: int, rng: np.random.Generator) -> np.ndarray:
    """Pulse all cells up and down across the window; return (polarity, before, step), µS."""
    rows, polarity = [], 1
    for _ in range(pulses):
        if rng.random() < 0.08:
            polarity = -polarity
        before = chip.conductance.ravel() * 1e6
        stress(chip, SET if polarity > 0 else RESET)
        step = chip.conductance.ravel() * 1e6 - before
        rows.append(np.column_stack([np.full(before.size, polarity), before, step]))
    return np.concatenate(rows)


def steps(walked: np.ndarray, polarity: int, edges: list[float]) -> np.ndarray:
    """Return mean step, its sd, and the 99.5th percentile of its size, per bin of G (µS)."""
    out = []
    mine = walked[walked[:, 0] == polarity]
    for low, high in itertools.pairwise(edges):
        step = polarity * mine[(mine[:, 1] >= low) & (mine[:, 1] < high), 2]
        out.append((step.mean(), step.std(), np.percentile(abs(step), 99.5)))
    return np.array(out)


def table() -> str:
    """Return the table of mean steps and their spread against conductance."""
    edges = [15.0, 25.0, 35.0, 50.0, 70.0, 90.0, 110.0, 130.0, 150.0]
    walked = walk(formed_chip(48, 48, 5, noise=True), 400, np.random.default_rng(1))
    up, down = steps(walked, 1, edges), steps(walked, -1, edges)
    text = "G (µS)      u     sd      d     sd\n"
    for k, (u, d) in enumerate(zip(up, down, strict=True)):
        text += f"{edges[k]:3.0f}-{edges[k + 1]:3.0f}"
        text += f" {u[0]:6.2f} {u[1]:6.2f} {d[0]:6.2f} {d[1]:6.2f}\n"
    return text


if __name__ == "__main__":
    print(table())  # python -m tests.sim.chip.probe
