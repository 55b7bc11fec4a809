"""The samples the model is least sure of: what it says, and where the doubt comes from."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from labctl.analysis import style


def most_uncertain(total: ArrayLike, count: int) -> NDArray[np.int64]:
    """Return the indices of the largest values, largest first; those not finite never count."""
    values = np.asarray(total, dtype=np.float64).ravel()
    order = np.argsort(-np.where(np.isfinite(values), values, -np.inf), kind="stable")
    kept: NDArray[np.int64] = order[: min(count, int(np.isfinite(values).sum()))]
    return kept


@style.styled
def uncertain_figure(
    probability: ArrayLike,
    label: ArrayLike,
    aleatoric: ArrayLike,
    epistemic: ArrayLike,
    *,
    sample: ArrayLike | None = None,
    classes: tuple[str, str] = ("0", "1"),
    count: int = 10,
    title: str = "Most uncertain samples",
) -> Figure:
    """Return predicted probability, and entropy split into its two parts, sample by sample.

    Parameters
    ----------
    probability
        float, shape (n,): posterior mean probability of class 1.
    label
        int, shape (n,): the true class, 0 or 1.
    aleatoric, epistemic
        float, shape (n,), nat: expected entropy, and mutual information (BALD). Their sum, the
        predictive entropy, orders the samples.
    sample
        Shape (n,): names or numbers of the samples; None numbers them.
    classes
        Names of classes 0 and 1.
    count
        How many are shown.
    title
        Of the figure.
    """
    p = np.asarray(probability, dtype=np.float64).ravel()
    data = np.asarray(aleatoric, dtype=np.float64).ravel()
    model = np.asarray(epistemic, dtype=np.float64).ravel()
    truth = np.asarray(label).ravel()
    chosen = most_uncertain(data + model, count)
    figure = style.new_figure(2, max(style.HEIGHT, 1.35 + 0.175 * len(chosen)))
    left, right = figure.subplots(1, 2, sharey=True)
    left.set_title(title)
    left.set_xlabel(f"predicted probability of {classes[1]} (%)")
    right.set_xlabel("predictive entropy (nat)")
    if len(chosen) == 0:
        style.no_data(left)
        style.no_data(right)
        return figure

    names = np.arange(len(p)) if sample is None else np.asarray(sample).ravel()
    y = np.arange(len(chosen))
    wrong = (p[chosen] > 0.5) != (truth[chosen] > 0.5)
    left.axvline(50, color=style.INK, linewidth=0.8)
    left.hlines(y, 50, 100 * p[chosen], color=style.PALE, linewidth=2, zorder=1)
    for value, marker in ((0, "o"), (1, "s")):
        here = truth[chosen] == value
        if here.any():
            colours = [style.VERMILION if bad else style.BLUE for bad in wrong[here]]
            left.scatter(100 * p[chosen][here], y[here], marker=marker, c=colours, s=34, zorder=3)
    for bad, text in ((False, "right"), (True, "wrong")):
        colour = style.VERMILION if bad else style.BLUE
        left.plot([], [], "D", color=colour, markersize=5, label=f"predicted {text}")
    for marker, name in zip("os", classes, strict=True):
        left.plot([], [], marker, color="none", markeredgecolor=style.INK, label=f"truly {name}")
    left.set_xlim(0, 100)
    left.set_yticks(y, [str(name) for name in names[chosen]])
    left.set_ylabel("sample")
    left.set_ylim(len(chosen) - 0.4, -0.6)
    left.grid(visible=True, axis="x")

    right.barh(y, data[chosen], 0.62, color=style.ORANGE, label="aleatoric (the data)")
    right.barh(y, model[chosen], 0.62, left=data[chosen], color=style.PURPLE,
               label="epistemic (the model)")  # fmt: skip
    right.axvline(np.log(2), color=style.GREY, linewidth=0.9, linestyle=":")
    right.set_xlim(0, max(np.log(2), float((data + model)[chosen].max())) * 1.04)
    style.remark(right, "dotted: ln 2, no idea at all")
    figure.legend(loc="outside lower center", ncols=3, columnspacing=2.5)
    right.grid(visible=True, axis="x")
    right.tick_params(axis="y", length=0)
    return figure
