"""What the SCPI switch mainframes have in common: relays, and channel lists that name them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from labctl.clock import VirtualClock
from labctl.sim.faults import Faults
from labctl.sim.instruments.matrix import Matrix
from labctl.sim.instruments.relays import Crosspoint
from labctl.sim.scpi import Command, Parameter, ScpiBox, choice
from labctl.sim.status import Refused

Setting = dict[str, Any]


class ScpiMatrix(ScpiBox):
    """A mainframe with relays behind a table of commands.

    Parameters
    ----------
    matrix
        Its relays.
    """

    message_time = 2e-4
    answer_time = 2e-4

    def __init__(
        self, clock: VirtualClock, model: str, matrix: Matrix, faults: Faults | None = None
    ) -> None:
        self.matrix, self.relays = matrix, matrix.relays
        super().__init__(clock, model, faults)

    def points(self, parameter: Parameter) -> list[Crosspoint]:
        """Return what a channel list names, in its order; Refused for what the box has not."""
        raise NotImplementedError

    def states(self, points: Iterable[Crosspoint], closed: bool = True) -> str:
        """Return 1 for each crosspoint that is closed (or that is open), else 0."""
        now = self.matrix.closed
        return ",".join("1" if (point in now) is closed else "0" for point in points)

    def faulty(self, slot: int) -> bool:
        """Tell whether a relay test of a slot fails: a contact is not where its coil is."""
        differing = self.relays.touching ^ self.matrix.closed
        return any(point[0] == slot for point in differing)


def toggle(header: str, store: Setting, key: str) -> Command:
    """Return the command of a setting that is on or off."""
    states = choice({"ON": True, "OFF": False, "1": True, "0": False})

    def write(value: Parameter) -> None:
        if value.kind == "number":
            if value.value not in (0.0, 1.0):
                raise Refused(-224, "Illegal parameter value")
            store[key] = bool(value.value)
        else:
            store[key] = states(value)

    return Command(header, lambda: str(int(store[key])), write)
