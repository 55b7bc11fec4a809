"""Keysight B2901A, B2902A, B2911A and B2912A source/measure units, SCPI.

Source: *Keysight B2900 Series SCPI Command Reference*, B2910-90030, chapters 1 (data output), 2
(trigger system, list sweep, pulse) and 4 (commands); limits of the models from memory of the data
sheet, 5990-7009EN.
"""

from __future__ import annotations

from typing import Any

from pymeasure.instruments import Channel, Instrument
from pymeasure.instruments.validators import strict_discrete_set, strict_range

from drivers._keysightb2900_channel import B2900Channel
from drivers._line import connect
from drivers._scpi import ScpiInstrument
from labctl.errors import InstrumentError
from labctl.instruments import SafeMessages, SourceMeterAbility

_B2901A = SourceMeterAbility(
    channels=("1",),
    max_voltage=210.0,
    max_current=3.03,
    min_compliance=1e-9,
    shortest_pulse=5e-5,
    overhead=B2900Channel.overhead,
)
_B2911A = SourceMeterAbility(
    channels=("1",),
    max_voltage=210.0,
    max_current=3.03,
    min_compliance=1e-10,
    shortest_pulse=5e-5,
    overhead=B2900Channel.overhead,
)
MODELS = {
    "B2901A": _B2901A,
    "B2902A": _B2901A.with_channels("1", "2"),
    "B2911A": _B2911A,
    "B2912A": _B2911A.with_channels("1", "2"),
}


def abilities(model: str) -> SourceMeterAbility | None:
    """Return what a model can do, or None where this driver does not know it."""
    return MODELS.get(model)


def open_instrument(
    address: str, model: str, visa_library: str, timeout: float = 5.0
) -> KeysightB2900:
    """Connect to the instrument at a VISA address; sends nothing but ``*IDN?``."""
    return KeysightB2900(connect(address, visa_library, timeout), model)


def safe_messages(model: str) -> SafeMessages:
    """Return what brings the channels of a model to zero and off."""
    channels = MODELS[model].channels
    return SafeMessages(
        break_off=(":ABOR",),
        zero={
            c: (f":ABOR (@{c})", f":SOUR{c}:VOLT:MODE FIX;:SOUR{c}:VOLT 0;:SOUR{c}:CURR 0")
            for c in channels
        },
        off={c: (f":OUTP{c} OFF",) for c in channels},
    )


class B2900Output(Channel):
    """The settings of one channel."""

    voltage = Channel.control(
        ":SOUR{ch}:VOLT?",
        ":SOUR{ch}:VOLT %r",
        """Control the source level in V (float strictly from -210 to 210).""",
        validator=strict_range,
        values=(-210.0, 210.0),
        set_process=float,
        check_set_errors=True,
    )
    compliance = Channel.control(
        ":SENS{ch}:CURR:PROT?",
        ":SENS{ch}:CURR:PROT %r",
        """Control the current compliance in A (float, up to 3.03 A).""",
        validator=strict_range,
        values=(1e-10, 3.03),
        set_process=float,
        check_set_errors=True,
    )
    current_range = Channel.control(
        ":SENS{ch}:CURR:RANG?",
        ":SENS{ch}:CURR:RANG %r",
        """Control the current measure range in A (float); the instrument takes the next larger
        one, and autorange goes off.""",
        validator=strict_range,
        values=(0.0, 10.5),
        set_process=float,
        check_set_errors=True,
    )
    nplc = Channel.control(
        ":SENS{ch}:CURR:NPLC?",
        ":SENS{ch}:CURR:NPLC %r",
        """Control the integration time in power-line cycles (float from 0.0004 to 100).""",
        validator=strict_range,
        values=(4e-4, 120.0),
        set_process=float,
        check_set_errors=True,
    )
    pulse_width = Channel.control(
        ":SOUR{ch}:PULS:WIDT?",
        ":SOUR{ch}:PULS:WIDT %r",
        """Control the width of a pulse in s (float from 50 us up).""",
        validator=strict_range,
        values=(5e-5, 1e5),
        set_process=float,
        check_set_errors=True,
    )
    off_when_limited = Channel.control(
        ":OUTP{ch}:PROT?",
        ":OUTP{ch}:PROT %d",
        """Control whether the output goes off where it reaches its compliance (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
        cast=int,
        check_set_errors=True,
    )
    output_enabled = Channel.control(
        ":OUTP{ch}?",
        ":OUTP{ch} %d",
        """Control whether the output is on (bool).""",
        validator=strict_discrete_set,
        values={True: 1, False: 0},
        map_values=True,
        cast=int,
        check_set_errors=True,
    )
    in_compliance = Channel.measurement(
        ":SENS{ch}:CURR:PROT:TRIP?",
        """Get whether the source is in current compliance (bool).""",
        cast=bool,
    )

    def ask(self, command: str, query_delay: float | None = None) -> str:
        """Send a message and return its answer; no other thread comes between."""
        return str(self.parent.ask(self.insert_id(command)))

    def values(self, command: str, *args: Any, **kwargs: Any) -> list[Any]:
        """Send a message and return what it answers, item by item, each of its type."""
        return list(self.parent.values(self.insert_id(command), *args, **kwargs))


class KeysightB2900(ScpiInstrument):
    """One box with one or two channels, ``"1"`` and ``"2"``."""

    break_off = (":ABOR",)

    def __init__(self, adapter: Any, model: str = "B2912A", **kwargs: Any) -> None:
        super().__init__(adapter, f"Keysight {model}", **kwargs)
        self.ability = MODELS[model]
        self.quiet = tuple(
            message
            for c in self.ability.channels
            for message in (f":SOUR{c}:VOLT 0", f":OUTP{c} 0")
        )
        for name in self.ability.channels:
            self.add_child(B2900Output, name, collection="outputs", prefix="output_")
        self._sources: dict[str, B2900Channel] = {}

    line_frequency = Instrument.measurement(":SYST:LFR?", """Get the power-line frequency in Hz.""")

    def channel(self, name: str) -> B2900Channel:
        """Return channel ``"1"`` or ``"2"``."""
        if name not in self.ability.channels:
            raise InstrumentError(
                f"{self.name} has no channel {name!r}; it has {', '.join(self.ability.channels)}."
            )
        if name not in self._sources:
            self._sources[name] = B2900Channel(self, name, self.ability, name)
        return self._sources[name]
