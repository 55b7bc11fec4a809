"""What is left after years, at three temperatures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from labctl.sim.datasheet import look
from labctl.sim.datasheet.relaxation import watch
from labctl.sim.datasheet.strip import Point, Strip

ZERO_CELSIUS = 273.15
CELSIUS = (25.0, 85.0, 125.0)
TEN_YEARS = 10 * 365.25 * 86400.0
_FIRST = 1.0
_BAND = 85.0
"""°C, of the band that is drawn."""
_DASHED = (0, (3, 1.5))


@dataclass(frozen=True, slots=True)
class Retention:
    """Conductances in an oven.

    Attributes
    ----------
    time
        s, float64, (n,); the last is ten years.
    high, low
        S, (temperatures, n, cells): cells programmed to LRS and to HRS.
    """

    time: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]

    def loss(self, celsius: float) -> float:
        """Return which share of the LRS conductance the median cell has lost after ten years."""
        high = self.high[CELSIUS.index(celsius)]
        return float(1.0 - np.median(high[-1] / high[0]))


def measure_retention(strip: Strip, set_full: Point, reset_full: Point) -> Retention:
    """Program copies of a strip to LRS and HRS and bake them."""
    time = np.geomspace(_FIRST, TEN_YEARS, 34)
    high: list[NDArray[np.float64]] = []
    low: list[NDArray[np.float64]] = []
    for celsius in CELSIUS:
        for last, into in ((set_full, high), (reset_full, low)):
            trial = strip.copy()
            trial.pulse(reset_full)
            trial.pulse(set_full)
            if last is reset_full:
                trial.pulse(reset_full)
            trial.chip.ambient = celsius + ZERO_CELSIUS
            into.append(watch(trial, time))
    return Retention(time, np.array(high), np.array(low))


def draw_retention(axes: Axes, found: Retention) -> None:
    """Draw medians of both states, with the 10-90 % band of the LRS."""
    axes.set_title("Retention")
    axes.set_yscale("log")
    for k, (celsius, colour) in enumerate(zip(CELSIUS, look.THREE_WARM, strict=True)):
        # Three bands on top of each other could not be told apart: one is enough.
        alpha = 0.18 if celsius == _BAND else 0.0
        for values, style, label in (
            (found.high[k], "-", f"{celsius:g} °C"),
            (found.low[k], _DASHED, None),
        ):
            look.quantile_band(
                axes, found.time, values * look.MICRO, colour, label, alpha=alpha, linestyle=style
            )
    look.plain(axes.yaxis)
    look.times(axes, _FIRST, TEN_YEARS, only=("1 s", "1 min", "1 h", "1 d", "1 mo", "10 y"))
    axes.set_xlabel("time at that temperature")
    axes.set_ylabel("conductance (µS)")
    look.legend_above(axes, len(CELSIUS))
    for values, name in ((found.high, "LRS"), (found.low, "HRS (dashed)")):
        axes.annotate(
            name, (found.time[0], float(np.median(values[0, 0])) * look.MICRO), xytext=(4, 3),
            textcoords="offset points", fontsize=7.5,
        )  # fmt: skip
    look.note(
        axes,
        f"{found.high.shape[2]} cells per state and temperature, pads open;\n"
        f"median, 10-90 % at {_BAND:g} °C",
    )
