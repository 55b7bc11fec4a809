"""What bulk kernels share: cells are taken in blocks, and a block step by step.

A step is a plain loop over a block, which vectorises; a block stays in the nearest caches.
"""

from __future__ import annotations

from labctl.sim.chip.elementary import exp, log, small_exp
from labctl.sim.chip.jit import inlined, kernel
from labctl.sim.chip.layout import (
    FATE,
    FORMED,
    KEEP,
    KEPT_SINCE,
    RELAX,
    RELAX_SINCE,
    RELAX_TIME,
    U_RETENTION,
    U,
)
from labctl.sim.chip.noise import gaussian, words

BLOCK = 256
_RUN = 32
_NOTHING = 1e-14  # of u; as in labctl.sim.chip.rest
_LITTLE = 0.01  # of u


@kernel
def consecutive(cells):
    """Return whether cells follow each other, so that their state is a slice."""
    for e in range(cells.size):  # noqa: SIM110 - numba compiles no generators
        if cells[e] != cells[0] + e:
            return False
    return True


@kernel
def next_block(cells, start):
    """Return where the block of cells from ``start`` on ends.

    A run of cells that follow each other is a block of its own if it is not too short: its state is
    a slice, and need not be gathered.
    """
    most = min(start + BLOCK, cells.size)
    stop = start + 1
    while stop < most and cells[stop] == cells[stop - 1] + 1:
        stop += 1
    return stop if stop - start >= _RUN else most


@kernel
def gather(state, cells, rows, beside):
    """Copy the given rows of some cells into the first columns of ``beside``."""
    for row in rows:
        for e in range(cells.size):
            beside[row, e] = state[row, cells[e]]


@kernel
def scatter(beside, cells, rows, state):
    """Copy back what :func:`gather` copied."""
    for row in rows:
        for e in range(cells.size):
            state[row, cells[e]] = beside[row, e]


@inlined
def settle(state, a, b, now, p, u):
    """Write u of the cells in columns ``a`` to ``b``, with relaxation and retention until ``now``.

    As :func:`labctl.sim.chip.rest.settled` has it; ``now`` is an array.
    """
    start, formed, fate = state[U, a:b], state[FORMED, a:b], state[FATE, a:b]
    keep, since = state[KEEP, a:b], state[KEPT_SINCE, a:b]
    end = p[U_RETENTION]
    most = 0.0
    for e in range(u.size):
        passed = keep[e] * (now[e] - since[e])
        u[e] = passed if passed >= _NOTHING and formed[e] != 0.0 and fate[e] == 0.0 else 0.0
    for e in range(u.size):
        most = max(most, u[e])
    if most < _LITTLE:
        for e in range(u.size):
            u[e] = start[e] + (end - start[e]) * (1.0 - small_exp(-u[e]))
    else:
        for e in range(u.size):  # each by the function that it would get in any other company
            left = small_exp(-u[e]) if u[e] < _LITTLE else exp(-u[e])
            u[e] = start[e] + (end - start[e]) * (1.0 - left)
    relax, from_then = state[RELAX, a:b], state[RELAX_SINCE, a:b]
    tau = p[RELAX_TIME]
    for e in range(u.size):
        u[e] += relax[e] * log(1.0 + max(now[e] - from_then[e], 0.0) / tau)


@inlined
def draw_words(seed, cells, stream, draws, w0, w1, w2, w3):
    """Write the four uint32 of one draw per cell."""
    for e in range(w0.size):
        w0[e], w1[e], w2[e], w3[e] = words(seed, cells[e], stream, draws[e])


@inlined
def draw_normals(seed, cells, stream, draws, z, y):
    """Write two normal numbers per cell."""
    for e in range(z.size):
        a, b, _, _ = words(seed, cells[e], stream, draws[e])
        z[e], y[e] = gaussian(a, b)


@inlined
def draw_first(seed, cells, stream, draws, first, z, y):
    """Write three normal numbers per cell: two are of the words that :func:`normals` leaves."""
    for e in range(z.size):
        a, b, c, d = words(seed, cells[e], stream, draws[e])
        first[e], _ = gaussian(a, b)
        z[e], y[e] = gaussian(c, d)
