"""A sensible figure for any run, chosen by the tables it has.

============================  ========================================================
tables and columns            figure
============================  ========================================================
``transitions``               steps of SET and RESET, before against after
``cells`` with ``target``     chip map, target against result, programming error
``cells`` with ``formed``     chip map with the unformed cells, forming voltage
``cells``                     chip map, histogram, cumulative share
any other                     each number of the first table that has any, against step
                              or time
============================  ========================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from labctl.analysis import style
from labctl.analysis.figures import (
    draw_chip_map,
    draw_cumulative,
    draw_forming,
    draw_histogram,
    draw_programming,
    draw_programming_error,
    draw_transition_map,
    draw_transitions,
)
from labctl.analysis.figures.learning_trace import thin
from labctl.analysis.grids import as_map, conductance_map, shape_of
from labctl.analysis.transitions import bin_by_polarity

_AXES = ("step", "pulse", "time")
"""Columns to plot against, best first."""
_PLACES = ("row", "col", "flag", "repeat", *_AXES)
"""Columns that are not a measured number."""
_MOST_PANELS = 6


class RunLike(Protocol):
    """What :func:`plot_run` needs of a run."""

    @property
    def path(self) -> Path:
        """Folder of the run."""
        ...

    @property
    def tables(self) -> Iterable[str]:
        """Names of its tables."""
        ...

    def frame(self, table: str | None = None) -> pd.DataFrame:
        """Return one table; ``attrs["units"]`` may hold its units by column."""
        ...


def _plot_map(cells: pd.DataFrame) -> Figure:
    figure = style.new_figure(3)
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.1, 1.2, 0.9))
    grid = conductance_map(cells)
    draw_chip_map(left, grid)
    draw_histogram(middle, {"cells": grid})
    draw_cumulative(right, {"cells": grid})
    return figure


def _plot_forming(cells: pd.DataFrame) -> Figure:
    figure = style.new_figure(2.2)
    left, right = figure.subplots(1, 2)
    unformed = (
        as_map(
            cells["row"],
            cells["col"],
            ~cells["formed"].astype(bool),
            shape_of(cells["row"], cells["col"]),
        )
        > 0
    )
    draw_chip_map(left, conductance_map(cells), unformed)
    draw_forming(right, cells["voltage"], cells["formed"])
    return figure


def _plot_program(cells: pd.DataFrame) -> Figure:
    figure = style.new_figure(3)
    left, middle, right = figure.subplots(1, 3)
    draw_chip_map(left, conductance_map(cells))
    draw_programming(middle, cells["target"], cells["conductance"])
    draw_programming_error(right, cells["target"], cells["conductance"])
    return figure


def _plot_transitions(frame: pd.DataFrame) -> Figure:
    figure = style.new_figure(2.2, 3.4)
    left, right = figure.subplots(1, 2)
    flag = frame.get("flag")
    columns = (frame["before"], frame["after"], frame["polarity"], flag)
    draw_transitions(left, *bin_by_polarity(*columns))
    draw_transition_map(right, *columns)
    return figure


def _label(name: str, unit: str) -> tuple[str, float]:
    """Return the text of an axis and the factor of its values; siemens are shown as µS."""
    text = name.replace("_", " ")
    if unit == "S":
        return f"{text} (µS)", style.MICRO
    return (f"{text} ({unit})" if unit else text), 1.0


def _numbers(frame: pd.DataFrame) -> list[str]:
    return [
        str(name)
        for name in frame.columns
        if name not in _PLACES and pd.api.types.is_numeric_dtype(frame[name])
    ]


def _plot_numbers(frames: Mapping[str, pd.DataFrame]) -> Figure:
    """Plot the numbers of the first table that has any, one panel each."""
    table, frame = next(
        ((name, frame) for name, frame in frames.items() if len(frame) and _numbers(frame)),
        ("", pd.DataFrame()),
    )
    names = _numbers(frame)[:_MOST_PANELS]
    if not names:
        figure = style.new_figure(1.5)
        style.no_data(figure.subplots())
        return figure
    units: Mapping[str, str] = frame.attrs.get("units", {})
    x_name = next((name for name in _AXES if name in frame), None)
    x = np.arange(len(frame)) if x_name is None else frame[x_name].to_numpy(dtype=np.float64)
    x_label, x_factor = ("row of the table", 1.0) if x_name is None else _label(
        x_name, units.get(x_name, "s" if x_name == "time" else "")
    )  # fmt: skip
    shown = thin(len(frame))
    columns = min(len(names), 2)
    rows = -(-len(names) // columns)
    figure = style.new_figure(1.2 * columns, 0.6 + 1.7 * rows)
    grid = figure.subplots(rows, columns, sharex=True, squeeze=False)
    for axes, name in zip(grid.flat, names, strict=False):
        label, factor = _label(name, units.get(name, ""))
        values = frame[name].to_numpy(dtype=np.float64)
        axes.plot(x_factor * x[shown], factor * values[shown], color=style.BLUE, linewidth=1.0)
        axes.set_ylabel(label)
        axes.grid(visible=True)
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    for axes in grid.flat[max(len(names) - columns, 0) : len(names)]:  # lowest of their columns
        axes.set_xlabel(x_label)
        axes.tick_params(labelbottom=True)
    grid[0, 0].set_title(table)
    return figure


@style.styled
def plot_frames(frames: Mapping[str, pd.DataFrame], title: str = "") -> Figure:
    """Return the figure that suits these tables; see the top of this module.

    Parameters
    ----------
    frames
        Table name to table, SI units.
    title
        Above the figure.
    """
    cells = frames.get("cells", pd.DataFrame())
    has_map = {"row", "col", "conductance"} <= set(cells.columns)
    if {"before", "after", "polarity"} <= set(frames.get("transitions", pd.DataFrame()).columns):
        figure = _plot_transitions(frames["transitions"])
    elif has_map and "target" in cells:
        figure = _plot_program(cells)
    elif has_map and {"formed", "voltage"} <= set(cells.columns):
        figure = _plot_forming(cells)
    elif has_map:
        figure = _plot_map(cells)
    else:
        figure = _plot_numbers(frames)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=9, color=style.GREY)
    return figure


def plot_run(run: RunLike, path: str | Path | None = None) -> Figure:
    """Return a figure of a run, finished or still growing, and save it where a path is given.

    Parameters
    ----------
    run
        The run.
    path
        File to save to; its ending says the kind (png, svg, pdf). None saves nothing.

    Examples
    --------
    In a script: ``plot_run(bench.run("read_map", cells="all"), "map.png")``.
    """
    frames = {name: run.frame(name) for name in run.tables}
    figure = plot_frames(frames, title=run.path.name)
    if path is not None:
        style.save(figure, path)
    return figure
