"""Many cells at once: bit lines driven together, the currents of the source lines converted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.errors import LimitError
from labctl.sim.chip.chip import Chip
from labctl.sim.chip.crossbar import Crossbar
from labctl.sim.chip.layout import BIT_WIRE, SOURCE_WIRE
from labctl.sim.chip.reading import current_table, read_many

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Converter:
    """The analogue-to-digital converter at every source line.

    Attributes
    ----------
    bits
        Of its output, sign included; None converts exactly.
    full_scale
        A; larger currents, of either sign, are cut off there. None follows each block of inputs:
        the largest current it could give with every input at 1.
    """

    bits: int | None = None
    full_scale: float | None = None

    def __post_init__(self) -> None:
        if self.bits is not None and not 2 <= self.bits <= 24:
            raise LimitError(f"A converter of {self.bits} bits: give 2 to 24, or None.")
        if self.full_scale is not None and not 0.0 < self.full_scale < np.inf:
            raise LimitError(f"A full scale of {self.full_scale} A: give a current above 0.")

    def convert(self, current: Floats, largest: float) -> Floats:
        """Return currents (A) as the converter shows them; ``largest`` where it follows."""
        if self.bits is None and self.full_scale is None:
            return current
        scale = largest if self.full_scale is None else self.full_scale
        if self.bits is None:
            return np.clip(current, -scale, scale)
        most = 2 ** (self.bits - 1) - 1
        found: Floats = np.clip(np.rint(current / scale * most), -most, most) * (scale / most)
        return found


def block(chip: Chip, rows: NDArray[np.int64], columns: NDArray[np.int64], voltage: float,
          gate: float) -> Floats:  # fmt: skip
    """Return one noisy reading (S) of each cell where rows and columns cross, (rows, columns)."""
    order = np.argsort(columns, kind="stable")
    lines = np.argsort(rows, kind="stable")
    numbers = (rows[lines, None] * chip.columns + columns[order][None]).ravel()
    found = np.empty(numbers.size)
    table = current_table(voltage, gate, chip._p)
    read_many(
        chip._state, chip._counts, numbers, np.array([chip.time]), voltage, gate, chip._p,
        chip.noise, chip._key, table, found,
    )  # fmt: skip
    conductance = np.empty((rows.size, columns.size))
    conductance[np.ix_(lines, order)] = found.reshape(rows.size, -1) / voltage * 1e-6
    return conductance


def currents(
    chip: Chip,
    conductance: Floats,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    voltages: Floats,
) -> Floats:
    """Return the currents (A) out of the source lines, shape (n, rows).

    Unselected word lines are at 0 V: their cells carry nothing, but their stretch of wire counts.

    Parameters
    ----------
    chip
        Its source lines run along word lines.
    conductance
        S, shape (rows, columns), of the selected cells.
    rows, columns
        Which word lines and bit lines.
    voltages
        V on the bit lines, shape (n, columns).
    """
    if not chip._wired:
        found: Floats = voltages @ conductance.T
        return found
    # The crossbar drives its rows at the left and holds its columns below: bit lines are driven
    # beside the last word line, source lines held beside the first bit line.
    whole = np.zeros((chip.columns, chip.rows))
    whole[np.ix_(chip.columns - 1 - columns, chip.rows - 1 - rows)] = conductance.T
    wires = Crossbar(whole, float(chip._p[BIT_WIRE]), float(chip._p[SOURCE_WIRE]))
    drive = np.zeros((len(voltages), chip.columns))
    drive[:, chip.columns - 1 - columns] = voltages
    return wires.currents(drive)[:, chip.rows - 1 - rows]
