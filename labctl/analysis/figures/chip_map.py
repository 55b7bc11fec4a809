"""The chip as it lies: conductance over word lines and bit lines."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from labctl.analysis import style

_DENSE = 4096
"""Cells from which the map is drawn as pixels even in a vector file, to keep the file small."""
_BLANK = "#f5f7fa"


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return lowest and highest colour: without the outermost 2 % where those are far out (µS)."""
    positive = values[values > 0]
    if positive.size < 0.9 * values.size:
        return float(values.min()), float(values.max())
    low, high = float(positive.min()), float(positive.max())
    inner_low, inner_high = (float(v) for v in np.percentile(positive, (2, 98)))
    if np.log(high / low) > 2 * np.log(inner_high / inner_low) > 0:
        return inner_low, inner_high
    return low, high


def _norm(low: float, high: float) -> Normalize:
    """Return a logarithmic scale where the range is more than a factor of three (µS)."""
    if low > 0 and high / low > 3:
        return LogNorm(low, high)
    if high <= low:
        margin = abs(low) * 0.05 or 1.0
        low, high = low - margin, high + margin
    return Normalize(low, high)


def _hatch(axes: Axes, mask: NDArray[np.bool_], pattern: str, colour: str) -> None:
    """Cover the cells of a mask with a pale hatched square."""
    squares = [Rectangle((col, row), 1, 1) for row, col in np.argwhere(mask)]
    axes.add_collection(
        PatchCollection(
            squares, hatch=pattern, facecolor=_BLANK, edgecolor=colour, linewidth=0.4, zorder=2
        ),
        autolim=False,
    )


@style.styled
def draw_chip_map(
    axes: Axes,
    conductance: ArrayLike,
    unformed: ArrayLike | None = None,
    *,
    limits: tuple[float, float] | None = None,
    title: str = "Conductance map",
    cmap: str | Colormap = style.CONDUCTANCE_MAP,
) -> None:
    """Draw the map into axes, with a colour bar.

    Parameters
    ----------
    axes
        To draw in.
    conductance
        float, shape (rows, columns), S; NaN where a cell gave no usable reading: hatched.
    unformed
        bool, shape (rows, columns): cells that did not form, marked with crosses whatever they
        read; None marks none.
    limits
        Lowest and highest conductance of the colours, S; None takes those of the data, without
        a few that lie far out.
    title, cmap
        Of the map.
    """
    grid = style.micro(conductance)
    axes.set_title(title)
    if grid.ndim != 2 or grid.size == 0:
        style.no_data(axes)
        return
    rows, columns = grid.shape
    failed = np.zeros(grid.shape, bool) if unformed is None else np.asarray(unformed, dtype=bool)
    unread = ~np.isfinite(grid) & ~failed
    shown = np.ma.masked_where(~np.isfinite(grid) | failed, grid)

    axes.set_aspect("equal")
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)  # row 0 on top, as the table and the window have it
    axes.set_xlabel("column (bit line)")
    axes.set_ylabel("row (word line)")
    for axis, size in ((axes.xaxis, columns), (axes.yaxis, rows)):
        locator = MaxNLocator(8, integer=True, steps=[1, 2, 4, 5, 8, 10])
        ticks = [int(tick) for tick in locator.tick_values(0, size - 1) if 0 <= tick < size]
        axis.set_ticks([tick + 0.5 for tick in ticks], [str(tick) for tick in ticks])
        axis.set_tick_params(length=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(True)

    if unread.any():
        _hatch(axes, unread, "////", style.GREY)
    if failed.any():
        _hatch(axes, failed, "xxxx", style.VERMILION)
    if shown.count() == 0:
        axes.text(columns / 2, rows / 2, "no readings", ha="center", va="center", style="italic")
    else:
        values = shown.compressed()
        low, high = _range(values) if limits is None else style.micro(limits)
        scale = _norm(low, high)
        mesh = axes.pcolormesh(shown, cmap=cmap, norm=scale, rasterized=grid.size > _DENSE)
        figure = axes.get_figure(root=True)
        assert figure is not None
        below, above = bool(values.min() < low), bool(values.max() > high)
        extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[below, above]
        bar = figure.colorbar(
            mesh, ax=axes, pad=0.02, aspect=24, extend=extend, label="conductance (µS)"
        )
        bar.outline.set_visible(False)
        if isinstance(scale, LogNorm):
            style.plain_log_axis(bar.ax.yaxis, float(scale.vmin or 1), float(scale.vmax or 1))

    marks = []
    if failed.any():
        label = f"not formed ({int(failed.sum())})"
        marks.append(Patch(fc=_BLANK, ec=style.VERMILION, hatch="xxxx", label=label))
    if unread.any():
        label = f"no reading ({int(unread.sum())})"
        marks.append(Patch(fc=_BLANK, ec=style.GREY, hatch="////", label=label))
    if marks:
        axes.legend(
            handles=marks,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.16),
            ncols=2,
            columnspacing=1.2,
            borderaxespad=0.3,
            handlelength=1.2,
            handletextpad=0.5,
            fontsize=7.5,
        )


@style.styled
def chip_map_figure(
    conductance: ArrayLike,
    unformed: ArrayLike | None = None,
    *,
    limits: tuple[float, float] | None = None,
    title: str = "Conductance map",
) -> Figure:
    """Return a figure of the map alone; parameters as for :func:`draw_chip_map`."""
    figure = style.new_figure()
    draw_chip_map(figure.subplots(), conductance, unformed, limits=limits, title=title)
    return figure
