"""What kill -9 leaves of a run folder, at 200 instants in a row."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.figure import Figure
from tests.killing import kill_writers

KILLS = 200


def measure() -> Iterator[Figure]:
    """Kill writers of runs at random instants, and look at what can be read and resumed."""
    with tempfile.TemporaryDirectory() as folder:
        outcomes = kill_writers(Path(folder), KILLS, seed=6)
    good = sum(outcome.is_good for outcome in outcomes)
    yield Figure("kill -9: run readable, true and resumable", good, "kills", low=KILLS)
    oldest = max(outcome.age for outcome in outcomes)
    yield Figure("kill -9: age of the oldest row lost", oldest, "s", high=1.0)
