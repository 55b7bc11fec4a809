"""What one cell read costs through driver, safety, matrix and physics."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from labctl import Bench
from labctl.paths import simulated_bench
from tests.benchmarks import guard
from tests.benchmarks.figure import Figure

PASSES = 41


def measure() -> Iterator[Figure]:
    """Read the whole simulated chip several times; the median counts."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.toml"
        path.write_text(simulated_bench().read_text(encoding="utf-8"), encoding="utf-8")
        with Bench.open(path) as bench:
            array = bench.array
            cells = array.all_cells
            array.read(cells)  # loads what is loaded once
            seconds, bench_seconds, closures = [], [], array.counters.relay_closures
            for _ in range(PASSES):
                start, bench_start = time.process_time(), array.now()
                array.read(cells)
                seconds.append((time.process_time() - start) / len(cells))
                bench_seconds.append((array.now() - bench_start) / len(cells))
            closures = array.counters.relay_closures - closures
    yield Figure(
        "CPU time of one cell read on the simulated bench", 1e3 * median(seconds), "ms", 0.25
    )
    yield Figure(
        "bench time of one cell read, NPLC 0.01, 4 ms relays", 1e3 * median(bench_seconds), "ms"
    )
    yield Figure(
        "relay closures per cell read, whole map", closures / PASSES / len(cells), "closures", 2.2
    )
    yield from guard.measure()
