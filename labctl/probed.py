"""The array behind the probes: source meters, relays and limits turned into cell operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.array import READ_GATE, READ_VOLTAGE, Counters, Pulse, Readings, Sweep, Timing
from labctl.cells import check_cells, visiting_order
from labctl.clock import Clock
from labctl.errors import InstrumentError, LimitError
from labctl.instruments import Flag, Reading, SwitchMatrix
from labctl.safety import Safety
from labctl.wiring import Move, Wiring


class ProbedArray:
    """Cells reached through a switch matrix, one at a time, always switched cold.

    Every operation on a cell is: all levels at 0 V; relays; gate; pulse or read; all levels at
    0 V again (``instruments.md`` section 6). An error or interrupt inside takes the whole bench
    to zero before it goes on to the caller.

    Attributes
    ----------
    shape
        Rows (word lines) and columns (bit lines).
    interrupt
        Called before each cell; may raise to break off a batch. Used by the engine.
    pulse_counts
        int64, shape (rows, columns): pulses applied to each cell since the bench was opened.
    """

    def __init__(self, safety: Safety, wiring: Wiring, matrix: SwitchMatrix, clock: Clock) -> None:
        self.shape = wiring.shape
        self.counters = Counters()
        self.interrupt: Callable[[], None] | None = None
        self.pulse_counts = np.zeros(self.shape, dtype=np.int64)
        self._safety, self._wiring, self._matrix, self._clock = safety, wiring, matrix, clock
        self._here: tuple[int, int] | None = None
        self._known = False  # whether the relays are where _here says
        self._last = np.full(self.shape, np.nan)  # conductance last read, S, for the energy
        word, bit = safety.word_line, safety.bit_line
        self._read_time = bit.table.nplc / bit.meter.line_frequency + bit.table.settle
        move = 2 * matrix.settling  # break before make: the old relays settle, then the new ones
        pulse = move + 2 * (word.meter.overhead + word.table.settle) + bit.meter.overhead
        self.timing = Timing(read=pulse + self._read_time, pulse=pulse, move=move)

    def now(self) -> float:
        """Return the bench time, s."""
        return self._clock.now()

    @property
    def all_cells(self) -> NDArray[np.int64]:
        """Every cell of the chip, shape (rows * columns, 2)."""
        return np.argwhere(np.ones(self.shape, dtype=bool)).astype(np.int64)

    def read(
        self, cells: ArrayLike, voltage: float = READ_VOLTAGE, gate: float = READ_GATE
    ) -> Readings:
        """Read cells one after the other (see :meth:`labctl.array.CellArray.read`)."""
        wanted = check_cells(cells, self.shape)
        self._check_read(voltage, gate)
        log = _Log(wanted, voltage)
        with self._batch():
            for k, cell in self._visit(wanted):
                self._select(cell)
                self._measure(log, k, cell, voltage, self._gate(gate))
                self._gate(0.0)
        return log.readings()

    def pulse(
        self, cells: ArrayLike, pulses: Pulse | Sequence[Pulse], read: float | None = None
    ) -> Readings | None:
        """Apply one pulse to each cell (see :meth:`labctl.array.CellArray.pulse`)."""
        wanted = check_cells(cells, self.shape)
        each = [pulses] * len(wanted) if isinstance(pulses, Pulse) else list(pulses)
        if len(each) != len(wanted):
            raise LimitError(
                f"{len(each)} pulses for {len(wanted)} cells; give one for all, or one per cell."
            )
        self.check(each)
        self._check_counts(wanted)
        if read is not None:
            self._check_read(read, READ_GATE)
        log = _Log(wanted, read or READ_VOLTAGE)
        with self._batch():
            for k, cell in self._visit(wanted):
                pulse, before = each[k], self._last[cell]
                self._select(cell)
                self._gate(pulse.gate)
                self._apply(cell, pulse)
                if read is not None:
                    self._measure(log, k, cell, read, self._gate(READ_GATE))
                self._gate(0.0)
                self._charge(cell, pulse, before)
        return log.readings() if read is not None else None

    def check(self, pulses: Sequence[Pulse]) -> None:
        """Raise LimitError where a pulse is beyond a limit; nothing is applied."""
        for pulse in dict.fromkeys(pulses):
            self._safety.check_pulse(
                pulse.bit_line, pulse.source_line, pulse.gate, pulse.width, "A pulse"
            )

    def sweep(
        self, cell: tuple[int, int], voltages: Sequence[float], gate: float, dwell: float
    ) -> Sweep:
        """Step one cell through voltages (see :meth:`labctl.array.CellArray.sweep`)."""
        [target] = check_cells([cell], self.shape)
        self._safety.check_sweep(voltages, gate, dwell, f"A sweep of cell {cell}")
        stressing = sum(abs(voltage) > READ_VOLTAGE for voltage in voltages)
        self._check_counts(np.repeat(target[None], stressing, axis=0))
        currents: list[NDArray[np.float64]] = []
        flags: list[NDArray[np.uint8]] = []
        with self._batch():
            if self.interrupt is not None:
                self.interrupt()
            self._select((int(target[0]), int(target[1])))
            self._gate(gate)
            self.pulse_counts[tuple(target)] += stressing
            for negative, part in groupby(voltages, key=lambda v: v < 0):
                line = self._safety.source_line if negative else self._safety.bit_line
                current, flag = line.meter.sweep([abs(v) for v in part], dwell)
                currents.append(-current if negative else current)
                flags.append(flag)
            self._gate(0.0)
        if not currents:
            return Sweep(np.empty(0), np.empty(0), np.empty(0, dtype=np.uint8))
        return Sweep(
            np.asarray(voltages, dtype=float), np.concatenate(currents), np.concatenate(flags)
        )

    def forget_relays(self) -> None:
        """Ask the matrix for its relays before the next move; somebody else moved them."""
        self._known, self._here = False, None

    @contextmanager
    def _batch(self) -> Iterator[None]:
        """Guard a block of cells: ready before, relays verified after, zero on any error."""
        self._safety.ready()
        try:
            yield
            self._verify_relays()
        except BaseException as error:
            self.forget_relays()
            for fault in self._safety.off():
                error.add_note(f"While bringing the bench to zero: {fault}")
            raise

    def _visit(self, cells: NDArray[np.int64]) -> Iterator[tuple[int, tuple[int, int]]]:
        order = visiting_order(cells, self._here)
        listed = cells.tolist()
        for k in order.tolist():
            if self.interrupt is not None:
                self.interrupt()
            row, column = listed[k]
            yield k, (row, column)

    def _select(self, cell: tuple[int, int]) -> None:
        """Connect ``cell``; all levels are at 0 V here, as every operation leaves them."""
        if self._known and cell == self._here:
            return
        if self._known:
            move = self._wiring.move(self._here, cell)
        else:
            present, wanted = self._matrix.closed(), self._wiring.closed(cell)
            move = Move(tuple(sorted(present - wanted)), tuple(sorted(wanted - present)))
        self._known = False
        self._matrix.move(move.opened, move.closed)
        self._here, self._known = cell, True
        self.counters.relay_closures += len(move.closed)

    def _gate(self, voltage: float) -> Flag:
        """Bring the word line to ``voltage`` (V); tell whether its source is limited there."""
        word = self._safety.word_line
        return word.meter.force(voltage, word.table.settle)

    def _measure(
        self, log: _Log, k: int, cell: tuple[int, int], voltage: float, gate: Flag
    ) -> None:
        """Read a cell; a gate that is not where it should be spoils the reading as well.

        The source line is the other end of the same current, and the bench file keeps its
        compliance above that of the bit line.
        """
        bit = self._safety.bit_line
        reading = bit.meter.measure(voltage, bit.table.settle)
        reading = Reading(reading.current, reading.flag | gate)
        log.put(k, reading, self._clock.now())
        self.counters.reads += 1
        if not reading.flag:
            self._last[cell] = abs(reading.current / voltage)
            self.counters.read_energy += abs(reading.current * voltage) * self._read_time

    def _apply(self, cell: tuple[int, int], pulse: Pulse) -> None:
        if pulse.bit_line != 0.0:
            self._safety.bit_line.meter.pulse(pulse.bit_line, pulse.width)
        else:
            self._safety.source_line.meter.pulse(pulse.source_line, pulse.width)
        self.counters.pulses += 1
        self.pulse_counts[cell] += 1

    def _charge(self, cell: tuple[int, int], pulse: Pulse, before: float) -> None:
        """Add the energy of a pulse: V^2 (G_before + G_after)/2 t, as far as G is known."""
        known = [g for g in (before, self._last[cell]) if np.isfinite(g)]
        if known:
            volts = pulse.bit_line + pulse.source_line
            self.counters.write_energy += volts**2 * sum(known) / len(known) * pulse.width

    def _verify_relays(self) -> None:
        if not self._known:
            return
        present, wanted = self._matrix.closed(), self._wiring.closed(self._here)
        if present != wanted:
            stuck, missing = sorted(present - wanted), sorted(wanted - present)
            raise InstrumentError(
                f"The matrix is not where it was sent: closed but should be open {stuck}, open "
                f"but should be closed {missing}. The last readings are not to be trusted; run "
                "`labctl bench check`."
            )

    def _check_read(self, voltage: float, gate: float) -> None:
        if voltage == 0.0:
            raise LimitError("A read at 0 V measures nothing; use about 0.2 V.")
        self._safety.bit_line.check_level(voltage, "A read")
        self._safety.word_line.check_level(gate, "A read")

    def _check_counts(self, cells: NDArray[np.int64]) -> None:
        limit = self._safety.limits.pulses_per_cell
        if self.pulse_counts.max(initial=0) + len(cells) <= limit:
            return
        for cell, extra in zip(*np.unique(cells, axis=0, return_counts=True), strict=True):
            row, column = int(cell[0]), int(cell[1])
            if self.pulse_counts[row, column] + extra > limit:
                raise LimitError(
                    f"Cell ({row}, {column}) has had {self.pulse_counts[row, column]} pulses; "
                    f"[limits] pulses_per_cell is {limit}. Use another cell, or raise the limit."
                )


class _Log:
    """Readings of a batch while they come in, in the order of the cells asked for."""

    def __init__(self, cells: NDArray[np.int64], voltage: float) -> None:
        self._cells, self._voltage = cells, voltage
        self._current = np.full(len(cells), np.nan)
        self._flag = np.zeros(len(cells), dtype=np.uint8)
        self._time = np.full(len(cells), np.nan)

    def put(self, k: int, reading: Reading, time: float) -> None:
        self._current[k], self._flag[k], self._time[k] = reading.current, reading.flag, time

    def readings(self) -> Readings:
        good = self._flag == 0
        conductance = np.where(good, self._current / self._voltage, np.nan)
        return Readings(self._cells, self._current, conductance, self._flag, self._time)
