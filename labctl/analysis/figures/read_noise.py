"""Read noise: spread of repeated reads of one cell, against its conductance."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from labctl.analysis import style


@style.styled
def read_noise_figure(conductance: ArrayLike) -> Figure:
    """Return the relative standard deviation of each cell, and its cumulative share.

    Parameters
    ----------
    conductance
        float, shape (reads, cells), S: the same cells, read again with nothing in between.
    """
    values = np.asarray(conductance, dtype=np.float64)
    figure = style.new_figure(2)
    left, right = figure.subplots(1, 2)
    left.set_title("Read noise of each cell")
    right.set_title("Share of cells")
    good = np.zeros(0, bool)
    if values.ndim == 2 and values.shape[0] > 1:
        values = values[:, np.isfinite(values).sum(axis=0) > 1]
        mean, sd = np.nanmean(values, axis=0), np.nanstd(values, axis=0, ddof=1)
        good = (mean > 0) & (sd > 0)
    if not good.any():
        style.no_data(left)
        style.no_data(right)
        return figure
    relative = 100 * sd[good] / mean[good]
    left.loglog(style.micro(mean[good]), relative, "o", color=style.BLUE, markersize=3.5,
                alpha=0.6, markeredgewidth=0)  # fmt: skip
    left.set_xlabel("conductance (µS)")
    left.set_ylabel("standard deviation (%)")
    ordered = np.sort(relative)
    right.step(ordered, 100 * (np.arange(ordered.size) + 1) / ordered.size, where="post",
               color=style.BLUE)  # fmt: skip
    right.set_xscale("log")
    right.axhline(50, color=style.GREY, linewidth=0.7, linestyle=":")
    right.set_xlabel("standard deviation (%)")
    right.set_ylabel("cells at or below (%)")
    for axes in (left.xaxis, left.yaxis, right.xaxis):
        low, high = axes.get_view_interval()
        style.plain_log_axis(axes, float(low), float(high))
    left.grid(visible=True)
    right.grid(visible=True)
    style.remark(right, f"{values.shape[0]} reads, median {np.median(relative):.2g} %")
    return figure
