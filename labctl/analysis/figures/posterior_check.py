"""The learned posterior against a reference, weight by weight: means and standard deviations."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from labctl.analysis import style

SD_GATE = (0.85, 1.15)
"""Every weight's sd over the reference's is to lie in here."""


def mean_error(mean: ArrayLike, reference_mean: ArrayLike, reference_sd: ArrayLike) -> float:
    """Return the root mean square of (mean - reference) in units of the reference's sd."""
    reference = np.asarray(reference_mean, dtype=np.float64)
    z = (np.asarray(mean, dtype=np.float64) - reference) / np.asarray(reference_sd)
    return float(np.sqrt(np.mean(z**2))) if z.size else float("nan")


def sd_ratio(sd: ArrayLike, reference_sd: ArrayLike) -> float:
    """Return the median over the weights of sd over the reference's sd."""
    ratio = np.asarray(sd, dtype=np.float64) / np.asarray(reference_sd, dtype=np.float64)
    return float(np.median(ratio)) if ratio.size else float("nan")


def _pairs(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x = np.asarray(a, dtype=np.float64).ravel()
    y = np.asarray(b, dtype=np.float64).ravel()
    good = np.isfinite(x) & np.isfinite(y)
    return x[good], y[good]


@style.styled
def draw_means(
    axes: Axes, mean: ArrayLike, reference_mean: ArrayLike, reference_sd: ArrayLike
) -> None:
    """Draw learned means against the reference's, bars of one reference sd; shape (k,) each."""
    axes.set_title("Posterior mean per weight")
    x, y = _pairs(reference_mean, mean)
    if x.size == 0:
        style.no_data(axes)
        return
    sd = np.asarray(reference_sd, dtype=np.float64)
    axes.errorbar(
        np.asarray(reference_mean, dtype=np.float64),
        np.asarray(mean, dtype=np.float64),
        yerr=sd,
        fmt="o",
        markersize=4,
        color=style.BLUE,
        ecolor=style.SKY,
        elinewidth=1.0,
        label="learned on the chip (bar: 1 reference sd)",
    )
    low = float(min(x.min(), (y - sd.max()).min()))
    high = float(max(x.max(), (y + sd.max()).max()))
    axes.plot([low, high], [low, high], color=style.INK, linewidth=0.9, zorder=1)
    text = f"mean error {mean_error(mean, reference_mean, reference_sd):.3g} sd"
    axes.text(0.04, 0.96, text, transform=axes.transAxes, va="top", fontsize=8.5)
    axes.grid(visible=True)
    axes.set_xlabel("reference mean")
    axes.set_ylabel("learned mean (bar: 1 reference sd)")


@style.styled
def draw_sds(axes: Axes, sd: ArrayLike, reference_sd: ArrayLike) -> None:
    """Draw learned sds against the reference's, the gate shaded; shape (k,) each."""
    axes.set_title("Posterior sd per weight")
    x, y = _pairs(reference_sd, sd)
    if x.size == 0:
        style.no_data(axes)
        return
    high = float(max(x.max(), y.max())) * 1.12
    line = np.array([0.0, high])
    axes.fill_between(
        line, SD_GATE[0] * line, SD_GATE[1] * line, color=style.GREEN, alpha=0.14, linewidth=0
    )
    axes.plot(line, line, color=style.INK, linewidth=0.9)
    axes.plot(x, y, "o", markersize=4, color=style.BLUE)
    axes.set_xlim(0, high)
    axes.set_ylim(0, high)
    axes.set_aspect("equal")
    text = f"median ratio {sd_ratio(y, x):.3g}\nshaded: {SD_GATE[0]} to {SD_GATE[1]}"
    axes.text(0.04, 0.96, text, transform=axes.transAxes, va="top", fontsize=8.5)
    axes.grid(visible=True)
    axes.set_xlabel("reference sd")
    axes.set_ylabel("learned sd")


@style.styled
def posterior_check_figure(
    mean: ArrayLike, sd: ArrayLike, reference_mean: ArrayLike, reference_sd: ArrayLike
) -> Figure:
    """Return means and sds side by side.

    Parameters
    ----------
    mean, sd
        float, shape (k,): of the posterior samples from the chip, in weight units.
    reference_mean, reference_sd
        float, shape (k,): of the reference (NUTS).
    """
    figure = style.new_figure(2)
    left, right = figure.subplots(1, 2)
    draw_means(left, mean, reference_mean, reference_sd)
    draw_sds(right, sd, reference_sd)
    return figure
