"""A worked example: the conductance of cells against the gate voltage.

Drop a file like this one into the ``procedures`` folder of a workspace, and it is a procedure:
``labctl procedures`` lists it, ``labctl run gate_sweep cells=2,1`` runs it, the window has a form
for it. The parameters below make the form, the command line and the bounds that are checked.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from pymeasure.experiment import FloatParameter, IntegerParameter

from labctl.procedure import CellsParameter, Procedure
from labctl.store import Column


class GateSweep(Procedure):
    """Read cells at several gate voltages."""

    cells = CellsParameter("Cells", default="0,0")
    start = FloatParameter("First gate voltage", units="V", default=0.5, minimum=0.0, maximum=5.0)
    stop = FloatParameter("Last gate voltage", units="V", default=5.0, minimum=0.0, maximum=5.0)
    points = IntegerParameter("Gate voltages", default=19, minimum=2, maximum=1000)

    # What is stored: one table, its columns, their units.
    tables: ClassVar[dict[str, dict[str, Column]]] = {
        "sweep": {
            "row": Column("int16"),
            "col": Column("int16"),
            "gate": Column("float64", "V"),
            "conductance": Column("float64", "S"),
        }
    }

    def units(self) -> list[Any]:
        """Return the steps; the engine can pause and abort between two of them."""
        return np.linspace(self.start, self.stop, self.points).tolist()

    def measure(self, unit: Any) -> None:
        """Do one step: here, read all selected cells at one gate voltage."""
        readings = self.array.read(self.selected_cells(), gate=unit)
        self.record(
            "sweep",
            row=readings.cells[:, 0],
            col=readings.cells[:, 1],
            gate=np.full(len(readings), unit),
            conductance=readings.conductance,
        )

    def estimate(self) -> float:
        """Return the bench time, s."""
        return self.points * len(self.selected_cells()) * self.array.timing.read
