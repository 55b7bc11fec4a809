"""What every switch matrix has in common: its ability, and what a matrix cannot do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labctl.errors import InstrumentError
from labctl.instruments import MatrixAbility, SourceMeter


class MatrixFrame:
    """A mainframe with equal cards, as far as :class:`labctl.instruments.SwitchMatrix` says it.

    Attributes
    ----------
    ability
        Rows, slots and columns of the model.
    life
        Closures a relay is rated for, without a load.
    settling
        Bench time of one move, s; the bench file may say otherwise.
    """

    name: str
    ability: MatrixAbility
    settling: float = 0.004

    @property
    def life(self) -> float:
        """Closures a relay is rated for, without a load."""
        return self.ability.life

    def channel(self, name: str) -> SourceMeter:
        """Refuse: a matrix has no source-meter channel."""
        raise InstrumentError(f"{self.name} is a switch matrix and has no channel {name!r}.")

    def has(self, row: str, slot: int, column: int) -> bool:
        """Tell whether the mainframe can have such a crosspoint."""
        ability = self.ability
        return (
            len(row) == 1
            and row in ability.rows
            and 1 <= slot <= ability.slots
            and 1 <= column <= ability.columns
        )

    def row_number(self, row: str) -> int:
        """Return the number of a row letter, from 1."""
        return self.ability.rows.index(row) + 1

    def still_closed(self, left: frozenset[str]) -> InstrumentError:
        """Return the error of a mainframe that did not open everything."""
        return InstrumentError(
            f"{self.name} still has closed relays: {', '.join(sorted(left))}. Switch the source "
            "meters off by hand; the relays may be welded."
        )

    def not_moved(
        self, opened: Sequence[str], closed: Sequence[str], errors: str
    ) -> InstrumentError:
        """Return the error of a move that the mainframe refused."""
        return InstrumentError(
            f"{self.name} did not move its relays (open {list(opened)}, close {list(closed)}): "
            f"{errors}."
        )


def chunks(points: Sequence[str], most: int) -> Iterator[list[str]]:
    """Yield crosspoints in groups of at most ``most``, which a message can hold."""
    for start in range(0, len(points), most):
        yield list(points[start : start + most])
