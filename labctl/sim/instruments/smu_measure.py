"""The functions ``smuX.measure.*`` of a 2600: readings, averaged, relative, into buffers.

Source: *Series 2600B Reference Manual* (2600BS-901-01), "Filters", "Relative offset", "Reading
buffers" and ``smuX.measure.*``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from labctl.sim.instruments.smu import CURRENT, OVERFLOW, VOLTAGE
from labctl.sim.status import Refused
from labctl.sim.tsp.agenda import Work
from labctl.sim.tsp.buffers import Entry, ReadingBuffer
from labctl.sim.tsp.values import arguments, number

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2600 import Keithley2600

AUTO_MEASURE, AUTO_SOURCE, FOUR_WIRE, RELATIVE, COMPLIANCE, FILTERED = 4, 8, 16, 32, 64, 128
"""Bits of the status of a reading in a buffer."""
KINDS: dict[str, Callable[[float, float], tuple[float, ...]]] = {
    "i": lambda i, v: (i,),
    "v": lambda i, v: (v,),
    "iv": lambda i, v: (i, v),
    "r": lambda i, v: (_overflowed(i, v) or (v / i if i else OVERFLOW),),
    "p": lambda i, v: (_overflowed(i, v) or v * i,),
}
_NAMES = {"i": "Current", "v": "Voltage", "r": "Ohms", "p": "Watts"}
BUSY = (5042, "Invalid while overlapped measure")
SAME_BUFFER = (5040, "Cannot use same reading buffer for multiple overlapped measurements")
MOVING_AVERAGE, REPEAT_AVERAGE, MEDIAN = 0, 1, 2


def _overflowed(current: float, voltage: float) -> float:
    """Return an overflow where one of the two is, else 0."""
    return OVERFLOW if max(abs(current), abs(voltage)) >= OVERFLOW else 0.0


class Measurements:
    """What one channel measures.

    Attributes
    ----------
    overflowed
        Whether the last reading was beyond its range.
    busy
        Whether a measurement runs in the background.
    """

    def __init__(self, box: Keithley2600, name: str) -> None:
        self.box, self.name = box, name
        self.channel, self.extras = box.channels[name], box.extras[name]
        self.overflowed = self.busy = False
        self._recent: dict[str, deque[float]] = {}

    def function(self, kind: str) -> Callable[..., Any]:
        """Return the function behind ``smuX.measure.KIND([buffer[, buffer]])``."""
        channel, extras, pick = self.channel, self.extras, KINDS[kind]
        most = len(kind)

        def measure(*given: Any) -> Any:
            if self.busy:
                raise Refused(*BUSY)
            buffers = self.buffers(given, most) if given else ()
            if extras["count"] != 1 or extras["filter"]:
                values = self._into(kind, buffers)
            else:
                values = self._finished(kind, pick(*channel.measure()))
                for buffer, value, letter in zip(buffers, values, kind, strict=False):
                    buffer.begin()
                    buffer.put(self._entry(value, letter))
            return values if most > 1 else values[0]

        return measure

    def overlapped(self, kind: str) -> Callable[..., None]:
        """Return ``smuX.measure.overlappedKIND(buffer[, buffer])``."""

        def start(*given: Any) -> None:
            arguments(given, 1, len(kind))
            if self.busy:
                raise Refused(*BUSY)
            buffers = self.buffers(given, len(kind))
            if len({id(buffer) for buffer in buffers}) < len(buffers):
                raise Refused(*SAME_BUFFER)
            self.busy = True
            self.box.work.start(self._work(kind, buffers))

        return start

    def and_step(self, kind: str) -> Callable[..., Any]:
        """Return ``smuX.measureKINDandstep(level)``: a reading, then the next level."""
        measure, channel = self.function(kind), self.channel

        def measure_and_step(*given: Any) -> Any:
            arguments(given, 1, 1)
            level = number(given[0])
            channel.check_level(channel.function, level)
            values = measure()
            channel.put_level(channel.function, level)
            return values

        return measure_and_step

    def buffers(self, given: Sequence[Any], most: int) -> list[ReadingBuffer]:
        """Return the buffers among the arguments."""
        arguments(tuple(given), 0, most)
        return [self.box.buffers.find(item)[0] for item in given if item is not None]

    def steps(self, kind: str) -> Work:
        """Let the time of one reading pass (in the background); then call :meth:`sample`."""
        repeats = self._repeats()
        yield self.channel.settling_delay() + repeats * self.channel.integration

    def sample(self, kind: str) -> tuple[float, ...]:
        """Return the reading that ends now, without spending time."""
        pick, channel = KINDS[kind], self.channel
        rows = [pick(*channel.read()) for _ in range(self._repeats())]
        return self._finished(kind, self._filtered(kind, rows))

    def store(self, values: Sequence[float], kind: str, buffers: Sequence[ReadingBuffer]) -> None:
        """Put one reading into the buffers."""
        for buffer, value, letter in zip(buffers, values, kind, strict=False):
            buffer.put(self._entry(value, letter))

    def forget(self) -> None:
        """Forget what the moving average has seen."""
        self._recent.clear()

    # -- inside --------------------------------------------------------------------------------

    def _into(self, kind: str, buffers: Sequence[ReadingBuffer]) -> tuple[float, ...]:
        """Take ``measure.count`` readings into buffers; return the last one."""
        channel, extras, clock = self.channel, self.extras, self.box.clock
        for buffer in buffers:
            buffer.begin()
        values: tuple[float, ...] = ()
        pick, count = KINDS[kind], extras["count"]
        if count > 10:
            self.box.host.strain()
        for k in range(count):
            began = clock.now()
            rows = [pick(*channel.measure()) for _ in range(self._repeats())]
            values = self._finished(kind, self._filtered(kind, rows))
            self.store(values, kind, buffers)
            if k + 1 < count:
                clock.sleep(extras["interval"] - (clock.now() - began))
        return values

    def _work(self, kind: str, buffers: Sequence[ReadingBuffer]) -> Work:
        clock, box = self.box.clock, self.box
        box.busy_bit(self.name, "MEAS", True)
        try:
            for buffer in buffers:
                buffer.begin()
            for _ in range(self.extras["count"]):
                began = clock.now()
                yield from self.steps(kind)
                self.store(self.sample(kind), kind, buffers)
                yield max(self.extras["interval"] - (clock.now() - began), 0.0)
        finally:
            self.busy = False
            box.busy_bit(self.name, "MEAS", False)

    def _repeats(self) -> int:
        extras = self.extras
        if not extras["filter"] or extras["filter_type"] == MOVING_AVERAGE:
            return 1
        return int(extras["filter_count"])

    def _filtered(self, kind: str, rows: list[tuple[float, ...]]) -> tuple[float, ...]:
        extras = self.extras
        if not extras["filter"]:
            return rows[0]
        if extras["filter_type"] == MOVING_AVERAGE:
            averaged = []
            for letter, value in zip(kind, rows[0], strict=True):
                recent = self._recent.setdefault(letter, deque(maxlen=100))
                recent.append(value)
                last = list(recent)[-extras["filter_count"] :]
                averaged.append(sum(last) / len(last))
            return tuple(averaged)
        middle = median if extras["filter_type"] == MEDIAN else _mean
        return tuple(middle(column) for column in zip(*rows, strict=True))

    def _finished(self, kind: str, values: tuple[float, ...]) -> tuple[float, ...]:
        """Note an overflow, and subtract what is measured relative to."""
        overflow = not -OVERFLOW < values[0] < OVERFLOW or not -OVERFLOW < values[-1] < OVERFLOW
        if overflow or self.overflowed:
            self.overflowed = overflow
            self.box.overflow_bit(self.name, overflow)
        extras = self.extras
        if extras["rel_any"]:
            return tuple(
                value - extras[f"rel_level_{letter}"] if extras[f"rel_enable_{letter}"] else value
                for letter, value in zip(kind, values, strict=True)
            )
        return values

    def _entry(self, value: float, letter: str) -> Entry:
        channel, extras = self.channel, self.extras
        function = channel.function
        quantity = VOLTAGE if letter == "v" else CURRENT
        status = COMPLIANCE if channel.compliance else 0
        if channel.measure_auto[quantity]:
            status |= AUTO_MEASURE
        if channel.source_auto[function]:
            status |= AUTO_SOURCE
        if extras["sense"] == 1:
            status |= FOUR_WIRE
        if extras["filter"]:
            status |= FILTERED
        if extras["rel_any"] and extras[f"rel_enable_{letter}"]:
            status |= RELATIVE
        return Entry(
            value,
            channel.levels[function],
            channel.clock.now(),
            status,
            channel.used[quantity],
            channel.source_range(function),
            _NAMES[letter],
            "Voltage" if function == VOLTAGE else "Current",
            channel.output,
        )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
