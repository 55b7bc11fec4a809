"""Configuration lists of a Keithley 2450, and the sweeps that are made of them.

Source: *Model 2450 Reference Manual* (2450-901-01), ``:SOURce[1]:SWEep``,
``:SOURce[1]:CONFiguration:LIST``, ``:SENSe[1]:CONFiguration:LIST``. That a dual sweep has twice
the points is from memory.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from math import isfinite

import numpy as np

from labctl.sim.instruments.keithley2450_settings import MeasureSettings, SourceSettings
from labctl.sim.instruments.keithley2450_smu import Smu2450
from labctl.sim.instruments.smu import VOLTAGE
from labctl.sim.status import Refused

MOST_POINTS = 1_000_000
MOST_ENTRIES = 1_000_000
NO_SUCH_LIST = (-224, "Illegal parameter value")
_OUT_OF_RANGE = (-222, "Parameter data out of range")


@dataclass(frozen=True, slots=True)
class SourceState:
    """One entry of a source configuration list."""

    function: int
    level: float
    limit: float
    fixed_range: float | None
    settings: SourceSettings


@dataclass(frozen=True, slots=True)
class MeasureState:
    """One entry of a measure configuration list."""

    function: int
    settings: MeasureSettings


Entry = SourceState | MeasureState | float
"""What a list holds; a number is a level of a sweep."""


class ConfigLists:
    """The lists of one kind (source or measure), and the place of each."""

    def __init__(self, smu: Smu2450, source: bool) -> None:
        self._smu, self._source = smu, source
        self.named: dict[str, list[Entry]] = {}
        self._place: dict[str, int] = {}

    def clear(self) -> None:
        """Delete all lists."""
        self.named.clear()
        self._place.clear()

    def create(self, name: str) -> None:
        """Make an empty list; -224 where there is one of that name."""
        if not name or name in self.named:
            raise Refused(*NO_SUCH_LIST)
        self.named[name] = []

    def delete(self, name: str, index: int | None = None) -> None:
        """Delete a list, or one entry of it (from 1)."""
        entries = self._find(name)
        if index is None:
            del self.named[name]
            self._place.pop(name, None)
        elif 1 <= index <= len(entries):
            del entries[index - 1]
        else:
            raise Refused(*_OUT_OF_RANGE)

    def size(self, name: str) -> int:
        """Return the number of entries."""
        return len(self._find(name))

    def store(self, name: str, index: int | None = None) -> None:
        """Keep the present settings, at the end or in place of an entry (from 1)."""
        entries = self._find(name)
        if index is None or index == len(entries) + 1:
            if len(entries) >= MOST_ENTRIES:
                raise Refused(-223, "Too much data")
            entries.append(self._present())
        elif 1 <= index <= len(entries):
            entries[index - 1] = self._present()
        else:
            raise Refused(*_OUT_OF_RANGE)

    def recall(self, name: str, index: int = 1) -> None:
        """Bring an entry (from 1) back."""
        entries = self._find(name)
        if not 1 <= index <= len(entries):
            raise Refused(*_OUT_OF_RANGE)
        self._place[name] = index
        self._apply(entries[index - 1])

    def step(self, name: str, by: int = 1) -> None:
        """Bring back the next entry (or the one before it); after the last comes the first."""
        size = self.size(name)
        if size:
            self.recall(name, (self._place.get(name, 1 - by) - 1 + by) % size + 1)

    def fill(self, name: str, levels: list[float]) -> None:
        """Make, or make anew, the list of a sweep."""
        self.named[name] = list(levels)
        self._place[name] = 1

    def _find(self, name: str) -> list[Entry]:
        try:
            return self.named[name]
        except KeyError:
            raise Refused(*NO_SUCH_LIST) from None

    def _present(self) -> Entry:
        smu = self._smu
        if not self._source:
            return MeasureState(smu.sense, deepcopy(smu.measures[smu.sense]))
        function = smu.function
        fixed = None if smu.source_auto[function] else smu.source_range(function)
        return SourceState(
            function,
            smu.levels[function],
            smu.limits[function],
            fixed,
            deepcopy(smu.sources[function]),
        )

    def _apply(self, entry: Entry) -> None:
        smu = self._smu
        if isinstance(entry, SourceState):
            function = entry.function
            on = smu.output
            smu.set_function(function)
            smu.sources[function] = deepcopy(entry.settings)
            smu.set_source_auto(function, True)
            smu.set_limit(function, entry.limit)
            smu.set_level(function, entry.level)
            if entry.fixed_range is not None:
                smu.set_source_range(function, entry.fixed_range)
            if on and not smu.output:
                smu.set_output(True)
        elif isinstance(entry, MeasureState):
            smu.measures[entry.function] = deepcopy(entry.settings)
            smu.set_sense(entry.function)
        else:
            smu.set_level(smu.function, entry)


def linear(start: float, stop: float, points: int) -> list[float]:
    """Return the levels of a linear sweep by points (2 to a million)."""
    _check(points)
    return [float(v) for v in np.linspace(start, stop, points)]


def stepped(start: float, stop: float, step: float) -> list[float]:
    """Return the levels of a linear sweep by steps; the last is at most ``stop``."""
    if step == 0.0 or not isfinite(step):
        raise Refused(*_OUT_OF_RANGE)
    count = abs(stop - start) / abs(step)
    if count > MOST_POINTS:
        raise Refused(*_OUT_OF_RANGE)
    points = int(count + 1e-9) + 1
    _check(points)
    signed = abs(step) if stop >= start else -abs(step)
    return [start + k * signed for k in range(points)]


def logarithmic(start: float, stop: float, points: int, asymptote: float = 0.0) -> list[float]:
    """Return the levels of a logarithmic sweep; -222 where it would cross its asymptote."""
    _check(points)
    first, last = start - asymptote, stop - asymptote
    if first * last <= 0.0:
        raise Refused(*_OUT_OF_RANGE)
    sign = 1.0 if first > 0.0 else -1.0
    return [float(sign * v + asymptote) for v in np.geomspace(abs(first), abs(last), points)]


def there_and_back(levels: list[float]) -> list[float]:
    """Return the levels of a dual sweep."""
    return levels + levels[::-1]


def fit_range(smu: Smu2450, function: int, levels: list[float], kind: str) -> None:
    """Set the source range for a sweep: ``AUTO``, ``BEST`` (one for all levels) or ``FIXED``."""
    most = max(abs(level) for level in levels)
    if most > (210.0 if function == VOLTAGE else 1.05):
        raise Refused(*_OUT_OF_RANGE)
    if kind == "AUTO":
        smu.set_source_auto(function, True)
    elif kind == "BEST":
        smu.set_source_auto(function, True)
        if abs(smu.levels[function]) <= most:
            smu.set_source_range(function, most)
    elif most > smu.source_range(function) * 1.05:
        raise Refused(*_OUT_OF_RANGE)


def _check(points: int) -> None:
    if not 2 <= points <= MOST_POINTS:
        raise Refused(*_OUT_OF_RANGE)
