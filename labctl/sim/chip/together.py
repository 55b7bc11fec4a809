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
    GATE,
    LEVEL,
    MESSAGE,
    MOVED,
    NOW,
    OVERFLOW,
    RELAYS,
    ROW,
    SOURCE_LIMIT,
    WORD_SETTLE,
    tell,
)

Floats = NDArray[np.float64]
Ints = NDArray[Any]


@kernel
def reading_times(
    bench: Floats, t: Floats, place: Ints, cells: Ints, order: Ints, age: Floats, time: Floats
) -> None:
    """Spend the time of reading cells; write the age of the chip and the bench time at each."""
    message, level, answer = bench[MESSAGE], bench[LEVEL], bench[ANSWER]
    relays, word_settle = bench[RELAYS], bench[WORD_SETTLE]
    settle, reading = bench[BIT_SETTLE], bench[BIT_READING]
    now, at, old = t[NOW], t[AT], t[AGE]
    row, column = place[ROW], place[COLUMN]
    for k in order:
        # Added one by one, as a visit does it, but in registers.
        if cells[k, 0] != row or cells[k, 1] != column:
            row, column = cells[k, 0], cells[k, 1]
            now = now + message + relays + relays + answer
            place[MOVED] = 1
        now = now + message + level + word_settle + answer + message + level
        old += now - at
        at = now
        tell(bench, t, place, 0.0, 0.0)
        now = now + settle + reading
        old += now - at
        at = now
        age[k] = old
        now += level
        old += now - at
        at = now
        tell(bench, t, place, 0.0, 0.0)
        now += answer
        time[k] = now
        now = now + message + level + word_settle + answer
    t[NOW], t[AT], t[AGE], t[GATE] = now, at, old, 0.0
    place[ROW], place[COLUMN] = row, column


@kernel
def moves(cells: Ints, order: Ints, row: int, column: int) -> tuple[int, int]:
    """Count how often the way through cells, from one on, changes the row and the column."""
    rows = columns = 0
    for k in order:
        rows += cells[k, 0] != row
        columns += cells[k, 1] != column
        row, column = cells[k, 0], cells[k, 1]
    return rows, columns


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
