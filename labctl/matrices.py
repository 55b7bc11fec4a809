"""Several mainframes as one switch matrix, their rows joined letter by letter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from labctl.errors import InstrumentError, WiringError
from labctl.instruments import SwitchMatrix

SLOTS = 100
"""Slots count on from one mainframe to the next in this step: slot 103 is slot 3 of the second."""


class MatrixGroup:
    """Several mainframes, as one :class:`labctl.instruments.SwitchMatrix`.

    A crosspoint is the name of the mainframe, a colon, and the mainframe's own notation:
    ``"left:1A01"``.

    Parameters
    ----------
    mainframes
        By name in the bench file, in the order of its ``[matrix] instrument``.

    Attributes
    ----------
    mainframes
        As given.
    life
        Closures a relay is rated for: those of the mainframe that wears first.
    """

    def __init__(self, mainframes: Mapping[str, SwitchMatrix]) -> None:
        self.mainframes = dict(mainframes)
        self._in_order = list(self.mainframes.items())
        self.life = min(each.life for each in self.mainframes.values())

    @property
    def settling(self) -> float:
        """Bench time one ``move`` takes, s: that of the slowest mainframe."""
        return max(each.settling for each in self.mainframes.values())

    @settling.setter
    def settling(self, seconds: float) -> None:
        for each in self.mainframes.values():
            each.settling = seconds

    def crosspoint(self, row: str, slot: int, column: int) -> str:
        """Name the crosspoint of a row letter, a slot (see :data:`SLOTS`) and a column (from 1).

        Raises
        ------
        WiringError
            Where there is no such mainframe.
        """
        number, own = divmod(slot, SLOTS)
        if not 0 <= number < len(self._in_order):
            names = ", ".join(self.mainframes)
            raise WiringError(
                f"Slot {slot} is in mainframe {number + 1}; there are {len(self._in_order)} "
                f"({names}). Add the mainframe to [matrix] instrument."
            )
        name, matrix = self._in_order[number]
        return f"{name}:{matrix.crosspoint(row, own, column)}"

    def has(self, row: str, slot: int, column: int) -> bool:
        """Tell whether there is such a crosspoint."""
        number, own = divmod(slot, SLOTS)
        return 0 <= number < len(self._in_order) and self._in_order[number][1].has(row, own, column)

    def move(self, opened: Sequence[str], closed: Sequence[str]) -> None:
        """Open, then close the crosspoints named, and wait until they have settled.

        What is to open opens in all mainframes before anything closes in one of them: break
        before make holds for the whole matrix, because the rows are joined.
        """
        breaking, making = self._split(opened), self._split(closed)
        if breaking.keys() == making.keys() and len(making) == 1:
            [name] = making  # one message: the mainframe itself breaks before it makes
            with _named(name):
                self.mainframes[name].move(breaking[name], making[name])
            return
        for name, points in breaking.items():
            with _named(name):
                self.mainframes[name].move(points, ())
        for name, points in making.items():
            with _named(name):
                self.mainframes[name].move((), points)

    def closed(self) -> frozenset[str]:
        """Ask every mainframe which crosspoints are closed."""
        found: set[str] = set()
        for name, each in self._in_order:
            with _named(name):
                found.update(f"{name}:{point}" for point in each.closed())
        return frozenset(found)

    def open_all(self) -> None:
        """Open every relay of every mainframe.

        Raises
        ------
        InstrumentError
            With what every mainframe that failed says; the others have opened theirs.
        """
        self._on_all(lambda name, each: each.open_all())

    def forbid(self, crosspoints: Sequence[str]) -> None:
        """Have each mainframe refuse its part of the crosspoints, and no others."""
        parts = self._split(crosspoints)
        self._on_all(lambda name, each: each.forbid(parts.get(name, ())))

    def closures(self, crosspoints: Sequence[str]) -> dict[str, int] | None:
        """Return the closures counted by the mainframes that count; None where none does."""
        found: dict[str, int] = {}
        counting = False
        for name, points in self._split(crosspoints).items():
            counted = self.mainframes[name].closures(points)
            counting = counting or counted is not None
            found.update({f"{name}:{point}": n for point, n in (counted or {}).items()})
        return found if counting else None

    def _split(self, crosspoints: Iterable[str]) -> dict[str, list[str]]:
        """Return the crosspoints of each mainframe named, in its own notation."""
        parts: dict[str, list[str]] = {}
        for crosspoint in crosspoints:
            name, _, own = crosspoint.partition(":")
            if name not in self.mainframes or not own:
                names = ", ".join(self.mainframes)
                raise WiringError(
                    f"{crosspoint!r} names no crosspoint of this matrix; write the mainframe "
                    f"before it ({names}), as in '{self._in_order[0][0]}:...'."
                )
            parts.setdefault(name, []).append(own)
        return parts

    def _on_all(self, action: Callable[[str, SwitchMatrix], None]) -> None:
        """Do something on every mainframe, even where it fails on one; then raise all faults."""
        faults: list[Exception] = []
        said = []
        for name, each in self._in_order:
            try:
                action(name, each)
            except Exception as error:  # noqa: BLE001 - the relays of the others must still open
                faults.append(error)
                said.append(f"mainframe {name}: {error}")
        if len(faults) == 1:
            raise InstrumentError(said[0]) from faults[0]
        if faults:
            raise InstrumentError("; ".join(said)) from ExceptionGroup("all faults", faults)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Put the name of a mainframe before what it complains of."""
    try:
        yield
    except InstrumentError as error:
        raise type(error)(f"mainframe {name}: {error}") from error
