"""Simulated Keithley 7001 and 7002 switch systems (SCPI).

Source: *Model 7001 Switch System Instruction Manual* (7001-901-01), SCPI command reference, from
memory. A scan goes through its list at once (``IMM``), or one channel with each bus trigger (all
other sources of the trigger layer). Of the arm layers only the counts matter; their sources and
times are kept as settings.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from labctl.clock import VirtualClock
from labctl.sim.box import Box
from labctl.sim.faults import Faults
from labctl.sim.instruments.fittings import Fittings, Maker
from labctl.sim.instruments.keithley7001_cards import Rack
from labctl.sim.instruments.matrix import Matrix, fit
from labctl.sim.instruments.relays import Crosspoint
from labctl.sim.instruments.scpi_matrix import ScpiMatrix, toggle
from labctl.sim.scpi import Command, Parameter, choice, numeric, spellings, text
from labctl.sim.status import Refused

SLOTS = {"7001": 2, "7002": 10}
SETTLING = 3e-3
"""Bench time of one step of relays, s (actuation time of a 7012 card)."""
MEMORIES = 100
MOST_SCANNED = 10_000
"""Channels of one scan."""
_SOURCES = ("IMMediate", "EXTernal", "TLINk", "TIMer", "HOLD", "MANual", "BUS")
_MEMORY = re.compile(r"[Mm](\d{1,3})")
_SECONDS = numeric(0.0, 99_999.999, 0.0, unit="S")
_COUNT = numeric(1, 9999, 1, unit="")
_SOURCE = choice({name: spellings(name)[0] for name in _SOURCES})


class Keithley7001(ScpiMatrix):
    """The mainframe.

    Parameters
    ----------
    rack
        What is in its slots.
    """

    vendor = "KEITHLEY INSTRUMENTS INC."
    serial = "0526455"
    firmware = "B07  /A02"
    queue_capacity = 10
    memories = 10
    transition_filters = True
    summary_bits = {"OPERation": 7, "QUEStionable": 3}

    def __init__(
        self,
        clock: VirtualClock,
        model: str,
        matrix: Matrix,
        rack: Rack,
        faults: Faults | None = None,
    ) -> None:
        self.rack = rack
        self._settings: dict[str, Any] = {}
        self._delays = dict.fromkeys(rack.cards, 0.0)
        self._forbidden: set[Crosspoint] = set()
        self._memory: dict[int, frozenset[Crosspoint]] = {}
        self._states: dict[int, frozenset[Crosspoint]] = {}
        self._scan: list[frozenset[Crosspoint]] = []
        self._scan_text = "(@)"
        self._left: list[frozenset[Crosspoint]] = []  # of a scan that runs
        self._scanned: frozenset[Crosspoint] = frozenset()
        self._default()
        super().__init__(clock, model, matrix, faults)

    def _default(self) -> None:
        self._layers: dict[int, dict[str, Any]] = {
            n: {"SOURce": "IMM", "COUNt": 1, "TIMer": 0.001, "DELay": 0.0} for n in (1, 2)
        }
        self._settings.update(
            bbm=True, pairs=False, source="IMM", count=1, delay=0.0, continuous=False, text="",
            screen=True,
        )  # fmt: skip

    def identity(self) -> str:
        """Return the answer to ``*IDN?``."""
        model = self.faults.identity or self.model
        return f"{self.vendor},MODEL {model},{self.serial},{self.firmware}"

    def reset(self) -> None:
        """Open all relays; scan, delays and trigger settings to their defaults."""
        self.matrix.open_all()
        self._default()
        self._scan, self._scan_text = [], "(@)"
        self._forbidden.clear()
        self._delays = dict.fromkeys(self.rack.cards, 0.0)

    def stop(self) -> None:
        """Leave a scan; its last channel stays closed."""
        self._left = []

    def bus_trigger(self) -> None:
        """Go to the next channel of a scan."""
        if not self._left:
            raise Refused(-211, "Trigger ignored")
        self._scan_on()

    def save_state(self, number: int) -> None:
        """Keep which channels are closed (``*SAV``)."""
        self._states[number] = frozenset(self.matrix.closed)

    def recall_state(self, number: int) -> None:
        """Close the channels kept (``*RCL``)."""
        self.matrix.become(self._states.get(number, ()), self._settings["bbm"])

    def points(self, parameter: Parameter) -> list[Crosspoint]:
        """Return what ``(@1!1!1,1!2!1:1!2!5)`` names."""
        return self.rack.points(parameter)

    # -- commands ------------------------------------------------------------------------------

    def commands(self) -> Iterator[Command]:
        """Yield the table."""
        route, trigger, store = "[:ROUTe]", ":TRIGger[:SEQuence[1]]", self._settings

        def setting(header: str, key: str, check: Any, shown: Any = str) -> Command:
            return Command(
                header, lambda: shown(store[key]), lambda p: store.__setitem__(key, check(p))
            )

        yield Command(f"{route}:CLOSe", lambda p: self.states(self.points(p)), self._close)
        yield Command(f"{route}:CLOSe:STATe", query=lambda: self.rack.listed(self.matrix.closed))
        yield Command(f"{route}:OPEN", lambda p: self.states(self.points(p), False), self._open)
        yield Command(f"{route}:OPEN:ALL", event=self.matrix.open_all)
        yield Command(f"{route}:SCAN", lambda: self._scan_text, self._set_scan)
        yield Command(f"{route}:SCAN:POINts", query=lambda: str(len(self._scan)))
        yield Command(f"{route}:FCHannels", lambda: self.rack.listed(self._forbidden), self._forbid)
        yield Command(f"{route}:MEMory:SAVE", event=self._save)
        yield Command(f"{route}:MEMory:RECall", event=self._recall)
        yield toggle(f"{route}:CONFigure:BBMake", store, "bbm")
        yield toggle(f"{route}:CONFigure:CPAir", store, "pairs")
        yield Command(f"{route}:CONFigure:SLOT<n>:CTYPe", self._card, self._set_card)
        yield Command(f"{route}:CONFigure:SLOT<n>:STIMe", self._delay, self._set_delay)
        yield setting(f"{trigger}:SOURce", "source", _SOURCE)
        yield setting(f"{trigger}:COUNt", "count", lambda p: round(_COUNT(p)))
        yield setting(f"{trigger}:DELay", "delay", _SECONDS, "{:g}".format)
        yield from self._arm_commands()
        yield toggle(":INITiate:CONTinuous", store, "continuous")
        yield Command(":INITiate[:IMMediate]", event=self._initiate)
        yield Command(":ABORt", event=self.stop, urgent=True)
        yield Command(":SYSTem:PRESet", event=self.restart)
        yield toggle(":DISPlay:ENABle", store, "screen")
        yield setting(
            ":DISPlay[:WINDow[1]]:TEXT:DATA", "text", lambda p: text(p)[:20], '"{}"'.format
        )

    def _arm_commands(self) -> Iterator[Command]:
        """Yield what both arm layers understand."""
        for word, check, shown in (
            ("SOURce", _SOURCE, str),
            ("COUNt", lambda p: round(_COUNT(p)), str),
            ("TIMer", _SECONDS, "{:g}".format),
            ("DELay", _SECONDS, "{:g}".format),
        ):
            yield Command(
                f":ARM[:SEQuence[1]][:LAYer<n>]:{word}",
                partial(self._arm, word, shown),
                partial(self._set_arm, word, check),
            )

    def _arm(self, word: str, shown: Any, suffixes: tuple[int, ...]) -> str:
        return str(shown(self._layer(suffixes)[word]))

    def _set_arm(
        self, word: str, check: Any, parameter: Parameter, suffixes: tuple[int, ...]
    ) -> None:
        self._layer(suffixes)[word] = check(parameter)

    def _layer(self, suffixes: tuple[int, ...]) -> dict[str, Any]:
        if suffixes[0] not in self._layers:
            raise Refused(-114, "Header suffix out of range")
        return self._layers[suffixes[0]]

    def _close(self, parameter: Parameter) -> None:
        points = self.points(parameter)
        self._refuse_forbidden(points)
        self.matrix.step((), points, self._added(points))

    def _open(self, parameter: Parameter) -> None:
        if parameter.kind == "word" and parameter.value == "ALL":
            self.matrix.open_all()
        else:
            self.matrix.step(self.points(parameter), ())

    def _refuse_forbidden(self, points: Iterable[Crosspoint]) -> None:
        if self._forbidden.intersection(points):
            raise Refused(-221, "Settings conflict")

    def _forbid(self, parameter: Parameter) -> None:
        """Forbid a list of channels and no others; the empty list ``(@)`` allows all [K]."""
        empty = parameter.kind == "expression" and str(parameter.value).strip() == "@"
        self._forbidden = set() if empty else set(self.points(parameter))

    def _added(self, points: Iterable[Crosspoint]) -> float:
        """Return the settling time that the user has added for these slots, s."""
        return max((self._delays.get(point[0], 0.0) for point in points), default=0.0)

    def _save(self, parameter: Parameter) -> None:
        self._memory[_memory(str(parameter.value))] = frozenset(self.matrix.closed)

    def _recall(self, parameter: Parameter) -> None:
        number = _memory(str(parameter.value))
        self.matrix.become(self._memory.get(number, ()), self._settings["bbm"])

    def _slot(self, suffixes: tuple[int, ...]) -> int:
        if suffixes[0] not in self.rack.cards:
            raise Refused(-114, "Header suffix out of range")
        return suffixes[0]

    def _card(self, suffixes: tuple[int, ...]) -> str:
        return self.rack.cards[self._slot(suffixes)]

    def _set_card(self, parameter: Parameter, suffixes: tuple[int, ...]) -> None:
        """Say what is in a slot; its relays open."""
        slot = self._slot(suffixes)
        if parameter.kind != "word":
            raise Refused(-104, "Data type error")
        before = [point for point in self.matrix.closed if point[0] == slot]
        self.rack.put(slot, str(parameter.value))
        self.matrix.step(before, ())

    def _delay(self, suffixes: tuple[int, ...]) -> str:
        return f"{self._delays[self._slot(suffixes)]:g}"

    def _set_delay(self, parameter: Parameter, suffixes: tuple[int, ...]) -> None:
        self._delays[self._slot(suffixes)] = _SECONDS(parameter)

    # -- scanning ------------------------------------------------------------------------------

    def _set_scan(self, parameter: Parameter) -> None:
        """Take a scan list: channels one by one, memory locations (``M1``) as a whole."""
        if parameter.kind != "expression":
            raise Refused(-104, "Data type error")
        raw, steps = "".join(str(parameter.value).split()), []
        for item in raw.removeprefix("@").split(",") if raw.startswith("@") else [""]:
            if _MEMORY.fullmatch(item):
                steps.append(self._memory.get(_memory(item), frozenset()))
            else:
                points = self.points(Parameter("expression", f"@{item}"))
                self._refuse_forbidden(points)
                steps += [frozenset([point]) for point in points]
        self._scan, self._scan_text = steps, f"({raw.upper()})"

    def _initiate(self) -> None:
        if self._left:
            raise Refused(-213, "Init ignored")
        count = self._settings["count"] * math.prod(arm["COUNt"] for arm in self._layers.values())
        if not self._scan:
            raise Refused(-221, "Settings conflict")
        if len(self._scan) * count > MOST_SCANNED:
            raise Refused(-223, "Too much data")
        self._left = self._scan * count
        self._scanned = frozenset().union(*self._scan)
        while self._left and self._settings["source"] == "IMM":
            self._scan_on()

    def _scan_on(self) -> None:
        """Close the next channel of the scan; what it closed before opens."""
        step = self._left.pop(0)
        self.clock.sleep(self._settings["delay"])
        self.matrix.become((self.matrix.closed - self._scanned) | step, self._settings["bbm"])


def _memory(name: str) -> int:
    """Return the number of a memory location (``M1`` to ``M100``)."""
    found = _MEMORY.fullmatch(name)
    if found is None:
        raise Refused(-104, "Data type error")
    if not 1 <= int(found[1]) <= MEMORIES:
        raise Refused(-222, "Parameter data out of range")
    return int(found[1])


def _make(fittings: Fittings) -> Box:
    rack = Rack(SLOTS[fittings.model])
    matrix = fit(fittings, SETTLING, rack.name, rack.find)
    box = Keithley7001(fittings.clock, fittings.model, matrix, rack, fittings.faults)
    box.serial = f"{int(box.serial) + fittings.number:07d}"
    return box


MAKERS: dict[str, Maker] = dict.fromkeys(SLOTS, _make)
