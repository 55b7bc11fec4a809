"""What the engine adds to a unit, beside pymeasure's Worker; what kill -9 leaves, 200 times."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
from pymeasure.experiment import Results, Worker

from labctl.engine.runner import execute
from labctl.procedure import Procedure
from labctl.store import Column
from tests.benchmarks.figure import Figure
from tests.engine.bare import BareArray
from tests.killing import kill_writers

KILLS = 200
UNITS = 20_000
WORKER_UNITS = 4_000
ROUNDS = 5


class _Nothing(Procedure):
    """Units that do nothing."""

    tables = {"rows": {"unit": Column("int64"), "value": Column("float64")}}
    count = UNITS

    def units(self) -> list[int]:
        return list(range(self.count))

    def measure(self, unit: int) -> None:
        return


class _OneRow(_Nothing):
    """Units that record one row each."""

    def measure(self, unit: int) -> None:
        self.record("rows", unit=unit, value=0.5)


class _Stateful(_OneRow):
    """Units after each of which state and random generator are kept."""

    def measure(self, unit: int) -> None:
        self.record("rows", unit=unit, value=self.rng.random())

    def state(self) -> dict[str, object]:
        return {"weights": np.zeros(64)}


class _Short(_OneRow):
    """As many as pymeasure does in a reasonable time."""

    count = WORKER_UNITS


def measure() -> Iterator[Figure]:
    """Run units that do nothing or little; kill writers of runs, and look at what is left."""
    with tempfile.TemporaryDirectory() as folder:
        each = {
            kind: median(_engine(kind, Path(folder)) for _ in range(ROUNDS))
            for kind in (_Nothing, _OneRow, _Stateful, _Short)
        }
        worker = median(_worker(Path(folder) / f"{k}.csv") for k in range(ROUNDS))
    yield Figure("engine: CPU time per unit that does nothing", 1e6 * each[_Nothing], "µs", 50.0)
    yield Figure("engine: CPU time per unit with one row", 1e6 * each[_OneRow], "µs", 50.0)
    yield Figure("engine: CPU time per unit with row, state, random", 1e6 * each[_Stateful], "µs")
    yield Figure("pymeasure's Worker: CPU time per unit with one row", 1e6 * worker, "µs")
    yield Figure("engine beside pymeasure's Worker, per unit", worker / each[_Short], "x", low=1.0)
    with tempfile.TemporaryDirectory() as folder:
        outcomes = kill_writers(Path(folder), KILLS, seed=6)
    good = sum(outcome.is_good for outcome in outcomes)
    yield Figure("kill -9: run readable, true and resumable", good, "kills", low=KILLS)
    oldest = max(outcome.age for outcome in outcomes)
    yield Figure("kill -9: age of the oldest row lost", oldest, "s", high=1.0)


def _engine(kind: type[_Nothing], root: Path) -> float:
    """Return the CPU time per unit, from the first unit to the last, s; store thread included."""
    marks: list[float] = []

    class Timed(kind):  # type: ignore[misc, valid-type]
        def units(self) -> list[int]:
            found: list[int] = super().units()
            marks.append(time.process_time())
            return found

        def cleanup(self) -> None:
            marks.append(time.process_time())

    execute(Timed(), array=BareArray(), data_root=root).raise_unless_finished()
    return (marks[-1] - marks[0]) / kind.count


def _worker(file: Path) -> float:
    """Return the CPU time that pymeasure's Worker and Results take per unit, s."""
    logging.getLogger("pymeasure").setLevel(logging.WARNING)
    procedure = _Short()
    procedure.bind(BareArray())
    worker = Worker(Results(procedure, str(file)))
    began = time.process_time()
    worker.start()
    threading.Thread.join(worker)  # its own join does not wait for its end
    return (time.process_time() - began) / WORKER_UNITS
