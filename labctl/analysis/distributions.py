"""Distributions of conductance: what a read map says in numbers.

Everything here takes plain arrays in SI units and copes with readings that are flagged, missing or
below zero, because a real map has all three.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

PERCENTILES = (1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0)
"""The percentiles of a :class:`Summary`, %."""
MOST_BINS = 200
"""No histogram has more bins than this."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Statistics of one distribution, in the unit of the values given.

    Attributes
    ----------
    n
        Number of usable values; every statistic below is of these.
    total
        Number of values given, the unusable ones included.
    median, mean, sd
        ``sd`` is the sample standard deviation (n - 1); NaN below two values. All are NaN where
        ``n`` is 0.
    minimum, maximum
        Extremes.
    percentiles
        Percentile (%) to value, for each of :data:`PERCENTILES`.
    """

    n: int
    total: int
    median: float
    mean: float
    sd: float
    minimum: float
    maximum: float
    percentiles: Mapping[float, float] = field(default_factory=dict)

    @property
    def usable_fraction(self) -> float:
        """Share of the values that are usable, 0 to 1 (the yield); NaN where none was given."""
        return self.n / self.total if self.total else float("nan")

    @property
    def relative_sd(self) -> float:
        """Standard deviation over mean."""
        return self.sd / self.mean if self.mean else float("nan")


def usable(values: ArrayLike, flag: ArrayLike | None = None) -> NDArray[np.bool_]:
    """Tell which values are data: finite, and not flagged.

    Parameters
    ----------
    values
        float, any shape.
    flag
        Bits of :class:`labctl.instruments.Flag`, same shape; None flags nothing.

    Raises
    ------
    ValueError
        Where the shapes differ.
    """
    array = np.asarray(values, dtype=np.float64)
    good = np.isfinite(array)
    if flag is not None:
        flags = np.asarray(flag)
        if flags.shape != array.shape:
            raise ValueError(
                f"Cannot pair {array.shape} values with {flags.shape} flags: give one flag each."
            )
        good &= flags == 0
    return good


def summarise(values: ArrayLike, flag: ArrayLike | None = None) -> Summary:
    """Return the statistics of one distribution.

    Parameters
    ----------
    values
        float, any shape; conductance in S, say.
    flag
        See :func:`usable`.
    """
    array = np.asarray(values, dtype=np.float64)
    good = array[usable(array, flag)]
    nan = float("nan")
    if good.size == 0:
        return Summary(0, array.size, nan, nan, nan, nan, nan, dict.fromkeys(PERCENTILES, nan))
    percentiles = np.percentile(good, PERCENTILES)
    return Summary(
        n=int(good.size),
        total=int(array.size),
        median=float(np.median(good)),
        mean=float(good.mean()),
        sd=float(good.std(ddof=1)) if good.size > 1 else nan,
        minimum=float(good.min()),
        maximum=float(good.max()),
        percentiles=dict(zip(PERCENTILES, map(float, percentiles), strict=True)),
    )


def summarise_by(
    values: ArrayLike, state: ArrayLike, flag: ArrayLike | None = None
) -> dict[object, Summary]:
    """Return one :class:`Summary` per state (formed or not, a target level, a polarity...).

    Parameters
    ----------
    values, flag
        As for :func:`summarise`.
    state
        Same shape; each distinct value is a state. The states come back sorted.
    """
    array = np.asarray(values, dtype=np.float64)
    states = np.asarray(state)
    if states.shape != array.shape:
        raise ValueError(
            f"Cannot sort {array.shape} values into {states.shape} states: give one state each."
        )
    flags = np.zeros(array.shape, np.uint8) if flag is None else np.asarray(flag)
    return {
        key: summarise(array[states == key], flags[states == key])
        for key in np.unique(states).tolist()
    }


def cumulative(
    values: ArrayLike, flag: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the empirical cumulative distribution of the usable values.

    Returns
    -------
    value, fraction
        float64, shape (n,): the sorted values, and the share of values at or below each.
    """
    array = np.asarray(values, dtype=np.float64)
    good = np.sort(array[usable(array, flag)])
    return good, np.arange(1, good.size + 1, dtype=np.float64) / max(good.size, 1)


def log_edges(values: ArrayLike, flag: ArrayLike | None = None) -> NDArray[np.float64]:
    """Return bin edges evenly spaced in log(value) that suit the distribution.

    The width is that of Freedman and Diaconis (1981) on log(value): twice the interquartile range
    over the cube root of n; at least 8 bins, at most :data:`MOST_BINS`. Values at or below zero
    have no logarithm and are left out.

    Returns
    -------
    float64, shape (bins + 1,)
        Empty where no value is above zero.
    """
    array = np.asarray(values, dtype=np.float64)
    good = array[usable(array, flag)]
    logs = np.log(good[good > 0])
    if logs.size == 0:
        return np.empty(0)
    low, high = float(logs.min()), float(logs.max())
    if high - low < 1e-3:
        # One value, or as good as: a bar of 10 % width is visible, a bar of no width is not.
        low, high = low - 0.05, high + 0.05
    spread = float(np.subtract(*np.percentile(logs, [75, 25])))
    width = 2 * spread / np.cbrt(logs.size)
    bins = int(np.clip(np.ceil((high - low) / width) if width > 0 else 8, 8, MOST_BINS))
    edges: NDArray[np.float64] = np.exp(np.linspace(low, high, bins + 1))
    # exp(log(x)) may miss x by one rounding; the extremes belong inside.
    edges[0] *= 1 - 1e-12
    edges[-1] *= 1 + 1e-12
    return edges


def histogram(
    values: ArrayLike,
    flag: ArrayLike | None = None,
    *,
    edges: ArrayLike | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Count the usable values in logarithmic bins.

    Parameters
    ----------
    values, flag
        As for :func:`summarise`.
    edges
        float, shape (bins + 1,); None takes those of :func:`log_edges`.

    Returns
    -------
    edges, counts
        float64, shape (bins + 1,), and int64, shape (bins,); both empty where nothing can be
        counted. Values outside the edges are not counted.
    """
    array = np.asarray(values, dtype=np.float64)
    good = array[usable(array, flag)]
    bounds = log_edges(good) if edges is None else np.asarray(edges, dtype=np.float64)
    if bounds.size < 2:
        return np.empty(0), np.empty(0, np.int64)
    counts, _ = np.histogram(good, bounds)
    return bounds, counts.astype(np.int64)
