"""What reading a whole chip costs: processor time here, and time on the bench it would take."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

from labctl import Bench
from labctl.paths import simulated_bench
from tests.benchmarks.figure import Figure

PASSES = 41
CELL, MAP = 0.15, 0.7
"""ms of processor time for one cell, and s for a map of 64 x 64."""
READS = 4096
SAMPLE = 256
"""Cells of the order that nobody planned: enough for its mean."""
_BOXES = ("smu", "gate", "matrix", "second", "third")
_MAINFRAME = """
[instruments.{}]
driver = "keithley707b"
model = "707B"
address = "GPIB0::{}::INSTR"
"""


def measure() -> Iterator[Figure]:
    """Read whole chips, message by message and by a script inside the instruments."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _small(Path(folder))
        yield from _large(Path(folder))


def _file(
    path: Path, *replaced: tuple[str, str], linked: bool = False, nodes: int = len(_BOXES)
) -> Path:
    """Write the simulated default bench with some text replaced, its boxes on one TSP-Link."""
    text = simulated_bench().read_text(encoding="utf-8")
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    if linked:
        text += "\n[simulation.tsplink]\n"
        for node, name in enumerate(_BOXES[:nodes], 1):
            head = f"[instruments.{name}]"
            assert head in text
            place = text.index("driver =", text.index(head))
            text = f'{text[:place]}node = {node}\n{text[place:]}{node} = "{name}"\n'
    path.write_text(text, encoding="utf-8")
    return path


def _small(folder: Path) -> Iterator[Figure]:
    """The chip of 16 x 16 on the simulated default bench; passes take turns, the median counts."""
    ways = {"message by message": False, "by a script inside": True}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    closures = 0.0
    benches = {
        name: Bench.open(_file(folder / f"{linked}.toml", linked=linked, nodes=3))
        for name, linked in ways.items()
    }
    try:
        for bench in benches.values():
            bench.array.read(bench.array.all_cells)  # loads what is loaded once
        before = benches["message by message"].array.counters.relay_closures
        for _ in range(PASSES):
            for name, bench in benches.items():
                cells = bench.array.all_cells
                start = time.process_time()
                bench.array.read(cells)
                spent[name].append((time.process_time() - start) / len(cells))
        array = benches["message by message"].array
        closures = (array.counters.relay_closures - before) / PASSES / len(array.all_cells)
    finally:
        for bench in benches.values():
            bench.close()
    for name, seconds in spent.items():
        text = f"CPU time of one cell read, {name}"
        yield Figure(text, 1e3 * median(seconds), "ms", CELL)
    yield Figure("relay closures per cell read, whole map", closures, "closures", 2.2)


def _large(folder: Path) -> Iterator[Figure]:
    """A chip of 64 x 64, NPLC 0.1 and relays of 4 ms: processor time, and time on the bench."""
    sides = (
        ("rows = 16 ", "rows = 64 "),
        ("columns = 16 ", "columns = 64 "),
        ('"WL0..15" = "1.1..2.4"', '"WL0..63" = "1.1..6.4"'),
        # A bit line and its source line on one mainframe: a step to the next is one move.
        ('"BL0..15" = "3.1..4.4"', '"BL0..31" = "second:1.1..3.8"\n"BL32..63" = "third:1.1..3.8"'),
        ('"SL0..15" = "5.1..6.4"', '"SL0..31" = "second:4.1..6.8"\n"SL32..63" = "third:4.1..6.8"'),
        ('instrument = "matrix"', 'instrument = ["matrix", "second", "third"]'),
        (
            "[terminals.word_line]",
            _MAINFRAME.format("second", 17)
            + _MAINFRAME.format("third", 18)
            + "[terminals.word_line]",
        ),
        ("nplc = 0.01 ", "nplc = 0.1 "),
        ("nplc = 0.01\n", "nplc = 0.1\n"),
    )
    taken = {}
    for name, linked in (("cell by cell", False), ("scanned inside the instruments", True)):
        with Bench.open(_file(folder / f"large{linked}.toml", *sides, linked=linked)) as bench:
            array = bench.array
            cells = array.all_cells
            estimate = READS * array.timing.read
            array.read(cells[:1])
            seconds = []
            for _ in range(3):
                start, began = time.process_time(), array.now()
                array.read(cells)
                seconds.append(time.process_time() - start)
                taken[name] = array.now() - began
            yield Figure(f"CPU time of a 64 x 64 map, {name}", min(seconds), "s", MAP)
            bound = 45.0 if linked else 180.0
            yield Figure(f"bench time of 4 096 reads, {name}, estimated", estimate, "s", bound)
            yield Figure(f"bench time of 4 096 reads, {name}, as spent", taken[name], "s", bound)
            if not linked:
                taken["naive"] = _naive(bench, cells)
    yield Figure("the same in the order of a shuffled list, at rest between", taken["naive"], "s")
    worse = taken["naive"] / taken["scanned inside the instruments"]
    yield Figure("naive order to scanned", worse, "x", low=2.0)
    yield Figure(
        "naive order to cell by cell", taken["naive"] / taken["cell by cell"], "x", low=2.0
    )


def _naive(bench: Bench, cells: np.ndarray) -> float:
    """Return the bench time of all cells, s, each connected from rest and disconnected again."""
    array = bench.array
    some = np.random.default_rng(0).permutation(cells)[:SAMPLE]
    began = array.now()
    for cell in some:
        array.read([cell])
        bench.off()
    return (array.now() - began) * len(cells) / len(some)
