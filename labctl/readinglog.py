"""Readings of a block of cells while they come in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.array import Readings
from labctl.instruments import Reading


class ReadingLog:
    """Readings in the order of the cells asked for, whatever order they come in.

    Parameters
    ----------
    cells
        int64, shape (n, 2).
    voltage
        At which they are read, V.
    pulsed
        Whether pulses come before the readings.

    Attributes
    ----------
    cells
        As given.
    pulse_flag
        uint8, shape (n,): how the pulse before each reading ended.
    """

    def __init__(self, cells: NDArray[np.int64], voltage: float, pulsed: bool = False) -> None:
        self.cells, self._voltage, self._pulsed = cells, voltage, pulsed
        self.pulse_flag = np.zeros(len(cells), dtype=np.uint8)
        self._current = np.full(len(cells), np.nan)
        self._flag = np.zeros(len(cells), dtype=np.uint8)
        self._time = np.full(len(cells), np.nan)

    def put(self, k: int, reading: Reading, time: float) -> None:
        """Note the reading of cell ``k`` at a bench time (s)."""
        self._current[k], self._flag[k], self._time[k] = reading.current, reading.flag, time

    def put_block(
        self,
        places: NDArray[np.intp],
        currents: NDArray[np.float64],
        flags: NDArray[np.uint8],
        times: NDArray[np.float64],
    ) -> None:
        """Note readings of several cells: places in the list, A, flags, bench times (s)."""
        self._current[places], self._flag[places], self._time[places] = currents, flags, times

    def readings(self) -> Readings:
        """Return all of them; those with a flag have no conductance."""
        good = self._flag == 0
        conductance = np.where(good, self._current / self._voltage, np.nan)
        pulse_flag = self.pulse_flag if self._pulsed else None
        return Readings(self.cells, self._current, conductance, self._flag, self._time, pulse_flag)
