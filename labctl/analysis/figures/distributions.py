"""Distributions of conductance: histogram and cumulative curve."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from labctl.analysis import style
from labctl.analysis.distributions import cumulative, histogram, log_edges, usable


def _positive(sets: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
    """Return the usable values above zero of each set, µS, without the sets that have none."""
    kept = {}
    for label, values in sets.items():
        array = np.asarray(values, dtype=np.float64)
        array = style.micro(array[usable(array) & (array > 0)])
        if array.size:
            kept[label] = array
    return kept


def _span(sets: Mapping[str, NDArray[np.float64]]) -> tuple[float, float]:
    low = min(float(values.min()) for values in sets.values())
    high = max(float(values.max()) for values in sets.values())
    return low / 1.08, high * 1.08


@style.styled
def draw_histogram(
    axes: Axes, sets: Mapping[str, ArrayLike], *, title: str = "Conductance of the cells"
) -> None:
    """Draw histograms on a logarithmic axis, medians marked.

    Parameters
    ----------
    axes
        To draw in.
    sets
        Label to conductances (S, any shape; what is not finite or not above zero is left out).
    title
        Of the axes.
    """
    axes.set_title(title)
    kept = _positive(sets)
    if not kept:
        style.no_data(axes)
        return
    axes.set_xscale("log")
    # One set of edges for all, or the heights could not be compared.
    edges = log_edges(np.concatenate(list(kept.values())))
    peak = max(int(histogram(values, edges=edges)[1].max()) for values in kept.values())
    for (label, values), colour in zip(kept.items(), style.SERIES, strict=False):
        bounds, counts = histogram(values, edges=edges)
        median = float(np.median(values))
        text = f"{label}: n = {values.size}, median {median:.3g} µS"
        axes.stairs(counts, bounds, fill=True, alpha=0.22, color=colour, linewidth=0)
        axes.stairs(counts, bounds, color=colour, linewidth=1.3, label=text)
        axes.vlines(median, 0, peak, color=colour, linewidth=1.0, linestyle=(0, (4, 2)))
    span = _span(kept)
    axes.set_xlim(*span)
    style.plain_log_axis(axes.xaxis, *span)
    axes.set_ylim(0, peak * (1.08 + 0.1 * len(kept)))  # room for the legend
    axes.grid(visible=True, axis="y")
    axes.set_xlabel("conductance (µS)")
    axes.set_ylabel("cells per bin")
    axes.legend(loc="upper left", borderaxespad=0.1)


@style.styled
def draw_cumulative(
    axes: Axes, sets: Mapping[str, ArrayLike], *, title: str = "Cumulative share"
) -> None:
    """Draw empirical cumulative curves; parameters as for :func:`draw_histogram`."""
    axes.set_title(title)
    kept = _positive(sets)
    if not kept:
        style.no_data(axes)
        return
    axes.set_xscale("log")
    for (label, values), colour in zip(kept.items(), style.SERIES, strict=False):
        value, share = cumulative(values)
        axes.step(value, 100 * share, where="post", color=colour, label=label)
    axes.axhline(50, color=style.GREY, linewidth=0.7, linestyle=":")
    span = _span(kept)
    axes.set_xlim(*span)
    style.plain_log_axis(axes.xaxis, *span)
    axes.set_ylim(0, 102)
    axes.grid(visible=True)
    axes.set_xlabel("conductance (µS)")
    axes.set_ylabel("cells at or below (%)")
    if len(kept) > 1:
        axes.legend(loc="upper left")


@style.styled
def distributions_figure(
    sets: Mapping[str, ArrayLike], *, title: str = "Conductance of the cells"
) -> Figure:
    """Return histogram and cumulative curve side by side; see :func:`draw_histogram`."""
    figure = style.new_figure(2)
    left, right = figure.subplots(1, 2, width_ratios=(1.35, 1))
    draw_histogram(left, sets, title=title)
    draw_cumulative(right, sets)
    return figure
