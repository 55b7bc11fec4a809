"""Other programs that store the same rows, each in a process of its own.

A peer is looked for in this environment and in the one that ``LABCTL_PEERS`` names (its Python;
default ``.peers/bin/python``). None of them is needed by labctl:

    python -m venv .peers && .peers/bin/pip install qcodes bluesky pymeasure
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache

_BEGIN = """
import json, os, sys, time
count = int(sys.argv[1])
def end(rows, clock, processor):
    print(json.dumps([rows, time.perf_counter() - clock, time.process_time() - processor]))
"""
PYMEASURE = (
    _BEGIN
    + """
from pymeasure.experiment import Procedure, Results, Worker
class Rows(Procedure):
    DATA_COLUMNS = ["time (s)", "row", "col", "conductance (S)"]
    def execute(self):
        for k in range(count):
            self.emit("results", {
                "time (s)": 0.5 * k, "row": k & 15, "col": 3, "conductance (S)": 1e-5})
worker = Worker(Results(Rows(), "rows.csv"))
clock, processor = time.perf_counter(), time.process_time()
worker.start()
worker.join(timeout=None)
end(sum(not line.startswith("#") for line in open("rows.csv")) - 1, clock, processor)
"""
)
_QCODES = (
    _BEGIN
    + """
import numpy as np
import qcodes as qc
from qcodes.dataset import Measurement, initialise_or_create_database_at, new_experiment
from qcodes.parameters import ManualParameter
initialise_or_create_database_at(os.path.abspath("rows.db"))
new_experiment("rows", "none")
names = ["time", "row", "col", "conductance"]
parameters = [ManualParameter(name) for name in names]
measurement = Measurement()
for parameter in parameters:
    measurement.register_parameter(parameter, paramtype=KIND)
measurement.write_period = 0.5
time_, row, col, conductance = parameters
"""
)
QCODES_ROWS = (
    _QCODES.replace("KIND", '"numeric"')
    + """
clock, processor = time.perf_counter(), time.process_time()
with measurement.run() as saver:
    for k in range(count):
        saver.add_result((time_, 0.5 * k), (row, k & 15), (col, 3), (conductance, 1e-5))
end(saver.dataset.number_of_results // 4, clock, processor)
"""
)
QCODES_BLOCKS = (
    _QCODES.replace("KIND", '"array"')
    + """
block = np.arange(float(BLOCK))
clock, processor = time.perf_counter(), time.process_time()
with measurement.run() as saver:
    for k in range(count // BLOCK):
        saver.add_result((time_, block), (row, block), (col, block), (conductance, block))
end(BLOCK * saver.dataset.number_of_results // 4, clock, processor)
"""
)
BLUESKY = (
    _BEGIN
    + """
from bluesky import RunEngine
from bluesky import plan_stubs as bps
class Rows:
    name, parent, k = "rows", None, 0
    def describe(self):
        return {n: {"source": "none", "dtype": "number", "shape": []}
                for n in ("time", "row", "col", "conductance")}
    def read(self):
        self.k += 1
        values = {"time": 0.5 * self.k, "row": self.k & 15, "col": 3, "conductance": 1e-5}
        return {n: {"value": v, "timestamp": 0.0} for n, v in values.items()}
    def describe_configuration(self): return {}
    def read_configuration(self): return {}
rows = Rows()
def plan():
    yield from bps.open_run()
    for _ in range(count):
        yield from bps.create()
        yield from bps.read(rows)
        yield from bps.save()
    yield from bps.close_run()
engine = RunEngine()
written = 0
with open("rows.jsonl", "w") as file:
    def write(name, document):
        global written
        file.write(json.dumps([name, document], default=str) + "\\n")
        file.flush()
        written += name == "event"
    engine.subscribe(write)
    clock, processor = time.perf_counter(), time.process_time()
    engine(plan())
    end(written, clock, processor)
"""
)


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to store rows.

    Attributes
    ----------
    name
        What it is, and how the rows come.
    package
        The Python package.
    program
        Stores rows in the working folder and prints how many, and the time it took, s: by the
        clock and of the processor.
    rows
        How many to store; few for the slow ones.
    """

    name: str
    package: str
    program: str
    rows: int


PEERS = (
    Peer("pymeasure, Results and Worker, one by one", "pymeasure", PYMEASURE, 100_000),
    Peer("QCoDeS, dataset, one by one", "qcodes", QCODES_ROWS, 20_000),
    Peer(
        "QCoDeS, dataset, arrays of 1 000", "qcodes", QCODES_BLOCKS.replace("BLOCK", "1000"),
        500_000,
    ),
    Peer(
        "QCoDeS, dataset, arrays of 100 000", "qcodes", QCODES_BLOCKS.replace("BLOCK", "100000"),
        10_000_000,
    ),
    Peer("bluesky, RunEngine, events to a file of JSON", "bluesky", BLUESKY, 2_000),
)  # fmt: skip


def rate(peer: Peer) -> tuple[float, float] | None:
    """Return rows per second by the clock, and per second of the processor.

    None where the peer is not installed. Raises RuntimeError where it does not store all rows.
    """
    python = _python(peer.package)
    if python is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [python, "-c", peer.program, str(peer.rows)],
            cwd=folder, capture_output=True, text=True, check=False,
            env={**os.environ, "HOME": folder},
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{peer.name}: {done.stderr}")
    rows, clock, processor = json.loads(done.stdout.splitlines()[-1])
    if rows != peer.rows:
        raise RuntimeError(f"{peer.name} stored {rows} of {peer.rows} rows.")
    return rows / clock, rows / processor


@cache
def _python(package: str) -> str | None:
    other = os.environ.get("LABCTL_PEERS", ".peers/bin/python")
    for python in (sys.executable, other):
        try:
            found = subprocess.run(
                [python, "-c", f"import {package}"], capture_output=True, check=False
            )
        except OSError:
            continue
        if found.returncode == 0:
            return python
    return None
