"""Simulated Keithley 3706A system switch (TSP) with 3730 matrix cards, 6 rows by 16 columns.

Source: *Series 3700A System Switch/Multimeter Reference Manual* (3700AS-901-01). It is the model
without multimeter (``dmm`` is nil). The rows of all cards are joined outside of the box, so that
its analog backplane relays (``911`` to ``916`` of each slot) close and open, and change nothing.
"""

from __future__ import annotations

from typing import Any

from labctl.sim.box import Box
from labctl.sim.instruments.fittings import Fittings, Maker
from labctl.sim.instruments.keithley3706a_channels import build_channels
from labctl.sim.instruments.keithley_cards import Cards
from labctl.sim.instruments.keithley_switch import KeithleySwitch
from labctl.sim.instruments.matrix import fit
from labctl.sim.instruments.relays import Crosspoint
from labctl.sim.instruments.relays import parse as parse_label
from labctl.sim.status import Refused
from labctl.sim.tsp import Attribute, LuaHost
from labctl.sim.tsp.values import arguments, flag, text

SLOTS, ROWS, COLUMNS = 6, 6, 16
SETTLING = 4e-3
"""Bench time of one step of relays, s (actuation time of the latching relays of a 3730)."""
CARD = "3730,6x16 High Density Matrix,01.40a,1234567"
BACKPLANE = 910
"""Analog backplane relay k of a slot is its channel 910 + k."""


def name(point: Crosspoint) -> str:
    """Return slot, row and column as ``1203``, or a backplane relay as ``1911``."""
    slot, row, column = point
    return f"{slot}{column}" if column > BACKPLANE else f"{slot}{row + 1}{column:02d}"


def find(text: str) -> Crosspoint | None:
    """Return the crosspoint or backplane relay called so, or None."""
    if len(text) != 4 or not (text.isascii() and text.isdigit()):
        return parse_label(text, SLOTS, COLUMNS, ROWS)
    slot, row, column = int(text[0]), int(text[1]), int(text[2:])
    if not 1 <= slot <= SLOTS:
        return None
    if row == 9 and 11 <= column <= 10 + ROWS:
        return slot, column - 11, BACKPLANE + column - 10
    return (slot, row - 1, column) if 1 <= row <= ROWS and 1 <= column <= COLUMNS else None


class Keithley3706A(KeithleySwitch):
    """The mainframe with a matrix card in every slot."""

    firmware = "01.56a"

    def build(self, host: LuaHost) -> None:
        """Add what a 3706A has beyond the other mainframes."""
        self._backplanes: dict[Crosspoint, str] = {}
        self._overrides: dict[str, Any] = {}
        super().build(host)
        build_channels(host, self.channels)
        host.function("channel.setbackplane", self._set_backplane)
        host.function("channel.getbackplane", self._get_backplane)

    def build_slots(self, host: LuaHost) -> None:
        """Add ``slot`` with the interlocks of its cards."""
        super().build_slots(host)
        for number in range(1, SLOTS + 1):
            engaged = Attribute(lambda: int(self.faults.interlock != "open"))
            override = self.setting(self._overrides, str(number), flag, 0)
            host.node(
                f"slot.{number}.interlock", attributes={"state": engaged, "override": override}
            )
            host.node(f"slot.{number}.thermal", {"state": 0})
            host.extend(f"slot.{number}", {"pseudocard": 0})

    def reset(self) -> None:
        """Bring channels, scan and backplane settings to their defaults."""
        super().reset()
        self._backplanes.clear()

    def _set_backplane(self, *given: Any) -> None:
        arguments(given, 2, 2)
        points, relays = self.channels.lists.points(text(given[0])), text(given[1])
        wanted = self.channels.lists.points(relays) if relays else ()
        if any(p[2] > BACKPLANE for p in points) or any(p[2] <= BACKPLANE for p in wanted):
            raise Refused(1115, "Parameter error: invalid backplane relay")
        for point in points:
            self._backplanes[point] = ",".join(name(relay) for relay in wanted)

    def _get_backplane(self, *given: Any) -> str:
        arguments(given, 1, 1)
        points = self.channels.lists.points(text(given[0]))
        return ";".join(self._backplanes.get(point, "") for point in points)


def _make(fittings: Fittings) -> Box:
    buses = tuple((row, BACKPLANE + 1 + row) for row in range(ROWS))
    cards = Cards(SLOTS, ROWS, COLUMNS, name, find, CARD, poles=2, buses=buses, empty_opens=True)
    matrix = fit(fittings, SETTLING, name, find)
    box = Keithley3706A(fittings.clock, fittings.model, matrix, cards, fittings.faults)
    box.serial = str(int(box.serial) + fittings.number)
    return box


MAKERS: dict[str, Maker] = {"3706A": _make}
