"""What the models of the Keithley 2600B series can do.

Source: data sheets and *Series 2600B Reference Manual* (2600BS-901-01), sections on source and
measure ranges. Volts and amperes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_DECADES = (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
OVERRANGE = 1.01
"""A level may be 1 % above its range."""


@dataclass(frozen=True)
class SmuModel:
    """Ranges and limits of one model.

    Attributes
    ----------
    channels
        Names after ``smu``.
    voltage_ranges, current_ranges
        Of the source, ascending; also of the voltmeter.
    measure_current_ranges
        Of the ammeter, ascending.
    corner_voltage, corner_current
        Above ``corner_voltage`` no more than ``corner_current`` (safe operating area).
    least_limit_current, least_limit_voltage
        Smallest limits.
    default_limit_voltage, default_limit_current
        After a reset.
    reaction
        s until the current limit holds; before that, the load decides. Source meters need 2 to
        20 µs, longer on small ranges; the fastest analog limit loop does not beat a filament.
    lines
        Lines of the digital I/O port; a model without has no TSP-Link either.
    contact_check
        Whether it measures the resistance of its contacts.
    """

    channels: tuple[str, ...]
    voltage_ranges: tuple[float, ...]
    current_ranges: tuple[float, ...]
    measure_current_ranges: tuple[float, ...]
    corner_voltage: float
    corner_current: float
    least_limit_current: float
    least_limit_voltage: float
    default_limit_voltage: float
    default_limit_current: float
    reaction: float = 10e-6
    lines: int = 14
    contact_check: bool = True

    @property
    def interlocked(self) -> bool:
        """Whether the highest voltage range needs the interlock."""
        return self.voltage_ranges[-1] > 42.0

    @property
    def max_voltage(self) -> float:
        """Largest level, V."""
        return self.voltage_ranges[-1] * OVERRANGE

    @property
    def max_current(self) -> float:
        """Largest level, A."""
        return self.current_ranges[-1] * OVERRANGE


_2601B = SmuModel(
    channels=("a",),
    voltage_ranges=(0.1, 1.0, 6.0, 40.0),
    current_ranges=(*_DECADES, 1.0, 3.0),
    measure_current_ranges=(*_DECADES, 1.0, 3.0),
    corner_voltage=6.0 * OVERRANGE,
    corner_current=1.0 * OVERRANGE,
    least_limit_current=10e-9,
    least_limit_voltage=10e-3,
    default_limit_voltage=40.0,
    default_limit_current=1.0,
)
_2611B = SmuModel(
    channels=("a",),
    voltage_ranges=(0.2, 2.0, 20.0, 200.0),
    current_ranges=(*_DECADES, 1.0, 1.5),
    measure_current_ranges=(*_DECADES, 1.0, 1.5),
    corner_voltage=20.0 * OVERRANGE,
    corner_current=0.1 * OVERRANGE,
    least_limit_current=10e-9,
    least_limit_voltage=20e-3,
    default_limit_voltage=20.0,
    default_limit_current=0.1,
)
_2635B = replace(
    _2611B,
    current_ranges=(1e-9, 1e-8, *_DECADES, 1.0, 1.5),
    measure_current_ranges=(1e-10, 1e-9, 1e-8, *_DECADES, 1.0, 1.5),
    least_limit_current=1e-10,
)
_BOTH = ("a", "b")
_B_SERIES: dict[str, SmuModel] = {
    "2601B": _2601B,
    "2602B": replace(_2601B, channels=_BOTH),
    "2604B": replace(_2601B, channels=_BOTH, lines=0, contact_check=False),
    "2611B": _2611B,
    "2612B": replace(_2611B, channels=_BOTH),
    "2614B": replace(_2611B, channels=_BOTH, lines=0, contact_check=False),
    "2634B": replace(
        _2635B,
        channels=_BOTH,
        measure_current_ranges=_2635B.measure_current_ranges[1:],
        lines=0,
        contact_check=False,
    ),
    "2635B": _2635B,
    "2636B": replace(_2635B, channels=_BOTH),
}
MODELS: dict[str, SmuModel] = {
    **_B_SERIES,
    # The A series differs in what is around the channels only.
    **{f"{name[:-1]}A": model for name, model in _B_SERIES.items() if model.lines},
}
