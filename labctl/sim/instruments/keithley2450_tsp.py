"""A Keithley 2450 that speaks TSP.

Source: *Model 2450 Reference Manual* (2450-901-01), sections 7 and 8.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from math import inf
from pathlib import Path
from typing import Any

from labctl.clock import VirtualClock
from labctl.sim.faults import Faults
from labctl.sim.instruments.keithley2450_attributes import Table, put, within
from labctl.sim.instruments.keithley2450_buffers import DEFAULT_BUFFERS, Buffers
from labctl.sim.instruments.keithley2450_enums import CONSTANTS, chosen, named
from labctl.sim.instruments.keithley2450_lists import ConfigLists
from labctl.sim.instruments.keithley2450_objects import SmuObjects
from labctl.sim.instruments.keithley2450_panel import PanelObjects
from labctl.sim.instruments.keithley2450_scpi import FIRMWARE, SERIAL, VENDOR
from labctl.sim.instruments.keithley2450_scripted import TriggerObjects
from labctl.sim.instruments.keithley2450_smu import Smu2450
from labctl.sim.instruments.keithley2450_system import Language
from labctl.sim.instruments.keithley2450_trigger import COMMAND, TriggerModel
from labctl.sim.instruments.keithley2450_variables import COLUMNS, BufferObjects
from labctl.sim.scpi.command import parameter_counts
from labctl.sim.status import Refused
from labctl.sim.tsp import Attribute, LuaHost, TspBox
from labctl.sim.tsp.common import Common
from labctl.sim.tsp.host import ScriptError
from labctl.sim.tsp.values import (
    ASCII,
    DATA_TYPE,
    LITTLE_ENDIAN,
    MISSING,
    NOT_ALLOWED,
    number_block,
    text,
)

_OFF_ON = ("OFF", "ON")
_LUA = Path(__file__).with_name("keithley2450.lua")


class Common2450(Common):
    """What differs from a 2600: number formats, identity, ``*LANG``."""

    box: Keithley2450Tsp

    def reset(self) -> None:
        """Be as after ``reset()``."""
        self.format.update(data=ASCII, byteorder=LITTLE_ENDIAN, asciiprecision=0)

    def services(self) -> dict[str, Callable[..., Any]]:
        """Return what the objects ask for."""
        return {**super().services(), "print": self.print, "printnumber": self._numbers}

    def command(self, head: str, value: str) -> object:
        """Do a common command and return its answer, or None."""
        language = self.box.language
        if head == "*IDN?":
            return self.box.identity()
        if head == "*LANG?":
            return language.present
        if head == "*LANG":
            language.choose(value)
            return None
        return super().command(head, value)

    def print(self, *values: Any) -> None:
        """Send values as ``print`` shows them: numbers with as many digits as they need."""
        line = "\t".join(self.shown(value) for value in values)
        self.box.say(line.encode("latin-1", "replace") + b"\n")

    def shown(self, value: Any) -> str:
        """Return one value as text."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if value is None:
            return "nil"
        if isinstance(value, str):
            return value
        digits = self.format["asciiprecision"]
        return f"{value:.14g}" if digits == 0 else f"{value:.{digits - 1}e}"

    def say_all(self, values: list[Any]) -> None:
        """Send numbers and texts as ``printbuffer`` does."""
        form = self.format
        if form["data"] == ASCII or any(isinstance(value, str) for value in values):
            line = ", ".join(self.shown(value) for value in values)
            self.box.say(line.encode("latin-1", "replace") + b"\n")
        else:
            self.box.say(number_block(values, form["data"], form["byteorder"], 7))

    def _numbers(self, *values: Any) -> None:
        if not values:
            raise Refused(*MISSING)
        if any(not isinstance(value, int | float) for value in values):
            raise Refused(*DATA_TYPE)
        self.say_all(list(values))


class Keithley2450Tsp(TspBox):
    """One box in this language.

    Parameters
    ----------
    smu
        The instrument behind the language.
    language
        What ``*LANG`` sets.
    """

    vendor = VENDOR
    serial = str(SERIAL)
    firmware = FIRMWARE
    common: Common2450

    def __init__(
        self, clock: VirtualClock, smu: Smu2450, language: Language, faults: Faults | None = None
    ) -> None:
        self.smu, self.language = smu, language
        self.store: dict[str, Any] = {}
        self._initial: dict[str, Any] = {}
        super().__init__(clock, "2450", faults)

    def identity(self) -> str:
        """Return the answer to ``*IDN?``."""
        return f"{self.vendor},MODEL {self.faults.identity or self.model},{self.serial}," + (
            self.firmware
        )

    # -- TspBox --------------------------------------------------------------------------------

    def assemble(self) -> None:
        """Make the trigger model, the buffers and the tables of the objects."""
        self.common = Common2450(self)
        self.readings = Buffers()
        self.sources = ConfigLists(self.smu, source=True)
        self.measures = ConfigLists(self.smu, source=False)
        self.model_ = TriggerModel(self.smu, self.readings, self.sources, self.measures)
        self.panel = PanelObjects(self)
        self.status.summary = self.panel.summary
        self.model_.log = self.panel.log
        self.model_.told = self.readings.told = self.panel.maps.happened
        self.readings.reset()
        parts = (SmuObjects(self), TriggerObjects(self), self.panel)
        self.variables = BufferObjects(self)
        self.tables: dict[str, Table] = {"buffer": {}}
        self.functions: dict[str, Callable[..., Any]] = {
            **self.variables.functions,
            "printbuffer": self._print_buffer,
            "waitcomplete": self._wait_complete,
        }
        for part in parts:
            self.tables |= part.tables
            self.functions |= part.functions
        self._initial = dict(self.store)

    def build(self, host: LuaHost) -> None:
        """Add the objects to a fresh Lua state."""
        self.readings.reset()
        host.node(
            "k2450",
            functions={
                "get": self._get,
                "set": self._set,
                "call": self._call,
                "describe": self._describe,
                "item": self.variables.item,
                "state": self.variables.state,
                "change": self.variables.change,
            },
        )
        host.library(_LUA)

    def reset(self) -> None:
        """Do what ``reset()`` does."""
        self.smu.reset()
        self.sources.clear()
        self.measures.clear()
        self.model_.load()
        for buffer in self.readings.named.values():
            buffer.clear()
        self.store.update(self._initial)

    def stop(self) -> None:
        """Abort the trigger model."""
        self.model_.abort()

    def group_trigger(self) -> None:
        """Take ``*TRG``: the command event of the trigger model."""
        try:
            self.model_.event(COMMAND)
        except Refused as refused:
            self.refuse(refused)

    # -- attributes that are only kept ---------------------------------------------------------

    def number(self, key: str, low: float, high: float, default: float) -> Attribute:
        """Return a number kept under ``key``."""
        return self.setting(self.store, key, lambda v: within(v, low, high), default)

    def word(self, key: str, names: tuple[str, ...], space: str, default: int = 0) -> Attribute:
        """Return a choice of constants kept under ``key``."""
        self.store.setdefault(key, default)
        return Attribute(
            lambda: named(self.store[key], names, space),
            lambda v: self.store.__setitem__(key, chosen(v, names, space)),
        )

    def flag(self, key: str, space: str, default: bool = False) -> Attribute:
        """Return ``OFF`` or ``ON`` kept under ``key``."""
        return self.word(key, _OFF_ON, space, int(default))

    def event(self, key: str) -> Attribute:
        """Return a trigger event kept under ``key``."""
        return self.setting(self.store, key, text, "trigger.EVENT_NONE")

    # -- what the objects ask for --------------------------------------------------------------

    def buffer_name(self, value: Any) -> str:
        """Return the name of a buffer that a script gave; None: ``defbuffer1``."""
        if value is None:
            return DEFAULT_BUFFERS[0]
        return text(value).partition(":")[0]

    def moment(self, time: float) -> tuple[int, float]:
        """Return whole seconds since 1970, and the fraction, at a bench time."""
        seconds = (self.readings.calendar(time) - datetime(1970, 1, 1)).total_seconds()
        return int(seconds), seconds - int(seconds)

    def _get(self, path: str, key: Any) -> Any:
        return self.tables[path][_name(key)].get()

    def _set(self, path: str, key: Any, value: Any = None) -> None:
        put(self.tables[path][_name(key)], f"{path}.{_name(key)}", value)

    def _call(self, path: str, *values: Any) -> Any:
        function = self.functions[path]
        least, most = _arity(function)
        if len(values) < least:
            raise Refused(*MISSING)
        if len(values) > most:
            raise Refused(*NOT_ALLOWED)
        return function(*values)

    def _describe(self, what: str, path: str = "") -> Any:
        if what == "columns":
            return list(COLUMNS)
        paths = {*self.tables, *(name.rpartition(".")[0] for name in self.functions)} - {""}
        if what == "roots":
            return sorted({name.partition(".")[0] for name in paths})
        if what == "constants":
            return CONSTANTS.get(path, {})
        if what == "attributes":
            return list(self.tables.get(path, ()))
        head = f"{path}."
        if what == "functions":
            return [
                name.removeprefix(head)
                for name in self.functions
                if name.startswith(head) and "." not in name.removeprefix(head)
            ]
        below = {name.removeprefix(head).partition(".")[0] for name in paths if
                 name.startswith(head)}  # fmt: skip
        return sorted(below)

    def _print_buffer(self, first: Any, last: Any, *columns: Any) -> None:
        if not columns:
            raise Refused(*MISSING)
        start, stop = round(within(first, 1, inf)), round(within(last, 1, inf))
        rows = []
        for given in columns:
            name, _, column = text(given).partition(":")
            buffer = self.readings.find(name)
            pick = self.variables.pick(column or "readings")
            rows.append([pick(buffer, reading) for reading in buffer.rows(start, stop)])
        self.common.say_all([item for row in zip(*rows, strict=True) for item in row])

    def _wait_complete(self, *group: Any) -> None:
        self.model_.run()
        if self.model_.active:
            raise ScriptError("the trigger model waits for an event that cannot come")


def _name(key: Any) -> str:
    return str(int(key)) if isinstance(key, float | int) else str(key)


_arity = cache(parameter_counts)
