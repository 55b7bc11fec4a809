"""What a pre-flight finds: one line of its table each."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How one check ended."""

    PASS = "pass"
    WARNING = "warning"
    UNDECIDED = "not decidable"
    """It cannot be told by what the pre-flight may do."""
    SKIPPED = "not checked"
    """An earlier fault is in the way."""
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of one thing.

    Attributes
    ----------
    check
        What was looked at, for example ``"relays close"``.
    subject
        Of what: an instrument, a terminal, a pad, a crosspoint.
    outcome
        How it ended.
    seen
        What was found.
    cure
        What to do; empty where there is nothing to be done.
    """

    check: str
    subject: str
    outcome: Outcome
    seen: str = ""
    cure: str = ""


@dataclass(slots=True)
class Report:
    """A whole pre-flight.

    Attributes
    ----------
    bench, bench_file, chip
        Which bench.
    shape
        Rows and columns of the chip.
    findings
        In the order of the checks.
    bench_time
        s it took on the bench.
    """

    bench: str
    bench_file: str
    chip: str
    shape: tuple[int, int]
    findings: list[Finding] = field(default_factory=list)
    bench_time: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    @property
    def failed(self) -> list[Finding]:
        """What failed."""
        return [finding for finding in self.findings if finding.outcome is Outcome.FAIL]

    def of(self, check: str) -> list[Finding]:
        """Return the findings of one check."""
        return [finding for finding in self.findings if finding.check == check]

    def failed_of(self, check: str) -> list[Finding]:
        """Return what failed of one check."""
        return [finding for finding in self.failed if finding.check == check]

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        return {"ok": self.ok, **asdict(self)}
