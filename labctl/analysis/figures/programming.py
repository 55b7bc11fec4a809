"""Program-and-verify: what was asked of each cell, and what it holds."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from labctl.analysis import style
from labctl.analysis.distributions import usable


@style.styled
def draw_programming(axes: Axes, target: ArrayLike, conductance: ArrayLike) -> None:
    """Draw programmed conductance against its target; float, shape (n,), S each."""
    x, y = style.micro(target), style.micro(conductance)
    good = usable(x) & usable(y)
    axes.set_title("Programmed cells")
    if not good.any():
        style.no_data(axes)
        return
    x, y = x[good], y[good]
    low, high = min(x.min(), y.min(), 0.0), max(x.max(), y.max()) * 1.05
    axes.plot([low, high], [low, high], color=style.INK, linewidth=0.9, label="target")
    axes.plot(x, y, "o", color=style.BLUE, markersize=4, alpha=0.6, markeredgewidth=0,
              rasterized=x.size > 2000, label=f"cells (n = {x.size})")  # fmt: skip
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_aspect("equal")
    axes.grid(visible=True)
    axes.set_xlabel("target (µS)")
    axes.set_ylabel("conductance (µS)")
    axes.legend(loc="upper left")


@style.styled
def draw_programming_error(axes: Axes, target: ArrayLike, conductance: ArrayLike) -> None:
    """Draw the histogram of conductance minus target; float, shape (n,), S each."""
    error = style.micro(conductance) - style.micro(target)
    error = error[usable(error)]
    axes.set_title("Programming error")
    if error.size == 0:
        style.no_data(axes)
        return
    axes.hist(error, bins=int(np.clip(np.sqrt(error.size), 8, 40)), color=style.SKY, alpha=0.7)
    axes.axvline(0, color=style.INK, linewidth=0.8)
    sd = error.std(ddof=min(1, error.size - 1))
    text = f"mean {error.mean():+.2g} µS\nsd {sd:.2g} µS"
    axes.text(0.03, 0.96, text, transform=axes.transAxes, va="top", fontsize=8.5)
    axes.set_ylim(0, axes.get_ylim()[1] * 1.2)
    axes.grid(visible=True, axis="y")
    axes.set_xlabel("conductance - target (µS)")
    axes.set_ylabel("cells per bin")


@style.styled
def programming_figure(target: ArrayLike, conductance: ArrayLike) -> Figure:
    """Return target against result, and the error; float, shape (n,), S each."""
    figure = style.new_figure(2)
    left, right = figure.subplots(1, 2)
    draw_programming(left, target, conductance)
    draw_programming_error(right, target, conductance)
    return figure
