"""Bring cells to a conductance by write and verify, with the pulses that learning uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.array import CellArray, Pulse, PulseChoice


@dataclass(frozen=True, slots=True)
class PulsePair:
    """The two pulses of the learning: those the transitions were measured with."""

    set: Pulse
    reset: Pulse

    def of(self, polarity: NDArray[np.int8]) -> PulseChoice:
        """Return the pulses of polarities (1 SET, -1 RESET), shape (n,)."""
        return PulseChoice((self.set, self.reset), (polarity <= 0).astype(np.intp))


@dataclass(frozen=True, slots=True)
class Written:
    """What :func:`write_verify` reached.

    Attributes
    ----------
    conductance
        float64, shape (n,), S: last good read of each cell, NaN where there was none.
    reached
        bool, shape (n,): within the tolerance.
    pulses
        Pulses spent.
    """

    conductance: NDArray[np.float64]
    reached: NDArray[np.bool_]
    pulses: int


def write_verify(
    array: CellArray,
    cells: NDArray[np.int64],
    target: float | NDArray[np.float64],
    tolerance: float,
    pulses: PulsePair,
    *,
    most: int = 40,
    read: float = 0.2,
    allow: Callable[[NDArray[np.int64]], None] | None = None,
) -> Written:
    """Pulse each cell towards ``target`` until a read is within ``tolerance`` of it.

    Parameters
    ----------
    array
        The cells.
    cells
        int, shape (n, 2).
    target
        S: one for all, or shape (n,).
    tolerance
        S.
    pulses
        SET and RESET.
    most
        Most pulses a cell gets.
    read
        V.
    allow
        Called with the cells, shape (m, 2), before each round of pulses; may raise to forbid them.
    """
    aim = np.broadcast_to(target, len(cells))
    conductance = np.array(array.read(cells, read).conductance)
    spent = 0
    for _ in range(most):
        far = np.abs(conductance - aim) > tolerance  # a NaN is not far: no reading, no pulse
        chosen = np.flatnonzero(far)
        if len(chosen) == 0:
            break
        if allow is not None:
            allow(cells[chosen])
        polarity = np.where(conductance[chosen] < aim[chosen], 1, -1).astype(np.int8)
        readings = array.pulse(cells[chosen], pulses.of(polarity), read)
        assert readings is not None
        spent += len(chosen)
        conductance[chosen] = readings.conductance
    reached = np.abs(conductance - aim) <= tolerance
    return Written(conductance, reached, spent)
