"""What the model of the chip is held to, as numbers: tests assert them, benchmarks print them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from scipy.stats import ks_2samp, spearmanr

from labctl.sim import SimulatedArray
from labctl.sim.chip import Chip, Crossbar, Preset, layout, preset
from labctl.sim.chip.preset import pulses
from tests.sim.chip.ngspice import operating_point, wires
from tests.sim.chip.probe import BIT, FREE, Stress, lines, rest, stress


def formed(kind: Preset, side: int, seed: int, *, noise: bool = True) -> Chip:
    """Return a chip whose cells were all formed at once by the recommended ramp."""
    chip = Chip(side, side, kind, seed, noise=noise)
    rest(chip)
    lines(chip)
    ramp = pulses(kind.name).form
    for volts in np.arange(ramp.start, ramp.stop + 0.5 * ramp.step, ramp.step):
        stress(chip, Stress(float(volts), 0.0, ramp.gate, ramp.width))
    return chip


def recommended(kind: Preset, factor: float = 1.0) -> tuple[Stress, Stress]:
    """Return the SET and RESET pulse that suit a chip, with their voltages times ``factor``."""
    up, down = pulses(kind.name).set, pulses(kind.name).reset
    return (
        Stress(factor * up.voltage, 0.0, up.gate, up.width),
        Stress(0.0, factor * down.voltage, down.gate, down.width),
    )


@contextmanager
def reference_integrator() -> Iterator[None]:
    """Let every cell march by itself, however many share a drive."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("labctl.sim.chip.chip.FEWEST", 1 << 40)
        yield


def living(chip: Chip) -> np.ndarray:
    """Return ln G of the cells that are formed and not stuck; the others are NaN."""
    return np.where(chip.formed & ~chip.failed, np.log(chip.conductance), np.nan).ravel()


def splitting(pulse: Stress, start: Stress | None, side: int, *, reference: bool) -> float:
    """Return the KS distance of ln G after one pulse and after ten of a tenth of its width."""
    kind = preset("hfox-1t1r")
    ends = []
    for seed, parts in ((21, 1), (22, 10)):
        chip = formed(kind, side, seed)
        if start is not None:
            stress(chip, start)
        if reference:
            with reference_integrator():
                for _ in range(parts):
                    stress(chip, pulse._replace(width=pulse.width / parts))
        else:
            for _ in range(parts):
                stress(chip, pulse._replace(width=pulse.width / parts))
        ends.append(living(chip))
    return float(ks_2samp(*(end[np.isfinite(end)] for end in ends)).statistic)


class Agreement(NamedTuple):
    """Of the flow table with the reference: relative error of mean G and of the sd of ln G."""

    mean: float
    spread: float
    moved: float
    """Mean change of ln G, of the reference."""


def table_against_reference(chip: Chip, pulse: Stress) -> Agreement:
    """Pulse copies of a chip by the flow table and cell by cell."""
    table, reference = copy.deepcopy(chip), copy.deepcopy(chip)
    stress(table, pulse)
    with reference_integrator():
        stress(reference, pulse)
    both = np.isfinite(living(table)) & np.isfinite(living(reference))
    u, v = living(table)[both], living(reference)[both]
    return Agreement(
        float(np.exp(u).mean() / np.exp(v).mean() - 1.0),
        float(u.std() / v.std() - 1.0),
        float((v - living(chip)[both]).mean()),
    )


def strong(name: str) -> tuple[Stress, Stress]:
    """Return a SET and a RESET pulse that bring the cells of a preset through their window."""
    if name == "taox-lin2025":  # the ends of its ladder of write-verify pulses
        return Stress(3.0, 0.0, 3.0, 100e-9), Stress(0.0, 4.0, 5.0, 100e-9)
    return recommended(preset(name), 1.25)


def agreements(name: str, side: int) -> dict[str, Agreement]:
    """Return how table and reference agree for weak and strong SET and RESET of a preset."""
    kind = preset(name)
    low, high = formed(kind, side, 5), formed(kind, side, 5)
    up, down = strong(name)
    stress(low, down)
    weak = recommended(kind)
    return {
        "weak SET": table_against_reference(high, weak[0]),
        "weak RESET": table_against_reference(high, weak[1]),
        "strong SET": table_against_reference(low, up),
        "strong RESET": table_against_reference(high, down),
    }


def sweep_rate(points: tuple[int, ...] = (100, 200, 800), cells: int = 64) -> np.ndarray:
    """Return the median V_set (V) of the same cells swept in the same time with so many points."""
    kind = preset("hfox-1t1r")
    found = []
    for count in points:
        array = SimulatedArray(formed(kind, 8, 9, noise=False))
        ramp = np.linspace(1.5 / count, 1.5, count)
        switched = []
        for cell in array.all_cells[:cells].tolist():
            down = np.linspace(0.02, 1.8, 90)
            array.sweep(cell, -down, 4.75, 5e-3)
            curve = array.sweep(cell, ramp, 3.2, 2.0 / count)
            g = curve.current / ramp
            above = int(np.argmax(g > 10e-6))
            if above > 0:  # interpolated, so that the grid of voltages does not show
                low, high = np.log(g[above - 1]), np.log(g[above])
                share = (np.log(10e-6) - low) / (high - low)
                switched.append(ramp[above - 1] + share * (ramp[above] - ramp[above - 1]))
        found.append(np.median(switched))
    return np.array(found)


def laplace_error(reads: int = 40_000) -> float:
    """Return the largest relative error of the Laplace scale of reads at 0.4 to 4 µA (Lin et al.).

    The scale of a Laplace law is its mean absolute deviation from the median; of 40 000 reads it
    is known to 0.5 %.
    """
    kind = preset("taox-lin2025")
    worst = 0.0
    for current in (0.4, 0.7, 1.0, 1.5, 2.0, 2.5, 3.3, 4.0):
        chip = Chip(1, 1, kind, 11)
        chip._state[layout.U, 0] = np.log(current / 0.2)
        chip._state[layout.FORMED, 0] = 1.0
        rest(chip)
        lines(chip, (0, 0))
        chip.drive(np.array([5.0, 0.2, 0.0, 0.0]), FREE)
        seen = np.empty(reads)
        for k in range(reads):
            chip.elapse(1e-3)
            seen[k] = 1e6 * chip.currents()[0][BIT]
        middle = np.median(seen)
        expected = -0.0058 * middle**2 + 0.0324 * middle + 0.0141
        worst = max(worst, abs(abs(seen - middle).mean() / expected - 1.0))
    return worst


def ngspice_difference(side: int, ohm: float, folder: Path) -> float:
    """Return the largest relative difference of output currents between Crossbar and ngspice."""
    rng = np.random.default_rng(1)
    g = np.exp(rng.normal(np.log(40e-6), 1.0, (side, side)))
    v = rng.uniform(-0.3, 0.3, side)
    netlist = wires(side, side, ohm, ohm)
    netlist += [f"rc{i}_{j} w{i}_{j} b{i}_{j} {1.0 / g[i, j]:.17g}" for i, j in np.ndindex(g.shape)]
    netlist += [f"vw{i} pw{i} 0 {v[i]:.17g}" for i in range(side)]
    netlist += [f"vb{j} pb{j} 0 0" for j in range(side)]
    spice = operating_point(netlist, folder)
    out = np.array([spice[f"i(vb{j})"] for j in range(side)])
    return float(abs(Crossbar(g, ohm, ohm).currents(v) / out - 1.0).max())


class Dalgaty(NamedTuple):
    """Gate-limited SET of many cells over many cycles, against the current the gate allows."""

    exponent: float
    r_squared: float
    spreads: np.ndarray
    """Relative sigma from cycle to cycle, median over the cells, per current."""
    trend: float
    """Rank correlation of current and relative sigma."""


def dalgaty(name: str, side: int, cycles: int, gates: int = 7) -> Dalgaty:
    """SET cells again and again at several gate voltages, with a full RESET in between."""
    kind = preset(name)
    form = pulses(name).form
    up, down = recommended(kind, 1.3)
    over = form.gate - kind.transistor_threshold
    currents, medians, spreads = [], [], []
    for gate in kind.transistor_threshold + over * np.geomspace(0.5, 2.0, gates):
        chip = formed(kind, side, 3)
        seen = []
        for _ in range(cycles):
            stress(chip, down)
            stress(chip, up._replace(gate=float(gate)))
            seen.append(np.exp(living(chip)))
        kept = np.array(seen)[:, np.isfinite(seen).all(axis=0)]
        currents.append((gate - kind.transistor_threshold) ** 2)
        medians.append(np.median(kept))
        spreads.append(np.median(kept.std(axis=0, ddof=1) / kept.mean(axis=0)))
    x, y = np.log(currents), np.log(medians)
    slope, offset = np.polyfit(x, y, 1)
    left = y - slope * x - offset
    return Dalgaty(
        float(slope), float(1.0 - left.var() / y.var()), np.array(spreads),
        float(spearmanr(currents, spreads).statistic),
    )  # fmt: skip
