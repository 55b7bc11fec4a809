"""Visits to the cells of a chip line by line, through what the chip offers every instrument.

For arrays where a drive reaches more than the selected cell: passive ones, and levels that open
the transistors of grounded word lines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.clock import VirtualClock
from labctl.errors import BenchFileError
from labctl.sim.chip import Chip
from labctl.sim.chip.visit import BEGIN, CALL, COMPLIANCE, END, OVERFLOW, RETURN
from labctl.sim.chip.visits import Progress, Shown
from labctl.sim.timeline import Limits, Timeline

INHIBIT = ("float", "ground", "half", "third")
"""What unselected lines of a passive array do: float; lie at 0 V; or lie at 0 V in reads and so in
pulses and sweeps that no other cell sees more than half or a third of the level."""

_SHARES = {"half": 1 / 2, "third": 1 / 3}
_WORD, _BIT, _SOURCE, _GROUND = range(4)
_OTHER_WORDS, _OTHER_BITS = 2, 3
_NETS = 4


class Stepper:
    """Pulses, reads and sweeps one cell after the other; every level is told to the chip."""

    def __init__(self, chip: Chip, timeline: Timeline, limits: Limits, inhibit: str) -> None:
        if inhibit not in INHIBIT:
            raise BenchFileError(f"inhibit is {inhibit!r}; use one of: {', '.join(INHIBIT)}.")
        self._chip, self._times, self._limits = chip, timeline, limits
        self._inhibit = inhibit
        self._share: float | None = None  # of the level, over other cells of the selected lines
        self._passive = chip.source_lines == "none"
        sources = {"columns": chip.columns, "rows": chip.rows, "none": 0}[chip.source_lines]
        lines = (chip.rows, chip.columns, sources)
        self._word, self._bit, self._source = (np.full(n, -1, dtype=np.int8) for n in lines)
        self._levels = (0.0, 0.0)  # V, bit line and source line
        self._gate = 0.0  # V
        chip.connect(self._word, self._bit, self._source)
        self._drive()

    def visit(
        self,
        progress: Progress,
        cells: NDArray[np.int64],
        order: NDArray[np.intp],
        pulses: NDArray[np.float64],
        read: float,
        gate: float,
        shown: Shown,
    ) -> None:
        """Pulse cells, read them, or both (see :meth:`labctl.sim.chip.visits.Visits.visit`)."""
        times = self._times
        clock = progress.clock
        for k in order.tolist():
            row, column = cells[k].tolist()
            if progress.here != (row, column):
                _spend(clock, *times.moving)
                progress.here, progress.moved = (row, column), True
            if len(pulses):
                bit, source, word, width = pulses[k].tolist()
                self._set_gate(clock, word)
                self._share = _SHARES.get(self._inhibit)
                _spend(clock, times.message, times.level)
                self._set(progress, bit, source)
                _spend(clock, width)
                self._currents(progress)  # the source meter looks whether it is at its limit
                _spend(clock, times.level)
                self._set(progress, 0.0, 0.0)
                _spend(clock, times.answer)
            if read != 0.0:
                self._set_gate(clock, gate)
                self._share = None
                _spend(clock, times.message, times.level)
                self._set(progress, read, 0.0)
                _spend(clock, times.bit_settle, times.bit_integration + times.conversion)
                shown.current[k], shown.flag[k] = self._measure(progress, 0)
                _spend(clock, times.level)
                self._set(progress, 0.0, 0.0)
                _spend(clock, times.answer)
                shown.time[k] = clock.now()
            self._set_gate(clock, 0.0)

    def sweep(
        self,
        progress: Progress,
        voltages: NDArray[np.float64],
        marks: NDArray[np.uint8],
        gate: float,
        dwell: float,
        shown: Shown,
    ) -> None:
        """Step the selected cell (see :meth:`labctl.sim.chip.visits.Visits.sweep`)."""
        times, clock = self._times, progress.clock
        self._set_gate(clock, gate)
        self._share = _SHARES.get(self._inhibit)
        for k, (voltage, mark) in enumerate(zip(voltages.tolist(), marks.tolist(), strict=True)):
            negative = voltage < 0.0
            wait = times.source_integration if negative else times.bit_integration
            _spend(clock, *(times.message,) * (bool(mark & BEGIN) + bool(mark & CALL)), times.level)
            self._set(progress, *((0.0, -voltage) if negative else (abs(voltage), 0.0)))
            _spend(clock, dwell, wait + times.conversion)
            current, shown.flag[k] = self._measure(progress, int(negative))
            shown.current[k] = -current if negative else current
            if mark & RETURN:
                _spend(clock, times.answer)
            if mark & END:
                _spend(clock, times.message, times.level)
                self._set(progress, 0.0, 0.0)
                _spend(clock, times.answer, times.message, times.answer)
        self._set_gate(clock, 0.0)

    def _set_gate(self, clock: VirtualClock, voltage: float) -> None:
        """Bring the word line to a level while bit line and source line are at 0 V."""
        if not self._passive:
            times = self._times
            self._gate = voltage
            _spend(clock, times.message, times.level, times.word_settle, times.answer)

    def _set(self, progress: Progress, bit: float, source: float) -> None:
        if (bit, source) != self._levels:
            progress.live(self._chip)
            self._levels = (bit, source)
            self._tell(progress)

    def _tell(self, progress: Progress) -> None:
        if progress.moved and progress.here is not None:
            self._connect(*progress.here)
            progress.moved = False
        self._drive()

    def _connect(self, row: int, column: int) -> None:
        floating = self._passive and self._inhibit == "float"
        self._word[:] = -1 if floating else _OTHER_WORDS if self._passive else _GROUND
        self._bit[:] = _OTHER_BITS if self._passive and not floating else -1
        self._source[:] = -1
        self._word[row], self._bit[column] = _WORD, _BIT
        if not self._passive:
            self._source[column if self._chip.source_lines == "columns" else row] = _SOURCE
        self._chip.connect(self._word, self._bit, self._source)

    def _drive(self) -> None:
        bit, source = self._levels
        limits = self._limits
        low = _WORD if self._passive else _SOURCE
        voltage, limit, late = np.zeros(_NETS), np.full(_NETS, np.inf), np.zeros(_NETS)
        voltage[_BIT], voltage[low] = bit, source
        limit[_BIT], limit[low] = limits.bit_compliance, limits.source_compliance
        late[_BIT], late[low] = limits.bit_reaction, limits.source_reaction
        if not self._passive:
            voltage[_WORD] = self._gate
        elif self._share is not None:
            voltage[_OTHER_WORDS] = bit + self._share * (source - bit)
            voltage[_OTHER_BITS] = source + self._share * (bit - source)
        self._chip.drive(voltage, limit, late)

    def _currents(self, progress: Progress) -> tuple[list[float], list[bool]]:
        """Return current (A) and whether limited, of bit line and source line.

        In a passive array the current of the selected cell is that of the line it flows out of,
        where no other line has a level.
        """
        if self._levels == (0.0, 0.0):
            return [0.0, 0.0], [False, False]
        progress.live(self._chip)
        current, limited = self._chip.currents()
        if self._passive:
            return [-float(current[_WORD]), -float(current[_BIT])], limited[[_BIT, _WORD]].tolist()
        return current[[_BIT, _SOURCE]].tolist(), limited[[_BIT, _SOURCE]].tolist()

    def _measure(self, progress: Progress, line: int) -> tuple[float, int]:
        """Return current (A) and flag of a reading on the bit line (0) or the source line (1)."""
        currents, limits = self._currents(progress)
        current, limited = currents[line], limits[line]
        if limited:
            self._tell(progress)  # a meter at its limit looks for its voltage too
        flag = COMPLIANCE if limited else 0
        most = (self._limits.bit_range, self._limits.source_range)[line]
        if abs(current) > most:
            return np.nan, flag | OVERFLOW
        return current, flag


def _spend(clock: VirtualClock, *durations: float) -> None:
    for seconds in durations:
        clock.sleep(seconds)
