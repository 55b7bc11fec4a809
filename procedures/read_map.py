"""Read cells: the conductance map."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from pymeasure.experiment import FloatParameter, IntegerParameter

from labctl.array import READ_GATE, READ_VOLTAGE
from labctl.procedure import CellsParameter, Cost, Procedure
from labctl.store import Column


class ReadMap(Procedure):
    """Read the conductance of cells, one pass or several."""

    cells = CellsParameter("Cells", default="all")
    voltage = FloatParameter(
        "Read voltage", units="V", default=READ_VOLTAGE, minimum=0.01, maximum=0.5
    )
    gate = FloatParameter("Gate voltage", units="V", default=READ_GATE, minimum=0.0, maximum=10.0)
    repeats = IntegerParameter("Passes over the cells", default=1, minimum=1, maximum=1_000_000)

    tables: ClassVar[dict[str, dict[str, Column]]] = {
        "cells": {
            "time": Column("float64", "s", "bench time"),
            "row": Column("int16", "", "word line"),
            "col": Column("int16", "", "bit line"),
            "current": Column("float64", "A", "bit-line current"),
            "conductance": Column("float64", "S", "NaN where flagged"),
            "flag": Column("uint8", "", "1 compliance, 2 overflow"),
            "repeat": Column("int32", "", "pass, from 0"),
        }
    }

    def units(self) -> list[Any]:
        """One unit per pass and row of the chip."""
        rows = np.unique(self.selected_cells()[:, 0]).tolist()
        return [[repeat, row] for repeat in range(self.repeats) for row in rows]

    def measure(self, unit: Any) -> None:
        """Read the selected cells of one row."""
        repeat, row = unit
        cells = self.selected_cells()
        readings = self.array.read(cells[cells[:, 0] == row], self.voltage, self.gate)
        self.record(
            "cells",
            time=readings.time,
            row=readings.cells[:, 0],
            col=readings.cells[:, 1],
            current=readings.current,
            conductance=readings.conductance,
            flag=readings.flag,
            repeat=np.full(len(readings), repeat),
        )

    def estimate(self) -> float:
        """Return the bench time of all reads, s."""
        return self.repeats * len(self.selected_cells()) * self.array.timing.read

    def cost(self) -> Cost:
        """Return reads and relay closures of all passes."""
        cells = self.selected_cells()
        return Cost(0, self.repeats * len(cells), self.repeats * self.relays(cells))
