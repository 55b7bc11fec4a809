"""Forming: at which voltage the cells formed, and how many did."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from labctl.analysis import style

_MANY_LEVELS = 60


def _edges(voltage: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return edges around the levels of a stepped voltage, or even bins where it is not stepped."""
    levels = np.unique(np.round(voltage, 6))
    if levels.size == 1:
        return np.array([levels[0] - 0.05, levels[0] + 0.05])
    step = float(np.diff(levels).min())
    count = round((levels[-1] - levels[0]) / step)
    if count <= _MANY_LEVELS:
        return np.asarray(levels[0] + step * (np.arange(count + 2) - 0.5), dtype=np.float64)
    return np.linspace(levels[0], levels[-1], 25)


@style.styled
def draw_forming(
    axes: Axes,
    voltage: ArrayLike,
    formed: ArrayLike | None = None,
    *,
    title: str = "Forming",
) -> None:
    """Draw the histogram of the forming voltage, and the share of all cells formed up to it.

    Parameters
    ----------
    axes
        To draw in; a second y axis is added on the right.
    voltage
        float, shape (n,), V on the bit line at which each cell formed.
    formed
        bool, shape (n,); None takes cells with a finite voltage as formed. A formed cell without a
        voltage was formed before: it counts in the share, which is of all n.
    title
        Of the axes.
    """
    volts = np.asarray(voltage, dtype=np.float64).ravel()
    finite = np.isfinite(volts)
    conducting = finite if formed is None else np.asarray(formed, dtype=bool).ravel()
    done = finite & conducting
    before = int((conducting & ~finite).sum())
    axes.set_title(title)
    if not done.any():
        empty = "all were formed before" if before else "no cell formed"
        style.no_data(axes, empty if volts.size else "no data")
        return
    good = volts[done]
    edges = _edges(good)
    counts, _ = np.histogram(good, edges)
    axes.stairs(counts, edges, fill=True, color=style.SKY, alpha=0.45)
    axes.stairs(counts, edges, color=style.BLUE, linewidth=1.2)
    axes.set_ylim(0, counts.max() * 1.08)
    axes.set_xlabel("bit-line voltage (V)")
    axes.set_ylabel("cells formed here", color=style.BLUE)
    axes.grid(visible=True, axis="y")

    share = axes.twinx()
    # A cell formed at the level in the middle of a bin, hence the curve steps at the left edges.
    total = 100 * (before + np.concatenate([[0.0], np.cumsum(counts)])) / volts.size
    share.step(edges, total, where="pre", color=style.VERMILION, linewidth=1.4)
    share.set_ylim(0, 103)
    share.set_ylabel("formed up to here (%)", color=style.VERMILION)
    share.spines["right"].set_visible(True)
    style.remark(
        axes,
        f"{good.size + before} of {volts.size}, "
        f"{good.mean():.2f} ± {good.std(ddof=min(1, good.size - 1)):.2f} V",
    )


@style.styled
def forming_figure(
    voltage: ArrayLike, formed: ArrayLike | None = None, *, title: str = "Forming"
) -> Figure:
    """Return the figure of :func:`draw_forming`."""
    figure = style.new_figure()
    draw_forming(figure.subplots(), voltage, formed, title=title)
    return figure
