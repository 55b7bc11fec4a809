"""Keithley 707B and 708B switch matrices with 8x12 matrix cards (7174A and alike), TSP.

Source: Keithley, *Models 707B and 708B Switching Matrix Reference Manual*, 707B-901-01.
"""

from __future__ import annotations

from typing import Any

from drivers._line import connect
from drivers._tspmatrix import SAFE, TspMatrix
from labctl.instruments import MatrixAbility, SafeMessages

MODELS = {
    "707B": MatrixAbility(rows="ABCDEFGH", slots=6, columns=12),
    "708B": MatrixAbility(rows="ABCDEFGH", slots=1, columns=12),
}


def abilities(model: str) -> MatrixAbility | None:
    """Return what a model can do, or None where this driver does not know it."""
    return MODELS.get(model)


def open_instrument(
    address: str, model: str, visa_library: str, timeout: float = 5.0
) -> Keithley707B:
    """Connect to the matrix at a VISA address; sends nothing but ``*IDN?``."""
    return Keithley707B(connect(address, visa_library, timeout), model)


def safe_messages(model: str) -> SafeMessages:
    """Return what opens every relay of a model."""
    return SAFE


class Keithley707B(TspMatrix):
    """The mainframe, as a :class:`labctl.instruments.SwitchMatrix`."""

    settling = 0.004
    """Bench time of one move, s (manual's example with reed cards)."""

    def __init__(self, adapter: Any, model: str = "707B", **kwargs: Any) -> None:
        super().__init__(adapter, f"Keithley {model}", MODELS[model], **kwargs)

    def crosspoint(self, row: str, slot: int, column: int) -> str:
        """Name a crosspoint: slot, row letter, two-digit column, as in ``1A01``."""
        return f"{slot}{row}{column:02d}"
