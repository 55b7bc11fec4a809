"""Commands of a Keithley 2450 that take and return readings: ``:READ?``, ``:TRACe``, ``:FORMat``.

Source: *Model 2450 Reference Manual* (2450-901-01), section 6.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from labctl.sim.instruments.keithley2450_buffers import (
    DEFAULT_BUFFERS,
    ELEMENTS,
    LEAST_SIZE,
    MOST_SIZE,
    NO_READING,
    NUMBERS,
    STYLES,
    Buffer,
    Reading,
    written,
)
from labctl.sim.instruments.keithley2450_sense import FUNCTIONS
from labctl.sim.instruments.keithley2450_table import count, given_text, names, option
from labctl.sim.scpi import Command, Parameter, choice, text, whole
from labctl.sim.status import Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2450_scpi import Keithley2450Scpi

_ELEMENT = names(ELEMENTS)
_BINARY_ONLY = (1133, "Parameter 4, Syntax error, expected valid name parameters")
_MOST_ELEMENTS = 14
_STYLE = {
    "STANdard": "STANDARD", "COMPact": "COMPACT", "FULL": "FULL", "WRITable": "WRITABLE",
    "FULLWRITable": "FULLWRITABLE",
}  # fmt: skip
assert set(_STYLE.values()) == set(STYLES)
_size = whole(LEAST_SIZE, MOST_SIZE, 100_000)
_index = whole(1, MOST_SIZE)
FORMATS = {"ASCii": "ASC", "REAL": "REAL", "SREal": "SRE"}


def reading_commands(box: Keithley2450Scpi) -> Iterator[Command]:
    """Yield what takes readings and what returns them."""

    def measure(
        function: int | None, name: Parameter | None = None, *elements: Parameter
    ) -> str | bytes:
        buffer = box.buffers.find(given_text(name, box.active))
        wanted = _elements(box, elements)
        if function is not None:
            box.smu.set_sense(function)
        take(box, buffer)
        return rows(box, buffer, [_last(buffer)], wanted)

    def read(name: Parameter | None = None, *elements: Parameter) -> str | bytes:
        return measure(None, name, *elements)

    def fetch(name: Parameter | None = None, *elements: Parameter) -> str | bytes:
        buffer = box.buffers.find(given_text(name, box.active))
        return rows(box, buffer, [_last(buffer)], _elements(box, elements))

    yield Command(":READ", query=read)
    yield Command(":MEASure", query=read)
    for head, function in FUNCTIONS.items():
        yield Command(f":MEASure:{head}", query=partial(measure, function))
    yield Command(":FETCh", query=fetch)
    yield from _trace(box)
    yield from _statistics(box)
    yield option(
        ":FORMat[:DATA]", FORMATS, lambda: box.format, lambda value: setattr(box, "format", value)
    )
    yield option(
        ":FORMat:BORDer",
        {"NORMal": ">", "SWAPped": "<"},
        lambda: box.order,
        lambda value: setattr(box, "order", value),
    )
    yield count(
        ":FORMat:ASCii:PRECision",
        lambda: box.precision,
        lambda value: setattr(box, "precision", value),
        0,
        16,
        0,
    )


def take(box: Keithley2450Scpi, buffer: Buffer) -> None:
    """Take as many readings as ``:SENSe:COUNt`` says."""
    if box.model_.active:
        raise Refused(-221, "Settings conflict")
    if buffer.style.endswith("WRITABLE"):
        raise Refused(-221, "Settings conflict")
    for k in range(box.smu.count):
        if not buffer.put(box.smu.read(first=k == 0)):
            raise Refused(4915, "Attempting to store past capacity of reading buffer")


def _last(buffer: Buffer) -> Reading:
    if not buffer.readings:
        raise Refused(*NO_READING)
    return buffer.readings[-1]


def _elements(box: Keithley2450Scpi, given: tuple[Parameter, ...]) -> list[str]:
    """Return the short names of the elements asked for."""
    if len(given) > _MOST_ELEMENTS:
        raise Refused(-108, "Parameter not allowed")
    wanted = []
    for parameter in given:
        if parameter.kind != "word":
            raise Refused(-104, "Data type error")
        if parameter.value not in _ELEMENT:
            raise Refused(-224, "Illegal parameter value")
        wanted.append(_ELEMENT[str(parameter.value)])
    if box.format != "ASC" and any(name not in NUMBERS for name in wanted):
        raise Refused(*_BINARY_ONLY)
    return wanted or ["READ"]


def rows(
    box: Keithley2450Scpi, buffer: Buffer, readings: Iterable[Reading], wanted: list[str]
) -> str | bytes:
    """Return elements of readings in the data format that is set."""
    if box.format == "ASC":
        element, digits = box.buffers.element, box.precision
        return ",".join(
            element(name, buffer, reading, digits) for reading in readings for name in wanted
        )
    values = [NUMBERS[name](buffer, reading) for reading in readings for name in wanted]
    kind = "d" if box.format == "REAL" else "f"
    return b"#0" + struct.pack(f"{box.order}{len(values)}{kind}", *values)


def _trace(box: Keithley2450Scpi) -> Iterator[Command]:
    buffers = box.buffers

    def of(name: Parameter | None) -> Buffer:
        return buffers.find(given_text(name, DEFAULT_BUFFERS[0]))

    def make(name: Parameter, size: Parameter, style: Parameter | None = None) -> None:
        kind = "STANDARD" if style is None else choice(_STYLE)(style)
        buffers.make(text(name), _size(size), kind)
        box.active = text(name)

    def delete(name: Parameter) -> None:
        buffers.delete(text(name))
        if box.active == text(name):
            box.active = DEFAULT_BUFFERS[0]

    def data(
        first: Parameter, last: Parameter, name: Parameter | None = None, *elements: Parameter
    ) -> str | bytes:
        buffer = of(name)
        wanted = _elements(box, elements)
        return rows(box, buffer, buffer.rows(_index(first), _index(last)), wanted)

    def trigger(name: Parameter | None = None) -> None:
        take(box, of(name))

    def end(name: Parameter | None = None) -> str:
        buffer = of(name)
        return str(buffer.start + len(buffer.readings) - 1 if buffer.readings else 0)

    def begin(name: Parameter | None = None) -> str:
        buffer = of(name)
        return str(buffer.start if buffer.readings else 0)

    def actual(name: Parameter | None = None) -> str:
        return str(len(of(name).readings))

    def clear(name: Parameter | None = None) -> None:
        of(name).clear()

    def size(name: Parameter | None = None) -> str:
        if name is not None and name.is_default:
            return str(_size(name))
        return str(of(name).size)

    def resize(value: Parameter, name: Parameter | None = None) -> None:
        of(name).resize(_size(value))

    def filling(name: Parameter | None = None) -> str:
        return "CONT" if of(name).continuous else "ONCE"

    def fill(mode: Parameter, name: Parameter | None = None) -> None:
        of(name).continuous = choice({"CONTinuous": True, "ONCE": False})(mode)

    yield Command(":TRACe:MAKE", event=make)
    yield Command(":TRACe:DELete", event=delete)
    yield Command(":TRACe:DATA", query=data)
    yield Command(":TRACe:TRIGger", event=trigger)
    yield Command(":TRACe:ACTual", query=actual)
    yield Command(":TRACe:ACTual:STARt", query=begin)
    yield Command(":TRACe:ACTual:END", query=end)
    yield Command(":TRACe:CLEar", event=clear)
    yield Command(":TRACe:POINts", size, resize)
    yield Command(":TRACe:FILL:MODE", filling, fill)
    yield Command(":TRACe:LOG:STATe", lambda name=None: "1", lambda state, name=None: None)


def _statistics(box: Keithley2450Scpi) -> Iterator[Command]:
    def of(name: Parameter | None) -> Buffer:
        return box.buffers.find(given_text(name, DEFAULT_BUFFERS[0]))

    def entry(node: str, key: str) -> Command:
        def query(name: Parameter | None = None) -> str:
            buffer = of(name)
            if not buffer.count:
                raise Refused(*NO_READING)
            return written(float(getattr(buffer, key)), box.precision)

        return Command(f":TRACe:STATistics:{node}", query=query)

    def clear(name: Parameter | None = None) -> None:
        of(name).clear_statistics()

    for node, key in (
        ("AVERage", "mean"),
        ("MAXimum", "most"),
        ("MINimum", "least"),
        ("STDDev", "deviation"),
        ("PK2Pk", "spread"),
    ):
        yield entry(node, key)
    yield Command(":TRACe:STATistics:CLEar", event=clear)
