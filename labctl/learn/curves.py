"""Step curves: what one SET or one RESET does to a cell, as a function of its conductance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.learn.kernels import look_up, mixed, moments_at

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
        found = np.empty((len(conductance), 8))
        look_up(self._table, self._rise, self.low, self.spacing, conductance, found)
        return found

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
        looked = self.look_up(conductance)
        shape = conductance.shape
        found = np.empty((6, *shape))
        mixed(
            looked, np.broadcast_to(up_factor, shape), np.broadcast_to(down_factor, shape),
            noise_factor, found,
        )  # fmt: skip
        return Moments(*found)

    def moments_of(
        self,
        conductance: NDArray[np.float64],
        slot: NDArray[np.int64],
        factor: NDArray[np.float64],
        noise_factor: float,
    ) -> Moments:
        """Return the same for one cell of each weight, whose factors are in a table.

        Parameters
        ----------
        conductance
            S, shape (n,).
        slot
            int64, shape (n,): which cell of each weight.
        factor
            Shape (n, slots, 2): on the mean SET and RESET step.
        noise_factor
            What the variances are multiplied by.
        """
        found, looked = np.empty((6, len(slot))), np.empty((len(slot), 8))
        moments_at(
            self._table, self._rise, self.low, self.spacing, conductance, slot, factor,
            noise_factor, looked, found,
        )  # fmt: skip
        return Moments(found[0], found[1], found[2], found[3], found[4], found[5])
