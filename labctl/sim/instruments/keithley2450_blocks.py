"""Commands of a Keithley 2450 that build and run its trigger model: ``:TRIGger``, ``:INITiate``.

Source: *Model 2450 Reference Manual* (2450-901-01), section 6. The first template commands
(``:TRIGger:LOAD:LOOP:SIMPle``) are from memory of early firmware.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from labctl.sim.instruments import keithley2450_templates as templates
from labctl.sim.instruments.keithley2450_block import Block, Timer
from labctl.sim.instruments.keithley2450_buffers import DEFAULT_BUFFERS
from labctl.sim.instruments.keithley2450_settings import USER_DELAYS
from labctl.sim.instruments.keithley2450_table import given_text, number, switch
from labctl.sim.instruments.keithley2450_trigger import (
    COMMAND,
    MOST_BLOCKS,
    MOST_READINGS,
    SOURCE_LIMIT,
)
from labctl.sim.scpi import Command, Parameter, boolean, choice, numeric, spellings, text, whole
from labctl.sim.status import Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2450_scpi import Keithley2450Scpi

_block = whole(1, MOST_BLOCKS)
_count = whole(0, templates.MOST_COUNT)
_readings = whole(1, MOST_READINGS)
_delay = numeric(0.0, templates.MOST_DELAY, 0.0, "S")
_duration = numeric(templates.LEAST_DELAY, 1e5, unit="S")
_any_number = numeric(-1e37, 1e37, unit="")
_line = whole(1, 6)
EVENTS = {
    "NONE": "NONE",
    "DISPlay": "DISPLAY",
    "COMMand": COMMAND,
    "SLIMit": SOURCE_LIMIT,
    **{f"NOTify{k}": f"NOTIFY{k}" for k in range(1, 9)},
    **{f"LAN{k}": f"LAN{k}" for k in range(1, 9)},
    **{f"DIGio{k}": f"DIGIO{k}" for k in range(1, 7)},
    **{f"TSPLink{k}": f"TSPLINK{k}" for k in range(1, 4)},
    **{f"TIMer{k}": f"TIMER{k}" for k in range(1, 5)},
    **{f"BLENder{k}": f"BLENDER{k}" for k in range(1, 3)},
}
_event = choice(EVENTS)
_limit = choice({"ABOVe": "ABOVE", "BELow": "BELOW", "INSide": "INSIDE", "OUTside": "OUTSIDE"})
_log = choice(
    {f"{kind}{k}": kind.upper() for kind in ("INFO", "WARNing", "ERRor") for k in range(1, 5)}
    | {"WARNing_ABORT": "WARN_ABORT"}
)
_USER_DELAY = choice(
    {
        f"{kind}elay{k}": (kind == "SOURceD", k)
        for kind in ("SOURceD", "MEASureD")
        for k in range(1, USER_DELAYS + 1)
    }
)


def trigger_commands(box: Keithley2450Scpi) -> Iterator[Command]:
    """Yield the ``:TRIGger`` subsystem, ``:INITiate`` and ``:ABORt``."""
    model = box.model_
    yield Command(":INITiate[:IMMediate]", event=box.initiate)
    yield Command(":ABORt", event=box.stop, urgent=True)
    yield Command(":TRIGger:STATe", query=lambda: f"{model.state};{model.state};{model.place}")
    yield Command(":TRIGger:BLOCk:LIST", query=model.listing)
    yield Command(":TRIGger:PAUSe", event=lambda: None)
    yield Command(":TRIGger:RESume", event=lambda: None)
    yield Command(":TRIGger:CONTinuous", lambda: "OFF", lambda value: None)
    yield from _loading(box)
    yield from _blocks(box)
    for k, timer in enumerate(model.timers, 1):
        yield from _timer(box, f":TRIGger:TIMer{k}", timer)


def _loading(box: Keithley2450Scpi) -> Iterator[Command]:
    model = box.model_

    def loop(
        times: Parameter, delay: Parameter | None = None, name: Parameter | None = None
    ) -> None:
        templates.simple_loop(model, _count(times), _late(delay), _buffer(name))

    def duration(
        time: Parameter, delay: Parameter | None = None, name: Parameter | None = None
    ) -> None:
        templates.duration_loop(model, _duration(time), _late(delay), _buffer(name))

    def lists(
        measure: Parameter,
        source: Parameter,
        delay: Parameter | None = None,
        name: Parameter | None = None,
    ) -> None:
        templates.config_list(model, text(measure), text(source), _late(delay), _buffer(name))

    def event(
        name: Parameter,
        position: Parameter | None = None,
        clear: Parameter | None = None,
        delay: Parameter | None = None,
        buffer: Parameter | None = None,
    ) -> None:
        templates.until_event(model, _event(name), _late(delay), _buffer(buffer))

    def logic(
        line: Parameter,
        out: Parameter,
        times: Parameter,
        clear: Parameter | None = None,
        delay: Parameter | None = None,
        buffer: Parameter | None = None,
    ) -> None:
        _line(out)
        templates.logic_trigger(model, _line(line), _count(times), _late(delay), _buffer(buffer))

    kinds: dict[str, tuple[Callable[..., None], int, int]] = {
        "EMPTY": (model.load, 0, 0),
        "SIMPLELOOP": (loop, 1, 3),
        "DURATIONLOOP": (duration, 1, 3),
        "CONFIGLIST": (lists, 2, 4),
        "LOOPUNTILEVENT": (event, 1, 5),
        "LOGICTRIGGER": (logic, 3, 6),
    }

    def load(kind: Parameter, *values: Parameter) -> None:
        try:
            call, least, most = kinds[text(kind).upper()]
        except KeyError:
            raise Refused(-224, "Illegal parameter value") from None
        if len(values) < least:
            raise Refused(-109, "Missing parameter")
        if len(values) > most:
            raise Refused(-108, "Parameter not allowed")
        call(*values)

    yield Command(":TRIGger:LOAD", event=load)
    yield Command(":TRIGger:LOAD:EMPTy", event=lambda: model.load())
    yield Command(":TRIGger:LOAD:LOOP:SIMPle", event=loop)
    yield Command(":TRIGger:LOAD:LOOP:DURation", event=duration)


def _buffer(name: Parameter | None) -> str:
    return given_text(name, DEFAULT_BUFFERS[0])


def _late(delay: Parameter | None) -> float:
    return 0.0 if delay is None else _delay(delay)


def _blocks(box: Keithley2450Scpi) -> Iterator[Command]:
    model = box.model_

    def block(
        header: str, kind: str, *read: Callable[[Parameter], Any], optional: int = 0
    ) -> Command:
        """Return the entry of a block with such values; the last ``optional`` may be left out."""
        needed = len(read) - optional

        def define(place: Parameter, *values: Parameter) -> None:
            if len(values) < needed:
                raise Refused(-109, "Missing parameter")
            if len(values) > len(read):
                raise Refused(-108, "Parameter not allowed")
            found = [convert(value) for convert, value in zip(read, values, strict=False)]
            model.set_block(_block(place), Block(kind, tuple(found)))

        return Command(f":TRIGger:BLOCk:{header}", event=define)

    def buffered(place: Parameter, *values: Parameter, kind: str) -> None:
        """Define a block whose buffer may be left out."""
        name = text(values[0]) if values else DEFAULT_BUFFERS[0]
        box.buffers.find(name)
        if len(values) > (2 if kind == "MEASURE_DIGITIZE" else 1):
            raise Refused(-108, "Parameter not allowed")
        times = (_readings(values[1]),) if len(values) == 2 else ()
        model.set_block(_block(place), Block(kind, (name, *times)))

    def limits(place: Parameter, kind: Parameter, *values: Parameter) -> None:
        if not 3 <= len(values) <= 4:
            raise Refused(*((-109, "Missing parameter") if len(values) < 3 else _TOO_MANY))
        low, high = sorted((_any_number(values[0]), _any_number(values[1])))
        target = _block(values[2])
        model.set_block(
            _block(place), Block("BRANCH_LIMIT_CONSTANT", (_limit(kind), low, high, target))
        )

    def delta(
        place: Parameter, change: Parameter, target: Parameter, of: Parameter | None = None
    ) -> None:
        values = (_any_number(change), _block(target))
        model.set_block(_block(place), Block("BRANCH_DELTA", values))

    def wait(place: Parameter, *values: Parameter) -> None:
        """Read event[, clear[, logic, event, event]]."""
        if not values:
            raise Refused(-109, "Missing parameter")
        if len(values) > 5:
            raise Refused(*_TOO_MANY)
        events = [_event(value) for k, value in enumerate(values) if k in (0, 3, 4)]
        model.set_block(_block(place), Block("WAIT", tuple(events)))

    def dynamic(place: Parameter, which: Parameter) -> None:
        model.set_block(_block(place), Block("DELAY_DYNAMIC", _USER_DELAY(which)))

    yield block("BRANch:ALWays", "BRANCH_ALWAYS", _block)
    yield block("BRANch:COUNter", "BRANCH_COUNTER", _count, _block)
    yield block("BRANch:COUNter:RESet", "RESET_BRANCH_COUNT", _block)
    yield block("BRANch:EVENt", "BRANCH_ON_EVENT", _event, _block)
    yield block("BRANch:ONCE", "BRANCH_ONCE", _block)
    yield block("BRANch:ONCE:EXCLuded", "BRANCH_ONCE_EXCLUDED", _block)
    yield block("CONFig:NEXT", "CONFIG_NEXT", text)
    yield block("CONFig:PREVious", "CONFIG_PREV", text)
    yield block("CONFig:RECall", "CONFIG_RECALL", text, _block, optional=1)
    yield block("DELay:CONStant", "DELAY_CONSTANT", _delay)
    yield block("LOG:EVENt", "LOG_EVENT", _log, text)
    yield block("NOP", "NOP")
    yield block("NOTify", "NOTIFY", whole(1, 8))
    yield block("SOURce:STATe", "SOURCE_OUTPUT", boolean)
    yield block("DIGital:IO", "DIGITAL_IO", whole(0, 63), whole(0, 63), optional=1)
    yield Command(":TRIGger:BLOCk:DELay:DYNamic", event=dynamic)
    yield Command(":TRIGger:BLOCk:BRANch:LIMit:CONStant", event=limits)
    yield Command(":TRIGger:BLOCk:BRANch:DELTa", event=delta)
    yield Command(":TRIGger:BLOCk:WAIT", event=wait)
    yield Command(":TRIGger:BLOCk:BUFFer:CLEar", event=partial(buffered, kind="BUFFER_CLEAR"))
    for header in ("MEASure", "MDIGitize"):
        yield Command(f":TRIGger:BLOCk:{header}", event=partial(buffered, kind="MEASURE_DIGITIZE"))
    yield Command(
        ":TRIGger:BLOCk:BRANch:COUNter:COUNt", query=lambda place: str(model.count(_block(place)))
    )


_TOO_MANY = (-108, "Parameter not allowed")


def _timer(box: Keithley2450Scpi, head: str, timer: Timer) -> Iterator[Command]:
    def enable(on: bool) -> None:
        timer.enabled, timer.due = on, box.clock.now() + timer.delay

    yield number(
        f"{head}:DELay", lambda: timer.delay, lambda v: setattr(timer, "delay", v), 8e-6, 1e5, 1e-5
    )
    yield number(
        f"{head}:COUNt",
        lambda: timer.count,
        lambda v: setattr(timer, "count", round(v)),
        0,
        1_048_575,
        1,
    )
    yield switch(f"{head}:STATe", lambda: timer.enabled, enable)
    yield Command(f"{head}:CLEar", event=lambda: None)


def event_word(event: str) -> str:
    """Return the short SCPI word of an event."""
    return next(spellings(name)[0] for name, value in EVENTS.items() if value == event)
