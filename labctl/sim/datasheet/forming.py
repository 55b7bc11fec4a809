"""At which voltage pristine cells form, and how many do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from labctl.sim.chip import Preset
from labctl.sim.datasheet import look
from labctl.sim.datasheet.conditions import Conditions, form
from labctl.sim.datasheet.strip import Strip


@dataclass(frozen=True, slots=True)
class Forming:
    """Forming voltages of a strip.

    Attributes
    ----------
    voltage
        V, float64, (cells,): NaN where a cell did not form.
    levels
        V, (n,): the ramp.
    gate, width
        V and s of each pulse.
    """

    voltage: NDArray[np.float64]
    levels: NDArray[np.float64]
    gate: float
    width: float

    @property
    def failures(self) -> int:
        """Number of cells that did not form."""
        return int(np.isnan(self.voltage).sum())


def measure_forming(kind: Preset, at: Conditions, cells: int, seed: int) -> Forming:
    """Form a strip with the recommended ramp."""
    volts = form(Strip(kind, cells, seed), at.forming, at.forming_gate, at.forming_width)
    return Forming(volts, at.forming, at.forming_gate, at.forming_width)


def draw_forming(
    axes: Axes, forming: Forming, published: tuple[float, float] | None = None
) -> None:
    """Draw the histogram of forming voltages, one bin per level of the ramp.

    ``published``, V, shades the range that has been measured on real chips.
    """
    axes.set_title("Forming")
    step = float(np.diff(forming.levels).mean())
    good = forming.voltage[np.isfinite(forming.voltage)]
    edges = np.append(forming.levels - 0.5 * step, forming.levels[-1] + 0.5 * step)
    share = 100 * np.histogram(good, edges)[0] / forming.voltage.size
    axes.stairs(share, edges, fill=True, color=look.SKY, alpha=0.45)
    axes.stairs(share, edges, color=look.BLUE, linewidth=1.2)
    low, median, high = np.quantile(good, [0.05, 0.5, 0.95])
    axes.axvline(median, color=look.INK, ymax=0.77, linewidth=0.9, linestyle=(0, (4, 2)))
    first, last = good.min() - 3 * step, good.max() + 3 * step
    if published is not None:
        axes.axvspan(*published, color=look.PALE, alpha=0.6, linewidth=0, zorder=0)
        first, last = min(first, published[0] - step), max(last, published[1] + step)
    axes.set_xlim(first, last)
    axes.set_ylim(0, share.max() * 1.3)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("bit-line voltage (V)")
    axes.set_ylabel("cells formed here (%)")
    axes.text(
        0.98, 0.97,
        f"median {median:.2f} V, 5-95 % {low:.2f}-{high:.2f} V\n"
        f"failed: {forming.failures} of {forming.voltage.size}",
        transform=axes.transAxes, ha="right", va="top", fontsize=7.5,
    )  # fmt: skip
    remark = "" if published is None else "; shaded: published range of the median"
    look.note(
        axes,
        f"{forming.voltage.size} cells; {look.seconds(forming.width)} pulses up in steps of "
        f"{step:.2g} V until formed;\ngate {forming.gate:g} V{remark}",
    )
