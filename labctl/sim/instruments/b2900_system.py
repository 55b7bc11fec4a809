"""Commands of a Keysight B2900 around the measurement: ``:SYSTem``, ``:DISPlay``, digital lines.

Source: *B2900 SCPI Command Reference* (B2910-90030), chapter 4. What has no effect on a bench
without a front panel is kept as a setting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from labctl.sim.instruments.b2900_table import numbers_of
from labctl.sim.scpi import Command, Parameter, boolean, choice, numeric, text, whole
from labctl.sim.status import Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.b2900 import B2900

EPOCH = datetime(2026, 1, 1)
"""Calendar time at bench time zero, until the clock of the box is set."""
_frequency, _seconds = numeric(55.0, 6640.0, 100.0, "HZ"), numeric(0.05, 12.75, 0.1, "S")
_part, _year = whole(0, 59), whole(2000, 2099)
_LAST = 200e9  # s; what comes later shows the same date
_PINS = 14


def system_commands(box: B2900) -> Iterator[Command]:
    """Yield the ``:SYSTem`` and ``:DISPlay`` subsystems and the digital lines."""
    store = box.panel

    def now() -> datetime:
        return EPOCH + timedelta(seconds=min(box.clock.now() + box.ahead, _LAST))

    def move_to(moment: datetime) -> None:
        box.ahead = (moment - EPOCH).total_seconds() - box.clock.now()

    def date() -> str:
        return f"{now():%Y,%-m,%-d}"

    def set_date(year: Parameter, month: Parameter, day: Parameter) -> None:
        try:
            move_to(now().replace(year=_year(year), month=_part(month), day=_part(day)))
        except ValueError:
            raise Refused(-222, "Data out of range") from None

    def time() -> str:
        return f"{now():%-H,%-M,%-S}"

    def set_time(hour: Parameter, minute: Parameter, second: Parameter) -> None:
        try:
            move_to(now().replace(hour=_part(hour), minute=_part(minute), second=_part(second)))
        except ValueError:
            raise Refused(-222, "Data out of range") from None

    def beep(frequency: Parameter | None = None, seconds: Parameter | None = None) -> None:
        if frequency is not None:
            _frequency(frequency)
        if seconds is not None:
            _seconds(seconds)

    def set_line(value: Parameter) -> None:
        hertz = whole(50, 60)(value)
        if hertz not in (50, 60):
            raise Refused(-224, "Illegal parameter value")
        for channel in box.channels.values():
            channel.line_frequency = channel.smu.line_frequency = float(hertz)

    def line() -> str:
        return f"{next(iter(box.channels.values())).line_frequency:.0f}"

    def flag(header: str, default: bool) -> Command:
        store.setdefault(header, default)
        return Command(
            header,
            lambda: str(int(store[header])),
            lambda value: store.__setitem__(header, boolean(value)),
        )

    def word(header: str, values: dict[str, str], default: str) -> Command:
        store.setdefault(header, default)
        convert = choice(values)
        return Command(
            header,
            lambda: str(store[header]),
            lambda value: store.__setitem__(header, convert(value)),
        )

    def reset_timer() -> None:
        box.triggers.zero = box.clock.now()

    def group(channels: Parameter) -> None:
        store["group"] = numbers_of(box, channels)

    yield Command(":SYSTem:BEEPer[:IMMediate]", event=beep)
    yield flag(":SYSTem:BEEPer:STATe", False)
    yield Command(":SYSTem:DATE", date, set_date)
    yield Command(":SYSTem:TIME", time, set_time)
    yield Command(":SYSTem:LFRequency", line, set_line)
    yield Command(":SYSTem:INTerlock:TRIPped", query=lambda: str(int(box.interlock_open)))
    yield Command(":SYSTem:PRESet", event=box.reset)
    yield Command(":SYSTem:CLEar", event=box.status.errors.clear)
    yield flag(":SYSTem:FAN:MODE:QUIet", False)
    yield flag(":SYSTem:LOCK:STATe", False)
    yield Command(":SYSTem:GROup[:DEFine]", event=group)
    yield Command(":SYSTem:GROup:RESet", event=lambda: store.pop("group", None) and None)
    yield Command(
        ":SYSTem:TIME:TIMer:COUNt",
        query=lambda: f"{box.clock.now() - box.triggers.zero:+.6E}",
    )
    yield Command(":SYSTem:TIME:TIMer:COUNt:RESet[:IMMediate]", event=reset_timer)
    yield flag(":SYSTem:TIME:TIMer:COUNt:RESet:AUTO", True)
    yield word(":SYSTem:PON", {"RST": "RST", "RCL0": "RCL0", "RCL1": "RCL1"}, "RST")
    yield flag(":DISPlay:ENABle", True)
    yield word(
        ":DISPlay:VIEW",
        {
            "SINGle1": "SING1", "SINGle2": "SING2", "DUAL": "DUAL", "GRAPh": "GRAP",
            "ROLL": "ROLL",
        },
        "DUAL" if len(box.channels) > 1 else "SING1",
    )  # fmt: skip
    yield Command(
        ":DISPlay:DIGits",
        lambda: str(store.get("digits", 6)),
        lambda value: store.__setitem__("digits", whole(4, 7)(value)),
    )
    for window in ("", "[:WINDow<n>]"):
        yield from _text(f":DISPlay{window}:TEXT", store, bool(window))
    yield from _pins(store)


def _text(head: str, store: dict[Any, Any], numbered: bool) -> Iterator[Command]:
    def query(suffixes: tuple[int, ...] = (1,)) -> str:
        return f'"{store.get(("text", suffixes), "")}"'

    def write(value: Parameter, suffixes: tuple[int, ...] = (1,)) -> None:
        store[("text", suffixes)] = text(value)

    def on(suffixes: tuple[int, ...] = (1,)) -> str:
        return str(int(store.get(("text on", suffixes), False)))

    def switch(value: Parameter, suffixes: tuple[int, ...] = (1,)) -> None:
        store[("text on", suffixes)] = boolean(value)

    yield Command(f"{head}[:DATA]", query, write)
    yield Command(f"{head}:STATe", on, switch)


def _kept_word(
    store: dict[Any, Any], header: str, convert: Callable[[Parameter], Any], default: Any
) -> Command:
    """Return the entry of a setting that is kept by suffix and has no effect."""

    def query(suffixes: tuple[int, ...]) -> str:
        value = store.get((header, suffixes), default)
        if isinstance(value, bool):
            return str(int(value))
        return value if isinstance(value, str) else f"{value:+.8E}"

    def write(value: Parameter, suffixes: tuple[int, ...]) -> None:
        store[(header, suffixes)] = convert(value)

    return Command(header, query, write)


def _pins(store: dict[Any, Any]) -> Iterator[Command]:
    """Yield the digital lines: settings, and a port that reads what was written."""
    functions = choice(
        {
            "DIO": "DIO", "DINPut": "DINP", "TINPut": "TINP", "TOUTput": "TOUT",
            "HVOLtage": "HVOL",
        }
    )  # fmt: skip
    port: dict[str, int] = {"data": 0}

    def pin(suffixes: tuple[int, ...]) -> int:
        if not 1 <= suffixes[-1] <= _PINS:
            raise Refused(-114, "Header suffix out of range")
        return suffixes[-1]

    def query(suffixes: tuple[int, ...]) -> str:
        return str(store.get(("pin", pin(suffixes)), "DINP"))

    def write(value: Parameter, suffixes: tuple[int, ...]) -> None:
        store[("pin", pin(suffixes))] = functions(value)

    yield Command("[:SOURce]:DIGital:EXTernal<n>[:FUNCtion]", query, write)
    edges = {"BEFore": "BEF", "AFTer": "AFT", "BOTH": "BOTH"}
    pin_words = (
        (":POLarity", {"NEGative": "NEG", "POSitive": "POS"}, "NEG"),
        (":TOUTput[:EDGE]:POSition", edges, "BEF"),
        (":TOUTput:TYPE", {"EDGE": "EDGE", "LEVel": "LEV"}, "EDGE"),
    )
    for node, values, default in pin_words:
        yield _kept_word(store, f"[:SOURce]:DIGital:EXTernal<n>{node}", choice(values), default)
    yield _kept_word(
        store,
        "[:SOURce]:DIGital:EXTernal<n>:TOUTput[:EDGE]:WIDTh",
        numeric(1e-5, 1e-2, 1e-4, "S"),
        1e-4,
    )
    lines = choice({name: name for k in range(1, 15) for name in (f"EXT{k}", f"INT{k}", "LAN")})
    for head in ("[:SOURce<n>]:TOUTput", ":SENSe<n>:TOUTput"):
        yield _kept_word(store, f"{head}[:STATe]", boolean, False)
        yield _kept_word(store, f"{head}:SIGNal", lines, "EXT1")
    yield Command(
        "[:SOURce]:DIGital:DATA",
        lambda: str(port["data"]),
        lambda value: port.__setitem__("data", whole(0, 16383)(value)),
    )
