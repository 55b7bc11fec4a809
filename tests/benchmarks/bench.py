"""Reading cells through everything, messages over a network, and the way to zero after kill -9."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks import guard, maps, wire
from tests.benchmarks.figure import Figure


def measure() -> Iterator[Figure]:
    """Yield every figure of the group."""
    yield from maps.measure()
    yield from wire.measure()
    yield from guard.measure()
