"""Step curves: what one SET or one RESET does to a cell, as a function of its conductance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

COLUMNS = ("up", "down", "up_variance", "down_variance")
"""The four curves: mean SET step and mean RESET step (S, both positive), and the variance of a
single SET and a single RESET (S^2)."""
FACTOR_BOUNDS = (0.2, 5.0)
"""A cell's own factor on a mean step is kept in here, whatever was measured."""


@dataclass(frozen=True, slots=True)
class Moments:
    """The curves and their slopes at the conductances of some cells, shape (n,) each.

    Attributes
    ----------
    up, down
        Mean steps, S, positive.
    variance
        S^2, of a single pulse when the coin has no drift: ``(down * var_set + up * var_reset) /
        (up + down)``, since a coin without drift tosses SET with probability
        ``down / (up + down)``.
    up_slope, down_slope
        d/dG of the steps, dimensionless.
    variance_slope
        d/dG of ``variance``, S.
    """

    up: NDArray[np.float64]
    down: NDArray[np.float64]
    variance: NDArray[np.float64]
    up_slope: NDArray[np.float64]
    down_slope: NDArray[np.float64]
    variance_slope: NDArray[np.float64]


class StepCurves:
    """Smooth curves on an even grid of conductances, looked up by linear interpolation.

    Outside the grid the curves keep their last value and have no slope: nothing is extrapolated.

    Parameters
    ----------
    low, high
        Ends of the grid, S.
    values
        float, shape (n, 4): the :data:`COLUMNS` on the grid.
    slopes
        float, shape (n, 4): their derivatives; None differentiates ``values``.
    """

    def __init__(
        self, low: float, high: float, values: ArrayLike, slopes: ArrayLike | None = None
    ) -> None:
        table = np.asarray(values, dtype=np.float64)
        self.low, self.high = float(low), float(high)
        self.spacing = (self.high - self.low) / (len(table) - 1)
        steepness = np.gradient(table, self.spacing, axis=0) if slopes is None else slopes
        steepness = np.array(steepness, dtype=np.float64)
        steepness[[0, -1]] = 0.0
        self._table = np.hstack([table, steepness])
        self._rise = np.diff(self._table, axis=0)

    @property
    def grid(self) -> NDArray[np.float64]:
        """Conductances of the grid, S, shape (n,)."""
        return np.linspace(self.low, self.high, len(self._table))

    @property
    def values(self) -> NDArray[np.float64]:
        """The curves on the grid, shape (n, 4), in the order of :data:`COLUMNS`."""
        return self._table[:, :4]

    def look_up(self, conductance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return curves and slopes, shape (n, 8), at conductances (S), shape (n,)."""
        last = len(self._rise) - 1
        place = np.clip((conductance - self.low) / self.spacing, 0.0, last + 1.0)
        cell = np.minimum(place.astype(np.intp), last)
        looked: NDArray[np.float64] = self._table[cell] + (place - cell)[:, None] * self._rise[cell]
        return looked

    def moments(
        self,
        conductance: NDArray[np.float64],
        up_factor: NDArray[np.float64] | float = 1.0,
        down_factor: NDArray[np.float64] | float = 1.0,
        noise_factor: float = 1.0,
    ) -> Moments:
        """Return means and variance of the next step, and their slopes.

        Parameters
        ----------
        conductance
            S, shape (n,).
        up_factor, down_factor
            What the mean steps of these cells are multiplied by, shape (n,).
        noise_factor
            What the variances are multiplied by.
        """
        table = self.look_up(conductance)
        u, d = table[:, 0] * up_factor, table[:, 1] * down_factor
        du, dd = table[:, 4] * up_factor, table[:, 5] * down_factor
        vu, vd = table[:, 2] * noise_factor, table[:, 3] * noise_factor
        share = d / (u + d)
        share_slope = (dd * u - d * du) / (u + d) ** 2
        variance = share * vu + (1 - share) * vd
        slope = (share * table[:, 6] + (1 - share) * table[:, 7]) * noise_factor + share_slope * (
            vu - vd
        )
        return Moments(u, d, variance, du, dd, slope)
