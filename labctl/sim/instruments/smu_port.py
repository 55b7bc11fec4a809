"""Where the HI terminal of a source-measure channel is wired to."""

from __future__ import annotations

from typing import Protocol


class Port(Protocol):
    """Where the channel's HI terminal is wired to."""

    def drive(self, voltage: float, limit: float) -> None:
        """Set level (V, NaN = disconnected) and current limit (A)."""
        ...

    def measure(self) -> tuple[float, bool]:
        """Return the current delivered (A) and whether it is at its limit."""
        ...

    def level(self) -> float:
        """Return the voltage at the terminal, V."""
        ...


class OpenPort:
    """A terminal that is wired to nothing."""

    def __init__(self) -> None:
        self._voltage = 0.0

    def drive(self, voltage: float, limit: float) -> None:
        """Keep the level."""
        self._voltage = voltage

    def measure(self) -> tuple[float, bool]:
        """Return no current."""
        return 0.0, False

    def level(self) -> float:
        """Return the level, V."""
        return 0.0 if self._voltage != self._voltage else self._voltage
