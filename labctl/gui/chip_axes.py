"""Axes that every map of a chip has: word lines down, bit lines across."""

from __future__ import annotations

import pyqtgraph as pg

from labctl.gui.scale import cell_ticks


def show_chip(plot: pg.PlotItem, shape: tuple[int, int]) -> None:
    """Give a map axes and bounds for a chip of ``shape`` (rows, columns)."""
    rows, columns = shape
    plot.getViewBox().setLimits(
        xMin=-columns, xMax=2 * columns, yMin=-rows, yMax=2 * rows, minXRange=2, minYRange=2
    )
    plot.getAxis("bottom").setTicks(cell_ticks(columns))
    plot.getAxis("left").setTicks(cell_ticks(rows))
