"""Writers of runs that are killed at any instant, and what their folders hold afterwards."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labctl.store import RunReader, RunWriter, Status

ROWS = 400_000
"""Rows a writer appends at most."""
LIFE = 2.5
"""s; the longest life of a writer."""
ROOT = Path(__file__).parent.parent

WRITER = f"""
import sys, time
import numpy as np
from labctl.store import Column, RunWriter
times = np.memmap(sys.argv[2], float, "r+", shape=({ROWS},))
writer = RunWriter.create(sys.argv[1], "killed", {{}}, {{"rows": {{"k": Column("int64")}}}})
print(writer.path, flush=True)
for k in range({ROWS}):
    writer.append("rows", k=k)
    times[k] = time.time()
    if k % 100 == 99:
        writer.unit_done(k // 100, 0.0)
        time.sleep(0.002)  # at most 50 000 rows a second
"""


@dataclass(frozen=True, slots=True)
class Killed:
    """What one kill left.

    Attributes
    ----------
    status
        As a reader sees it.
    rows
        That can be read.
    is_whole
        Whether they are the first ones, without a gap, and the run can be resumed behind them.
    lost_old
        Rows appended more than 1 s before the kill that are not there.
    age
        s between the oldest row that is lost and the kill; 0 where none is.
    """

    status: Status
    rows: int
    is_whole: bool
    lost_old: int
    age: float

    @property
    def is_good(self) -> bool:
        return self.status is Status.INTERRUPTED and self.is_whole and not self.lost_old


def kill_writers(folder: Path, count: int, seed: int, together: int = 8) -> list[Killed]:
    """Kill ``count`` writers, some of them at once, each at an instant of its own."""
    random, outcomes = np.random.default_rng(seed), []
    while len(outcomes) < count:
        number = min(together, count - len(outcomes))
        group = [_start(folder, f"{len(outcomes)}-{k}") for k in range(number)]
        paths = [Path(process.stdout.readline().strip()) for process, _ in group]
        began = time.time()
        for wait, k in sorted(zip(random.uniform(0, LIFE, number), range(number), strict=True)):
            process, times = group[k]
            while time.time() - began < wait and process.poll() is None:
                time.sleep(0.001)
            assert process.poll() is None, process.stderr.read()
            process.kill()
            killed = time.time()
            process.communicate()
            outcomes.append(_look(paths[k], np.fromfile(times), killed))
    return outcomes


def _start(folder: Path, name: str) -> tuple[subprocess.Popen[str], Path]:
    times = folder / f"{name}.times"
    np.zeros(ROWS).tofile(times)
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder / name), str(times)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=ROOT,
    )  # fmt: skip
    return process, times


def _look(path: Path, times: np.ndarray, killed: float) -> Killed:
    times = times[times > 0]
    run = RunReader(path)
    status, found = run.status, run.frame("rows").k.to_numpy()
    whole = np.array_equal(found, np.arange(len(found)))
    writer = RunWriter.reopen(path)
    done = writer.done
    whole &= done.rows["rows"] == 100 * done.units <= len(found) < 100 * done.units + 100 + 50_000
    writer.append("rows", k=100 * done.units)
    writer.finish("finished")
    again = RunReader(path).frame("rows").k.to_numpy()
    whole &= np.array_equal(again, np.arange(100 * done.units + 1))
    lost = times[len(found) :]
    return Killed(
        status, len(found), bool(whole), int((lost < killed - 1.0).sum()),
        float(killed - lost[0]) if len(lost) else 0.0,
    )  # fmt: skip
