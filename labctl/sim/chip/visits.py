"""Pulses, reads and sweeps of cells that are alone in carrying current, through the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.clock import VirtualClock
from labctl.sim.chip.blocks import pulsing_times
from labctl.sim.chip.chip import Chip
from labctl.sim.chip.layout import PASSIVE, QUIET, THRESHOLD
from labctl.sim.chip.reading import current_table, read_many, read_passes
from labctl.sim.chip.together import reading_times, show, sort_cells
from labctl.sim.chip.visit import (
    AGE,
    AT,
    BIT_LIMIT,
    BIT_RANGE,
    COLUMN,
    DRIVES,
    LEVEL,
    MOVED,
    NOW,
    ROW,
    SOURCE_LIMIT,
    SOURCE_RANGE,
    TIMES,
    sweep,
    visit,
)

BENCH = (
    "message", "answer", "relays", "level", "word_settle", "bit_settle", "bit_reading",
    "source_reading", "bit_limit", "source_limit", "bit_range", "source_range", "reaction",
    "reaction",
)  # fmt: skip
"""What the kernels know of a bench: durations (s), compliances and readable currents (A), and how
late (s) the smaller compliance holds."""
_MANY = 64  # cells from which on reading them together is quicker
_MOST_TABLES = 8


class Shown:
    """What the meters show of a block of cells, until it is read: no current, no time.

    Attributes
    ----------
    current
        float64, shape (n,), A.
    flag
        uint8, shape (n,): :data:`~labctl.sim.chip.visit.COMPLIANCE`, ``OVERFLOW``.
    time
        float64, shape (n,), bench time of the reading in s.
    """

    def __init__(self, n: int) -> None:
        self.current, self.time = np.full(n, np.nan), np.full(n, np.nan)
        self.flag = np.zeros(n, dtype=np.uint8)


class Progress:
    """How far an array and its chip have come.

    Attributes
    ----------
    clock
        Bench time.
    at
        Bench time up to which the chip has lived, s.
    moved
        Whether the chip has yet to be told of the cell selected now.
    here
        The cell selected now, or None.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.clock, self.at = clock, clock.now()
        self.moved = False
        self.here: tuple[int, int] | None = None

    def live(self, chip: Chip) -> None:
        """Bring the chip up to the present bench time."""
        passed = self.clock.now() - self.at
        if passed > 0.0:
            self.at = self.clock.now()
            chip.elapse(passed)


class Visits:
    """The kernels on one chip and one bench.

    Parameters
    ----------
    chip
        The chip; not a passive one.
    bench
        By the names of :data:`BENCH`.
    """

    def __init__(self, chip: Chip, bench: dict[str, float]) -> None:
        self._chip = chip
        self._bench = np.array([bench[name] for name in BENCH])
        self._bench[BIT_LIMIT : SOURCE_RANGE + 1] *= 1e6
        self._tables: dict[tuple[float, float], NDArray[np.float64]] = {}

    def alone(self, lowest: float) -> bool:
        """Tell whether only the selected cell carries current with no line below ``lowest`` (V)."""
        chip = self._chip
        return chip._mode != PASSIVE and -lowest <= float(chip._p[THRESHOLD])

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
        """Pulse cells, read them, or both.

        Parameters
        ----------
        progress
            Changed; some cell is selected.
        cells
            Shape (n, 2); the relays are moved before each that is not selected already.
        order
            Which of them, one after the other.
        pulses
            Shape (n, 4): V on bit line, source line and gate, width in s; or (0, 4): none.
        read, gate
            V on the bit line (0: no read) and on the word line.
        shown
            Written where ``order`` says and something is read.
        """
        t, place = self._begin(progress)
        together = len(order) >= _MANY and len(order) == len(cells) and not len(pulses)
        if not (together and self._read_once(t, place, cells, order, read, gate, shown)):
            visit(
                *self._cells(), self._bench, t, place, cells, order, pulses, read, gate,
                shown.current, shown.flag, shown.time,
            )  # fmt: skip
        self._end(progress, t, place)

    def pass_times(
        self, cells: NDArray[np.int64], order: NDArray[np.intp], here: tuple[int, int]
    ) -> tuple[NDArray[np.float64], float, float, int] | None:
        """Return when a pass of reads from ``here`` on looks at each cell, and what it takes.

        Returns
        -------
        tuple
            s after its beginning, shape (n,), cells in ascending order of their numbers; s to the
            last change of a level, and to the end; number of drives. None where a cell occurs more
            than once.
        """
        n = len(cells)
        numbers, ranks = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
        if not sort_cells(cells, self._chip.shape, numbers, ranks):
            return None
        t, place = np.zeros(TIMES), np.array([0, 0, *here], dtype=np.int64)
        age, time = np.empty(n), np.empty(n)
        reading_times(self._bench, t, place, cells, order, age, time)
        return age[ranks], float(t[AT]), float(t[NOW]), int(place[DRIVES])

    def read_passes(
        self,
        progress: Progress,
        cells: NDArray[np.int64],
        starts: NDArray[np.float64],
        ages: NDArray[np.float64],
        ways: NDArray[np.int64],
        lived: float,
        lasting: float,
        drives: int,
        end: tuple[int, int],
        read: float,
        gate: float,
    ) -> NDArray[np.float64] | None:
        """Read different cells over and over again, pass by pass.

        Parameters
        ----------
        progress
            Changed: brought to the end of the last pass.
        cells
            Shape (n, 2).
        starts
            s, shape (passes,): when each pass begins, from now on.
        ages, ways
            Shape (m, n) and (passes,): see :func:`labctl.sim.chip.reading.read_passes`.
        lived, lasting, drives, end
            Of the last pass, s from its beginning; of all passes; the cell selected then.
        read, gate
            V.

        Returns
        -------
        NDArray
            A, shape (passes, n); NaN beyond the range. None where a reading could change a cell, or
            the meter could be at its limit: nothing has happened then.
        """
        chip, above = self._chip, gate - min(read, 0.0)
        if not (abs(read) <= chip._p[QUIET] and above > chip._p[THRESHOLD]) or chip._wired:
            return None
        n = len(cells)
        numbers, ranks = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
        sort_cells(cells, chip.shape, numbers, ranks)
        now = progress.clock.now()
        older = chip.time - progress.at
        found = np.empty((len(starts), n))
        read_passes(
            chip._state, chip._counts, numbers, now + older + starts, ages, ways, read, above,
            chip._p, chip.noise, chip._key, self._table(read, above), found,
        )  # fmt: skip
        least = min(self._bench[BIT_LIMIT], self._bench[SOURCE_LIMIT])
        current = found
        if (np.diff(ranks) < 0).any():
            current = np.empty_like(found)
            current[:, ranks] = found
        if least < np.inf:
            np.clip(current, -least, least, out=current)
        current *= 1e-6
        if self._bench[BIT_RANGE] < np.inf:
            current[np.abs(current) * 1e6 > self._bench[BIT_RANGE]] = np.nan
        begun = now + float(starts[-1])
        progress.clock.sleep(begun + lasting - now)
        progress.at, chip.time = begun + lived, begun + lived + older
        chip._drives += drives
        progress.moved, progress.here = False, end
        return current

    def pulse_together(
        self,
        progress: Progress,
        cells: NDArray[np.int64],
        order: NDArray[np.intp],
        kinds: NDArray[np.float64],
        which: NDArray[np.intp],
        read: float,
        gate: float,
        shown: Shown,
    ) -> bool:
        """Pulse different cells, and read them, by the flow that those of one pulse share.

        Bench times are those of :meth:`visit`; what happens in a cell follows the same law, with
        other random numbers.

        Parameters
        ----------
        progress, cells, order, read, gate, shown
            As for :meth:`visit`.
        kinds
            Shape (m, 4): different pulses.
        which
            Shape (n,): which of them each cell gets.

        Returns
        -------
        bool
            False where that cannot be: nothing has happened then.
        """
        chip, above = self._chip, gate - min(read, 0.0)
        limited = self._bench[BIT_LIMIT] < np.inf or self._bench[SOURCE_LIMIT] < np.inf
        if limited or chip._wired or (read and abs(read) > chip._p[QUIET]):
            return False
        if read and above <= chip._p[THRESHOLD]:
            return False
        numbers, ranks = np.empty(len(cells), dtype=np.int64), np.empty(len(cells), dtype=np.int64)
        if not sort_cells(cells, chip.shape, numbers, ranks):
            return False
        t, place = self._begin(progress)
        begun, looked = np.empty(len(cells)), np.empty(len(cells))
        widths = kinds[which, 3]
        pulsing_times(
            self._bench, t, place, cells, order, widths, read != 0.0, begun, looked, shown.time
        )
        for k, (bit, source, word, width) in enumerate(kinds.tolist()):
            mine = ranks[which[ranks] == k]
            v, base = bit - source, min(bit, source)
            if len(mine) and abs(v) > chip._p[QUIET] and word - base > chip._p[THRESHOLD]:
                # The level is there until the source has brought it back to zero.
                lasts = width + float(self._bench[LEVEL])
                number = cells[mine, 0] * chip.shape[1] + cells[mine, 1]
                chip._crowd.pulse(
                    chip._state, chip._counts, number, v, word - base, begun[mine], lasts, chip._p,
                    chip.noise, chip._key, int(place[DRIVES]),
                )  # fmt: skip
        if read:
            found = np.empty(len(cells))
            read_many(
                chip._state, chip._counts, numbers, looked[ranks], read, above, chip._p,
                chip.noise, chip._key, self._table(read, above), found,
            )  # fmt: skip
            show(self._bench, place, found, ranks, shown.current, shown.flag)
        self._end(progress, t, place)
        return True

    def sweep(
        self,
        progress: Progress,
        voltages: NDArray[np.float64],
        marks: NDArray[np.uint8],
        gate: float,
        dwell: float,
        shown: Shown,
    ) -> None:
        """Step the selected cell through voltages (V), each held for ``dwell`` (s).

        ``marks``, as :func:`labctl.sim.sweeps.marks` gives them, say which messages are between.
        """
        t, place = self._begin(progress)
        sweep(
            *self._cells(), self._bench, t, place, voltages, marks, gate, dwell, shown.current,
            shown.flag,
        )  # fmt: skip
        self._end(progress, t, place)

    def _read_once(
        self,
        t: NDArray[np.float64],
        place: NDArray[np.int64],
        cells: NDArray[np.int64],
        order: NDArray[np.intp],
        read: float,
        gate: float,
        shown: Shown,
    ) -> bool:
        """Read different cells, none of which a reading can change, all together; or return False.

        Each is read at its own time; what is drawn for a cell does not depend on the others.
        """
        chip, above = self._chip, gate - min(read, 0.0)  # V, gate against the lower line
        wanted = abs(read) <= chip._p[QUIET] and above > chip._p[THRESHOLD] and not chip._wired
        numbers, ranks = np.empty(len(cells), dtype=np.int64), np.empty(len(cells), dtype=np.int64)
        if not (wanted and sort_cells(cells, chip.shape, numbers, ranks)):
            return False
        age, found = np.empty(len(cells)), np.empty(len(cells))
        reading_times(self._bench, t, place, cells, order, age, shown.time)
        read_many(
            chip._state, chip._counts, numbers, age[ranks], read, above, chip._p, chip.noise,
            chip._key, self._table(read, above), found,
        )  # fmt: skip
        show(self._bench, place, found, ranks, shown.current, shown.flag)
        return True

    def _table(self, read: float, above: float) -> NDArray[np.float64]:
        """Return the currents at a voltage and a gate above the lower line, made once."""
        if (read, above) not in self._tables:
            if len(self._tables) >= _MOST_TABLES:
                self._tables.clear()
            self._tables[read, above] = current_table(read, above, self._chip._p)
        return self._tables[read, above]

    def _cells(self) -> tuple[Any, ...]:
        chip = self._chip
        return chip._state, chip._counts, chip._p, chip.noise, chip._key, chip._size

    def _begin(self, progress: Progress) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        t = np.zeros(TIMES)
        t[: AGE + 1] = progress.clock.now(), progress.at, self._chip.time
        row, column = progress.here or (-1, -1)
        place = np.array([self._chip._drives, progress.moved, row, column], dtype=np.int64)
        return t, place

    def _end(self, progress: Progress, t: NDArray[np.float64], place: NDArray[np.int64]) -> None:
        progress.clock.sleep(float(t[NOW]) - progress.clock.now())
        progress.at, self._chip.time = float(t[AT]), float(t[AGE])
        self._chip._drives = int(place[DRIVES])
        progress.moved = bool(place[MOVED])
        progress.here = int(place[ROW]), int(place[COLUMN])
