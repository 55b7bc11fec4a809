"""How far each cell ends above the typical one, followed from write to write.

A write is a fair proposal if nothing before it tells where it will end. Traps that stay put for
seconds, and the speed of a cell, which wanders, do tell: a cell that ended high is likely to end
high again. Where that goes unnoticed, a step of a Markov chain is followed by more the same way,
and it samples too wide a posterior. So each cell's offset is smoothed exponentially, and the weight
of a write in it is chosen so that what is left does not add up over several writes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.learn.gatecurve import GateCurve

Cells = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Rows and columns, of one shape, each cell once."""

_CYCLES = 12
"""Writes that the measured offset of a cell counts for."""
_OUTLIER = 4.0
RUN = 8
"""Writes of a cell over which misses must not add up: about as many as a chain remembers."""
_FEWEST = 200
"""Runs, from which on a ratio of variances is good to 10 %."""
GAINS = np.array([0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.10, 0.14, 0.20, 0.28])


class CellOffsets:
    """The offsets.

    Parameters
    ----------
    curve
        With the offsets as measured.
    gain
        Least weight of the newest write in an offset; 0 averages over all writes.

    Attributes
    ----------
    gain
        As given, or as fitted.
    adds_up
        float64, shape (len(GAINS),): variance of the sum of 8 misses of a cell in units of what it
        were if they were white, for each of ``GAINS``; NaN before :meth:`fit`.
    """

    def __init__(self, curve: GateCurve, gain: float) -> None:
        self.gain = gain
        self.adds_up = np.full(len(GAINS), np.nan)
        self._curve = curve
        self._value = curve.offset.copy()
        self._writes = np.full(curve.offset.shape, _CYCLES)
        self._seen: list[tuple[Cells, NDArray[np.float64], NDArray[np.float64]]] = []

    def of(self, where: Cells) -> NDArray[np.float64]:
        """Return the offsets of ln G, of the shape of ``where``'s parts."""
        found: NDArray[np.float64] = self._value[where]
        return found

    def follow(
        self, where: Cells, reached: NDArray[np.float64], gates: NDArray[np.float64], keep: bool
    ) -> None:
        """Take in a write.

        Parameters
        ----------
        where
            The cells.
        reached
            S; what could not be read, 0 or NaN, says nothing.
        gates
            V.
        keep
            Whether :meth:`fit` is to know of it.
        """
        read = reached > 0
        typical = np.interp(gates, self._curve.gates, self._curve.median)
        above = np.log(np.where(read, reached, 1.0)) - typical
        above = np.where(read, above, self._value[where])
        spread = np.interp(gates, self._curve.gates, self._curve.spread)
        far = _OUTLIER * spread * self._curve.scatter[where]
        if keep:
            self._seen.append((where, above, far))
        self._writes[where] += 1
        gain = np.maximum(1.0 / self._writes[where], self.gain)
        self._value[where] += gain * np.clip(above - self._value[where], -far, far)

    def fit(self) -> float:
        """Take the gain that leaves what was kept white, if there is enough of it; return it.

        White is where the variance of the sum of so many misses of a cell is the sum of their
        variances: more where a miss is followed by its like, less where offsets overshoot.
        """
        value = np.repeat(self._curve.offset[None], len(GAINS), axis=0)
        writes = np.full(self._curve.offset.shape, _CYCLES)
        run, single = np.zeros_like(value), np.zeros(len(GAINS))
        whole, runs, told = np.zeros(len(GAINS)), 0, 0
        for where, above, far in self._seen:
            miss = np.clip(above - value[:, *where], -far, far)
            writes[where] += 1
            gain = np.maximum(1.0 / writes[where], GAINS.reshape(-1, *[1] * above.ndim))
            value[:, *where] += gain * miss
            z = miss / far
            single += np.square(z).reshape(len(GAINS), -1).sum(axis=1)
            told += above.size
            run[:, *where] += z
            full = (writes[where] - _CYCLES) % RUN == 0
            ended = where[0][full], where[1][full]
            whole += np.square(run[:, *ended]).sum(axis=1)
            run[:, *ended] = 0.0
            runs += int(full.sum())
        self._seen.clear()
        if runs >= _FEWEST:
            self.adds_up = whole / runs / RUN / (single / told)
            self.gain = float(GAINS[np.argmin(np.abs(self.adds_up - 1.0))])
        return self.gain
