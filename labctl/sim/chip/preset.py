"""Parameters of a simulated chip: named, with unit, default and source."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import LabctlError
from labctl.sim.chip import kernels as k


@dataclass(frozen=True, slots=True)
class Preset:
    """One technology of 1T1R cells; the state of a cell is ``u = ln(G / 1 µS)``.

    The equation is that of a valence-change cell with thermally activated, field-lowered ion
    hopping (Ielmini, IEEE Trans. Electron Devices 58, 4309 (2011)); numbers without another source
    are chosen so that forming, SET and RESET voltages come out as published for HfO2 1T1R arrays.
    """

    attempt_rate: float = 1e13
    """1/s, hopping attempts."""
    set_barrier: float = 1.35
    """eV."""
    reset_barrier: float = 1.35
    """eV."""
    forming_barrier: float = 0.82
    """eV on top of the SET barrier in a virgin cell."""
    set_lowering: float = 0.60
    """e, barrier lowered per volt over the cell in SET."""
    reset_lowering: float = 0.45
    """e, the same in RESET, where the gap is open."""
    gap_weakening: float = 0.15
    """Per unit of u below the LRS: how an opening gap takes the field off."""
    thermal_resistance: float = 11.0
    """K/µW of a thin filament."""
    thermal_conductance_scale: float = 60.0
    """µS at which a thicker filament halves the thermal resistance."""
    ceiling_temperature: float = 1200.0
    """K, damping of the self-heating."""
    ambient: float = 300.0
    """K."""
    u_max: float = float(np.log(400.0))
    u_min: float = float(np.log(0.05))
    """Ends of the window."""
    sinh_low: float = 0.60
    """V, curvature of the current in the HRS."""
    sinh_high: float = 3.0
    """V, curvature in the LRS."""
    sinh_middle: float = float(np.log(15.0))
    """u between the two."""
    sinh_width: float = 0.8
    fet_gain: float = 400.0
    """µA/V²."""
    fet_threshold: float = 0.50
    """V."""
    fet_modulation: float = 0.05
    """1/V."""
    hop: float = 2.5
    """µS, conductance of one hop: the variance of u is hop/G times |du|."""
    hop_largest: float = 0.30
    """Largest change of u by one hop."""
    virgin: float = 0.02
    """µS of a cell not formed."""
    virgin_spread: float = 0.4
    """Spread of its logarithm."""
    forming_spread: float = 0.10
    """eV, spread of the forming barrier from cell to cell."""
    forming_failures: float = 0.005
    """Part of the cells that never form."""
    speed_spread: float = 0.30
    """Spread of the logarithm of the speed from cell to cell."""
    cycle_spread: float = 0.25
    """The same from pulse to pulse."""
    cycle_memory: float = 0.90
    """Correlation of neighbouring pulses of one cell."""
    white_noise: float = 0.010
    """Of a single read, relative."""
    trap_median: float = 0.012
    """Amplitude of a two-state trap, relative; four traps a cell."""
    trap_spread: float = 0.7
    """Spread of its logarithm."""
    trap_fastest: float = -3.5
    trap_slowest: float = 0.5
    """log10 of the trap's time constant in s; even in between."""
    relaxation_mean: float = 0.018
    relaxation_spread: float = 0.033
    """Change of u per e-fold of time after a full switch; smaller pulses relax in proportion."""
    relaxation_start: float = 1e-3
    """s."""

    name: str = "hfox-1t1r"

    def vector(self) -> NDArray[np.float64]:
        """Return all numbers in the order of their declaration."""
        return np.array([getattr(self, name) for name in _NUMBERS], dtype=np.float64)

    def with_vector(self, vector: ArrayLike) -> Preset:
        """Return this preset with all numbers replaced."""
        numbers = np.asarray(vector, dtype=float).tolist()
        return replace(self, **dict(zip(_NUMBERS, numbers, strict=True)))

    def physics(self) -> NDArray[np.float64]:
        """Return what the kernels of a cell take, in the order of :mod:`labctl.sim.chip.cell`."""
        return np.array([getattr(self, name) for name in _PHYSICS], dtype=np.float64)

    def noise(self) -> NDArray[np.float64]:
        """Return what the noise kernels take, in the order of :mod:`labctl.sim.chip.kernels`."""
        return np.array([getattr(self, name) for name in _NOISE], dtype=np.float64)

    def curvature(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sinh voltage (V) of cells in state ``u``."""
        span = self.sinh_high - self.sinh_low
        volts: NDArray[np.float64] = self.sinh_low + span / (
            1.0 + np.exp(-(u - self.sinh_middle) / self.sinh_width)
        )
        return volts

    def draw_fixed(self, cells: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw what tells cells apart for ever, shape (cells, FIXED)."""
        fixed = np.empty((cells, k.FIXED))
        fixed[:, k.FORMING] = self.forming_spread * rng.standard_normal(cells)
        fixed[:, k.SPEED] = np.exp(self.speed_spread * rng.standard_normal(cells))
        fixed[:, k.DEAD] = rng.random(cells) < self.forming_failures
        traps = (cells, k.TRAPS)
        fixed[:, k.AMPLITUDE : k.AMPLITUDE + k.TRAPS] = self.trap_median * np.exp(
            self.trap_spread * rng.standard_normal(traps)
        )
        fixed[:, k.LOG_TAU : k.LOG_TAU + k.TRAPS] = rng.uniform(
            self.trap_fastest, self.trap_slowest, traps
        )
        return fixed

    def draw_moving(self, cells: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw virgin cells, shape (cells, MOVING)."""
        moving = np.zeros((cells, k.MOVING))
        moving[:, k.U] = np.log(self.virgin) + self.virgin_spread * rng.standard_normal(cells)
        moving[:, k.CYCLE] = self.cycle_spread * rng.standard_normal(cells)
        moving[:, k.TRAP : k.TRAP + k.TRAPS] = rng.choice([-1.0, 1.0], (cells, k.TRAPS))
        return moving


_NUMBERS = tuple(item.name for item in fields(Preset) if item.name != "name")
_PHYSICS = (
    "attempt_rate", "set_barrier", "reset_barrier", "forming_barrier", "set_lowering",
    "reset_lowering", "gap_weakening", "thermal_resistance", "thermal_conductance_scale",
    "ceiling_temperature", "ambient", "u_max", "u_min", "sinh_low", "sinh_high", "sinh_middle",
    "sinh_width", "fet_gain", "fet_threshold", "fet_modulation", "hop", "hop_largest",
)  # fmt: skip
_NOISE = (
    "cycle_spread", "cycle_memory", "relaxation_mean", "relaxation_spread", "relaxation_start",
    "white_noise",
)  # fmt: skip
PRESETS = {"hfox-1t1r": Preset()}


def preset(name: str) -> Preset:
    """Return a preset by its name.

    Raises
    ------
    LabctlError
        Where there is none of that name.
    """
    if name not in PRESETS:
        raise LabctlError(f"There is no chip preset {name!r}; there are {', '.join(PRESETS)}.")
    return PRESETS[name]
