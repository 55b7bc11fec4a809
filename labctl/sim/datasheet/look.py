"""The look of the data sheet: that of labctl's other figures, in small print.

The simulator imports nothing of the analysis, hence colours and settings stand here again.
"""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from scipy.special import ndtri

from labctl.errors import StoreError

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
THREE_SET = ("#8cc4e8", "#2f8fcb", "#00436b")
"""Weak to strong: light to dark, which survives a copy in grey."""
THREE_RESET = ("#f2b58a", "#D55E00", "#7a3300")
THREE_WARM = (BLUE, ORANGE, VERMILION)
"""Cold to hot."""

# Any: matplotlib types the keys as one literal of every setting there is.
RC: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 6.0,
    "axes.labelsize": 8.5,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.facecolor": "white",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "grid.color": PALE,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "legend.handlelength": 1.4,
    "legend.handletextpad": 0.5,
    "legend.labelspacing": 0.3,
    "legend.borderaxespad": 0.3,
    "lines.linewidth": 1.5,
    "patch.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8.0,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8.0,
    "text.parse_math": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "labctl",  # same data, same bytes
}

_P = ParamSpec("_P")
_R = TypeVar("_R")


def styled(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Run a function under these settings and leave the caller's as they were."""

    @functools.wraps(function)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with mpl.rc_context(RC):
            return function(*args, **kwargs)

    return wrapper


def check_target(path: str | Path) -> Path:
    """Return where a figure will go, or refuse before anything is measured.

    Raises
    ------
    StoreError
        Another ending than .png, .pdf or .svg, or a place that cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise StoreError(
            f"The data sheet cannot be written to {target}: name a .png, .pdf or .svg file."
        )
    return check_place(target)


def check_place(path: Path) -> Path:
    """Return ``path`` with its folder made, or refuse; see :func:`check_target`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise PermissionError("no permission to write there")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}. Choose another file.") from error
    return path


@styled
def save(figure: Figure, path: str | Path, dpi: float = 200.0) -> Path:
    """Write the figure to a file whose ending says the kind (png, svg, pdf) and return its path.

    Raises
    ------
    StoreError
        As :func:`check_target`.
    """
    target = check_target(path)
    try:
        if target.suffix.lower() == ".png":
            _save_png(figure, target, dpi)
        else:
            # No date: the same data give the same bytes.
            date = {"Date": None} if target.suffix.lower() == ".svg" else {"CreationDate": None}
            figure.savefig(target, dpi=dpi, metadata=date)
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error}. Choose another file.") from error
    return target


def _save_png(figure: Figure, target: Path, dpi: float) -> None:
    """Write a PNG of 256 colours: flat colours need no more, and it is a third of the size."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, pil_kwargs={"compress_level": 1})
    with Image.open(buffer) as image:
        flat = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        flat.save(target, dpi=(dpi, dpi))


def note(axes: Axes, text: str) -> None:
    """Put number of cells and pulse below the axis: small, on one or two lines."""
    axes.annotate(
        text, (0, 0), xycoords="axes fraction", xytext=(0, -30), textcoords="offset points",
        fontsize=6.6, color=GREY, va="top", annotation_clip=False, linespacing=1.35,
    )  # fmt: skip


def decades(axis: Axis) -> None:
    """Mark each decade of a logarithmic axis, or each second or third where there are many."""
    low, high = axis.get_view_interval()
    span = np.log10(high / low)
    every = 1 if span <= 7 else 2 if span <= 12 else 3
    first = int(np.ceil(np.log10(low) - 1e-9))
    ticks = [10.0**k for k in range(first, int(np.floor(np.log10(high) + 1e-9)) + 1, every)]
    axis.set_major_locator(FixedLocator(ticks))
    # matplotlib's own powers of ten need its mathematics, which is off here
    axis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))
    axis.set_minor_formatter(NullFormatter())


def power_of_ten(value: float) -> str:
    """Return 0.1, 1, 10, or 10³, 10⁻⁶."""
    power = round(np.log10(value))
    if -1 <= power <= 2:
        return f"{10.0**power:g}"
    return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def legend_above(axes: Axes, columns: int, handles: Sequence[Artist] | None = None) -> None:
    """Put the legend on the right of the title line, where no curve can be."""
    axes.legend(
        handles=handles, loc="lower right", bbox_to_anchor=(1.01, 0.985), ncols=columns,
        columnspacing=0.9,
        handlelength=1.1, fontsize=7.2, borderaxespad=0.0, borderpad=0.2,
    )  # fmt: skip


def plain(axis: Axis) -> None:
    """Give a logarithmic axis plain numbers (2, 5, 10, 20...), as many as its span can hold."""
    low, high = axis.get_view_interval()
    span = np.log10(high / low)
    subs: tuple[float, ...] = (1,)
    if span < 2.2:
        subs = (1, 2, 5) if span >= 0.8 else (1, 1.5, 2, 3, 5, 7)
    axis.set_major_locator(LogLocator(base=10, subs=subs, numticks=30))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))
    axis.set_minor_formatter(NullFormatter())


_TIMES = (
    (1e-9, "1 ns"), (1e-8, "10 ns"), (1e-7, "100 ns"), (1e-6, "1 µs"), (1e-5, "10 µs"),
    (1e-4, "100 µs"), (1e-3, "1 ms"), (1e-2, "10 ms"), (1e-1, "0.1 s"), (1.0, "1 s"),
    (60.0, "1 min"), (3600.0, "1 h"), (86400.0, "1 d"), (30 * 86400.0, "1 mo"),
    (365.25 * 86400.0, "1 y"), (3652.5 * 86400.0, "10 y"),
)  # fmt: skip


def times(axes: Axes, low: float, high: float, *, only: tuple[str, ...] | None = None) -> None:
    """Make x a logarithmic axis of times from ``low`` to ``high`` (s) that says 10 ns, 1 h, 10 y.

    ``only`` names the ticks to label; None labels each that lies in the span.
    """
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    shown = [
        (t, name)
        for t, name in _TIMES
        if low <= t * 1.0001 and t <= high * 1.0001 and (only is None or name in only)
    ]
    axes.xaxis.set_major_locator(FixedLocator([t for t, _ in shown]))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: min(shown, key=lambda s: abs(np.log(s[0] / value)))[1])
    )
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(FixedLocator([]))


def probability_axis(axes: Axes) -> None:
    """Make y a normal probability axis: it expects standard scores and shows per cent."""
    shares = np.array([0.1, 1, 10, 30, 50, 70, 90, 99, 99.9])
    axes.yaxis.set_major_locator(FixedLocator(list(ndtri(shares / 100))))
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{shares[np.abs(ndtri(shares / 100) - value).argmin()]:g}")
    )
    axes.set_ylim(ndtri(0.0008), ndtri(0.9992))


def scores(values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return values in rising order and their standard scores, both float64 of shape (n,)."""
    ordered = np.sort(np.asarray(values, dtype=np.float64).ravel())
    return ordered, ndtri((np.arange(ordered.size) + 0.5) / ordered.size)


def quantile_band(
    axes: Axes, x: ArrayLike, values: NDArray[np.float64], colour: str, label: str | None = None,
    *, alpha: float = 0.16, linestyle: str | tuple[int, tuple[float, ...]] = "-",
) -> None:  # fmt: skip
    """Draw the median and the 10-90 % band over cells; ``values`` has shape (len(x), cells)."""
    low, middle, high = np.nanquantile(values, [0.1, 0.5, 0.9], axis=1)
    axes.fill_between(np.asarray(x), low, high, color=colour, alpha=alpha, linewidth=0)
    axes.plot(np.asarray(x), middle, color=colour, label=label, linestyle=linestyle)


def seconds(value: float) -> str:
    """Return a time as people write it: 20 ns, 200 µs, 5 ms."""
    for factor, unit in ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms")):
        if value < 0.9995e3 * factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value:.3g} s"
