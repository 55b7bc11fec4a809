"""Keithley 3706A system switch with 3730 matrix cards (6 rows by 16 columns), TSP.

Rows 1 to 6 of a card are rows A to F here. The rows of different cards are joined outside of the
mainframe, or over its analog backplane, whose relays this driver leaves open. Source: Keithley,
*Series 3700A System Switch/Multimeter Reference Manual*, 3700AS-901-01, and the data sheet of the
3730 for the life of its latching relays, from memory.
"""

from __future__ import annotations

from typing import Any

from drivers._line import connect
from drivers._tspmatrix import SAFE, TspMatrix
from labctl.instruments import MatrixAbility, SafeMessages

MODELS = {"3706A": MatrixAbility(rows="ABCDEF", slots=6, columns=16, life=1e8)}


def abilities(model: str) -> MatrixAbility | None:
    """Return what a model can do, or None where this driver does not know it."""
    return MODELS.get(model)


def open_instrument(
    address: str, model: str, visa_library: str, timeout: float = 5.0
) -> Keithley3706A:
    """Connect to the mainframe at a VISA address; sends nothing but ``*IDN?``."""
    return Keithley3706A(connect(address, visa_library, timeout), model)


def safe_messages(model: str) -> SafeMessages:
    """Return what opens every relay of a model, those of the backplane included."""
    return SAFE


class Keithley3706A(TspMatrix):
    """The mainframe, as a :class:`labctl.instruments.SwitchMatrix`."""

    settling = 0.004
    """Bench time of one move, s (actuation time of a 3730)."""

    def __init__(self, adapter: Any, model: str = "3706A", **kwargs: Any) -> None:
        super().__init__(adapter, f"Keithley {model}", MODELS[model], **kwargs)

    def crosspoint(self, row: str, slot: int, column: int) -> str:
        """Name a crosspoint: slot, row from 1, two-digit column, as in ``1203``."""
        return f"{slot}{self.row_number(row)}{column:02d}"
