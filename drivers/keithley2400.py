"""Keithley 2400, 2401, 2410 and 2420 source meters, SCPI.

Source: Keithley, *2400 Series SourceMeter User's Manual*, 2400S-900-01, section 18 and appendix A.

Readings are taken by ``:READ?`` with the output on and never by ``:MEAS?``, which resets range and
compliance to 105 uA and switches the output on. pymeasure's own driver reads by ``:MEAS?``.
"""

from __future__ import annotations

from typing import Any

from pymeasure.instruments import Instrument
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from drivers._keithley2400_channel import Keithley2400Channel
from drivers._line import connect
from drivers._scpi import ScpiInstrument
from labctl.errors import InstrumentError
from labctl.instruments import SafeMessages, SourceMeterAbility

# A pulse is one cycle at its level, with the shortest integration: 0.76 ms + 0.01 / (50 Hz).
_MODEL_2400 = SourceMeterAbility(
    channels=("a",),
    max_voltage=210.0,
    max_current=1.05,
    min_compliance=1e-9,
    shortest_pulse=1e-3,
    overhead=Keithley2400Channel.overhead,
)
MODELS = {
    "2400": _MODEL_2400,
    "2401": SourceMeterAbility(("a",), 21.0, 1.05, 1e-9, 1e-3, Keithley2400Channel.overhead),
    "2410": SourceMeterAbility(("a",), 1100.0, 1.05, 1e-9, 1e-3, Keithley2400Channel.overhead),
    "2420": SourceMeterAbility(("a",), 63.0, 3.15, 1e-8, 1e-3, Keithley2400Channel.overhead),
}


def abilities(model: str) -> SourceMeterAbility | None:
    """Return what a model can do, or None where this driver does not know it."""
    return MODELS.get(model)


def open_instrument(
    address: str, model: str, visa_library: str, timeout: float = 5.0
) -> Keithley2400:
    """Connect to the instrument at a VISA address; sends nothing but ``*IDN?``."""
    return Keithley2400(connect(address, visa_library, timeout), model)


def safe_messages(model: str) -> SafeMessages:
    """Return what brings the channel of a model to zero and off."""
    return SafeMessages(
        break_off=(":ABOR",),
        zero={"a": (":ABOR", ":SOUR:VOLT:MODE FIX;:SOUR:VOLT 0;:SOUR:CURR 0")},
        off={"a": (":OUTP OFF",)},
    )


class Keithley2400(ScpiInstrument):
    """One box; its one channel is ``"a"``."""

    quiet = (":SOUR:VOLT 0", ":OUTP OFF")
    break_off = (":ABOR",)

    def __init__(self, adapter: Any, model: str = "2400", **kwargs: Any) -> None:
        super().__init__(adapter, f"Keithley {model}", **kwargs)
        self.ability = MODELS[model]
        self._channel: Keithley2400Channel | None = None

    voltage = Instrument.control(
        ":SOUR:VOLT?",
        ":SOUR:VOLT %r",
        """Control the source level in V (float strictly from -1100 to 1100, of which the
        instrument refuses what its model cannot source).""",
        validator=strict_range,
        values=(-1100.0, 1100.0),
        set_process=float,
        check_set_errors=True,
    )
    compliance = Instrument.control(
        ":SENS:CURR:PROT?",
        ":SENS:CURR:PROT %r",
        """Control the current compliance in A (float strictly from 1 nA to 3.15 A, of which the
        instrument refuses what its model cannot limit).""",
        validator=strict_range,
        values=(1e-9, 3.15),
        set_process=float,
        check_set_errors=True,
    )
    current_range = Instrument.control(
        ":SENS:CURR:RANG?",
        ":SENS:CURR:RANG %r",
        """Control the current measure range in A (float); the instrument takes the next larger
        one, up to that of the compliance, and autorange goes off.""",
        set_process=float,
        check_set_errors=True,
    )
    nplc = Instrument.control(
        ":SENS:CURR:NPLC?",
        ":SENS:CURR:NPLC %r",
        """Control the integration time in power-line cycles (float from 0.01 to 10).""",
        validator=strict_range,
        values=(0.01, 10.0),
        set_process=float,
        check_set_errors=True,
    )
    source_delay = Instrument.control(
        ":SOUR:DEL?",
        ":SOUR:DEL %r",
        """Control the delay between source and measurement in s (float from 0 to 999.9999).""",
        validator=strict_range,
        values=(0.0, 999.9999),
        set_process=float,
        check_set_errors=True,
    )
    voltage_protection = Instrument.control(
        ":SOUR:VOLT:PROT?",
        ":SOUR:VOLT:PROT %r",
        """Control the limit of the output voltage in V (float); the instrument takes the next
        larger of its steps, 20 V and up.""",
        set_process=float,
        check_set_errors=True,
    )
    autozero = Instrument.control(
        ":SYST:AZER?",
        ":SYST:AZER %s",
        """Control whether every reading refers to zero anew (bool); takes three times as long.""",
        validator=strict_discrete_set,
        values={True: "ON", False: "OFF"},
        map_values=True,
        get_process=lambda v: v,
        check_set_errors=True,
        preprocess_reply=lambda reply: "ON" if reply.strip() == "1" else "OFF",
        cast=str,
    )
    output_enabled = Instrument.control(
        ":OUTP?",
        ":OUTP %d",
        """Control whether the output is on (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
        cast=int,
        check_set_errors=True,
    )
    in_compliance = Instrument.measurement(
        ":SENS:CURR:PROT:TRIP?",
        """Get whether the source is in current compliance (bool).""",
        cast=bool,
    )
    line_frequency = Instrument.measurement(":SYST:LFR?", """Get the power-line frequency in Hz.""")

    def channel(self, name: str) -> Keithley2400Channel:
        """Return channel ``"a"``."""
        if name not in self.ability.channels:
            raise InstrumentError(f"{self.name} has no channel {name!r}; it has a.")
        if self._channel is None:
            self._channel = Keithley2400Channel(self, name, self.ability)
        return self._channel
