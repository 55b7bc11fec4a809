"""A drive that many cells see alike: most of them follow one flow, found once per drive."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.sim.chip.common import common_pulse, fit_for_common
from labctl.sim.chip.evolve import stress
from labctl.sim.chip.flow import flow_table
from labctl.sim.chip.jit import kernel

FEWEST = 64
"""Cells from which on a flow is worth finding."""
_MOST_TABLES = 64


@kernel
def shared_drive(
    edges: NDArray[np.int64], gates: NDArray[np.float64], count: int, held: NDArray[np.float64]
) -> tuple[float, float]:
    """Return V and gate of all edges against the lower line; not a number where they differ."""
    v, gate = np.nan, np.nan
    for e in range(count):
        bit, source = held[edges[e, 1]], held[edges[e, 2]]
        if e == 0:
            v, gate = bit - source, gates[e] - min(bit, source)
        elif bit - source != v or gates[e] - min(bit, source) != gate:
            return np.nan, np.nan
    return v, gate


@kernel
def _one_by_one(
    state: NDArray[np.float64], counts: NDArray[np.int64], cells: NDArray[np.int64], v: float,
    gate: float, now: float, t: float, p: NDArray[np.float64], noise: bool, seed: int, pulse: int,
) -> None:  # fmt: skip
    for c in cells:
        stress(state, counts, c, v, gate, 0.0, 0.0, now, t, np.inf, 0.0, p, noise, seed, pulse)


class Crowd:
    """Pulses for many cells of a chip at once.

    Parameters
    ----------
    p
        Parameter vector of the chip; call :meth:`forget` when it changes.
    """

    def __init__(self, p: NDArray[np.float64]) -> None:
        self._p = p
        self._tables: dict[tuple[float, float], Any] = {}

    def forget(self) -> None:
        """Forget the flows found so far: the temperature has changed."""
        self._tables.clear()

    def pulse(
        self,
        state: NDArray[np.float64],
        counts: NDArray[np.int64],
        cells: NDArray[np.int64],
        v: float,
        gate: float,
        *rest: Any,
    ) -> None:
        """Let ``cells`` live through one drive.

        Parameters
        ----------
        state, counts
            All cells; changed.
        cells
            int64, (n,), each once.
        v, gate
            V over the lines, V of the gate against the lower one.
        *rest
            now (s), duration (s), parameter vector, noise, seed, number of the drive.
        """
        table = self._table(v, gate)
        if table.shape[1] == 0:  # so hot that no one flow will do
            _one_by_one(state, counts, cells, v, gate, *rest)
            return
        fit, other = np.empty(cells.size, np.int64), np.empty(cells.size, np.int64)
        a, b = fit_for_common(state, cells, fit, other)
        if a:
            common_pulse(state, counts, fit[:a], v, gate, *rest, table)
        if b:
            _one_by_one(state, counts, other[:b], v, gate, *rest)

    def _table(self, v: float, gate: float) -> Any:
        table = self._tables.get((v, gate))
        if table is None:
            if len(self._tables) >= _MOST_TABLES:
                self._tables.pop(next(iter(self._tables)))
            table = self._tables[v, gate] = flow_table(v, gate, self._p)
        return table
