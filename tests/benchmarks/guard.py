"""How fast the guard brings a bench to zero whose program was killed with signal 9 at 2 V."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from labctl.guard.latch import release_latch
from labctl.paths import simulated_bench
from labctl.rendezvous import latch_file
from tests.benchmarks.figure import Figure
from tests.served import SLEEPING, Boxes, Child, wait_for

KILLS = 100
TRANSPORTS = ("socket", "hislip")
BOUND = 0.5
"""s within which every output must be off."""
_GIVE_UP = 10.0


def measure() -> Iterator[Figure]:
    """Kill a program at 2 V again and again, on boxes that take the time real ones take."""
    before = os.environ.get("LABCTL_RUNTIME_DIR")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LABCTL_RUNTIME_DIR"] = str(Path(folder) / "runtime")
        try:
            seconds = [
                each
                for transport in TRANSPORTS
                for each in _kill(Path(folder), transport, KILLS // len(TRANSPORTS))
            ]
        finally:
            if before is None:
                del os.environ["LABCTL_RUNTIME_DIR"]
            else:
                os.environ["LABCTL_RUNTIME_DIR"] = before
    name = f"kill -9 at 2 V: outputs off, slowest of {KILLS}"
    yield Figure(name, max(seconds), "s", BOUND)
    within = sum(each <= BOUND for each in seconds)
    yield Figure(f"kill -9 at 2 V: outputs off within {BOUND:g} s", within, "kills", low=KILLS)


def _kill(folder: Path, transport: str, times: int) -> list[float]:
    """Return how long the outputs stayed on after each kill, s; a very long time for ever."""
    place = folder / transport
    place.mkdir()
    text = simulated_bench().read_text(encoding="utf-8")
    boxes = Boxes(place, text, transport, real_time=True)
    latch = latch_file(boxes.path)
    found = []
    try:
        for _ in range(times):
            child = Child(SLEEPING, boxes.path)
            try:
                child.line()
                assert boxes.levels()[:2] == [2.0, 2.0]
                child.process.kill()
                try:
                    found.append(wait_for(lambda: not any(boxes.outputs()), _GIVE_UP))
                except AssertionError:
                    found.append(float("inf"))
            finally:
                child.end()
            wait_for(latch.exists, _GIVE_UP)
            release_latch(latch)
    finally:
        boxes.stop()
    return found
