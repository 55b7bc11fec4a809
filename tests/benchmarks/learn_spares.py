"""Cells that die while they learn: how many are found, how soon, and how many are wronged.

The chip knows which cells are stuck, and the learning does not. Two ways to die: a preset whose
cells fail early, open or short (:attr:`labctl.sim.chip.Chip.failed`), and cells that stay where
they are from some pulse on, which is the harder one to see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.array import Pulse, PulseChoice, Readings
from labctl.learn.initialise import PulsePair
from labctl.learn.measuring import measure_transitions
from labctl.learn.sampler import Chain
from labctl.sim import SimulatedArray
from labctl.sim.chip import Chip, preset
from tests.benchmarks.figure import Figure
from tests.learn.harness import NoCurvature

FORMING = np.arange(1.5, 3.55, 0.1)
WEAK = PulsePair(Pulse.set(1.11, 3.2, 2e-5), Pulse.reset(1.33, 4.75, 2e-5))
"""Of active learning: a step is half its scatter, and less than the noise of a read."""
STRONG = PulsePair(Pulse.set(1.11, 3.2, 2e-4), Pulse.reset(1.33, 4.75, 2e-4))
"""Ten times as long."""
IDLE = 0.01
"""V; a pulse of so little does nothing."""
SIDE, WEIGHTS, STEPS = 32, 300, 1_600
GIVEN = 300
"""Pulses of a cell after which a stuck one that was not found counts as missed."""
NEVER, SOON = 1e9, 150.0
"""Factors of e of hopping at which a cell fails (Weibull scale)."""


class Sticking(SimulatedArray):
    """Cells of which some no longer heed their pulses."""

    def __init__(self, chip: Chip) -> None:
        super().__init__(chip, exact=False)
        self.stuck = np.zeros(chip.shape, dtype=np.bool_)

    def pulse(
        self, cells: ArrayLike, pulses: Pulse | Sequence[Pulse], read: float | None = None
    ) -> Readings | None:
        """Apply one pulse to each cell; those that are stuck get the idle one."""
        wanted = np.asarray(cells)
        stuck = self.stuck[wanted[:, 0], wanted[:, 1]]
        if isinstance(pulses, PulseChoice) and stuck.any():
            kind = pulses.kinds[0]
            kinds = (*pulses.kinds, Pulse.set(IDLE, kind.gate, kind.width))
            pulses = PulseChoice(kinds, np.where(stuck, len(pulses.kinds), pulses.which))
        return super().pulse(cells, pulses, read)

    @property
    def dead(self) -> NDArray[np.bool_]:
        """Whether each cell is stuck or failed, (rows, columns)."""
        return self.stuck | self.chip.failed


@dataclass(frozen=True)
class Watched:
    """What became of the cells in use.

    Attributes
    ----------
    pulses
        Given to all cells in use together.
    wronged
        Cells given up that still worked.
    found
        int64, shape (k,): pulses from death to replacement, of the cells that were found.
    missed
        Cells that were pulsed :data:`GIVEN` times or more since they died, and were not found.
    """

    pulses: int
    wronged: int
    found: NDArray[np.int64]
    missed: int


def watched(
    pulses: PulsePair,
    *,
    failing: float = NEVER,
    sticking: int = 0,
    steps: int = STEPS,
    side: int = SIDE,
    weights: int = WEIGHTS,
    seed: int = 1,
) -> Watched:
    """Learn on a chip whose cells die, and hold what was given up against what is dead.

    Parameters
    ----------
    pulses
        That learn.
    failing
        Factors of e of hopping at which cells fail.
    sticking
        One cell of each so many weights sticks after half of the steps; 0 is none.
    """
    made = replace(preset("hfox-1t1r"), failure_activity=failing)
    array = Sticking(Chip(side, side, made, seed=seed))
    cells = array.all_cells
    for height in FORMING:
        cells = cells[~(array.read(cells).conductance >= 5e-6)]
        if len(cells):
            array.pulse(cells, Pulse.set(round(float(height), 2), 1.5, 1e-3))
    measured = measure_transitions(array, pulses, np.random.default_rng(seed), passes=20)
    model = NoCurvature(np.linspace(-1, 1, weights), np.diag(np.linspace(1, 8, weights)))
    chain = Chain(
        array, model, measured.calibration, measured.pulses, np.random.default_rng(seed)
    )  # fmt: skip
    chain.prepare()
    died: dict[tuple[int, ...], int] = {}
    found: list[int] = []
    wronged = given = 0
    for k in range(steps):
        if sticking and k == steps // 2:
            for weight in range(0, weights, sticking):
                array.stuck[tuple(chain.placed.cells[weight, weight % 2])] = True
        used, dead = chain.placed.all_cells, array.dead
        for cell in used[dead[used[:, 0], used[:, 1]]].tolist():
            died.setdefault(tuple(cell), k)
        done = len(chain.replaced)
        given += len(chain.step().cells)
        for event in chain.replaced[done:]:
            if array.dead[event.lost]:
                found.append((k - died.pop(event.lost, k)) // 2)
            else:
                wronged += 1
    missed = sum((steps - k) // 2 >= GIVEN for k in died.values())
    return Watched(given, wronged, np.array(found, dtype=np.int64), missed)


def measure() -> Iterator[Figure]:
    """Watch working cells, cells that fail, and cells that stick, with weak and strong pulses."""
    for name, pulses in (("weak", WEAK), ("strong", STRONG)):
        working = [watched(pulses, seed=seed) for seed in (1, 2, 3)]
        total, wronged = sum(w.pulses for w in working), sum(w.wronged for w in working)
        yield Figure(f"spares, {name} pulses: working cells watched for", total, "pulses")
        yield Figure(f"spares, {name} pulses: of {6 * WEIGHTS} cells wronged", wronged, "cells", 0)
        deaths = {
            "open or short": watched(pulses, failing=SOON),
            "in place": watched(pulses, sticking=4),
        }
        for way, seen in deaths.items():
            number = len(seen.found) + seen.missed
            line = f"spares, {name} pulses, stuck {way}"
            yield Figure(f"{line}: wronged", seen.wronged, "cells", 0)
            yield Figure(f"{line}: found of {number}", len(seen.found) / number, "", low=0.8)
            yield Figure(f"{line}: pulses until then, median", float(np.median(seen.found)), "")
            yield Figure(f"{line}: 90 of 100", float(np.quantile(seen.found, 0.9)), "")
