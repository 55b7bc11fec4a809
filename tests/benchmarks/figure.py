"""One measured figure beside the bound it is held to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A figure the project claims.

    Attributes
    ----------
    name, unit
        What was measured, and in which unit.
    value
        What this run measured.
    low, high
        Bounds, either may be None.
    """

    name: str
    value: float
    unit: str
    high: float | None = None
    low: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the value keeps its bounds; a value that is no number does not."""
        return (self.high is None or self.value <= self.high) and (
            self.low is None or self.value >= self.low
        )

    @property
    def bound(self) -> str:
        """The bound as text."""
        if self.low is None and self.high is None:
            return "-"
        if self.low is None:
            return f"<= {self.high:g}"
        if self.high is None:
            return f">= {self.low:g}"
        return f"{self.low:g} .. {self.high:g}"

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain types."""
        return {**asdict(self), "holds": self.holds}
