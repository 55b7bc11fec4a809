"""The simulated bench: instruments that speak the real wire protocols in front of one chip.

Production code never imports this package; it is reached through the VISA library
``"<bench file>@labsim"``. The simulator in turn imports only the clock, the errors, and the words
for cells and arrays of labctl.
"""

from typing import TYPE_CHECKING, Any

from labctl.sim.circuit import Violation
from labctl.sim.world import World, discard, world_of

if TYPE_CHECKING:
    from labctl.sim.array import SimulatedArray

__all__ = ["SimulatedArray", "Violation", "World", "discard", "world_of"]


def __getattr__(name: str) -> Any:
    """Load the array when somebody asks for it: its kernels take a second to import."""
    if name == "SimulatedArray":
        from labctl.sim.array import SimulatedArray

        return SimulatedArray
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
