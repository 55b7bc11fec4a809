"""The simulated chip: against references and measured data, and how fast it is on one core."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np

from labctl.array import Pulse
from labctl.sim import SimulatedArray
from labctl.sim.chip import Chip, Crossbar, preset
from labctl.sim.datasheet.conditions import conditions, formed_strip
from labctl.sim.datasheet.noise import measure_reads
from labctl.sim.datasheet.relaxation import measure_relaxation
from labctl.sim.datasheet.spectrum import spectrum
from labctl.sim.softbounds import SoftBounds
from tests.benchmarks import peers
from tests.benchmarks.figure import Figure
from tests.sim.chip import gates, lin
from tests.sim.chip.probe import RESET, SET, Stress, stress

SIDE = 256
SEGMENT = 2.5
"""Ohm, resistance of one segment of wire."""


def measure() -> Iterator[Figure]:
    """Yield every figure of the group."""
    yield from _references()
    yield from _flow()
    yield from _published()
    yield from _lin()
    yield from _speed()
    yield from _wires()


def _seconds(work: Callable[[], object], times: int = 15) -> float:
    """Return the median processor time of ``work`` once everything is loaded."""
    work()
    spent = []
    for _ in range(times):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return median(spent)


def _references() -> Iterator[Figure]:
    if not peers.has_ngspice():
        print("  ngspice is absent: not compared (apt-get install ngspice)")
        return
    with tempfile.TemporaryDirectory() as folder:
        worst = gates.ngspice_difference(16, SEGMENT, Path(folder))
    yield Figure("16 x 16 with 2.5 ohm segments against ngspice", worst, "relative", 1e-9)


def _flow() -> Iterator[Figure]:
    for name, pulse, reference in (
        ("flow table", SET, False),
        ("flow table, strong", Stress(0, 1.6, 4.75, 200e-6), False),
        ("cell by cell", SET, True),
    ):
        distance = gates.splitting(pulse, None, SIDE, reference=reference)
        yield Figure(f"one pulse against ten parts, {name}", distance, "KS", 0.01)
    for kind in ("hfox-1t1r", "sky130-reram", "taox-lin2025"):
        found = gates.agreements(kind, SIDE)
        worst = max(found, key=lambda k: abs(found[k].mean))
        widest = max(found, key=lambda k: abs(found[k].spread))
        yield Figure(
            f"table, mean G, {kind}, worst: {worst}", 100 * abs(found[worst].mean), "%", 2.0
        )
        yield Figure(
            f"table, sd of ln G, {kind}, worst: {widest}", 100 * abs(found[widest].spread), "%", 5.0
        )
    volts = gates.sweep_rate()
    apart = 100 * (volts.max() / volts.min() - 1.0)
    yield Figure("V_set of 100, 200, 800 points in equal time", apart, "%", 2.0)


def _published() -> Iterator[Figure]:
    kind = preset("hfox-1t1r")
    seeds = [int(s) for s in np.random.SeedSequence(7).generate_state(12)]
    at = conditions(kind, kind.name, seeds[0])
    reads = measure_reads(kind, at, 10, 2000, seeds[1:])
    sigma = 100 * reads.sigma
    yield Figure("sigma/G over 2 000 reads, median cell", float(np.median(sigma)), "%", 6.0, 4.3)
    yield Figure(
        "sigma/G over 2 000 reads, 90 % of cells", float(np.quantile(sigma, 0.9)), "%", 23.0, 13.0
    )
    white = float(np.median(100 * reads.white))
    yield Figure("from read to read, median cell", white, "%", 1.52, 1.15)
    slope = float(np.median(spectrum(reads).slopes))
    yield Figure("slope of the spectrum, median cell", slope, "", -1.2, -1.5)
    strip = formed_strip(kind, at, 512, 7)
    relaxed = measure_relaxation(strip, at.set_full, at.reset_full)
    change = 100 * relaxed.at_reads(relaxed.after_reset)
    yield Figure("relaxation after RESET at 2 000 reads", change, "%", 20.0, 10.0)
    law = gates.dalgaty("hfox-1t1r", 32, 60)
    yield Figure("LRS against SET current: exponent", law.exponent, "")
    yield Figure("LRS against SET current: R^2 of the power law", law.r_squared, "", low=0.98)
    fall = float(law.spreads[-1] / law.spreads[0])
    yield Figure("relative sigma at 16 x the current over that at 1 x", fall, "ratio", 0.9)


def _lin() -> Iterator[Figure]:
    errors = gates.laplace_error()
    yield Figure("Lin: Laplace scale of reads, 0.4-4 µA", 100 * errors, "%", 5.0)
    real = lin.reference()
    if real is None:
        print("  the measured file of Lin et al. is absent: program-and-verify not compared")
        return
    found = lin.compare(*lin.program_many(real[0], (1, 2, 3)), real)
    mean = float(abs(found.mean_difference).max())
    yield Figure("Lin: program-and-verify, mean per bin", mean, "µA", 0.03)
    spread = 100 * float(abs(found.sd_ratio - 1.0).max())
    yield Figure("Lin: program-and-verify, sd per bin", spread, "%", 15.0)
    yield Figure("Lin: program-and-verify, all errors", found.ks, "KS", 0.08)


def _speed() -> Iterator[Figure]:
    chip = gates.formed(preset("hfox-1t1r"), SIDE, 1)
    for name, pulse in (("SET", SET), ("RESET", RESET)):
        spent = _seconds(lambda pulse=pulse: stress(chip, pulse))  # type: ignore[misc]
        yield Figure(f"one {name} on all of 256 x 256 cells", 1e3 * spent, "ms", 5.0)
    array = SimulatedArray(chip)
    cells = array.all_cells
    spent = _seconds(lambda: array.read(cells))
    yield Figure("noisy read of 256 x 256 cells, one by one", 1e3 * spent, "ms", 8.0)
    small = SimulatedArray(gates.formed(preset("hfox-1t1r"), 8, 3))
    loop = np.concatenate(
        [np.linspace(a, b, 100) for a, b in ((0, 1.5), (1.5, 0), (0, -1.7), (-1.7, 0))]
    )
    spent = _seconds(lambda: small.sweep((1, 1), loop.tolist(), 3.0, 5e-3), 31)
    yield Figure("I-V loop of 400 points", 1e3 * spent, "ms", 0.5)
    many = np.repeat([[1, 2]], 2000, axis=0)
    pulse = Pulse.set(SET.bit, SET.gate, SET.width)
    spent = _seconds(lambda: small.pulse(many, pulse, read=0.2), 7) / len(many)
    yield Figure("pulse and read of one cell, in a batch", 1e6 * spent, "µs")
    devices = SoftBounds(512 * 512, seed=1)
    up = np.ones(512 * 512, dtype=np.int8)
    spent = _seconds(lambda: devices.pulse(up, 31)) / 31 / up.size
    yield Figure("soft-bounds devices", 1e-9 / spent, "1e9 pulses/s", low=0.5)


def _wires() -> Iterator[Figure]:
    rng = np.random.default_rng(0)
    g = np.exp(rng.normal(np.log(40e-6), 1.0, (512, 512)))
    v = rng.uniform(0.0, 0.2, 512)
    mine = _seconds(lambda: Crossbar(g, 1.0, 1.0).currents(v), 7)
    yield Figure("512 x 512 with resistive wires, one vector", mine, "s", 0.08)
    theirs = peers.badcrossbar_seconds(g, v, 1.0)
    if theirs is None:
        print(
            "  badcrossbar is absent: not compared (pip install --no-deps badcrossbar pathvalidate)"
        )
    else:
        yield Figure("the same, faster than badcrossbar", theirs / mine, "x", low=100.0)
    passive = Chip(64, 64, preset("hfox-1t1r"), 3, source_lines="none")
    word, bit = np.full(64, -1), np.full(64, -1)
    word[3], bit[60] = 0, 1
    passive.connect(word, bit, [])

    def sneak() -> None:
        passive.drive([0.0, 0.2], [np.inf, np.inf])
        passive.currents()

    yield Figure("read of a 64 x 64 passive array, all else floating", 1e3 * _seconds(sneak), "ms")
