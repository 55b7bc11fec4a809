"""Measure SET and RESET transitions: one pulse, conductance before and after."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from pymeasure.experiment import FloatParameter, IntegerParameter

from labctl.array import READ_VOLTAGE, Pulse
from labctl.procedure import CellsParameter, Cost, Procedure
from labctl.store import Column


class Transitions(Procedure):
    """Measure the steps of single SET and RESET pulses over the conductance range.

    Every pass gives each cell one pulse and reads it. Each cell keeps its polarity for a few
    passes and then turns at random, so that all cells together wander over the whole range that
    the two pulses can reach. The reads at the end, with no pulse between them, give the read
    noise.
    """

    cells = CellsParameter("Cells", default="all")
    passes = IntegerParameter("Pulses per cell", default=40, minimum=2, maximum=100_000)
    turn = FloatParameter("Probability of turning", default=0.3, minimum=0.0, maximum=1.0)
    set_voltage = FloatParameter("SET bit line", units="V", default=1.11, minimum=0.1, maximum=10.0)
    set_gate = FloatParameter("SET gate", units="V", default=3.2, minimum=0.0, maximum=10.0)
    reset_voltage = FloatParameter(
        "RESET source line", units="V", default=1.33, minimum=0.1, maximum=10.0
    )
    reset_gate = FloatParameter("RESET gate", units="V", default=4.75, minimum=0.0, maximum=10.0)
    width = FloatParameter("Pulse width", units="s", default=2e-4, minimum=1e-8, maximum=1.0)
    repeats = IntegerParameter("Reads for the noise", default=10, minimum=2, maximum=100_000)

    tables: ClassVar[dict[str, dict[str, Column]]] = {
        "transitions": {
            "time": Column("float64", "s", "bench time of the read after"),
            "row": Column("int16", "", "word line"),
            "col": Column("int16", "", "bit line"),
            "polarity": Column("int8", "", "1 SET, -1 RESET"),
            "before": Column("float64", "S", "read before the pulse"),
            "after": Column("float64", "S", "read after the pulse"),
            "flag": Column("uint8", "", "1 compliance, 2 overflow"),
        },
        "repeats": {
            "time": Column("float64", "s", "bench time"),
            "row": Column("int16", "", "word line"),
            "col": Column("int16", "", "bit line"),
            "conductance": Column("float64", "S", "read with nothing in between"),
        },
    }

    def pulses(self) -> list[Pulse]:
        """Return the SET and the RESET."""
        return [
            Pulse.set(self.set_voltage, self.set_gate, self.width),
            Pulse.reset(self.reset_voltage, self.reset_gate, self.width),
        ]

    def prepare(self) -> None:
        """Refuse pulses beyond the limits; read the start; draw the first polarities."""
        self.array.check(self.pulses())
        self._pulses = dict(zip((1, -1), self.pulses(), strict=True))
        self._cells = self.selected_cells()
        self._polarity = self.rng.choice([-1, 1], len(self._cells))
        self._before = self.array.read(self._cells).conductance

    def units(self) -> list[Any]:
        """One unit per pass: first the pulses, then the repeated reads."""
        pulses = [["pulse", k] for k in range(self.passes)]
        return pulses + [["read", k] for k in range(self.repeats)]

    def measure(self, unit: Any) -> None:
        """Give every cell one pulse and read it, or only read it."""
        if unit[0] == "read":
            readings = self.array.read(self._cells)
            self.record(
                "repeats",
                time=readings.time,
                row=self._cells[:, 0],
                col=self._cells[:, 1],
                conductance=readings.conductance,
            )
            return
        turn = self.rng.random(len(self._cells)) < self.turn
        self._polarity = np.where(turn, -self._polarity, self._polarity)
        pulses = [self._pulses[polarity] for polarity in self._polarity.tolist()]
        after = self.array.pulse(self._cells, pulses, read=READ_VOLTAGE)
        assert after is not None
        self.record(
            "transitions",
            time=after.time,
            row=self._cells[:, 0],
            col=self._cells[:, 1],
            polarity=self._polarity,
            before=self._before,
            after=after.conductance,
            flag=after.flag,
        )
        self._before = after.conductance

    def state(self) -> dict[str, Any]:
        """Return which way each cell goes; what they conduct is read again on resuming."""
        return {"_polarity": self._polarity}

    def estimate(self) -> float:
        """Return the bench time of all pulses and reads, s."""
        timing, cells = self.array.timing, len(self.selected_cells())
        pulse = timing.pulse_and_read(self.width)
        return cells * (self.passes * pulse + (self.repeats + 1) * timing.read)

    def cost(self) -> Cost:
        """Return pulses, reads and relay closures of all passes."""
        cells = self.selected_cells()
        passes = self.passes + self.repeats + 1
        return Cost(self.passes * len(cells), passes * len(cells), passes * self.relays(cells))
