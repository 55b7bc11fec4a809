"""The source meter of a Keithley 2450: what it is told for each action.

Source: Keithley, *Model 2450 Interactive SourceMeter Instrument Reference Manual*, 2450-901-01:
sections 2 (source delay, limits, protection), 3 (trigger model, sweeps) and 6 (SCPI commands).
The time of a cycle is from memory of the data sheet's sweep rates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drivers._sourcemeter import ReadBack, ScpiSourceMeter, flagged
from labctl.errors import InstrumentError, LimitError
from labctl.instruments import Flag, Reading

CYCLE = 0.4e-3
"""s, of a point of a sweep besides delay and integration, for time-outs."""
SHORTEST_NPLC = 0.01
BUFFER = '"defbuffer1"'
PROTECTION = (2, 5, 10, 20, 40, 60, 80, 100, 120, 140, 160, 180)
"""Levels of the overvoltage protection, V."""
_LIMITED = 32
"""Bit of the source status of a reading."""
_ELEMENTS = f"{BUFFER},READ,SOURSTAT"


class Keithley2450Channel(ScpiSourceMeter):
    """The source meter of a 2450, as a :class:`labctl.instruments.SourceMeter`."""

    overhead = 1e-3
    _cycle: float | None = None  # s, of a point with the shortest integration; None: unknown

    def setup(self, compliance: float, nplc: float, current_range: float) -> Sequence[str]:
        """Return the messages that make the channel ready, level first at 0 V."""
        return (
            ":ABOR",
            ":SOUR:FUNC VOLT",
            ':SENS:FUNC "CURR"',
            ":SOUR:VOLT 0",
            f":SOUR:VOLT:RANG {self._voltage_limit!r}",
            ":SOUR:VOLT:READ:BACK OFF",
            ":OUTP:VOLT:SMOD NORM",
            ":SENS:CURR:RSEN OFF",
            ":SENS:CURR:UNIT AMP",
            ":SENS:CURR:AVER OFF",
            ":SENS:CURR:REL:STAT OFF",
            ":SENS:COUN 1",
            # The limit and a fixed range bound each other; autorange lets both change.
            ":SENS:CURR:RANG:AUTO ON",
            f":SOUR:VOLT:ILIM {float(compliance)!r}",
            f":SENS:CURR:RANG {float(current_range)!r}",
            f":SENS:CURR:NPLC {float(nplc)!r}",
            ":SENS:CURR:AZER OFF",
            ":SENS:AZER:ONCE",
            ":FORM ASC;:FORM:ASC:PREC 0;:FORM:BORD SWAP",
        )

    def read_backs(self, compliance: float, nplc: float, current_range: float) -> list[ReadBack]:
        """Return what must be read back."""
        return [
            ReadBack(":SOUR:VOLT:ILIM?", compliance, "A"),
            ReadBack(":SENS:CURR:RANG?", current_range, "A", at_least=True),
            ReadBack(":SENS:CURR:NPLC?", nplc, "line cycles"),
            ReadBack(":SOUR:VOLT:RANG?", self._voltage_limit / 1.05, "V", at_least=True),
        ]

    def protect(self, voltage: float) -> None:
        """Write the voltage limit (V) into the overvoltage protection: its next step."""
        step = next((f"PROT{level}" for level in PROTECTION if level >= voltage), "NONE")
        message = f":SOUR:VOLT:PROT {step};:SOUR:VOLT:PROT?"
        [answer] = self.box.do(message, 1)
        if answer.upper() != step:
            raise InstrumentError(
                f"{self.label}: the overvoltage protection was set to {step} and reads back "
                f"{answer!r:.40}."
            )

    def force(self, voltage: float, settle: float = 0.0) -> Flag:
        """Bring the terminal to ``voltage`` (V), wait ``settle`` (s); return whether limited.

        A wait is a source delay, which only a reading makes.
        """
        level = self.check_level(voltage)
        if settle > 0.0:
            return self._read(f":SOUR:VOLT {level};:READ? {_ELEMENTS}", settle).flag
        message = f":SOUR:VOLT {level};:SOUR:VOLT:ILIM:TRIP?"
        [tripped] = self.act_on(message, 1, 0.0)
        return Flag.COMPLIANCE if self.numbers(message, tripped, 1)[0] else Flag.OK

    def measure(self, voltage: float, settle: float) -> Reading:
        """Force ``voltage`` (V), wait ``settle`` (s), measure the current, return to 0 V."""
        level = self.check_level(voltage)
        return self._read(f":SOUR:VOLT {level};:READ? {_ELEMENTS};:SOUR:VOLT 0", settle)

    def pulse(self, voltage: float, width: float) -> Reading:
        """Force ``voltage`` (V) for ``width`` (s) and return to 0 V.

        A sweep of two levels: the second is due when the first has been measured. How long that
        takes besides the delay, the time stamps of such a sweep at 0 V have told before.

        Raises
        ------
        LimitError
            For a pulse that the instrument cannot make.
        """
        level = self.check_level(voltage)
        self.check_width(width)
        with self.line.lock:
            # The sweep would switch the output on, for whatever reason it is off.
            self.act_on(":ABOR", 0, 0.0)
            if self._cycle is None:
                _, self._cycle = self._step("0", 0.0)
            if self._cycle > width:
                raise LimitError(
                    f"{self.label} is asked for a pulse of {width:g} s and needs {self._cycle:g} s "
                    "for each point of a sweep. Use a longer pulse."
                )
            return Reading(float("nan"), self._step(level, width - self._cycle)[0])

    def sweep(
        self, voltages: Sequence[float], dwell: float
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Force each voltage (V) for ``dwell`` (s) and measure; end at 0 V.

        The list runs in the instrument, up to 2 499 levels and the 0 V at its end in one go.
        """
        currents, flags = np.empty(len(voltages)), np.empty(len(voltages), dtype=np.uint8)
        for start, levels in self.parts(voltages):
            with self.line.lock:
                found, status = self._run_list(levels, dwell)
            stop = start + len(levels) - 1
            currents[start:stop] = found[:-1]
            flags[start:stop] = [_flag(value) for value in status[:-1]]
        return flagged(currents, flags)

    def interlock(self) -> bool | None:
        """Tell whether the interlock is closed."""
        return self.box.number(":OUTP:INT:TRIP?") == 1.0

    def rest(self) -> str:
        """Return the message that brings the channel to 0 V and off from any state."""
        return ":ABOR;:SOUR:VOLT 0;:SOUR:CURR 0;:OUTP OFF;:FORM ASC"

    def _step(self, level: str, delay: float) -> tuple[Flag, float]:
        """Go to a level (V), then to 0 V; return the flag there and how long it lasted, s.

        A sweep leaves the output off, which is at 0 V, too; it is switched on again.
        """
        message = (
            f":SENS:CURR:NPLC {SHORTEST_NPLC};:SOUR:LIST:VOLT {level},0;{_load(delay)};"
            f":INIT;*OPC?;:SOUR:VOLT 0;:OUTP ON;:SENS:CURR:NPLC {float(self._nplc)!r};"
            f":TRAC:DATA? 1,2,{BUFFER},SOURSTAT,REL"
        )
        self._delay = None
        _, answer = self.act(message, 2, 2 * delay)
        status, began, _, ended = self.numbers(message, answer, 4)
        return _flag(status), ended - began

    def _run_list(
        self, levels: Sequence[str], dwell: float
    ) -> tuple[NDArray[np.float64], list[float]]:
        """Run one list; return currents (A) and source status of each level."""
        count = len(levels)
        self._delay = None
        self.act_on(":ABOR", 0, 0.0)  # a sweep switches the output on, even where it must be off
        self.send_list(levels)
        busy = count * (dwell + 2 * CYCLE + 3 * self.aperture())
        self.act(f"{_load(dwell)};:INIT;*OPC?;:SOUR:VOLT 0;:OUTP ON", 1, busy)
        self.act(":FORM SRE", 0, 0.0)
        block = self.line.query_block(f":TRAC:DATA? 1,{count},{BUFFER},READ", 4 * count)
        # A status is no number to the instrument, and never sent in a block.
        message = f":FORM ASC;:TRAC:DATA? 1,{count},{BUFFER},SOURSTAT"
        [answer] = self.act(message, 1, 0.0)
        return np.frombuffer(block, "<f4").astype(np.float64), self.numbers(message, answer, count)

    def _read(self, message: str, settle: float) -> Reading:
        """Do a message with one reading in it, ``settle`` (s) after the source."""
        if settle != self._delay:
            message = f":SOUR:VOLT:DEL {float(settle)!r};{message}"
        [answer] = self.act_on(message, 1, settle + self.aperture())
        self._delay = settle
        current, status = self.numbers(message, answer, 2)
        return self.reading(current, _flag(status))


def _load(delay: float) -> str:
    """Return the command that makes a sweep of the list, with a delay (s) before each reading."""
    return f":SOUR:SWE:VOLT:LIST 1,{delay:.9g},1,OFF,{BUFFER}"


def _flag(status: float) -> Flag:
    return Flag.COMPLIANCE if int(status) & _LIMITED else Flag.OK
