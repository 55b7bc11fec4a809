"""The cells of a simulated chip without instruments in between: the same physics, much faster."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.array import (
    MOST_READ_VOLTAGE,
    READ_GATE,
    READ_VOLTAGE,
    Counters,
    Pulse,
    PulseChoice,
    Readings,
    Sweep,
)
from labctl.cells import check_cells
from labctl.clock import VirtualClock
from labctl.errors import LimitError
from labctl.planner import Planner
from labctl.sim.chip import Chip
from labctl.sim.chip.product import Converter, block, currents
from labctl.sim.chip.together import moves
from labctl.sim.chip.visit import account
from labctl.sim.chip.visits import Progress, Shown, Visits
from labctl.sim.hookup import read_hookup
from labctl.sim.passes import Orders, Passes
from labctl.sim.stepping import Stepper
from labctl.sim.sweeps import marks
from labctl.sim.timeline import Limits, Timeline, numbers
from labctl.sim.world import make_chip

if TYPE_CHECKING:
    from typing import Self

_FIRST = np.zeros(1, dtype=np.intp)
_NO_PULSES = PulseChoice((), np.zeros(0, dtype=np.intp))


class SimulatedArray:
    """A :class:`labctl.array.CellArray` that is the chip itself.

    Cells are visited in the same order, at the same bench times and with the same levels as a
    bench with source meters and a switch matrix would: with the noise of its meters switched off,
    both give the same conductances for the same seed and history.

    Parameters
    ----------
    chip
        The chip; nothing else may drive it meanwhile.
    timeline
        How long everything takes.
    limits
        What a cell may be given; by default anything that is physically possible.
    clock
        Bench time; one of its own by default.
    inhibit
        What unselected lines of a passive array do: ``"float"``, ``"ground"``, ``"half"`` or
        ``"third"`` (see :data:`labctl.sim.stepping.INHIBIT`).
    exact
        Whether each pulse is followed cell by cell, as on a bench; else cells that get the same
        pulse in one block are moved together: several times faster, by the same law at the same
        bench times, but with other random numbers than a bench of the same seed. No limit of
        current may be in force then (``limits``), or it is cell by cell all the same.
    converter
        What converts the currents of :meth:`product`; by default it is exact.

    Attributes
    ----------
    shape
        Rows (word lines) and columns (bit lines).
    timing, counters
        See :class:`labctl.array.CellArray`.
    interrupt
        Called before each cell; may raise to break off a batch.
    pulse_counts
        int64, shape (rows, columns): pulses applied to each cell.
    clock
        Bench time.

    Examples
    --------
    >>> from labctl.sim.chip import Chip, preset
    >>> array = SimulatedArray(Chip(4, 4, preset("hfox-1t1r"), seed=1))
    >>> readings = array.pulse([[0, 0]] * 8, Pulse.set(3.5, 1.5, 1e-3), read=0.2)
    >>> bool(readings.conductance[-1] > 10e-6)
    True
    """

    def __init__(
        self,
        chip: Chip,
        timeline: Timeline | None = None,
        limits: Limits | None = None,
        *,
        clock: VirtualClock | None = None,
        inhibit: str = "float",
        exact: bool = True,
        converter: Converter | None = None,
    ) -> None:
        self.shape = chip.shape
        self.counters = Counters()
        self.interrupt: Callable[[], None] | None = None
        self.pulse_counts = np.zeros(self.shape, dtype=np.int64)
        self.clock = clock or VirtualClock()
        self._times, self._limits = timeline or Timeline(), limits or Limits()
        self.timing = self._times.timing
        self._chip, self._exact = chip, exact
        self._converter = converter or Converter()
        self._last = np.full(self.shape, np.nan)  # conductance last read, S, for the energy
        self._read_time = self._times.bit_integration + self._times.bit_settle
        self._on = self._loaded = False
        # A move closes source and ground of a word line, a bit line, and a source line with either.
        by_row, passive = chip.source_lines == "rows", chip.source_lines == "none"
        self._per_row, self._per_column = 2 + by_row, 1 + (not by_row and not passive)
        both = self._per_row + self._per_column
        self._orders = Orders(Planner(self._per_row, self._per_column, both))
        self._closed_at_once = chip.rows + 2 - passive
        self._progress = Progress(self.clock)
        self._visits = Visits(chip, numbers(self._times, self._limits))
        self._passes = Passes(self._visits, self._orders)
        self._stepper = Stepper(chip, self._times, self._limits, inhibit)

    @classmethod
    def of_bench(cls, path: str | Path, *, clock: VirtualClock | None = None) -> Self:
        """Return the array that the simulated bench of a bench file would have, just opened.

        Raises
        ------
        BenchFileError
            Where the file cannot be read, or names what the simulator does not have.
        """
        hookup = read_hookup(path)
        file = tomllib.loads(Path(path).expanduser().read_text(encoding="utf-8"))
        times = Timeline.of_bench(file)
        array = cls(make_chip(hookup), times, Limits.of_bench(file), clock=clock)
        for seconds in times.opening:
            array.clock.sleep(seconds)
        return array

    @property
    def chip(self) -> Chip:
        """The chip as it is at the present bench time."""
        self._progress.live(self._chip)
        return self._chip

    @property
    def all_cells(self) -> NDArray[np.int64]:
        """Every cell of the chip, shape (rows * columns, 2)."""
        return np.argwhere(np.ones(self.shape, dtype=bool)).astype(np.int64)

    def now(self) -> float:
        """Return the bench time, s."""
        return self.clock.now()

    def wait(self, seconds: float) -> None:
        """Leave the chip alone for ``seconds`` of bench time.

        Raises
        ------
        LimitError
            For a time that is negative or not finite.
        """
        if not 0.0 <= seconds < np.inf:
            raise LimitError(f"A wait of {seconds} s: give a finite time of 0 s or more.")
        self.clock.sleep(seconds)

    def read(
        self, cells: ArrayLike, voltage: float = READ_VOLTAGE, gate: float = READ_GATE
    ) -> Readings:
        """Read cells one after the other (see :meth:`labctl.array.CellArray.read`)."""
        wanted = check_cells(cells, self.shape)
        self._check_read(voltage, gate)
        return self._visit(wanted, _NO_PULSES, float(voltage), float(gate))

    def read_passes(
        self,
        cells: ArrayLike,
        passes: int,
        voltage: float = READ_VOLTAGE,
        gate: float = READ_GATE,
    ) -> NDArray[np.float64]:
        """Read cells several times over (see :class:`labctl.array.RepeatedReads`).

        The numbers are those of as many calls of :meth:`read`.
        """
        wanted = np.ascontiguousarray(check_cells(cells, self.shape))
        found = np.empty((passes, len(wanted)))
        done, here = 0, self._progress.here
        while done < passes:
            rest = passes - done
            if (
                here is None
                or self.interrupt is not None
                or not self._visits.alone(min(voltage, 0.0))
            ):
                rest = 1
            if rest == 1 or not self._read_again(wanted, found[done:], voltage, gate):
                found[done] = self.read(wanted, voltage, gate).conductance
                rest = 1
            done, here = done + rest, self._progress.here
        return found

    def _read_again(
        self, cells: NDArray[np.int64], found: NDArray[np.float64], voltage: float, gate: float
    ) -> bool:
        """Fill ``found``, shape (passes, n), with readings (S) from the cell selected on."""
        here = self._progress.here
        assert here is not None
        self._check_read(voltage, gate)
        ways = self._passes.ways(cells, here, len(found)) if len(cells) else None
        if ways is None:
            return False
        asking = sum(self._times.asking)
        current = self._passes.read(self._progress, cells, ways, asking, voltage, gate)
        if current is None:
            return False
        self._spend(self._times.asking)
        np.divide(current, voltage, out=found)
        known = np.isfinite(found[-1])
        self._last[cells[known, 0], cells[known, 1]] = np.abs(found[-1, known])
        self.counters.reads += found.size
        # All currents have the sign of the voltage.
        total = float(current.sum())
        total = total if np.isfinite(total) else float(np.nansum(current))
        self.counters.read_energy += total * voltage * self._read_time
        self.counters.relay_closures += sum(
            way.rows * self._per_row + way.columns * self._per_column for way in ways
        )
        return True

    def product(
        self,
        inputs: ArrayLike,
        rows: ArrayLike,
        columns: ArrayLike,
        voltage: float = READ_VOLTAGE,
    ) -> NDArray[np.float64]:
        """Multiply vectors by conductances (see :class:`labctl.array.AnalogueArray`).

        The noise of reading is that of one reading of each cell for all ``inputs`` of a call.

        Raises
        ------
        LimitError
            For inputs beyond -1 to 1, or source lines that do not run along word lines.
        """
        chip, times = self.chip, self._times
        self._check_read(voltage, READ_GATE)
        self.check_product(rows, columns)
        i, j = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
        x = np.asarray(inputs, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != len(j) or not (np.abs(x) <= 1.0).all():
            raise LimitError(
                f"Inputs of a product with {len(j)} bit lines have the shape (n, {len(j)}) and are "
                f"from -1 to 1; got shape {x.shape}."
            )
        conductance = block(chip, i, j, voltage, READ_GATE)
        found = currents(chip, conductance, i, j, voltage * x)
        found = self._converter.convert(found, voltage * float(conductance.sum(axis=1).max()))
        query = (times.message, times.level, times.bit_settle, self._read_time, times.answer)
        for seconds in query:
            self.clock.sleep(len(x) * seconds)
        self.counters.reads += len(x) * conductance.size
        power = voltage**2 * float(np.sum((x**2) @ conductance.T))
        self.counters.read_energy += power * self._read_time
        product: NDArray[np.float64] = found / voltage
        return product

    def check_product(self, rows: ArrayLike, columns: ArrayLike) -> None:
        """Raise LimitError for a product that is impossible here; nothing is applied.

        Where source lines run along bit lines, a source line collects the cells of its own bit line
        only: one input for all of them, which no choice of drive makes a product.
        """
        if self.chip.source_lines != "rows":
            raise LimitError(
                "A product adds up the currents of a word line's cells in its source line; the "
                f"source lines of this chip run along {self.chip.source_lines!r}. Use a chip with "
                'source_lines = "rows".'
            )
        i, j = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
        grid = np.stack(np.meshgrid(i, j, indexing="ij"), axis=-1).reshape(-1, 2)
        check_cells(grid, self.shape)
        if len(np.unique(i)) < len(i) or len(np.unique(j)) < len(j):
            raise LimitError("A product takes every word line and every bit line once at most.")

    def pulse(
        self, cells: ArrayLike, pulses: Pulse | Sequence[Pulse], read: float | None = None
    ) -> Readings | None:
        """Apply one pulse to each cell (see :meth:`labctl.array.CellArray.pulse`)."""
        wanted = check_cells(cells, self.shape)
        choice = _choice(pulses, len(wanted))
        self.check(choice.kinds)
        self._check_counts(wanted)
        if read is not None:
            self._check_read(read, READ_GATE)
        readings = self._visit(wanted, choice, float(read or 0.0), READ_GATE)
        return readings if read is not None else None

    def check(self, pulses: Sequence[Pulse]) -> None:
        """Raise LimitError where a pulse is impossible or beyond a limit; nothing is applied."""
        for pulse in dict.fromkeys(pulses):
            self._limits.check_pulse(pulse)

    def sweep(
        self, cell: tuple[int, int], voltages: Sequence[float], gate: float, dwell: float
    ) -> Sweep:
        """Step one cell through voltages (see :meth:`labctl.array.CellArray.sweep`)."""
        [target] = check_cells([cell], self.shape)
        points = np.array(voltages, dtype=float)
        self._limits.check_sweep(points, gate, dwell)
        stressing = int((abs(points) > READ_VOLTAGE).sum())
        self._check_counts(np.repeat(target[None], stressing, axis=0))
        with self._batch():
            if not len(points):
                return Sweep(points, points.copy(), np.empty(0, dtype=np.uint8))
            if self.interrupt is not None:
                self.interrupt()
            self._select(target[None], _FIRST)
            if self._progress.here != (cell := (int(target[0]), int(target[1]))):
                self._spend(self._times.moving)
                self._progress.here, self._progress.moved = cell, True
            self.pulse_counts[tuple(target)] += stressing
            shown = Shown(len(points))
            parts = marks(points, float(dwell), self._times)
            self._way(0.0).sweep(self._progress, points, parts, float(gate), float(dwell), shown)
        return Sweep(points, shown.current, shown.flag)

    def _visit(
        self,
        cells: NDArray[np.int64],
        choice: PulseChoice,
        read: float,
        gate: float,
    ) -> Readings:
        """Visit cells in the order that moves few relays, all at once or one by one."""
        kinds = _levels(choice)
        pulses = kinds[choice.which]
        cells = np.ascontiguousarray(cells)
        shown, counters = Shown(len(cells)), self.counters
        way = self._way(min(read, float(pulses[:, :2].min(initial=0.0))))
        with self._batch():
            order = self._orders(cells, self._progress.here)
            for part in [order] if self.interrupt is None else order[:, None]:
                if self.interrupt is not None:
                    self.interrupt()
                if not len(part):
                    break
                self._select(cells, part)
                if not (
                    not self._exact
                    and isinstance(way, Visits)
                    and len(pulses)
                    and len(part) == len(cells)
                    and way.pulse_together(
                        self._progress, cells, part, kinds, choice.which, read, gate, shown
                    )
                ):
                    way.visit(self._progress, cells, part, pulses, read, gate, shown)
                reading, writing = account(
                    cells, part, pulses, read, self._read_time, shown.current, shown.flag,
                    self._last, self.pulse_counts,
                )  # fmt: skip
                counters.read_energy += reading
                counters.write_energy += writing
                counters.reads += len(part) if read else 0
                counters.pulses += len(part) if len(pulses) else 0
        conductance = shown.current / (read or READ_VOLTAGE)
        conductance[shown.flag != 0] = np.nan
        return Readings(cells, shown.current, conductance, shown.flag, shown.time)

    def _way(self, lowest: float) -> Visits | Stepper:
        """Return what visits cells with no line below ``lowest`` (V)."""
        return self._visits if self._visits.alone(lowest) else self._stepper

    @contextmanager
    def _batch(self) -> Iterator[None]:
        """Spend what a bench spends around a block of cells: outputs on, relays verified.

        After an error the outputs go off and the relays open.
        """
        times, progress = self._times, self._progress
        if not self._on:
            self._spend(times.preparing)
            self._on = True
        try:
            yield
            if progress.here is not None:
                self._spend(times.asking)
        except BaseException:
            self._spend(times.ending if progress.here is not None else times.ending_at_rest)
            self._on, progress.here = False, None
            raise

    def _select(self, cells: NDArray[np.int64], order: NDArray[np.intp]) -> None:
        """Count the relays that the way through cells closes; the first move starts at rest."""
        progress, times = self._progress, self._times
        here = progress.here
        if here is None:
            self._spend(times.asking)
            if not self._loaded:
                self._spend(times.loading)
            self._loaded = True
            self._spend((times.message, times.relays, times.answer))
            self.counters.relay_closures += self._closed_at_once
            first = order[0]
            here = progress.here = int(cells[first, 0]), int(cells[first, 1])
            progress.moved = True
        rows, columns = moves(cells, order, *here)
        self.counters.relay_closures += rows * self._per_row + columns * self._per_column

    def _spend(self, durations: tuple[float, ...]) -> None:
        for seconds in durations:
            self.clock.sleep(seconds)

    def _check_read(self, voltage: float, gate: float) -> None:
        if voltage == 0.0:
            raise LimitError("A read at 0 V measures nothing; use about 0.2 V.")
        self._limits.check_level("bit_line", voltage)
        self._limits.check_level("gate", gate)
        if abs(voltage) > MOST_READ_VOLTAGE:
            raise LimitError(
                f"A read at {voltage:g} V is a stress that nobody counts; read at up to "
                f"{MOST_READ_VOLTAGE:g} V, and use a pulse or a sweep above."
            )

    def _check_counts(self, cells: NDArray[np.int64]) -> None:
        limit = self._limits.pulses_per_cell
        if self.pulse_counts.max(initial=0) + len(cells) <= limit:
            return
        counts = self.pulse_counts.copy()
        np.add.at(counts, (cells[:, 0], cells[:, 1]), 1)
        if counts.max(initial=0) > limit:
            row, column = np.argwhere(counts > limit)[0].tolist()
            raise LimitError(
                f"Cell ({row}, {column}) has had {self.pulse_counts[row, column]} pulses; the "
                f"limit of the array is {limit}. Use another cell, or raise the limit."
            )


def _choice(pulses: Pulse | Sequence[Pulse], cells: int) -> PulseChoice:
    """Return one pulse for each cell, out of those that differ."""
    if isinstance(pulses, Pulse):
        return PulseChoice((pulses,), np.zeros(cells, dtype=np.intp))
    if len(pulses) != cells:
        raise LimitError(
            f"{len(pulses)} pulses for {cells} cells; give one for all, or one per cell."
        )
    if isinstance(pulses, PulseChoice):
        return pulses
    numbers = {pulse: k for k, pulse in enumerate(dict.fromkeys(pulses))}
    return PulseChoice(
        tuple(numbers), np.fromiter((numbers[p] for p in pulses), dtype=np.intp, count=cells)
    )


def _levels(choice: PulseChoice) -> NDArray[np.float64]:
    table = [(p.bit_line, p.source_line, p.gate, p.width) for p in choice.kinds]
    return np.array(table, dtype=np.float64).reshape(-1, 4)
