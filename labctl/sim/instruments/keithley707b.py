"""Simulated Keithley 707B and 708B switch matrices (TSP) with 7174A cards, 8 rows by 12 columns.

Source: *Models 707B and 708B Switching Matrix Reference Manual* (707B-901-01).
"""

from __future__ import annotations

from labctl.sim.box import Box
from labctl.sim.instruments.fittings import Fittings, Maker
from labctl.sim.instruments.keithley_cards import Cards
from labctl.sim.instruments.keithley_switch import KeithleySwitch
from labctl.sim.instruments.matrix import fit
from labctl.sim.instruments.relays import Crosspoint, label, parse

SLOTS = {"707B": 6, "708B": 1}
ROWS, COLUMNS = 8, 12
SETTLING = 4e-3
"""Bench time of one step of relays, s (the manual's example); the 7174A itself needs less."""
CARD = "7174A,8x12 Low Current Matrix,01.00a,1234567"


class Keithley707B(KeithleySwitch):
    """The mainframe with a matrix card in every slot."""


def _make(fittings: Fittings) -> Box:
    slots = SLOTS[fittings.model]

    def find(name: str) -> Crosspoint | None:
        return parse(name, slots, COLUMNS, ROWS)

    # A 7174A has no memory: its count of closures begins at power-up.
    cards = Cards(slots, ROWS, COLUMNS, label, find, CARD, poles=1, counts_for_life=False)
    matrix = fit(fittings, SETTLING, label, find)
    box = Keithley707B(fittings.clock, fittings.model, matrix, cards, fittings.faults)
    box.serial = str(int(box.serial) + fittings.number)
    return box


MAKERS: dict[str, Maker] = dict.fromkeys(SLOTS, _make)
