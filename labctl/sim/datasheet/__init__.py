"""The data sheet of a simulated chip: measured through its pads, drawn as one figure.

Each module is one panel: its measurement, what that found, and its drawing. Cells are reached as on
a bench (connect, drive, let time pass, look at currents), so the sheet shows what the model does,
not what its parameters say.
"""

from __future__ import annotations

from labctl.sim.datasheet.figure import draw
from labctl.sim.datasheet.numbers import KeyNumber, key_numbers
from labctl.sim.datasheet.sheet import FULL, QUICK, DataSheet, Effort, measure

__all__ = [
    "FULL", "QUICK", "DataSheet", "Effort", "KeyNumber", "draw", "key_numbers", "measure",
]  # fmt: skip
