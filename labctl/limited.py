"""A source meter within the limits of its bench file: the last gate before the instrument."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.benchfile import TerminalTable
from labctl.errors import InstrumentError, LatchedError, LimitError
from labctl.instruments import Flag, Reading, SourceMeter


class LimitedMeter:
    """A :class:`labctl.instruments.SourceMeter` that gets nothing beyond the limits.

    Whatever was checked before, and however the value was made: what is checked here is the very
    number that goes to the instrument.

    Parameters
    ----------
    meter
        The channel.
    name, label
        The terminal, as in the bench file and for people.
    table
        Its limits.
    longest
        s that a level may last (max_pulse_width of the terminal, or of [limits]).

    Attributes
    ----------
    stopped
        Why nothing may be driven now: the emergency stop that nobody has acknowledged; or None.
    """

    def __init__(
        self, meter: SourceMeter, name: str, label: str, table: TerminalTable, longest: float
    ) -> None:
        self._meter, self._name, self._label = meter, name, label
        self._voltage = min(table.max_voltage, meter.max_voltage)
        self._current = min(table.max_current, meter.max_current)
        self._longest = max(longest, table.settle)
        self.stopped: str | None = None
        self._level = 0.0
        self._on = False

    @property
    def level(self) -> float:
        """Where the terminal is, V: 0, or the last level that may still be there."""
        return self._level

    @property
    def max_voltage(self) -> float:
        """Largest level, V: the smaller of bench file and model."""
        return self._voltage

    @property
    def max_current(self) -> float:
        """Largest compliance, A: the smaller of bench file and model."""
        return self._current

    @property
    def min_compliance(self) -> float:
        """Smallest compliance the model has, A."""
        return self._meter.min_compliance

    @property
    def shortest_pulse(self) -> float:
        """Shortest useful pulse of the model, s."""
        return self._meter.shortest_pulse

    @property
    def line_frequency(self) -> float:
        """Power-line frequency, Hz."""
        return self._meter.line_frequency

    @property
    def overhead(self) -> float:
        """Bench time of one command besides pulse, settling and integration, s."""
        return self._meter.overhead

    def prepare(self, *, compliance: float, nplc: float, current_range: float) -> None:
        """Set compliance (A), integration time (line cycles) and current range (A)."""
        amperes = float(compliance)
        if not 0.0 < amperes <= self._current:
            raise LimitError(
                f"A compliance of {amperes:g} A is asked of {self._label}, whose limit is "
                f"{self._current:g} A. Lower it, or raise [terminals.{self._name}] max_current in "
                "the bench file."
            )
        self._meter.prepare(compliance=amperes, nplc=nplc, current_range=current_range)
        self._level = 0.0

    def set_limits(self, *, voltage: float, current: float) -> None:
        """Write limits (V, A) to the instrument's own; never wider ones than the bench file's."""
        volts, amperes = float(voltage), float(current)
        if not (volts > 0.0 and amperes > 0.0):  # a NaN is not
            raise LimitError(
                f"{self._label} cannot be limited to {volts:g} V and {amperes:g} A; give positive "
                "numbers."
            )
        self._meter.set_limits(
            voltage=min(volts, self._voltage), current=min(amperes, self._current)
        )

    def output(self, on: bool) -> None:
        """Switch the output; always at 0 V."""
        if on and self.stopped is not None:
            raise self._latched()
        self._meter.output(on)
        if on and self.stopped is not None:  # a stop that came meanwhile has not seen it go on
            self._meter.off()
            raise self._latched()
        self._on, self._level = on, 0.0

    def force(self, voltage: float, settle: float = 0.0) -> Flag:
        """Bring the terminal to ``voltage`` (V), wait ``settle`` (s); tell whether limited."""
        volts, seconds = self._volts(voltage), self._time(settle)
        if volts != 0.0:
            self._level = volts  # before it is sent: what fails may have got there
        flag = self._meter.force(volts, seconds)
        self._level = volts
        return flag

    def measure(self, voltage: float, settle: float) -> Reading:
        """Force ``voltage`` (V), wait ``settle`` (s), measure, and return to 0 V."""
        volts, seconds = self._volts(voltage), self._time(settle)
        self._level = volts or self._level
        reading = self._meter.measure(volts, seconds)
        self._level = 0.0
        return reading

    def pulse(self, voltage: float, width: float) -> Reading:
        """Force ``voltage`` (V) for ``width`` (s) and return to 0 V."""
        volts, seconds = self._volts(voltage), self._time(width)
        if seconds < self.shortest_pulse:
            raise LimitError(
                f"{self._label} is asked for a pulse of {seconds:g} s; the shortest it can make is "
                f"{self.shortest_pulse:g} s. Use a longer pulse or a pulse generator."
            )
        self._level = volts or self._level
        reading = self._meter.pulse(volts, seconds)
        self._level = 0.0
        return reading

    def sweep(self, voltages: Sequence[float], dwell: float) -> tuple[NDArray[np.float64], Any]:
        """Force each voltage (V) for ``dwell`` (s) and measure; end at 0 V."""
        levels = [self._volts(voltage) for voltage in voltages]
        seconds = self._time(dwell)
        self._level = max(levels, key=abs, default=0.0) or self._level
        found = self._meter.sweep(levels, seconds)
        self._level = 0.0
        return found

    def interlock(self) -> bool | None:
        """Tell whether the interlock is closed; None where the instrument cannot say."""
        return self._meter.interlock()

    def off(self) -> None:
        """Level to 0 V, then output off."""
        self._meter.off()
        self._on, self._level = False, 0.0

    def lost(self) -> None:
        """Take it that somebody else has switched the output off."""
        self._on = False

    def _volts(self, voltage: float) -> float:
        volts = float(voltage)
        if self.stopped is not None and volts != 0.0:
            raise self._latched()
        if not -self._voltage <= volts <= self._voltage:  # a NaN is not
            raise LimitError(
                f"{volts:g} V is asked of {self._label}, whose limit is {self._voltage:g} V. Lower "
                f"the voltage, or raise [terminals.{self._name}] max_voltage in the bench file."
            )
        if volts != 0.0 and not self._on:  # what it measures would look like an open cell
            raise InstrumentError(
                f"The output of {self._label} is off, and {volts:g} V is asked of it. Read cells "
                "through bench.array, which switches outputs on, or switch it on first."
            )
        return volts

    def _time(self, seconds: float) -> float:
        duration = float(seconds)
        if 0.0 <= duration <= self._longest:
            return duration
        raise LimitError(
            f"{self._label} is to hold a level for {duration:g} s; max_pulse_width is "
            f"{self._longest:g} s ([limits], or [terminals.{self._name}])."
        )

    def _latched(self) -> LatchedError:
        return LatchedError(
            f"{self._label} stays at zero: the bench was stopped ({self.stopped}) and is latched. "
            "Look at the bench, then acknowledge."
        )
