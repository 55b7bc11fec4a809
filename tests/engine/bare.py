"""Cells without a bench behind them, and a procedure on them."""

import numpy as np

from labctl.array import Counters, Readings, Sweep, Timing
from labctl.cells import check_cells
from labctl.procedure import CellsParameter, Procedure
from labctl.store import Column

READ_TIME = 0.01


class BareArray:
    """Every cell has 10 µS; a read takes 10 ms of bench time."""

    def __init__(self, shape=(4, 4)):
        self.shape = shape
        self.timing = Timing(read=READ_TIME, pulse=READ_TIME)
        self.counters = Counters()
        self.interrupt = None
        self.time = 0.0
        self.reads = []
        self.before_read = lambda cell: None

    def now(self):
        return self.time

    def read(self, cells, voltage=0.2, gate=5.0):
        cells = check_cells(cells, self.shape)
        for cell in cells.tolist():
            if self.interrupt is not None:
                self.interrupt()
            self.before_read(tuple(cell))
            self.reads.append(tuple(cell))
            self.time += READ_TIME
        n = len(cells)
        return Readings(
            cells,
            np.full(n, voltage * 10e-6),
            np.full(n, 10e-6),
            np.zeros(n, np.uint8),
            np.full(n, self.time),
        )

    def pulse(self, cells, pulses, read=None):
        return None if read is None else self.read(cells, read)

    def check(self, pulses):
        """Nothing is forbidden."""

    def sweep(self, cell, voltages, gate, dwell):
        n = len(voltages)
        return Sweep(np.asarray(voltages), np.zeros(n), np.zeros(n, np.uint8))


class ReadRows(Procedure):
    """Read whole rows.

    One unit per row.
    """

    cells = CellsParameter("Cells", default="all")
    tables = {
        "cells": {
            "row": Column("int16", "", "word line"),
            "col": Column("int16", "", "bit line"),
            "conductance": Column("float64", "S"),
        },
        "draws": {"value": Column("float64")},
    }
    cleaned = 0

    def units(self):
        return sorted({row for row, _ in self.selected_cells().tolist()})

    def measure(self, unit):
        cells = self.selected_cells()
        readings = self.array.read(cells[cells[:, 0] == unit])
        self.record(
            "cells",
            row=readings.cells[:, 0],
            col=readings.cells[:, 1],
            conductance=readings.conductance,
        )
        self.record("draws", value=self.rng.random())

    def estimate(self):
        return len(self.selected_cells()) * self.array.timing.read

    def summary(self):
        return {"rows": len(self.units())}

    def cleanup(self):
        self.cleaned += 1
