"""The chain as it learned: fit to the training data, and a few weights, step by step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from labctl.analysis import style

MOST_POINTS = 2000
"""Points of a longer trace are thinned evenly to this many: more cannot be seen in print."""


def thin(length: int) -> NDArray[np.int64]:
    """Return the indices shown of a trace of this length, first and last included."""
    if length <= MOST_POINTS:
        return np.arange(length)
    return np.unique(np.linspace(0, length - 1, MOST_POINTS).round().astype(np.int64))


def _shade(axes: Axes, steps: NDArray[np.float64], burn_in: float | None) -> None:
    if burn_in is not None and steps.size and burn_in > steps[0]:
        axes.axvspan(
            float(steps[0]), burn_in, color=style.PALE, alpha=0.7, linewidth=0, label="burn-in"
        )


@style.styled
def draw_score(
    axes: Axes,
    step: ArrayLike,
    score: ArrayLike,
    *,
    label: str,
    burn_in: float | None = None,
    title: str = "Learning trace",
) -> None:
    """Draw one score of the chain against the step.

    Parameters
    ----------
    axes
        To draw in.
    step
        float, shape (n,).
    score
        float, shape (n,) or (n, chains).
    label
        Name of the score and its unit, for the axis: ``"log posterior (nat)"``.
    burn_in
        Step up to which samples are thrown away: shaded.
    title
        Of the axes.
    """
    steps = np.asarray(step, dtype=np.float64)
    scores = np.asarray(score, dtype=np.float64)
    axes.set_title(title)
    axes.set_xlabel("step")
    axes.set_ylabel(label)
    if steps.size == 0 or not np.isfinite(scores).any():
        style.no_data(axes)
        return
    scores = scores.reshape(steps.size, -1)
    shown = thin(steps.size)
    for chain in range(scores.shape[1]):
        colour = style.SERIES[chain % len(style.SERIES)]
        axes.plot(steps[shown], scores[shown, chain], color=colour, linewidth=1.0)
    _shade(axes, steps, burn_in)
    axes.set_xlim(steps[0], max(steps[-1], steps[0] + 1))
    axes.grid(visible=True)


@style.styled
def draw_weights(
    axes: Axes,
    step: ArrayLike,
    weights: ArrayLike,
    names: Sequence[str] = (),
    *,
    reference_mean: ArrayLike | None = None,
    reference_sd: ArrayLike | None = None,
    burn_in: float | None = None,
    title: str = "Some weights",
) -> None:
    """Draw traces of weights; the reference posterior stands beside each as a bar (± 1 sd).

    Parameters
    ----------
    axes
        To draw in.
    step
        float, shape (n,).
    weights
        float, shape (n, k); up to six are drawn.
    names
        k names for the legend; none: w0, w1...
    reference_mean, reference_sd
        float, shape (k,): of the reference posterior, or None.
    burn_in, title
        As for :func:`draw_score`.
    """
    steps = np.asarray(step, dtype=np.float64)
    traces = np.asarray(weights, dtype=np.float64)
    axes.set_title(title)
    axes.set_xlabel("step")
    axes.set_ylabel("weight")
    if steps.size == 0 or traces.size == 0:
        style.no_data(axes)
        return
    traces = traces.reshape(steps.size, -1)
    shown = thin(steps.size)
    count = min(traces.shape[1], len(style.SERIES))
    end = max(float(steps[-1]), float(steps[0]) + 1)
    length = end - float(steps[0])
    for k in range(count):
        colour = style.SERIES[k]
        name = names[k] if k < len(names) else f"w{k}"
        axes.plot(
            steps[shown], traces[shown, k], color=colour, linewidth=0.8, alpha=0.9, label=name
        )
        if reference_mean is not None and reference_sd is not None:
            mean = float(np.asarray(reference_mean, dtype=np.float64)[k])
            sd = float(np.asarray(reference_sd, dtype=np.float64)[k])
            axes.errorbar(
                end + length * (0.025 + 0.022 * k),
                mean,
                yerr=sd,
                fmt="s",
                markersize=4,
                color=colour,
                capsize=2,
                clip_on=False,
            )
    _shade(axes, steps, burn_in)
    right = end
    if reference_mean is not None and reference_sd is not None:
        right = end + length * (0.05 + 0.022 * count)
        axes.axvline(end, color=style.GREY, linewidth=0.8)
        axes.text(right, 1.01, "reference", transform=axes.get_xaxis_transform(),
                  ha="right", va="bottom", fontsize=8, color=style.GREY)  # fmt: skip
    axes.set_xlim(float(steps[0]), right)
    axes.grid(visible=True)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.25), ncols=4, columnspacing=1.2)


@style.styled
def learning_trace_figure(
    step: ArrayLike,
    score: ArrayLike,
    weights: ArrayLike,
    names: Sequence[str] = (),
    *,
    score_label: str = "log posterior (nat)",
    reference_mean: ArrayLike | None = None,
    reference_sd: ArrayLike | None = None,
    burn_in: float | None = None,
    title: str = "Learning trace",
) -> Figure:
    """Return score and weights side by side; see :func:`draw_score` and :func:`draw_weights`."""
    figure = style.new_figure(3, 2.25)
    left, right = figure.subplots(1, 2, width_ratios=(1, 2.1))
    draw_score(left, step, score, label=score_label, burn_in=burn_in, title=title)
    draw_weights(
        right,
        step,
        weights,
        names,
        reference_mean=reference_mean,
        reference_sd=reference_sd,
        burn_in=burn_in,
    )
    return figure
