"""How fast rows go to the disk and come back, and how fast runs are found."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil

from labctl.store import Column, RunWriter, load
from labctl.store.catalogue import Catalogue
from tests.benchmarks import storepeers
from tests.benchmarks.figure import Figure

ROOT = Path(__file__).parents[2]
TABLES = {
    "cells": {
        "time": Column("float64", "s"),
        "row": Column("int16"),
        "col": Column("int16"),
        "conductance": Column("float64", "S"),
    }
}
MIXED = {"cells": {**TABLES["cells"], "ok": Column("bool"), "note": Column("str")}}
ROWS = 1_000_000
"""Rows one by one."""
MANY = 10_000_000
"""Rows in blocks."""
BLOCK = 1_000
RUNS = 10_000


def measure() -> Iterator[Figure]:
    """Write, read, find; then the peers."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _rows(Path(folder))
        yield from _blocks(Path(folder))
    yield from _memory()
    with tempfile.TemporaryDirectory() as folder:
        yield from _catalogue(Path(folder))
    yield from _peers()


_ours: dict[str, float] = {}
"""What labctl did in this very run, rows per second by the clock, for the peers."""


def _rows(folder: Path) -> Iterator[Figure]:
    writer = RunWriter.create(folder, "rows", {}, TABLES)
    with _Gaps(writer.path / "cells.arrows") as gaps:
        clock, processor = time.perf_counter(), time.process_time()
        for k in range(ROWS):
            writer.append("cells", time=0.5 * k, row=k & 15, col=3, conductance=1e-5)
        writer.flush()
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
    writer.finish("finished")
    _ours["rows"] = ROWS / clock
    yield Figure(
        "rows one by one, per second of processor", ROWS / processor / 1e3, "k rows/s", low=500
    )
    yield Figure("the same by the clock", ROWS / clock / 1e3, "k rows/s")
    yield Figure("longest time without rows going out", gaps.longest, "s", 1.0)
    writer = RunWriter.create(folder, "rows", {}, MIXED)
    processor = time.process_time()
    for k in range(ROWS // 4):
        writer.append("cells", time=0.5 * k, row=k & 15, col=3, conductance=1e-5, ok=True, note="")
    writer.flush()
    processor = time.process_time() - processor
    writer.finish("finished")
    yield Figure("with text and truth values among them", ROWS / 4 / processor / 1e3, "k rows/s")


def _blocks(folder: Path) -> Iterator[Figure]:
    writer = RunWriter.create(folder, "blocks", {}, TABLES)
    index = np.arange(BLOCK, dtype=np.int16)
    with _Gaps(writer.path / "cells.arrows") as gaps:
        clock, processor = time.perf_counter(), time.process_time()
        for k in range(MANY // BLOCK):
            writer.append("cells", time=index + 0.5 * k, row=index, col=index, conductance=1e-5)
        writer.flush()
        clock, processor = time.perf_counter() - clock, time.process_time() - processor
    _ours["blocks"] = MANY / clock
    yield Figure(
        "rows in blocks of 1 000, per second of processor", MANY / processor / 1e6, "M rows/s",
        low=2,
    )  # fmt: skip
    yield Figure("the same by the clock", MANY / clock / 1e6, "M rows/s")
    yield Figure("longest time without rows going out", gaps.longest, "s", 1.0)
    yield from _timed("a run of 10 M rows that goes on, as DataFrame", _open(writer), 1.0)
    clock = time.perf_counter()
    writer.finish("finished")
    yield Figure("ending it: all to Parquet", time.perf_counter() - clock, "s")
    yield from _timed("the run of 10 M rows, as DataFrame", _open(writer), 1.0)


def _open(writer: RunWriter) -> Callable[[], None]:
    def load_all() -> None:
        assert len(load(writer.path)) == MANY

    return load_all


def _timed(name: str, work: Callable[[], object], high: float) -> Iterator[Figure]:
    """Yield time of the processor, all threads together, and time by the clock.

    The bound is on the first: by the clock, other programs on the machine count as well.
    """
    processor, clock = _best(work)
    yield Figure(f"{name}, of processor", processor, "s", high)
    yield Figure("the same by the clock", clock, "s")


def _best(work: Callable[[], object], passes: int = 7) -> tuple[float, float]:
    """Return the shortest time of the processor, and by the clock, s."""
    times = []
    for _ in range(passes):
        clock, processor = time.perf_counter(), time.process_time()
        work()
        times.append((time.process_time() - processor, time.perf_counter() - clock))
    return min(each[0] for each in times), min(each[1] for each in times)


class _Gaps:
    """Watches a file that grows for the longest time in which it did not, s."""

    def __init__(self, path: Path) -> None:
        self.longest = 0.0
        self._path, self._end = path, threading.Event()
        self._thread = threading.Thread(target=self._watch, name="benchmark-gaps")

    def _watch(self) -> None:
        size, since = self._path.stat().st_size, time.perf_counter()
        while not self._end.wait(0.02):
            found, now = self._path.stat().st_size, time.perf_counter()
            self.longest = max(self.longest, now - since)
            if found != size:
                size, since = found, now

    def __enter__(self) -> _Gaps:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


_GROWTH = """
import json, sys
import numpy as np
from tests.benchmarks.store import TABLES, BLOCK, MANY, own_memory
from labctl.store import RunWriter
writer = RunWriter.create(sys.argv[1], "memory", {}, TABLES)
index = np.arange(BLOCK, dtype=np.int16)
used = []
for k in range(MANY // BLOCK):
    writer.append("cells", time=index + 0.5 * k, row=index, col=index, conductance=1e-5)
    if k % 50 == 49:
        used.append(own_memory())
tenth = len(used) // 10
print(json.dumps([max(used[:tenth]), max(used[tenth:])]))
"""


def own_memory() -> float:
    """Return the memory of this process, MB, without the pages of files that are mapped."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return float(psutil.Process().memory_info().rss) / 1e6
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1.024e-3


def _memory() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", _GROWTH, folder],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
    early, late = json.loads(done.stdout)
    yield Figure("memory while writing the first million rows", early, "MB")
    yield Figure("what nine million more add to it at most", late - early, "MB", 16)


def _catalogue(folder: Path) -> Iterator[Figure]:
    for number in range(1, RUNS + 1):
        day = f"2026-{1 + number // 900:02d}-{1 + number // 30 % 28:02d}"
        run = folder / day / f"{number:05d}-program"
        run.mkdir(parents=True)
        meta = {
            "format": 1, "number": number, "procedure": "program", "chip": f"die-{number % 40}",
            "status": "failed" if number % 10 == 0 else "finished", "tables": {},
            "created": f"{day}T12:00:00+00:00", "ended": f"{day}T12:01:00+00:00",
            "parameters": {"target": number % 100, "cells": "all"}, "rows": {"cells": 256},
            "parameter_units": {"target": "µS"},
        }  # fmt: skip
        (run / "run.json").write_text(json.dumps(meta), encoding="utf-8")
    start = time.process_time()
    catalogue = Catalogue(folder)
    assert catalogue.reindex() == RUNS
    yield Figure("index of 10 000 runs made anew, of processor", time.process_time() - start, "s")
    # What was just made may change without its time stamp showing it: the days are read again.
    threading.Event().wait(2.5)
    catalogue.entries()

    def all_of_them() -> None:
        assert len(Catalogue(folder).entries()) == RUNS

    def some_of_them() -> None:
        assert len(Catalogue(folder).entries(chip="die-7", where="target > 20 µS")) > 100

    yield from _timed("catalogue of 10 000 runs, all listed", all_of_them, 0.1)
    yield from _timed("those of one chip with a condition", some_of_them, 0.1)
    command = [sys.executable, "-m", "labctl", "ls", "--data", str(folder)]
    clock = _best(lambda: subprocess.run(command, capture_output=True, check=True, cwd=ROOT), 3)[1]
    yield Figure("labctl ls by the clock, interpreter included", clock, "s")


def _peers() -> Iterator[Figure]:
    for peer in storepeers.PEERS:
        found = storepeers.rate(peer)
        if found is None:
            print(f"  ({peer.name}: {peer.package} is not installed; see {storepeers.__name__})")
            continue
        ours = _ours["blocks" if "arrays" in peer.name else "rows"]
        yield Figure(peer.name, found[0] / 1e3, "k rows/s")
        yield Figure("labctl to it, by the clock", ours / found[0], "x", low=1)
