"""Reliability of predictions: how often the predicted class is right, against how sure it was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure, SubFigure
from numpy.typing import ArrayLike, NDArray

from labctl.analysis import style

BINS = 15
_Z = 1.0
"""Half width of the error bars in standard normal units: about 68 %."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """Predictions binned by confidence.

    Attributes
    ----------
    edges
        float64, shape (bins + 1,), from 1/classes to 1.
    count
        int64, shape (bins,).
    confidence, accuracy
        float64, shape (bins,): means; NaN in an empty bin.
    low, high
        float64, shape (bins,): Wilson's interval of ``accuracy`` (68 %); NaN in an empty bin.
    ece
        Expected calibration error: count-weighted mean of abs(accuracy - confidence).
    """

    edges: NDArray[np.float64]
    count: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    ece: float


def reliability(probability: ArrayLike, label: ArrayLike, bins: int = BINS) -> Reliability:
    """Bin predictions by the confidence in the class predicted.

    Parameters
    ----------
    probability
        float, shape (n,): of class 1 of two; or (n, classes).
    label
        int, shape (n,): the true class.
    bins
        Number of bins of equal width between 1/classes and 1.
    """
    table = np.asarray(probability, dtype=np.float64)
    truth = np.asarray(label)
    if table.ndim == 1:
        table = np.stack([1 - table, table], axis=1)
    if len(table) != len(truth):
        raise ValueError(f"{len(table)} predictions for {len(truth)} labels: give one each.")
    good = np.isfinite(table).all(axis=1)
    table, truth = table[good], truth[good]
    confidence = table.max(axis=1, initial=0.0)
    right = (table.argmax(axis=1) == truth) if len(table) else np.empty(0, bool)
    edges = np.linspace(1 / max(table.shape[1], 1), 1, bins + 1)
    # Bins are open on the left and closed on the right, so that certainty falls in the last.
    index = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(index, confidence, bins) / count
        rate = np.bincount(index, right.astype(float), bins) / count
        # Wilson (1927): honest for few counts and for rates of 0 and 1.
        middle = (rate + _Z**2 / (2 * count)) / (1 + _Z**2 / count)
        half = (
            _Z * np.sqrt(rate * (1 - rate) / count + _Z**2 / (4.0 * count**2)) / (1 + _Z**2 / count)
        )
    ece = float(np.nansum(count * np.abs(rate - mean)) / count.sum()) if count.sum() else np.nan
    return Reliability(edges, count, mean, rate, middle - half, middle + half, ece)


@style.styled
def draw_calibration(
    parent: Figure | SubFigure,
    probability: ArrayLike,
    label: ArrayLike,
    *,
    bins: int = BINS,
    title: str = "Calibration",
) -> Reliability:
    """Draw accuracy over confidence and the counts below it into an empty (sub)figure.

    Parameters as for :func:`reliability`, which this returns.
    """
    result = reliability(probability, label, bins)
    top, bottom = parent.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    top.set_title(title)
    bottom.set_xlabel("confidence in the prediction (%)")
    top.set_ylabel("right (%)")
    bottom.set_ylabel("samples")
    if result.count.sum() == 0:
        style.no_data(top)
        style.no_data(bottom)
        return result
    full = result.count > 0
    x, y = 100 * result.confidence[full], 100 * result.accuracy[full]
    top.plot([0, 100], [0, 100], color=style.INK, linewidth=0.9, label="perfect")
    bars = np.abs(np.stack([y - 100 * result.low[full], 100 * result.high[full] - y]))
    top.errorbar(
        x,
        y,
        yerr=bars,
        fmt="o",
        markersize=4.5,
        elinewidth=1.0,
        capsize=2,
        color=style.BLUE,
        label="measured",
    )
    total = int(result.count.sum())
    style.remark(top, f"ECE {100 * result.ece:.2g} % (n = {total})")
    top.legend(loc="lower right")
    lowest = 100 * float(result.edges[0])
    top.set_xlim(lowest, 101)
    top.set_ylim(min(lowest - 5, float((y - bars[0]).min()) - 3), 104)
    top.grid(visible=True)
    bottom.stairs(result.count, 100 * result.edges, fill=True, color=style.SKY, alpha=0.7)
    for middle, count in zip(
        50 * (result.edges[1:] + result.edges[:-1]), result.count, strict=True
    ):
        if count:
            bottom.text(
                middle, count, str(count), ha="center", va="bottom", fontsize=7, color=style.GREY
            )
    bottom.set_ylim(0, result.count.max() * 1.35)
    bottom.grid(visible=True, axis="y")
    return result


@style.styled
def calibration_figure(
    probability: ArrayLike,
    label: ArrayLike,
    *,
    bins: int = BINS,
    title: str = "Calibration",
) -> Figure:
    """Return the reliability diagram; parameters as for :func:`reliability`."""
    figure = style.new_figure()
    draw_calibration(figure, probability, label, bins=bins, title=title)
    return figure
