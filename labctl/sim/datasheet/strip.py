"""A strip of cells under the probes: one word line, every cell on its own pair of lines."""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labctl.sim.chip import Chip, Preset

GATE, SOURCE, BIT = range(3)
MOST_APART = 60
"""Cells whose currents can be told apart at once: each takes a net of its own."""
READ_VOLTAGE = 0.2
READ_GATE = 5.0
"""V, where a read is taken."""


class Point(NamedTuple):
    """One pulse.

    Attributes
    ----------
    voltage
        V over cell and transistor: above zero on the bit line (SET), below zero its size on the
        source line (RESET).
    gate
        V on the word line.
    width
        s.
    """

    voltage: float
    gate: float
    width: float


class Strip:
    """Cells side by side, pulsed together without knowing of each other.

    Parameters
    ----------
    kind
        Kind of chip.
    cells
        1 to 1024; at most 60 if ``apart``.
    seed
        Of the chip.
    apart
        Whether each bit line has its own net, so that every current is seen.
    """

    def __init__(self, kind: Preset, cells: int, seed: int, *, apart: bool = False) -> None:
        self.chip = Chip(1, cells, kind, seed)
        self._bits = BIT + np.arange(cells) if apart else np.full(cells, BIT)
        self._apart = apart
        self._nets = int(self._bits.max()) + 1
        self._free = np.full(self._nets, np.inf)
        self.choose(np.ones(cells, dtype=bool))
        self.drive(0.0, 0.0)

    def copy(self) -> Strip:
        """Return a second strip in the same state, with the same future."""
        return copy.deepcopy(self)

    def choose(self, cells: NDArray[np.bool_]) -> None:
        """Connect these cells only, bool with one value per cell made; the others float.

        What the strip does and tells is about the chosen cells from now on.
        """
        self.chosen = np.array(cells, dtype=bool)
        self.chip.drive(np.zeros(self._nets), self._free)  # before a line moves: everything at zero
        self.chip.connect(
            np.array([GATE]), np.where(cells, self._bits, -1), np.where(cells, SOURCE, -1)
        )

    @property
    def cells(self) -> int:
        """Number of chosen cells."""
        return int(self.chosen.sum())

    def drive(self, voltage: float, gate: float) -> None:
        """Hold ``voltage`` (V; below zero: on the source lines) over all chosen cells."""
        levels = np.full(self._nets, max(voltage, 0.0))
        levels[GATE], levels[SOURCE] = gate, max(-voltage, 0.0)
        self.chip.drive(levels, self._free)

    def rest(self, time: float = 0.0) -> None:
        """Put everything at zero and let ``time`` (s) pass."""
        self.drive(0.0, 0.0)
        self.chip.elapse(time)

    def pulse(self, point: Point, gap: float = 0.0) -> None:
        """Apply one pulse to all chosen cells, then rest for ``gap`` (s)."""
        self.drive(point.voltage, point.gate)
        self.chip.elapse(point.width)
        self.rest(gap)

    def currents(self) -> NDArray[np.float64]:
        """Return the currents now, noise included: A, (cells,) if apart, else their sum (1,)."""
        found = self.chip.currents()[0][BIT:]
        return found[self.chosen] if self._apart else found

    @property
    def conductance(self) -> NDArray[np.float64]:
        """S, (cells,): what a noiseless meter reads at 0.2 V."""
        return self.chip.conductance[0, self.chosen]

    @property
    def wear(self) -> NDArray[np.float64]:
        """Activity each cell has endured, (cells,)."""
        return np.asarray(self.chip.wear[0, self.chosen])

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Whether each cell moves no more, (cells,)."""
        return np.asarray(self.chip.failed[0, self.chosen])
