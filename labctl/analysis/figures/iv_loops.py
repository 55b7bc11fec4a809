"""Current-voltage loops of cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from labctl.analysis import style

_MOST = 60
"""Loops drawn; more of them cover each other."""


@style.styled
def iv_loops_figure(sweep: pd.DataFrame | None) -> Figure:
    """Return current against voltage, one line a loop, one colour a SET gate.

    Parameters
    ----------
    sweep
        Table ``sweep`` of ``iv_sweep`` runs, one after the other; columns ``row``, ``col``,
        ``cycle``, ``polarity``, ``gate`` (V), ``voltage`` (V), ``current`` (A), and ``run`` where
        it holds those of several.
    """
    figure = style.new_figure(2)
    left, right = figure.subplots(1, 2)
    for axes, title in ((left, "I-V loops"), (right, "Magnitude")):
        axes.set_title(title)
        if sweep is None or sweep.empty:
            style.no_data(axes)
    if sweep is None or sweep.empty:
        return figure
    keys = [key for key in ("run", "row", "col", "cycle") if key in sweep]
    set_half = sweep[sweep["polarity"] > 0]
    gates = sorted(set_half["gate"].unique()) if len(set_half) else [np.nan]
    loops = list(sweep.groupby(keys, sort=False))
    for _, loop in loops[:: -(-len(loops) // _MOST)]:
        gate = loop.loc[loop["polarity"] > 0, "gate"]
        place = gates.index(gate.iloc[0]) if len(gate) else 0
        colour = style.SERIES[place % len(style.SERIES)]
        for _, half in loop.groupby("polarity", sort=False):
            volts = half["voltage"].to_numpy(dtype=np.float64)
            amps = style.micro(half["current"])
            left.plot(volts, amps, color=colour, linewidth=0.9, alpha=0.75)
            right.plot(volts, np.abs(amps), color=colour, linewidth=0.9, alpha=0.75)
    for place, level in enumerate(gates):
        if np.isfinite(level):
            label = f"SET gate {level:g} V"
            left.plot([], [], color=style.SERIES[place % len(style.SERIES)], label=label)
    left.set_ylabel("current (µA)")
    right.set_ylabel("|current| (µA)")
    right.set_yscale("log")
    for axes in (left, right):
        axes.set_xlabel("bit line against source line (V)")
        axes.grid(visible=True)
    largest = float(np.nanmax(np.abs(style.micro(sweep["current"]))))
    right.set_ylim(largest / 1e4, largest * 2)  # below that is noise of the source meter
    style.plain_log_axis(right.yaxis, largest / 1e4, largest * 2)
    left.axhline(0, color=style.GREY, linewidth=0.7)
    left.legend(loc="upper left")
    style.remark(left, f"{len(loops)} loops")
    return figure
