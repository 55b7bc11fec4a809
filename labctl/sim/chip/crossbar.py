"""An array of fixed conductances with resistive lines: currents and node voltages.

Row line i is driven at its left end (column 0), column line j is held at 0 V below its last row;
from pad to first cell, and from cell to cell, is one segment of wire. Solved matrix-free, see
:mod:`labctl.sim.chip.ladder`; many vectors of one array go through its transfer matrix.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve, solveh_banded

from labctl.errors import LimitError, WiringError
from labctl.sim.chip import krylov, ladder

_TOLERANCE = 1e-12
_MOST = 10_000

Array = NDArray[np.float64]


class Crossbar:
    """Linear array between driven rows and grounded columns.

    Parameters
    ----------
    conductance
        S, shape (rows, columns), finite, not negative.
    row_resistance, column_resistance
        ohm per segment; 0 for ideal wires.

    Raises
    ------
    WiringError
        ``conductance`` is no matrix.
    LimitError
        A conductance or resistance that is negative or not finite.
    """

    def __init__(
        self, conductance: ArrayLike, row_resistance: float, column_resistance: float
    ) -> None:
        g = np.array(conductance, dtype=np.float64, order="C")
        if g.ndim != 2 or g.size == 0:
            raise WiringError(f"A crossbar of conductances of shape {g.shape}: give a matrix.")
        if not (np.isfinite(g).all() and (g >= 0.0).all()):
            raise LimitError("A crossbar wants conductances that are finite and not negative.")
        for name, ohm in (("row", row_resistance), ("column", column_resistance)):
            if not 0.0 <= ohm < np.inf:
                raise LimitError(
                    f"A {name} segment of {ohm} ohm: give a finite resistance; 0 is an ideal wire."
                )
        self._g = g
        self._rows = 0.0 if row_resistance == 0.0 else 1.0 / row_resistance
        self._columns = 0.0 if column_resistance == 0.0 else 1.0 / column_resistance
        self._previous: Array | None = None
        self._factor()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self._g.shape[0], self._g.shape[1]

    def _factor(self) -> None:
        """Factor all lines; lines without resistance need nothing."""
        rows, columns = self.shape
        tall = (ladder.padded(rows), columns)
        diag = np.ones(tall)
        diag[:rows] = self._g
        if self._columns:
            self._vseg = np.full(max(rows - 1, 0), self._columns)
            self._icol, self._own = np.empty(self.shape), np.empty(self.shape)
            ladder.factor_columns(
                self._g, self._g, self._vseg, np.full(columns, self._columns), self._icol, diag,
                self._own,
            )  # fmt: skip
        if self._rows:
            self._hseg = np.full(max(columns - 1, 0), self._rows)
            self._hpad = np.full(rows, self._rows)
            self._irow = np.empty(tall)
            ladder.factor_rows(diag, self._hseg, self._hpad, self._irow)
            unit = np.zeros(tall)
            unit[:rows, 0] = 1.0
            self._first = self._precondition(unit)[:rows, 0]

    def _precondition(self, r: Array) -> Array:
        z, idle = np.empty_like(r), np.zeros_like(r)
        ladder.rows_solve(self._irow, self._hseg, idle, r, idle, idle, z, 0.0)
        return z

    def _solve_rows(self, v: Array) -> Array:
        """Return the row node voltages (V, at least (rows, columns)) for pads at ``v``."""
        rows, columns = self.shape
        if not self._rows:
            return np.repeat(v[:, np.newaxis], columns, axis=1)
        r = np.zeros(self._irow.shape)
        r[:rows, 0] = self._rows * v
        if not self._columns:
            return self._precondition(r)
        reference = float(np.sum(self._first * (self._rows * v) ** 2))
        w = np.zeros_like(r)
        if reference == 0.0:
            return w
        if self._previous is not None:
            # the last solution, scaled as fits best
            s, scratch = np.empty_like(r), np.empty(self.shape)
            ladder.schur(
                self._g, self._g, self._hseg, self._hpad, self._vseg, self._icol, self._previous, s,
                scratch,
            )  # fmt: skip
            bend = np.vdot(self._previous, s)
            if bend > 0.0:
                share = np.vdot(self._previous, r) / bend
                w = share * self._previous
                r -= share * s
        krylov.conjugate_gradients(
            self._g, self._own, self._hseg, self._vseg, self._icol, self._irow, w, r, _TOLERANCE,
            reference, _MOST,
        )  # fmt: skip
        self._previous = w
        return w

    def _solve_columns(self, w: Array) -> Array:
        """Return the column node voltages (V, (rows, columns)) below row nodes at ``w``."""
        u = self._g * w[: self.shape[0]]
        if not self._columns:
            return np.zeros(self.shape)
        ladder.columns_solve(self._icol, self._vseg, u, u)
        return u

    def _vectors(self, voltages: ArrayLike) -> Array:
        v = np.array(voltages, dtype=np.float64, order="C")
        if v.ndim not in (1, 2) or v.shape[-1] != self.shape[0]:
            raise WiringError(
                f"Voltages of shape {v.shape} on a crossbar of {self.shape[0]} rows: "
                "give one per row."
            )
        if not np.isfinite(v).all():
            raise LimitError("A crossbar wants finite voltages.")
        return v

    def _current(self, v: Array) -> Array:
        w = self._solve_rows(v)
        if self._columns:
            return self._columns * self._solve_columns(w)[-1]
        return np.asarray((self._g * w[: self.shape[0]]).sum(axis=0))

    def currents(self, voltages: ArrayLike) -> Array:
        """Return the currents out of the columns.

        Parameters
        ----------
        voltages
            V, shape (rows,) or (k, rows).

        Returns
        -------
        NDArray[np.float64]
            A, shape (columns,) or (k, columns), exact to about 1e-11 of the largest.

        Raises
        ------
        WiringError, LimitError
            Voltages of another shape, or not finite.
        """
        v = self._vectors(voltages)
        if (v.ndim == 2 and len(v) >= min(self.shape)) or "transfer" in self.__dict__:
            return np.asarray(v @ self.transfer.T)
        if v.ndim == 1:
            return self._current(v)
        return np.array([self._current(x) for x in v]).reshape(len(v), self.shape[1])

    def node_voltages(self, voltages: ArrayLike) -> tuple[Array, Array]:
        """Return the voltages of the nodes of row and column lines.

        Parameters
        ----------
        voltages
            V, shape (rows,) or (k, rows).

        Returns
        -------
        NDArray[np.float64], NDArray[np.float64]
            V, each of shape (rows, columns) or (k, rows, columns).

        Raises
        ------
        WiringError, LimitError
            Voltages of another shape, or not finite.
        """
        v = self._vectors(voltages)
        above, below = [], []
        for x in np.atleast_2d(v):
            w = self._solve_rows(x)
            above.append(w[: self.shape[0]].copy())
            below.append(self._solve_columns(w))
        shape = (*v.shape[:-1], *self.shape)
        return np.array(above).reshape(shape), np.array(below).reshape(shape)

    @cached_property
    def transfer(self) -> Array:
        """Current of each column per volt on each row, S, shape (columns, rows); kept."""
        rows, columns = self.shape
        if not (self._rows and self._columns) or rows * columns <= 16:
            return np.array([self._current(x) for x in np.eye(rows)]).T
        if rows >= columns:
            return _transfer(self._g, self._rows, self._columns)
        # reciprocity: drive the columns instead, with the array seen from the other corner
        turned = np.ascontiguousarray(self._g[::-1, ::-1].T)
        return np.ascontiguousarray(_transfer(turned, self._columns, self._rows).T[::-1, ::-1])


def _transfer(g: Array, along: float, down: float) -> Array:
    """Return the transfer matrix (columns, rows) of ``g`` with segments ``along`` and ``down``, S.

    Row after row is added below, the array above being kept as what its columns see: an admittance
    ``y`` and the currents ``j`` per volt on each row.
    """
    rows, columns = g.shape
    y = np.zeros((columns, columns))
    j = np.zeros((columns, rows))
    band = np.empty((2, columns))
    band[0] = -along
    unit = np.eye(columns)
    for i in range(rows + 1):
        if i > 0:  # one segment down
            chol = cho_factor(unit + y / down, lower=True, check_finite=False)
            if i == rows:
                return np.asarray(cho_solve(chol, j, check_finite=False))
            j[:, :i] = cho_solve(chol, j[:, :i], check_finite=False)
            y = cho_solve(chol, y, check_finite=False)
        band[1] = g[i] + 2.0 * along
        band[1, -1] -= along
        inside = g[i][:, np.newaxis] * solveh_banded(band, np.diag(g[i]), check_finite=False)
        y = y - inside
        y.flat[:: columns + 1] += g[i]
        y = 0.5 * (y + y.T)
        drive = np.zeros(columns)
        drive[0] = along
        j[:, i] = g[i] * solveh_banded(band, drive, check_finite=False)
    return j
