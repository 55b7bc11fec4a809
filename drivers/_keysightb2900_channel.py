"""One channel of a Keysight B2900: what it is told for each action.

Source: *Keysight B2900 Series SCPI Command Reference*, B2910-90030, chapters 1 (data output), 2
(trigger system, list sweep, pulse) and 4 (commands).

The transient action changes the source, the acquire action measures; what comes between them is
the delay of the acquire trigger. ``:OUTP:PROT`` would switch the output off whenever a cell reaches
the compliance, which is how cells are set, and stays off. The box has no voltage limit of its own
but a fixed source range.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from drivers._sourcemeter import ReadBack, ScpiSourceMeter, flagged
from labctl.instruments import Flag, Reading

SHORTEST_APERTURE = 8e-6
"""s, of a measurement."""
POINT = 1e-3
"""s, of a point of a sweep besides delay and integration, at most; for time-outs."""
_LIMITED, _OVERFLOW = 2, 8192
"""Bits of the status of a reading."""


class B2900Channel(ScpiSourceMeter):
    """One channel of a B2900, as a :class:`labctl.instruments.SourceMeter`."""

    overhead = 0.7e-3

    def setup(self, compliance: float, nplc: float, current_range: float) -> Sequence[str]:
        """Return the messages that make the channel ready, level first at 0 V."""
        c, source, sense, out = self.name, self.source, self.sense, self.out
        return (
            f":ABOR (@{c})",
            f"{out}:ON:AUTO OFF;{out}:OFF:AUTO OFF",  # else a measurement switches it on
            f"{source}:FUNC:MODE VOLT;{source}:FUNC:SHAP DC",
            f"{source}:VOLT:MODE FIX",
            f"{source}:VOLT 0;{source}:VOLT:TRIG 0",
            f"{source}:VOLT:RANG:AUTO OFF;{source}:VOLT:RANG {self._voltage_limit!r}",
            f"{source}:SWE:RANG FIX",
            f"{source}:WAIT OFF;{sense}:WAIT OFF",
            f"{out}:OFF:MODE NORM;{out}:PROT OFF",
            f"{sense}:REM OFF",
            f'{sense}:FUNC:OFF:ALL;{sense}:FUNC "CURR"',
            f"{sense}:CURR:PROT {float(compliance)!r}",
            f"{sense}:CURR:RANG:AUTO OFF;{sense}:CURR:RANG {float(current_range)!r}",
            f"{sense}:CURR:NPLC {float(nplc)!r}",
            f":ARM{c}:COUN 1;:ARM{c}:SOUR AINT;:ARM{c}:DEL 0",
            f":TRIG{c}:COUN 1;:TRIG{c}:SOUR AINT;:TRIG{c}:DEL 0",
            ":FORM:ELEM:SENS CURR,STAT",
            ":FORM ASC;:FORM:BORD SWAP",
        )

    def read_backs(self, compliance: float, nplc: float, current_range: float) -> list[ReadBack]:
        """Return what must be read back."""
        return [
            ReadBack(f"{self.sense}:CURR:PROT?", compliance, "A"),
            ReadBack(f"{self.sense}:CURR:RANG?", current_range / 1.05, "A", at_least=True),
            ReadBack(f"{self.sense}:CURR:NPLC?", nplc, "line cycles"),
            ReadBack(f"{self.source}:VOLT:RANG?", self._voltage_limit / 1.05, "V", at_least=True),
        ]

    def protect(self, voltage: float) -> None:
        """Fix the source range at the voltage limit (V): the only one that the box has."""
        self.box.do(f"{self.source}:VOLT:RANG:AUTO OFF;{self.source}:VOLT:RANG {voltage!r}")

    def force(self, voltage: float, settle: float = 0.0) -> Flag:
        """Bring the terminal to ``voltage`` (V), wait ``settle`` (s); return whether limited."""
        level = self.check_level(voltage)
        if settle > 0.0:
            return self._read(f"{self.source}:VOLT {level};{self._acquire()}", settle).flag
        message = f"{self.source}:VOLT {level};{self.sense}:CURR:PROT:TRIP?"
        [tripped] = self.act_on(message, 1, 0.0)
        return Flag.COMPLIANCE if self.numbers(message, tripped, 1)[0] else Flag.OK

    def measure(self, voltage: float, settle: float) -> Reading:
        """Force ``voltage`` (V), wait ``settle`` (s), measure the current, return to 0 V."""
        level = self.check_level(voltage)
        message = f"{self.source}:VOLT {level};{self._acquire()};{self.source}:VOLT 0"
        return self._read(message, settle)

    def pulse(self, voltage: float, width: float) -> Reading:
        """Force ``voltage`` (V) for ``width`` (s) and return to 0 V, by the pulse of the box.

        A short measurement that ends with the pulse tells whether it was limited.
        """
        level = self.check_level(voltage)
        self.check_width(width)
        c, source, sense = self.name, self.source, self.sense
        aperture = min(self.aperture(), max(SHORTEST_APERTURE, width / 4))
        message = (
            f"{source}:FUNC:SHAP PULS;{source}:PULS:DEL 0;{source}:PULS:WIDT {float(width)!r};"
            f"{source}:VOLT:TRIG {level};{sense}:CURR:APER {aperture!r};"
            f":TRIG{c}:ACQ:DEL {width - aperture:.9g};:INIT (@{c});*OPC?;:FETC:ARR? (@{c});"
            f"{source}:FUNC:SHAP DC;{source}:VOLT 0;{sense}:CURR:NPLC {float(self._nplc)!r}"
        )
        self._delay = None
        _, answer = self.act_on(message, 2, width)
        flag = _flag(self.numbers(message, answer, 2)[1])
        return Reading(float("nan"), flag & Flag.COMPLIANCE)

    def sweep(
        self, voltages: Sequence[float], dwell: float
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Force each voltage (V) for ``dwell`` (s) and measure; end at 0 V.

        The list runs in the instrument, up to 2 499 levels and the 0 V at its end in one go.
        """
        currents, flags = np.empty(len(voltages)), np.empty(len(voltages), dtype=np.uint8)
        for start, levels in self.parts(voltages):
            with self.line.lock:
                found = self._run_list(levels, dwell)
            stop = start + len(levels) - 1
            currents[start:stop] = found[:-1, 0]
            flags[start:stop] = [_flag(value) for value in found[:-1, 1]]
        return flagged(currents, flags)

    def interlock(self) -> bool | None:
        """Tell whether the interlock is closed."""
        return self.box.number(":SYST:INT:TRIP?") == 0.0

    def rest(self) -> str:
        """Return the message that brings the channel to 0 V and off from any state."""
        c, source = self.name, self.source
        return (
            f":ABOR (@{c});{source}:FUNC:SHAP DC;{source}:VOLT:MODE FIX;{source}:VOLT 0;"
            f"{source}:CURR 0;{self.out} OFF;:FORM ASC"
        )

    def _acquire(self) -> str:
        return f":INIT:ACQ (@{self.name});*OPC?;:FETC:ARR? (@{self.name})"

    def _read(self, message: str, settle: float) -> Reading:
        """Do a message with one reading in it, ``settle`` (s) after the source."""
        if settle != self._delay:
            message = f":TRIG{self.name}:ACQ:DEL {float(settle)!r};{message}"
        _, answer = self.act_on(message, 2, settle + self.aperture())
        self._delay = settle
        current, status = self.numbers(message, answer, 2)
        return self.reading(current, _flag(status))

    def _run_list(self, levels: Sequence[str], dwell: float) -> NDArray[np.float64]:
        """Run one list; return current (A) and status, shape (levels, 2)."""
        c, count = self.name, len(levels)
        self._delay = None
        self.send_list(levels)
        busy = count * (dwell + POINT + self.aperture())
        self.act_on(
            f"{self.source}:VOLT:MODE LIST;:TRIG{c}:COUN {count};"
            f":TRIG{c}:ACQ:DEL {float(dwell)!r};:INIT (@{c});*OPC?;"
            f"{self.source}:VOLT:MODE FIX;{self.source}:VOLT 0;:TRIG{c}:COUN 1;:FORM REAL,32",
            1,
            busy,
        )
        block = self.line.query_block(f":FETC:ARR? (@{c})", 8 * count)
        self.act(":FORM ASC", 0, 0.0)
        return np.frombuffer(block, "<f4").astype(np.float64).reshape(-1, 2)


def _flag(status: float) -> Flag:
    word = int(status)
    flag = Flag.COMPLIANCE if word & _LIMITED else Flag.OK
    return flag | Flag.OVERFLOW if word & _OVERFLOW else flag
