"""The campaign that comes with labctl: what it costs here, and how near its forecast is."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from labctl.bench import Bench
from labctl.campaign import PaperArray, check_file, load_plan, run_campaign
from labctl.paths import data_file, simulated_bench
from tests.benchmarks.figure import Figure


def measure() -> Iterator[Figure]:
    """Run the example on the simulated 16 x 16 chip, beside what was expected of it."""
    file = data_file("campaigns", "fresh-chip.toml")
    with tempfile.TemporaryDirectory() as folder:
        bench_file = Path(folder) / "bench.toml"
        bench_file.write_bytes(simulated_bench().read_bytes())
        PaperArray.of(bench_file)  # imports, once
        began = time.process_time()
        checked = check_file(file, PaperArray.of(bench_file))
        yield Figure("check of fresh-chip.toml (CPU)", time.process_time() - began, "s", 2.0)
        began = time.process_time()
        with Bench.open(bench_file) as bench:
            record = run_campaign(load_plan(file), bench, data=Path(folder) / "data")
            pulses = int(bench.array.pulse_counts.sum())
            closures = bench.array.counters.relay_closures
        spent = time.process_time() - began
    name = "fresh-chip.toml, forming to data sheet, 256 cells (CPU)"
    yield Figure(name, spent, "s", 120.0)
    done = {entry["step"] for entry in record.entries.values()}
    rows = [row for row in checked.rows if row.name in done and row.action != "wait"]
    expected = sum(row.seconds for row in rows)
    waited = sum(row.seconds for row in checked.rows if row.action == "wait")
    ratio = (record.state["time"] - waited) / expected
    yield Figure("  its bench time, waits left out, over the forecast", ratio, "", 1.5, 0.5)
    costs = [row.cost for row in rows if row.cost is not None]
    ratio = pulses / sum(cost.pulses for cost in costs)
    yield Figure("  its pulses over the forecast", ratio, "", 1.5, 0.5)
    ratio = closures / sum(cost.closures for cost in costs)
    yield Figure("  its relay closures over the forecast", ratio, "", 1.2, 0.8)
