"""Transition statistics: the mean step of one pulse against the conductance it starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from labctl.analysis import style
from labctl.analysis.transitions import BinnedSteps


@dataclass(frozen=True, slots=True)
class Curve:
    """A fitted curve to lay over binned steps.

    Attributes
    ----------
    conductance
        float, shape (n,), S.
    step
        float, shape (n,), S: mean step, signed (negative where RESET lowers the conductance).
    sd
        float, shape (n,), S: spread of a single step, or None.
    """

    conductance: ArrayLike
    step: ArrayLike
    sd: ArrayLike | None = None


def _draw_one(axes: Axes, steps: BinnedSteps, curve: Curve | None, colour: str) -> bool:
    """Draw one polarity; return whether there was anything to draw."""
    good = steps.count > 0
    if good.any():
        centre, mean, sd = (style.micro(a[good]) for a in (steps.centre, steps.mean, steps.sd))
        error = style.micro(steps.error[good])
        axes.fill_between(
            centre,
            mean - np.nan_to_num(sd),
            mean + np.nan_to_num(sd),
            color=colour,
            alpha=0.14,
            linewidth=0,
        )
        axes.errorbar(
            centre,
            mean,
            yerr=np.nan_to_num(error),
            fmt="o",
            markersize=4,
            color=colour,
            elinewidth=1.1,
            capsize=2,
        )
    if curve is not None:
        at, step = style.micro(curve.conductance), style.micro(curve.step)
        axes.plot(at, step, color=colour, linewidth=1.8)
        if curve.sd is not None:
            sd = style.micro(curve.sd)
            for edge in (step - sd, step + sd):
                axes.plot(at, edge, color=colour, linewidth=0.9, linestyle=(0, (2, 2)))
    return bool(good.any()) or curve is not None


def _keys(*, fitted: bool, window: tuple[float, float] | None) -> list[Artist]:
    """Return the keys of the legend: the colours, then what each kind of mark is."""
    keys: list[Artist] = [
        Line2D([], [], color=style.SET_COLOUR, label="SET"),
        Line2D([], [], color=style.RESET_COLOUR, label="RESET"),
        Line2D([], [], color=style.GREY, marker="o", markersize=4, linewidth=0, label="mean"),
        Patch(color=style.GREY, alpha=0.25, linewidth=0, label="± sd of a pulse"),
    ]
    if fitted:
        keys.append(Line2D([], [], color=style.GREY, label="fit"))
    if window is not None:
        keys.append(Patch(color=style.PALE, linewidth=0, label="not used"))
    return keys


@style.styled
def draw_transitions(
    axes: Axes,
    set_steps: BinnedSteps,
    reset_steps: BinnedSteps,
    *,
    set_fit: Curve | None = None,
    reset_fit: Curve | None = None,
    window: tuple[float, float] | None = None,
    title: str = "One pulse",
) -> None:
    """Draw mean step, its error, and the spread of single pulses for SET and RESET.

    Parameters
    ----------
    axes
        To draw in.
    set_steps, reset_steps
        From :func:`labctl.analysis.bin_by_polarity`.
    set_fit, reset_fit
        Fitted curves, dashed at ± one fitted sd; None draws none.
    window
        Lowest and highest conductance that learning uses, S: the rest is shaded.
    title
        Of the axes.
    """
    axes.set_title(title)
    drawn = [
        _draw_one(axes, set_steps, set_fit, style.SET_COLOUR),
        _draw_one(axes, reset_steps, reset_fit, style.RESET_COLOUR),
    ]
    if not any(drawn):
        style.no_data(axes)
        return
    axes.axhline(0, color=style.INK, linewidth=0.8)
    if window is not None:
        low, high = style.micro(window)
        left, right = axes.get_xlim()
        axes.axvspan(min(left, low), low, color=style.PALE, alpha=0.6, linewidth=0, zorder=0)
        axes.axvspan(
            high,
            max(right, high),
            color=style.PALE,
            alpha=0.6,
            linewidth=0,
            zorder=0,
        )
        axes.set_xlim(left, right)
    axes.grid(visible=True)
    axes.set_xlabel("conductance before the pulse (µS)")
    axes.set_ylabel("change of conductance (µS)")
    style.remark(axes, f"{int(set_steps.count.sum())} SET, {int(reset_steps.count.sum())} RESET")
    keys = _keys(fitted=set_fit is not None or reset_fit is not None, window=window)
    axes.legend(
        handles=keys,
        loc="upper center",
        bbox_to_anchor=(0.45, -0.19),
        ncols=-(-len(keys) // 2),
        fontsize=7.5,
        columnspacing=1.2,
        handlelength=1.5,
    )


@style.styled
def transitions_figure(
    set_steps: BinnedSteps,
    reset_steps: BinnedSteps,
    *,
    set_fit: Curve | None = None,
    reset_fit: Curve | None = None,
    window: tuple[float, float] | None = None,
    title: str = "One pulse",
) -> Figure:
    """Return the figure of :func:`draw_transitions`."""
    figure = style.new_figure()
    draw_transitions(
        figure.subplots(),
        set_steps,
        reset_steps,
        set_fit=set_fit,
        reset_fit=reset_fit,
        window=window,
        title=title,
    )
    return figure
