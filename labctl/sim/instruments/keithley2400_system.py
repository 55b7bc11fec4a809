"""SYSTem, DISPlay, ROUTe and FORMat of a Keithley 2400.

Source: *2400 Series SourceMeter User's Manual*, sections 1, 14, 15 and 18; key codes of the figure
at ``:SYSTem:KEY`` (the same in the manual of the 6430).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from labctl.sim.instruments.keithley2400_analogue import RELAY_TIME
from labctl.sim.instruments.keithley2400_limits import as_format
from labctl.sim.instruments.keithley2400_models import CURRENT, RESISTANCE, VOLTAGE
from labctl.sim.instruments.keithley2400_queue import ErrorQueue
from labctl.sim.instruments.keithley2400_reading import ELEMENTS
from labctl.sim.instruments.keithley2400_settings import Settings, field_of, flag, number, setting
from labctl.sim.scpi import Command, Parameter, boolean, choice, numeric, text, whole
from labctl.sim.status import Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2400 import Keithley2400

KEYS = 32
_SOURCE_KEYS = {12: VOLTAGE, 19: CURRENT}
_MEASURE_KEYS = {15: VOLTAGE, 22: CURRENT, 29: RESISTANCE}
_TRIGGER_KEY, _OUTPUT_KEY, _TERMINAL_KEY, _FILTER_KEY = 20, 24, 32, 6
_ROW_LENGTH = {1: 20, 2: 32}
_REGISTER_FORMATS = {"ASCii": "ASC", "HEXadecimal": "HEX", "OCTal": "OCT", "BINary": "BIN"}
LONGEST_BEEP = 7.9
_POWER_ON = {"RST": "RST", "PRESet": "PRES", **{f"SAV{k}": f"SAV{k}" for k in range(5)}}


class Panel:
    """What has to do with the box itself, not with source and meter."""

    def __init__(self, box: Keithley2400) -> None:
        self._box = box
        self.power_on = "RST"
        """``SYSTem:POSetup``; kept without mains."""
        self.line_frequency_auto = True
        self.beeper = True
        self._remote_lock = False
        self._key = 0
        self._queue = ErrorQueue(box)

    def commands(self) -> Iterator[Command]:
        """Yield all tables."""
        yield from self._system_commands()
        yield from self._zero_commands()
        yield from self._format_commands()
        yield from self._display_commands()
        yield from self._queue.commands()
        terminals = choice({"FRONt": "FRON", "REAR": "REAR"})
        yield setting(
            ":ROUTe:TERMinals", terminals, lambda: self._settings().terminals, self._terminals
        )

    def _settings(self) -> Settings:
        return self._box.settings

    def _terminals(self, terminals: str) -> None:
        """Switch to the other terminals; the output goes off first."""
        if terminals != self._settings().terminals:
            self._box.switch(False)
            self._box.clock.sleep(RELAY_TIME)
            self._settings().terminals = terminals

    # -- SYSTem --------------------------------------------------------------------------------

    def _system_commands(self) -> Iterator[Command]:
        own, box = self._settings, self._box
        yield Command(":SYSTem:PRESet", event=box.preset, urgent=True)
        yield setting(
            ":SYSTem:POSetup", choice(_POWER_ON), lambda: self.power_on, self._set_power_on
        )
        yield field_of(
            own, ":SYSTem:RSENse", "four_wire", boolean, flag, lambda: box.analogue.apply()
        )
        yield field_of(own, ":SYSTem:CCHeck", "contact_check", boolean, flag)
        ohms = numeric(2.0, 50.0, 50.0, unit="OHM")
        yield field_of(own, ":SYSTem:CCHeck:RESistance", "contact_resistance", ohms, number)
        yield Command(":SYSTem:KEY", lambda: str(self._key), self._press)
        yield field_of(own, ":SYSTem:GUARd", "guard", choice({"OHMS": "OHMS", "CABLe": "CABL"}))
        yield Command(":SYSTem:BEEPer[:IMMediate]", event=self._beep)
        yield setting(":SYSTem:BEEPer:STATe", boolean, lambda: self.beeper, self._set_beeper, flag)
        frequency = whole(50, 60, 60)
        yield setting(
            ":SYSTem:LFRequency", frequency, lambda: round(box.line_frequency), self._frequency
        )
        yield setting(
            ":SYSTem:LFRequency:AUTO",
            boolean,
            lambda: self.line_frequency_auto,
            self._set_frequency_auto,
            flag,
        )
        yield Command(":SYSTem:TIME", query=lambda: f"{box.cycle.time():.6f}")
        yield Command(":SYSTem:TIME:RESet", event=box.cycle.reset_time)
        yield field_of(own, ":SYSTem:TIME:RESet:AUTO", "timestamp_reset", boolean, flag)
        yield Command(":SYSTem:MEMory:INITialize", event=box.forget_memory)
        for header in (":SYSTem:LOCal", ":SYSTem:REMote"):
            yield Command(header, event=lambda: None)
        yield setting(
            ":SYSTem:RWLock", boolean, lambda: self._remote_lock, self._set_remote_lock, flag
        )
        modes = choice({"SINGle": "SING", "MULTiple": "MULT"})
        yield field_of(own, ":SYSTem:RCMode", "range_changes", modes)
        yield Command(":SYSTem:MEP[:STATe]", query=lambda: "1")
        yield Command(":SYSTem:MEP:HOLDoff", lambda: "0", boolean)
        for header in (":SYSTem:ERRor:CLEar", ":SYSTem:CLEar"):
            yield Command(header, event=box.status.errors.clear)

    def _zero_commands(self) -> Iterator[Command]:
        own, head = self._settings, ":SYSTem:AZERo"
        yield Command(f"{head}[:STATe]", lambda: flag(own().autozero), self._set_autozero)
        yield field_of(own, f"{head}:CACHing[:STATe]", "caching", boolean, flag)
        for node in ("REFResh", "RESet"):
            yield Command(f"{head}:CACHing:{node}", event=lambda: None)
        yield Command(f"{head}:CACHing:NPLCycles", query=lambda: f"{own().nplc:.2f}")

    def _set_autozero(self, state: Parameter) -> None:
        """Switch autozero; ONCE takes the two references now and changes nothing."""
        if state.kind == "word" and state.value == "ONCE":
            aperture = self._settings().nplc / self._box.line_frequency
            self._box.clock.sleep(2 * aperture)
        else:
            self._settings().autozero = boolean(state)

    def _set_power_on(self, setup: str) -> None:
        self.power_on = setup

    def _set_beeper(self, on: bool) -> None:
        self.beeper = on

    def _set_remote_lock(self, on: bool) -> None:
        self._remote_lock = on

    def _set_frequency_auto(self, on: bool) -> None:
        self.line_frequency_auto = on

    def _frequency(self, frequency: int) -> None:
        """Choose the line frequency; what is not 50 or 60 Hz is refused."""
        if frequency not in (50, 60):
            raise Refused(-222, "Parameter data out of range")
        self._box.line_frequency = float(frequency)
        self.line_frequency_auto = False

    def _beep(self, frequency: Parameter, duration: Parameter) -> None:
        numeric(65.0, 2e6, unit="HZ")(frequency)
        # The beeper sounds while the instrument goes on.
        numeric(0.0, LONGEST_BEEP, unit="S")(duration)

    def _press(self, key: Parameter) -> None:
        self._key = whole(1, KEYS)(key)
        box, settings = self._box, self._settings()
        if self._key == _OUTPUT_KEY:
            box.switch(not settings.output)
        elif self._key == _TRIGGER_KEY:
            box.manual_trigger()
        elif self._key == _TERMINAL_KEY:
            self._terminals("REAR" if settings.terminals == "FRON" else "FRON")
        elif self._key == _FILTER_KEY:
            settings.filter = not settings.filter
        elif self._key in _SOURCE_KEYS:
            box.source.set_function(_SOURCE_KEYS[self._key])
        elif self._key in _MEASURE_KEYS:
            box.sense.choose(frozenset((_MEASURE_KEYS[self._key],)))

    # -- FORMat --------------------------------------------------------------------------------

    def _format_commands(self) -> Iterator[Command]:
        own = self._settings
        yield Command(":FORMat[:DATA]", self._data_format, self._set_data_format)
        border = choice({"NORMal": "NORM", "SWAPped": "SWAP"})
        yield field_of(own, ":FORMat:BORDer", "border", border)
        registers = choice(_REGISTER_FORMATS)
        yield field_of(own, ":FORMat:SREGister", "register_format", registers)
        yield field_of(own, ":FORMat:SOURce2", "port_format", registers)
        names = {
            "VOLTage": "VOLT", "CURRent": "CURR", "RESistance": "RES", "TIME": "TIME",
            "STATus": "STAT",
        }  # fmt: skip
        yield self._elements(":FORMat:ELEMents[:SENSe[1]]", "elements", names)
        names = {"CALCulate": "CALC", "TIME": "TIME", "STATus": "STAT"}
        yield self._elements(":FORMat:ELEMents:CALCulate", "calculated_elements", names)

    def _data_format(self) -> str:
        return {"ASC": "ASC", "SRE": "REAL,32"}[self._settings().data]

    def _set_data_format(self, form: Parameter, length: Parameter | None = None) -> None:
        chosen = choice({"ASCii": "ASC", "REAL": "SRE", "SREal": "SRE"})(form)
        if length is not None and chosen == "SRE" and whole(0, 64)(length) != 32:
            raise Refused(-224, "Illegal parameter value")
        self._settings().data = chosen

    def _elements(self, header: str, name: str, names: dict[str, str]) -> Command:
        convert, order = choice(names), ("CALC", *ELEMENTS)

        def write(first: Parameter, *more: Parameter) -> None:
            wanted = {convert(parameter) for parameter in (first, *more)}
            chosen = tuple(element for element in order if element in wanted)
            setattr(self._settings(), name, chosen)

        return Command(header, lambda: ",".join(getattr(self._settings(), name)), write)

    # -- DISPlay -------------------------------------------------------------------------------

    def _display_commands(self) -> Iterator[Command]:
        own = self._settings
        yield field_of(own, ":DISPlay:ENABle", "display", boolean, flag)
        yield field_of(own, ":DISPlay:DIGits", "digits", whole(4, 7, 6))
        yield Command(":DISPlay:CNDisplay", event=self._clear_messages)
        for row, head in ((1, ":DISPlay[:WINDow[1]]"), (2, ":DISPlay:WINDow2")):
            yield Command(
                f"{head}:TEXT[:DATA]", partial(self._message, row), partial(self._write, row)
            )
            yield setting(
                f"{head}:TEXT:STATe", boolean, partial(self._shown, row), self._show(row), flag
            )
            yield Command(f"{head}:DATA", query=partial(self._message, row))
            yield Command(f"{head}:ATTRibutes", query=partial(self._attributes, row))

    def _message(self, row: int) -> str:
        return f'"{self._settings().messages[row]}"'

    def _write(self, row: int, message: Parameter) -> None:
        if message.kind == "block" and isinstance(message.value, bytes):
            characters = message.value.decode("latin-1")
        else:
            characters = text(message)
        self._settings().messages[row] = characters.replace('"', "'")[: _ROW_LENGTH[row]]

    def _shown(self, row: int) -> bool:
        return self._settings().messages_on[row]

    def _show(self, row: int) -> Callable[[bool], None]:
        def write(on: bool) -> None:
            self._settings().messages_on[row] = on

        return write

    def _attributes(self, row: int) -> str:
        return f'"{"0" * _ROW_LENGTH[row]}"'

    def _clear_messages(self) -> None:
        for row in _ROW_LENGTH:
            self._settings().messages_on[row] = False

    def register(self, value: int) -> str:
        """Return a register as ``FORMat:SREGister`` wants it."""
        return as_format(value, self._settings().register_format)
