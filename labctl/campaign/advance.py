"""How far a campaign is, and how long it will take: by the wall clock and by the bench clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from labctl.campaign import filling
from labctl.campaign.forecast import Forecast, total
from labctl.campaign.loops import Scalar
from labctl.campaign.paper import PaperArray
from labctl.campaign.plan import Plan, Step
from labctl.campaign.record import Record

_SMALLEST = 0.05
"""s that a step counts for at least: what takes no bench time takes some here."""


@dataclass(frozen=True, slots=True)
class CampaignProgress:
    """A look at a campaign.

    Attributes
    ----------
    step, variables
        What is on, with its loop variables.
    runs
        Steps done.
    fraction
        Part of the expected bench time that is behind, 0 to 1.
    step_fraction
        The same of the step that is on.
    elapsed_s, eta_s
        Wall-clock time since it was begun or resumed, and left at that pace; None while unknown.
    bench_elapsed_s, bench_eta_s
        Bench time since the campaign began, and expected to be left.
    """

    step: str
    variables: str
    runs: int
    fraction: float
    step_fraction: float
    elapsed_s: float
    eta_s: float | None
    bench_elapsed_s: float
    bench_eta_s: float

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


class Advance:
    """Adds up what is done, in the bench time that was expected of it.

    Parameters
    ----------
    plan, array
        What is to be done, and the bench on paper.
    record
        Keeps the last look.
    on_progress
        Called with each look.
    """

    def __init__(
        self,
        plan: Plan,
        array: PaperArray,
        record: Record,
        on_progress: Callable[[CampaignProgress], None] | None,
    ) -> None:
        rows = Forecast(plan, array, lambda *_: None).rows()
        self._each = {
            row.name: max(row.seconds / row.count if row.count else 0.0, _SMALLEST)
            for row in rows
            if row.action not in ("step", "include")
        }
        self._seconds = {row.name: row.seconds for row in rows}
        self._expected = total(rows).seconds
        self._total = sum(
            self._each[row.name] * row.count for row in rows if row.name in self._each
        )
        self._record, self._on_progress = record, on_progress
        self._done, self._runs = 0.0, 0
        self._now, self._variables, self._current = "", "", 0.0
        self._start, self._before = time.monotonic(), 0.0
        self._fresh = False

    def enter(self, step: Step, key: str, variables: dict[str, Scalar]) -> None:
        """A pass of a step begins; the first one ends what was done in earlier sessions."""
        if not self._fresh:
            self._fresh, self._before = True, self._done
            self._start = time.monotonic()
        self._now, self._variables = step.name, filling.shown(variables)
        self._current = 0.0
        self.tell(0.0)

    def leave(self, step: Step) -> None:
        """A pass of a step has ended, now or in an earlier session."""
        self._done += self._each[step.name]
        self._runs += 1
        self._current = 0.0

    def left_out(self, step: Step) -> None:
        """A step is left out: nothing more is expected of it."""
        self._total = max(self._total - self._seconds[step.name], self._done)

    def tell(self, fraction: float | None) -> None:
        """Keep and tell how far it is; ``fraction`` is the part of the present step done."""
        if fraction is not None:
            self._current = fraction
        progress = self.keep()
        if self._on_progress is not None:
            self._on_progress(progress)

    def keep(self) -> CampaignProgress:
        """Put how far it is into the record; return it."""
        progress = self._look()
        self._record.state["progress"] = progress.to_json()
        return progress

    def _look(self) -> CampaignProgress:
        done = self._done + self._current * self._each.get(self._now, 0.0)
        whole = max(self._total, done, 1e-9)
        over = self._record.state["status"] in ("finished", "stopped")
        fraction = 1.0 if over else min(done / whole, 1.0)
        elapsed = time.monotonic() - self._start
        fresh = done - self._before
        eta = None if fresh <= 0.0 else elapsed / fresh * (whole - done)
        return CampaignProgress(
            step=self._now,
            variables=self._variables,
            runs=self._runs,
            fraction=fraction,
            step_fraction=self._current,
            elapsed_s=elapsed,
            eta_s=0.0 if over else eta,
            bench_elapsed_s=self._record.state["time"],
            bench_eta_s=0.0 if over else (1.0 - fraction) * self._expected,
        )
