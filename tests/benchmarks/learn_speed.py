"""How fast a step of learning is on the simulated array, on one core.

Run through the group ``learn``, or alone: ``python -m tests.benchmarks.learn_speed``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median

import numpy as np
from numpy.typing import NDArray

from labctl.array import Pulse
from labctl.learn.calibration import Calibration, calibrate
from labctl.learn.initialise import PulsePair
from labctl.learn.models import LogisticRegression, Network
from labctl.learn.readnoise import ReadNoise
from labctl.learn.rule import View
from labctl.learn.sampler import Chain
from labctl.learn.tasks import breast_cancer
from labctl.learn.transitions import Transitions
from labctl.learn.weights import SumOfCells
from labctl.sim import SimulatedArray
from labctl.sim.chip import Chip, preset
from labctl.sim.timeline import Timeline
from tests.benchmarks.figure import Figure

HFOX = PulsePair(Pulse.set(1.11, 3.2, 2e-4), Pulse.reset(1.33, 4.75, 2e-4))
TAOX = PulsePair(Pulse.set(2.0, 1.2, 1e-7), Pulse.reset(1.95, 3.2, 1e-7))
FORMING = {"hfox-1t1r": Pulse.set(3.5, 1.5, 1e-3), "taox-lin2025": Pulse.set(5.0, 1.2, 1e-4)}
PUBLISHED = 56.0
"""ms a step of the authors' published code takes with 192 samples, 9.7 in its fastest
rearrangement."""


class Published:
    """Which pulses the rule of Lin et al. (2025) gives: see :class:`decide`."""

    def __init__(self, share: float = 0.125 * 0.51) -> None:
        self.share = share
        self._hits: NDArray[np.int64] | None = None

    def slots(
        self, step: int, weights: int, of: tuple[int, ...], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """One random cell of each weight."""
        return rng.integers(0, len(of), weights)

    def decide(self, view: View, rng: np.random.Generator) -> tuple[NDArray[np.int8], int]:
        """Pulse every sixth step what was among the largest gradients twice since."""
        if self._hits is None:
            self._hits = np.zeros(len(view.gradient), dtype=np.int64)
        size = np.abs(view.gradient)
        self._hits += size > np.quantile(size, 1 - self.share)
        if view.step % 6 != 5:
            return np.zeros(len(size), dtype=np.int8), 0
        way = np.where(self._hits >= 2, -np.sign(view.gradient), 0).astype(np.int8)
        self._hits[:] = 0
        return way, 0


def formed(kind: str, rows: int, columns: int, *, exact: bool = False) -> SimulatedArray:
    """Return an array of formed cells."""
    # Pulses of 100 ns come from pulse generators: their edges take no 90 µs.
    timeline = Timeline(level=0.0) if kind == "taox-lin2025" else Timeline()
    array = SimulatedArray(Chip(rows, columns, preset(kind), 3), timeline, exact=exact)
    for _ in range(8):
        array.pulse(array.all_cells, FORMING[kind])
    return array


def measured(array: SimulatedArray, pulses: PulsePair, passes: int = 50) -> Calibration:
    """Calibrate by single pulses up and down, as the procedure transitions does."""
    rng, cells = np.random.default_rng(1), array.all_cells
    polarity = rng.choice([-1, 1], len(cells))
    before = array.read(cells).conductance
    parts = []
    for _ in range(passes):
        polarity = np.where(rng.random(len(cells)) < 0.3, -polarity, polarity)
        readings = array.pulse(cells, pulses.of(polarity.astype(np.int8)), read=0.2)
        assert readings is not None
        parts.append((polarity, before, readings.conductance))
        before = readings.conductance
    ways, starts, ends = (np.concatenate(part) for part in zip(*parts, strict=True))
    data = Transitions.of(
        np.tile(cells[:, 0], passes), np.tile(cells[:, 1], passes), ways, starts, ends
    )
    again = array.read_passes(cells, 8)
    noise = ReadNoise.of(
        np.tile(cells[:, 0], 8), np.tile(cells[:, 1], 8), again.ravel(), array.shape
    )
    return calibrate(data, noise, array.shape)


def network(samples: int = 192) -> Network:
    """Return the network of Lin et al. (2025) with so many samples of a made-up task."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (samples, 11))
    return Network(
        x, (x[:, 0] * x[:, 1] > 0).astype(int), (11, 50, 50, 2), "sigmoid", "softmax", 0.44,
        single=True,
    )  # fmt: skip


def _seconds(work: Callable[[], object], times: int) -> float:
    """Return the median processor time of ``work``."""
    spent = []
    for _ in range(times):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return median(spent)


def measure() -> Iterator[Figure]:
    """Yield every figure of speed."""
    yield from _network_steps()
    yield from _chain_steps()


def _network_steps() -> Iterator[Figure]:
    array = formed("taox-lin2025", 128, 100)
    calibration = measured(array, TAOX)
    chain = Chain(
        array, network(), calibration, TAOX, np.random.default_rng(0),
        rule=Published(), encoding=SumOfCells(3), passes=10,
    )  # fmt: skip
    chain.prepare()
    for _ in range(12):
        chain.step()
    step = 1e3 * _seconds(lambda: [chain.step() for _ in range(6)], 9) / 6
    yield Figure("a step of 3 252 weights on 9 756 cells, published", step, "ms", 5.0)
    yield Figure("the same, faster than the published code", PUBLISHED / step, "x")
    reads = 1e3 * _seconds(lambda: chain.cells.read_passes(10), 9)
    yield Figure("  of it 10 reads of 9 756 cells", reads, "ms")
    samples = chain.cells.placed.weights(chain.cells.read_passes(10))
    gradient = 1e3 * _seconds(lambda: chain.model.gradient(samples), 9)
    yield Figure("  of it 10 gradients on 192 samples", gradient, "ms")
    coin = Chain(
        array, network(), calibration, TAOX, np.random.default_rng(0), encoding=SumOfCells(3)
    )
    coin.prepare()
    for _ in range(20):
        coin.step()
    step = 1e3 * _seconds(lambda: [coin.step() for _ in range(10)], 7) / 10
    yield Figure("a step of the coin, 3 252 pulses read back", step, "ms", 5.0)


def _chain_steps() -> Iterator[Figure]:
    task = breast_cancer()
    model = LogisticRegression(task.x_train, task.y_train)
    for exact in (False, True):
        array = formed("hfox-1t1r", 20, 20, exact=exact)
        chain = Chain(array, model, measured(array, HFOX), HFOX, np.random.default_rng(0), chains=4)
        chain.prepare()
        for _ in range(400):
            chain.step()
        chain.rescale()
        spent = _seconds(lambda: [chain.step() for _ in range(500)], 7) / 500  # noqa: B023
        name = "60 000 steps of 31 weights, 4 chains" + (", cell by cell" if exact else "")
        yield Figure(name, 60_000 * spent, "s", None if exact else 20.0)


if __name__ == "__main__":
    for figure in measure():
        print(
            f"{figure.name:<58} {figure.value:>10.4g} {figure.unit:<5} {figure.bound}", flush=True
        )
