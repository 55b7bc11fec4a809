"""The simulated chip: one physical cell model for sweeps, pulses and years."""

from labctl.sim.chip.chip import Chip
from labctl.sim.chip.preset import PRESETS, Preset, preset

__all__ = ["PRESETS", "Chip", "Preset", "preset"]
