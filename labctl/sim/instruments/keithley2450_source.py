"""Commands of a Keithley 2450 that set its source: ``:SOURce``, ``:OUTPut``, sweeps, lists.

Source: *Model 2450 Reference Manual* (2450-901-01), section 6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from labctl.sim.instruments import keithley2450_templates as templates
from labctl.sim.instruments.keithley2450_lists import ConfigLists, linear, logarithmic, stepped
from labctl.sim.instruments.keithley2450_settings import (
    GUARD_OFF,
    HIGH_Z_OFF,
    MAX_CURRENT,
    MAX_VOLTAGE,
    NORMAL_OFF,
    PROTECTION,
    USER_DELAYS,
    ZERO_OFF,
)
from labctl.sim.instruments.keithley2450_table import given_text, number, option, shown, switch
from labctl.sim.instruments.smu import CURRENT, VOLTAGE
from labctl.sim.scpi import Command, Parameter, boolean, choice, numeric, text, whole
from labctl.sim.status import Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2450_scpi import Keithley2450Scpi

FUNCTIONS = {"VOLTage": VOLTAGE, "CURRent": CURRENT}
OFF_STATES = {
    "NORMal": NORMAL_OFF, "HIMPedance": HIGH_Z_OFF, "ZERO": ZERO_OFF, "GUARd": GUARD_OFF,
}  # fmt: skip
_PROTECTION = {f"PROT{level:g}": level for level in PROTECTION} | {"NONE": float("inf")}
_INDEX = whole(1, 1_000_000)
MOST_LIST, MOST_AT_ONCE = 2500, 100


def source_commands(box: Keithley2450Scpi) -> Iterator[Command]:
    """Yield the ``:SOURce[1]`` and ``:OUTPut[1]`` subsystems."""
    smu = box.smu
    yield option(":SOURce[1]:FUNCtion[:MODE]", FUNCTIONS, lambda: smu.function, smu.set_function)
    for name, function in FUNCTIONS.items():
        yield from _one_function(box, f":SOURce[1]:{name}", function)
        yield from _sweeps(box, name, function)
        yield option(
            f":OUTPut[1]:{name}:SMODe",
            OFF_STATES,
            partial(_setting, box, function, "off_state"),
            partial(smu.set_off_state, function),
        )

    def set_all_off_states(value: Parameter) -> None:
        state = choice(OFF_STATES)(value)
        for function in FUNCTIONS.values():
            smu.set_off_state(function, state)

    yield Command(
        ":OUTPut[1]:SMODe",
        lambda: next(
            name[:4].upper() if name != "ZERO" else name
            for name, state in OFF_STATES.items()
            if state == smu.sources[smu.function].off_state
        ),
        set_all_off_states,
    )
    yield switch(":OUTPut[1][:STATe]", lambda: smu.output, smu.set_output)
    yield Command(":OUTPut[1]:INTerlock:TRIPped", query=lambda: str(int(smu.interlock)))
    yield switch(
        ":OUTPut[1]:INTerlock:STATe",
        lambda: smu.interlock_needed,
        lambda on: setattr(smu, "interlock_needed", on),
    )
    yield from list_commands(":SOURce[1]:CONFiguration:LIST", box.sources)


def _setting(box: Keithley2450Scpi, function: int, key: str) -> int:
    return int(getattr(box.smu.sources[function], key))


def _one_function(box: Keithley2450Scpi, head: str, function: int) -> Iterator[Command]:
    smu = box.smu
    most, unit = ((MAX_CURRENT, "A"), (MAX_VOLTAGE, "V"))[function]
    least_limit, most_limit, limit_unit, limit = (
        (0.02, MAX_VOLTAGE, "V", "VLIMit"),
        (1e-9, MAX_CURRENT, "A", "ILIMit"),
    )[function]
    default_limit = (21.0, 1.05e-4)[function]

    def set_delay(seconds: float) -> None:
        smu.sources[function].delay = seconds
        smu.sources[function].auto_delay = False

    def flag(key: str) -> tuple[Callable[[], bool], Callable[[bool], None]]:
        return (
            lambda: bool(getattr(smu.sources[function], key)),
            lambda on: setattr(smu.sources[function], key, on),
        )

    yield number(
        f"{head}[:LEVel][:IMMediate][:AMPLitude]",
        lambda: smu.levels[function],
        partial(smu.set_level, function),
        -most,
        most,
        0.0,
        unit,
    )
    yield number(
        f"{head}:RANGe",
        lambda: smu.source_range(function),
        partial(smu.set_source_range, function),
        -most,
        most,
        (1e-8, 0.02)[function],
        unit,
    )
    yield switch(
        f"{head}:RANGe:AUTO",
        lambda: smu.source_auto[function],
        partial(smu.set_source_auto, function),
    )
    yield number(
        f"{head}:{limit}[:LEVel]",
        lambda: smu.limits[function],
        partial(smu.set_limit, function),
        least_limit,
        most_limit,
        default_limit,
        limit_unit,
    )
    yield Command(f"{head}:{limit}[:LEVel]:TRIPped", query=lambda: str(int(smu.tripped(function))))
    yield number(f"{head}:DELay", lambda: smu.delay(function), set_delay, 0.0, 1e4, 0.0, "S")
    yield switch(f"{head}:DELay:AUTO", *flag("auto_delay"))
    yield switch(f"{head}:READ:BACK", *flag("readback"))
    yield switch(f"{head}:HIGH:CAPacitance", *flag("high_c"))
    yield option(
        f"{head}:PROTection[:LEVel]",
        _PROTECTION,
        lambda: smu.sources[function].protection,
        partial(smu.set_protection, function),
    )
    yield Command(
        f"{head}:PROTection[:LEVel]:TRIPped",
        query=lambda: str(int(smu.protection_tripped(function))),
    )
    yield from user_delays(f"{head}:DELay", lambda: smu.sources[function].user_delays)


def user_delays(head: str, delays: Callable[[], list[float]]) -> Iterator[Command]:
    """Yield ``:USER1`` to ``:USER5`` under a delay."""

    def one(k: int) -> Command:
        def put(seconds: float) -> None:
            delays()[k] = seconds

        return number(f"{head}:USER{k + 1}", lambda: delays()[k], put, 0.0, 1e4, 0.0, "S")

    return (one(k) for k in range(USER_DELAYS))


def _sweeps(box: Keithley2450Scpi, name: str, function: int) -> Iterator[Command]:
    most = (MAX_CURRENT, MAX_VOLTAGE)[function]
    level = numeric(-most, most, unit="AV"[function])
    step = numeric(0.0, 2 * most, unit="AV"[function])
    points = whole(2, 1_000_000)
    delay = numeric(0.0, 1e4, unit="S")
    again = whole(0, templates.MOST_COUNT)
    ranging = choice({"AUTO": "AUTO", "BEST": "BEST", "FIXed": "FIXED"})
    lists: list[float] = box.lists.setdefault(function, [])

    def options(*given: Parameter) -> templates.Sweep:
        """Read delay, count, range type, fail abort, dual and buffer, all of them optional."""
        late, times, kind, abort, dual, buffer = (*given, *[None] * 6)[:6]
        automatic = late is None or (late.kind == "number" and late.value == -1.0)
        return templates.Sweep(
            delay=templates.AUTO_DELAY if automatic or late is None else delay(late),
            count=1 if times is None else again(times),
            ranging="BEST" if kind is None else ranging(kind),
            abort=True if abort is None else boolean(abort),
            dual=False if dual is None else boolean(dual),
            buffer=given_text(buffer, templates.Sweep.buffer),
        )

    def load(levels: list[float], *given: Parameter) -> None:
        if len(given) > 6:
            raise Refused(-108, "Parameter not allowed")
        templates.load_sweep(box.model_, function, levels, options(*given))

    def by_points(start: Parameter, stop: Parameter, n: Parameter, *more: Parameter) -> None:
        load(linear(level(start), level(stop), points(n)), *more)

    def by_step(start: Parameter, stop: Parameter, size: Parameter, *more: Parameter) -> None:
        load(stepped(level(start), level(stop), step(size)), *more)

    def by_ratio(start: Parameter, stop: Parameter, n: Parameter, *more: Parameter) -> None:
        asymptote = level(more[6]) if len(more) == 7 else 0.0
        load(logarithmic(level(start), level(stop), points(n), asymptote), *more[:6])

    def by_list(
        first: Parameter | None = None,
        late: Parameter | None = None,
        times: Parameter | None = None,
        abort: Parameter | None = None,
        buffer: Parameter | None = None,
    ) -> None:
        begin = 1 if first is None else _INDEX(first)
        if not begin <= len(lists):
            raise Refused(-222, "Parameter data out of range")
        automatic = late is None or late.value == -1.0
        sweep = templates.Sweep(
            delay=templates.AUTO_DELAY if automatic or late is None else delay(late),
            count=1 if times is None else again(times),
            abort=True if abort is None else boolean(abort),
            buffer=given_text(buffer, templates.Sweep.buffer),
        )
        templates.load_sweep(box.model_, function, lists[begin - 1 :], sweep)

    def set_list(*values: Parameter) -> None:
        lists.clear()
        append(*values)

    def append(*values: Parameter) -> None:
        if not values:
            raise Refused(-109, "Missing parameter")
        if len(values) > MOST_AT_ONCE or len(lists) + len(values) > MOST_LIST:
            raise Refused(-223, "Too much data")
        lists.extend([level(value) for value in values])

    head = f":SOURce[1]:SWEep:{name}"
    yield Command(f"{head}:LINear", event=by_points)
    yield Command(f"{head}:LINear:STEP", event=by_step)
    yield Command(f"{head}:LOG", event=by_ratio)
    yield Command(f"{head}:LIST", event=by_list)
    head = f":SOURce[1]:LIST:{name}"
    yield Command(head, lambda: ",".join(shown(value) for value in lists) or "0", set_list)
    yield Command(f"{head}:APPend", event=append)
    yield Command(f"{head}:POINts", query=lambda: str(len(lists)))


def list_commands(head: str, lists: ConfigLists) -> Iterator[Command]:
    """Yield what manages configuration lists."""

    def place(index: Parameter | None) -> int | None:
        return None if index is None else _INDEX(index)

    def delete(name: Parameter, index: Parameter | None = None) -> None:
        lists.delete(text(name), place(index))

    def store(name: Parameter, index: Parameter | None = None) -> None:
        lists.store(text(name), place(index))

    def recall(name: Parameter, index: Parameter | None = None) -> None:
        lists.recall(text(name), place(index) or 1)

    yield Command(f"{head}:CREate", event=lambda name: lists.create(text(name)))
    yield Command(f"{head}:DELete", event=delete)
    yield Command(f"{head}:STORe", event=store)
    yield Command(f"{head}:RECall", event=recall)
    yield Command(f"{head}:SIZE", query=lambda name: str(lists.size(text(name))))
    yield Command(f"{head}:CATalog", query=lambda: ",".join(f'"{n}"' for n in lists.named) or '""')
