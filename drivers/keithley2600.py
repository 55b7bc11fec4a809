"""Keithley 2600 series source meters (2601B to 2636B), TSP.

Source: Keithley, *Series 2600B System SourceMeter Reference Manual*, 2600BS-901-01. pymeasure's
own driver sends every level with ``%f`` and so turns 2 nA into 0; this one keeps full precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymeasure.instruments import Instrument

from drivers._line import connect
from drivers._tsp import TspInstrument
from labctl.errors import InstrumentError
from labctl.instruments import Flag, Reading, SafeMessages, SourceMeterAbility

_HIGH_CURRENT = SourceMeterAbility(
    channels=("a", "b"),
    max_voltage=40.4,
    max_current=3.03,
    min_compliance=10e-9,
    shortest_pulse=1e-4,
)
_HIGH_VOLTAGE = SourceMeterAbility(
    channels=("a", "b"),
    max_voltage=202.0,
    max_current=1.515,
    min_compliance=10e-9,
    shortest_pulse=1e-4,
)
_LOW_CURRENT = SourceMeterAbility(
    channels=("a", "b"),
    max_voltage=202.0,
    max_current=1.515,
    min_compliance=1e-10,
    shortest_pulse=1e-4,
)
MODELS = {
    "2601B": _HIGH_CURRENT.with_channels("a"),
    "2602B": _HIGH_CURRENT,
    "2604B": _HIGH_CURRENT,
    "2611B": _HIGH_VOLTAGE.with_channels("a"),
    "2612B": _HIGH_VOLTAGE,
    "2614B": _HIGH_VOLTAGE,
    "2634B": _LOW_CURRENT,
    "2635B": _LOW_CURRENT.with_channels("a"),
    "2636B": _LOW_CURRENT,
}

# One function per action and channel lives in the instrument, so that an action is one short
# message and its timing is the instrument's own.
_SCRIPT = """\
function labctl_force_{c}(v, t) smu{c}.source.levelv = v delay(t) \
print(smu{c}.source.compliance, errorqueue.count) end
function labctl_measure_{c}(v, t) smu{c}.source.levelv = v delay(t) \
local i = smu{c}.measure.i() local c = smu{c}.source.compliance \
smu{c}.source.levelv = 0 print(c, errorqueue.count, i) end
function labctl_pulse_{c}(v, t) smu{c}.source.levelv = v delay(t) \
local c = smu{c}.source.compliance smu{c}.source.levelv = 0 print(c, errorqueue.count) end
function labctl_off_{c}() smu{c}.abort() smu{c}.source.levelv = 0 \
smu{c}.source.output = smu{c}.OUTPUT_OFF print(smu{c}.source.output) end
"""
_OVERFLOW = 9.9e37
_FLAGS = {"false": Flag.OK, "true": Flag.COMPLIANCE}


def abilities(model: str) -> SourceMeterAbility | None:
    """Return what a model can do, or None where this driver does not know it."""
    return MODELS.get(model)


def open_instrument(
    address: str, model: str, visa_library: str, timeout: float = 5.0
) -> Keithley2600:
    """Connect to the instrument at a VISA address; sends nothing but ``*IDN?``."""
    return Keithley2600(connect(address, visa_library, timeout), model)


def safe_messages(model: str) -> SafeMessages:
    """Return what brings the channels of a model to zero and off."""
    channels = MODELS[model].channels
    return SafeMessages(
        break_off=("abort",),
        zero={
            c: (f"smu{c}.abort() smu{c}.source.levelv = 0 smu{c}.source.leveli = 0",)
            for c in channels
        },
        off={c: (f"smu{c}.source.output = smu{c}.OUTPUT_OFF",) for c in channels},
    )


class Keithley2600(TspInstrument):
    """One box of the 2600 series with one or two channels."""

    def __init__(self, adapter: Any, model: str = "2636B", **kwargs: Any) -> None:
        super().__init__(adapter, f"Keithley {model}", **kwargs)
        self.ability = MODELS[model]
        self._channels: dict[str, Keithley2600Channel] = {}

    line_frequency = Instrument.measurement(
        "print(localnode.linefreq)", """Get the power-line frequency in Hz."""
    )

    def channel(self, name: str) -> Keithley2600Channel:
        """Return channel ``"a"`` or ``"b"``, its functions loaded into the instrument."""
        if name not in self.ability.channels:
            raise InstrumentError(
                f"{self.name} has no channel {name!r}; it has {', '.join(self.ability.channels)}."
            )
        if name not in self._channels:
            self._channels[name] = Keithley2600Channel(self, name)
        return self._channels[name]


class Keithley2600Channel:
    """One SMU of a 2600 box, as a :class:`labctl.instruments.SourceMeter`."""

    def __init__(self, box: Keithley2600, name: str) -> None:
        self.box, self.name, self.line = box, name, box.line
        self.smu = f"smu{name}"
        ability = box.ability
        self.max_voltage, self.max_current = ability.max_voltage, ability.max_current
        self.min_compliance, self.shortest_pulse = ability.min_compliance, ability.shortest_pulse
        self.overhead = 0.7e-3
        self._voltage_range = 20.0
        for line in _SCRIPT.format(c=name).splitlines():
            box.line.send(line)
        box.raise_errors(f"Loading the functions of channel {name}")
        self.line_frequency = float(box.line_frequency)

    def prepare(self, *, compliance: float, nplc: float, current_range: float) -> None:
        """Set compliance (A), integration time (line cycles) and current range (A) at 0 V."""
        smu = self.smu
        for command in (
            "format.asciiprecision = 10",
            f"{smu}.source.func = {smu}.OUTPUT_DCVOLTS",
            f"{smu}.source.levelv = 0",
            f"{smu}.source.rangev = {self._voltage_range!r}",
            f"{smu}.sense = {smu}.SENSE_LOCAL",
            f"{smu}.source.limiti = {float(compliance)!r}",
            f"{smu}.measure.autorangei = {smu}.AUTORANGE_OFF",
            f"{smu}.measure.rangei = {float(current_range)!r}",
            f"{smu}.measure.nplc = {float(nplc)!r}",
            f"{smu}.measure.autozero = {smu}.AUTOZERO_ONCE",
            f"{smu}.measure.delay = 0",
        ):
            self.line.send(command)
        self.box.raise_errors(f"Setting up channel {self.name} of {self.box.name}")
        self._confirm("source.limiti", compliance, "A")
        self._confirm("measure.nplc", nplc, "line cycles")
        self._confirm("measure.rangei", current_range, "A", at_least=True)
        self._confirm("source.rangev", self._voltage_range, "V", at_least=True)

    def set_limits(self, *, voltage: float, current: float) -> None:
        """Remember the voltage range the limits need; the compliance carries the current."""
        if current > self.max_current:
            raise InstrumentError(
                f"{self.box.name} cannot limit at {current:g} A; its largest is "
                f"{self.max_current:g} A."
            )
        self._voltage_range = float(voltage)

    def output(self, on: bool) -> None:
        """Switch the output, at 0 V."""
        smu = self.smu
        state = "OUTPUT_ON" if on else "OUTPUT_OFF"
        answer = self.line.query(
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
        if abs(value) >= _OVERFLOW:
            return Reading(float("nan"), flag | Flag.OVERFLOW)
        return Reading(value, flag)

    def pulse(self, voltage: float, width: float) -> Reading:
        """Force ``voltage`` (V) for ``width`` (s) and return to 0 V."""
        return Reading(float("nan"), self._do("pulse", voltage, width)[0])

    def sweep(
        self, voltages: Sequence[float], dwell: float
    ) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Force each voltage (V) for ``dwell`` (s) and measure; end at 0 V."""
        currents, flags = np.empty(len(voltages)), np.empty(len(voltages), dtype=np.uint8)
        smu = self.smu
        for k, voltage in enumerate(voltages):
            answer = self.line.query(
                f"{smu}.source.levelv = {float(voltage)!r} delay({float(dwell)!r}) "
                f"print({smu}.measure.i(), {smu}.source.compliance)"
            )
            current, _, limited = answer.partition("\t")
            currents[k], flags[k] = self._number(current), _FLAGS.get(limited, Flag.OVERFLOW)
            if abs(currents[k]) >= _OVERFLOW:
                currents[k], flags[k] = np.nan, flags[k] | Flag.OVERFLOW
        self.force(0.0)
        self.box.raise_errors(f"Sweeping channel {self.name} of {self.box.name}")
        return currents, flags

    def off(self) -> None:
        """Level to 0 V, output off; from any state."""
        answer = self.line.query(f"labctl_off_{self.name}()")
        if self._number(answer) != 0.0:
            raise InstrumentError(f"{self.box.name} channel {self.name} did not switch off.")

    def _do(self, action: str, voltage: float, seconds: float) -> tuple[Flag, str]:
        """Call one of the functions in the instrument; return its flag and what else it printed.

        Raises InstrumentError with the error queue and the call, where an error was queued.
        """
        call = f"labctl_{action}_{self.name}({float(voltage)!r}, {float(seconds)!r})"
        limited, _, rest = self.line.query(call).partition("\t")
        count, _, rest = rest.partition("\t")
        if limited not in _FLAGS or self._number(count) != 0.0:
            errors = "; ".join(self.box.self_check()) or "its error queue is empty"
            raise InstrumentError(
                f"{self.box.name} channel {self.name} failed at {call}, answering "
                f"{limited!r}: {errors}."
            )
        return _FLAGS[limited], rest

    def _number(self, answer: str) -> float:
        try:
            return float(answer)
        except ValueError as error:
            raise InstrumentError(
                f"{self.box.name} channel {self.name} answered {answer!r} where a number was "
                f"expected: {'; '.join(self.box.self_check()) or 'its error queue is empty'}."
            ) from error

    def _confirm(self, attribute: str, wanted: float, unit: str, *, at_least: bool = False) -> None:
        """Read an attribute back; a range is the instrument's next larger one."""
        got = self._number(self.line.query(f"print({self.smu}.{attribute})"))
        wrong = got < wanted * (1 - 1e-4) if at_least else abs(got - wanted) > 1e-4 * abs(wanted)
        if wrong:
            raise InstrumentError(
                f"{self.box.name} channel {self.name}: {attribute} was set to {wanted:g} {unit} "
                f"and reads back {got:g} {unit}."
            )
