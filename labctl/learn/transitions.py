"""Measured transitions and repeated reads: what a calibration is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import CalibrationError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Transitions:
    """Single pulses: where a cell was before and after.

    Attributes
    ----------
    row, col
        int64, shape (n,).
    polarity
        int64, shape (n,): 1 a SET, -1 a RESET.
    before, after
        float64, shape (n,), S, as read.
    """

    row: NDArray[np.int64]
    col: NDArray[np.int64]
    polarity: NDArray[np.int64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        row: ArrayLike,
        col: ArrayLike,
        polarity: ArrayLike,
        before: ArrayLike,
        after: ArrayLike,
        flag: ArrayLike | None = None,
    ) -> Transitions:
        """Take measured arrays, shape (n,) each; flagged and not finite ones are left out."""
        start, end = np.asarray(before, np.float64), np.asarray(after, np.float64)
        good = np.isfinite(start) & np.isfinite(end)
        if flag is not None:
            good &= np.asarray(flag) == 0
        whole = [np.asarray(a, np.int64)[good] for a in (row, col, polarity)]
        return cls(whole[0], whole[1], whole[2], start[good], end[good])

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Transitions:
        """Take the table ``transitions`` of a run of the procedure of that name.

        Raises
        ------
        CalibrationError
            Where columns are missing.
        """
        needed = ("row", "col", "polarity", "before", "after")
        missing = [name for name in needed if name not in frame.columns]
        if missing:
            raise CalibrationError(
                f"The table of transitions lacks {', '.join(missing)}. Use a run of the "
                "procedure transitions."
            )
        row, col, polarity, before, after = (frame[name].to_numpy() for name in needed)
        flag = frame["flag"].to_numpy() if "flag" in frame.columns else None
        return cls.of(row, col, polarity, before, after, flag)

    def __len__(self) -> int:
        return len(self.before)

    def take(self, chosen: NDArray[np.bool_]) -> Transitions:
        """Return those where ``chosen``, bool, shape (n,)."""
        return Transitions(
            self.row[chosen],
            self.col[chosen],
            self.polarity[chosen],
            self.before[chosen],
            self.after[chosen],
        )


@dataclass(frozen=True, slots=True)
class ReadNoise:
    """Variance of one read against the conductance: ``floor + relative G^2`` (S^2).

    Attributes
    ----------
    floor
        S^2.
    relative
        Dimensionless: the square of the relative noise.
    """

    floor: float = 0.0
    relative: float = 0.0

    def variance(self, conductance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the variance of a read, S^2, at conductances (S)."""
        noise: NDArray[np.float64] = self.floor + self.relative * conductance**2
        return noise

    @classmethod
    def of(cls, row: ArrayLike, col: ArrayLike, conductance: ArrayLike) -> ReadNoise:
        """Fit repeated reads with nothing in between, shape (n,) each, in the order taken.

        Half the mean square of the difference of consecutive reads of a cell is the part of the
        noise that a transition sees, since its two reads follow each other as well; slow drift
        drops out.

        Raises
        ------
        CalibrationError
            Where no cell was read twice.
        """
        from scipy.optimize import nnls

        rows, cols = np.asarray(row, np.int64), np.asarray(col, np.int64)
        value = np.asarray(conductance, np.float64)
        good = np.isfinite(value)
        cell = rows[good] * (int(cols.max(initial=0)) + 1) + cols[good]
        order = np.argsort(cell, kind="stable")
        cell, value = cell[order], value[good][order]
        same = np.diff(cell) == 0
        if not same.any():
            raise CalibrationError(
                "No cell was read twice, so the read noise is unknown. Measure transitions with "
                "repeats of at least 2."
            )
        half_square = 0.5 * np.diff(value)[same] ** 2
        level = 0.5 * (value[1:] + value[:-1])[same]
        scale = float(np.median(np.abs(level))) or 1.0
        # Average in bins of the level first: single squares scatter by their own size.
        parts = np.array_split(np.argsort(level), min(12, len(level)))
        x = np.array([np.mean(level[p] ** 2) for p in parts]) / scale**2
        y = np.array([np.mean(half_square[p]) for p in parts])
        weight = 1.0 / (0.05 + x)  # the noise of the noise grows with its size
        unit = float(y.mean()) or 1.0
        (floor, relative), _ = nnls(np.column_stack([weight, x * weight]), y * weight / unit)
        return cls(float(floor * unit), float(relative * unit / scale**2))

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> ReadNoise:
        """Take the table ``repeats`` of a run of the procedure transitions."""
        return cls.of(frame["row"], frame["col"], frame["conductance"])
