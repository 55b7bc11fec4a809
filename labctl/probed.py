"""The array behind the probes: source meters, relays and limits turned into cell operations."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.array import READ_GATE, READ_VOLTAGE, Counters, Pulse, Readings, Sweep
from labctl.cells import check_cells
from labctl.checks import Checks
from labctl.clock import Clock
from labctl.errors import LimitError
from labctl.estimate import estimate
from labctl.inhibit import ONE_TRANSISTOR, Scheme
from labctl.instruments import Flag, Reading, Scanner, SwitchMatrix
from labctl.levels import Levelled
from labctl.planner import Planner
from labctl.readinglog import ReadingLog
from labctl.route import Route
from labctl.safety import Safety
from labctl.wiring import Wiring

LONGEST_BLOCK = 1.0
"""Bench time of what cannot be broken off, s: a block of cells scanned or points swept."""


class ProbedArray:
    """Cells reached through a switch matrix, one at a time, always switched cold.

    Every operation on a cell is: all levels at 0 V; relays; levels of the terminals that hold
    (:mod:`labctl.inhibit`), the gate last; pulse or read; all levels at 0 V again, until the
    lines have discharged (``instruments.md`` section 6). An error or interrupt inside takes the
    whole bench to zero before it goes on to the caller. Several threads may use the array: a block
    of cells, and a sweep, of one is over before that of another begins.

    Parameters
    ----------
    safety, wiring, matrix, clock
        Of the bench.
    scheme
        Which level goes where.
    scanner
        What reads blocks of cells inside the instruments; None: cell by cell.

    Attributes
    ----------
    shape
        Rows (word lines) and columns (bit lines).
    interrupt
        Called before each cell, each block of cells that is scanned and each part of a sweep;
        may raise to break off. Used by the engine.
    after_batch
        Called at the end of each block of cells and each sweep, however it ended.
    pulse_counts
        int64, shape (rows, columns): pulses applied to each cell since the bench was opened, and
        what the bench knew of before.
    pulse_flag
        uint8, shape (rows, columns): how the last pulse of each cell ended, bits of
        :class:`labctl.instruments.Flag`.
    closures
        Closures of each crosspoint, counted like ``pulse_counts``.
    """

    def __init__(
        self,
        safety: Safety,
        wiring: Wiring,
        matrix: SwitchMatrix,
        clock: Clock,
        scheme: Scheme = ONE_TRANSISTOR,
        scanner: Scanner | None = None,
    ) -> None:
        self.shape = wiring.shape
        self.counters = Counters()
        self.interrupt: Callable[[], None] | None = None
        self.after_batch: Callable[[], None] | None = None
        self.pulse_counts = np.zeros(self.shape, dtype=np.int64)
        self.pulse_flag = np.zeros(self.shape, dtype=np.uint8)
        self.closures: Counter[str] = Counter()
        self._safety, self._clock, self._scheme, self._scanner = safety, clock, scheme, scanner
        self._planner, self._checks = Planner(*wiring.steps()), Checks(safety, scheme)
        self._route = Route(wiring, matrix, self.closures, self.counters)
        self._levels = Levelled(safety.terminals)
        self._turn = threading.RLock()  # one thread at a time has levels and relays
        self._last = np.full(self.shape, np.nan)  # conductance last read, S, for the energy
        bit = safety.bit_line
        self._read_time = bit.table.nplc / bit.meter.line_frequency + bit.table.settle
        self.timing = estimate(safety, scheme, matrix, wiring, scanner)

    def now(self) -> float:
        """Return the bench time, s."""
        return self._clock.now()

    def catch_up(self, now: float) -> None:
        """Have the bench time be at least ``now``, s, as where a run goes on after a restart."""
        self._clock.catch_up(now)

    @property
    def all_cells(self) -> NDArray[np.int64]:
        """Every cell of the chip, shape (rows * columns, 2)."""
        return np.argwhere(np.ones(self.shape, dtype=bool)).astype(np.int64)

    def read(
        self, cells: ArrayLike, voltage: float = READ_VOLTAGE, gate: float = READ_GATE
    ) -> Readings:
        """Read cells one after the other (see :meth:`labctl.array.CellArray.read`)."""
        wanted = check_cells(cells, self.shape)
        self._checks.read(voltage, gate)
        log = ReadingLog(wanted, voltage)
        with self._batch():
            order = self._planner.order(wanted, self._route.here)
            if self._scanner is not None:
                self._scan(self._scanner, log, order, voltage, gate)
            else:
                for k, cell in self._visit(wanted, order):
                    self._route.select(cell)
                    self._measure(log, k, cell, voltage, gate)
                    self._levels.release()
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
        self._checks.count(wanted, self.pulse_counts)
        if read is not None:
            self._checks.read(read, READ_GATE)
        log = ReadingLog(wanted, read or READ_VOLTAGE, pulsed=True)
        with self._batch():
            for k, cell in self._visit(wanted, self._planner.order(wanted, self._route.here)):
                before = self._last[cell]
                self._route.select(cell)
                flag = self._apply(cell, each[k])
                log.pulse_flag[k] = flag
                if read is not None:
                    self._measure(log, k, cell, read, READ_GATE)
                self._levels.release()
                self._charge(cell, each[k], flag, before)
        return log.readings() if read is not None else None

    def check(self, pulses: Sequence[Pulse]) -> None:
        """Raise LimitError where a pulse is beyond a limit; nothing is applied."""
        self._checks.pulses(pulses)

    def sweep(
        self, cell: tuple[int, int], voltages: Sequence[float], gate: float, dwell: float
    ) -> Sweep:
        """Step one cell through voltages (see :meth:`labctl.array.CellArray.sweep`).

        A sweep that takes longer than :data:`LONGEST_BLOCK` goes to 0 V in between, where it can
        be broken off.
        """
        [target] = check_cells([cell], self.shape)
        if not hasattr(voltages, "__len__"):  # something that can be gone through but once
            voltages = list(voltages)
        self._checks.sweep(voltages, gate, dwell, f"A sweep of cell {cell}")
        stressing = sum(abs(voltage) > READ_VOLTAGE for voltage in voltages)
        self._checks.count(np.repeat(target[None], stressing, axis=0), self.pulse_counts)
        currents: list[NDArray[np.float64]] = []
        flags: list[NDArray[np.uint8]] = []
        points = max(1, int(LONGEST_BLOCK / (dwell + self._read_time)))
        with self._batch():
            for negative, group in groupby(voltages, key=lambda v: v < 0):
                line = self._safety.source_line if negative else self._safety.bit_line
                part = [abs(v) for v in group]
                for start in range(0, len(part), points):
                    if self.interrupt is not None:
                        self.interrupt()
                    self._route.select((int(target[0]), int(target[1])))
                    held = self._levels.hold((("word_line", gate),) if self._scheme.gated else ())
                    block = part[start : start + points]
                    self.pulse_counts[tuple(target)] += sum(v > READ_VOLTAGE for v in block)
                    current, flag = line.meter.sweep(block, dwell)
                    self._levels.wait(line.table.settle)
                    currents.append(-current if negative else current)
                    flags.append(flag | np.uint8(held))
            self._levels.release()
        if not currents:
            return Sweep(np.empty(0), np.empty(0), np.empty(0, dtype=np.uint8))
        return Sweep(
            np.asarray(voltages, dtype=float), np.concatenate(currents), np.concatenate(flags)
        )

    def closures_along(self, cells: ArrayLike) -> int:
        """Return how many relays close on one way through cells, shape (n, 2); moves nothing."""
        return self._planner.closures_through(check_cells(cells, self.shape))

    def forget_relays(self) -> None:
        """Ask the matrix for its relays before the next move; somebody else moved them."""
        self._route.forget()
        self._levels.forget()

    @contextmanager
    def _batch(self) -> Iterator[None]:
        """Guard a block of cells: ready before, relays verified after, zero on any error."""
        with self._turn:
            self._safety.ready()
            try:
                yield
                self._route.verify()
            except BaseException as error:
                self.forget_relays()
                for fault in self._safety.off():
                    error.add_note(f"While bringing the bench to zero: {fault}")
                try:
                    self._tell_batch()
                except Exception as second:  # noqa: BLE001 - the first error is the one to report
                    error.add_note(f"After that: {second}")
                raise
            self._tell_batch()

    def _tell_batch(self) -> None:
        if self.after_batch is not None:
            self.after_batch()

    def _visit(
        self, cells: NDArray[np.int64], order: NDArray[np.intp]
    ) -> Iterator[tuple[int, tuple[int, int]]]:
        listed = cells.tolist()
        for k in order.tolist():
            if self.interrupt is not None:
                self.interrupt()
            row, column = listed[k]
            yield k, (row, column)

    def _scan(
        self,
        scanner: Scanner,
        log: ReadingLog,
        order: NDArray[np.intp],
        voltage: float,
        gate: float,
    ) -> None:
        """Read cells block by block inside the instruments."""
        drive = self._scheme.read(voltage, gate)
        [(helper, level)] = drive.held
        held, bit = self._safety.terminals[helper].table.settle, self._safety.bit_line.table.settle
        size = max(1, min(scanner.block, int(LONGEST_BLOCK / self.timing.read)))
        for start in range(0, len(order), size):
            block = order[start : start + size]
            if self.interrupt is not None:
                self.interrupt()
            present, moves = self._route.along(log.cells[block])
            currents, flags, times = scanner.scan(
                present,
                moves,
                measured=drive.level,
                driven=level,
                settle=(held, bit, max(held, bit)),
            )
            self._route.arrived(log.cells[block[-1]], moves)
            self._route.verify()
            log.put_block(block, currents, flags, self._clock.now() - times)
            self.counters.reads += len(block)
            good = flags == 0
            cells, conductance = log.cells[block[good]], np.abs(currents[good] / voltage)
            self._last[cells[:, 0], cells[:, 1]] = conductance
            self.counters.read_energy += float(conductance.sum()) * voltage**2 * self._read_time

    def _measure(
        self, log: ReadingLog, k: int, cell: tuple[int, int], voltage: float, gate: float
    ) -> None:
        """Read a cell; a line that is held and is not where it should be spoils the reading.

        The source line is the other end of the same current, and the bench file keeps its
        compliance above that of the bit line.
        """
        drive = self._scheme.read(voltage, gate)
        held = self._levels.hold(drive.held)
        bit = self._safety.bit_line
        reading = bit.meter.measure(drive.level, bit.table.settle)
        if held is not Flag.OK:
            reading = Reading(reading.current, reading.flag | held)
        self._levels.wait(bit.table.settle)
        log.put(k, reading, self._clock.now())
        self.counters.reads += 1
        if not reading.flag:
            self._last[cell] = abs(reading.current / voltage)
            self.counters.read_energy += abs(reading.current * voltage) * self._read_time

    def _apply(self, cell: tuple[int, int], pulse: Pulse) -> Flag:
        """Apply a pulse; return how it ended."""
        drive = self._scheme.pulse(pulse)
        held = self._levels.hold(drive.held)
        source = self._safety.terminals[drive.terminal]
        self.counters.pulses += 1
        self.pulse_counts[cell] += 1  # before it: a pulse that fails half-way was a pulse
        flag = source.meter.pulse(drive.level, pulse.width).flag | held
        self._levels.wait(source.table.settle)
        self.pulse_flag[cell] = flag
        if flag & Flag.COMPLIANCE:
            self.counters.limited_pulses += 1
        return flag

    def _charge(self, cell: tuple[int, int], pulse: Pulse, flag: Flag, before: float) -> None:
        """Add the energy of a pulse: V^2 (G_before + G_after)/2 t, as far as G is known.

        In compliance the current I is known instead, and what is on the cell is I/G.
        """
        known = [g for g in (before, self._last[cell]) if np.isfinite(g)]
        if not known:
            return
        conductance = sum(known) / len(known)
        power = (pulse.bit_line + pulse.source_line) ** 2 * conductance
        if flag & Flag.COMPLIANCE and conductance > 0.0:
            line = self._safety.bit_line if pulse.bit_line != 0.0 else self._safety.source_line
            power = min(power, line.table.compliance**2 / conductance)
        self.counters.write_energy += power * pulse.width
