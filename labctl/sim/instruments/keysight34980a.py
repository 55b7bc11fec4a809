"""Simulated Keysight 34980A switch/measure unit and 34970A (SCPI) with matrix modules.

Source: *34980A Multifunction Switch/Measure Unit, Programmer's Reference* (``ROUTe``, ``SYSTem``,
``DIAGnostic``) and *34970A User's Guide* (34970-90003); numbers of channel-list errors from memory
of the latter. 34980A: slots 1 to 4 hold a 34932A each, slots 5 to 8 a 34934A. 34970A: a 34904A in
each of its three slots. There is no internal multimeter: a scan closes its channels one after the
other and takes no readings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from labctl.clock import VirtualClock
from labctl.sim.box import Box
from labctl.sim.faults import Faults
from labctl.sim.instruments.fittings import Fittings, Maker
from labctl.sim.instruments.keysight34980a_modules import (
    BUS,
    DenseMatrix,
    DualMatrix,
    Frame,
    Module,
    SmallMatrix,
)
from labctl.sim.instruments.keysight34980a_sequence import Sequences
from labctl.sim.instruments.keysight34980a_system import system_commands
from labctl.sim.instruments.matrix import Matrix, fit
from labctl.sim.instruments.relays import Crosspoint
from labctl.sim.instruments.relays import parse as parse_label
from labctl.sim.instruments.scpi_matrix import ScpiMatrix
from labctl.sim.scpi import Command, Later, Parameter, channel_list, choice
from labctl.sim.status import Refused

SETTLING = 4e-3
"""Bench time of one step of relays, s (open and close time of armature relays)."""
MODELS = ("34980A", "34970A")
MOST_COILS = 40
"""Non-latching relays that one slot can hold closed (34934A)."""
BAD_SLOT = (111, "Channel list: slot number out of range")
BAD_CHANNEL = (112, "Channel list: channel number out of range")
EMPTY_LIST = (113, "Channel list: empty scan list")

_BUSES = choice({"ALL": 0, **{f"ABUS{k}": k for k in range(1, 5)}})


def frame_of(model: str) -> Frame:
    """Return the mainframe of a model with what is in it."""
    if model == "34970A":
        return Frame({slot: SmallMatrix() for slot in (1, 2, 3)}, 2)
    modules: dict[int, Module] = {slot: DualMatrix() for slot in range(1, 5)}
    modules.update({slot: DenseMatrix() for slot in range(5, 9)})
    return Frame(modules, 3)


class Keysight34980A(ScpiMatrix):
    """The mainframe.

    Parameters
    ----------
    frame
        What is in its slots.
    """

    vendor = "Agilent Technologies"
    serial = "MY44001001"
    firmware = "2.43-2.43-1.19-0.05"
    scpi_version = "1994.0"
    memories = 6

    def __init__(
        self,
        clock: VirtualClock,
        model: str,
        matrix: Matrix,
        frame: Frame,
        faults: Faults | None = None,
    ) -> None:
        self.rack = frame
        self._states: dict[int, frozenset[Crosspoint]] = {}
        self.scan: list[Crosspoint] = []
        self.settings: dict[str, Any] = {"beep": True, "screen": True, "text": ""}
        self.protection = dict.fromkeys(frame.modules, "AUTO100")
        self._sequences = Sequences(self)
        super().__init__(clock, model, matrix, faults)

    def show(self, value: int) -> str:
        """Return a whole number with its sign, as this family writes them."""
        return f"{value:+d}"

    def reset(self) -> None:
        """Open all relays; the scan list is gone."""
        self.matrix.open_all()
        self.scan = []
        self.settings.update(screen=True, text="")
        self.protection = dict.fromkeys(self.rack.modules, "AUTO100")

    def save_state(self, number: int) -> None:
        """Keep which channels are closed (``*SAV``)."""
        self._states[number] = frozenset(self.matrix.closed)

    def recall_state(self, number: int) -> None:
        """Close the channels kept (``*RCL``)."""
        self.matrix.become(self._states.get(number, ()))

    # -- channels ------------------------------------------------------------------------------

    def points(self, parameter: Parameter) -> list[Crosspoint]:
        """Return what ``(@1101,1103:1106)`` names.

        Of a range, first and last must exist and be no bus relays; what does not exist between
        them does not count.
        """
        found: dict[Crosspoint, None] = {}
        for first, last in channel_list(parameter):
            if len(first) != 1 or len(last) != 1:
                raise Refused(-171, "Invalid expression")
            start, stop = self._point(first[0]), self._point(last[0])
            if first == last:
                found[start] = None
                continue
            if self.rack.is_bus(first[0]) or self.rack.is_bus(last[0]) or last < first:
                raise Refused(*BAD_CHANNEL)
            found[start] = None
            for number in self.rack.span(first[0], last[0]):
                found[self._point(number)] = None
            found[stop] = None
        return list(found)

    def _point(self, number: int) -> Crosspoint:
        found = self.rack.point(number)
        if found is None:
            known = self.rack.slot_of(number) in self.rack.modules
            raise Refused(*(BAD_CHANNEL if known else BAD_SLOT))
        return found

    def slots(self, parameter: Parameter | None) -> list[int]:
        """Return the slots that ``1``, ``SLOT1``, ``100`` (34970A) or ``ALL`` mean."""
        if parameter is None or (parameter.kind == "word" and parameter.value == "ALL"):
            return list(self.rack.modules)
        if parameter.kind == "word" and str(parameter.value).startswith("SLOT"):
            digits = str(parameter.value)[4:]
            slot = int(digits) if digits.isdigit() and len(digits) < 4 else 0
        elif parameter.kind == "number" and isinstance(parameter.value, float):
            value = parameter.value
            slot = round(value / 100 if self.rack.digits == 2 else value) if value < 1e6 else 0
        else:
            raise Refused(-104, "Data type error")
        if slot not in self.rack.modules:
            raise Refused(-222, "Data out of range")
        return [slot]

    # -- commands ------------------------------------------------------------------------------

    def route_events(self) -> Iterator[Command]:
        """Yield the commands that move relays; sequences may use them too."""
        yield Command(
            ":ROUTe:CLOSe", lambda p: self.states(self.points(p)), lambda p: self._close(p)
        )
        yield Command(":ROUTe:CLOSe:EXCLusive", event=self._close_exclusive)
        yield Command(":ROUTe:OPEN", lambda p: self.states(self.points(p), False), self._open)
        yield Command(":ROUTe:OPEN:ALL", event=self.open_all)
        yield Command(":ROUTe:OPEN:ABUS", event=self._open_bus)

    def commands(self) -> Iterator[Command]:
        """Yield the table."""
        yield Command("*OPC", lambda: Later(lambda: "1"), self.complete_later)
        yield from self.route_events()
        if self.rack.digits == 3:
            yield from self._sequences.commands()
        yield Command(":ROUTe:DONE", query=lambda: "1")
        yield Command(":ROUTe:MODule:BUSY", query=lambda slot: str(0 * len(self.slots(slot))))
        yield Command(":ROUTe:MODule:WAIT", event=lambda slot: Later(lambda: None))
        yield Command(":ROUTe:SCAN", self._shown_scan, self._set_scan)
        yield Command(":ROUTe:SCAN:SIZE", query=lambda: self.show(len(self.scan)))
        yield Command(":INITiate", event=self._run_scan)
        yield Command(":ABORt", event=lambda: None, urgent=True)
        yield from system_commands(self)

    def _close(self, parameter: Parameter) -> None:
        points = self.points(parameter)
        self._check_coils(self.matrix.closed.union(points))
        self.matrix.step((), points)

    def _close_exclusive(self, parameter: Parameter) -> None:
        """Open everything in the modules of the list, then close the list."""
        points = self.points(parameter)
        slots = {point[0] for point in points}
        keep = {point for point in self.matrix.closed if point[0] not in slots}
        self._check_coils(keep.union(points))
        self.matrix.become(keep.union(points))

    def _check_coils(self, closed: set[Crosspoint]) -> None:
        count = Counter(point[0] for point in closed)
        for slot, coils in count.items():
            if isinstance(self.rack.modules[slot], DenseMatrix) and coils > MOST_COILS:
                raise Refused(-221, "Settings conflict")

    def _open(self, parameter: Parameter) -> None:
        self.matrix.step(self.points(parameter), ())

    def open_all(self, slot: Parameter | None = None) -> None:
        """Open all relays of a slot, or of all of them."""
        slots = self.slots(slot)
        self.matrix.step([point for point in self.matrix.closed if point[0] in slots], ())

    def _open_bus(self, bus: Parameter | None = None) -> None:
        wanted = 0
        if bus is not None and bus.kind == "number" and isinstance(bus.value, float):
            wanted = round(bus.value) if 1 <= bus.value <= 4 else -1
        elif bus is not None:
            wanted = _BUSES(bus)
        if wanted < 0:
            raise Refused(-222, "Data out of range")
        found = [p for p in self.matrix.closed if p[2] > BUS and wanted in (0, p[1] + 1)]
        self.matrix.step(found, ())

    # -- scan ----------------------------------------------------------------------------------

    def _set_scan(self, parameter: Parameter) -> None:
        self.scan = self.points(parameter)

    def _shown_scan(self) -> str:
        text = "(@" + ",".join(str(self.rack.number(point)) for point in self.scan) + ")"
        return f"#{len(str(len(text)))}{len(text)}{text}"

    def _run_scan(self) -> None:
        if not self.scan:
            raise Refused(*EMPTY_LIST)
        scanned = set(self.scan)
        for point in self.scan:
            self.matrix.become((self.matrix.closed - scanned) | {point})
        self.matrix.step(scanned, ())


class Keysight34970A(Keysight34980A):
    """The smaller mainframe: three slots, no sequences of its own name."""

    vendor = "HEWLETT-PACKARD"
    serial = "0"
    firmware = "13-2-2"


def _make(fittings: Fittings) -> Box:
    frame = frame_of(fittings.model)

    def find(name: str) -> Crosspoint | None:
        if name.isascii() and name.isdigit() and len(name) < 6:
            return frame.point(int(name))
        return parse_label(name, 8, 99, 4)

    matrix = fit(fittings, SETTLING, lambda point: str(frame.number(point)), find)
    kind = Keysight34980A if fittings.model == "34980A" else Keysight34970A
    box = kind(fittings.clock, fittings.model, matrix, frame, fittings.faults)
    if fittings.model == "34980A":
        box.serial = f"MY{44001001 + fittings.number}"
    return box


MAKERS: dict[str, Maker] = dict.fromkeys(MODELS, _make)
