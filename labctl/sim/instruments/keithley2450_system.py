"""Commands of a Keithley 2450 around the measurement: language, clock, display, digital lines.

Source: *Model 2450 Reference Manual* (2450-901-01), section 6 and appendix B (``*LANG``).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from labctl.sim.instruments.keithley2450_buffers import EPOCH
from labctl.sim.instruments.keithley2450_table import count, option
from labctl.sim.scpi import Command, Parameter, choice, numeric, text, whole
from labctl.sim.status import Refused

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2450_scpi import Keithley2450Scpi

LANGUAGES = ("SCPI", "TSP", "SCPI2400")
_frequency, _duration = numeric(20.0, 20e3, unit="HZ"), numeric(1e-3, 100.0, unit="S")
_bit, _event_number = whole(0, 14), whole(0, 32767)
_LINES = 6
_MAC = "00:60:1A:00:00:00"


class Language:
    """The command set in use, and the one after the next reboot (kept over it)."""

    def __init__(self, name: str = LANGUAGES[0]) -> None:
        self.present = self.chosen = name

    def choose(self, name: str) -> None:
        """Set what ``*LANG`` says; -224 for no language."""
        if name.upper() not in LANGUAGES:
            raise Refused(-224, "Illegal parameter value")
        self.chosen = name.upper()


def language_command(language: Language) -> Command:
    """Return the entry of ``*LANG``, which every SCPI language of the box has."""

    def choose(name: Parameter) -> None:
        if name.kind != "word":
            raise Refused(-104, "Data type error")
        language.choose(str(name.value))

    return Command("*LANG", lambda: language.present, choose)


def system_commands(box: Keithley2450Scpi) -> Iterator[Command]:
    """Yield ``:SYSTem``, ``:DISPlay``, ``:DIGital`` and the maps of the status registers."""
    store: dict[str, Any] = {"access": "FULL", "light": "ON100", "lines": [1] * _LINES}
    modes: list[str] = ["DIG,IN"] * _LINES

    def beep(frequency: Parameter, duration: Parameter) -> None:
        _frequency(frequency)
        box.clock.sleep(_duration(duration))

    def time(form: Parameter | None = None) -> str:
        moment = box.buffers.calendar(box.clock.now())
        if form is not None:
            choice({"1": 1})(form)
            return f"{moment:%a %b %d %H:%M:%S %Y}"
        return str(int((moment - datetime(1970, 1, 1)).total_seconds()))

    def set_time(*given: Parameter) -> None:
        numbers = [int(numeric(0, 4e9, unit="")(value)) for value in given]
        try:
            if len(numbers) == 1:
                moment = datetime.fromtimestamp(numbers[0])
            elif len(numbers) in (3, 6):
                now = box.buffers.calendar(box.clock.now())
                parts = numbers if len(numbers) == 6 else [now.year, now.month, now.day, *numbers]
                moment = datetime(*parts)  # type: ignore[arg-type]
            else:
                raise Refused(-109, "Missing parameter")
        except (ValueError, OverflowError, OSError):
            raise Refused(-222, "Parameter data out of range") from None
        if not 2000 <= moment.year < 2100:
            raise Refused(-222, "Parameter data out of range")
        box.buffers.offset = (moment - EPOCH).total_seconds() - box.clock.now()

    yield language_command(box.language)
    yield Command(":SYSTem:BEEPer[:IMMediate]", event=beep)
    yield Command(":SYSTem:TIME", time, set_time)
    yield Command(":SYSTem:LFRequency", query=lambda: f"{box.smu.channel.line_frequency:.0f}")
    yield option(
        ":SYSTem:ACCess",
        {"FULL": "FULL", "EXCLusive": "EXCL", "PROTected": "PROT", "LOCKout": "LOCK"},
        lambda: store["access"],
        lambda value: store.__setitem__("access", value),
    )
    yield Command(":SYSTem:COMMunication:LAN:CONFigure", _address, lambda value: None)
    yield Command(":SYSTem:COMMunication:LAN:MACaddress", query=lambda: f'"{_MAC}"')
    yield count(
        ":SYSTem:GPIB:ADDRess",
        lambda: int(store.get("gpib", 18)),
        lambda value: store.__setitem__("gpib", value),
        1,
        30,
        18,
    )
    yield Command(":SYSTem:POSetup", lambda: "RST", lambda value: None)
    yield Command(":SYSTem:PASSword:NEW", event=lambda word: None)
    yield Command(":STATus:CLEar", event=lambda: _clear(box))
    for name in box.summary_bits:
        yield _map(box, name)
    yield from _display(box, store)
    for k in range(_LINES):
        yield from _line(k, modes, store["lines"])
    yield Command(
        ":DIGital:READ", query=lambda: str(sum(bit << k for k, bit in enumerate(store["lines"])))
    )
    yield Command(":DIGital:WRITe", event=lambda value: _write(store["lines"], value))


def _address() -> str:
    return "AUTO,192.168.0.2,255.255.255.0,192.168.0.1"


def _clear(box: Keithley2450Scpi) -> None:
    box.status.event = 0
    for register in box.registers.values():
        register.event = 0


def _map(box: Keithley2450Scpi, name: str) -> Command:
    """Return the entry that says which events set and clear a bit of a register."""

    def query(bit: Parameter) -> str:
        return ",".join(str(event) for event in box.maps.get(name, _bit(bit)))

    def write(bit: Parameter, rises: Parameter, falls: Parameter | None = None) -> None:
        lower = 0 if falls is None else _event_number(falls)
        box.maps.put(name, _bit(bit), _event_number(rises), lower)

    return Command(f":STATus:{name}:MAP", query, write)


def _display(box: Keithley2450Scpi, store: dict[str, Any]) -> Iterator[Command]:
    lights = {
        "ON100": "ON100", "ON75": "ON75", "ON50": "ON50", "ON25": "ON25", "OFF": "OFF",
        "BLACkout": "BLAC",
    }  # fmt: skip

    def activate(name: Parameter) -> None:
        box.buffers.find(text(name))
        box.active = text(name)

    yield Command(":DISPlay:CLEar", event=lambda: None)
    yield Command(":DISPlay:SCReen", event=lambda name: None)
    yield Command(":DISPlay:USER<n>:TEXT[:DATA]", event=lambda line, suffixes: text(line) and None)
    yield Command(":DISPlay:BUFFer:ACTive", lambda: box.active, activate)
    yield Command(
        ":DISPlay:READing:FORMat",
        lambda: store.get("reading", "PREF"),
        lambda value: store.__setitem__(
            "reading", choice({"PREFix": "PREF", "EXPonent": "EXP"})(value)
        ),
    )
    yield option(
        ":DISPlay:LIGHt:STATe",
        lights,
        lambda: store["light"],
        lambda value: store.__setitem__("light", value),
    )


def _line(k: int, modes: list[str], states: list[int]) -> Iterator[Command]:
    head = f":DIGital:LINE{k + 1}"
    kinds = choice({"DIGital": "DIG", "TRIGger": "TRIG", "SYNChronous": "SYNC"})
    ways = choice({"IN": "IN", "OUT": "OUT", "OPENdrain": "OPEN", "MASTer": "MAST",
                   "ACCeptor": "ACC"})  # fmt: skip

    def set_mode(kind: Parameter, way: Parameter) -> None:
        modes[k] = f"{kinds(kind)},{ways(way)}"

    def set_state(value: Parameter) -> None:
        states[k] = whole(0, 1)(value)

    yield Command(f"{head}:MODE", lambda: modes[k], set_mode)
    yield Command(f"{head}:STATe", lambda: str(states[k]), set_state)


def _write(states: list[int], value: Parameter) -> None:
    number = whole(0, 2**_LINES - 1)(value)
    states[:] = [number >> k & 1 for k in range(_LINES)]
