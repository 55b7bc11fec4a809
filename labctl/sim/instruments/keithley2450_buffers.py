"""Reading buffers of a Keithley 2450, and how their elements are written.

Source: *Model 2450 Reference Manual* (2450-901-01), section 3 (reading buffers) and
``:TRACe:DATA?``; *Model 2461 Reference Manual* for the examples of formatted readings. The format
of date and time elements is from memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from math import floor, isfinite, log10, sqrt

from labctl.sim.instruments.keithley2450_maps import BUFFER_EMPTY, BUFFER_FULL
from labctl.sim.instruments.keithley2450_reading import OVERFLOW, Reading
from labctl.sim.status import Refused

DEFAULT_BUFFERS = ("defbuffer1", "defbuffer2")
DEFAULT_SIZE = 100_000
LEAST_SIZE, MOST_SIZE = 10, 6_875_000
EPOCH = datetime(2026, 1, 1)
"""Calendar time at bench time zero, until the clock of the box is set."""
_LAST = 200e9  # s; what comes later shows the same date
STYLES = ("STANDARD", "COMPACT", "FULL", "WRITABLE", "FULLWRITABLE")
NO_SUCH_BUFFER = (-224, "Illegal parameter value")
NO_READING = (-230, "Data corrupt or stale")
_PREFIXES = {-4: "p", -3: "n", -2: "u", -1: "m", 0: "", 1: "k", 2: "M"}
_SYMBOLS = {"AMP": "A", "VOLT": "V", "OHM": "Ohm", "WATT": "W"}
_LONG_UNITS = {"AMP": "Amp DC", "VOLT": "Volt DC", "OHM": "Ohm", "WATT": "Watt DC"}


def _nobody(event: int) -> None:
    """Take an event that nobody asked for."""


class Buffer:
    """One reading buffer.

    Parameters
    ----------
    size
        Readings it can hold.
    style
        See :data:`STYLES`.
    continuous
        Whether new readings take the place of the oldest ones once it is full.
    """

    def __init__(self, size: int, style: str = "STANDARD", continuous: bool = False) -> None:
        self.size, self.style, self.continuous = size, style, continuous
        self.readings: deque[Reading] = deque()
        self.told: Callable[[int], None] = _nobody
        """Called with the number of an event: the buffer is full, or empty."""
        self.start = 1
        """Index of the oldest reading."""
        self.least, self.most = float("inf"), float("-inf")
        self._statistics()

    def put(self, reading: Reading) -> bool:
        """Add a reading; return False where the buffer is full and fills once."""
        if len(self.readings) >= self.size:
            if not self.continuous:
                return False
            self.readings.popleft()
            self.start += 1
        if not self.count:
            self.first_time = reading.time
        self.readings.append(reading)
        self.count += 1
        change = reading.value - self.mean
        self.mean += change / self.count
        self._squares += change * (reading.value - self.mean)
        if len(self.readings) == self.size:
            self.told(BUFFER_FULL)
        self.least = min(self.least, reading.value)
        self.most = max(self.most, reading.value)
        return True

    def clear(self) -> None:
        """Empty the buffer and its statistics."""
        self.readings.clear()
        self.told(BUFFER_EMPTY)
        self.start = 1
        self._statistics()

    def clear_statistics(self) -> None:
        """Begin the statistics anew; the readings stay."""
        first = self.first_time
        self._statistics()
        self.first_time = first

    def resize(self, size: int) -> None:
        """Change the capacity; readings are lost."""
        self.size = size
        self.clear()

    @property
    def deviation(self) -> float:
        """Standard deviation of the sample; 0 for fewer than two readings."""
        return sqrt(self._squares / (self.count - 1)) if self.count > 1 else 0.0

    @property
    def spread(self) -> float:
        """Largest reading minus smallest."""
        return self.most - self.least

    def rows(self, first: int, last: int) -> Iterator[Reading]:
        """Return the readings of an index range; -224 where some are not there."""
        if not self.start <= first <= last < self.start + len(self.readings):
            raise Refused(-224, "Illegal parameter value")
        return islice(self.readings, first - self.start, last - self.start + 1)

    def _statistics(self) -> None:
        self.count, self.mean, self._squares = 0, 0.0, 0.0
        self.least, self.most = float("inf"), float("-inf")
        self.first_time = 0.0


class Buffers:
    """All buffers of a box, and the clock that their time stamps come from."""

    def __init__(self) -> None:
        self.offset = 0.0
        """s that the clock of the box is ahead of :data:`EPOCH` plus bench time."""
        self.told: Callable[[int], None] = _nobody
        """Called with the events of the default buffers."""
        self.reset()

    def reset(self) -> None:
        """Have only the two default buffers, empty."""
        self.named = {name: Buffer(DEFAULT_SIZE, continuous=True) for name in DEFAULT_BUFFERS}
        for buffer in self.named.values():
            buffer.told = self.told

    def find(self, name: str = DEFAULT_BUFFERS[0]) -> Buffer:
        """Return a buffer by name; names are case-sensitive."""
        try:
            return self.named[name]
        except KeyError:
            raise Refused(*NO_SUCH_BUFFER) from None

    def make(self, name: str, size: int, style: str) -> Buffer:
        """Make a buffer, which fills once; an existing one of that name is lost."""
        if name in DEFAULT_BUFFERS or not name.isidentifier() or len(name) > 31:
            raise Refused(*NO_SUCH_BUFFER)
        buffer = self.named[name] = Buffer(size, style)
        return buffer

    def delete(self, name: str) -> None:
        """Delete a buffer that is no default buffer."""
        if name in DEFAULT_BUFFERS or name not in self.named:
            raise Refused(*NO_SUCH_BUFFER)
        del self.named[name]

    def calendar(self, time: float) -> datetime:
        """Return date and time at a bench time (s)."""
        return EPOCH + timedelta(seconds=min(time + self.offset, _LAST))

    def element(self, name: str, buffer: Buffer, reading: Reading, digits: int) -> str:
        """Return one element of a reading as ``:TRACe:DATA?`` writes it.

        Parameters
        ----------
        name
            Short form of the element.
        digits
            ``:FORMat:ASCii:PRECision``; 0: as many as the box thinks fit.
        """
        if name in NUMBERS:
            return written(NUMBERS[name](buffer, reading), digits)
        if name in ("STAT", "SOURSTAT"):
            return str(reading.status if name == "STAT" else reading.source_status)
        if name == "FORM":
            return formatted(reading.value, reading.unit, reading.digits)
        if name == "SOURFORM":
            return formatted(reading.source, reading.source_unit, reading.digits)
        if name in ("UNIT", "SOURUNIT"):
            return _LONG_UNITS[reading.unit if name == "UNIT" else reading.source_unit]
        moment = self.calendar(reading.time)
        if name == "SEC":
            return str(int((moment - datetime(1970, 1, 1)).total_seconds()))
        if name == "FRAC":
            return f"{moment.microsecond / 1e6:.9f}"
        if name == "DATE":
            return f"{moment:%m/%d/%Y}"
        if name == "TIME":
            return f"{moment:%H:%M:%S}"
        return f"{moment:%m/%d/%Y %H:%M:%S.%f}000"


NUMBERS = {
    "READ": lambda buffer, reading: reading.value,
    "SOUR": lambda buffer, reading: reading.source,
    "REL": lambda buffer, reading: reading.time - buffer.first_time,
    "EXTR": lambda buffer, reading: 0.0,
}
"""The elements that are numbers, and the only ones of a binary answer."""
ELEMENTS = {
    "DATE": "DATE",
    "FORMatted": "FORM",
    "FRACtional": "FRAC",
    "READing": "READ",
    "RELative": "REL",
    "SEConds": "SEC",
    "SOURce": "SOUR",
    "SOURFORMatted": "SOURFORM",
    "SOURSTATus": "SOURSTAT",
    "SOURUNIT": "SOURUNIT",
    "STATus": "STAT",
    "TIME": "TIME",
    "TSTamp": "TST",
    "UNIT": "UNIT",
    "EXTRa": "EXTR",
}
"""Buffer elements in SCPI notation."""


def written(value: float, digits: int) -> str:
    """Return a number with so many significant digits; 0: seven."""
    return f"{value:.{(digits or 7) - 1}E}"


def formatted(value: float, unit: str, digits: int) -> str:
    """Return a value as the display shows it, like ``+04.963 V``."""
    if abs(value) >= OVERFLOW or not isfinite(value):
        return "Overflow"
    group = min(max(floor(log10(abs(value)) / 3), -4), 2) if value else 0
    shown = value / 10.0 ** (3 * group)
    whole = len(str(int(abs(shown))))
    return f"{shown:+.{max(digits + 1 - whole, 0)}f} {_PREFIXES[group]}{_SYMBOLS[unit]}"
