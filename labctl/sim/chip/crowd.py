"""A drive that many cells see alike: most of them follow one flow, found once per drive."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.sim.chip.common import common_pulse, fit_for_common
from labctl.sim.chip.evolve import stress
from labctl.sim.chip.flow import flow_table
from labctl.sim.chip.jit import kernel
from labctl.sim.chip.layout import PASSIVE, QUIET, SOURCE_BY_COLUMN, THRESHOLD

FEWEST = 64
"""Cells from which on a flow is worth finding."""
_MOST_TABLES = 64


@kernel
def common_drive(
    word: NDArray[np.int8], bit: NDArray[np.int8], source: NDArray[np.int8], mode: int,
    volt: NDArray[np.float64], limit: NDArray[np.float64], p: NDArray[np.float64],
    who: NDArray[np.int64],
) -> tuple[int, float, float]:  # fmt: skip
    """Find one drive that all stressed cells see, without listing every cell that conducts.

    Lines are on ideal wires. A line that floats carries nothing where source lines run along
    columns, since only one other line meets it in any cell that conducts.

    Parameters
    ----------
    word, bit, source, mode, volt, limit, p
        As for :func:`labctl.sim.chip.circuit.plan`; V and A per net.
    who
        int64, (rows * columns,); written: the stressed cells, ascending.

    Returns
    -------
    int, float, float
        How many cells; V over the lines; V of the gate against the lower one, infinite in a
        passive array. No cell where the drives differ, or where only the list of what conducts can
        tell.
    """
    by_row, passive = mode != SOURCE_BY_COLUMN, mode == PASSIVE
    low_side = word if passive else source
    columns = bit.size
    across, lower, lowest = 0.0, 0.0, np.inf
    stressed = np.zeros(columns, dtype=np.bool_)
    if by_row:
        for n in low_side:
            if n < 0 or n != low_side[0]:
                return 0, 0.0, 0.0
    for j in range(columns):
        b, s = bit[j], low_side[0 if by_row else j]
        if b < 0 or s < 0:
            if by_row:
                return 0, 0.0, 0.0
            continue
        if not (limit[b] == np.inf and limit[s] == np.inf):
            return 0, 0.0, 0.0
        v = volt[b] - volt[s]
        if np.isnan(v):
            return 0, 0.0, 0.0
        lowest = min(lowest, volt[b], volt[s])
        if abs(v) <= p[QUIET]:
            continue
        if across != 0.0 and (v != across or min(volt[b], volt[s]) != lower):
            return 0, 0.0, 0.0
        across, lower = v, min(volt[b], volt[s])
        stressed[j] = True
    if across == 0.0 or lower != lowest:
        return 0, 0.0, 0.0
    count, gate = 0, np.nan
    for i in range(word.size):
        level = volt[word[i]] if word[i] >= 0 else 0.0
        level = np.inf if passive else 0.0 if np.isnan(level) else level
        if level - lower <= p[THRESHOLD]:
            continue
        if count > 0 and level != gate:
            return 0, 0.0, 0.0
        gate = level
        for j in range(columns):
            if stressed[j]:
                who[count] = i * columns + j
                count += 1
    return count, across, gate - lower


@kernel
def _one_by_one(
    state: NDArray[np.float64], counts: NDArray[np.int64], cells: NDArray[np.int64], v: float,
    gate: float, now: NDArray[np.float64], t: float, p: NDArray[np.float64], noise: bool, seed: int,
    pulse: int,
) -> None:  # fmt: skip
    for k in range(cells.size):
        at = now[0] if now.size == 1 else now[k]
        stress(
            state, counts, cells[k], v, gate, 0.0, 0.0, at, t, np.inf, 0.0, p, noise, seed, pulse
        )


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
        now: float | NDArray[np.float64],
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
        now
            s, when it begins: for all, or float64, (n,).
        *rest
            Duration (s), parameter vector, noise, seed, number of the drive.
        """
        table = self._table(v, gate)
        times = np.atleast_1d(np.asarray(now, dtype=np.float64))
        if table.shape[1] == 0:  # so hot that no one flow will do
            _one_by_one(state, counts, cells, v, gate, times, *rest)
            return
        fit, other = np.empty(cells.size, np.int64), np.empty(cells.size, np.int64)
        a, b = fit_for_common(state, cells, fit, other)
        early = late = times
        if b and times.size > 1:
            each = np.empty(state.shape[1])
            each[cells] = times
            early, late = each[fit[:a]], each[other[:b]]
        if a:
            common_pulse(state, counts, fit[:a], v, gate, early, *rest, table)
        if b:
            _one_by_one(state, counts, other[:b], v, gate, late, *rest)

    def _table(self, v: float, gate: float) -> Any:
        table = self._tables.get((v, gate))
        if table is None:
            if len(self._tables) >= _MOST_TABLES:
                self._tables.pop(next(iter(self._tables)))
            table = self._tables[v, gate] = flow_table(v, gate, self._p)
        return table
