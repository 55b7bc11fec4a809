"""Start-up times, and the main job end to end."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.benchmarks.figure import Figure

REPEATS = 5


def measure() -> Iterator[Figure]:
    """Start the interpreter a few times, then run the demo once."""
    importing = _seconds([sys.executable, "-c", "import labctl"])
    helping = _seconds([sys.executable, "-m", "labctl", "--help"])
    yield Figure("import labctl, interpreter included", importing, "s", 0.3)
    yield Figure("labctl --help", helping, "s", 0.6)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "labctl", "demo", "--out", folder],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        spent = time.perf_counter() - start
        result = json.loads((Path(folder) / "demo.json").read_text(encoding="utf-8"))
    yield Figure("labctl demo", spent, "s", 120)
    yield Figure("cells formed", result["formed"] / result["cells"], "fraction", low=0.95)
    yield Figure("pulses, whole session", result["pulses"], "pulses")
    yield Figure("test accuracy", result["accuracy"], "fraction", low=0.95)
    yield Figure("test negative log-likelihood", result["nll"], "nats", 0.12)
    yield Figure("expected calibration error, 15 bins", result["ece"], "fraction", 0.06)
    yield Figure("posterior mean error against NUTS", result["mean_error"], "sd", 0.10)
    yield Figure("posterior sd ratio against NUTS, median", result["sd_ratio"], "ratio", 1.05, 0.95)
    yield Figure("bench time the same would take", result["bench_time"] / 3600, "h")
    yield Figure("relay closures", result["relay_closures"], "closures")
    yield Figure("energy of the pulses, device only", 1e6 * result["write_energy"], "µJ")
    yield Figure("energy of the reads, device only", 1e6 * result["read_energy"], "µJ")


def _seconds(command: list[str]) -> float:
    spent = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        spent.append(time.perf_counter() - start)
    return median(spent)
