"""Every transition as a dot: conductance before and after one pulse."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from labctl.analysis import style
from labctl.analysis.distributions import usable

_DENSE = 500
"""Dots from which they are drawn as pixels even in a vector file."""


@style.styled
def draw_transition_map(
    axes: Axes,
    before: ArrayLike,
    after: ArrayLike,
    polarity: ArrayLike,
    flag: ArrayLike | None = None,
    *,
    title: str = "Before and after one pulse",
) -> None:
    """Draw the dots on logarithmic axes; above the diagonal the conductance rose.

    Parameters
    ----------
    axes
        To draw in.
    before, after
        float, shape (n,), S; what is not finite or not above zero is left out.
    polarity
        Shape (n,): above zero for SET, below for RESET.
    flag
        Shape (n,): flagged transitions are left out.
    title
        Of the axes.
    """
    start, end = style.micro(before), style.micro(after)
    sign = np.asarray(polarity)
    good = usable(start, flag) & usable(end) & (start > 0) & (end > 0)
    axes.set_title(title)
    if not good.any():
        style.no_data(axes)
        return
    axes.set_xscale("log")
    axes.set_yscale("log")
    low = float(min(start[good].min(), end[good].min())) / 1.15
    high = float(max(start[good].max(), end[good].max())) * 1.15
    axes.plot([low, high], [low, high], color=style.INK, linewidth=0.9, label="no change")
    size = float(np.clip(4000 / good.sum(), 3, 14))
    for name, chosen, colour in (
        ("SET", good & (sign > 0), style.SET_COLOUR),
        ("RESET", good & (sign < 0), style.RESET_COLOUR),
    ):
        if chosen.any():
            axes.scatter(
                start[chosen],
                end[chosen],
                s=size,
                color=colour,
                alpha=0.5,
                linewidths=0,
                rasterized=bool(good.sum() > _DENSE),
                label=f"{name} (n = {int(chosen.sum())})",
            )
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_aspect("equal")
    for axis in (axes.xaxis, axes.yaxis):
        style.plain_log_axis(axis, low, high)
    axes.grid(visible=True)
    axes.set_xlabel("conductance before (µS)")
    axes.set_ylabel("conductance after (µS)")
    legend = axes.legend(
        loc="upper left",
        handletextpad=0.3,
        borderaxespad=0.1,
        labelspacing=0.25,
        markerscale=float(np.sqrt(20 / size)),
    )
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_alpha(1.0)


@style.styled
def transition_map_figure(
    before: ArrayLike,
    after: ArrayLike,
    polarity: ArrayLike,
    flag: ArrayLike | None = None,
    *,
    title: str = "Before and after one pulse",
) -> Figure:
    """Return the figure of :func:`draw_transition_map`."""
    figure = style.new_figure()
    draw_transition_map(figure.subplots(), before, after, polarity, flag, title=title)
    return figure
