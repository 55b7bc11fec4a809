"""What a SET after a RESET leaves, as a function of the gate: the proposals of a Markov chain.

The transistor limits the current of a SET, and the current decides how much the cell conducts: the
median conductance follows the gate, and every cycle scatters about it (Dalgaty et al., Nat.
Electron. 4, 151 (2021), Fig. 2). That scatter is the randomness Metropolis-Hastings proposes with.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.array import READ_VOLTAGE, CellArray, Pulse
from labctl.errors import CalibrationError
from labctl.learn.unformed import unformed

_FEWEST_CYCLES = 4
_ROBUST = 1.4826
_RISE = 0.2  # of ln G from the lowest gate to the highest: less is no rise
GATE_STEP = 10e-3
"""V: gates are rounded to it, so that cells share pulses; a twentieth of a factor e at most."""


@dataclass(frozen=True, slots=True)
class GateCurve:
    """The measured distribution of a cell after RESET and a SET limited by the gate.

    Attributes
    ----------
    reset, set
        The pulses; the gate of the SET is what is chosen.
    gates
        float64, shape (k,), V, rising.
    median
        float64, shape (k,): ln of the median conductance (S) of a typical cell, rising.
    spread
        float64, shape (k,): sd of ln G of a typical cell from cycle to cycle, the read included.
    offset
        float64, shape (rows, columns): how far ln G of each cell lies above the typical one; NaN
        where a cell was not measured or does not follow.
    scatter
        float64, shape (rows, columns): sd of ln G of each cell about its own median, outliers and
        all, in units of ``spread``; NaN where ``offset`` is.
    step
        V: gates asked for are multiples of it.
    """

    reset: Pulse
    set: Pulse
    gates: NDArray[np.float64]
    median: NDArray[np.float64]
    spread: NDArray[np.float64]
    offset: NDArray[np.float64]
    scatter: NDArray[np.float64]
    step: float = GATE_STEP

    @property
    def range(self) -> tuple[float, float]:
        """Lowest and highest conductance (S) that a typical cell can be brought to."""
        return float(np.exp(self.median[0])), float(np.exp(self.median[-1]))

    def quiet(self, share: float) -> NDArray[np.bool_]:
        """Return the given share of the cells that were measured, those that scatter least.

        The rest are those with large traps: a cell with a two-state trap of 20 % proposes from two
        heaps, stays on one of them for seconds, and no density of one width describes that.

        Raises
        ------
        CalibrationError
            Where no cell follows the curve.
        """
        known = np.isfinite(self.scatter)
        if not known.any():
            raise CalibrationError(
                "The gate curve holds no usable cell: none was measured that follows the typical "
                "one. Measure it on formed cells that SET and RESET, with a SET strong enough for "
                "the gate to limit it."
            )
        least: NDArray[np.bool_] = known & (self.scatter <= np.quantile(self.scatter[known], share))
        return least

    def gate(self, conductance: ArrayLike, offset: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gates (V) at which cells of these offsets have medians (S) nearest to these.

        Parameters
        ----------
        conductance, offset
            Of one shape, which is that of the result.
        """
        found = np.interp(np.log(conductance) - offset, self.median, self.gates)
        rounded: NDArray[np.float64] = np.round(found / self.step) * self.step
        return np.clip(rounded, self.gates[0], self.gates[-1])

    def log_density(
        self,
        reached: ArrayLike,
        gate: NDArray[np.float64],
        offset: NDArray[np.float64],
        scatter: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the log density (per S) of reaching conductances (S) by SETs at these gates (V).

        Parameters
        ----------
        reached, gate, offset, scatter
            Of one shape, which is that of the result; the last two are those of the cells.
        """
        target = np.interp(gate, self.gates, self.median) + offset
        sd = np.interp(gate, self.gates, self.spread) * scatter
        log = np.log(reached)
        found: NDArray[np.float64] = -0.5 * ((log - target) / sd) ** 2 - np.log(sd) - log
        return found


def measure_gate_curve(
    array: CellArray,
    cells: NDArray[np.int64],
    reset: Pulse,
    set_pulse: Pulse,
    gates: ArrayLike,
    *,
    cycles: int = 12,
    read: float = READ_VOLTAGE,
) -> GateCurve:
    """Cycle cells at each gate and take medians and spreads.

    Parameters
    ----------
    array
        The chip; its cells are formed.
    cells
        int, shape (n, 2).
    reset, set_pulse
        A RESET that erases, and a SET strong enough for the gate to limit it.
    gates
        V, shape (k,).
    cycles
        At each gate, 4 or more.
    read
        V.

    Raises
    ------
    CalibrationError
        For too few cycles or gates, or where more gate does not leave more conductance; says so
        where the cells look unformed.
    """
    levels = np.unique(np.asarray(gates, dtype=np.float64))
    if cycles < _FEWEST_CYCLES or len(levels) < 2:
        raise CalibrationError(
            f"A gate curve of {len(levels)} gates and {cycles} cycles each: give 2 gates and "
            f"{_FEWEST_CYCLES} cycles or more."
        )
    logs = np.full((len(levels), cycles, len(cells)), np.nan)
    for k, gate in enumerate(levels.tolist()):
        for cycle in range(cycles):
            array.pulse(cells, reset)
            readings = array.pulse(cells, replace(set_pulse, gate=gate), read)
            assert readings is not None
            good = readings.conductance > 0.0
            logs[k, cycle, good] = np.log(readings.conductance[good])
    of_cell = np.nanmedian(logs, axis=1)
    median = np.nanmedian(of_cell, axis=1)
    rises = bool((np.diff(median) > 0).all())
    if (not rises or median[-1] - median[0] < _RISE) and (why := unformed(np.exp(of_cell[-1]))):
        raise CalibrationError(why)
    if not rises:
        raise CalibrationError(
            "The conductance after SET does not rise with the gate from "
            f"{levels[0]:.3g} to {levels[-1]:.3g} V: the gate does not limit the current. Give the "
            "SET more voltage, or use lower gates."
        )
    away = of_cell - median[:, None]
    offset = np.nanmedian(away, axis=0)
    # From the middle half of the cycles: a cell that fails now and then is no scatter.
    low, high = np.nanquantile(logs - of_cell[:, None, :], [0.25, 0.75], axis=(1, 2))
    spread = 0.5 * _ROBUST * (high - low) * np.sqrt(cycles / (cycles - 1))
    follows = np.abs(away - offset).max(axis=0) < 6 * spread.max()
    miss = (logs - median[:, None, None] - offset) / spread[:, None, None]
    scatter = np.sqrt(np.nanmean(miss**2, axis=(0, 1)))
    tables = []
    for values in (offset, scatter):
        table = np.full(array.shape, np.nan)
        table[cells[:, 0], cells[:, 1]] = np.where(follows, values, np.nan)
        tables.append(table)
    return GateCurve(reset, set_pulse, levels, median, spread, tables[0], tables[1])
