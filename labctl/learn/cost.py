"""What learning cost: pulses, reads, energy in the cells and around them, bench time.

The counters of an array take a pulse for as wide as it is asked to be: of its edges an array knows
nothing, since they belong to whatever makes the pulse. What they add is worked out here, apart.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.learn.budget import Spent
from labctl.learn.initialise import PulsePair


@dataclass(frozen=True, slots=True)
class Periphery:
    """What the circuits around the cells of an integrated system are taken to need.

    Assumptions, not measurements: they travel with every result that uses them. The instruments of
    a bench need hundreds of watts for as long as the bench time; that is not counted.

    Attributes
    ----------
    line_capacitance
        F, of the word, bit and source line of a cell, charged to the voltages of a pulse or read
        and lost: ``C V^2``. 0.2 fF a cell of 1T1R array and a driver's output make some 0.1 pF
        for a line of 128 cells.
    conversion
        J a read: a 12-bit converter of 50 fJ a conversion step (Walden figure of merit; Murmann,
        ADC Performance Survey), 4 096 steps.
    edge
        s that the level of a pulse takes to come, and again to go: that of a source meter, which
        the simulated ones take between two levels. A pulse generator has next to none.
    """

    line_capacitance: float = 0.1e-12
    conversion: float = 50e-15 * 4096
    edge: float = 90e-6

    def edges(self, pulses: PulsePair, write_energy: float) -> float:
        """Return the energy (J) in the cells during the edges of pulses, besides their widths.

        On a straight edge the square of the voltage is a third of its height's in the mean, so that
        two edges are worth two thirds of one at the full voltage, with the conductance of the
        pulse: ``E = write_energy * 2/3 * edge / width``. Exact where SET and RESET are equally
        wide; else the mean of both.
        """
        widths = np.array([pulses.set.width, pulses.reset.width])
        return write_energy * 2.0 / 3.0 * self.edge * float(np.mean(1.0 / widths))

    def pulse(self, pulses: PulsePair) -> float:
        """Return the energy (J) of charging the lines for one pulse: mean of SET and RESET."""
        squares = [p.bit_line**2 + p.source_line**2 + p.gate**2 for p in (pulses.set, pulses.reset)]
        return self.line_capacitance * float(np.mean(squares))

    def read(self, voltage: float, gate: float) -> float:
        """Return the energy (J) of charging the lines for one read, and of converting it."""
        return self.line_capacitance * (voltage**2 + gate**2) + self.conversion


def cost(
    spent: Spent,
    counts: NDArray[np.int64],
    cells: NDArray[np.int64],
    pulses: PulsePair,
    read_voltage: float,
    read_gate: float,
    periphery: Periphery | None = None,
) -> dict[str, Any]:
    """Return what learning cost, JSON-able.

    Parameters
    ----------
    spent
        By the chain.
    counts
        int64, shape (rows, columns): pulses of each cell.
    cells
        int64, shape (n, 2): those in use.
    pulses, read_voltage, read_gate
        What was applied, V.
    periphery
        What is assumed of it.

    Returns
    -------
    dict
        ``pulses``, ``pulses_per_cell`` (mean over the cells in use), ``pulses_of_worst_cell``,
        ``reads``, ``write_energy``, ``read_energy``, ``device_energy``, ``periphery_energy`` (J),
        ``edge_energy`` (J, in the cells; not in ``device_energy``, which is what the counters and
        budgets have), ``bench_time`` (s), ``assumed``.
    """
    around = periphery or Periphery()
    used = counts[cells[:, 0], cells[:, 1]]
    return {
        "pulses": spent.pulses,
        "pulses_per_cell": float(used.mean()) if len(used) else 0.0,
        "pulses_of_worst_cell": spent.worn,
        "reads": spent.reads,
        "write_energy": spent.write_energy,
        "read_energy": spent.read_energy,
        "device_energy": spent.write_energy + spent.read_energy,
        "edge_energy": around.edges(pulses, spent.write_energy),
        "periphery_energy": spent.pulses * around.pulse(pulses)
        + spent.reads * around.read(read_voltage, read_gate),
        "bench_time": spent.time,
        "assumed": asdict(around),
    }
