"""Read noise: how much 2 000 reads of one cell scatter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from labctl.sim.chip import Preset
from labctl.sim.datasheet import look
from labctl.sim.datasheet.conditions import Conditions, form
from labctl.sim.datasheet.gates import gate_ladder
from labctl.sim.datasheet.strip import MOST_APART, READ_GATE, READ_VOLTAGE, Strip

PERIOD = 5e-3
"""s from read to read."""
_WAIT = 60.0
"""s between programming and the first read, so that relaxation is over."""


@dataclass(frozen=True, slots=True)
class Reads:
    """Series of reads of many cells.

    Attributes
    ----------
    conductance
        S, float64, (reads, cells).
    """

    conductance: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """S, (cells,)."""
        return self.conductance.mean(axis=0)

    @property
    def sigma(self) -> NDArray[np.float64]:
        """Standard deviation over the mean, (cells,)."""
        return self.conductance.std(axis=0) / self.mean

    @property
    def white(self) -> NDArray[np.float64]:
        """Relative standard deviation from one read to the next, over sqrt 2, (cells,)."""
        return np.diff(self.conductance, axis=0).std(axis=0) / self.mean / np.sqrt(2)


def measure_reads(kind: Preset, at: Conditions, strips: int, reads: int, seeds: list[int]) -> Reads:
    """Program strips to conductances all over the window and read each cell again and again."""
    gates = gate_ladder(kind, at, strips)
    resets = np.linspace(at.reset_step.voltage, at.reset_full.voltage, strips)
    found = []
    for k, seed in zip(range(strips), seeds, strict=False):
        strip = Strip(kind, MOST_APART, seed, apart=True)
        form(strip, at.forming, at.forming_gate, at.forming_width)
        strip.pulse(at.reset_full)
        strip.pulse(at.set_full._replace(gate=float(gates[k])))
        if k % 2:
            strip.pulse(at.reset_full._replace(voltage=float(resets[k])))
        strip.rest(_WAIT)
        strip.drive(READ_VOLTAGE, READ_GATE)
        series = np.empty((reads, strip.cells))
        for j in range(reads):
            strip.chip.elapse(PERIOD)
            series[j] = strip.currents()
        found.append(series / READ_VOLTAGE)
    return Reads(np.concatenate(found, axis=1))


def draw_reads(axes: Axes, reads: Reads) -> None:
    """Draw sigma/G of every cell against its conductance, with median and 90 % per bin."""
    axes.set_title("Read noise")
    g, sigma = reads.mean * look.MICRO, 100 * reads.sigma
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.plot(
        g, sigma, "o", markersize=2.2, color=look.SKY, alpha=0.55, markeredgewidth=0,
        rasterized=True,
    )  # fmt: skip
    edges = np.geomspace(g.min() / 1.001, g.max() * 1.001, 9)
    rows = []
    for k in range(edges.size - 1):
        chosen = sigma[(g >= edges[k]) & (g < edges[k + 1])]
        if chosen.size >= 8:
            rows.append((np.sqrt(edges[k] * edges[k + 1]), *np.quantile(chosen, [0.5, 0.9])))
    if rows:
        x, middle, most = np.array(rows).T
        axes.plot(x, most, color=look.VERMILION, linestyle=(0, (3, 1.5)), label="90 % of the cells")
        axes.plot(x, middle, color=look.BLUE, label="median")
    median, ninety = np.quantile(sigma, [0.5, 0.9])
    axes.set_ylim(top=sigma.max() * 3.2)
    look.plain(axes.xaxis)
    look.plain(axes.yaxis)
    axes.set_xlabel("conductance (µS)")
    axes.set_ylabel("sigma / G (%)")
    axes.legend(loc="upper right")
    axes.text(
        0.03, 0.97, f"all: median {median:.1f} %\n90 % below {ninety:.0f} %",
        transform=axes.transAxes, va="top", fontsize=7.5,
    )  # fmt: skip
    count, cells = reads.conductance.shape
    look.note(
        axes,
        f"{cells} cells, {count} reads each at {READ_VOLTAGE:g} V, one in "
        f"{look.seconds(PERIOD)};\n{look.seconds(_WAIT)} after programming",
    )
