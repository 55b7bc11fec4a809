"""Cells whose SET is limited by the gate, for tests of Metropolis-Hastings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from labctl.array import READ_GATE, READ_VOLTAGE, Counters, Pulse, Readings, Sweep, Timing
from labctl.learn.gatecurve import GateCurve, measure_gate_curve

RESET, SET = Pulse.reset(1.6, 4.75, 2e-4), Pulse.set(1.6, 1.5, 2e-4)
GATES = np.arange(1.2, 2.25, 0.1)


class Gated:
    """A CellArray: a RESET clears a cell, a SET leaves 100 µS/V^2 (gate - 1)^2, give or take.

    Parameters
    ----------
    rows, columns, seed
        Of the chip.
    spread
        Sd of ln G from write to write: one for all cells, or shape (rows, columns).
    lean
        Share of that variance that a cell keeps from one write to the next, all but ``forget``.
    forget
        Part of what is kept that is drawn anew with a write.
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        seed: int,
        spread: ArrayLike = 0.1,
        lean: float = 0.0,
        forget: float = 0.1,
    ) -> None:
        self.shape = rows, columns
        self.timing, self.counters = Timing(0.01, 0.01), Counters()
        self.rng = np.random.default_rng(seed)
        self.spread = np.broadcast_to(np.asarray(spread, dtype=np.float64), self.shape)
        self.own = 0.05 * self.rng.normal(size=self.shape)
        self.lean, self.forget = lean, forget
        self.kept = self.rng.normal(size=self.shape)
        self.conductance, self.most = np.full(self.shape, 1e-6), np.ones(self.shape)

    def now(self) -> float:
        return 0.0

    def read(
        self, cells: ArrayLike, voltage: float = READ_VOLTAGE, gate: float = READ_GATE
    ) -> Readings:
        wanted = np.asarray(cells)
        value = self.conductance[wanted[:, 0], wanted[:, 1]]
        none = np.zeros(len(wanted), np.uint8)
        return Readings(wanted, value * voltage, value, none, np.zeros(len(wanted)))

    def pulse(
        self, cells: ArrayLike, pulses: Pulse | Sequence[Pulse], read: float | None = None
    ) -> Readings | None:
        wanted = np.asarray(cells)
        where = wanted[:, 0], wanted[:, 1]
        each = [pulses] * len(wanted) if isinstance(pulses, Pulse) else pulses
        gate = np.array([p.gate for p in each])
        up = np.array([p.bit_line > 0 for p in each])
        fresh, anew = self.rng.normal(size=(2, len(gate)))
        kept = self.kept[where]
        kept = np.where(up, (1 - self.forget**2 / 2) * kept + self.forget * anew, kept)
        self.kept[where] = kept
        noise = np.sqrt(1 - self.lean) * fresh + np.sqrt(self.lean) * kept
        noise = self.own[where] + self.spread[where] * noise
        left = np.where(up, 1e-4 * (gate - 1.0) ** 2 * np.exp(noise), 1e-6)
        self.conductance[where] = np.minimum(left, self.most[where])
        self.counters.pulses += len(wanted)
        return None if read is None else self.read(wanted, read)

    def check(self, pulses: Sequence[Pulse]) -> None:
        """Nothing is forbidden."""

    def sweep(
        self, cell: tuple[int, int], voltages: Sequence[float], gate: float, dwell: float
    ) -> Sweep:
        raise NotImplementedError


def curve(array: Gated, cycles: int = 60) -> GateCurve:
    """Measure all cells."""
    cells = np.argwhere(np.ones(array.shape, bool))
    return measure_gate_curve(array, cells, RESET, SET, GATES, cycles=cycles)
