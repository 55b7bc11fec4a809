"""Program and verify: pulse cells until their conductance is where it is wanted."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from pymeasure.experiment import FloatParameter, IntegerParameter

from labctl.array import READ_VOLTAGE, Pulse
from labctl.errors import ProcedureError
from labctl.procedure import CellsParameter, Cost, Procedure
from labctl.store import Column


class Program(Procedure):
    """Program cells to a target conductance by write and verify.

    A cell below its target gets SET pulses, one above it RESET pulses. The pulse grows by one
    step while a cell keeps its direction, and starts small again when it turns (Lin et al. 2025).
    """

    cells = CellsParameter("Cells", default="all")
    target = FloatParameter("Target", units="µS", default=50.0, minimum=0.01, maximum=1e4)
    tolerance = FloatParameter("Tolerance", units="µS", default=5.0, minimum=0.001, maximum=1e4)
    attempts = IntegerParameter("Most pulses per cell", default=60, minimum=1, maximum=100_000)
    set_voltage = FloatParameter("First SET", units="V", default=1.06, minimum=0.1, maximum=10.0)
    set_gate = FloatParameter("SET gate", units="V", default=3.2, minimum=0.0, maximum=10.0)
    reset_voltage = FloatParameter(
        "First RESET", units="V", default=1.28, minimum=0.1, maximum=10.0
    )
    reset_gate = FloatParameter("RESET gate", units="V", default=4.75, minimum=0.0, maximum=10.0)
    step = FloatParameter("Voltage step", units="V", default=0.01, minimum=0.0, maximum=1.0)
    highest = FloatParameter("Highest pulse", units="V", default=2.0, minimum=0.1, maximum=10.0)
    width = FloatParameter("Pulse width", units="s", default=2e-4, minimum=1e-8, maximum=1.0)

    results: ClassVar[dict[str, Column]] = {
        "cells": Column("int64", "", "cells programmed"),
        "within_tolerance": Column("int64", "", "of which are within the tolerance"),
        "yield": Column("float64", "", "share of the cells within the tolerance"),
    }
    tables: ClassVar[dict[str, dict[str, Column]]] = {
        "pulses": {
            "time": Column("float64", "s", "bench time"),
            "row": Column("int16", "", "word line"),
            "col": Column("int16", "", "bit line"),
            "attempt": Column("int32", "", "pulse, from 1"),
            "bit_line": Column("float64", "V", "height of a SET; 0 for a RESET"),
            "source_line": Column("float64", "V", "height of a RESET; 0 for a SET"),
            "conductance": Column("float64", "S", "read after the pulse"),
        },
        "cells": {
            "time": Column("float64", "s", "bench time"),
            "row": Column("int16", "", "word line"),
            "col": Column("int16", "", "bit line"),
            "target": Column("float64", "S", "wanted"),
            "conductance": Column("float64", "S", "reached"),
            "attempts": Column("int32", "", "pulses spent"),
            "ok": Column("bool", "", "within the tolerance"),
        },
    }

    def check(self, shape: tuple[int, int]) -> None:
        """Hold the parameters against bounds and chip; refuse a target without room."""
        super().check(shape)
        self._check_target()

    def _check_target(self) -> None:
        if self.tolerance >= self.target:
            raise ProcedureError(
                f"tolerance {self.tolerance:g} µS is not below target {self.target:g} µS."
            )

    def pulses(self) -> list[Pulse]:
        """Return the highest SET and the highest RESET."""
        highest = max(self.highest, self.set_voltage, self.reset_voltage)
        return [
            Pulse.set(highest, self.set_gate, self.width),
            Pulse.reset(highest, self.reset_gate, self.width),
        ]

    def prepare(self) -> None:
        """Start the count; refuse a target without room for its tolerance."""
        self._check_target()
        self.array.check(self.pulses())
        self._ok, self._done = 0, 0

    def units(self) -> list[Any]:
        """One unit per cell."""
        return list(self.selected_cells().tolist())

    def measure(self, unit: Any) -> None:
        """Program one cell."""
        row, column = unit
        target, tolerance = self.target * 1e-6, self.tolerance * 1e-6
        conductance = float(self.array.read([unit]).conductance[0])
        attempt, direction, height = 0, 0, 0.0
        while abs(conductance - target) > tolerance and attempt < self.attempts:
            attempt += 1
            wanted = 1 if conductance < target else -1
            first = self.set_voltage if wanted > 0 else self.reset_voltage
            height = min(height + self.step, self.highest) if wanted == direction else first
            direction = wanted
            pulse = (
                Pulse.set(height, self.set_gate, self.width)
                if wanted > 0
                else Pulse.reset(height, self.reset_gate, self.width)
            )
            after = self.array.pulse([unit], pulse, read=READ_VOLTAGE)
            assert after is not None
            conductance = float(after.conductance[0])
            self.record(
                "pulses",
                time=float(after.time[0]),
                row=row,
                col=column,
                attempt=attempt,
                bit_line=pulse.bit_line,
                source_line=pulse.source_line,
                conductance=conductance,
            )
            if np.isnan(conductance):
                break
        ok = abs(conductance - target) <= tolerance
        self._ok, self._done = self._ok + ok, self._done + 1
        self.record(
            "cells",
            time=self.array.now(),
            row=row,
            col=column,
            target=target,
            conductance=conductance,
            attempts=attempt,
            ok=ok,
        )

    def estimate(self) -> float:
        """Return the bench time if every cell needs a quarter of its pulses, s."""
        timing = self.array.timing
        again = timing.pulse_and_read(self.width) - timing.move
        each = timing.read + self.attempts / 4 * again
        return len(self.selected_cells()) * each

    def cost(self) -> Cost:
        """Return pulses, reads and relay closures if every cell needs a quarter of its pulses."""
        cells = self.selected_cells()
        pulses = len(cells) * self.attempts / 4
        return Cost(pulses, len(cells) + pulses, self.relays(cells))

    def state(self) -> dict[str, Any]:
        """Return the counts."""
        return {"_ok": self._ok, "_done": self._done}

    def summary(self) -> dict[str, Any]:
        """Return how many cells reached the target."""
        return {
            "cells": self._done,
            "within_tolerance": self._ok,
            "yield": self._ok / max(self._done, 1),
        }
