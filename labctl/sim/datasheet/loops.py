"""Quasi-static I-V loops, and the sweep that forms a pristine cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from labctl.sim.chip import Preset
from labctl.sim.datasheet import look
from labctl.sim.datasheet.conditions import Conditions
from labctl.sim.datasheet.strip import Strip

_STEP = 0.02
"""V per point."""
_DWELL = 5e-3
"""s per point: what a source meter at 0.1 power-line cycles takes with its overhead."""


@dataclass(frozen=True, slots=True)
class Loops:
    """Sweeps of a few cells.

    Attributes
    ----------
    voltage, current
        V and A of the loops: float64, (points,) and (points, cells).
    forming_voltage, forming_current
        V and A of one pristine cell, (points,).
    set_gate, reset_gate
        V.
    """

    voltage: NDArray[np.float64]
    current: NDArray[np.float64]
    forming_voltage: NDArray[np.float64]
    forming_current: NDArray[np.float64]
    set_gate: float
    reset_gate: float

    @property
    def hysteresis(self) -> float:
        """Current of the formed cells on the way down over that on the way up, median.

        Read at a third of the largest SET voltage.
        """
        at = self.voltage.max() / 3
        turn = int(self.voltage.argmax())
        up = int(np.abs(self.voltage[:turn] - at).argmin())
        down = turn + int(np.abs(self.voltage[turn : 2 * turn] - at).argmin())
        return float(np.median(self.current[down] / self.current[up]))


def _sweep(strip: Strip, volts: NDArray[np.float64], gate: float) -> NDArray[np.float64]:
    """Sweep all cells and return their currents, A, (points, cells)."""
    out = np.empty((volts.size, strip.cells))
    for k, volt in enumerate(volts):
        strip.drive(float(volt), gate)
        strip.chip.elapse(_DWELL)
        out[k] = strip.currents()
    strip.rest()
    return out


def _there_and_back(peak: float) -> NDArray[np.float64]:
    up = np.linspace(0.0, peak, max(round(abs(peak) / _STEP), 2) + 1)
    return np.concatenate([up, up[-2::-1]])


def measure_loops(kind: Preset, at: Conditions, cells: int, seed: int) -> Loops:
    """Form and RESET by sweeps, then sweep each cell once through SET and RESET.

    A filament that seconds of a sweep have made is stronger than one of a pulse: what resets it
    before the loop is a sweep, too.
    """
    strip = Strip(kind, cells, seed, apart=True)
    first = _there_and_back(float(at.forming.max()))
    pristine = _sweep(strip, first, at.forming_gate)
    shown = int(strip.chip.formed[0].argmax())
    strip.choose(strip.chip.formed[0])
    up, down = _there_and_back(at.set_full.voltage), _there_and_back(at.reset_full.voltage)
    _sweep(strip, down, at.reset_full.gate)
    current = np.concatenate(
        [_sweep(strip, up, at.forming_gate), _sweep(strip, down, at.reset_full.gate)]
    )
    return Loops(
        np.concatenate([up, down]), current, first, pristine[:, shown],
        at.forming_gate, at.reset_full.gate,
    )  # fmt: skip


def draw_loops(axes: Axes, loops: Loops) -> None:
    """Draw |I| against V, one line per cell, the forming sweep in another colour."""
    axes.set_title("I-V loops")
    axes.set_yscale("log")
    turn = int((loops.voltage < 0).argmax())
    for part, colour, label in (
        (slice(0, turn), look.SET_COLOUR, "SET"),
        (slice(turn, None), look.RESET_COLOUR, "RESET"),
    ):
        volts, amps = loops.voltage[part], np.abs(loops.current[part]) * look.MICRO
        for k in range(amps.shape[1]):
            axes.plot(
                volts, _shown(amps[:, k]), color=colour, linewidth=0.7, alpha=0.6,
                label=label if k == 0 else None,
            )  # fmt: skip
    axes.plot(
        loops.forming_voltage, _shown(loops.forming_current * look.MICRO), color=look.GREEN,
        linewidth=1.0, label="forming",
    )  # fmt: skip
    axes.set_xlabel("voltage (V)")
    axes.set_ylabel("|current| (µA)")
    floor = 1e-4
    axes.set_ylim(bottom=max(axes.get_ylim()[0], floor))
    look.decades(axes.yaxis)
    look.legend_above(axes, 3)
    look.note(
        axes,
        f"{loops.current.shape[1]} cells, quasi-static: {1e3 * _STEP:.0f} mV every "
        f"{look.seconds(_DWELL)};\n"
        f"gate {loops.set_gate:g} V (SET, forming), {loops.reset_gate:g} V (RESET)",
    )


def _shown(amps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return currents with what a logarithmic axis cannot show taken out."""
    return np.where(np.abs(amps) > 1e-9, np.abs(amps), np.nan)
