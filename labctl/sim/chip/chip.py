"""A simulated die of cells with pads: what the simulated instruments are wired to."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import BenchFileError, LimitError, WiringError
from labctl.sim.chip import circuit, evolve, layout, measure, pads
from labctl.sim.chip.crowd import FEWEST, Crowd, common_drive
from labctl.sim.chip.manufacture import manufacture
from labctl.sim.chip.packing import packed
from labctl.sim.chip.preset import Preset
from labctl.sim.chip.rest import acclimatise
from labctl.sim.chip.saving import Saved, read_saved, write_saved

READ_VOLTAGE = 0.2
READ_GATE = 5.0
"""V; where ``conductance`` is taken."""
NETS = 8
"""Nets of a chip that was never driven."""
MOST_NETS = 64


def _integers(nets: ArrayLike) -> NDArray[np.int8]:
    lines = np.asarray(nets)
    if lines.dtype == np.int8:
        return lines
    if lines.size and (lines.dtype.kind not in "iu" or abs(lines).max() > MOST_NETS):
        raise WiringError(f"connect() wants numbers of nets, -1 to {MOST_NETS - 1}.")
    return lines.astype(np.int8)


class Chip:
    """Cells, transistors and lines; they age as bench time passes.

    Parameters
    ----------
    rows, columns
        Number of word lines and bit lines, 1 to 1024.
    preset
        Kind of chip.
    seed
        0 to 2**64 - 1. Two chips of one seed are the same chip.
    source_lines
        ``"columns"``: source line j runs along bit line j. ``"rows"``: source line i runs along
        word line i. ``"none"``: a passive array, each cell between its bit line and its word line,
        without transistor; SET is bit line above word line.
    noise
        Whether programming and reading are random. Cells differ from each other in any case.

    Raises
    ------
    BenchFileError
        A size, seed or ``source_lines`` that makes no chip.
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        preset: Preset,
        seed: int,
        *,
        source_lines: str = "columns",
        noise: bool = True,
    ) -> None:
        if not (1 <= rows <= 1024 and 1 <= columns <= 1024):
            raise BenchFileError(f"A chip of {rows} x {columns} cells: give 1 to 1024 of each.")
        if source_lines not in layout.MODES:
            raise BenchFileError(
                f"source_lines is {source_lines!r}; use 'columns', 'rows', or 'none' (passive)."
            )
        if not 0 <= seed < 2**64:
            raise BenchFileError(f"The seed of a chip is {seed}; give a number from 0 to 2^64 - 1.")
        self.rows, self.columns = int(rows), int(columns)
        self.preset = preset
        self.seed = int(seed)
        self.source_lines = source_lines
        self.noise = bool(noise)
        self.time = 0.0
        self._p = packed(preset)
        self._crowd = Crowd(self._p)
        self._key = np.uint64(seed)
        n = self.rows * self.columns
        self._state = np.zeros((layout.STATE_ROWS, n))
        self._counts = np.zeros((layout.COUNT_ROWS, n), dtype=np.int64)
        self._counts[layout.LAST_PULSE] = -1
        manufacture(self._state, self._p, self._key)
        acclimatise(self._state, self._p, self.time)
        self._drives = 0
        self._mode = layout.MODES[source_lines]
        self._sources = (self.columns, self.rows, 0)[self._mode]
        self._size = (self.rows, self.columns, self._mode)
        self._wired = bool(self._p[[layout.BIT_WIRE, layout.SOURCE_WIRE]].any())
        self._word = np.full(self.rows, -1, dtype=np.int8)
        self._bit = np.full(self.columns, -1, dtype=np.int8)
        self._source = np.full(self._sources, -1, dtype=np.int8)
        self._edges = np.zeros((n, 3), dtype=np.int64)
        self._gates = np.zeros(n)
        self._bit_at, self._source_at = np.zeros(n), np.zeros(n)
        self._driven = 0  # cells whose bit line is on a net: as many at most see one drive
        self._guess = True  # whether the node voltages belong to an earlier drive
        self._voltage = np.full(NETS, np.nan)
        self._limit = np.full(NETS, np.inf)
        self._make_nodes()

    def _make_nodes(self) -> None:
        lines = self.columns + (self.rows if self._mode == layout.PASSIVE else self._sources)
        nodes = self._voltage.size + lines
        self._held = np.zeros(nodes)
        self._most = np.zeros(nodes)
        self._volt = np.zeros(nodes)
        self._slack = np.zeros(nodes)
        self._degree = np.zeros(nodes, dtype=np.int64)
        self._stale = True
        self._count, self._stressed, self._soft = 0, False, False

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns

    def connect(self, word: ArrayLike, bit: ArrayLike, source: ArrayLike) -> None:
        """Say which net each line is on.

        Parameters
        ----------
        word, bit, source
            int, one per line: number of the net, -1 where the line floats. Copied. A passive array
            has no source lines: give an empty ``source``.

        Raises
        ------
        WiringError
            The number of lines is wrong, or a net does not exist. Nothing has changed then.
        """
        w, b, s = _integers(word), _integers(bit), _integers(source)
        for kind, lines, size in (
            ("word", w, self.rows),
            ("bit", b, self.columns),
            ("source", s, self._sources),
        ):
            if lines.shape != (size,):
                raise WiringError(
                    f"connect() got {kind} lines of shape {lines.shape}; this chip has {size}."
                )
        nets = self._voltage.size
        driven = pads.take_lines(w, b, s, nets, self._word, self._bit, self._source)
        if driven < 0:
            raise WiringError(
                f"connect() puts a line on a net that does not exist; nets are 0 to {nets - 1}, "
                "and -1 is a floating line."
            )
        self._driven = driven * self.rows
        self._stale = self._guess = True
        self._drives += 1

    def drive(
        self, voltage: ArrayLike, limit: ArrayLike, reaction: ArrayLike | None = None
    ) -> None:
        """Say what holds each net.

        Parameters
        ----------
        voltage
            V, float, shape (n_nets,); NaN where nothing drives the net.
        limit
            A, float, shape (n_nets,), positive; infinite for a ground bus.
        reaction
            s, float, shape (n_nets,), zero or more: how long a source lets more than ``limit``
            through before it limits. A source that is limiting, and stays on at the same limit,
            goes on limiting. None: no time at all.

        Raises
        ------
        LimitError
            An infinite voltage, or a limit or reaction that is negative or not a number.
        WiringError
            Shapes differ, or a line is on a net beyond them. Nothing has changed in either case.
        """
        v = np.asarray(voltage, dtype=np.float64)
        most = np.asarray(limit, dtype=np.float64)
        late = np.zeros(v.shape) if reaction is None else np.asarray(reaction, dtype=np.float64)
        if v.ndim != 1 or v.shape != most.shape or v.shape != late.shape:
            raise WiringError(
                f"drive() got voltages of shape {v.shape}, limits of shape {most.shape} and "
                f"reactions of shape {late.shape}; give one of each per net."
            )
        resized = v.size != self._voltage.size
        if resized:
            highest = max(int(x.max(initial=-1)) for x in (self._word, self._bit, self._source))
            if v.size <= highest or not 1 <= v.size <= MOST_NETS:
                raise WiringError(
                    f"drive() got {v.size} nets, but a line is on net {highest} "
                    f"(1 to {MOST_NETS} nets)."
                )
        old = self._voltage, self._limit, self._slack
        into = [np.zeros(v.size) for _ in range(3)] if resized else old
        if not pads.take_drive(v, most, late, *into):
            raise LimitError(
                "drive() wants finite voltages (NaN: not driven), limits of 0 A or more, and "
                "finite reactions of 0 s or more."
            )
        if resized:
            self._voltage, self._limit = into[0], into[1]
            self._make_nodes()
            self._slack[: v.size] = late
        self._stale = self._guess = True
        self._drives += 1

    def _plan(self) -> None:
        self._count, self._stressed, self._soft = circuit.plan(
            self._word, self._bit, self._source, self._mode, self._voltage, self._limit, self._p,
            self._edges, self._gates, self._held, self._most, self._degree,
        )  # fmt: skip
        self._soft = (self._soft or self._wired) and self._count > 1
        self._stale = False
        if self._soft and self._guess:
            # From a guess of their own, not from the last drive: results must not depend on who
            # looked at the chip in between.
            self._bit_at[0] = math.nan
            self._solve(self._volt, self._bit_at, self._source_at)
        self._guess = False

    def _solve(self, *nodes: NDArray[np.float64]) -> None:
        """Find the node voltages without the noise of reading, from those in ``nodes`` on."""
        measure.potentials(
            self._state, self._p, self.time, self._edges, self._gates, self._count, self._held,
            self._most, *nodes, self._size,
        )  # fmt: skip

    def elapse(self, seconds: float) -> None:
        """Let ``seconds`` pass under the present connection and drive.

        Raises
        ------
        LimitError
            A negative or infinite time; nothing has happened then.
        """
        if not 0.0 <= seconds < math.inf:
            raise LimitError(f"elapse() of {seconds} s: give a time of 0 s or more.")
        if seconds == 0.0:
            return
        if not self._stress_alike(seconds):
            if self._stale:
                self._plan()
            if self._stressed:
                self._stress(seconds)
        self.time += seconds

    def _stress_alike(self, seconds: float) -> bool:
        """Stress many cells that all see one drive; return False where that is not so."""
        if self._wired or self._driven < FEWEST:
            return False
        who = np.empty(self.rows * self.columns, dtype=np.int64)
        count, v, gate = common_drive(
            self._word, self._bit, self._source, self._mode, self._voltage, self._limit, self._p,
            who,
        )  # fmt: skip
        if count < FEWEST:
            return False
        self._crowd.pulse(
            self._state, self._counts, who[:count], v, gate, self.time, seconds, self._p,
            self.noise, self._key, self._drives,
        )  # fmt: skip
        return True

    def _stress(self, seconds: float) -> None:
        cells = (self._state, self._counts, self._p, self.noise, self._key)
        when = (self.time, seconds, self._drives)
        if self._count == 1:
            evolve.evolve_alone(
                *cells, *when, self._edges, self._gates, self._held, self._most, self._slack,
                self._size,
            )  # fmt: skip
        elif not self._soft:
            evolve.evolve_held(*cells, *when, self._edges, self._gates, self._count, self._held)
        else:
            evolve.evolve_network(
                *cells, *when, self._edges, self._gates, self._count, self._held, self._most,
                self._slack, self._volt, self._bit_at, self._source_at, self._size,
            )  # fmt: skip

    def currents(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return the current into each net and whether it is at its limit, now.

        Returns
        -------
        NDArray[np.float64]
            A, shape (n_nets,), with the noise of the cells but none of any instrument.
        NDArray[np.bool_]
            Shape (n_nets,).
        """
        if self._stale:
            self._plan()
        current = np.empty(self._voltage.size)
        limited = np.empty(self._voltage.size, dtype=np.bool_)
        measure.measure(
            self._state, self._counts, self._p, self.noise, self._key, self.time, self._edges,
            self._gates, self._count, self._held, self._most, self._soft, *self._nodes(),
            self._size, current, limited,
        )  # fmt: skip
        return current, limited

    def _nodes(self) -> tuple[NDArray[np.float64], ...]:
        """Return node voltages to start a search from that shall leave no trace."""
        nodes = (self._volt, self._bit_at, self._source_at)
        return tuple(array.copy() for array in nodes) if self._soft else nodes

    def potentials(self) -> NDArray[np.float64]:
        """Return the voltage of each net, V, shape (n_nets,).

        That of its drive, or, at its limit or not driven, what the cells make of it.
        """
        if self._stale:
            self._plan()
        nodes = tuple(array.copy() for array in (self._volt, self._bit_at, self._source_at))
        if not self._soft:
            nodes[0][:] = self._held
        self._solve(*nodes)
        return nodes[0][: self._voltage.size]

    @property
    def ambient(self) -> float:
        """Temperature of the chuck, K; cells hop, drift and forget faster when it is higher.

        Raises
        ------
        LimitError
            When set to something that is no temperature between 1 and 1 000 K.
        """
        return float(self._p[layout.AMBIENT])

    @ambient.setter
    def ambient(self, kelvin: float) -> None:
        if not 1.0 <= kelvin <= 1000.0:
            raise LimitError(f"An ambient of {kelvin} K: give 1 to 1000 K (25 degC is 298.15 K).")
        self._p[layout.AMBIENT] = kelvin
        self._crowd.forget()
        acclimatise(self._state, self._p, self.time)

    @property
    def conductance(self) -> NDArray[np.float64]:
        """S, (rows, columns): what a noiseless meter reads at 0.2 V with 5 V on the gate."""
        out = np.empty(self.rows * self.columns)
        gate = math.inf if self._mode == layout.PASSIVE else READ_GATE
        measure.conductances(self._state, self._p, self.time, READ_VOLTAGE, gate, out)
        return out.reshape(self.shape)

    @property
    def formed(self) -> NDArray[np.bool_]:
        """Whether each cell is formed, (rows, columns)."""
        return (self._state[layout.FORMED] > 0.0).reshape(self.shape)

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Whether each cell is stuck, from manufacture or worn out, (rows, columns)."""
        return (self._state[layout.FATE] > 0.0).reshape(self.shape)

    @property
    def pulses(self) -> NDArray[np.int64]:
        """How many drives have stressed each cell, int64, (rows, columns)."""
        return self._counts[layout.PULSES].reshape(self.shape).copy()

    @property
    def stress(self) -> NDArray[np.float64]:
        """s, (rows, columns, 2): time spent under SET and RESET stress."""
        times = self._state[[layout.SET_TIME, layout.RESET_TIME]]
        return times.T.reshape(*self.shape, 2)

    @property
    def wear(self) -> NDArray[np.float64]:
        """Hopping endured, in factors of e of conductance, (rows, columns)."""
        return self._state[layout.WEAR].reshape(self.shape).copy()

    def save(self, path: str | Path) -> None:
        """Write the whole chip to a file, bit for bit; an old file is replaced at once.

        Raises
        ------
        StoreError
            The file cannot be written.
        """
        write_saved(
            Path(path),
            Saved(
                self.preset, self.rows, self.columns, self.seed, self.source_lines, self.noise,
                self.time, self.ambient, self._drives, self._state, self._counts, self._word,
                self._bit, self._source, self._voltage, self._limit,
                self._slack[: self._voltage.size], self._volt, self._bit_at, self._source_at,
                self._guess,
            ),
        )  # fmt: skip

    @classmethod
    def load(cls, path: str | Path) -> Chip:
        """Read a chip that :meth:`save` wrote; it goes on exactly where it was.

        Raises
        ------
        StoreError
            The file is missing, cut short, damaged, or of another version.
        """
        saved = read_saved(Path(path))
        chip = cls(
            saved.rows, saved.columns, saved.preset, saved.seed,
            source_lines=saved.source_lines, noise=saved.noise,
        )  # fmt: skip
        chip._state, chip._counts = saved.state, saved.counts
        chip._word, chip._bit, chip._source = saved.word, saved.bit, saved.source
        chip._voltage, chip._limit = saved.voltage, saved.limit
        chip._driven = int(np.count_nonzero(chip._bit >= 0)) * chip.rows
        chip._make_nodes()
        chip._slack[: saved.slack.size] = saved.slack
        chip._volt, chip._bit_at, chip._source_at = saved.volt, saved.bit_at, saved.source_at
        chip._guess = saved.guess
        chip._p[layout.AMBIENT] = saved.ambient
        chip.time, chip._drives = saved.time, saved.drives
        return chip
