"""Which weight sits on which cell: the chip coloured by layer, around the cells that cannot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from labctl.analysis import style

_NUMBERED = 400
"""Cells up to which every weight's number is written on them."""
_LINED = 1024
"""Cells up to which there are lines between them."""
_FREE, _DEAD = "#f5f7fa", style.GREY


@style.styled
def draw_placement(
    axes: Axes,
    placement: ArrayLike,
    layers: Sequence[int] | None = None,
    *,
    title: str = "Weights on cells",
) -> None:
    """Draw the map into axes.

    Parameters
    ----------
    axes
        To draw in.
    placement
        int, shape (rows, columns): number of the weight on each cell; -1 free, -2 not usable.
    layers
        How many weights each layer has, in the order of their numbers; None is one layer.
    title
        Of the map.
    """
    chart = np.asarray(placement, dtype=np.int64)
    axes.set_title(title)
    if chart.ndim != 2 or chart.size == 0:
        style.no_data(axes)
        return
    rows, columns = chart.shape
    sizes = [int(chart.max()) + 1] if layers is None else list(layers)
    layer = np.searchsorted(np.cumsum(sizes), chart, side="right")
    shades = [style.SERIES[k % len(style.SERIES)] for k in range(len(sizes))]
    index = np.where(chart == -2, 1, np.where(chart == -1, 0, layer + 2))
    colours = ListedColormap([_FREE, _DEAD, *shades])
    axes.pcolormesh(
        index,
        cmap=colours,
        vmin=-0.5,
        vmax=len(shades) + 1.5,
        edgecolors="white" if chart.size <= _LINED else "none",
        linewidth=0.4,
        rasterized=chart.size > 4096,
    )
    axes.set_aspect("equal")
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)
    axes.set_xlabel("column (bit line)")
    axes.set_ylabel("row (word line)")
    for axis, size in ((axes.xaxis, columns), (axes.yaxis, rows)):
        locator = MaxNLocator(8, integer=True, steps=[1, 2, 4, 5, 8, 10])
        ticks = [int(tick) for tick in locator.tick_values(0, size - 1) if 0 <= tick < size]
        axis.set_ticks([tick + 0.5 for tick in ticks], [str(tick) for tick in ticks])
        axis.set_tick_params(length=0)
    if chart.size <= _NUMBERED:
        for row, column in np.argwhere(chart >= 0):
            axes.text(
                column + 0.5, row + 0.5, str(chart[row, column]), ha="center", va="center",
                color="white", fontsize=min(7.0, 80 / max(rows, columns)),
            )  # fmt: skip
    names = ["weights"] if len(sizes) == 1 else [f"layer {k + 1}" for k in range(len(sizes))]
    marks = [
        Patch(fc=shade, label=f"{name} ({int((layer[chart >= 0] == k).sum())} cells)")
        for k, (name, shade) in enumerate(zip(names, shades, strict=True))
    ]
    marks.append(Patch(fc=_FREE, ec=style.GREY, label=f"free ({int((chart == -1).sum())})"))
    marks.append(Patch(fc=_DEAD, label=f"not usable ({int((chart == -2).sum())})"))
    axes.legend(
        handles=marks, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2,
        columnspacing=1.2, handlelength=1.2, handletextpad=0.5, fontsize=7.5,
    )  # fmt: skip


@style.styled
def placement_figure(
    placement: ArrayLike, layers: Sequence[int] | None = None, *, title: str = "Weights on cells"
) -> Figure:
    """Return a figure of the map alone; parameters as for :func:`draw_placement`."""
    figure = style.new_figure()
    draw_placement(figure.subplots(), placement, layers, title=title)
    return figure
