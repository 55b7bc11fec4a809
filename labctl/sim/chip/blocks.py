"""Blocks of cells at once: pulses by a common flow, and reads over and over again.

A block costs the bench times of one visit after the other, but what happens in the cells is found
for all of them together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.sim.chip.jit import kernel
from labctl.sim.chip.visit import (
    AGE,
    ANSWER,
    AT,
    BIT_READING,
    BIT_SETTLE,
    COLUMN,
    DRIVES,
    GATE,
    LEVEL,
    MESSAGE,
    MOVED,
    NOW,
    RELAYS,
    ROW,
    WORD_SETTLE,
)

Floats = NDArray[np.float64]
Ints = NDArray[Any]


@kernel
def pulsing_times(
    bench: Floats, t: Floats, place: Ints, cells: Ints, order: Ints, widths: Floats, reads: bool,
    begun: Floats, looked: Floats, time: Floats,
) -> None:  # fmt: skip
    """Spend the time of pulsing cells one after the other, and of reading each after its pulse.

    Parameters
    ----------
    bench, t, place
        See :mod:`labctl.sim.chip.visit`; the last two are changed.
    cells, order
        int64, (n, 2) and (n,): which cells, and in which order.
    widths
        s, float64, (n,).
    reads
        Whether each is read after its pulse.
    begun, looked
        s, float64, (n,), written: age of the chip when each pulse begins, and at each reading.
    time
        s, float64, (n,), written where something is read: bench time of the reading.
    """
    gate = bench[MESSAGE] + bench[LEVEL] + bench[WORD_SETTLE] + bench[ANSWER]
    go = bench[MESSAGE] + 2.0 * bench[RELAYS] + bench[ANSWER]
    rise = bench[MESSAGE] + bench[LEVEL]
    now, before = t[NOW], t[NOW]
    older = t[AGE] - t[AT]  # the age of the chip is its bench time plus this
    row, column = place[ROW], place[COLUMN]
    for k in order:
        if cells[k, 0] != row or cells[k, 1] != column:
            row, column = cells[k, 0], cells[k, 1]
            now += go
            place[DRIVES] += 1
            place[MOVED] = 1
        now += gate + rise
        begun[k] = now + older
        now += widths[k] + bench[LEVEL]
        before = now
        now += bench[ANSWER]
        place[DRIVES] += 2
        if reads:
            now += gate + rise + bench[BIT_SETTLE] + bench[BIT_READING]
            looked[k] = now + older
            now += bench[LEVEL]
            before = now
            now += bench[ANSWER]
            time[k] = now
            place[DRIVES] += 2
        now += gate
    place[MOVED] = 0
    t[NOW], t[AT], t[AGE], t[GATE] = now, before, before + older, 0.0
    place[ROW], place[COLUMN] = row, column
