"""The simulated chip: one physical thing behind all instruments of a bench."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import LabctlError, StoreError
from labctl.sim.chip import kernels as k
from labctl.sim.chip.circuit import operate
from labctl.sim.chip.preset import Preset, preset

FORMAT = 1
READ = 0.2
"""V at which :attr:`Chip.conductance` is given."""


class Chip:
    """An array of 1T1R cells with pads, seen from its pads.

    A net is whatever the matrix connects; its number is up to the caller. The chip is told which
    line is on which net, which voltage each net has, and how much time passes; it answers with the
    current into each net.

    Parameters
    ----------
    rows, columns
        Word lines and bit lines.
    technology
        Its preset.
    seed
        Of everything random on this chip; same seed and history, same chip.
    source_lines
        ``"columns"``: source line j along bit line j; ``"rows"``: source line i along word line i.
    noise
        False switches off cycle-to-cycle variation, relaxation and read noise; cells still differ.

    Raises
    ------
    LabctlError
        For an impossible geometry.
    """

    def __init__(
        self,
        rows: int,
        columns: int,
        technology: Preset,
        seed: int,
        *,
        source_lines: str = "columns",
        noise: bool = True,
    ) -> None:
        if not (1 <= rows <= 1024 and 1 <= columns <= 1024):
            raise LabctlError(f"A simulated chip has 1 to 1024 lines a side, not {rows} x {columns}.")
        if source_lines not in ("columns", "rows"):
            raise LabctlError(f"source_lines is 'columns' or 'rows', not {source_lines!r}.")
        self.rows, self.columns, self.seed, self.noise = rows, columns, seed, noise
        self.source_lines, self.preset = source_lines, technology
        self.now = 0.0
        """Age of the chip, s."""
        self._p, self._q = technology.physics(), technology.noise()
        key = np.random.SeedSequence(seed).generate_state(2, np.uint32)
        self._k0, self._k1 = np.uint32(key[0]), np.uint32(key[1])
        cells = rows * columns
        rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0])
        self._fixed = technology.draw_fixed(cells, rng)
        self._moving = technology.draw_moving(cells, rng)
        self._counts = np.zeros((cells, k.STREAMS), dtype=np.int64)
        sources = columns if source_lines == "columns" else rows
        self._nets = [np.full(n, -1, dtype=np.int8) for n in (rows, columns, sources)]
        self._driven = [nets.copy() for nets in self._nets]
        self._volts = [np.zeros(n) for n in (rows, columns, sources)]
        self._voltage = np.full(8, np.nan)
        self._limit = np.full(8, np.inf)
        self._cells = np.zeros((cells, 4), dtype=np.int64)
        self._us = np.zeros(cells)
        self._count = 0
        self._calm = True
        self._current = np.zeros(8)
        self._at = np.zeros(8, dtype=np.bool_)

    def connect(self, word: ArrayLike, bit: ArrayLike, source: ArrayLike) -> None:
        """Put each line on a net, int8; -1 floats.

        Raises
        ------
        LabctlError
            For arrays that are not one number a line.
        """
        for nets, new, name in zip(self._nets, (word, bit, source), ("word", "bit", "source"), strict=True):
            if np.shape(new) != nets.shape:
                raise LabctlError(f"{nets.size} nets of {name} lines are needed, got {np.shape(new)}.")
        for nets, new in zip(self._nets, (word, bit, source), strict=True):
            nets[:] = new
        self._arrange()

    def drive(self, voltage: ArrayLike, limit: ArrayLike) -> None:
        """Set voltage (V; NaN: not driven) and current limit (A) of each net.

        Raises
        ------
        LabctlError
            For voltages that are infinite, or arrays of unequal length.
        """
        volts, most = np.asarray(voltage, dtype=float), np.asarray(limit, dtype=float)
        if volts.shape != most.shape or volts.ndim != 1 or np.isinf(volts).any():
            raise LabctlError("drive() takes one finite voltage (or NaN) and one limit for each net.")
        if volts.size != self._voltage.size:
            self._current, self._at = np.zeros(volts.size), np.zeros(volts.size, dtype=np.bool_)
        self._voltage, self._limit = volts.copy(), most * 1e6
        self._arrange()

    def elapse(self, seconds: float) -> None:
        """Let time pass under the present voltages.

        Raises
        ------
        LabctlError
            For a time that is negative or no number.
        """
        if not 0.0 <= seconds < np.inf:
            raise LabctlError(f"Time cannot pass by {seconds} s.")
        if seconds and not self._calm and self._count:
            self._settle()
            k.stress(
                self._moving, self._fixed, self._counts, self._cells, self._count, self._volts[1],
                self._volts[2], self._volts[0], self._driven[1], self._driven[2], self._limit,
                self._at, seconds, self.now, self._p, self._q, self.noise, self._k0, self._k1,
            )  # fmt: skip
        self.now += seconds

    def currents(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Read all nets once.

        Returns
        -------
        float64, shape (nets,)
            A, from its source into each net, with the read noise of the cells.
        bool, shape (nets,)
            Whether the net is at its limit.
        """
        if self._count:
            self._settle(read=True)
        else:
            self._current[:], self._at[:] = 0.0, False
        return self._current * 1e-6, self._at.copy()

    @property
    def conductance(self) -> NDArray[np.float64]:
        """Conductance of each cell at 0.2 V without transistor and read noise, S."""
        u = self._relaxed()
        v0 = self.preset.curvature(u)
        volts: NDArray[np.float64] = np.exp(u) * v0 * np.sinh(READ / v0) / READ * 1e-6
        return volts.reshape(self.rows, self.columns)

    @property
    def formed(self) -> NDArray[np.bool_]:
        """Which cells are formed, shape (rows, columns)."""
        return (self._moving[:, k.FORMED] > 0).reshape(self.rows, self.columns)

    @property
    def pulses(self) -> NDArray[np.int64]:
        """How often each cell was stressed, shape (rows, columns)."""
        return self._moving[:, k.PULSES].astype(np.int64).reshape(self.rows, self.columns)

    def save(self, path: str | Path) -> None:
        """Write the whole state to one file, replacing it at once.

        Raises
        ------
        StoreError
            Where it cannot be written.
        """
        path = Path(path)
        part = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                np.savez(
                    file, format=FORMAT, rows=self.rows, columns=self.columns, seed=self.seed,
                    source_lines=self.source_lines, noise=self.noise, preset=self.preset.name,
                    parameters=self.preset.vector(), now=self.now, moving=self._moving,
                    counts=self._counts, fixed=self._fixed,
                )  # fmt: skip
            part.replace(path)
        except OSError as error:
            raise StoreError(f"Cannot keep the simulated chip in {path}: {error}.") from error

    @classmethod
    def load(cls, path: str | Path) -> Chip:
        """Return the chip that :meth:`save` wrote, bit for bit; nothing is connected.

        Raises
        ------
        StoreError
            Where the file cannot be read, is cut short, or has another format.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                if int(file["format"]) != FORMAT:
                    raise StoreError(
                        f"{path} keeps a chip in format {int(file['format'])}; this labctl reads "
                        f"format {FORMAT}. Delete it for a new chip."
                    )
                chip = cls(
                    int(file["rows"]), int(file["columns"]),
                    preset(str(file["preset"])).with_vector(file["parameters"]),
                    int(file["seed"]), source_lines=str(file["source_lines"]),
                    noise=bool(file["noise"]),
                )  # fmt: skip
                for name, array in (("fixed", chip._fixed), ("moving", chip._moving), ("counts", chip._counts)):
                    array[:] = file[name]
                chip.now = float(file["now"])
        except (OSError, ValueError, KeyError, EOFError, TypeError) as error:
            raise StoreError(
                f"{path} is no readable chip file ({error}). Delete it for a new chip."
            ) from error
        return chip

    def _arrange(self) -> None:
        """Work out what is connected after relays or sources have moved."""
        word, bit, source = self._volts
        for nets, volts, live in zip(self._nets, self._volts, self._driven, strict=True):
            k.place(nets, self._voltage, volts)
            k.driven(nets, self._voltage, live)
        self._count = k.connected(
            word, self._driven[1], self._driven[2], self.source_lines == "columns", self._p,
            self._cells,
        )  # fmt: skip
        self._calm = k.calm(self._driven[1], self._driven[2], self._voltage)

    def _settle(self, read: bool = False) -> None:
        """Solve for the node voltages with the cells as they are now."""
        k.place(self._driven[1], self._voltage, self._volts[1])
        k.place(self._driven[2], self._voltage, self._volts[2])
        k.prepare(self._moving, self._cells, self._count, self.now, self._q, self._us)
        if read and self.noise:
            k.look(
                self._moving, self._fixed, self._counts, self._cells, self._count, self.now,
                self._q, self._k0, self._k1, self._us,
            )  # fmt: skip
        operate(
            self._us, self._cells, self._count, self._volts[1], self._volts[2], self._volts[0],
            self._driven[1], self._driven[2], self._voltage, self._limit, self._p, self._current,
            self._at,
        )  # fmt: skip

    def _relaxed(self) -> NDArray[np.float64]:
        m = self._moving
        age = np.maximum(self.now - m[:, k.SINCE], 0.0)
        u: NDArray[np.float64] = m[:, k.U] + m[:, k.RHO] * np.log1p(age / self._q[k.RELAX_START])
        return u
