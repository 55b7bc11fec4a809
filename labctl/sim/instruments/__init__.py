"""Simulated instruments: per model a table of commands and the physics behind it."""

from labctl.sim.instruments import (
    b2900,
    keithley707a,
    keithley707b,
    keithley2400,
    keithley2450,
    keithley2600,
    keithley3706a,
    keithley7001,
    keysight34980a,
    keysightb2200,
)
from labctl.sim.instruments.fittings import Fittings, Maker
from labctl.sim.instruments.keithley707b import SLOTS, Keithley707B
from labctl.sim.instruments.keithley2600 import Keithley2600
from labctl.sim.instruments.relays import ROWS, Crosspoint
from labctl.sim.instruments.smu import OpenPort, Port
from labctl.sim.instruments.smu_models import MODELS

MAKERS: dict[str, Maker] = {
    **b2900.MAKERS,
    **keithley2400.MAKERS,
    **keithley2450.MAKERS,
    **keithley2600.MAKERS,
    **keithley707a.MAKERS,
    **keithley707b.MAKERS,
    **keithley3706a.MAKERS,
    **keithley7001.MAKERS,
    **keysightb2200.MAKERS,
    **keysight34980a.MAKERS,
}
"""How each model of the simulated bench is built."""

__all__ = [
    "MAKERS",
    "MODELS",
    "ROWS",
    "SLOTS",
    "Crosspoint",
    "Fittings",
    "Keithley707B",
    "Keithley2600",
    "Maker",
    "OpenPort",
    "Port",
]
