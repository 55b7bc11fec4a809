"""One channel of a Keithley 2600, as a source meter and as pymeasure sees it.

Source: Keithley, *Series 2600B System SourceMeter Reference Manual*, 2600BS-901-01, ``smuX.*``,
``bufferVar.*``, ``format.*``. The functions keep to Lua 5.0, which the instrument has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from drivers._lined import LinedChannel
from labctl.errors import InstrumentError
from labctl.instruments import Flag, Reading

if TYPE_CHECKING:
    from drivers.keithley2600 import Keithley2600

# One function per action and channel lives in the instrument, so that an action is one short
# message and its timing is the instrument's own. With the output off, whoever has switched it off,
# a reading is no reading: "off" takes the place of the compliance then.
SCRIPT = """\
function labctl_limited_{c}() if smu{c}.source.output == 0 then return "off" end \
return smu{c}.source.compliance end
function labctl_force_{c}(v, t) smu{c}.source.levelv = v delay(t) \
print(v ~= 0 and labctl_limited_{c}(), errorqueue.count) end
function labctl_measure_{c}(v, t) smu{c}.source.levelv = v delay(t) \
local i = smu{c}.measure.i() local c = labctl_limited_{c}() \
smu{c}.source.levelv = 0 print(c, errorqueue.count, i) end
function labctl_pulse_{c}(v, t) smu{c}.source.levelv = v delay(t) \
local c = labctl_limited_{c}() smu{c}.source.levelv = 0 print(c, errorqueue.count) end
function labctl_sweep_{c}(b, v, t) for k, level in ipairs(v) do \
smu{c}.source.levelv = level delay(t) smu{c}.measure.i(b) end \
print(labctl_limited_{c}(), errorqueue.count, b.n) end
function labctl_send_{c}(b) format.data = format.REAL64 \
printbuffer(1, b.n, b.readings, b.statuses) format.data = format.ASCII end
function labctl_off_{c}() smu{c}.abort() smu{c}.source.levelv = 0 \
smu{c}.source.output = smu{c}.OUTPUT_OFF print(smu{c}.source.output) end
"""
OVERFLOW = 9.9e37
"""Readings from here on are no numbers."""
LIMITED = 0x40
"""Bit of a buffer status: the source was limited while it measured."""
SWEPT = 100
"""Most points that one message sweeps, to keep messages short."""
BLOCK = 0.5
"""Longest sweep of one message, s: in between it can be broken off."""
_NO_ERROR = "0.000000000e+00"
"""As the count of errors is printed with the precision that a channel sets."""
_FLAGS = {"false": Flag.OK, "true": Flag.COMPLIANCE}
_READING = np.dtype([("current", "<f8"), ("status", "<f8")])


class Keithley2600Channel(LinedChannel):
    """One SMU of a 2600 box, as a :class:`labctl.instruments.SourceMeter`.

    The properties are for people at a prompt; what runs for every cell goes through functions
    in the instrument.
    """

    source_function = LinedChannel.control(
        "print(smu{ch}.source.func)", "smu{ch}.source.func = %d",
        """Control what is sourced (str, "voltage" or "current").""",
        validator=strict_discrete_set, values={"current": 0, "voltage": 1}, map_values=True,
        get_process=lambda value: round(value),
        check_set_errors=True,
    )  # fmt: skip
    source_voltage = LinedChannel.control(
        "print(smu{ch}.source.levelv)", "smu{ch}.source.levelv = %.15g",
        """Control the source level in V (float strictly from -202 to 202, or to 40.4).""",
        validator=strict_range, values=(-202.0, 202.0), dynamic=True,
        check_set_errors=True,
    )  # fmt: skip
    source_current = LinedChannel.control(
        "print(smu{ch}.source.leveli)", "smu{ch}.source.leveli = %.15g",
        """Control the source level in A (float strictly from -1.515 to 1.515, or to 3.03).""",
        validator=strict_range, values=(-1.515, 1.515), dynamic=True,
        check_set_errors=True,
    )  # fmt: skip
    compliance_current = LinedChannel.control(
        "print(smu{ch}.source.limiti)", "smu{ch}.source.limiti = %.15g",
        """Control the current limit of the voltage source in A (float, positive).""",
        validator=strict_range, values=(1e-10, 1.515), dynamic=True,
        check_set_errors=True,
    )  # fmt: skip
    compliance_voltage = LinedChannel.control(
        "print(smu{ch}.source.limitv)", "smu{ch}.source.limitv = %.15g",
        """Control the voltage limit of the current source in V (float, positive).""",
        validator=strict_range, values=(0.01, 202.0), dynamic=True,
        check_set_errors=True,
    )  # fmt: skip
    source_voltage_range = LinedChannel.control(
        "print(smu{ch}.source.rangev)", "smu{ch}.source.rangev = %.15g",
        """Control the range of the voltage source in V (float; the next larger one is taken).""",
        validator=strict_range, values=(-202.0, 202.0), dynamic=True,
        check_set_errors=True,
    )  # fmt: skip
    measure_current_range = LinedChannel.control(
        "print(smu{ch}.measure.rangei)", "smu{ch}.measure.rangei = %.15g",
        """Control the range of the ammeter in A (float; the next larger one is taken).""",
        validator=strict_range, values=(-1.515, 1.515), dynamic=True,
        check_set_errors=True,
    )  # fmt: skip
    nplc = LinedChannel.control(
        "print(smu{ch}.measure.nplc)", "smu{ch}.measure.nplc = %.15g",
        """Control the integration time in power-line cycles (float strictly from 0.001 to 25).""",
        validator=strict_range, values=(0.001, 25.0),
        check_set_errors=True,
    )  # fmt: skip
    output_enabled = LinedChannel.control(
        "print(smu{ch}.source.output)", "smu{ch}.source.output = %d",
        """Control whether the output is on (bool).""",
        validator=strict_discrete_set, values={True: 1, False: 0}, map_values=True,
        get_process=lambda value: round(value),
        check_set_errors=True,
    )  # fmt: skip
    sense_mode = LinedChannel.control(
        "print(smu{ch}.sense)", "smu{ch}.sense = %d",
        """Control whether the voltage is sensed by two wires or four (str, "local", "remote").""",
        validator=strict_discrete_set, values={"local": 0, "remote": 1}, map_values=True,
        get_process=lambda value: round(value),
        check_set_errors=True,
    )  # fmt: skip
    compliance = LinedChannel.measurement(
        "print(smu{ch}.source.compliance)",
        """Get whether the source is at its limit (bool).""",
        values={True: "true", False: "false"}, map_values=True,
    )  # fmt: skip
    current = LinedChannel.measurement(
        "print(smu{ch}.measure.i())",
        """Measure the current in A, at the present level (float, 9.91e37 for an overflow).""",
    )
    voltage = LinedChannel.measurement(
        "print(smu{ch}.measure.v())",
        """Measure the voltage in V, at the present level (float, 9.91e37 for an overflow).""",
    )

    overhead = 0.49e-3
    """Bench time of one command besides its pulse, settling and integration, s."""

    def __init__(self, box: Keithley2600, name: str) -> None:
        super().__init__(box, name)
        self.box, self.name, self.line = box, name, box.line
        self.smu = f"smu{name}"
        ability = box.ability
        self.max_voltage, self.max_current = ability.max_voltage, ability.max_current
        self.min_compliance, self.shortest_pulse = ability.min_compliance, ability.shortest_pulse
        self.source_voltage_values = (-self.max_voltage, self.max_voltage)
        self.source_voltage_range_values = (-self.max_voltage, self.max_voltage)
        self.source_current_values = (-self.max_current, self.max_current)
        self.measure_current_range_values = (-self.max_current, self.max_current)
        self.compliance_current_values = (self.min_compliance, self.max_current)
        self.compliance_voltage_values = (0.01, self.max_voltage)
        self._voltage_range, self._limits = 20.0, ""
        self._query = box.line.query
        self._calls = {a: f"labctl_{a}_{name}(" for a in ("force", "measure", "pulse")}
        for line in SCRIPT.format(c=name).splitlines():
            box.line.send(line)
        box.raise_errors(f"Loading the functions of channel {name}")
        self.line_frequency = float(box.line_frequency)
        self._read_time = 1.0 / self.line_frequency

    def prepare(self, *, compliance: float, nplc: float, current_range: float) -> None:
        """Set compliance (A), integration time (line cycles) and current range (A) at 0 V.

        All of it is one message, and what counts is read back.
        """
        smu = self.smu
        self.line.send(
            f"format.asciiprecision = 10 format.byteorder = format.LITTLEENDIAN "
            f"{smu}.source.func = {smu}.OUTPUT_DCVOLTS {smu}.source.levelv = 0 "
            f"{smu}.source.leveli = 0 {smu}.sense = {smu}.SENSE_LOCAL {self._limits}"
            f"{smu}.source.rangev = {self._voltage_range!r} "
            f"{smu}.source.limiti = {float(compliance)!r} "
            f"{smu}.measure.autorangei = {smu}.AUTORANGE_OFF "
            f"{smu}.measure.rangei = {float(current_range)!r} "
            f"{smu}.measure.nplc = {float(nplc)!r} {smu}.measure.autozero = {smu}.AUTOZERO_ONCE "
            f"{smu}.measure.delay = 0 {smu}.measure.count = 1 "
            f"{smu}.nvbuffer1.clear() {smu}.nvbuffer1.appendmode = 1 "
            f"{smu}.nvbuffer1.collecttimestamps = 1"
        )
        self.box.raise_errors(f"Setting up channel {self.name} of {self.box.name}")
        answer = self._query(
            f"print({smu}.source.limiti, {smu}.measure.nplc, {smu}.measure.rangei, "
            f"{smu}.source.rangev)"
        )
        got = [self._number(part) for part in answer.split("\t")]
        if len(got) != 4:
            raise self._senseless(answer)
        self._confirm("source.limiti", got[0], compliance, "A")
        self._confirm("measure.nplc", got[1], nplc, "line cycles")
        self._confirm("measure.rangei", got[2], current_range, "A", at_least=True)
        self._confirm("source.rangev", got[3], self._voltage_range, "V", at_least=True)
        self._read_time = nplc / self.line_frequency

    def set_limits(self, *, voltage: float, current: float) -> None:
        """Have the instrument itself limit level (V, by its range) and current (A).

        The voltage limit of its current source is set, too, should anybody else turn it into one.
        """
        if current > self.max_current:
            raise InstrumentError(
                f"{self.box.name} cannot limit at {current:g} A; its largest is "
                f"{self.max_current:g} A."
            )
        smu, self._voltage_range = self.smu, float(voltage)
        # Sent with the rest: with the ranges that somebody left behind it might be refused.
        self._limits = (
            f"{smu}.source.limitv = {max(self._voltage_range, 0.02)!r} "
            f"{smu}.source.limiti = {float(current)!r} "
        )

    def output(self, on: bool) -> None:
        """Switch the output, at 0 V."""
        smu = self.smu
        state = "OUTPUT_ON" if on else "OUTPUT_OFF"
        answer = self._query(
            f"{smu}.source.levelv = 0 {smu}.source.output = {smu}.{state} "
            f"print({smu}.source.output)"
        )
        if round(self._number(answer)) != int(on):
            raise InstrumentError(
                f"{self.box.name} channel {self.name} refused to switch its output "
                f"{'on' if on else 'off'}: {'; '.join(self.box.self_check()) or 'no error given'}."
            )

    def force(self, voltage: float, settle: float = 0.0) -> Flag:
        """Bring the terminal to ``voltage`` (V), wait ``settle`` (s); return whether limited."""
        return self._do("force", voltage, settle)[0]

    def measure(self, voltage: float, settle: float) -> Reading:
        """Force ``voltage`` (V), wait ``settle`` (s), measure the current, return to 0 V."""
        flag, current = self._do("measure", voltage, settle)
        value = self._number(current)
        if abs(value) >= OVERFLOW:
            return Reading(float("nan"), flag | Flag.OVERFLOW)
        return Reading(value, flag)

    def pulse(self, voltage: float, width: float) -> Reading:
        """Force ``voltage`` (V) for ``width`` (s), return to 0 V; tell whether it ended limited."""
        return Reading(float("nan"), self._do("pulse", voltage, width)[0])

    def sweep(
        self, voltages: Sequence[float], dwell: float
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Force each voltage (V) for ``dwell`` (s) and measure; end at 0 V.

        The levels run in the instrument, block by block without a pause at 0 V, and the readings
        come back as one binary block. Between two blocks the sweep can be broken off.
        """
        buffer, each = f"{self.smu}.nvbuffer1", float(dwell) + self._read_time
        block = max(1, min(SWEPT, int(BLOCK / max(each, 1e-6))))
        self.line.send(f"{buffer}.clear()")
        for start in range(0, len(voltages), block):
            levels = ", ".join(repr(float(v)) for v in voltages[start : start + block])
            call = f"labctl_sweep_{self.name}({buffer}, {{{levels}}}, {float(dwell)!r})"
            stored = self._call(call, busy=block * each)[1]
            if self._number(stored) != min(start + block, len(voltages)):
                raise self._senseless(stored)
        self.force(0.0)
        if not len(voltages):
            return np.empty(0), np.empty(0, dtype=np.uint8)
        size = len(voltages) * _READING.itemsize
        data = self.line.query_block(f"labctl_send_{self.name}({buffer})", size)
        found = np.frombuffer(data, dtype=_READING)
        return flagged(found["current"], found["status"])

    def interlock(self) -> bool | None:
        """Tell whether the interlock is closed; None for a model without one."""
        return self.box.interlock()

    def off(self) -> None:
        """Level to 0 V, output off; from any state."""
        answer = self._query(f"labctl_off_{self.name}()")
        if self._number(answer) != 0.0:
            raise InstrumentError(f"{self.box.name} channel {self.name} did not switch off.")

    def _do(self, action: str, voltage: float, seconds: float) -> tuple[Flag, str]:
        """Call one of the functions in the instrument; return its flag and what else it printed.

        Raises InstrumentError with the error queue and the call, where an error was queued.
        """
        call = f"{self._calls[action]}{float(voltage)!r}, {float(seconds)!r})"
        return self._call(call, busy=seconds)

    def _call(self, call: str, busy: float) -> tuple[Flag, str]:
        fields = self._query(call, busy).split("\t", 2)
        limited, count = fields[0], fields[1] if len(fields) > 1 else ""
        if limited in _FLAGS and count == _NO_ERROR:  # as nearly always
            return _FLAGS[limited], fields[2] if len(fields) > 2 else ""
        if limited == "off":
            raise InstrumentError(
                f"The output of {self.box.name} channel {self.name} was off at {call:.80}. Look "
                "for its interlock, or whether somebody has switched it off."
            )
        if limited not in _FLAGS or self._number(count) != 0.0:
            errors = "; ".join(self.box.self_check()) or "its error queue is empty"
            raise InstrumentError(
                f"{self.box.name} channel {self.name} failed at {call:.80}, answering "
                f"{limited!r}: {errors}."
            )
        return _FLAGS[limited], fields[2] if len(fields) > 2 else ""

    def _number(self, answer: str) -> float:
        try:
            return float(answer)
        except ValueError as error:
            raise self._senseless(answer) from error

    def _senseless(self, answer: Any) -> InstrumentError:
        return InstrumentError(
            f"{self.box.name} channel {self.name} answered {answer!r} where a number was "
            f"expected: {'; '.join(self.box.self_check()) or 'its error queue is empty'}."
        )

    def _confirm(
        self, attribute: str, got: float, wanted: float, unit: str, *, at_least: bool = False
    ) -> None:
        """Compare what an attribute reads back as; a range is the instrument's next larger one."""
        wrong = got < wanted * (1 - 1e-4) if at_least else abs(got - wanted) > 1e-4 * abs(wanted)
        if wrong:
            raise InstrumentError(
                f"{self.box.name} channel {self.name}: {attribute} was set to {wanted:g} {unit} "
                f"and reads back {got:g} {unit}."
            )


def flagged(
    currents: NDArray[np.float64], statuses: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    """Return currents (A, NaN where they overflow) and flags of what a buffer holds, shape (n,)."""
    limited = (statuses.astype(np.int64) & LIMITED) != 0
    flags = limited * np.uint8(Flag.COMPLIANCE)
    over = ~(np.abs(currents) < OVERFLOW)
    flags[over] |= np.uint8(Flag.OVERFLOW)
    return np.where(over, np.nan, currents), flags
