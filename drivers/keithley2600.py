"""Keithley 2600 series source meters (2601A to 2636B), TSP.

Source: Keithley, *Series 2600B System SourceMeter Reference Manual*, 2600BS-901-01, for the B
series; that the A series takes the same commands is from memory. pymeasure's own driver sends
every level with ``%f`` and so turns 2 nA into 0; this one keeps full precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pymeasure.instruments import Instrument

from drivers._line import connect
from drivers._smu2600 import Keithley2600Channel
from drivers._tsp import TspInstrument
from drivers._tspscan import TspScanner
from labctl.errors import InstrumentError
from labctl.instruments import LinkedBox, SafeMessages, Scanner, SourceMeterAbility

_HIGH_CURRENT = SourceMeterAbility(
    channels=("a", "b"),
    max_voltage=40.4,
    max_current=3.03,
    min_compliance=10e-9,
    shortest_pulse=1e-4,
    overhead=Keithley2600Channel.overhead,
)
_HIGH_VOLTAGE = replace(_HIGH_CURRENT, max_voltage=202.0, max_current=1.515)
_LOW_CURRENT = replace(_HIGH_VOLTAGE, min_compliance=1e-10)
_B_SERIES = {
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
_NO_LINK = ("2604B", "2614B", "2634B")
"""Models without TSP-Link and digital lines; there is no such model in the A series."""
MODELS = _B_SERIES | {
    f"{model[:-1]}A": ability for model, ability in _B_SERIES.items() if model not in _NO_LINK
}
_INTERLOCK = 1 << 11
"""Bit of ``status.measurement.condition`` that is set while the interlock is closed."""
_NO_INTERLOCK = ("2601", "2602", "2604")
"""Models of 40 V, which have no interlock."""


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


def scanner(
    bit_line: LinkedBox, word_line: LinkedBox, mainframes: Mapping[str, LinkedBox]
) -> Scanner | None:
    """Return what scans cells by a script in the box of the bit line, or None.

    That box is the master of the TSP-Link; the others are 2600 and 707B boxes on it.
    """
    return TspScanner.on(bit_line, word_line, mainframes)


class Keithley2600(TspInstrument):
    """One box of the 2600 series with one or two channels."""

    def __init__(self, adapter: Any, model: str = "2636B", **kwargs: Any) -> None:
        super().__init__(adapter, f"Keithley {model}", **kwargs)
        self.model, self.ability = model, MODELS[model]
        self._loaded: dict[str, Keithley2600Channel] = {}

    line_frequency = Instrument.measurement(
        "print(localnode.linefreq)", """Get the power-line frequency in Hz (50 or 60)."""
    )

    def channel(self, name: str) -> Keithley2600Channel:
        """Return channel ``"a"`` or ``"b"``, its functions loaded into the instrument."""
        if name not in self.ability.channels:
            raise InstrumentError(
                f"{self.name} has no channel {name!r}; it has {', '.join(self.ability.channels)}."
            )
        if name not in self._loaded:
            self._loaded[name] = Keithley2600Channel(self, name)
        return self._loaded[name]

    def interlock(self) -> bool | None:
        """Tell whether the interlock is closed; None for a model of 40 V, which has none."""
        if self.model.startswith(_NO_INTERLOCK):
            return None
        answer = self.line.query("print(status.measurement.condition)")
        try:
            return bool(round(float(answer)) & _INTERLOCK)
        except (ValueError, OverflowError) as error:
            raise InstrumentError(
                f"{self.name} answered {answer!r} where the condition of its interlock was "
                "expected. Switch it off and on."
            ) from error
