"""Reading buffers in the TSP of a Keithley 2450.

Source: *Model 2450 Reference Manual* (2450-901-01), TSP command reference: ``buffer.*``,
``bufferVar.*``.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import TYPE_CHECKING, Any

from labctl.sim.instruments.keithley2450_attributes import within
from labctl.sim.instruments.keithley2450_buffers import MOST_SIZE, Buffer
from labctl.sim.instruments.keithley2450_enums import chosen
from labctl.sim.instruments.keithley2450_reading import Reading
from labctl.sim.status import Refused
from labctl.sim.tsp.host import ScriptError
from labctl.sim.tsp.values import text

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2450_tsp import Keithley2450Tsp

Function = Callable[..., Any]
_FILLS = ("FILL_ONCE", "FILL_CONTINUOUS")
_STYLES = ("STYLE_STANDARD", "STYLE_COMPACT", "STYLE_FULL", "STYLE_WRITABLE", "STYLE_WRITABLE_FULL")
_STYLE_NAMES = ("STANDARD", "COMPACT", "FULL", "WRITABLE", "FULLWRITABLE")
MOST_BUFFERS = 200
COLUMNS: dict[str, str | Callable[[Keithley2450Tsp, Buffer, Reading], Any]] = {
    "readings": lambda box, buffer, reading: reading.value,
    "sourcevalues": lambda box, buffer, reading: reading.source,
    "relativetimestamps": lambda box, buffer, reading: reading.time - buffer.first_time,
    "timestamps": "TST",
    "seconds": lambda box, buffer, reading: box.moment(reading.time)[0],
    "fractionalseconds": lambda box, buffer, reading: box.moment(reading.time)[1],
    "statuses": lambda box, buffer, reading: reading.status,
    "sourcestatuses": lambda box, buffer, reading: reading.source_status,
    "formattedreadings": "FORM",
    "sourceformattedvalues": "SOURFORM",
    "units": "UNIT",
    "sourceunits": "SOURUNIT",
    "dates": "DATE",
    "times": "TIME",
    "extravalues": lambda box, buffer, reading: 0.0,
}
"""Columns of a buffer: a buffer element, or what to take of a reading."""


class BufferObjects:
    """Functions of ``buffer``, and what buffer variables give."""

    def __init__(self, box: Keithley2450Tsp) -> None:
        self.box = box
        self._made = 0
        self.functions: dict[str, Function] = {
            "buffer.make": self._make,
            "buffer.delete": lambda buffer: box.readings.delete(box.buffer_name(buffer)),
            "buffer.getstats": self._statistics,
            "buffer.clearstats": lambda buffer=None: self._of(buffer).clear_statistics(),
            "buffer.clear": lambda name: box.readings.find(text(name)).clear(),
            "buffer.save": self._no_drive,
            "buffer.saveappend": self._no_drive,
        }

    def _of(self, buffer: Any) -> Buffer:
        return self.box.readings.find(self.box.buffer_name(buffer))

    def _make(self, size: Any, style: Any = None) -> tuple[str, str]:
        wanted = round(within(size, 0, MOST_SIZE)) or MOST_SIZE
        if wanted < 10 or len(self.box.readings.named) >= MOST_BUFFERS:
            raise Refused(-222, "Parameter data out of range")
        kind = 0 if style is None else chosen(style, _STYLES, "buffer")
        self._made += 1
        name = f"made{self._made}"
        self.box.readings.make(name, wanted, _STYLE_NAMES[kind])
        return "\0buffer", name

    def _statistics(self, buffer: Any = None, *times: Any) -> dict[str, Any]:
        found = self._of(buffer)
        if not found.count:
            return {"n": 0}
        return {
            "n": found.count,
            "min": {"reading": found.least},
            "max": {"reading": found.most},
            "mean": found.mean,
            "stddev": found.deviation,
        }

    def _no_drive(self, *given: Any) -> None:
        raise Refused(2203, "Cannot open file")

    # -- buffer variables ----------------------------------------------------------------------

    def item(self, name: str, column: str, index: Any) -> Any:
        """Return one item of a column (index from 1), or None."""
        buffer = self.box.readings.find(name)
        if not isinstance(index, int | float) or not isfinite(index) or index != int(index):
            return None
        place = int(index) - buffer.start
        if not 0 <= place < len(buffer.readings):
            return None
        return self.pick(column)(buffer, buffer.readings[place])

    def pick(self, column: str) -> Callable[[Buffer, Reading], Any]:
        """Return what takes a column's item of a reading."""
        kind, box = COLUMNS[column], self.box
        if isinstance(kind, str):
            return lambda buffer, reading: box.readings.element(kind, buffer, reading, 0)
        return lambda buffer, reading: kind(box, buffer, reading)

    def state(self, name: str, key: Any) -> Any:
        """Return an attribute of a buffer, or None."""
        buffer = self.box.readings.find(name)
        if key == "n":
            return len(buffer.readings)
        if key == "capacity":
            return buffer.size
        if key == "fillmode":
            return f"buffer.{_FILLS[buffer.continuous]}"
        if key == "logstate":
            return "buffer.ON"
        if key == "startindex":
            return buffer.start if buffer.readings else 0
        if key == "endindex":
            return buffer.start + len(buffer.readings) - 1 if buffer.readings else 0
        return None

    def change(self, name: str, key: Any, value: Any) -> None:
        """Set an attribute of a buffer; a run-time error for one that cannot be set."""
        buffer = self.box.readings.find(name)
        if key == "capacity":
            buffer.resize(round(within(value, 10, MOST_SIZE)))
        elif key == "fillmode":
            buffer.continuous = bool(chosen(value, _FILLS, "buffer"))
        elif key != "logstate":
            raise ScriptError(f"cannot set attribute '{key}' of a reading buffer")
