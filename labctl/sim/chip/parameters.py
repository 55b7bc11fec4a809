"""The parameters of a kind of chip: default, unit, meaning, source and range of each.

Defaults are those of ``hfox-1t1r``; other kinds are files in ``presets``. Short names of sources
stand in full in :data:`labctl.sim.chip.sources.SOURCES`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.errors import BenchFileError


@dataclass(frozen=True, slots=True)
class Parameter:
    """What is known of one number of a preset besides its value.

    Attributes
    ----------
    table
        TOML table that it stands in.
    unit
        SI unit, ``"1"`` where there is none.
    what
        One sentence.
    source
        Key of :data:`labctl.sim.chip.sources.SOURCES`.
    low, high
        Smallest and largest value allowed.
    """

    table: str
    unit: str
    what: str
    source: str
    low: float
    high: float

    @property
    def range(self) -> str:
        """The range allowed, with unit."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{self.low:g} to {self.high:g}{unit}"

    def checked(self, value: object) -> float:
        """Return ``value`` as a float.

        Raises
        ------
        ValueError
            It is no number of the range; the text says what it is and what is allowed.
        """
        if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
            raise ValueError(f"is {value!r}; give a number, {self.range}")
        if not self.low <= value <= self.high:
            unit = "" if self.unit == "1" else f" {self.unit}"
            shown = f"{value:g}" if isinstance(value, float) else repr(value)[:20]
            raise ValueError(f"is {shown}{unit}; allowed are {self.range}")
        return float(value) + 0.0  # no negative zero: it would not survive a file


def _numbers_of(table: str) -> Callable[..., Any]:
    def number(default: float, unit: str, what: str, source: str, low: float, high: float) -> Any:
        parameter = Parameter(table, unit, what, source, low, high)
        return dataclasses.field(default=default, metadata={"parameter": parameter})

    return number


TABLES = (
    "switching", "heat", "window", "conduction", "transistor", "forming", "variability", "reading",
    "relaxation", "retention", "wear", "wires", "laboratory",
)  # fmt: skip
"""Tables of a preset file, in the order in which they are written."""

(
    _switching, _heat, _window, _conduction, _transistor, _forming, _variability, _reading,
    _relaxation, _retention, _wear, _wires, _laboratory,
) = map(_numbers_of, TABLES)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """The numbers of a kind of chip, SI; :data:`PARAMETERS` tells what each of them is.

    Raises
    ------
    BenchFileError
        A number that no device has; the message names it, its unit and the range allowed.
    """

    # fmt: off
    name: str = "hfox-1t1r"
    attempt_rate: float = _switching(
        1e13, "1/s", "Attempt rate of ion hops.", "VCM", 1e6, 1e16)
    set_barrier: float = _switching(
        1.35, "eV", "Activation energy of SET at reference_conductance.", "VCM", 0.1, 5)
    reset_barrier: float = _switching(
        1.35, "eV", "Activation energy of RESET at reference_conductance.", "VCM", 0.1, 5)
    set_lowering: float = _switching(
        0.60, "eV/V", "How much a volt over the cell lowers the SET barrier.", "VCM", 0, 3)
    reset_lowering: float = _switching(
        0.45, "eV/V", "How much a volt over the cell lowers the RESET barrier.", "VCM", 0, 3)
    set_barrier_slope: float = _switching(
        0.06, "eV", "Rise of the SET barrier per factor e of conductance, up to 1.5 factors of e "
        "from the reference.", "TEL", -1, 1)
    reset_barrier_slope: float = _switching(
        0.03, "eV", "The same of the RESET barrier; negative where a wide gap resists.",
        "TEL", -1, 1)
    reference_conductance: float = _switching(
        70e-6, "S", "Where the barriers have their nominal values.", "TEL", 1e-9, 0.1)
    thermal_resistance: float = _heat(
        1.5e6, "K/W", "Thermal resistance of the cell at small conductance.", "TEL", 0, 1e9)
    thermal_conductance: float = _heat(
        60e-6, "S", "Conductance at which the thermal resistance is halved: a thick filament "
        "conducts heat.", "VCM", 1e-9, 1)
    heat_damping: float = _heat(
        1200.0, "K", "A temperature rise of this size is halved, as the electrodes take up heat.",
        "VCM", 1, 1e6)
    ambient: float = _laboratory(
        300.0, "K", "Temperature of the chip at rest.", "MODEL", 50, 1000)
    maximum: float = _window(
        400e-6, "S", "Upper end of the window of the bare cell.", "SKY", 1e-9, 1)
    minimum: float = _window(
        1e-6, "S", "Lower end of the window of the bare cell.", "SKY", 1e-12, 1)
    voltage_low: float = _conduction(
        0.60, "V", "Scale of the sinh law of a badly conducting cell.", "VCM", 0.05, 100)
    voltage_high: float = _conduction(
        3.0, "V", "Scale of the sinh law of a well conducting cell.", "VCM", 0.05, 100)
    voltage_crossover: float = _conduction(
        15e-6, "S", "Conductance of the transition between both.", "VCM", 1e-12, 1)
    voltage_width: float = _conduction(
        0.8, "1", "Factors of e of conductance over which the transition happens.",
        "VCM", 0.01, 20)
    transistor_gain: float = _transistor(
        600e-6, "A/V^2", "Square law of the select transistor, W/L of about 10.", "SKY", 1e-9, 1)
    transistor_threshold: float = _transistor(
        1.0, "V", "Threshold of the select transistor, a 5-V device.", "SKY", 0, 20)
    transistor_lambda: float = _transistor(
        0.05, "1/V", "Channel-length modulation.", "SKY", 0, 10)
    forming_barrier: float = _forming(
        0.76, "eV", "On top of the SET barrier while the cell is pristine.", "SKY", 0, 5)
    forming_barrier_spread: float = _forming(
        0.08, "eV", "Its standard deviation from cell to cell.", "SKY", 0, 1)
    forming_failures: float = _forming(
        0.004, "1", "Fraction of cells that never form.", "SKY", 0, 1)
    pristine_conductance: float = _forming(
        0.02e-6, "S", "Median conductance of cells that were never formed.", "SKY", 1e-15, 1e-3)
    pristine_spread: float = _forming(
        0.4, "1", "Standard deviation of its logarithm.", "SKY", 0, 5)
    formed_conductance: float = _forming(
        1e-6, "S", "Above it a cell counts as formed.", "SKY", 1e-12, 1e-2)
    hop_conductance: float = _variability(
        2.5e-6, "S", "Variance of ln G per |change of ln G|, times G: a hop is a fixed piece of "
        "conductance.", "DAL", 0, 1e-3)
    hop_maximum: float = _variability(
        0.30, "1", "Upper bound of that variance per change.", "TEL", 0, 5)
    speed_spread: float = _variability(
        0.30, "1", "Standard deviation of ln(rate) from cell to cell.", "VCM", 0, 5)
    cycle_spread: float = _variability(
        0.20, "1", "Standard deviation of ln(rate) of one cell in time.", "VCM", 0, 5)
    cycle_memory: float = _variability(
        40.0, "1", "Factors of e that ln G has to travel until the cell has forgotten its rate; 40 "
        "leaves 0.86 after a full cycle of 6.", "VCM", 1e-3, 1e6)
    read_white: float = _reading(
        0.010, "1", "Relative standard deviation of one read.", "READ", 0, 1)
    trap_amplitude: float = _reading(
        0.03, "1", "Median relative step of a two-state trap; a cell has four.", "READ", 0, 1)
    trap_amplitude_spread: float = _reading(
        1.15, "1", "Standard deviation of the logarithm of that step.", "READ", 0, 5)
    trap_time_shortest: float = _reading(
        10e-3, "s", "Shortest of the log-uniform trap times, two reads of 5 ms.",
        "READ", 1e-9, 1e9)
    trap_time_longest: float = _reading(
        16.0, "s", "Longest of the trap times, 3 200 reads of 5 ms.", "READ", 1e-9, 1e9)
    unstable_cells: float = _reading(
        0.04, "1", "Fraction of unstable cells.", "READ", 0, 1)
    unstable_factor: float = _reading(
        4.0, "1", "How much larger the traps of an unstable cell are.", "READ", 0, 100)
    relaxation_mean: float = _relaxation(
        0.018, "1", "Mean change of ln G per factor e of time, against the move, after ln G moved "
        "by relaxation_reach or more; smaller moves relax in proportion.", "READ", 0, 1)
    relaxation_spread: float = _relaxation(
        0.033, "1", "Its standard deviation from move to move.", "READ", 0, 1)
    relaxation_time: float = _relaxation(
        5e-3, "s", "When relaxation begins to show, one read after the move.", "READ", 1e-9, 1e6)
    quiet_voltage: float = _switching(
        0.30, "V", "Over cell and transistor; below it nothing moves for years and no rate is "
        "evaluated.", "MODEL", 0, 5)
    bit_line_resistance: float = _wires(
        0.0, "ohm", "Of a bit line between two cells; 0 is an ideal wire.", "MODEL", 0, 1e5)
    source_line_resistance: float = _wires(
        0.0, "ohm", "Of a source line, or in a passive array of a word line, between two cells.",
        "MODEL", 0, 1e5)
    retention_barrier: float = _retention(
        1.6, "eV", "Activation energy of the loss of the state in time.", "RET", 0.1, 5)
    retention_spread: float = _retention(
        0.05, "eV", "Its standard deviation from cell to cell.", "RET", 0, 1)
    retention_conductance: float = _retention(
        5e-6, "S", "Where a formed cell ends if left alone for ever.", "RET", 1e-12, 1)
    stuck_low: float = _wear(
        0.0004, "1", "Fraction of cells stuck at minimum from manufacture.", "LIN", 0, 1)
    stuck_high: float = _wear(
        0.0002, "1", "Fraction of cells stuck at maximum from manufacture.", "LIN", 0, 1)
    wear_activity: float = _wear(
        2e4, "1", "Factors of e of hopping after which each end of the window has moved by "
        "wear_loss.", "END", 1, 1e20)
    wear_loss: float = _wear(
        0.10, "1", "Factors of e by which each end of the window moves in; grows as the logarithm "
        "of the wear.", "END", 0, 5)
    failure_activity: float = _wear(
        3e6, "1", "Factors of e of hopping at which a cell fails for good: scale of a Weibull "
        "law.", "END", 1, 1e20)
    failure_shape: float = _wear(
        2.0, "1", "Shape of that law.", "END", 0.1, 50)
    failure_short: float = _wear(
        0.7, "1", "Fraction of failures that end as a short at maximum; the rest end open.",
        "END", 0, 1)
    laplace_offset: float = _reading(
        0.0, "A", "Laplace scale of a read current I at 0.2 V is offset + slope I + curvature I^2; "
        "all zero: no such noise.", "LIN", 0, 1e-3)
    laplace_slope: float = _reading(
        0.0, "1", "See laplace_offset.", "LIN", -10, 10)
    laplace_curvature: float = _reading(
        0.0, "1/A", "See laplace_offset.", "LIN", -1e9, 1e9)
    relaxation_drop: float = _relaxation(
        0.0, "1", "Added to relaxation_mean, but always downwards.", "LIN", 0, 1)
    unstable_relaxation: float = _relaxation(
        1.0, "1", "Factor on relaxation_spread and relaxation_drop for unstable cells.", "LIN", 0,
        100)
    wear_futile: float = _wear(
        1e-3, "1", "Weight in the wear of hops that find no place, at the ends of the window.",
        "END", 0, 1)
    relaxation_reach: float = _relaxation(
        1.0, "1", "Move, in factors of e, from which on a cell relaxes in full.", "LIN", 1e-3, 10)
    relaxation_slope: float = _relaxation(
        0.0, "1", "relaxation_mean, relaxation_spread and what unstable cells relax more fall as "
        "the conductance to this power; as given at reference_conductance.", "LIN", 0, 2)
    # fmt: on

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not (self.name.strip() and self.name.isprintable()):
            raise BenchFileError(f"A chip preset is called {self.name!r}; give a printable name.")
        for name, parameter in PARAMETERS.items():
            try:
                object.__setattr__(self, name, parameter.checked(getattr(self, name)))
            except ValueError as error:
                raise BenchFileError(f"{name} of chip preset {self.name!r} {error}.") from None
        for low, high in _ORDERED:
            if not getattr(self, low) < getattr(self, high):
                raise BenchFileError(
                    f"Chip preset {self.name!r}: {low} ({getattr(self, low):g}) must be below "
                    f"{high} ({getattr(self, high):g})."
                )
        if self.stuck_low + self.stuck_high > 1.0:
            raise BenchFileError(
                f"Chip preset {self.name!r}: stuck_low and stuck_high together are above 1."
            )

    def vector(self) -> NDArray[np.float64]:
        """Return all numbers in the order of :data:`NUMBERS`, float64, for the kernels."""
        return np.array([getattr(self, name) for name in NUMBERS], dtype=np.float64)


PARAMETERS: dict[str, Parameter] = {
    field.name: field.metadata["parameter"]
    for field in dataclasses.fields(Preset)
    if field.metadata
}
"""What is known of each number, by name, in the order of :meth:`Preset.vector`."""

NUMBERS: tuple[str, ...] = tuple(PARAMETERS)
"""Names of all parameters that are numbers, in the order of :meth:`Preset.vector`."""

_ORDERED = (
    ("minimum", "maximum"),
    ("pristine_conductance", "formed_conductance"),
    ("trap_time_shortest", "trap_time_longest"),
)
