"""Simulated instruments: per model a table of commands and the physics behind it."""

from labctl.sim.instruments.keithley707b import SLOTS, Keithley707B
from labctl.sim.instruments.keithley2600 import Keithley2600
from labctl.sim.instruments.relays import ROWS, Crosspoint
from labctl.sim.instruments.smu import OpenPort, Port
from labctl.sim.instruments.smu_models import MODELS

__all__ = [
    "MODELS",
    "ROWS",
    "SLOTS",
    "Crosspoint",
    "Keithley707B",
    "Keithley2600",
    "OpenPort",
    "Port",
]
