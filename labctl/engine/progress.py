"""How far a run is, and how long it will take: by the wall clock and by the bench clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """A look at a run.

    Attributes
    ----------
    done, total
        Units.
    elapsed_s
        Wall-clock time spent measuring, pauses left out, s.
    pace
        Units per wall-clock second; None before the first unit is done.
    eta_s
        Wall-clock time left at that pace, s; None before the first unit is done.
    bench_elapsed_s, bench_eta_s
        The same in bench time. Before the first unit is done the time left is the procedure's
        estimate, None where it has none.
    """

    done: int
    total: int
    elapsed_s: float
    pace: float | None
    eta_s: float | None
    bench_elapsed_s: float
    bench_eta_s: float | None

    @property
    def fraction(self) -> float:
        """Part of the units that is done, 0 to 1."""
        return self.done / self.total if self.total else 1.0

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


class Meter:
    """Keeps the two clocks of a run and turns them into :class:`Progress`.

    Parameters
    ----------
    wall, bench
        Return s of the wall clock and of the bench clock.
    estimate
        Bench time of the whole run as estimated beforehand, s; None where unknown.
    """

    def __init__(
        self, wall: Callable[[], float], bench: Callable[[], float], estimate: float | None
    ) -> None:
        self._wall, self._bench = wall, bench
        self._estimate = estimate if estimate is not None and isfinite(estimate) else None
        self._wall_start, self._bench_start = wall(), bench()
        self._paused = 0.0
        self._pause_start: float | None = None
        self.done = 0
        self.total = 0
        self._before = 0

    def begin_at(self, done: int) -> None:
        """Start with units that were done before the run was resumed; the pace is without them."""
        self.done = self._before = done

    def pause(self) -> None:
        """Stop the wall clock."""
        if self._pause_start is None:
            self._pause_start = self._wall()

    def resume(self) -> None:
        """Let the wall clock go on."""
        if self._pause_start is not None:
            self._paused += self._wall() - self._pause_start
            self._pause_start = None

    def look(self) -> Progress:
        """Return how far the run is now."""
        now = self._wall() if self._pause_start is None else self._pause_start
        elapsed = max(now - self._wall_start - self._paused, 0.0)
        bench = self._bench() - self._bench_start
        left = self.total - self.done
        fresh = self.done - self._before
        pace = fresh / elapsed if fresh and elapsed > 0.0 else None
        eta = left / pace if pace else None
        bench_eta = self._estimate
        if fresh:
            bench_eta = bench / fresh * left
        elif self._estimate is not None and self.total:
            bench_eta = self._estimate * left / self.total
        return Progress(self.done, self.total, elapsed, pace, eta, bench, bench_eta)
