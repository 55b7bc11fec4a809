"""The simulated chip: cells with memory, variability and age behind their pads."""

from __future__ import annotations

from labctl.sim.chip.chip import Chip
from labctl.sim.chip.crossbar import Crossbar
from labctl.sim.chip.preset import Preset, preset

__all__ = ["Chip", "Crossbar", "Preset", "preset"]
