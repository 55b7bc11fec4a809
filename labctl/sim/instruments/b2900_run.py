"""Commands of a Keysight B2900 that trigger, measure and return data.

Source: *B2900 SCPI Command Reference* (B2910-90030), chapter 1 ("Data Output Format") and chapter 4
(``:ABORt``, ``:ARM``, ``:FETCh``, ``:FORMat``, ``:IDLE``, ``:INITiate``, ``:MEASure``, ``:READ``,
``:SENSe:DATA``, ``:TRACe``, ``:TRIGger``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from math import inf, nan
from typing import TYPE_CHECKING

from labctl.sim.instruments.b2900_channel import INFINITE
from labctl.sim.instruments.b2900_settings import NAN, Record
from labctl.sim.instruments.b2900_table import kept, numbers_of, option, words
from labctl.sim.instruments.b2900_trigger import ACQUIRE, INFINITE_COUNT, LAYERS, TRANSIENT, Layer
from labctl.sim.scpi import Command, Later, Parameter, choice, whole
from labctl.sim.status import Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.b2900 import B2900

ELEMENTS = ("VOLT", "CURR", "RES", "TIME", "STAT", "SOUR")
"""Elements of a measurement, in the order of every answer."""
_ATTRIBUTES = ("voltage", "current", "resistance", "time", "status", "source")
_WORDS = {
    "VOLTage": "VOLT", "CURRent": "CURR", "RESistance": "RES", "TIME": "TIME", "STATus": "STAT",
    "SOURce": "SOUR",
}  # fmt: skip
_ELEMENT = words(_WORDS)
_GROUPS: tuple[tuple[str, tuple[Layer, ...]], ...] = (
    ("[:ALL]", LAYERS), (":ACQuire", (ACQUIRE,)), (":TRANsient", (TRANSIENT,)),
)  # fmt: skip
_SOURCES = {
    "AINT": "AINT", "BUS": "BUS", "TIMer": "TIM", "INT1": "INT1", "INT2": "INT2", "LAN": "LAN",
    **{f"EXT{k}": f"EXT{k}" for k in range(1, 15)},
}  # fmt: skip
MOST_TIMER = 1e5
_place = whole(0, 1_000_000)


def run_commands(box: B2900) -> Iterator[Command]:
    """Yield what triggers and what returns data."""
    for node, layers in _GROUPS:
        yield from _layers(box, node, layers)
    for stage, head in (("TRIG", ":TRIGger<n>"), ("ARM", ":ARM<n>")):
        for node, layers in _GROUPS:
            yield from _stage(box, stage, f"{head}{node}", layers)
    yield from _measuring(box)
    yield from _formats(box)


def _layers(box: B2900, node: str, layers: tuple[Layer, ...]) -> Iterator[Command]:
    system = box.triggers

    def initiate(channels: Parameter | None = None) -> None:
        box.initiate(numbers_of(box, channels), layers)

    def abort(channels: Parameter | None = None) -> None:
        box.abort_layers(numbers_of(box, channels), layers)

    def idle(channels: Parameter | None = None) -> Later:
        numbers_of(box, channels)
        return Later(lambda: "1")

    yield Command(f":INITiate[:IMMediate]{node}", event=initiate)
    yield Command(f":ABORt{node}", event=abort, urgent=True)
    yield Command(f":IDLE{node}", query=idle)
    for stage in ("TRIGger", "ARM"):

        def trigger(channels: Parameter | None = None) -> None:
            box.catch_up()
            numbers = numbers_of(box, channels)
            events = {"BUS", *(name for name in _SOURCES.values() if name not in ("AINT", "TIM"))}
            if not sum(system.event(name, numbers) for name in events):
                raise Refused(-211, "Trigger ignored")
            system.run()

        yield Command(f":{stage}{node}[:IMMediate]", event=trigger, urgent=True)


def _stage(box: B2900, stage: str, head: str, layers: tuple[Layer, ...]) -> Iterator[Command]:
    """Yield source, count, delay and timer of one stage of one or both layers."""
    interval = box.data.interval
    first = layers[-1]
    convert = choice(_SOURCES)

    def source(suffixes: tuple[int, ...]) -> str:
        return str(box.channel(suffixes[0]).settings[f"{stage} {first} source"])

    def set_source(value: Parameter, suffixes: tuple[int, ...]) -> None:
        chosen, settings = convert(value), box.channel(suffixes[0]).settings
        for layer in layers:
            settings[f"{stage} {layer} source"] = chosen

    yield Command(f"{head}:SOURce[:SIGNal]", source, set_source)
    for node, key, low, high, default, unit, is_whole in (
        ("COUNt", "count", 1, INFINITE_COUNT, 1, "", True),
        ("DELay", "delay", 0.0, 1e5, 0.0, "S", False),
        ("TIMer", "timer", interval, MOST_TIMER, interval, "S", False),
    ):
        yield _number(
            box, f"{head}:{node}", [f"{stage} {layer} {key}" for layer in layers],
            low, high, default, unit, is_whole,
        )  # fmt: skip
    yield option(box, f"{head}:BYPass", {"OFF": "OFF", "ONCE": "ONCE"}, f"{stage} {first} bypass")


def _number(
    box: B2900,
    header: str,
    keys: list[str],
    low: float,
    high: float,
    default: float,
    unit: str,
    is_whole: bool,
) -> Command:
    """Return the entry of a number of one or both layers; INFinity is the largest count."""
    one = kept(box, header, keys[-1], low, high, default, unit, is_whole=is_whole)

    def write(value: Parameter, suffixes: tuple[int, ...]) -> None:
        assert one.write is not None
        if is_whole and value.value in ("INF", "INFINITY"):
            value = Parameter("number", float(INFINITE_COUNT))
        one.write(value, suffixes=suffixes)
        settings = box.channel(suffixes[0]).settings
        for key in keys:
            settings[key] = settings[keys[-1]]

    return Command(header, one.query, write)


# -- measuring and returning -----------------------------------------------------------------


def _measuring(box: B2900) -> Iterator[Command]:
    def wanted(element: str | None) -> list[str]:
        return box.elements if element is None else [element]

    def measure(element: str | None, channels: Parameter | None = None) -> str | bytes:
        numbers = numbers_of(box, channels)
        box.spot(numbers)
        return latest(box, numbers, wanted(element))

    def read(element: str | None, all_: bool, channels: Parameter | None = None) -> Later:
        box.initiate(numbers_of(box, channels), LAYERS)
        return fetch(element, all_, channels)

    def fetch(element: str | None, all_: bool, channels: Parameter | None = None) -> Later:
        numbers = numbers_of(box, channels)
        give = rows if all_ else latest
        return Later(lambda: give(box, numbers, wanted(element)))

    for tail, element in (("", None), *((f":{word}", e) for word, e in _WORDS.items())):
        if element in (None, "VOLT", "CURR", "RES"):
            dc = "[:DC]" if element in ("VOLT", "CURR") else ""
            yield Command(f":MEASure{tail}{dc}", query=partial(measure, element))
        yield Command(f":FETCh:ARRay{tail}", query=partial(fetch, element, True))
        yield Command(f":FETCh[:SCALar]{tail}", query=partial(fetch, element, False))
        yield Command(f":READ:ARRay{tail}", query=partial(read, element, True))
        yield Command(f":READ[:SCALar]{tail}", query=partial(read, element, False))
        yield Command(f":SENSe<n>:DATA{tail}:LATest", query=partial(_latest_of, box, element))
    yield Command(":SENSe<n>:DATA", query=partial(_sensed, box))
    yield Command(":SENSe<n>:DATA:CLEar[:IMMediate]", event=partial(_clear, box))


def _sensed(
    box: B2900,
    offset: Parameter | None = None,
    size: Parameter | None = None,
    *,
    suffixes: tuple[int, ...],
) -> Later:
    channel = box.channel(suffixes[0])

    def answer() -> str | bytes:
        return encoded(box, flat(part(channel.records, offset, size), box.elements))

    return Later(answer)


def part(records: list[Record], offset: Parameter | None, size: Parameter | None) -> list[Record]:
    """Return the records from an offset (a number, CURRent or STARt) on, at most so many."""
    start = 0
    if offset is not None:
        if offset.kind == "number":
            start = _place(offset)
        elif offset.value in ("CURR", "CURRENT"):
            start = max(len(records) - 1, 0)
        elif offset.value not in ("STAR", "START"):
            raise Refused(-224, "Illegal parameter value")
    stop = len(records)
    if size is not None:
        stop = start + _place(size)
    return records[start:stop]


def _latest_of(box: B2900, element: str | None, suffixes: tuple[int, ...]) -> Later:
    box.channel(suffixes[0])
    wanted = box.elements if element is None else [element]
    return Later(lambda: latest(box, [suffixes[0]], wanted))


def _clear(box: B2900, suffixes: tuple[int, ...]) -> None:
    box.channel(suffixes[0]).records.clear()


def flat(records: list[Record], elements: list[str]) -> list[float]:
    """Return the elements of records one after the other; one NaN where there are none."""
    names = [_ATTRIBUTES[ELEMENTS.index(element)] for element in elements]
    return [float(getattr(record, name)) for record in records for name in names] or [NAN]


def rows(box: B2900, numbers: list[int], elements: list[str]) -> str | bytes:
    """Return the records of channels side by side; a channel that has fewer gives NaN."""
    lists = [box.channels[number].records for number in numbers]
    values: list[float] = []
    for k in range(max(len(records) for records in lists)):
        for records in lists:
            if k < len(records):
                values += flat([records[k]], elements)
            else:
                values += [NAN] * len(elements)
    return encoded(box, values or [NAN])


def latest(box: B2900, numbers: list[int], elements: list[str]) -> str | bytes:
    """Return the last record of each channel."""
    values: list[float] = []
    for number in numbers:
        records = box.channels[number].records
        values += flat(records[-1:], elements) if records else [NAN] * len(elements)
    return encoded(box, values)


def encoded(box: B2900, values: list[float]) -> str | bytes:
    """Return numbers in the data format that is set; a block is of definite length."""
    if box.format == "ASC":
        return ",".join(f"{value:+.6E}" for value in values)
    kind = "f" if box.format == "REAL,32" else "d"
    data = struct.pack(
        f"{box.order}{len(values)}{kind}",
        *(nan if v == NAN else inf if v == INFINITE else -inf if v == -INFINITE else v
          for v in values),
    )  # fmt: skip
    size = str(len(data))
    return f"#{len(size)}{size}".encode() + data


def _formats(box: B2900) -> Iterator[Command]:
    kinds = {"ASC": "ASC", "ASCII": "ASC", "REAL32": "REAL,32", "REAL64": "REAL,64"}

    def set_format(kind: Parameter, length: Parameter | None = None) -> None:
        if kind.value == "REAL":
            size = 64.0 if length is None else length.value
            chosen = {32.0: "REAL,32", 64.0: "REAL,64"}.get(size)  # type: ignore[arg-type]
        else:
            chosen = kinds.get(str(kind.value))
        if chosen is None or kind.kind != "word":
            raise Refused(-224, "Illegal parameter value")
        box.format = chosen

    def set_order(value: Parameter) -> None:
        box.order = choice({"NORMal": ">", "SWAPped": "<"})(value)

    def set_elements(*values: Parameter) -> None:
        found = set()
        for value in values:
            if value.kind != "word" or value.value not in _ELEMENT:
                raise Refused(-224, "Illegal parameter value")
            found.add(_ELEMENT[str(value.value)])
        if not found:
            raise Refused(-109, "Missing parameter")
        box.elements = [name for name in ELEMENTS if name in found]

    def set_calculated(*values: Parameter) -> None:
        convert = choice({"CALC": "CALC", "TIME": "TIME", "STATus": "STAT"})
        found = {convert(value) for value in values}
        box.calculated = [name for name in ("CALC", "TIME", "STAT") if name in found]

    yield Command(":FORMat[:DATA]", lambda: box.format, set_format)
    yield Command(":FORMat:BORDer", lambda: "NORM" if box.order == ">" else "SWAP", set_order)
    yield Command(":FORMat:ELEMents:SENSe", lambda: ",".join(box.elements), set_elements)
    yield Command(":FORMat:ELEMents:CALCulate", lambda: ",".join(box.calculated), set_calculated)
    yield Command(
        ":FORMat:DIGital", lambda: box.forms["digital"], partial(_set_form, box, "digital")
    )
    yield Command(
        ":FORMat:SREGister", lambda: box.forms["register"], partial(_set_form, box, "register")
    )


def _set_form(box: B2900, key: str, value: Parameter) -> None:
    box.forms[key] = choice(
        {"ASCii": "ASC", "BINary": "BIN", "OCTal": "OCT", "HEXadecimal": "HEX"}
    )(value)
