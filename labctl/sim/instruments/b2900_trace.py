"""The trace buffers of a Keysight B2900: ``:TRACe[c]``.

Source: *B2900 SCPI Command Reference* (B2910-90030), chapter 4, TRACe subsystem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labctl.sim.instruments.b2900_run import encoded, flat, part
from labctl.sim.instruments.b2900_settings import NAN, Record
from labctl.sim.scpi import Command, Parameter, choice, whole
from labctl.sim.status import Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.b2900 import B2900

MOST_POINTS = 100_000
_BYTES = 48  # of a record, for :TRACe:FREE?
_STATISTICS = {
    "MEAN": "MEAN", "SDEViation": "SDEV", "PKPK": "PKPK", "MINimum": "MIN", "MAXimum": "MAX",
}  # fmt: skip
_points = whole(1, MOST_POINTS, MOST_POINTS)


@dataclass
class Trace:
    """The buffer of one channel: filled until it is full, once :attr:`filling` is set."""

    size: int = MOST_POINTS
    feed: str = "SENS"
    filling: bool = False
    delta: bool = False
    statistic: str = "MEAN"
    records: list[Record] = field(default_factory=list)

    def put(self, record: Record) -> None:
        """Store a measurement where the buffer is filled."""
        if self.filling:
            self.records.append(record)
            self.filling = len(self.records) < self.size

    def shown(self) -> list[Record]:
        """Return the records with their times from the first one, or each from the one before."""
        if not self.records:
            return []
        times = [record.time for record in self.records]
        zeros = [times[0], *times[:-1]] if self.delta else [times[0]] * len(times)
        return [
            replace(record, time=record.time - zero)
            for record, zero in zip(self.records, zeros, strict=True)
        ]


def trace_commands(box: B2900) -> Iterator[Command]:
    """Yield the ``:TRACe[c]`` subsystem."""

    def of(suffixes: tuple[int, ...]) -> Trace:
        box.channel(suffixes[0])
        return box.traces[suffixes[0]]

    def entry(
        node: str, get: Callable[[Trace], str], put: Callable[[Trace, Parameter], None]
    ) -> Command:
        def query(suffixes: tuple[int, ...]) -> str:
            return get(of(suffixes))

        def write(value: Parameter, suffixes: tuple[int, ...]) -> None:
            put(of(suffixes), value)

        return Command(f":TRACe<n>:{node}", query, write)

    def keep(key: str, convert: Callable[[Parameter], Any]) -> Callable[[Trace, Parameter], None]:
        return lambda trace, value: setattr(trace, key, convert(value))

    def fill(trace: Trace, value: Parameter) -> None:
        on = choice({"NEXT": True, "NEVer": False})(value)
        if on and len(trace.records) >= trace.size:
            raise Refused(-221, "Settings conflict")
        trace.filling = on

    def resize(trace: Trace, value: Parameter) -> None:
        if trace.filling:
            raise Refused(-221, "Settings conflict")
        trace.size = _points(value)

    def clear(suffixes: tuple[int, ...]) -> None:
        trace = of(suffixes)
        if trace.filling:
            raise Refused(-221, "Settings conflict")
        trace.records.clear()

    def data(
        offset: Parameter | None = None,
        size: Parameter | None = None,
        *,
        suffixes: tuple[int, ...],
    ) -> str | bytes:
        return encoded(box, flat(part(of(suffixes).shown(), offset, size), box.elements))

    def free(suffixes: tuple[int, ...]) -> str:
        trace = of(suffixes)
        used = len(trace.records) * _BYTES
        return f"{trace.size * _BYTES - used},{used}"

    def statistics(suffixes: tuple[int, ...]) -> str | bytes:
        trace = of(suffixes)
        elements = [name for name in box.elements if name in ("VOLT", "CURR", "RES", "SOUR")]
        rows = [flat([record], elements) for record in trace.records]
        values = []
        for column in zip(*rows, strict=True):
            numbers = np.array([value for value in column if value != NAN])
            values.append(_statistic(trace.statistic, numbers) if numbers.size else NAN)
        return encoded(box, values or [NAN])

    feeds = {"SENSe": "SENS", "MATH": "MATH", "LIMit": "LIM"}
    yield entry("FEED", lambda t: t.feed, keep("feed", choice(feeds)))
    yield entry("FEED:CONTrol", lambda t: "NEXT" if t.filling else "NEV", fill)
    yield entry("POINts", lambda t: str(t.size), resize)
    yield Command(":TRACe<n>:POINts:ACTual", query=lambda suffixes: str(len(of(suffixes).records)))
    yield entry("TSTamp:FORMat", lambda t: "DELT" if t.delta else "ABS",
                keep("delta", choice({"DELTa": True, "ABSolute": False})))  # fmt: skip
    yield entry("STATistic:FORMat", lambda t: t.statistic, keep("statistic", choice(_STATISTICS)))
    yield Command(":TRACe<n>:STATistic:DATA", query=statistics)
    yield Command(":TRACe<n>:CLEar", event=clear)
    yield Command(":TRACe<n>:DATA", query=data)
    yield Command(":TRACe<n>:FREE", query=free)


def _statistic(kind: str, values: NDArray[np.float64]) -> float:
    if kind == "SDEV":
        return float(np.std(values, ddof=1)) if values.size > 1 else 0.0
    if kind == "PKPK":
        return float(np.ptp(values))
    if kind == "MEAN":
        return float(np.mean(values))
    return float(np.min(values) if kind == "MIN" else np.max(values))
