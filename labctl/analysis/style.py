"""The look of every figure: fonts, colours, sizes, units on the axes, and how to save one.

Figures are made with matplotlib's object interface and its Agg canvas: no pyplot, no window, no
figure kept alive by global state. Settings apply inside :func:`styled` only.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator
from numpy.typing import ArrayLike, NDArray

MICRO = 1e6
"""µS per S."""

# Okabe and Ito's colours (Color Universal Design, 2008), which survive colour blindness.
BLUE = "#0072B2"
VERMILION = "#D55E00"
GREEN = "#009E73"
ORANGE = "#E69F00"
SKY = "#56B4E9"
PURPLE = "#CC79A7"
INK = "#1f2933"
GREY = "#7b8794"
PALE = "#e4e7eb"

SET_COLOUR = BLUE
RESET_COLOUR = VERMILION
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
"""Colours of series that mean nothing by themselves."""
CONDUCTANCE_MAP = "viridis"

# Any: matplotlib types the keys as one literal of every setting there is.
RC: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: there where no font is installed
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 7.0,
    "axes.labelsize": 9.0,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.facecolor": "white",
    "figure.facecolor": "white",
    "figure.dpi": 110.0,
    "savefig.facecolor": "white",
    "grid.color": PALE,
    "grid.linewidth": 0.7,
    "hatch.color": "edge",
    "hatch.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "lines.linewidth": 1.6,
    "patch.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8.0,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8.0,
    "text.parse_math": False,  # a "$" in somebody's sample name is a dollar
    "svg.fonttype": "path",  # glyphs as outlines: the reader needs no font
    "svg.hashsalt": "labctl",  # same data, same bytes
}

_P = ParamSpec("_P")
_R = TypeVar("_R")


def styled(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Run a function under labctl's matplotlib settings and leave the caller's as they were."""

    @functools.wraps(function)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with mpl.rc_context(RC):
            return function(*args, **kwargs)

    return wrapper


HEIGHT = 2.85
"""Inches: figures that may stand in one row of the report are equally high."""
COLUMN = 3.4
"""Inches: one column of the report; figures are one, two or three columns wide."""


def new_figure(columns: float = 1, height: float = HEIGHT) -> Figure:
    """Return an empty figure, so many columns wide, that lays itself out and has an Agg canvas."""
    width = columns * COLUMN
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", w_pad=0.06, h_pad=0.05, wspace=0.04, hspace=0.05)
    return figure


def no_data(axes: Axes, what: str = "no data") -> None:
    """Say in the middle of the axes that there is nothing to show, instead of an empty frame."""
    axes.text(
        0.5,
        0.5,
        what,
        transform=axes.transAxes,
        ha="center",
        va="center",
        color=GREY,
        fontsize=11,
        style="italic",
    )
    axes.grid(visible=False)
    axes.xaxis.set_major_locator(NullLocator())
    axes.yaxis.set_major_locator(NullLocator())


def remark(axes: Axes, text: str) -> None:
    """Put a small remark (a count, a key figure) on the right of the title line."""
    axes.set_title(text, loc="right", fontsize=8, fontweight="normal", color=INK)


def micro(values: ArrayLike) -> NDArray[np.float64]:
    """Return values in SI units as micro-units, for showing."""
    return np.asarray(values, dtype=np.float64) * MICRO


def plain_log_axis(axis: Axis, low: float, high: float) -> None:
    """Give a logarithmic axis plain numbers (2, 5, 10, 20...), as many as its span can hold.

    Parameters
    ----------
    axis
        The x or y axis, already logarithmic.
    low, high
        The shown range, both above zero.
    """
    decades = np.log10(high / low)
    if decades <= 0.8:
        subs: tuple[float, ...] = (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)
    elif decades <= 3.2:
        subs = (1, 2, 5)
    else:
        subs = (1,)
    axis.set_major_locator(LogLocator(base=10, subs=subs, numticks=20))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))
    axis.set_minor_formatter(NullFormatter())


@styled
def to_svg(figure: Figure) -> str:
    """Return the figure as one SVG document, text as outlines."""
    buffer = io.StringIO()
    # dpi: of dense parts kept as pixels. No date: the same data give the same bytes.
    figure.savefig(buffer, format="svg", dpi=220, metadata={"Date": None})
    return buffer.getvalue()


@styled
def save(figure: Figure, path: str | Path, dpi: float = 200.0) -> Path:
    """Write the figure to a file whose ending says the kind (png, svg, pdf) and return its path."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=dpi)
    return target
