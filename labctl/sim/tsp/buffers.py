"""Reading buffers of a TSP instrument (``smua.nvbuffer1`` and those of ``makebuffer``).

Source: *Series 2600B Reference Manual* (2600BS-901-01), "Reading buffers" and ``bufferVar.*``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log2, sqrt
from typing import Any, NamedTuple

from labctl.sim.status import Refused
from labctl.sim.tsp.host import ScriptError
from labctl.sim.tsp.values import OUT_OF_MEMORY, flag, text, within

MOST_BUFFERS = 64
DEDICATED = 60_000
"""Readings of a dedicated buffer (data sheet, with timestamps and source values)."""
MOST_READINGS = 200_000
"""Readings of all buffers together that scripts make."""
BEYOND = (5038, "Index exceeds maximum reading")
NOT_CLEARED = (5032, "Cannot change this setting unless buffer is cleared")
TOO_FINE = (5047, "Minimum timestamp resolution is 1us")
_FLAGS = ("appendmode", "cachemode", "collectsourcevalues", "collecttimestamps", "fillmode")
_FIXED_WHEN_FILLED = ("collectsourcevalues", "collecttimestamps", "timestampresolution")


class Entry(NamedTuple):
    """One reading with all that a buffer can tell of it, SI units, time in bench seconds."""

    reading: float
    source: float
    time: float
    status: int
    measure_range: float
    source_range: float
    function: str
    source_function: str
    output: bool


UNITS = {"Voltage": "V", "Current": "A", "Ohms": "Ohm", "Watts": "W"}
_COLUMNS = {
    "readings": lambda buffer, entry: entry.reading,
    "sourcevalues": lambda buffer, entry: entry.source,
    "timestamps": lambda buffer, entry: buffer.stamp(entry),
    "statuses": lambda buffer, entry: entry.status,
    "measureranges": lambda buffer, entry: entry.measure_range,
    "sourceranges": lambda buffer, entry: entry.source_range,
    "measurefunctions": lambda buffer, entry: entry.function,
    "sourcefunctions": lambda buffer, entry: entry.source_function,
    "sourceoutputstates": lambda buffer, entry: "On" if entry.output else "Off",
    "units": lambda buffer, entry: UNITS[entry.function],
}


def _defaults() -> dict[str, float]:
    return {**dict.fromkeys(_FLAGS, 0), "fillcount": 1, "timestampresolution": 1e-6}


@dataclass
class ReadingBuffer:
    """Readings in the order they were taken, and the settings of the buffer."""

    capacity: int
    entries: list[Entry] = field(default_factory=list)
    settings: dict[str, float] = field(default_factory=_defaults)
    began: float = 0.0
    """Bench time of the first reading ever stored since the buffer was cleared."""

    def begin(self) -> None:
        """Start a measurement into this buffer: empties it unless it appends."""
        if not self.settings["appendmode"]:
            self.entries.clear()

    def put(self, entry: Entry) -> None:
        """Store a reading; -225 where the buffer is full and not circular."""
        entries = self.entries
        if not entries:
            self.began = entry.time
        if len(entries) >= self.capacity:
            if not self.settings["fillmode"]:
                raise Refused(*OUT_OF_MEMORY)
            del entries[0]
        entries.append(entry)

    def stamp(self, entry: Entry) -> float:
        """Return the time of a reading after the first one, in steps of the resolution, s."""
        step = self.settings["timestampresolution"]
        return round((entry.time - self.began) / step) * step

    def get(self, key: str) -> float | None:
        """Return an attribute of the buffer, or None."""
        if key == "n":
            return len(self.entries)
        if key == "capacity":
            return self.capacity
        if key == "next":
            return len(self.entries) % self.capacity + 1
        if key == "basetimestamp":
            return self.began if self.entries else 0.0
        return self.settings.get(key)

    def set(self, key: str, value: Any) -> None:
        """Set an attribute of the buffer."""
        if key in _FIXED_WHEN_FILLED and self.entries:
            raise Refused(*NOT_CLEARED)
        if key == "timestampresolution":
            wanted = within(value, 0.0, 4294.967295)
            if wanted < 1e-6:
                raise Refused(*TOO_FINE)
            self.settings[key] = 2 ** round(log2(wanted / 1e-6)) * 1e-6
        elif key == "fillcount":
            self.settings[key] = int(within(value, 1, self.capacity))
        else:
            self.settings[key] = flag(value)

    def column(self, name: str, first: int, last: int) -> list[Any]:
        """Return items ``first`` to ``last`` (from 1, inclusive) of one column."""
        if name == "readings":
            return [entry[0] for entry in self.entries[first - 1 : last]]
        pick = _COLUMNS[name]
        return [pick(self, entry) for entry in self.entries[first - 1 : last]]

    def statistics(self) -> dict[str, Any]:
        """Return what ``smuX.buffer.getstats`` tells: n, mean, stddev, min and max."""
        values = [entry.reading for entry in self.entries]
        if not values:
            return {"n": 0}
        mean = sum(values) / len(values)
        spread = sum((value - mean) ** 2 for value in values)
        found: dict[str, Any] = {"n": len(values), "mean": mean}
        found["stddev"] = sqrt(spread / (len(values) - 1)) if len(values) > 1 else 0.0
        for name, pick in (("min", min), ("max", max)):
            entry = pick(self.entries)
            found[name] = {
                "reading": entry.reading,
                "status": entry.status,
                "timestamp": self.stamp(entry),
                "measurefunction": entry.function,
                "measurerange": entry.measure_range,
            }
        return found


class Buffers:
    """All reading buffers of one instrument, by number."""

    def __init__(self) -> None:
        self._buffers: dict[int, ReadingBuffer] = {}
        self._made: dict[int, int] = {}  # capacity of those that scripts made
        self._next = 1

    def make(self, capacity: int = DEDICATED) -> int:
        """Make a buffer and return its number."""
        identity, self._next = self._next, self._next + 1
        self._buffers[identity] = ReadingBuffer(capacity)
        return identity

    def new(self, capacity: Any = None, *more: Any) -> int | bool:
        """``makebuffer(n)``: as :meth:`make`, False where they are too many or too large.

        At the second attempt, with True behind the size, that is refused with -225.
        """
        size = int(within(capacity, 1, MOST_READINGS))
        taken = sum(self._made.values())
        if len(self._made) < MOST_BUFFERS and taken + size <= MOST_READINGS:
            identity = self.make(size)
            self._made[identity] = size
            return identity
        if more and more[-1] is True:
            raise Refused(*OUT_OF_MEMORY)
        return False

    def free(self, identity: int) -> None:
        """Forget a buffer that no script can reach any more."""
        self._buffers.pop(identity, None)
        self._made.pop(identity, None)

    def find(self, name: Any) -> tuple[ReadingBuffer, str]:
        """Return buffer and column of a name like ``"3:readings"``; -104 for anything else."""
        identity, _, column = text(name).partition(":")
        if column not in _COLUMNS or not identity.isdecimal():
            raise Refused(-104, "Data type error")
        found = self._buffers.get(int(identity[:9]))
        if found is None:
            raise Refused(4903, "Reading buffer expired")
        return found, column

    def __getitem__(self, identity: int) -> ReadingBuffer:
        found = self._buffers.get(identity)
        if found is None:
            raise Refused(4903, "Reading buffer expired")
        return found

    def get(self, identity: int, key: Any) -> float | None:
        """Return an attribute of a buffer."""
        return self[identity].get(str(key))

    def set(self, identity: int, key: Any, value: Any) -> None:
        """Set an attribute of a buffer; a run-time error for one that cannot be set."""
        if key not in self[identity].settings:
            raise ScriptError(f"cannot set attribute '{key}' of a reading buffer")
        self[identity].set(key, value)

    def item(self, identity: int, column: str, index: Any) -> Any:
        """Return one item of a column, counted from 1; None beyond the end."""
        if not isinstance(index, int | float) or not 1 <= index <= MOST_READINGS:
            return None
        place = int(index)
        items = self[identity].column(column, place, place) if place == index else []
        return items[0] if items else None

    def clear(self, identity: int) -> None:
        """Empty a buffer."""
        self[identity].entries.clear()

    @staticmethod
    def rows(first: Any, last: Any, found: list[tuple[ReadingBuffer, str]]) -> list[Any]:
        """Return what ``printbuffer`` prints: the columns interleaved, row by row."""
        start, stop = int(within(first, 1, MOST_READINGS)), int(within(last, 1, MOST_READINGS))
        if stop < start:
            raise Refused(-224, "Illegal parameter value")
        if any(stop > len(buffer.entries) for buffer, _ in found):
            raise Refused(*BEYOND)
        columns = [buffer.column(name, start, stop) for buffer, name in found]
        if len(columns) == 1:
            return columns[0]
        return [value for row in zip(*columns, strict=True) for value in row]
