"""Keithley 2450 source meter, in its own SCPI command set.

Source: Keithley, *Model 2450 Interactive SourceMeter Instrument Reference Manual*, 2450-901-01,
section 6 and appendix B (``*LANG``).
"""

from __future__ import annotations

from typing import Any

from pymeasure.instruments import Instrument
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from drivers._keithley2450_channel import Keithley2450Channel
from drivers._line import connect
from drivers._scpi import ScpiInstrument
from labctl.errors import InstrumentError
from labctl.instruments import SafeMessages, SourceMeterAbility

LANGUAGE = "SCPI"
MODELS = {
    "2450": SourceMeterAbility(
        channels=("a",),
        max_voltage=210.0,
        max_current=1.05,
        min_compliance=1e-9,
        # One point of a sweep with the shortest integration.
        shortest_pulse=1e-3,
        overhead=Keithley2450Channel.overhead,
    )
}


def abilities(model: str) -> SourceMeterAbility | None:
    """Return what a model can do, or None where this driver does not know it."""
    return MODELS.get(model)


def open_instrument(
    address: str, model: str, visa_library: str, timeout: float = 5.0
) -> Keithley2450:
    """Connect to the instrument at a VISA address; sends nothing but ``*IDN?``."""
    return Keithley2450(connect(address, visa_library, timeout), model)


def safe_messages(model: str) -> SafeMessages:
    """Return what brings the channel of a model to zero and off."""
    return SafeMessages(
        break_off=(":ABOR",),
        zero={"a": (":ABOR", ":SOUR:VOLT 0", ":SOUR:CURR 0")},
        off={"a": (":OUTP OFF",)},
    )


class Keithley2450(ScpiInstrument):
    """One box; its one channel is ``"a"``."""

    quiet = (":SOUR:VOLT 0", ":OUTP OFF")
    break_off = (":ABOR",)

    def __init__(self, adapter: Any, model: str = "2450", **kwargs: Any) -> None:
        super().__init__(adapter, f"Keithley {model}", **kwargs)
        self.ability = MODELS[model]
        self._channel: Keithley2450Channel | None = None

    language = Instrument.measurement(
        "*LANG?", """Get the command set in use: SCPI, SCPI2400 or TSP (str).""", cast=str
    )
    voltage = Instrument.control(
        ":SOUR:VOLT?",
        ":SOUR:VOLT %r",
        """Control the source level in V (float strictly from -210 to 210).""",
        validator=strict_range,
        values=(-210.0, 210.0),
        set_process=float,
        check_set_errors=True,
    )
    compliance = Instrument.control(
        ":SOUR:VOLT:ILIM?",
        ":SOUR:VOLT:ILIM %r",
        """Control the current limit in A (float strictly from 1 nA to 1.05 A).""",
        validator=strict_range,
        values=(1e-9, 1.05),
        set_process=float,
        check_set_errors=True,
    )
    current_range = Instrument.control(
        ":SENS:CURR:RANG?",
        ":SENS:CURR:RANG %r",
        """Control the current measure range in A (float from 10 nA to 1 A); the instrument takes
        the next larger one, and autorange goes off.""",
        validator=strict_range,
        values=(0.0, 1.05),
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
        ":SOUR:VOLT:DEL?",
        ":SOUR:VOLT:DEL %r",
        """Control the delay between source and measurement in s (float from 0 to 10 000).""",
        validator=strict_range,
        values=(0.0, 1e4),
        set_process=float,
        check_set_errors=True,
    )
    autozero = Instrument.control(
        ":SENS:CURR:AZER?",
        ":SENS:CURR:AZER %d",
        """Control whether every reading refers to zero anew (bool); takes three times as long.""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
        cast=int,
        check_set_errors=True,
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
        ":SOUR:VOLT:ILIM:TRIP?", """Get whether the source is limited (bool).""", cast=bool
    )
    line_frequency = Instrument.measurement(":SYST:LFR?", """Get the power-line frequency in Hz.""")

    def channel(self, name: str) -> Keithley2450Channel:
        """Return channel ``"a"``.

        Raises
        ------
        InstrumentError
            Where the box has no such channel, or speaks another language than SCPI.
        """
        if name not in self.ability.channels:
            raise InstrumentError(f"{self.name} has no channel {name!r}; it has a.")
        if self._channel is None:
            spoken = self.language
            if spoken != LANGUAGE:
                raise InstrumentError(
                    f"{self.name} speaks {spoken}, and its driver {LANGUAGE}. Choose {LANGUAGE} "
                    "on its front panel (MENU, System, Settings, Command Set), or send *LANG "
                    f"{LANGUAGE}, and switch it off and on."
                )
            self._channel = Keithley2450Channel(self, name, self.ability)
        return self._channel
