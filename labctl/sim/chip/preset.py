"""The parameters of a kind of chip, each with unit, default and source.

Defaults are those of ``hfox-1t1r``, an *analogue* HfOx 1T1R chip. Sources are given by short names:

``VCM``
    The usual compact model of valence-change cells: field-lowered, Joule-heated ion hopping with
    a sinh current law, windowed towards both ends.
``TEL``
    Wu et al., IEEE Electron Device Lett. 38, 1019 (2017); Yao et al., Nature 577, 641 (2020):
    HfOx 1T1R cells with a thermally enhanced layer SET *and* RESET gradually under identical
    pulses, because heat spreads over many weak filaments.
``SKY``
    Measured statistics of the HfO2 1T1R cells of a public 130 nm process: forming 2.2-3.1 V,
    yield above 99 %.
``READ``
    Measured read series of 1T1R cells of 10-50 µS: sigma/G over 2 000 reads has a median of
    4.3-6.0 % and a 90th percentile of 13-23 %; white part 1.0-1.5 %; relaxation after RESET
    +10...+20 % at 2 000 reads.

Three parameters are chosen for graduality, within what is published for such cells (``TEL``).
With a single barrier and strong heating, identical pulses SET abruptly (heat feeds back) and then
stop within one pulse. Here (1) the thermal resistance is that of a spread-out, heat-confined
region, 1.5 K/µW instead of the 10 K/µW of a single filament, (2) the SET barrier rises by 60 meV
per factor e of conductance, since the ions that hop most easily hop first (a distribution of
barriers), and (3) so does the RESET barrier, by 30 meV, since a thick filament holds its ions in;
that leaves heat a moderate preference for well conducting cells. SET steps then fall, and RESET
steps grow, with conductance: soft bounds.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.errors import BenchFileError


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Parameters of a kind of chip; see the module text for the sources.

    Attributes
    ----------
    name
        Name the bench file uses.
    attempt_rate
        1/s, attempt rate of ion hops (VCM).
    set_barrier, reset_barrier
        eV, activation energies at ``reference_conductance`` (VCM).
    set_lowering, reset_lowering
        eV/V, how much a volt over the cell lowers the barrier (VCM).
    set_barrier_slope, reset_barrier_slope
        eV per factor e of conductance: how the barrier rises with conductance (TEL; see module).
        Acts between 1.5 factors of e below and above the reference.
    reference_conductance
        S, where the barriers have their nominal values.
    thermal_resistance
        K/W of the cell at small conductance (TEL).
    thermal_conductance
        S; the thermal resistance halves at this conductance, a thick filament conducts heat (VCM).
    heat_damping
        K; a temperature rise of this size is halved (heat conductivity of the electrodes, VCM).
    ambient
        K.
    maximum, minimum
        S, ends of the window of the bare cell (SKY).
    voltage_low, voltage_high
        V, scale of the sinh law of a badly and a well conducting cell (VCM).
    voltage_crossover
        S, conductance of the transition between both.
    voltage_width
        Factors of e over which the transition happens.
    transistor_gain
        A/V^2, square law of the select transistor (SKY, W/L about 10).
    transistor_threshold
        V; 5-V transistor (SKY).
    transistor_lambda
        1/V, channel-length modulation.
    forming_barrier
        eV on top of the SET barrier while the cell is pristine (SKY: 2.2-3.1 V at 1 ms).
    forming_barrier_spread
        eV, standard deviation from cell to cell (SKY).
    forming_failures
        Fraction of cells that never form (SKY, 0-2 %).
    pristine_conductance, pristine_spread
        S, and standard deviation of its logarithm.
    formed_conductance
        S; above it a cell counts as formed.
    hop_conductance, hop_maximum
        S, and largest change of ln G by one hop: the variance of ln G per |change of ln G| is
        ``min(hop_conductance / G, hop_maximum)``, which makes sd^2 = hop_conductance * step (TEL).
    speed_spread
        Standard deviation of ln(rate) from cell to cell.
    cycle_spread
        Standard deviation of ln(rate) of one cell in time.
    cycle_memory
        Factors of e that ln G has to travel until the cell has forgotten its rate; 40 leaves 0.86
        after a full cycle of 6 (measured: 0.86-0.99).
    read_white
        Relative standard deviation of one read (READ).
    trap_amplitude, trap_amplitude_spread
        Median relative step of a two-state trap, standard deviation of its logarithm (READ).
    trap_time_shortest, trap_time_longest
        s, ends of the log-uniform trap times: 10^0.3 to 10^3.5 reads of 5 ms (READ: slope of the
        spectrum -1.2...-1.5).
    unstable_cells, unstable_factor
        Fraction of cells whose traps are so many times larger (READ, 90th percentile).
    relaxation_mean, relaxation_spread
        Change of ln G per factor e of time after moving ln G by one or more; smaller moves relax
        in proportion (only what moved relaxes back). Against the move (READ).
    relaxation_time
        s, when relaxation begins to show (one read).
    quiet_voltage
        V over cell and transistor below which nothing moves for years; the rates are not evaluated.
    """

    name: str = "hfox-1t1r"
    attempt_rate: float = 1e13
    set_barrier: float = 1.35
    reset_barrier: float = 1.35
    set_lowering: float = 0.60
    reset_lowering: float = 0.45
    set_barrier_slope: float = 0.06
    reset_barrier_slope: float = 0.03
    reference_conductance: float = 70e-6
    thermal_resistance: float = 1.5e6
    thermal_conductance: float = 60e-6
    heat_damping: float = 1200.0
    ambient: float = 300.0
    maximum: float = 400e-6
    minimum: float = 1e-6
    voltage_low: float = 0.60
    voltage_high: float = 3.0
    voltage_crossover: float = 15e-6
    voltage_width: float = 0.8
    transistor_gain: float = 600e-6
    transistor_threshold: float = 1.0
    transistor_lambda: float = 0.05
    forming_barrier: float = 0.76
    forming_barrier_spread: float = 0.08
    forming_failures: float = 0.004
    pristine_conductance: float = 0.02e-6
    pristine_spread: float = 0.4
    formed_conductance: float = 1e-6
    hop_conductance: float = 2.5e-6
    hop_maximum: float = 0.30
    speed_spread: float = 0.30
    cycle_spread: float = 0.20
    cycle_memory: float = 40.0
    read_white: float = 0.010
    trap_amplitude: float = 0.03
    trap_amplitude_spread: float = 1.15
    trap_time_shortest: float = 10e-3
    trap_time_longest: float = 16.0
    unstable_cells: float = 0.04
    unstable_factor: float = 4.0
    relaxation_mean: float = 0.018
    relaxation_spread: float = 0.033
    relaxation_time: float = 5e-3
    quiet_voltage: float = 0.30

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name == "name":
                continue
            if not isinstance(value, (int, float)) or not math.isfinite(value):
                raise BenchFileError(
                    f"{field.name} of chip preset {self.name!r} is {value!r}; give a finite number."
                )
            if value < 0.0 or (value == 0.0 and field.name in _POSITIVE):
                raise BenchFileError(
                    f"{field.name} of chip preset {self.name!r} is {value:g}; it must be positive."
                )
        for name in _FRACTIONS:
            if getattr(self, name) > 1.0:
                raise BenchFileError(f"{name} of chip preset {self.name!r} is a fraction: 0 to 1.")
        for low, high in _ORDERED:
            if not getattr(self, low) < getattr(self, high):
                raise BenchFileError(f"Chip preset {self.name!r}: {low} must be below {high}.")

    def vector(self) -> NDArray[np.float64]:
        """Return all numbers in the order of :data:`NUMBERS`, float64, for the kernels."""
        return np.array([getattr(self, name) for name in NUMBERS], dtype=np.float64)


_POSITIVE = {
    "attempt_rate", "reference_conductance", "thermal_conductance", "heat_damping", "ambient",
    "maximum", "minimum", "voltage_low", "voltage_high", "voltage_crossover", "voltage_width",
    "transistor_gain", "pristine_conductance", "formed_conductance", "cycle_memory",
    "trap_time_shortest", "trap_time_longest", "relaxation_time",
}  # fmt: skip
_FRACTIONS = ("forming_failures", "unstable_cells")
_ORDERED = (
    ("minimum", "maximum"),
    ("pristine_conductance", "formed_conductance"),
    ("trap_time_shortest", "trap_time_longest"),
)

NUMBERS: tuple[str, ...] = tuple(f.name for f in dataclasses.fields(Preset) if f.name != "name")
"""Names of all parameters that are numbers, in the order of :meth:`Preset.vector`."""

_PRESETS = {p.name: p for p in (Preset(),)}


def preset(name: str) -> Preset:
    """Return the preset called ``name``.

    Raises
    ------
    BenchFileError
        There is none of that name; the message lists those there are.
    """
    try:
        return _PRESETS[name]
    except KeyError:
        known = ", ".join(sorted(_PRESETS))
        raise BenchFileError(
            f"There is no chip preset {name!r}. Use one of: {known} ([simulation] preset)."
        ) from None
