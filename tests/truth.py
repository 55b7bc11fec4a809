"""What is really so on a simulated bench, seen past every instrument."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from labctl import sim
from labctl.sim.instruments.relays import label

TERMINALS = {"word_line": 0, "bit_line": 1, "source_line": 2}
"""Matrix row (from 0) of each terminal in the simulated default bench."""


class Truth:
    """The world behind a bench file."""

    def __init__(self, path: Path) -> None:
        self.world = sim.world_of(str(path.resolve()))

    @property
    def chip(self) -> Any:
        return self.world.chip

    @property
    def violations(self) -> list[Any]:
        return self.world.violations

    def level(self, terminal: str) -> float:
        """Voltage that a terminal puts on its row, V; 0 for an output that is off."""
        return float(np.nan_to_num(self.world.circuit.level(TERMINALS[terminal])))

    def levels(self) -> list[float]:
        return [self.level(name) for name in TERMINALS]

    def closed(self) -> set[str]:
        return {label(point) for point in self.world.box("matrix").relays.closed}

    def closures(self) -> int:
        return sum(self.world.closures.values())

    def silence(self, instrument: str) -> None:
        """Let an instrument die: it takes everything and answers nothing."""
        self.world.box(instrument).faults.silent = True
