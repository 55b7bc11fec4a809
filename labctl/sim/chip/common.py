"""One pulse on many cells at once, by the flow of :mod:`labctl.sim.chip.flow`.

Does what :func:`labctl.sim.chip.evolve.stress` does cell by cell: the same law, with random numbers
of the same streams, in fewer and longer steps. Each cell draws by its own counter, so that neither
order nor company matters.
"""

from __future__ import annotations

import math

import numpy as np

from labctl.sim.chip import flow
from labctl.sim.chip.bulk import (
    BLOCK,
    consecutive,
    draw_first,
    draw_normals,
    gather,
    next_block,
    scatter,
    settle,
)
from labctl.sim.chip.elementary import exp, log, small_exp
from labctl.sim.chip.evolve import LEAST_MOVE, RELAX_SPAN
from labctl.sim.chip.flow import substeps
from labctl.sim.chip.jit import inlined, kernel
from labctl.sim.chip.layout import (
    CYCLE,
    END,
    FATE,
    FORMED,
    KEEP,
    KEPT_SINCE,
    LAST_PULSE,
    LIFE,
    MOVED,
    PROGRAM_DRAWS,
    PULSES,
    RELAX,
    RELAX_DRAW,
    RELAX_DROP,
    RELAX_MEAN,
    RELAX_REACH,
    RELAX_SINCE,
    RELAX_SLOPE,
    RELAX_SPREAD,
    RESET_TIME,
    SET_TIME,
    SPEED,
    STATE_ROWS,
    STREAM_PROGRAM,
    U_REFERENCE,
    UNSTABLE,
    WEAR,
    WEAR_ACTIVITY,
    WEAR_LOSS,
    U,
)

_MOST_ROUNDS = 100_000

_CHANGED = np.array(
    [U, CYCLE, RELAX, RELAX_SINCE, RELAX_DRAW, MOVED, SET_TIME, RESET_TIME, KEPT_SINCE, WEAR, FATE]
)
_NEEDED = np.array([*_CHANGED, FORMED, SPEED, KEEP, LIFE, END, UNSTABLE])
"""Rows of the state that a pulse changes, and those it needs."""

_RESULTS = 4  # rows of the scratch array to be kept when a cell is done
_CARRIED = 7  # and those that a cell takes along while it is not
_WHO, _CELL, _DRAW = range(3)
"""Rows of the integer scratch array: place in the block, cell, number of its next draw."""


@kernel
def fit_for_common(state, cells, fit, other):
    """Sort cells into those that follow one flow, and those that do not.

    Parameters
    ----------
    state
        All cells.
    cells
        int64, (n,).
    fit, other
        int64, (n,); written: formed cells that are not stuck; all others.

    Returns
    -------
    int, int
        How many of each.
    """
    a = b = 0
    for c in cells:  # without a branch, which would often be guessed wrong
        follows = int((state[FORMED, c] != 0.0) & (state[FATE, c] == 0.0))
        fit[a] = c
        other[b] = c
        a += follows
        b += 1 - follows
    return a, b


@inlined
def _fill(wear, p, out):
    """Write exp(2 shrink), shrink as :func:`labctl.sim.chip.cell.shrinkage` has it."""
    quarter = 0.5 * p[WEAR_LOSS] / math.log(2.0)
    for e in range(out.size):
        x = small_exp(quarter * log(1.0 + wear[e] / p[WEAR_ACTIVITY])) ** 2
        out[e] = x * x


@inlined
def _begin(state, a, fresh, v, t, p, drawn):
    """Count a stress of ``t`` seconds; at the first of a drive, say how a cell will relax."""
    b = a + fresh.size
    stressed = state[SET_TIME if v > 0.0 else RESET_TIME, a:b]
    for e in range(fresh.size):
        stressed[e] += t
    moved, relax, unstable = state[MOVED, a:b], state[RELAX_DRAW, a:b], state[UNSTABLE, a:b]
    mean, spread = p[RELAX_MEAN], p[RELAX_SPREAD]
    for e in range(fresh.size):
        moved[e] = 0.0 if fresh[e] else moved[e]
    for e in range(fresh.size):
        relax[e] = mean + spread * unstable[e] * drawn[e] if fresh[e] else relax[e]


@inlined
def _compact(m, w, n, done, draws, used):
    """Take cells that have no time left out of the scratch arrays; return how many go on."""
    left = 0.0
    for e in range(m):
        left += w[flow.LEFT, e]
    if m == draws.size and left == 0.0:  # all are done now, and none was before
        for row in range(_RESULTS):
            for e in range(m):
                done[row, e] = w[row, e]
        for e in range(m):
            draws[e] = n[_DRAW, e] + used
        return 0
    going = 0
    for e in range(m):
        n[_DRAW, e] += used
        if w[flow.LEFT, e] > 0.0:
            if going < e:
                for row in range(_CARRIED):
                    w[row, going] = w[row, e]
                for row in range(_DRAW + 1):
                    n[row, going] = n[row, e]
            going += 1
        else:
            for row in range(_RESULTS):
                done[row, n[_WHO, e]] = w[row, e]
            draws[n[_WHO, e]] = n[_DRAW, e]
    return going


@inlined
def _finish(state, a, m, v, now, t, p, before, done, scale):
    """Write where the stress brought each cell, and let it relax from there."""
    sign = -1.0 if v > 0.0 else 1.0
    slope, reference = p[RELAX_SLOPE], p[U_REFERENCE]
    if slope == 0.0:
        for e in range(m):
            scale[e] = 1.0
    else:
        for e in range(m):
            away = reference - done[flow.U, e]
            scale[e] = exp(slope * min(max(away, -RELAX_SPAN), RELAX_SPAN))
    for e in range(m):
        c = a + e
        moved = state[MOVED, c] + done[flow.MOVED, e]
        far = moved >= LEAST_MOVE
        u = done[flow.U, e]
        drop = p[RELAX_DROP] * (1.0 + scale[e] * (state[UNSTABLE, c] - 1.0))
        back = sign * state[RELAX_DRAW, c] * scale[e] - drop
        state[MOVED, c] = moved
        state[CYCLE, c] = done[flow.CYCLE, e]
        state[WEAR, c] += done[flow.WEAR, e]
        state[U, c] = u if far else state[U, c] + (u - before[e])
        state[KEPT_SINCE, c] = now[e] if far else state[KEPT_SINCE, c]
        state[RELAX, c] = min(moved / p[RELAX_REACH], 1.0) * back if far else state[RELAX, c]
        state[RELAX_SINCE, c] = now[e] + t if far else state[RELAX_SINCE, c]
    for e in range(m):
        c = a + e
        if state[WEAR, c] >= state[LIFE, c]:
            state[FATE, c] = 1.0
            state[U, c] = state[END, c]
            state[RELAX, c] = 0.0


@kernel
def _block(state, a, cells, draws, fresh, v, now, t, p, noise, seed, table, w, n, done):
    """Pulse the cells whose state stands in columns from ``a`` on."""
    m = cells.size
    b = a + m
    z, y, before = w[flow.Z], w[flow.Y], w[flow.BEFORE, :m]
    if noise:
        draw_first(seed, cells, STREAM_PROGRAM, draws, before, z[:m], y[:m])
    else:
        for e in range(m):
            before[e] = z[e] = y[e] = 0.0
    _begin(state, a, fresh, v, t, p, before)
    settle(state, a, b, now, p, before)
    for e in range(m):
        w[flow.U, e] = before[e]
        w[flow.CYCLE, e] = state[CYCLE, a + e]
        w[flow.SPEED, e] = state[SPEED, a + e]
        w[flow.LEFT, e] = t
        w[flow.MOVED, e] = w[flow.WEAR, e] = 0.0
        n[_WHO, e], n[_CELL, e], n[_DRAW, e] = e, cells[e], draws[e]
    _fill(state[WEAR, a:b], p, w[flow.FILL, :m])
    sign, loud = (1.0 if v > 0.0 else -1.0), (1.0 if noise else 0.0)
    going = m
    for k in range(_MOST_ROUNDS):
        if noise and k > 0:
            draw_normals(
                seed, n[_CELL, :going], STREAM_PROGRAM, n[_DRAW, :going], z[:going], y[:going]
            )
        substeps(going, table, sign, loud, p, w)
        going = _compact(going, w, n, done, draws, 1 if noise else 0)
        if going == 0:
            break
    _finish(state, a, m, v, now, t, p, before, done, z)


@kernel
def common_pulse(state, counts, cells, v, gate, now, t, p, noise, seed, pulse, table):
    """Let many cells live through the same ``t`` seconds of a constant drive, without limit.

    Parameters
    ----------
    state, counts
        All cells; changed.
    cells
        int64, (n,): which ones, each once; formed and not stuck (see :func:`fit_for_common`).
    v, gate
        V over cell and transistor, not zero; V, infinite without transistor. Only the table and
        the sign of ``v`` matter.
    now
        s, float64, (n,) or (1,): when it begins, for each cell or for all.
    t
        s, how long it lasts.
    p, noise, seed, pulse
        Parameter vector, whether programming is random, seed of the chip, number of the drive.
    table
        Of :func:`labctl.sim.chip.flow.flow_table` for this drive.
    """
    w, done = np.empty((flow.SCRATCH, BLOCK)), np.empty((_RESULTS, BLOCK))
    n = np.empty((3, BLOCK), dtype=np.int64)
    drawn, fresh = np.empty(BLOCK, dtype=np.int64), np.empty(BLOCK, dtype=np.bool_)
    begun = np.empty(BLOCK)
    beside = np.empty((STATE_ROWS, 0))
    stop = 0
    while stop < cells.size:
        start, stop = stop, next_block(cells, stop)
        mine = cells[start:stop]
        m = mine.size
        for e in range(m):
            c = mine[e]
            begun[e] = now[0] if now.size == 1 else now[start + e]
            fresh[e] = counts[LAST_PULSE, c] != pulse
            counts[LAST_PULSE, c] = pulse
            counts[PULSES, c] += fresh[e]
            drawn[e] = counts[PROGRAM_DRAWS, c]
        in_order = consecutive(mine)
        if not in_order:
            if beside.size == 0:
                beside = np.empty((STATE_ROWS, BLOCK))
            gather(state, mine, _NEEDED, beside)
        _block(
            state if in_order else beside, mine[0] if in_order else 0, mine, drawn[:m], fresh[:m],
            v, begun[:m], t, p, noise, seed, table, w, n, done,
        )  # fmt: skip
        if not in_order:
            scatter(beside, mine, _CHANGED, state)
        for e in range(m):
            counts[PROGRAM_DRAWS, mine[e]] = drawn[e]
