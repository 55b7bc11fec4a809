"""The source meter of a Keithley 2400: what it is told for each action.

Source: Keithley, *2400 Series SourceMeter User's Manual*, 2400S-900-01: sections 6 (source delay,
compliance), 10 (sweeps), 13 (output enable), 18 (commands, status word), appendix A (timing).

A fixed measure range limits the current below the compliance ("range compliance"), also that which
another source meter drives through the cell. So the channel rests, pulses and sweeps on the range
of its compliance, and is on the range for readings only while it reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from drivers._sourcemeter import ReadBack, ScpiSourceMeter, flagged
from labctl.instruments import Flag, Reading

CYCLE = 760e-6
"""s, of a source-delay-measure cycle with autozero off besides delay and integration: 225 us
latency, 50 us source configuration, 185 us conversion, 300 us firmware."""
SHORTEST_NPLC = 0.01
DELAY_STEP = 1e-4
"""Resolution of the source delay, s."""
_COMPLIANCE, _RANGE_COMPLIANCE = 1 << 3, 1 << 16
"""Bits of the status word."""


class Keithley2400Channel(ScpiSourceMeter):
    """The source meter of a 2400, as a :class:`labctl.instruments.SourceMeter`.

    Attributes
    ----------
    autozero
        Whether every reading refers to zero anew; else it does so once, in ``prepare``.
    """

    overhead = 2e-3
    autozero = False
    _to_read = _to_rest = ""

    def prepare(self, *, compliance: float, nplc: float, current_range: float) -> None:
        """Set compliance (A), integration time (line cycles) and range of readings (A) at 0 V."""
        self._to_read = self._to_rest = ""
        super().prepare(compliance=compliance, nplc=nplc, current_range=current_range)
        query = ":SENS:CURR:RANG?"
        reading = self.box.number(query)
        self.box.do(f":SENS:CURR:RANG {float(compliance)!r}")
        self._confirm(ReadBack(query, compliance, "A", at_least=True))
        if self.box.number(query) != reading:
            self._to_read = f":SENS:CURR:RANG {float(current_range)!r};"
            self._to_rest = f";:SENS:CURR:RANG {float(compliance)!r}"

    def setup(self, compliance: float, nplc: float, current_range: float) -> Sequence[str]:
        """Return the messages that make the channel ready, level first at 0 V."""
        zero = (":SYST:AZER ON",) if self.autozero else (":SYST:AZER OFF", ":SYST:AZER ONCE")
        return (
            ":ABOR",
            ":SOUR:FUNC VOLT",
            ":SOUR:VOLT:MODE FIX",
            ":SOUR:VOLT 0",
            f":SOUR:VOLT:RANG {self._voltage_limit!r}",
            ":SOUR:SWE:RANG FIX",
            ":SOUR:SWE:CAB NEV",
            ":SOUR:CLE:AUTO OFF",
            ":OUTP:SMOD NORM",
            ":SYST:RSEN OFF",
            ":SENS:FUNC:CONC OFF",
            ":SENS:FUNC 'CURR'",
            ":SENS:AVER OFF",
            # A compliance below 0.1 % of a fixed range is refused, and a range above that of the
            # compliance too; autorange lets both change.
            ":SENS:CURR:RANG:AUTO ON",
            f":SENS:CURR:PROT {float(compliance)!r}",
            f":SENS:CURR:RANG {float(current_range)!r}",
            f":SENS:CURR:NPLC {float(nplc)!r}",
            *zero,
            ":ARM:COUN 1;:ARM:SOUR IMM",
            ":TRIG:COUN 1;:TRIG:SOUR IMM;:TRIG:DEL 0",
            ":FORM:ELEM CURR,STAT",
            ":FORM ASC;:FORM:BORD SWAP",
        )

    def read_backs(self, compliance: float, nplc: float, current_range: float) -> list[ReadBack]:
        """Return what must be read back."""
        return [
            ReadBack(":SENS:CURR:PROT?", compliance, "A"),
            ReadBack(":SENS:CURR:RANG?", current_range, "A", at_least=True),
            ReadBack(":SENS:CURR:NPLC?", nplc, "line cycles"),
            ReadBack(":SOUR:VOLT:RANG?", self._voltage_limit, "V", at_least=True),
        ]

    def protect(self, voltage: float) -> None:
        """Write the voltage limit (V) into the voltage protection; its steps begin at 20 V."""
        self.box.do(f":SOUR:VOLT:PROT {voltage!r}")
        self._confirm(ReadBack(":SOUR:VOLT:PROT?", voltage, "V", at_least=True))

    def force(self, voltage: float, settle: float = 0.0) -> Flag:
        """Bring the terminal to ``voltage`` (V), wait ``settle`` (s); return whether limited.

        A wait is a source delay, which only a reading makes; it tells of the range as well.
        """
        level = self.check_level(voltage)
        if settle > 0.0:
            return self._read(f":SOUR:VOLT {level};:READ?", settle).flag
        message = f":SOUR:VOLT {level};:SENS:CURR:PROT:TRIP?"
        [tripped] = self.act_on(message, 1, 0.0)
        return Flag.COMPLIANCE if self.numbers(message, tripped, 1)[0] else Flag.OK

    def measure(self, voltage: float, settle: float) -> Reading:
        """Force ``voltage`` (V), wait ``settle`` (s), measure the current, return to 0 V."""
        level = self.check_level(voltage)
        return self._read(
            f"{self._to_read}:SOUR:VOLT {level};:READ?;:SOUR:VOLT 0{self._to_rest}", settle
        )

    def pulse(self, voltage: float, width: float) -> Reading:
        """Force ``voltage`` (V) for ``width`` (s), to 0.1 ms, and return to 0 V.

        A list of two levels: the second is due when the cycle of the first is over.
        """
        level = self.check_level(voltage)
        self.check_width(width)
        cycle = CYCLE + SHORTEST_NPLC / self.line_frequency
        delay = max(round((width - cycle) / DELAY_STEP) * DELAY_STEP, 0.0)
        message = (
            f":SENS:CURR:NPLC {SHORTEST_NPLC};:SOUR:DEL {delay:.4f};:SOUR:LIST:VOLT {level},0;"
            ":SOUR:VOLT:MODE LIST;:TRIG:COUN 2;:READ?;:SOUR:VOLT:MODE FIX;:SOUR:VOLT 0;"
            f":TRIG:COUN 1;:SENS:CURR:NPLC {float(self._nplc)!r}"
        )
        self._delay = None
        [answer] = self.act(message, 1, 2 * width)
        status = self.numbers(message, answer, 4)[1]
        return Reading(float("nan"), _flags(status))

    def sweep(
        self, voltages: Sequence[float], dwell: float
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Force each voltage (V) for ``dwell`` (s) and measure; end at 0 V.

        The list runs in the instrument, up to 2 499 levels and the 0 V at its end in one go.
        """
        currents, flags = np.empty(len(voltages)), np.empty(len(voltages), dtype=np.uint8)
        cycle = dwell + 2 * CYCLE + 3 * self.aperture()
        for start, levels in self.parts(voltages):
            with self.line.lock:
                found = self._run_list(levels, dwell, len(levels) * cycle)
            stop = start + len(found) - 1
            currents[start:stop] = found[:-1, 0]
            status = found[:-1, 1].astype(np.int64)
            flags[start:stop] = [_flags(value) for value in status]
        return flagged(currents, flags)

    def interlock(self) -> bool | None:
        """Tell whether the output-enable line lets the output on."""
        return self.box.number(":OUTP:ENAB:TRIP?") == 0.0

    def rest(self) -> str:
        """Return the message that brings the channel to 0 V and off from any state."""
        return ":ABOR;:SOUR:VOLT:MODE FIX;:SOUR:VOLT 0;:SOUR:CURR 0;:OUTP OFF;:FORM ASC"

    def _run_list(self, levels: Sequence[str], dwell: float, busy: float) -> NDArray[np.float64]:
        """Run one list; return current (A) and status word, shape (levels, 2)."""
        self._delay = None
        self.send_list(levels)
        message = (
            f":SOUR:VOLT:MODE LIST;:TRIG:COUN {len(levels)};:SOUR:DEL {_delay(dwell):.4f};"
            ":FORM REAL,32"
        )
        self.act_on(message, 0, 0.0)
        block = self.line.query_block(":READ?", 8 * len(levels), busy)
        self.act(":SOUR:VOLT:MODE FIX;:SOUR:VOLT 0;:TRIG:COUN 1;:FORM ASC", 0, 0.0)
        return np.frombuffer(block, "<f4").astype(np.float64).reshape(-1, 2)

    def _read(self, message: str, settle: float) -> Reading:
        """Do a message with one reading in it, ``settle`` (s) after the source."""
        delay = _delay(settle)
        if delay != self._delay:
            message = f":SOUR:DEL {delay:.4f};{message}"
        [answer] = self.act(message, 1, delay + self.aperture())
        self._delay = delay
        current, status = self.numbers(message, answer, 2)
        return self.reading(current, _flags(status))


def _delay(seconds: float) -> float:
    """Return a time as the source delay can make it, not less than asked for, s."""
    return ceil(seconds / DELAY_STEP - 1e-6) * DELAY_STEP


def _flags(status: float) -> Flag:
    word = int(status)
    flag = Flag.COMPLIANCE if word & _COMPLIANCE else Flag.OK
    if word & _RANGE_COMPLIANCE:
        flag |= Flag.RANGE
    return flag | Flag.OVERFLOW if word & 1 else flag
