"""The simulated bench: instruments that speak the real wire protocols in front of one chip.

Production code never imports this package; it is reached through the VISA library
``"<bench file>@labsim"``. The simulator in turn imports only the clock and the errors of labctl.
"""

from labctl.sim.circuit import Violation
from labctl.sim.world import World, discard, world_of

__all__ = ["Violation", "World", "discard", "world_of"]
