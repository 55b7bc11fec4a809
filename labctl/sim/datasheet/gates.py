"""Gate-limited SET: median conductance and spread against the current the gate allows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from labctl.sim.chip import Preset
from labctl.sim.datasheet import look
from labctl.sim.datasheet.conditions import Conditions
from labctl.sim.datasheet.strip import Strip


@dataclass(frozen=True, slots=True)
class GateLimited:
    """One SET at each of several gate voltages.

    Attributes
    ----------
    gate
        V, float64, (n,).
    current
        A, (n,): mean current of a cell at the end of the pulse.
    conductance
        S, (n, cycles, cells): after each SET.
    voltage, width
        V on the bit line, s.
    """

    gate: NDArray[np.float64]
    current: NDArray[np.float64]
    conductance: NDArray[np.float64]
    voltage: float
    width: float

    @property
    def median(self) -> NDArray[np.float64]:
        """S, (n,)."""
        return np.asarray(np.median(self.conductance, axis=(1, 2)))

    @property
    def spread(self) -> NDArray[np.float64]:
        """Sigma over median of the cells' own medians, (n,).

        Half the distance of the 16 % and 84 % quantiles: a few cells that are stuck do not count.
        """
        own = np.median(self.conductance, axis=1)
        low, high = np.quantile(own, [0.1587, 0.8413], axis=1)
        return np.asarray(0.5 * (high - low) / self.median)

    @property
    def cycle_spread(self) -> NDArray[np.float64]:
        """Sigma over mean of one cell from cycle to cycle, that of the median cell, (n,)."""
        sigma = self.conductance.std(axis=1, ddof=1) / self.conductance.mean(axis=1)
        return np.asarray(np.median(sigma, axis=1))

    @property
    def exponent(self) -> float:
        """Exponent of the power law of median conductance against current."""
        return float(np.polyfit(np.log(self.current), np.log(self.median), 1)[0])


def gate_ladder(kind: Preset, at: Conditions, count: int) -> NDArray[np.float64]:
    """Return gate voltages around that of forming, V, (count,), currents evenly in logarithm."""
    over = at.forming_gate - kind.transistor_threshold
    return kind.transistor_threshold + over * np.geomspace(0.45, 1.9, count)


def measure_gates(
    kind: Preset, at: Conditions, strip: Strip, count: int, cycles: int
) -> GateLimited:
    """Cycle a copy of the strip at each gate voltage, every SET from HRS."""
    gates = gate_ladder(kind, at, count)
    current, conductance = np.empty(count), np.empty((count, cycles, strip.cells))
    for k, gate in enumerate(gates):
        trial = strip.copy()
        for j in range(cycles):
            trial.pulse(at.reset_full)
            trial.drive(at.set_full.voltage, float(gate))
            trial.chip.elapse(at.set_full.width)
            current[k] = trial.currents()[0] / trial.cells
            trial.rest()
            conductance[k, j] = trial.conductance
    return GateLimited(gates, current, conductance, at.set_full.voltage, at.set_full.width)


def draw_gates(axes: Axes, found: GateLimited) -> None:
    """Draw both sigma/G against median G; the law of the median against current as an inset."""
    axes.set_title("Gate-limited SET")
    middle = found.median * look.MICRO
    for spread, colour, name in (
        (found.cycle_spread, look.VERMILION, "cycle to cycle"),
        (found.spread, look.BLUE, "cell to cell"),
    ):
        axes.plot(middle, 100 * spread, "o-", color=colour, markersize=3.5, label=name)
    axes.set_xscale("log")
    axes.set_ylim(0, 100 * max(found.spread.max(), found.cycle_spread.max()) * 2.4)
    axes.legend(loc="upper left")
    axes.set_xlim(middle.min() / 1.3, middle.max() * 1.3)
    look.plain(axes.xaxis)
    axes.set_xlabel("median conductance (µS)")
    axes.set_ylabel("sigma / G (%)")
    inset = axes.inset_axes((0.56, 0.56, 0.43, 0.43))
    amps = found.current * look.MICRO
    inset.loglog(amps, middle, "o", color=look.GREEN, markersize=2.5)
    slope, offset = np.polyfit(np.log(amps), np.log(middle), 1)
    inset.loglog(amps, np.exp(offset) * amps**slope, color=look.INK, linewidth=0.8)
    for axis in (inset.xaxis, inset.yaxis):
        look.plain(axis)
    inset.tick_params(labelsize=6.5, pad=1.5)
    inset.set_xlabel("SET current (µA)", fontsize=6.8, labelpad=1)
    inset.set_ylabel("median (µS)", fontsize=6.8, labelpad=1)
    inset.text(0.06, 0.94, f"G ~ I^{slope:.2f}", transform=inset.transAxes, va="top", fontsize=7)
    look.note(
        axes,
        f"{found.conductance.shape[2]} cells, {found.conductance.shape[1]} cycles from HRS; "
        f"{found.voltage:.2f} V for "
        f"{look.seconds(found.width)};\ngate {found.gate.min():.2f} to {found.gate.max():.2f} V",
    )
