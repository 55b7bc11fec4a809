"""The ARM, TRIGger, INITiate and ABORt commands of a Keithley 2400.

Source: *2400 Series SourceMeter User's Manual*, sections 11 and 18 (TRIGger subsystem).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from labctl.sim.instruments.keithley2400_settings import (
    INFINITE,
    Settings,
    field_of,
    number,
    setting,
)
from labctl.sim.instruments.keithley2400_source import MOST_DELAY, delay_text
from labctl.sim.scpi import INFINITY, Command, Parameter, choice, numeric, whole
from labctl.sim.status import Refused

MOST_COUNT = 2500
"""Of the arm layer, of the trigger layer, and of their product."""
_ARM_SOURCES = {
    "IMMediate": "IMM", "TLINk": "TLIN", "TIMer": "TIM", "MANual": "MAN", "BUS": "BUS",
    "NSTest": "NST", "PSTest": "PST", "BSTest": "BST",
}  # fmt: skip
_DIRECTIONS = {"SOURce": "SOUR", "ACCeptor": "ACC"}
_TRIGGER_EVENTS = {"SOURce": "SOUR", "DELay": "DEL", "SENSe": "SENS", "NONE": "NONE"}
_ARM_EVENTS = {"TENTer": "TENT", "TEXit": "TEX", "NONE": "NONE"}
_COUNT = whole(1, MOST_COUNT, 1)


def layer_commands(
    own: Callable[[], Settings],
    initiate: Callable[[], None],
    abort: Callable[[], None],
) -> Iterator[Command]:
    """Yield the tables of both layers; ``own`` returns the settings in force."""
    yield Command(":INITiate[:IMMediate]", event=initiate)
    yield Command(":ABORt", event=abort, urgent=True)
    yield Command(":TRIGger:CLEar", event=lambda: None)
    line = whole(1, 4, 1)
    for head, stem in (
        (":ARM[:SEQuence[1]][:LAYer[1]]", "arm"),
        (":TRIGger[:SEQuence[1]]", "trigger"),
    ):
        direct = f"{head}[:TCONfigure]"
        link = f"{direct}[:ASYNchronous]"
        yield field_of(own, f"{direct}:DIRection", f"{stem}_direction", choice(_DIRECTIONS))
        yield field_of(own, f"{link}:ILINe", f"{stem}_line", line)
        yield field_of(own, f"{link}:OLINe", f"{stem}_output_line", line)
    arm, trigger = ":ARM[:SEQuence[1]][:LAYer[1]]", ":TRIGger[:SEQuence[1]]"
    yield setting(
        f"{arm}:COUNt",
        _arm_count,
        lambda: own().arm_count,
        lambda count: _set_counts(own(), count, own().trigger_count),
        lambda count: number(INFINITY) if count == INFINITE else str(count),
    )
    yield setting(
        f"{trigger}:COUNt",
        _COUNT,
        lambda: own().trigger_count,
        lambda count: _set_counts(own(), own().arm_count, count),
    )
    yield field_of(own, f"{arm}:SOURce", "arm_source", choice(_ARM_SOURCES))
    sources = choice({"IMMediate": "IMM", "TLINk": "TLIN"})
    yield field_of(own, f"{trigger}:SOURce", "trigger_source", sources)
    timer = numeric(1e-3, 99_999.99, 0.1, unit="S")
    yield field_of(own, f"{arm}:TIMer", "arm_timer", timer, lambda v: f"{v:.3f}")
    delay = numeric(0.0, MOST_DELAY, 0.0, unit="S")
    yield field_of(own, f"{trigger}:DELay", "trigger_delay", delay, delay_text)
    yield _events(own, f"{arm}[:TCONfigure][:ASYNchronous]:OUTPut", "arm_output", _ARM_EVENTS)
    for name, node in (("trigger_output", "OUTPut"), ("trigger_input", "INPut")):
        header = f"{trigger}[:TCONfigure][:ASYNchronous]:{node}"
        yield _events(own, header, name, _TRIGGER_EVENTS)


def _arm_count(parameter: Parameter) -> int:
    if parameter.kind == "word" and parameter.value in ("INF", "INFINITE", "INFINITY"):
        return INFINITE
    return _COUNT(parameter)


def _set_counts(settings: Settings, arm: int, trigger: int) -> None:
    """Set both counts; their product is limited by the memory for readings (-222)."""
    if arm != INFINITE and arm * trigger > MOST_COUNT:
        raise Refused(-222, "Parameter data out of range")
    settings.arm_count, settings.trigger_count = arm, trigger


def _events(own: Callable[[], Settings], header: str, name: str, known: dict[str, str]) -> Command:
    """Return the command of a list of events; NONE stands alone."""
    convert = choice(known)

    def write(first: Parameter, *more: Parameter) -> None:
        wanted = {convert(parameter) for parameter in (first, *more)}
        if "NONE" in wanted and len(wanted) > 1:
            raise Refused(-221, "Settings conflict")
        setattr(own(), name, tuple(event for event in known.values() if event in wanted))

    return Command(header, lambda: ",".join(getattr(own(), name)), write)
