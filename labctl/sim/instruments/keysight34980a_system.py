"""The ``SYSTem``, ``DIAGnostic`` and ``DISPlay`` commands of the Keysight 34980A and 34970A.

Source: *34980A Multifunction Switch/Measure Unit, Programmer's Reference*; descriptions of the
modules from memory of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from labctl.sim.instruments.keysight34980a_modules import Module
from labctl.sim.instruments.relays import Crosspoint
from labctl.sim.instruments.scpi_matrix import toggle
from labctl.sim.scpi import Command, Parameter, choice, text

if TYPE_CHECKING:
    from labctl.sim.instruments.keysight34980a import Keysight34980A

LONGEST_TEXT = 18
"""Characters of the display."""
_PROTECTION = choice({"AUTO100": "AUTO100", "AUTO0": "AUTO0", "FIXed": "FIX", "ISOlated": "ISO"})


def system_commands(box: Keysight34980A) -> Iterator[Command]:
    """Yield what a mainframe tells of its modules and counts of their relays."""
    store, counted_from = box.settings, Counter[Crosspoint]()

    def module(slot: Parameter) -> Module:
        return box.rack.modules[box.slots(slot)[0]]

    def cycles(parameter: Parameter) -> str:
        count = box.relays.count
        return ",".join(
            box.show(count(point) - counted_from[point]) for point in box.points(parameter)
        )

    def clear_cycles(parameter: Parameter) -> None:
        for point in box.points(parameter):
            counted_from[point] = box.relays.count(point)

    def card(slot: Parameter) -> str:
        return f"{box.vendor},{module(slot).model},MY4400{box.slots(slot)[0]:04d},1.08"

    def preset() -> None:
        box.scan = []  # SYSTem:PRESet leaves relays as they are

    def protected(slot: Parameter) -> str:
        return box.protection[box.slots(slot)[0]]

    def protect(slot: Parameter, mode: Parameter) -> None:
        for number in box.slots(slot):
            box.protection[number] = _PROTECTION(mode)

    yield Command(":DIAGnostic:RELay:CYCLes", query=cycles)
    yield Command(":DIAGnostic:RELay:CYCLes:CLEar", event=clear_cycles)
    yield Command(":SYSTem:CTYPe", query=card)
    yield Command(":SYSTem:CDEScription", query=lambda slot: f'"{module(slot).description}"')
    yield Command(":SYSTem:CPON", event=lambda slot: box.open_all(slot))
    yield Command(":SYSTem:PRESet", event=preset)
    yield Command(":SYSTem:BEEPer", event=lambda: None)
    yield toggle(":SYSTem:BEEPer:STATe", store, "beep")
    for word in ("LOCal", "REMote", "RWLock"):
        yield Command(f":SYSTem:{word}", event=lambda: None)
    yield toggle(":DISPlay[:STATe]", store, "screen")
    yield Command(
        ":DISPlay:TEXT[:DATA]",
        lambda: f'"{store["text"]}"',
        lambda p: store.update(text=text(p)[:LONGEST_TEXT]),
    )
    yield Command(":DISPlay:TEXT:CLEar", event=lambda: store.update(text=""))
    if box.rack.digits == 3:
        yield Command(":SYSTem:MODule:TERMinal:TYPE", query=lambda slot: module(slot).layout)
        yield Command(
            ":SYSTem:MODule:ROW:PROTection",
            lambda slot: box.protection[box.slots(slot)[0]],
            protect,
        )
        yield Command(
            ":SYSTem:MODule:WIRE:MODE", query=lambda slot: "WIRE2" if module(slot) else ""
        )
        yield Command(":INSTrument:DMM:INSTalled", query=lambda: "0")
        yield Command(":INSTrument:DMM[:STATe]", query=lambda: "0")
