"""Statistics of single pulses: how far a SET or a RESET moves the conductance, and from where.

These are for looking at. The curves that learning uses are fitted in ``labctl.learn``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.analysis.distributions import usable

SET = 1
"""Polarity of a SET pulse in a table of transitions."""
RESET = -1
"""Polarity of a RESET pulse in a table of transitions."""


MANY = 1000
"""From so many transitions on, the bins leave the outermost 1 % of them out."""


@dataclass(frozen=True, slots=True)
class BinnedSteps:
    """Steps of one polarity, binned by the conductance they started from.

    Attributes
    ----------
    edges
        float64, shape (bins + 1,), S.
    centre
        float64, shape (bins,), S: mean starting conductance of the steps in the bin, or the
        middle of the bin where it is empty.
    count
        int64, shape (bins,): number of steps.
    mean
        float64, shape (bins,), S; NaN in an empty bin.
    sd
        float64, shape (bins,), S: spread of single steps (n - 1). It contains the noise of the two
        reads. NaN below two steps.
    error
        float64, shape (bins,), S: standard error of ``mean``, ``sd / sqrt(count)``.
    """

    edges: NDArray[np.float64]
    centre: NDArray[np.float64]
    count: NDArray[np.int64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    error: NDArray[np.float64]


def even_edges(values: ArrayLike, bins: int) -> NDArray[np.float64]:
    """Return edges of bins of equal width over the usable values; empty where there are none."""
    array = np.asarray(values, dtype=np.float64)
    good = array[usable(array)]
    if good.size == 0:
        return np.empty(0)
    low, high = float(good.min()), float(good.max())
    if high <= low:
        margin = abs(low) * 0.05 or 1e-9
        low, high = low - margin, high + margin
    return np.linspace(low, high, bins + 1)


def bin_steps(
    before: ArrayLike,
    after: ArrayLike,
    flag: ArrayLike | None = None,
    *,
    edges: ArrayLike | None = None,
    bins: int = 12,
) -> BinnedSteps:
    """Bin the steps ``after - before`` of one polarity by ``before``.

    Parameters
    ----------
    before, after
        float, shape (n,), S.
    flag
        Bits of :class:`labctl.instruments.Flag`, shape (n,); flagged steps are left out, as are
        those with a conductance that is not finite.
    edges
        float, shape (bins + 1,), S, ascending; None makes ``bins`` bins of equal width. Steps that
        start outside are left out.
    """
    start = np.asarray(before, dtype=np.float64)
    end = np.asarray(after, dtype=np.float64)
    good = usable(start, flag) & usable(end)
    start, step = start[good], end[good] - start[good]
    bounds = even_edges(start, bins) if edges is None else np.asarray(edges, dtype=np.float64)
    number = max(bounds.size - 1, 0)
    if number == 0:
        empty = np.empty(0)
        return BinnedSteps(empty, empty, np.empty(0, np.int64), empty, empty, empty)

    index = np.searchsorted(bounds, start, side="right") - 1
    index[start == bounds[-1]] = number - 1  # the last bin is closed on both sides
    inside = (index >= 0) & (index < number)
    index, start, step = index[inside], start[inside], step[inside]

    count = np.bincount(index, minlength=number)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(index, step, number) / count
        # Deviations from the bin's own mean: sums of squares would cancel for small spreads.
        squares = np.bincount(index, (step - mean[index]) ** 2, number)
        sd = np.sqrt(squares / np.where(count > 1, count - 1, np.nan))
        error = sd / np.sqrt(count)
        centre = np.bincount(index, start, number) / count
    middle = (bounds[:-1] + bounds[1:]) / 2
    centre = np.where(count > 0, centre, middle)
    return BinnedSteps(bounds, centre, count.astype(np.int64), mean, sd, error)


def bin_by_polarity(
    before: ArrayLike,
    after: ArrayLike,
    polarity: ArrayLike,
    flag: ArrayLike | None = None,
    *,
    bins: int = 12,
) -> tuple[BinnedSteps, BinnedSteps]:
    """Bin a whole table of transitions; SET and RESET share the edges.

    Parameters
    ----------
    before, after, flag
        As for :func:`bin_steps`.
    polarity
        Shape (n,): above zero for SET, below for RESET.
    bins
        Number of bins of equal width over the usable range of ``before``; with many transitions,
        over the middle 99 % of it: a few stray readings would stretch every bin.

    Returns
    -------
    set_steps, reset_steps
        The second has negative means where RESET lowers the conductance.
    """
    start = np.asarray(before, dtype=np.float64)
    end = np.asarray(after, dtype=np.float64)
    sign = np.asarray(polarity)
    good = usable(start, flag) & usable(end)
    middle = start[good]
    if middle.size >= MANY:
        low, high = np.quantile(middle, [0.005, 0.995])
        middle = middle[(middle >= low) & (middle <= high)]
    edges = even_edges(middle, bins)
    up, down = good & (sign > 0), good & (sign < 0)
    return (
        bin_steps(start[up], end[up], edges=edges),
        bin_steps(start[down], end[down], edges=edges),
    )
