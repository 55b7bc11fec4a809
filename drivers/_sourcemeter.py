"""What the SCPI source meters have in common: limits, preparation with read-back, output, zero."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drivers._scpi import ScpiInstrument
from labctl.errors import InstrumentError, LimitError
from labctl.instruments import Flag, Reading, SourceMeterAbility

log = logging.getLogger(__name__)

OVERFLOW = 9.9e37
"""From here on a number stands for an overflow, or for none (9.91e37)."""
MOST_POINTS = 2500
"""Levels in one list, the last of them 0 V."""
PER_COMMAND = 100
"""Levels in one command."""


class ReadBack(NamedTuple):
    """A setting that is asked for before any output: its query, and what must come of it."""

    query: str
    wanted: float
    unit: str
    at_least: bool = False
    """A range is the instrument's next larger one."""


class ScpiSourceMeter:
    """One channel of a SCPI source meter; a model adds its commands.

    Parameters
    ----------
    box
        The instrument.
    name
        Name of the channel in the bench file.
    ability
        What the model can do.
    suffix
        Number behind ``SOUR``, ``SENS`` and ``OUTP``, or nothing.
    """

    overhead = 1e-3

    def __init__(
        self, box: ScpiInstrument, name: str, ability: SourceMeterAbility, suffix: str = ""
    ) -> None:
        self.box, self.name, self.line = box, name, box.line
        self.max_voltage, self.max_current = ability.max_voltage, ability.max_current
        self.min_compliance, self.shortest_pulse = ability.min_compliance, ability.shortest_pulse
        self.source, self.sense, self.out = f":SOUR{suffix}", f":SENS{suffix}", f":OUTP{suffix}"
        self.label = f"{box.name} channel {name}"
        for error in box.self_check():  # else they would be laid to the first command of ours
            log.warning("On the error queue before the first command: %s", error)
        self.line_frequency = box.number(":SYST:LFR?")
        self._voltage_limit = min(20.0, self.max_voltage)
        self._nplc = 1.0
        self._delay: float | None = None  # s, source delay that the instrument has; None: unknown

    # -- what a model provides ------------------------------------------------------------------

    def setup(self, compliance: float, nplc: float, current_range: float) -> Sequence[str]:
        """Return the messages that make the channel ready, level first at 0 V."""
        raise NotImplementedError

    def read_backs(self, compliance: float, nplc: float, current_range: float) -> list[ReadBack]:
        """Return what must be read back."""
        raise NotImplementedError

    def protect(self, voltage: float) -> None:
        """Write the voltage limit (V) into the instrument's own protection, where it has one."""
        raise NotImplementedError

    def rest(self) -> str:
        """Return the message that brings the channel to 0 V and off from any state."""
        raise NotImplementedError

    # -- SourceMeter ----------------------------------------------------------------------------

    def prepare(self, *, compliance: float, nplc: float, current_range: float) -> None:
        """Set compliance (A), integration time (line cycles) and current range (A) at 0 V."""
        # A range above the one of the compliance is refused, and would resolve no more.
        current_range = min(current_range, compliance)
        with self.line.lock:
            self._delay = None
            for message in self.setup(compliance, nplc, current_range):
                self.box.do(message)
            for wanted in self.read_backs(compliance, nplc, current_range):
                self._confirm(wanted)
        self._nplc = nplc

    def set_limits(self, *, voltage: float, current: float) -> None:
        """Write the limits (V, A): source range and protection; compliance carries the current."""
        for limit, largest, unit in (
            (voltage, self.max_voltage, "V"),
            (current, self.max_current, "A"),
        ):
            if limit > largest:
                raise InstrumentError(
                    f"{self.label} cannot limit at {limit:g} {unit}; its largest is "
                    f"{largest:g} {unit}."
                )
        self._voltage_limit = float(voltage)
        self.protect(self._voltage_limit)

    def output(self, on: bool) -> None:
        """Switch the output, at 0 V."""
        message = f"{self.source}:VOLT 0;{self.out} {'ON' if on else 'OFF'};{self.out}?"
        [state] = self.box.do(message, 1)
        self._check_output(message, state, on)

    def off(self) -> None:
        """Level to 0 V, output off; from any state."""
        self._delay = None
        message = self.rest()
        state = self.line.query(f"{message};{self.out}?")
        self._check_output(message, state, on=False)

    # -- what models use ------------------------------------------------------------------------

    def check_level(self, voltage: float) -> str:
        """Return a level (V) as it is sent, in full precision.

        A level that the instrument refuses would leave the one before in a list, so it must not
        even be sent.

        Raises
        ------
        LimitError
            Where it is beyond the limit.
        """
        if not isfinite(voltage) or abs(voltage) > self._voltage_limit * (1 + 1e-9):
            raise LimitError(
                f"{self.label} is asked for {voltage:g} V; its limit is {self._voltage_limit:g} V. "
                "Lower the voltage, or raise max_voltage of its terminal in the bench file."
            )
        return repr(float(voltage))

    def check_width(self, width: float) -> None:
        """Raise LimitError for a pulse (s) that the source cannot make."""
        if not isfinite(width) or width < self.shortest_pulse * (1 - 1e-9):
            raise LimitError(
                f"{self.label} is asked for a pulse of {width:g} s; the shortest it can make is "
                f"{self.shortest_pulse:g} s."
            )

    def act(self, message: str, answers: int, busy: float) -> list[str]:
        """Do a message that changes the level; afterwards nothing is known where it failed."""
        try:
            return self.box.do(message, answers, busy)
        except BaseException:
            self._delay = None
            raise

    def act_on(self, message: str, answers: int, busy: float) -> list[str]:
        """Do a message that is in vain with the output off; the state comes with the answers.

        Raises
        ------
        InstrumentError
            Where the output is off, whoever has switched it off.
        """
        *found, state = self.act(f"{message};{self.out}?", answers + 1, busy)
        if state.lstrip("+") != "1":
            self._delay = None
            raise InstrumentError(
                f"The output of {self.label} was off at {message:.200}. Look for its interlock, "
                "or whether somebody has switched it off."
            )
        return found

    def aperture(self) -> float:
        """Return the integration time, s."""
        return self._nplc / self.line_frequency

    def parts(self, voltages: Sequence[float]) -> Iterator[tuple[int, list[str]]]:
        """Cut a sweep into lists that end at 0 V; yield where each begins, and its levels."""
        levels = [self.check_level(voltage) for voltage in voltages]
        for start in range(0, len(levels), MOST_POINTS - 1):
            yield start, [*levels[start : start + MOST_POINTS - 1], "0"]

    def send_list(self, levels: Sequence[str]) -> None:
        """Send the levels of a list, so many at a time; the box tells how many have arrived."""
        head = f"{self.source}:LIST:VOLT"
        for start in range(0, len(levels), PER_COMMAND):
            part = ",".join(levels[start : start + PER_COMMAND])
            self.box.do(f"{head}{':APP' if start else ''} {part}")
        message = f"{head}:POIN?"
        [points] = self.box.do(message, 1)
        if points not in (str(len(levels)), f"+{len(levels)}"):
            raise self.box.failed(message, points)

    def reading(self, current: float, flag: Flag) -> Reading:
        """Return a reading; an overflow is no number."""
        if abs(current) < OVERFLOW:
            return Reading(current, flag)
        return Reading(float("nan"), flag | Flag.OVERFLOW)

    def numbers(self, message: str, answer: str, count: int) -> list[float]:
        """Return an answer of so many numbers between commas."""
        try:
            found = [float(item) for item in answer.split(",")]
        except ValueError:
            found = []
        if len(found) != count:
            self._delay = None
            raise self.box.failed(message, answer)
        return found

    def _confirm(self, wanted: ReadBack) -> None:
        got = self.box.number(wanted.query)
        value = wanted.wanted
        wrong = got < value * (1 - 1e-4) if wanted.at_least else abs(got - value) > 1e-4 * value
        if wrong or not isfinite(got):
            raise InstrumentError(
                f"{self.label}: {wanted.query.rstrip('?')} was set to {value:g} {wanted.unit} and "
                f"reads back {got:g} {wanted.unit}."
            )

    def _check_output(self, message: str, state: str, on: bool) -> None:
        if state.lstrip("+") != ("1" if on else "0"):
            errors = "; ".join(self.box.self_check()) or "no error given"
            raise InstrumentError(
                f"{self.label} refused to switch its output {'on' if on else 'off'} "
                f"({message}, answered {state!r:.40}): {errors}."
            )


def flagged(
    currents: NDArray[np.float64], flags: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return readings of a sweep with overflows as NaN and flagged."""
    over = ~(np.abs(currents) < OVERFLOW)
    return np.where(over, np.nan, currents), flags | over.astype(np.uint8) * np.uint8(Flag.OVERFLOW)
