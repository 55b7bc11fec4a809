"""The buffer of a Keithley 2400 and the statistics of what is in it (TRACe, CALCulate3).

Source: *2400 Series SourceMeter User's Manual*, sections 9 (data store) and 18 (TRACe, CALCulate3).
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence

from labctl.sim.instruments.keithley2400_reading import Reading, numbers, transfer
from labctl.sim.instruments.keithley2400_settings import Settings, field_of, number, setting
from labctl.sim.scpi import NOT_A_NUMBER, Command, Register, choice, whole
from labctl.sim.status import Refused

MOST_READINGS = 2500
AVAILABLE, FULL = 8, 9
"""Bits of the measurement register."""
READING_SIZE = 20
"""Bytes of memory that one reading takes, in ``TRACe:FREE?`` (order of magnitude)."""
_FEEDS = {"SENSe[1]": "SENS1", "CALCulate[1]": "CALC1", "CALCulate2": "CALC2", "CALC2": "CALC2"}
_STATISTICS = ("MEAN", "SDEViation", "MAXimum", "MINimum", "PKPK")


class Trace:
    """The buffer.

    Attributes
    ----------
    points
        Readings that make it full.
    feed
        What is stored: ``SENS1``, ``CALC1`` or ``CALC2``.
    storing
        Whether readings go in (``TRACe:FEED:CONTrol NEXT``).
    """

    def __init__(self, settings: Callable[[], Settings], measurement: Register) -> None:
        self._settings, self._measurement = settings, measurement
        self.points = 100
        self.feed = "SENS1"
        self.storing = False
        self.delta = False
        self._readings: list[Reading] = []

    def store(self, reading: Reading) -> None:
        """Take a reading, where storing is on; the last one switches it off."""
        if not self.storing:
            return
        self._readings.append(reading)
        stored = len(self._readings)
        self._measurement.set(AVAILABLE, stored >= 2)
        if stored >= self.points:
            self.storing = False
            self._measurement.set(FULL, True)

    def stop(self) -> None:
        """Store no more; what is there stays."""
        self.storing = False

    def clear(self) -> None:
        """Forget the readings.

        Raises
        ------
        Refused
            +800 while readings are being stored.
        """
        self._check_idle()
        self._empty()

    def commands(self) -> Iterator[Command]:
        """Yield the TRACe and CALCulate3 subsystems."""
        for head in (":TRACe", ":DATA"):
            yield Command(f"{head}:DATA", query=self._data)
            yield Command(f"{head}:CLEar", event=self.clear)
            yield Command(f"{head}:FREE", query=self._free)
            yield setting(
                f"{head}:POINts",
                whole(1, MOST_READINGS, 100),
                lambda: self.points,
                self._set_points,
            )
            yield Command(f"{head}:POINts:ACTual", query=lambda: str(len(self._readings)))
            yield setting(f"{head}:FEED", choice(_FEEDS), lambda: self.feed, self._set_feed)
            yield setting(
                f"{head}:FEED:CONTrol",
                choice({"NEXT": True, "NEVer": False}),
                lambda: self.storing,
                self._control,
                lambda storing: "NEXT" if storing else "NEV",
            )
            yield setting(
                f"{head}:TSTamp:FORMat",
                choice({"ABSolute": False, "DELTa": True}),
                lambda: self.delta,
                self._set_delta,
                lambda delta: "DELT" if delta else "ABS",
            )
        names = {name: "".join(sign for sign in name if not sign.islower()) for name in _STATISTICS}
        yield field_of(self._settings, ":CALCulate3:FORMat", "statistic", choice(names))
        yield Command(":CALCulate3:DATA", query=self._statistic)

    def _set_points(self, points: int) -> None:
        self._check_idle()
        if points != self.points:
            self._empty()
        self.points = points

    def _set_feed(self, feed: str) -> None:
        self._check_idle()
        self.feed = feed

    def _control(self, on: bool) -> None:
        if on and not self.storing:
            self._empty()
        self.storing = on

    def _set_delta(self, delta: bool) -> None:
        self.delta = delta

    def _empty(self) -> None:
        self._readings.clear()
        self._measurement.set(AVAILABLE, False)
        self._measurement.set(FULL, False)

    def _check_idle(self) -> None:
        if self.storing:
            raise Refused(800, "Illegal with storage active")

    def _free(self) -> str:
        used = len(self._readings) * READING_SIZE
        return f"{MOST_READINGS * READING_SIZE - used},{used}"

    def _data(self) -> str | bytes:
        """Return the buffer; time stamps from its first reading, or from the one before."""
        if not self._readings:
            raise Refused(-230, "Data corrupt or stale")
        settings = self._settings()
        stamped = []
        before = self._readings[0].time
        for reading in self._readings:
            stamped.append(reading._replace(time=reading.time - before))
            if self.delta:
                before = reading.time
        return transfer(numbers(stamped, self._elements()), settings.data, settings.border)

    def _elements(self) -> Sequence[str]:
        settings = self._settings()
        if self.feed == "SENS1":
            return settings.elements
        column = "CALC" if self.feed == "CALC1" else "LIMIT"
        return tuple(column if e == "CALC" else e for e in settings.calculated_elements)

    def _statistic(self) -> str:
        if not self._readings:
            raise Refused(-230, "Data corrupt or stale")
        elements = [name for name in self._elements() if name not in ("TIME", "STAT")]
        kind = self._settings().statistic
        columns = [[reading.element(name) for reading in self._readings] for name in elements]
        return ",".join(number(_statistic(kind, column)) for column in columns)


def _statistic(kind: str, values: list[float]) -> float:
    """Return a statistic of a column; not-a-number where the function was not measured."""
    values = [value for value in values if value != NOT_A_NUMBER]
    if not values:
        return NOT_A_NUMBER
    if kind == "MEAN":
        return statistics.fmean(values)
    if kind == "MAX":
        return max(values)
    if kind == "MIN":
        return min(values)
    if kind == "PKPK":
        return max(values) - min(values)
    return statistics.stdev(values) if len(values) > 1 else 0.0
