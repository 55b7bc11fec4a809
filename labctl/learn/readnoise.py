"""Noise of reads, cell by cell, from repeated reads with nothing in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import CalibrationError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class ReadNoise:
    """Variance of one read: ``(floor + relative G^2)`` times a factor of each cell's own.

    Cells differ widely, since single traps that capture and emit make most of the noise.

    Attributes
    ----------
    floor
        S^2.
    relative
        Dimensionless: the square of the relative noise of a typical (median) cell.
    factor
        float64, shape (rows, columns): each cell's variance over the typical one.
    """

    floor: float
    relative: float
    factor: NDArray[np.float64]

    @classmethod
    def even(cls, shape: tuple[int, int], relative: float = 0.0) -> ReadNoise:
        """Return the noise of cells that are all alike; ``relative`` is the sd over G."""
        return cls(0.0, relative**2, np.ones(shape))

    def typical(self, conductance: ArrayLike) -> NDArray[np.float64]:
        """Return the variance (S^2) of a read of a typical cell at conductances (S)."""
        noise: NDArray[np.float64] = self.floor + self.relative * np.square(conductance)
        return noise

    @classmethod
    def of(
        cls, row: ArrayLike, col: ArrayLike, conductance: ArrayLike, shape: tuple[int, int]
    ) -> ReadNoise:
        """Fit repeated reads, shape (n,) each, in the order taken.

        Half the mean square of the difference of consecutive reads of a cell is the part of the
        noise that a transition sees, since its two reads follow each other as well; slow drift
        drops out.

        Parameters
        ----------
        row, col, conductance
            Of each read; S.
        shape
            Rows and columns of the chip.

        Raises
        ------
        CalibrationError
            Where no cell was read twice.
        """
        from scipy.optimize import nnls
        from scipy.special import digamma, polygamma

        value = np.asarray(conductance, np.float64)
        good = np.isfinite(value)
        cell = (np.asarray(row, np.int64) * shape[1] + np.asarray(col, np.int64))[good]
        order = np.argsort(cell, kind="stable")
        cell, value = cell[order], value[good][order]
        same = np.diff(cell) == 0
        if not same.any():
            raise CalibrationError(
                "No cell was read twice, so the read noise is unknown. Measure transitions with "
                "repeats of at least 2."
            )
        size = shape[0] * shape[1]
        owner = cell[1:][same]
        count = np.bincount(owner, minlength=size)
        some = np.flatnonzero(count)
        total = np.bincount(owner, 0.5 * np.diff(value)[same] ** 2, size)
        square = np.bincount(owner, (value[1:] * value[:-1])[same], size)
        variance, level = total[some] / count[some], np.abs(square[some] / count[some])
        # Medians of cells of like conductance: a few cells are many times as noisy as the rest.
        parts = np.array_split(np.argsort(level), min(8, len(level)))
        x = np.array([np.median(level[p]) for p in parts])
        y = np.array([np.median(variance[p]) for p in parts])
        scale, unit = float(x.mean()) or 1.0, float(y.mean()) or 1.0
        weight = 1.0 / (0.1 + x / scale)  # the noise of the noise grows with its size
        matrix = np.column_stack([weight, weight * x / scale])
        (floor, relative), _ = nnls(matrix, weight * y / unit)
        floor, relative = float(floor * unit), float(relative * unit / scale)
        # Cells may be alike or differ by orders of magnitude: the logarithms of their variances
        # tell, and are shrunk as far as their scatter is that of a handful of reads.
        free = count[some] / 2
        tiny = 1e-6 * unit
        logs = np.log((variance + tiny) / (floor + relative * level + tiny))
        logs -= digamma(free) - np.log(free)
        sampling = polygamma(1, free)
        middle = float(np.median(logs))
        spread = max(float(np.var(logs) - np.mean(sampling)), 1e-4)
        trust = spread / (spread + sampling)
        shrunk = middle + trust * (logs - middle) + 0.5 * (1 - trust) * spread
        factor = np.ones(size)
        factor[some] = np.exp(shrunk - middle)
        typical = np.exp(middle)
        return cls(floor * typical, relative * typical, factor.reshape(shape))

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, shape: tuple[int, int]) -> ReadNoise:
        """Take the table ``repeats`` of a run of the procedure transitions."""
        return cls.of(frame["row"], frame["col"], frame["conductance"], shape)
