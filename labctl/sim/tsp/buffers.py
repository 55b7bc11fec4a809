"""Reading buffers of a TSP instrument (``smua.nvbuffer1`` and those of ``makebuffer``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from labctl.sim.status import Refused
from labctl.sim.tsp.host import ScriptError
from labctl.sim.tsp.values import ILLEGAL_VALUE, one_of, text, within

MOST_BUFFERS = 64
MOST_READINGS = 200_000
"""Readings of one buffer; the manual's figure for the dedicated ones is 60 000 and more."""
SETTABLE = ("appendmode", "collectsourcevalues", "collecttimestamps", "timestampresolution")
COMPLIANCE_STATUS = 0x40


@dataclass(frozen=True, slots=True)
class Entry:
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


_COLUMNS = {
    "readings": lambda buffer, entry: entry.reading,
    "sourcevalues": lambda buffer, entry: entry.source,
    "timestamps": lambda buffer, entry: entry.time - buffer.entries[0].time,
    "statuses": lambda buffer, entry: entry.status,
    "measureranges": lambda buffer, entry: entry.measure_range,
    "sourceranges": lambda buffer, entry: entry.source_range,
    "measurefunctions": lambda buffer, entry: entry.function,
    "sourcefunctions": lambda buffer, entry: entry.source_function,
    "sourceoutputstates": lambda buffer, entry: "On" if entry.output else "Off",
    "units": lambda buffer, entry: "V" if entry.function == "Voltage" else "A",
}


@dataclass
class ReadingBuffer:
    """Readings in the order they were taken, and the settings of the buffer."""

    capacity: int
    entries: list[Entry] = field(default_factory=list)
    settings: dict[str, float] = field(
        default_factory=lambda: {
            "appendmode": 0,
            "collectsourcevalues": 0,
            "collecttimestamps": 0,
            "timestampresolution": 1e-6,
        }
    )

    def begin(self) -> None:
        """Start a measurement into this buffer: empties it unless it appends."""
        if not self.settings["appendmode"]:
            self.entries.clear()

    def put(self, entry: Entry) -> None:
        """Store a reading; -225 where the buffer is full."""
        if len(self.entries) >= self.capacity:
            raise Refused(-225, "Out of memory or TSP memory allocation error")
        self.entries.append(entry)

    def get(self, key: str) -> float | None:
        """Return an attribute of the buffer, or None."""
        if key == "n":
            return len(self.entries)
        if key == "capacity":
            return self.capacity
        if key == "next":
            return len(self.entries) + 1
        if key == "basetimestamp":
            return self.entries[0].time if self.entries else 0.0
        return self.settings.get(key)

    def column(self, name: str, first: int, last: int) -> list[Any]:
        """Return items ``first`` to ``last`` (from 1, inclusive) of one column."""
        pick = _COLUMNS[name]
        return [pick(self, entry) for entry in self.entries[first - 1 : last]]


class Buffers:
    """All reading buffers of one instrument, by number."""

    def __init__(self) -> None:
        self._buffers: dict[int, ReadingBuffer] = {}
        self._next = 1

    def make(self, capacity: int = MOST_READINGS) -> int:
        """Make a buffer and return its number."""
        identity, self._next = self._next, self._next + 1
        self._buffers[identity] = ReadingBuffer(capacity)
        return identity

    def new(self, capacity: Any = None) -> int | bool:
        """``makebuffer(n)``: as :meth:`make`, False where there are too many."""
        size = int(within(capacity, 1, MOST_READINGS))
        return self.make(size) if len(self._buffers) < MOST_BUFFERS else False

    def free(self, identity: int) -> None:
        """Forget a buffer that no script can reach any more."""
        self._buffers.pop(identity, None)

    def find(self, name: Any) -> tuple[ReadingBuffer, str]:
        """Return buffer and column of a name like ``"3:readings"``; -104 for anything else."""
        identity, _, column = text(name).partition(":")
        if column not in _COLUMNS or not identity.isdigit():
            raise Refused(-104, "Data type error")
        return self[int(identity)], column

    def __getitem__(self, identity: int) -> ReadingBuffer:
        return self._buffers[identity]

    def get(self, identity: int, key: Any) -> float | None:
        """Return an attribute of a buffer."""
        return self[identity].get(str(key))

    def set(self, identity: int, key: Any, value: Any) -> None:
        """Set an attribute of a buffer; a run-time error for one that cannot be set."""
        if key not in SETTABLE:
            raise ScriptError(f"cannot set attribute '{key}' of a reading buffer")
        if key == "timestampresolution":
            self[identity].settings[key] = within(value, 1e-6, 4294.967295)
            return
        if key != "appendmode" and self[identity].entries:
            raise Refused(-221, "Settings conflict")
        self[identity].settings[key] = one_of(value, (0, 1))

    def item(self, identity: int, column: str, index: Any) -> Any:
        """Return one item of a column, counted from 1; None beyond the end."""
        if not isinstance(index, int | float) or index < 1 or index != int(index):
            return None
        items = self[identity].column(column, int(index), int(index))
        return items[0] if items else None

    def clear(self, identity: int) -> None:
        """Empty a buffer."""
        self[identity].entries.clear()

    def rows(self, first: Any, last: Any, names: tuple[Any, ...]) -> list[float]:
        """Return what ``printbuffer`` prints: the columns interleaved, row by row."""
        found = [self.find(name) for name in names]
        start, stop = int(within(first, 1, MOST_READINGS)), int(within(last, 1, MOST_READINGS))
        if stop < start or any(stop > len(buffer.entries) for buffer, _ in found):
            raise Refused(*ILLEGAL_VALUE)
        columns = [buffer.column(name, start, stop) for buffer, name in found]
        return [value for row in zip(*columns, strict=True) for value in row]
