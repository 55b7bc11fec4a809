"""What one step of a chain did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did.

    Attributes
    ----------
    weights
        float64, shape (n,), or (chains, n) where there are several: after the step.
    cells
        int64, shape (m, 2): cells pulsed.
    polarity
        int8, shape (m,): 1 SET, -1 RESET.
    before, after
        float64, shape (m,), S, as read; ``after`` is NaN where pulses are not read back.
    saturated
        How many coins could not give the drift that was wanted.
    draw
        Whether the weights belong to the density wanted: False while a schedule explores.
    """

    weights: NDArray[np.float64]
    cells: NDArray[np.int64]
    polarity: NDArray[np.int8]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    saturated: int
    draw: bool = True
