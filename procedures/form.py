"""Form virgin cells: rising pulses until each cell conducts."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from pymeasure.experiment import FloatParameter

from labctl.array import READ_VOLTAGE, Pulse
from labctl.procedure import CellsParameter, Cost, Procedure
from labctl.store import Column


class Form(Procedure):
    """Form cells with rising bit-line pulses until each conducts; formed ones are left alone."""

    cells = CellsParameter("Cells", default="all")
    start = FloatParameter("First pulse", units="V", default=1.5, minimum=0.0, maximum=10.0)
    stop = FloatParameter("Last pulse", units="V", default=3.5, minimum=0.0, maximum=10.0)
    step = FloatParameter("Voltage step", units="V", default=0.1, minimum=0.01, maximum=1.0)
    gate = FloatParameter("Gate voltage", units="V", default=1.5, minimum=0.0, maximum=10.0)
    width = FloatParameter("Pulse width", units="s", default=1e-3, minimum=1e-8, maximum=1.0)
    threshold = FloatParameter("Formed at", units="µS", default=5.0, minimum=0.001, maximum=1e4)

    results: ClassVar[dict[str, Column]] = {
        "cells": Column("int64", "", "cells looked at"),
        "formed": Column("int64", "", "of which conduct"),
        "unreadable": Column("int64", "", "of which could not be read"),
        "yield": Column("float64", "", "share of the cells that conducts"),
    }
    tables: ClassVar[dict[str, dict[str, Column]]] = {
        "pulses": {
            "time": Column("float64", "s", "bench time"),
            "row": Column("int16", "", "word line"),
            "col": Column("int16", "", "bit line"),
            "attempt": Column("int16", "", "pulse, from 1"),
            "bit_line": Column("float64", "V", "height of the pulse"),
            "gate": Column("float64", "V", "gate during the pulse"),
            "conductance": Column("float64", "S", "read after the pulse"),
            "flag": Column("uint8", "", "1 compliance, 2 overflow"),
        },
        "cells": {
            "time": Column("float64", "s", "bench time"),
            "row": Column("int16", "", "word line"),
            "col": Column("int16", "", "bit line"),
            "formed": Column("bool", "", "whether it conducts"),
            "attempts": Column("int16", "", "pulses spent; 0 if it was formed before"),
            "voltage": Column("float64", "V", "forming voltage; NaN if it did not form"),
            "conductance": Column("float64", "S", "at the end; NaN where flagged"),
            "flag": Column("uint8", "", "1 compliance, 2 overflow; such a cell gets no pulse"),
        },
    }

    def prepare(self) -> None:
        """Refuse pulses beyond the limits before the first one; start the counts."""
        self.array.check(self.pulses())
        self._formed = self._done = self._unreadable = 0

    def pulses(self) -> list[Pulse]:
        """Return the whole ramp."""
        return [Pulse.set(v, self.gate, self.width) for v in self._heights()]

    def units(self) -> list[Any]:
        """One unit per cell."""
        return list(self.selected_cells().tolist())

    def measure(self, unit: Any) -> None:
        """Form one cell; one that cannot be read gets no pulse, or no further one."""
        row, column = unit
        threshold = self.threshold * 1e-6
        reading = self.array.read([unit])
        attempts, voltage = 0, np.nan
        for height in self._heights():
            if reading.flag[0] or reading.conductance[0] >= threshold:
                break
            attempts, voltage = attempts + 1, height
            pulse = Pulse.set(height, self.gate, self.width)
            after = self.array.pulse([unit], pulse, read=READ_VOLTAGE)
            assert after is not None
            reading = after
            self.record(
                "pulses",
                time=float(reading.time[0]),
                row=row,
                col=column,
                attempt=attempts,
                bit_line=height,
                gate=self.gate,
                conductance=float(reading.conductance[0]),
                flag=int(reading.flag[0]),
            )
        formed = bool(reading.conductance[0] >= threshold)
        self._formed, self._done = self._formed + formed, self._done + 1
        self._unreadable += bool(reading.flag[0])
        self.record(
            "cells",
            time=self.array.now(),
            row=row,
            col=column,
            formed=formed,
            attempts=attempts,
            voltage=voltage if formed else np.nan,
            conductance=float(reading.conductance[0]),
            flag=int(reading.flag[0]),
        )

    def estimate(self) -> float:
        """Return the bench time if every cell forms half-way up the ramp, s."""
        timing, pulses = self.array.timing, len(self._heights()) / 2
        again = timing.pulse_and_read(self.width) - timing.move
        each = timing.read + pulses * again
        return len(self.selected_cells()) * each

    def cost(self) -> Cost:
        """Return pulses, reads and relay closures if every cell forms half-way up the ramp."""
        cells = self.selected_cells()
        pulses = len(cells) * len(self._heights()) / 2
        return Cost(pulses, len(cells) + pulses, self.relays(cells))

    def state(self) -> dict[str, Any]:
        """Return the counts."""
        return {name: getattr(self, name) for name in ("_formed", "_done", "_unreadable")}

    def summary(self) -> dict[str, Any]:
        """Return how many cells conduct, and how many could not be read."""
        return {
            "cells": self._done,
            "formed": self._formed,
            "unreadable": self._unreadable,
            "yield": self._formed / max(self._done, 1),
        }

    def _heights(self) -> list[float]:
        count = max(int(np.floor((self.stop - self.start) / self.step + 1e-9)), 0) + 1
        return [round(self.start + k * self.step, 6) for k in range(count)]
