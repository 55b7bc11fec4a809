"""Programming the chips of Lin et al. as they did: forming, write and verify, final reading.

Nat. Comput. Sci. 5, 27 (2025) states the ranges of the pulses, the tolerance and the largest number
of pulses; what it leaves open is a field of :class:`Procedure` with the reason for its value. The
cells run in one compiled loop over the kernels of the chip, each on a clock of its own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import ks_2samp

from labctl.sim.chip import layout
from labctl.sim.chip.cell import load_line
from labctl.sim.chip.evolve import stress
from labctl.sim.chip.jit import kernel
from labctl.sim.chip.manufacture import manufacture
from labctl.sim.chip.measure import seen
from labctl.sim.chip.packing import packed
from labctl.sim.chip.preset import Preset, preset, pulses
from labctl.sim.chip.rest import acclimatise, settled

CELLS = 4096
"""Of one chip: 128 bit lines of 32 cells."""
_EDGES = (0.3, 0.6, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.2)
FINE = tuple(itertools.pairwise(_EDGES))
"""µA; bins of the target, from and below."""
TABLE = FINE[::2]
"""The bins that programming is judged by: low, middle and high targets."""
_FILE = "lin2025_program_verify.csv"


class Procedure(NamedTuple):
    """What is done to a cell; V, s, µA.

    The gate and the line that carries the pulse rise together, by ``step`` after every ``each``
    (SET) or ``each_reset`` pulses, and begin again when the direction changes.
    """

    formed: float = 4.0
    tolerance: float = 0.3
    most: float = 300.0
    step: float = 0.1
    each: float = 1.0
    each_reset: float = 2.0  # RESET is finer: low targets are reached by it alone
    width: float = 50e-9  # within the 20-100 ns published
    low: float = 0.95  # RESET after forming until below: cells are written from a low state
    reading: float = 100e-6  # from a pulse to its reading, within the 10-200 µs published
    wait: float = 10.0  # before verified cells are checked again
    rounds: float = 5.0  # of such checks; each catches cells that lie at the edge of the tolerance
    final: float = 600.0  # until the reading that is compared, when the whole chip is written


class Measured(NamedTuple):
    """Targets and the currents that were read after writing them, µA, (n,)."""

    target: NDArray[np.float64]
    current: NDArray[np.float64]


class Comparison(NamedTuple):
    """Simulated against measured errors, per bin of the target and all together."""

    mean_difference: NDArray[np.float64]
    sd_ratio: NDArray[np.float64]
    ks: float


@kernel
def _read(state, counts, c, p, seed, now):
    """Return the current (µA) of a reading at 0.2 V and a gate of 5 V."""
    u = seen(state, counts, c, settled(state, c, p, now), p, seed, now)
    return load_line(u, 0.2, 5.0, p, 0.2, np.inf)[1]


@kernel
def _form(state, counts, p, seed, h, out):
    """Form all cells: for each gate, a ramp of the bit line, until the current is ``h.formed``."""
    for c in range(state.shape[1]):
        now, n, current = 0.0, 0, 0.0
        for k in range(17 * 21):
            gate, v = 1.1 + 0.1 * (k // 21), 3.0 + 0.1 * (k % 21)
            n += 1
            stress(state, counts, c, v, gate, 0.0, 0.0, now, 100e-6, np.inf, 0.0, p, True, seed, n)
            now += 100e-6 + h.reading
            current = _read(state, counts, c, p, seed, now)
            if current >= h.formed:
                break
        out[c, 0], out[c, 1], out[c, 2] = n, current, now


@kernel
def _approach(state, counts, c, p, seed, h, target, tolerance, now, n):
    """Pulse until a reading is within ``tolerance``; return the time and the number of pulses."""
    rung, last = 0, 0.0
    while True:
        now += h.reading
        away = target - _read(state, counts, c, p, seed, now)
        if abs(away) <= tolerance or n >= h.most:
            return now, n
        way = math.copysign(1.0, away)
        rung = rung + 1 if way == last else 1
        last = way
        up = h.step * ((rung - 1) // (h.each if way > 0.0 else h.each_reset))
        if way > 0.0:
            v, gate = min(1.5 + up, 3.0), min(1.0 + up, 3.0)
        else:
            v, gate = -min(1.8 + up, 4.0), min(3.2 + up, 5.0)
        n += 1
        pulse = counts[layout.LAST_PULSE, c] + 1
        stress(state, counts, c, v, gate, 0.0, 0.0, now, h.width, np.inf, 0.0, p, True, seed, pulse)
        now += h.width


@kernel
def _write(state, counts, p, seed, h, now, targets, out):
    """Write all cells and write their final readings (µA) and numbers of pulses into ``out``."""
    for c in range(state.shape[1]):
        t, _ = _approach(state, counts, c, p, seed, h, 0.0, h.low, now, 0)
        n = 0
        for k in range(h.rounds + 1.0):
            t, n = _approach(state, counts, c, p, seed, h, targets[c], h.tolerance, t, n)
            if k < h.rounds:
                t += h.wait
        t += h.final
        out[c, 0] = _read(state, counts, c, p, seed, t)
        out[c, 1] = n


def made(n: int, seed: int, kind: Preset) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the state and the counters of ``n`` fresh cells."""
    state = np.zeros((layout.STATE_ROWS, n))
    counts = np.zeros((layout.COUNT_ROWS, n), np.int64)
    p = packed(kind)
    manufacture(state, p, seed)
    acclimatise(state, p, 0.0)
    return state, counts


def formed(
    n: int, seed: int, kind: Preset, procedure: Procedure
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Return ``n`` cells after forming, and (pulses, last current in µA, end in s) of each."""
    state, counts = made(n, seed, kind)
    out = np.zeros((n, 3))
    _form(state, counts, packed(kind), seed, procedure, out)
    return state, counts, out


def program_and_verify(
    seed: int,
    targets: ArrayLike,
    kind: Preset | None = None,
    procedure: Procedure | None = None,
) -> NDArray[np.float64]:
    """Return the measured currents (µA) of cells that were written to ``targets`` (µA).

    Every 4 096 targets go to a chip of their own.
    """
    kind, h = kind or preset("taox-lin2025"), procedure or Procedure()
    wanted = np.asarray(targets, dtype=np.float64)
    measured = np.empty((wanted.size, 2))
    for chip, start in enumerate(range(0, wanted.size, CELLS)):
        part = slice(start, start + CELLS)
        own = (seed << 8) + chip
        state, counts, forming = formed(wanted[part].size, own, kind, h)
        now = float(forming[:, 2].max()) + 1.0
        _write(state, counts, packed(kind), own, h, now, wanted[part], measured[part])
    return measured[:, 0]


def reference() -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return target and measured current (µA) of the 8 192 real cells, None where absent.

    The file is looked for in ``shared/reference`` beside the project.
    """
    path = Path(__file__).parents[4] / "shared" / "reference" / _FILE
    if not path.exists():
        return None
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    return table[:, 3], table[:, 4]


def program_many(targets: ArrayLike, seeds: Iterable[int]) -> Measured:
    """Write ``targets`` (µA) with each seed; return all targets and all currents, one by one.

    The spread of 1 000 errors with so heavy a tail is known to 5-10 %; that of several chips
    better.
    """
    wanted = np.asarray(targets, dtype=np.float64)
    measured = [program_and_verify(seed, wanted) for seed in seeds]
    return Measured(np.tile(wanted, len(measured)), np.concatenate(measured))


def compare(
    target: ArrayLike,
    measured: ArrayLike,
    real: tuple[ArrayLike, ArrayLike],
    bins: Sequence[tuple[float, float]] = TABLE,
) -> Comparison:
    """Return how the errors of ``measured`` (µA) differ from those of ``real`` (target, measured).

    ``ks`` is the two-sample distance of all errors, within ``bins`` and without.
    """
    mine, theirs = (np.asarray(x, dtype=np.float64) for x in (target, real[0]))
    error = np.asarray(measured, dtype=np.float64) - mine
    expected = np.asarray(real[1], dtype=np.float64) - theirs
    mean, ratio = np.empty(len(bins)), np.empty(len(bins))
    for k, (low, high) in enumerate(bins):
        a = error[(mine >= low) & (mine < high)]
        b = expected[(theirs >= low) & (theirs < high)]
        mean[k], ratio[k] = a.mean() - b.mean(), a.std() / b.std()
    return Comparison(mean, ratio, float(ks_2samp(error, expected).statistic))


@kernel
def _reads(state, counts, c, p, seed, out):
    """Write readings (µA) of one cell, a millisecond apart."""
    for k in range(out.size):
        out[k] = _read(state, counts, c, p, seed, 1e-3 * k)


def laplace_scales(
    currents: Iterable[float], reads: int, seed: int = 1, kind: Preset | None = None
) -> NDArray[np.float64]:
    """Return the scale (µA) of the Laplace law of ``reads`` readings at each current (µA)."""
    return np.array([scale(readings(current, reads, seed, kind)) for current in currents])


def scale(readings: NDArray[np.float64]) -> float:
    """Return the Laplace scale of greatest likelihood: the mean distance from the median."""
    return float(np.abs(readings - np.median(readings)).mean())


def readings(
    current: float, reads: int, seed: int = 1, kind: Preset | None = None
) -> NDArray[np.float64]:
    """Return readings (µA) of a cell that carries ``current`` (µA) at 0.2 V."""
    kind = kind or preset("taox-lin2025")
    state, counts = _placed(1, current, seed, kind)
    out = np.empty(reads)
    _reads(state, counts, 0, packed(kind), seed, out)
    return out


@kernel
def _step(state, counts, p, seed, v, gate, width, before, after):
    """Give each cell one pulse; write what a noiseless reading (µA) shows before and after."""
    for c in range(state.shape[1]):
        u = settled(state, c, p, 0.0)
        before[c] = load_line(u, 0.2, 5.0, p, 0.2, np.inf)[1]
        stress(state, counts, c, v, gate, 0.0, 0.0, 0.0, width, np.inf, 0.0, p, True, seed, 1)
        u = settled(state, c, p, width)
        after[c] = load_line(u, 0.2, 5.0, p, 0.2, np.inf)[1]


def learning_steps(current: float, direction: int, n: int, seed: int = 1) -> NDArray[np.float64]:
    """Return by how much (µA) one learning pulse, SET (1) or RESET (-1), moves ``n`` cells."""
    kind, recipe = preset("taox-lin2025"), pulses("taox-lin2025")
    point = recipe.set if direction > 0 else recipe.reset
    state, counts = _placed(n, current, seed, kind)
    before, after = np.empty(n), np.empty(n)
    v = math.copysign(point.voltage, direction)
    _step(state, counts, packed(kind), seed, v, point.gate, point.width, before, after)
    return after - before


def _placed(
    n: int, current: float, seed: int, kind: Preset
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the state and the counters of ``n`` formed cells of ``current`` (µA) at 0.2 V."""
    state, counts = made(n, seed, kind)
    state[layout.FATE] = 0.0
    state[layout.FORMED] = 1.0
    state[layout.U] = math.log(current / 0.2)
    return state, counts
