"""An array with resistive lines as a grid: one node on the bit and one on the source line per cell.

Only lines that take part are in it. Arrays of the source lines' nodes have their rows padded (see
:mod:`labctl.sim.chip.ladder`, which solves a grid of crossing lines;
:mod:`labctl.sim.chip.rails` solves one whose lines all run along columns). In a passive array the
source lines are the word lines. Units: V, µA, µS.
"""

from __future__ import annotations

import numpy as np

from labctl.sim.chip.circuit import edge_slope
from labctl.sim.chip.ideal import LEAST, excess
from labctl.sim.chip.jit import kernel
from labctl.sim.chip.krylov import conjugate_gradients, stabilised_gradients
from labctl.sim.chip.ladder import columns_solve, factor_columns, factor_rows, schur
from labctl.sim.chip.layout import BIT_WIRE, PASSIVE, SOURCE_BY_COLUMN, SOURCE_WIRE
from labctl.sim.chip.rails import factor_rails, rails_solve

_PRECISION = 1e-6  # of a linear solve; the next step of Newton's method mends the rest
_MOST = 2000
_IDEAL = 1e-6  # ohm, where one kind of line has no resistance but the other has
_ROUNDING = 1e-15


@kernel
def lay_out(edges, count, nodes, p, shape):
    """Find the lines that take part and the wire between them.

    Parameters
    ----------
    edges, count, p, shape
        See :func:`labctl.sim.chip.network.solve_network`.
    nodes
        Number of nodes.

    Returns
    -------
    tuple of arrays
        Edge of each cell of the grid, -1 for none; node of each bit line and of each source line;
        segments (µS) of the bit lines between rows and their pads (0 where they float); the same
        of the source lines.
    """
    rows, columns, mode = shape
    by_column = mode == SOURCE_BY_COLUMN
    nets = nodes - columns - (columns if by_column else rows)
    row_at, column_at = np.full(rows, -1), np.full(columns, -1)
    for e in range(count):
        row_at[edges[e, 0] // columns] = 0
        column_at[edges[e, 0] % columns] = 0
    mine, yours = np.flatnonzero(row_at == 0), np.flatnonzero(column_at == 0)
    for k in range(mine.size):
        row_at[mine[k]] = k
    for k in range(yours.size):
        column_at[yours[k]] = k
    at = np.full((mine.size, yours.size), -1)
    bit_node = np.zeros(yours.size, dtype=np.int64)
    source_node = np.zeros(yours.size if by_column else mine.size, dtype=np.int64)
    for e in range(count):
        i, j = row_at[edges[e, 0] // columns], column_at[edges[e, 0] % columns]
        at[i, j] = e
        bit_node[j] = edges[e, 1]
        source_node[j if by_column else i] = edges[e, 2]
    per_bit = 1e6 / max(p[BIT_WIRE], _IDEAL)
    per_source = 1e6 / max(p[SOURCE_WIRE], _IDEAL)
    bit_pad = np.where(bit_node < nets, per_bit / (rows - mine[-1]), 0.0)
    bit_seg = per_bit / np.diff(mine)
    along = mine if by_column else yours
    source_pad = np.where(source_node < nets, per_source / (along[0] + 1), 0.0)
    source_seg = per_source / np.diff(along)
    return at, bit_node, source_node, bit_seg, bit_pad, source_seg, source_pad


@kernel
def currents(grid, mode, us, gates, volt, held, limit, p, b, s, x, a, c, rb, rs, net):
    """Look at all cells and wires.

    Parameters
    ----------
    grid, mode
        See :func:`lay_out`; how source lines run.
    us, gates, volt, held, limit, p
        See :func:`labctl.sim.chip.network.solve_network`.
    b, s, x
        V: bit nodes, source nodes, and voltage over each cell (magnitude; the guess and what
        comes out).
    a, c
        Written: slopes of the cells.
    rb, rs
        Written: current (µA) that each node lacks.
    net
        Written: what the cells of each limited net miss of its current.

    Returns
    -------
    float, float
        All that nodes and nets miss (µA), and how much of it can be rounding.
    """
    at, bit_node, source_node, bit_seg, bit_pad, source_seg, source_pad = grid
    rows, columns = at.shape
    by_column = mode == SOURCE_BY_COLUMN
    pads = np.zeros(volt.size)  # the current of each net again, from the pads
    net[:] = 0.0
    noise = 0.0
    for i in range(rows):
        for j in range(columns):
            k = j if by_column else i
            e = at[i, j]
            current = 0.0
            a[i, j], c[i, j] = 0.0, 0.0
            if e >= 0:
                drop, current, slope, other = edge_slope(
                    us[e], gates[e], b[i, j], s[i, j], p, x[i, j]
                )
                x[i, j] = abs(drop)
                a[i, j], c[i, j] = slope + LEAST, other + LEAST
                net[bit_node[j]] += current
                net[source_node[k]] -= current
                noise += abs(current)
            rb[i, j], rs[i, j] = -current, current
    for i in range(rows):
        for j in range(columns):
            if i < rows - 1:
                flow = bit_seg[i] * (b[i, j] - b[i + 1, j])
                rb[i, j] -= flow
                rb[i + 1, j] += flow
                noise += bit_seg[i] * abs(b[i, j])
                if by_column:
                    flow = source_seg[i] * (s[i, j] - s[i + 1, j])
                    rs[i, j] -= flow
                    rs[i + 1, j] += flow
                    noise += source_seg[i] * abs(s[i, j])
            if not by_column and j < columns - 1:
                flow = source_seg[j] * (s[i, j] - s[i, j + 1])
                rs[i, j] -= flow
                rs[i, j + 1] += flow
                noise += source_seg[j] * abs(s[i, j])
    for j in range(bit_node.size):
        flow = bit_pad[j] * (volt[bit_node[j]] - b[rows - 1, j])
        rb[rows - 1, j] += flow
        pads[bit_node[j]] += flow
        noise += bit_pad[j] * abs(b[rows - 1, j])
    for k in range(source_node.size):
        i, j = (0, k) if by_column else (k, 0)
        flow = source_pad[k] * (volt[source_node[k]] - s[i, j])
        rs[i, j] += flow
        pads[source_node[k]] += flow
        noise += source_pad[k] * abs(s[i, j])
    missed = 0.0
    for i in range(rows):
        for j in range(columns):
            missed += abs(rb[i, j]) + abs(rs[i, j])
    for n in range(volt.size):
        if limit[n] < np.inf:
            net[n] = excess(net[n], volt[n], held[n], limit[n])
            missed += abs(excess(pads[n], volt[n], held[n], limit[n]))
    return missed, _ROUNDING * noise


@kernel
def work_space(rows, tall, columns, mode):
    """Return the arrays that :func:`factor` fills: inverse pivots and what goes with them."""
    if mode == SOURCE_BY_COLUMN:
        tall, crossing, ladder = 0, 0, rows
    else:
        crossing, ladder = rows, 0
    return (
        np.empty((crossing, columns)),
        np.empty((crossing, columns)),
        np.empty((tall, columns)),
        np.empty((tall, columns)),
        np.empty((ladder, columns, 4)),
    )


@kernel
def factor(grid, mode, a, c, factors):
    """Prepare linear solves with slopes ``a`` and ``c``."""
    _, _, _, bit_seg, bit_pad, source_seg, source_pad = grid
    icol, own, diag, irow, inverse = factors
    if mode == SOURCE_BY_COLUMN:
        factor_rails(a, c, bit_seg, bit_pad, source_seg, source_pad, inverse)
    else:
        factor_columns(a, c, bit_seg, bit_pad, icol, diag, own)
        factor_rows(diag, source_seg, source_pad, irow)


@kernel
def linear(grid, mode, a, c, factors, rb, rs, b, s):
    """Find the voltages that currents ``rb``, ``rs`` (µA, into the nodes) make in the grid.

    ``b`` and ``s`` are written, in V; ``s`` holds a guess before. ``rb``, ``rs`` are spoilt.
    """
    _, _, _, bit_seg, _, source_seg, source_pad = grid
    icol, own, spare, irow, inverse = factors
    rows, columns = a.shape
    if mode == SOURCE_BY_COLUMN:
        b[:], s[:] = rb, rs
        rails_solve(inverse, bit_seg, source_seg, b, s)
        return
    columns_solve(icol, bit_seg, rb, rb)
    schur(a, c, source_seg, source_pad, bit_seg, icol, s, spare, b)
    for i in range(rows):
        for j in range(columns):
            rs[i, j] += a[i, j] * rb[i, j] - spare[i, j]
    if mode == PASSIVE:
        conjugate_gradients(a, own, source_seg, bit_seg, icol, irow, s, rs, _PRECISION, 0.0, _MOST)
    else:
        stabilised_gradients(
            a, c, source_seg, source_pad, bit_seg, icol, irow, s, rs, _PRECISION, _MOST
        )
    for i in range(rows):
        for j in range(columns):
            b[i, j] = c[i, j] * s[i, j]
    columns_solve(icol, bit_seg, b, b)
    for i in range(rows):
        for j in range(columns):
            b[i, j] += rb[i, j]
