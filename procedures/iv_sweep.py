"""Sweep current-voltage loops of cells: up and down in SET direction, then in RESET direction."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import FloatParameter, IntegerParameter

from labctl.array import READ_VOLTAGE, Pulse
from labctl.procedure import CellsParameter, Cost, Procedure
from labctl.store import Column


class IvSweep(Procedure):
    """Sweep current-voltage loops of cells, SET direction first, then RESET direction.

    In SET direction the bit line goes from 0 V to its highest voltage and back, in RESET direction
    the source line does; a highest voltage of 0 V leaves that half of the loop out. Reads before
    and after tell what the loop did to the cell.
    """

    cells = CellsParameter("Cells", default="0,0")
    set_voltage = FloatParameter(
        "Highest SET voltage", units="V", default=1.2, minimum=0.0, maximum=10.0
    )
    set_gate = FloatParameter("SET gate", units="V", default=1.5, minimum=0.0, maximum=10.0)
    reset_voltage = FloatParameter(
        "Highest RESET voltage", units="V", default=1.4, minimum=0.0, maximum=10.0
    )
    reset_gate = FloatParameter("RESET gate", units="V", default=4.0, minimum=0.0, maximum=10.0)
    points = IntegerParameter("Points of one way", default=25, minimum=2, maximum=1000)
    dwell = FloatParameter("Time of a point", units="s", default=1e-3, minimum=0.0, maximum=1.0)
    cycles = IntegerParameter("Loops per cell", default=1, minimum=1, maximum=100_000)

    tables: ClassVar[dict[str, dict[str, Column]]] = {
        "sweep": {
            "time": Column("float64", "s", "bench time at the end of this half of the loop"),
            "row": Column("int16", "", "word line"),
            "col": Column("int16", "", "bit line"),
            "cycle": Column("int32", "", "loop, from 0"),
            "polarity": Column("int8", "", "1 SET direction, -1 RESET direction"),
            "gate": Column("float64", "V", "gate during this half of the loop"),
            "voltage": Column("float64", "V", "bit line against source line"),
            "current": Column("float64", "A", "positive in SET direction"),
            "flag": Column("uint8", "", "1 compliance, 2 overflow"),
        },
        "cells": {
            "time": Column("float64", "s", "bench time of the read after"),
            "row": Column("int16", "", "word line"),
            "col": Column("int16", "", "bit line"),
            "cycle": Column("int32", "", "loop, from 0"),
            "before": Column("float64", "S", "read before the loop"),
            "after_set": Column("float64", "S", "read after the half in SET direction"),
            "conductance": Column("float64", "S", "read after the loop"),
            "flag": Column("uint8", "", "1 compliance, 2 overflow; of the last read"),
        },
    }

    def pulses(self) -> list[Pulse]:
        """Return the levels at the tips of the loop, as pulses."""
        width = max(self.dwell, 1e-3)
        tips = [
            Pulse.set(self.set_voltage, self.set_gate, width),
            Pulse.reset(self.reset_voltage, self.reset_gate, width),
        ]
        return [tip for tip in tips if tip.bit_line or tip.source_line]

    def prepare(self) -> None:
        """Refuse levels beyond the limits before the first sweep."""
        self.array.check(self.pulses())

    def units(self) -> list[Any]:
        """One unit per cell and loop, the loops of one cell together."""
        cells = self.selected_cells().tolist()
        return [[row, column, cycle] for row, column in cells for cycle in range(self.cycles)]

    def measure(self, unit: Any) -> None:
        """Do one loop of one cell."""
        row, column, cycle = unit
        cell = (row, column)
        before = self.array.read([cell]).conductance[0]
        self._half(cell, cycle, 1, self.set_voltage, self.set_gate)
        after_set = self.array.read([cell]).conductance[0]
        self._half(cell, cycle, -1, self.reset_voltage, self.reset_gate)
        end = self.array.read([cell])
        self.record(
            "cells",
            time=float(end.time[0]),
            row=row,
            col=column,
            cycle=cycle,
            before=float(before),
            after_set=float(after_set),
            conductance=float(end.conductance[0]),
            flag=int(end.flag[0]),
        )

    def _half(
        self, cell: tuple[int, int], cycle: int, polarity: int, highest: float, gate: float
    ) -> None:
        if highest == 0.0:
            return
        voltages = polarity * self._way(highest)
        swept = self.array.sweep(cell, voltages.tolist(), gate, self.dwell)
        n = len(swept.voltage)
        self.record(
            "sweep",
            time=np.full(n, self.array.now()),
            row=np.full(n, cell[0]),
            col=np.full(n, cell[1]),
            cycle=np.full(n, cycle),
            polarity=np.full(n, polarity),
            gate=np.full(n, gate),
            voltage=swept.voltage,
            current=swept.current,
            flag=swept.flag,
        )

    def _way(self, highest: float) -> NDArray[np.float64]:
        """Up and down again, V, without the 0 V at either end (a sweep begins and ends there)."""
        up = np.linspace(0.0, highest, self.points + 1)[1:]
        return np.concatenate([up, up[-2::-1]])

    def _halves(self) -> list[float]:
        return [highest for highest in (self.set_voltage, self.reset_voltage) if highest > 0.0]

    def estimate(self) -> float:
        """Return the bench time of all loops, s."""
        timing, loops = self.array.timing, len(self.selected_cells()) * self.cycles
        stay = timing.read - timing.move if timing.stay is None else timing.stay
        points = sum(len(self._way(highest)) for highest in self._halves())
        return loops * (timing.move + 3 * stay + points * (self.dwell + stay / 4))

    def cost(self) -> Cost:
        """Return points above the read voltage, all points with the reads, relay closures."""
        cells = self.selected_cells()
        ways = [self._way(highest) for highest in self._halves()]
        loops = len(cells) * self.cycles
        stressing = sum(int((way > READ_VOLTAGE).sum()) for way in ways)
        reads = 3 + sum(len(way) for way in ways)
        return Cost(loops * stressing, loops * reads, self.relays(cells))
