"""What a run is expected to spend, besides time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """Expected pulses, reads and relay closures of a run; they wear cells and relays.

    Attributes
    ----------
    pulses
        Programming pulses, and points of sweeps above the read voltage.
    reads
        Reads of a cell, and points of sweeps.
    closures
        Relay closures.
    """

    pulses: float = 0.0
    reads: float = 0.0
    closures: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.pulses + other.pulses,
            self.reads + other.reads,
            self.closures + other.closures,
        )
