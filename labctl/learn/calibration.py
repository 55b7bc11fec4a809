"""Calibration: from measured transitions to the curves the coin is tossed by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labctl.errors import CalibrationError
from labctl.learn.curves import StepCurves
from labctl.learn.readnoise import ReadNoise
from labctl.learn.stepfit import StepFit, fit_steps, regression_bias
from labctl.learn.transitions import Transitions
from labctl.learn.unformed import unformed

if TYPE_CHECKING:
    import pandas as pd

LEAST_PULSES = 150
"""Fewest usable pulses of one polarity: about 15 a knot interval."""
_GRID = 129
_TAIL = 0.02
_USABLE = 0.15
"""The window ends where one polarity's step is less than this part of the other's."""
_GOOD_FACTOR = (0.4, 2.5)
_GOOD_RESIDUAL = 2.0
_GOOD_COUNT = 3


@dataclass(frozen=True, slots=True)
class Calibration:
    """What learning knows of the chip before it starts.

    Attributes
    ----------
    curves
        Mean steps and variances of a typical cell.
    error
        float64, shape (n, 2): standard errors of the mean SET and RESET step on ``curves.grid``, S.
    window
        Lowest and highest conductance learning may use, S.
    noise
        Of a single read.
    factor
        float64, shape (rows, columns, 2): each cell's own factor on the mean SET and RESET step.
    information
        float64, same shape: inverse variances of ``factor``.
    good
        bool, shape (rows, columns): cells that both polarities move as they move the others.
    cost
        float64, shape (rows, columns): variance of the reads over the square of the steps; 1 is
        typical. Learning takes the cells that cost least.
    pulses
        How many pulses it was made from.
    """

    curves: StepCurves
    error: NDArray[np.float64]
    window: tuple[float, float]
    noise: ReadNoise
    factor: NDArray[np.float64]
    information: NDArray[np.float64]
    good: NDArray[np.bool_]
    cost: NDArray[np.float64]
    pulses: int

    @property
    def centre(self) -> float:
        """Middle of the window, S: where pairs rest."""
        return 0.5 * (self.window[0] + self.window[1])

    @property
    def range(self) -> float:
        """Width of the window, S."""
        return self.window[1] - self.window[0]

    @property
    def step(self) -> float:
        """Mean step (S) in the middle of the window: geometric mean of SET and RESET."""
        moments = self.curves.moments(np.array([self.centre]))
        return float(np.sqrt(moments.up * moments.down)[0])

    @property
    def spread(self) -> float:
        """Spread (S) of a single pulse in the middle of the window."""
        return float(np.sqrt(self.curves.moments(np.array([self.centre])).variance)[0])

    @property
    def levels(self) -> float:
        """Mean steps the window holds."""
        return self.range / self.step

    @classmethod
    def from_frames(
        cls, transitions: pd.DataFrame, repeats: pd.DataFrame, shape: tuple[int, int]
    ) -> Calibration:
        """Calibrate from the tables of a run of the procedure transitions."""
        return calibrate(
            Transitions.from_frame(transitions), ReadNoise.from_frame(repeats, shape), shape
        )


def calibrate(data: Transitions, noise: ReadNoise, shape: tuple[int, int]) -> Calibration:
    """Turn measured transitions into a calibration.

    Parameters
    ----------
    data
        Single pulses of both polarities over the conductance range.
    noise
        Of a single read.
    shape
        Rows and columns of the chip.

    Raises
    ------
    CalibrationError
        Where there are too few pulses, the polarities do not meet over a common range, or a
        polarity does not move the cells its way; says so where the cells look unformed.
    """
    try:
        return _calibrated(data, noise, shape)
    except CalibrationError as error:
        if len(data) >= LEAST_PULSES and (why := unformed(data.after)):
            raise CalibrationError(why) from error
        raise


def _calibrated(data: Transitions, noise: ReadNoise, shape: tuple[int, int]) -> Calibration:
    low, high = _common_range(data)
    inside = (data.before >= low) & (data.before <= high)
    kept = data.take(inside)
    fits: list[StepFit] = []
    cells = shape[0] * shape[1]
    for polarity, name in ((1, "SET"), (-1, "RESET")):
        part = kept.take(kept.polarity == polarity)
        read = noise.typical(part.before) * noise.factor[part.row, part.col]
        bias = regression_bias(part.before, read, low, high)
        step = polarity * (part.after - part.before - bias)
        _check_direction(name, step, part.before)
        index = part.row * shape[1] + part.col
        quiet = _quiet(noise.factor[part.row, part.col])
        fits.append(fit_steps(index, cells, part.before, step, noise, low, high, quiet))
    grid = np.linspace(low, high, _GRID)
    curves = _curves(fits, grid)
    error = np.column_stack([fit.mean.error(grid) for fit in fits])
    window = _window(curves, error)
    factor = np.stack([fit.factor.reshape(shape) for fit in fits], axis=-1)
    information = np.stack([fit.information.reshape(shape) for fit in fits], axis=-1)
    cost = noise.factor / factor.prod(axis=-1)
    good = _good(fits, shape)
    return Calibration(curves, error, window, noise, factor, information, good, cost, len(kept))


def _quiet(factor: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which pulses are of the quieter half of the cells, where they are enough.

    Weights go on quiet cells. A noisy one is often read beyond the range it has, and what it does
    next is to come back, whatever the pulse: at the ends of the range it would bend the curves.
    """
    quiet = factor <= np.median(factor)
    return quiet if quiet.sum() >= 4 * LEAST_PULSES else np.ones(len(factor), dtype=bool)


def _common_range(data: Transitions) -> tuple[float, float]:
    """Return the conductances from which both polarities were measured, tails cut."""
    ends = []
    for polarity, name in ((1, "SET"), (-1, "RESET")):
        before = data.before[data.polarity == polarity]
        if len(before) < LEAST_PULSES:
            raise CalibrationError(
                f"{len(before)} usable {name} pulses were measured; the step curves need at least "
                f"{LEAST_PULSES}. Run transitions with more passes or more cells."
            )
        ends.append(np.quantile(before, [_TAIL, 1 - _TAIL]))
    low, high = float(max(e[0] for e in ends)), float(min(e[1] for e in ends))
    if high <= low * 1.05:
        raise CalibrationError(
            f"SET pulses start from {_us(ends[0])} and RESET pulses from {_us(ends[1])}: there is "
            "no common range of conductance. Choose pulses that bring the cells back and forth, "
            "and let each cell keep its polarity for fewer pulses (a larger turn)."
        )
    return low, high


def _check_direction(name: str, step: NDArray[np.float64], before: NDArray[np.float64]) -> None:
    if len(step) < LEAST_PULSES:
        raise CalibrationError(
            f"Only {len(step)} {name} pulses start inside the common range of conductance; "
            f"{LEAST_PULSES} are needed. Run transitions with more passes or more cells."
        )
    mean, error = float(np.mean(step)), float(np.std(step)) / np.sqrt(len(step))
    if mean < 4 * error or mean < 1e-3 * float(np.median(before)):
        raise CalibrationError(
            f"{name} pulses move the cells by {mean * 1e6:.3g} ± {error * 1e6:.2g} µS in the mean "
            f"({len(step)} pulses): that is not the direction or not the size learning needs. "
            f"Raise the voltage or the gate of the {name} pulse, and look at the transition curves."
        )


def _curves(fits: Sequence[StepFit], grid: NDArray[np.float64]) -> StepCurves:
    values, slopes = [], []
    for fit in fits:
        mean, slope = fit.mean(grid), fit.mean(grid, 1)
        floor = 0.02 * float(np.max(mean))
        values.append(np.maximum(mean, floor))
        slopes.append(np.where(mean > floor, slope, 0.0))
    for fit, mean in zip(fits, list(values), strict=True):
        # A spread below a tenth of the step is not measured but assumed: never zero.
        variance, slope = fit.variance(grid), fit.variance(grid, 1)
        least = (0.1 * mean) ** 2
        values.append(np.maximum(variance, least))
        slopes.append(np.where(variance > least, slope, 0.0))
    return StepCurves(grid[0], grid[-1], np.column_stack(values), np.column_stack(slopes))


def _window(curves: StepCurves, error: NDArray[np.float64]) -> tuple[float, float]:
    """Return the stretch around the balance point where both polarities work and are known."""
    u, d = curves.values[:, 0], curves.values[:, 1]
    ratio = np.minimum(u, d) / np.maximum(u, d)
    known = (error / np.column_stack([u, d])).max(axis=1) < 0.3
    usable = (ratio > _USABLE) & known
    best = int(np.argmax(np.where(usable, ratio, 0.0)))
    if not usable[best]:
        where = int(np.argmax(ratio))
        raise CalibrationError(
            "SET and RESET never balance: where they are nearest, at "
            f"{curves.grid[where] * 1e6:.3g} µS, one SET moves {u[where] * 1e6:.3g} µS and one "
            f"RESET {d[where] * 1e6:.3g} µS. Learning needs steps within a factor "
            f"{1 / _USABLE:.0f} of each other; weaken the stronger pulse."
        )
    first = last = best
    while first > 0 and usable[first - 1]:
        first -= 1
    while last < len(u) - 1 and usable[last + 1]:
        last += 1
    return float(curves.grid[first]), float(curves.grid[last])


def _good(fits: Sequence[StepFit], shape: tuple[int, int]) -> NDArray[np.bool_]:
    good = np.ones(shape[0] * shape[1], dtype=bool)
    for fit in fits:
        good &= fit.count >= _GOOD_COUNT
        good &= (fit.factor > _GOOD_FACTOR[0]) & (fit.factor < _GOOD_FACTOR[1])
        good &= fit.residual < _GOOD_RESIDUAL
    return good.reshape(shape)


def _us(ends: NDArray[np.float64]) -> str:
    return f"{ends[0] * 1e6:.3g} to {ends[1] * 1e6:.3g} µS"
