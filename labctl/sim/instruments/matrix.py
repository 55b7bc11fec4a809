"""The relays of one mainframe and the bench time that they take."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from labctl.clock import VirtualClock
from labctl.sim.instruments.fittings import Fittings
from labctl.sim.instruments.relays import LIFE, Crosspoint, Relays, label


class Matrix:
    """What a box of any command language does with its relays.

    Parameters
    ----------
    clock
        Bench time.
    relays
        The contacts.
    settling
        Bench time of one step of relays, s, however many move in it.
    """

    def __init__(self, clock: VirtualClock, relays: Relays, settling: float) -> None:
        self.clock, self.relays, self.settling = clock, relays, settling

    @property
    def closed(self) -> set[Crosspoint]:
        """What the box believes to be closed."""
        return self.relays.closed

    def step(
        self, opened: Iterable[Crosspoint], closed: Iterable[Crosspoint], extra: float = 0.0
    ) -> bool:
        """Move relays at one instant and wait until they have settled.

        Parameters
        ----------
        opened, closed
            Crosspoints; those that are there already do not move and cost no time.
        extra
            s to wait besides, if any relay moves.
        """
        if not self.relays.move(opened, closed):
            return False
        self.clock.sleep(self.settling + extra)
        return True

    def become(self, wanted: Iterable[Crosspoint], break_first: bool = True) -> None:
        """Close exactly these crosspoints: one step to open, one to close, in this order or not."""
        target = set(wanted)
        leaving, coming = self.closed - target, sorted(target - self.closed)
        if break_first:
            self.step(leaving, ())
        self.step((), coming)
        if not break_first:
            self.step(leaving, ())

    def open_all(self) -> None:
        """Open every relay."""
        self.step(tuple(self.closed), ())


def fit(
    fittings: Fittings,
    settling: float,
    name: Callable[[Crosspoint], str] = label,
    find: Callable[[str], Crosspoint | None] | None = None,
) -> Matrix:
    """Return the matrix of a box as the bench file asks for it.

    ``[simulation] relay_settling`` (s) replaces the model's own, ``relay_life`` the closures at
    which 63 % of the relays have failed, ``relay_closures`` is what every relay has behind it.
    """
    table = fittings.simulation
    life, used = float(table.get("relay_life", LIFE)), int(table.get("relay_closures", 0))
    if not life > 0 or used < 0:
        raise ValueError("[simulation] relay_life must be positive, relay_closures not negative")
    relays = Relays(
        fittings.moved, fittings.faults, name, find, life=life, used=used, rng=fittings.rng
    )
    return Matrix(fittings.clock, relays, float(table.get("relay_settling", settling)))
