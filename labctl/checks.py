"""What is held against the limits before anything is applied to a cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labctl.array import MOST_READ_VOLTAGE, READ_VOLTAGE, Pulse
from labctl.errors import LimitError
from labctl.inhibit import Scheme
from labctl.safety import Safety


class Checks:
    """The checks of one bench; each raises LimitError, and says what to change.

    Parameters
    ----------
    safety
        The limits.
    scheme
        Which level goes where.
    """

    def __init__(self, safety: Safety, scheme: Scheme) -> None:
        self._safety, self._scheme = safety, scheme

    def pulses(self, pulses: Sequence[Pulse]) -> None:
        """Check pulses: levels of all terminals that take part, and that they can be made."""
        for pulse in dict.fromkeys(pulses):
            self._safety.check_pulse(
                pulse.bit_line, pulse.source_line, pulse.gate, pulse.width, "A pulse"
            )
            drive = self._scheme.pulse(pulse)
            for name, level in (*drive.held, (drive.terminal, drive.level)):
                self._safety.terminals[name].check_level(level, "A pulse")
            source = self._safety.terminals[drive.terminal]
            if pulse.width < source.meter.shortest_pulse:
                raise LimitError(
                    f"A pulse asks for {pulse.width:g} s; the shortest {source.label} can make is "
                    f"{source.meter.shortest_pulse:g} s. Use a longer pulse or a pulse generator."
                )

    def read(self, voltage: float, gate: float) -> None:
        """Check the levels of a read, V."""
        if voltage == 0.0:
            raise LimitError("A read at 0 V measures nothing; use about 0.2 V.")
        self._safety.bit_line.check_level(voltage, "A read")
        self._safety.word_line.check_level(gate, "A read")
        for name, level in self._scheme.read(voltage, gate).held:
            self._safety.terminals[name].check_level(level, "A read")
        if abs(voltage) > MOST_READ_VOLTAGE:
            raise LimitError(
                f"A read at {voltage:g} V is a stress that nobody counts; read at up to "
                f"{MOST_READ_VOLTAGE:g} V, and use a pulse or a sweep above."
            )

    def sweep(self, voltages: Sequence[float], gate: float, dwell: float, purpose: str) -> None:
        """Check a sweep: levels (V), time of a point (s), and what other cells would see of it."""
        self._safety.check_sweep(voltages, gate, dwell, purpose)
        signs = {-1 if voltage < 0 else 1 for voltage in voltages if voltage != 0.0}
        if signs <= self._scheme.sweeps:
            return
        if any(abs(voltage) > READ_VOLTAGE for voltage in voltages):
            raise LimitError(
                f"{purpose} puts its voltages on other cells as well, point after point ([array] "
                f"inhibit). Stay within {READ_VOLTAGE:g} V, or use pulses and reads."
            )

    def count(self, cells: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        """Check that cells, shape (n, 2), may have one more pulse for each time they occur.

        ``counts``, shape (rows, columns), are the pulses that each cell has had.
        """
        limit = self._safety.limits.pulses_per_cell
        if counts.max(initial=0) + len(cells) <= limit:
            return
        for cell, extra in zip(*np.unique(cells, axis=0, return_counts=True), strict=True):
            row, column = int(cell[0]), int(cell[1])
            if counts[row, column] + extra > limit:
                raise LimitError(
                    f"Cell ({row}, {column}) has had {counts[row, column]} pulses; [limits] "
                    f"pulses_per_cell is {limit}. Use another cell, or raise the limit."
                )
