"""Around reading many cells at once: when each is read, in which order the chip keeps them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.sim.chip.jit import kernel
from labctl.sim.chip.visit import (
    AGE,
    ANSWER,
    AT,
    BIT_LIMIT,
    BIT_RANGE,
    BIT_READING,
    BIT_SETTLE,
    COLUMN,
    COMPLIANCE,
    DRIVES,
    LEVEL,
    MESSAGE,
    NOW,
    OVERFLOW,
    ROW,
    SOURCE_LIMIT,
    go,
    set_gate,
    tell,
)

Floats = NDArray[np.float64]
Ints = NDArray[Any]


@kernel
def reading_times(
    bench: Floats, t: Floats, place: Ints, cells: Ints, order: Ints, age: Floats, time: Floats
) -> None:
    """Spend the time of reading cells; write the age of the chip and the bench time at each."""
    for k in order:
        if cells[k, 0] != place[ROW] or cells[k, 1] != place[COLUMN]:
            go(bench, t, place, cells[k, 0], cells[k, 1])
        set_gate(bench, t, 0.0)
        t[NOW] += bench[MESSAGE]
        t[NOW] += bench[LEVEL]
        t[AGE] += t[NOW] - t[AT]
        t[AT] = t[NOW]
        tell(bench, t, place, 0.0, 0.0)
        t[NOW] += bench[BIT_SETTLE]
        t[NOW] += bench[BIT_READING]
        t[AGE] += t[NOW] - t[AT]
        t[AT] = t[NOW]
        age[k] = t[AGE]
        t[NOW] += bench[LEVEL]
        t[AGE] += t[NOW] - t[AT]
        t[AT] = t[NOW]
        tell(bench, t, place, 0.0, 0.0)
        t[NOW] += bench[ANSWER]
        time[k] = t[NOW]
        set_gate(bench, t, 0.0)


@kernel
def sort_cells(cells: Ints, shape: tuple[int, int], numbers: Ints, ranks: Ints) -> bool:
    """Number cells as the chip does; write the numbers, ascending, and where each stands.

    Parameters
    ----------
    cells
        int64, (n, 2).
    numbers, ranks
        int64, (n,); written, ``numbers`` holds those of ``cells[ranks]``.

    Returns
    -------
    bool
        Whether all cells are different; else nothing useful has been written.
    """
    n, columns = cells.shape[0], shape[1]
    ascending = True
    for k in range(n):
        ranks[k] = k
        numbers[k] = cells[k, 0] * columns + cells[k, 1]
        if k > 0 and numbers[k] <= numbers[k - 1]:
            ascending = False
    if ascending:
        return True
    where = np.full(shape[0] * columns, -1)
    for k in range(n):
        if where[numbers[k]] >= 0:
            return False
        where[numbers[k]] = k
    found = 0
    for c in range(where.size):
        if where[c] >= 0:
            numbers[found], ranks[found] = c, where[c]
            found += 1
    return True


@kernel
def show(
    bench: Floats,
    place: Ints,
    found: Floats,
    ranks: Ints,
    current: Floats,
    flag: NDArray[np.uint8],
) -> None:
    """Write what the bit line's meter shows of the currents ``found`` (µA), and its flags.

    As a visit does one by one; ``found[k]`` belongs to ``current[ranks[k]]``.
    """
    limit, most = bench[BIT_LIMIT], bench[BIT_RANGE]
    least = min(limit, bench[SOURCE_LIMIT])
    for k in range(found.size):
        i = min(max(found[k], -least), least) * 1e-6
        bits = 0
        if 0.0 < limit < np.inf and abs(i) * 1e6 >= limit * (1.0 - 1e-6):
            bits = COMPLIANCE
            place[DRIVES] += 1
        if abs(i) * 1e6 > most:
            i, bits = np.nan, bits | OVERFLOW
        current[ranks[k]], flag[ranks[k]] = i, bits
