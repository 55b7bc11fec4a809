"""The settings of a Keithley 2400 and their values after ``*RST``; tables of commands from them.

Source: *2400 Series SourceMeter User's Manual*, section 18, tables 18-1 to 18-11 (*RST column).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from labctl.sim.instruments.keithley2400_models import CURRENT, RESISTANCE, VOLTAGE
from labctl.sim.scpi import Command, Parameter
from labctl.sim.status import Refused

_T = TypeVar("_T")
INFINITE = -1
"""Arm count without end."""


def _both(value: _T) -> Callable[[], dict[int, _T]]:
    return lambda: {CURRENT: value, VOLTAGE: value}


def _measured(current: _T, voltage: _T, resistance: _T) -> Callable[[], dict[int, _T]]:
    return lambda: {CURRENT: current, VOLTAGE: voltage, RESISTANCE: resistance}


@dataclass
class Settings:
    """What ``*RST`` resets, ``*SAV`` keeps and ``*RCL`` brings back. Dictionaries by function."""

    # source
    function: int = VOLTAGE
    level: dict[int, float] = field(default_factory=_both(0.0))
    triggered: dict[int, float | None] = field(default_factory=_both(None))
    source_range: dict[int, float] = field(default_factory=lambda: {CURRENT: 1.05e-4, VOLTAGE: 21})
    source_auto: dict[int, bool] = field(default_factory=_both(True))
    mode: dict[int, str] = field(default_factory=_both("FIX"))
    start: dict[int, float] = field(default_factory=_both(0.0))
    stop: dict[int, float] = field(default_factory=_both(0.0))
    points: int = 2500
    spacing: str = "LIN"
    direction: str = "UP"
    ranging: str = "BEST"
    abort_on_compliance: str = "NEV"
    listed: dict[int, tuple[float, ...]] = field(default_factory=_both((0.0,)))
    list_start: dict[int, int] = field(default_factory=_both(1))
    memory_points: int = 1
    memory_start: int = 1
    scale: dict[int, float] = field(default_factory=_both(1.0))
    scale_on: dict[int, bool] = field(default_factory=_both(False))
    protection: float = 0.0  # V, the largest of the model from the start
    delay: float = 1e-3
    delay_auto: bool = True
    clear_auto: bool = False
    clear_mode: str = "ALW"
    soak: float = 0.0
    # sense
    functions: frozenset[int] = frozenset((CURRENT,))
    concurrent: bool = True
    measure_range: dict[int, float] = field(default_factory=_measured(1.05e-4, 21.0, 2.1e5))
    measure_auto: dict[int, bool] = field(default_factory=_measured(True, True, True))
    low_range: dict[int, float] = field(default_factory=_measured(0.0, 0.0, 0.0))
    high_resistance: float = 0.0
    compliance: dict[int, float] = field(default_factory=lambda: {CURRENT: 1.05e-4, VOLTAGE: 21})
    synchronise: bool = False
    holdoff: bool = False
    holdoff_delay: float = 5e-3
    nplc: float = 1.0
    ohms_auto: bool = True
    offset_compensated: bool = False
    filter: bool = False
    filter_repeats: bool = True
    filter_count: int = 10
    # output and input
    output: bool = False
    off_mode: str = "NORM"
    enable_line: bool = False
    terminals: str = "FRON"
    four_wire: bool = False
    guard: str = "CABL"
    contact_check: bool = False
    contact_resistance: float = 50.0
    autozero: bool = True
    caching: bool = False
    range_changes: str = "SING"
    # trigger
    arm_count: int = 1
    arm_source: str = "IMM"
    arm_timer: float = 0.1
    arm_direction: str = "ACC"
    arm_line: int = 1
    arm_output_line: int = 2
    arm_output: tuple[str, ...] = ("NONE",)
    trigger_count: int = 1
    trigger_source: str = "IMM"
    trigger_delay: float = 0.0
    trigger_direction: str = "ACC"
    trigger_line: int = 1
    trigger_output_line: int = 2
    trigger_output: tuple[str, ...] = ("NONE",)
    trigger_input: tuple[str, ...] = ("NONE",)
    # calculations
    math_on: bool = False
    math_name: str = "POWER"
    math_units: str = "W"
    null_on: bool = False
    null_offset: float = 0.0
    limit_feed: str = "VOLT"
    limits: dict[int, dict[str, Any]] = field(default_factory=dict)
    limit_mode: str = "GRAD"
    limit_control: str = "END"
    limit_clear: bool = True
    patterns: dict[str, int] = field(default_factory=dict)
    branches: dict[str, int] = field(default_factory=dict)  # 0: next
    statistic: str = "MEAN"
    # format, display, digital port
    elements: tuple[str, ...] = ("VOLT", "CURR", "RES", "TIME", "STAT")
    calculated_elements: tuple[str, ...] = ("CALC",)
    data: str = "ASC"
    border: str = "NORM"
    register_format: str = "ASC"
    port_format: str = "ASC"
    display: bool = True
    digits: int = 6
    messages: dict[int, str] = field(default_factory=lambda: {1: "", 2: ""})
    messages_on: dict[int, bool] = field(default_factory=lambda: {1: False, 2: False})
    port_bits: int = 3
    port_value: int = 15
    port_clear: bool = False
    port_delay: float = 1e-4
    port_mode: str = "EOT"
    port_busy: bool = False
    # the clock of the readings
    timestamp_reset: bool = False


def number(value: float) -> str:
    """Return a number as the instrument writes it."""
    return f"{value:+.6E}"


def flag(value: bool) -> str:
    """Return an on-or-off setting as the instrument writes it."""
    return "1" if value else "0"


def setting(
    header: str,
    convert: Callable[[Parameter], _T],
    read: Callable[[], _T],
    write: Callable[[_T], None],
    show: Callable[[_T], str] = str,
) -> Command:
    """Return the command of a setting that can be queried.

    The query takes MINimum, MAXimum and DEFault where ``convert`` knows them.

    Parameters
    ----------
    convert
        From the parameter to the value; raises Refused.
    read, write
        Get and change the setting.
    show
        From the value to the answer.
    """

    def query(relative: Parameter | None = None) -> str:
        if relative is None:
            return show(read())
        if not relative.is_default:
            raise Refused(-104, "Data type error")
        return show(convert(relative))

    return Command(header, query, lambda parameter: write(convert(parameter)))


def field_of(
    owner: Callable[[], Settings],
    header: str,
    name: str,
    convert: Callable[[Parameter], Any],
    show: Callable[[Any], str] = str,
    after: Callable[[], None] | None = None,
) -> Command:
    """Return the command of a field of :class:`Settings`.

    ``owner`` returns the present settings (another object after ``*RCL``); ``after`` is called
    once the field has changed.
    """

    def write(value: Any) -> None:
        setattr(owner(), name, value)
        if after is not None:
            after()

    return setting(header, convert, lambda: getattr(owner(), name), write, show)


def item_of(
    owner: Callable[[], Settings],
    header: str,
    name: str,
    key: int,
    convert: Callable[[Parameter], Any],
    show: Callable[[Any], str] = str,
    after: Callable[[], None] | None = None,
) -> Command:
    """Return the command of one entry of a dictionary of :class:`Settings`; as `field_of`."""

    def write(value: Any) -> None:
        getattr(owner(), name)[key] = value
        if after is not None:
            after()

    return setting(header, convert, lambda: getattr(owner(), name)[key], write, show)
