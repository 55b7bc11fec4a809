"""A switch matrix whose relays move only at 0 V, and never to what is forbidden."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from labctl.errors import LimitError, WiringError
from labctl.instruments import SwitchMatrix
from labctl.limited import LimitedMeter


class _Source(Protocol):
    """A source meter on a row of the matrix."""

    label: str

    @property
    def meter(self) -> LimitedMeter: ...


class ColdMatrix:
    """A :class:`labctl.instruments.SwitchMatrix` that moves no relay under voltage.

    What some mainframes refuse by themselves is refused here for all of them, whoever asks: a
    crosspoint that no cell needs, and two rows on one column (``instruments.md`` section 6).

    Parameters
    ----------
    matrix
        The relays.
    sources
        The source meters on its rows, by name.
    """

    def __init__(self, matrix: SwitchMatrix, sources: Mapping[str, _Source]) -> None:
        self._matrix, self._sources = matrix, tuple(sources.values())
        self._meters = tuple(source.meter for source in self._sources)
        self._beside: dict[str, tuple[str, ...]] = {}
        self._forbidden: frozenset[str] = frozenset()
        self._now: set[str] | None = None  # what is closed, as far as that is known

    @property
    def settling(self) -> float:
        """Bench time one ``move`` takes, s."""
        return self._matrix.settling

    @settling.setter
    def settling(self, seconds: float) -> None:
        self._matrix.settling = seconds

    @property
    def life(self) -> float:
        """Closures a relay is rated for, without a load."""
        return self._matrix.life

    def wired(self, columns: Iterable[Sequence[str]]) -> None:
        """Tell which crosspoints are on one column each: no two of them may be closed."""
        for column in columns:
            for point in column:
                self._beside[point] = tuple(other for other in column if other != point)

    def crosspoint(self, row: str, slot: int, column: int) -> str:
        """Name the crosspoint of a row letter, a slot (from 1) and a column (from 1)."""
        return self._matrix.crosspoint(row, slot, column)

    def has(self, row: str, slot: int, column: int) -> bool:
        """Tell whether the model can have such a crosspoint."""
        return self._matrix.has(row, slot, column)

    def move(self, opened: Sequence[str], closed: Sequence[str]) -> None:
        """Open, then close the crosspoints named, and wait until they have settled.

        Raises
        ------
        LimitError
            Where a source meter is not at 0 V; nothing moves.
        WiringError
            For a crosspoint that is forbidden, or a second row on a column; nothing moves.
        """
        for meter in self._meters:
            if meter.level != 0.0:
                raise self._hot()
        if self._forbidden:
            self._check(opened, closed)
        now, self._now = self._now, None  # unknown until it has answered
        self._matrix.move(opened, closed)
        if now is not None:
            now.difference_update(opened)
            now.update(closed)
            self._now = now

    def closed(self) -> frozenset[str]:
        """Ask the matrix which crosspoints are closed."""
        found = self._matrix.closed()
        self._now = set(found)
        return found

    def open_all(self) -> None:
        """Open every relay, whatever the levels are: it is the end of every way to zero."""
        self._now = None
        self._matrix.open_all()
        self._now = set()

    def forbid(self, crosspoints: Sequence[str]) -> None:
        """Refuse these crosspoints, here and in the matrix itself where it can.

        Without any, two rows on one column are allowed as well: a pre-flight tests relays so.
        """
        self._matrix.forbid(crosspoints)
        self._forbidden = frozenset(crosspoints)

    def closures(self, crosspoints: Sequence[str]) -> dict[str, int] | None:
        """Return the closures the matrix itself has counted; None where it does not count."""
        return self._matrix.closures(crosspoints)

    def _check(self, opened: Sequence[str], closed: Sequence[str]) -> None:
        if not self._forbidden.isdisjoint(closed):
            refused = ", ".join(sorted(self._forbidden.intersection(closed)))
            raise WiringError(
                f"Crosspoint {refused} puts a source on a pad of another kind, which no cell "
                "needs; it stays open. Correct [matrix.wiring] if it should be another pad."
            )
        if self._now is None:
            self.closed()
        now = self._now or set()
        for point in closed:
            for other in self._beside.get(point, ()):
                if other in closed or (other in now and other not in opened):
                    raise WiringError(
                        f"Crosspoints {point} and {other} would put two rows on one column, and "
                        f"short-circuit what is on them. Open {other} first."
                    )

    def _hot(self) -> LimitError:
        levels = ", ".join(
            f"{source.label} is at {source.meter.level:g} V"
            for source in self._sources
            if source.meter.level != 0.0
        )
        return LimitError(
            f"Relays move only at 0 V, and {levels}. Bring it to 0 V first (`meter.force(0.0)`, or "
            "`bench.off()`)."
        )
