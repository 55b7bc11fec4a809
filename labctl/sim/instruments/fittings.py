"""What a simulated bench gives an instrument that it builds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labctl.clock import VirtualClock
from labctl.sim.box import Box
from labctl.sim.faults import Faults
from labctl.sim.instruments.relays import Crosspoint
from labctl.sim.instruments.smu import Port


@dataclass(frozen=True)
class Fittings:
    """What a simulated bench gives a box that it builds.

    Attributes
    ----------
    model
        As the bench file names it.
    clock
        Bench time.
    faults
        What is wrong with the box.
    port
        Returns where a channel (as the bench file names it) is wired to, given also the reaction
        time of its current limit, s.
    moved
        To be called with the crosspoints that open and close at one instant.
    rng
        Noise of the readings, and the fate of worn contacts.
    number
        Of the box on the bench, from 0; no two serial numbers are the same.
    simulation
        The table ``[simulation]``.
    """

    model: str
    clock: VirtualClock
    faults: Faults
    port: Callable[[str, float], Port]
    moved: Callable[[Iterable[Crosspoint], Iterable[Crosspoint]], None]
    rng: np.random.Generator
    number: int
    simulation: Mapping[str, Any]

    @property
    def ideal(self) -> bool:
        """Whether readings are without noise, resolution and settling."""
        return not self.simulation.get("instrument_noise", True)


Maker = Callable[[Fittings], Box]
"""Builds one model; every module of instruments ends with a table ``MAKERS`` of them."""
