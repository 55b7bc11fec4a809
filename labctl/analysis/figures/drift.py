"""Conductance of programmed cells against the time since."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from labctl.analysis import style


@style.styled
def drift_figure(time: ArrayLike, conductance: ArrayLike, level: ArrayLike | None = None) -> Figure:
    """Return conductance against time, one colour a level, and how far each level has spread.

    Parameters
    ----------
    time
        float, shape (reads,), s since the first look; that one is drawn at the left end.
    conductance
        float, shape (reads, cells), S; NaN where a read failed.
    level
        float, shape (cells,), S: what each cell was programmed to; NaN where it was not. None
        takes all cells together.
    """
    seconds = np.asarray(time, dtype=np.float64)
    values = style.micro(conductance)
    figure = style.new_figure(2)
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
    left.set_title("Conductance after programming")
    right.set_title("Change since the first look")
    if values.ndim != 2 or values.size == 0 or seconds.size < 2:
        style.no_data(left)
        style.no_data(right)
        return figure
    cells = values.shape[1]
    levels = np.full(cells, np.nan) if level is None else style.micro(level)
    positive = seconds[seconds > 0]
    first = positive.min() / 3 if positive.size else 1.0
    shown = np.where(seconds > 0, seconds, first)
    kinds = list(np.unique(levels[np.isfinite(levels)]))
    kinds += [np.nan] if np.isnan(levels).any() else []
    for kind, colour in zip(kinds, style.SERIES * (len(kinds) // 6 + 1), strict=False):
        mine = np.isnan(levels) if np.isnan(kind) else levels == kind
        left.plot(shown, values[:, mine], color=colour, linewidth=0.7, alpha=0.45)
        label = f"{kind:g} µS" if np.isfinite(kind) else "other cells"
        with np.errstate(all="ignore"):
            change = 100 * (values[:, mine] / values[0, mine] - 1)
        good = np.isfinite(change).any(axis=1)
        low, median, high = np.nanpercentile(change[good], (10, 50, 90), axis=1)
        right.plot(shown[good], median, "o-", color=colour, markersize=3.5,
                   label=f"{label} (n = {int(mine.sum())})")  # fmt: skip
        right.fill_between(shown[good], low, high, color=colour, alpha=0.15, linewidth=0)
    right.axhline(0, color=style.GREY, linewidth=0.7)
    left.set_ylabel("conductance (µS)")
    right.set_ylabel("change (%): median, 10 to 90 %")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xlim(shown.min() / 1.5, shown.max() * 1.5)
        style.plain_log_axis(axes.xaxis, shown.min() / 1.5, shown.max() * 1.5)
        axes.set_xlabel("time since the first look (s)")
        axes.grid(visible=True)
    right.legend(loc="best")
    return figure
