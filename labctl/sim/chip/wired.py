"""Node voltages of an array with resistive lines.

Newton's method: cells become straight lines, and the linear grid is solved once, and once more for
every net whose voltage is unknown, because its source is at its limit. Units: V, µA, µS.
"""

from __future__ import annotations

import numpy as np

from labctl.sim.chip.grid import currents, factor, lay_out, linear, work_space
from labctl.sim.chip.ideal import ATTEMPTS, LEAST, ROUNDS, TOLERANCE, bar, eliminate, first_stop
from labctl.sim.chip.jit import kernel
from labctl.sim.chip.ladder import padded
from labctl.sim.chip.layout import SOURCE_BY_COLUMN


@kernel
def solve_wired(
    us, edges, gates, count, held, limit, volt, bit_at, source_at, p, shape, afresh, lowest, highest
):
    """Do :func:`labctl.sim.chip.network.solve_network` where wires have resistance.

    ``afresh``: begin at ``volt`` instead of ``bit_at`` and ``source_at``.
    """
    mode = shape[2]
    grid = lay_out(edges, count, volt.size, p, shape)
    rows, columns = grid[0].shape
    tall = padded(rows)
    b, s, x = np.empty((rows, columns)), np.zeros((tall, columns)), np.empty((rows, columns))
    _begin(grid, mode, volt, bit_at, source_at, afresh, lowest, highest, b, s, x)
    a, c = np.empty((rows, columns)), np.empty((rows, columns))
    rb, rs = np.empty((rows, columns)), np.zeros((tall, columns))
    net = np.empty(volt.size)
    db, ds = np.empty((rows, columns)), np.empty((tall, columns))
    # what the nodes do per volt on each unknown net
    per_b, per_s = np.empty((0, rows, columns)), np.empty((0, tall, columns))
    factors = work_space(rows, tall, columns, mode)
    volt_before, step = np.empty(volt.size), np.zeros(volt.size)
    missed, noise = currents(
        grid, mode, us, gates, volt, held, limit, p, b, s, x, a, c, rb, rs, net
    )
    b_before, s_before = b, s
    place = np.empty(volt.size, dtype=np.int64)
    barred = np.empty(volt.size, dtype=np.bool_)
    for _ in range(ROUNDS):
        factor(grid, mode, a, c, factors)
        ds[:] = 0.0
        linear(grid, mode, a, c, factors, rb, rs, db, ds)
        barred[:] = False
        while True:
            unknown = _unknown(grid, volt, held, limit, net, shape, barred, place)
            if unknown == 0:
                break
            if unknown > per_b.shape[0]:
                per_b, per_s = (
                    np.zeros((unknown, rows, columns)),
                    np.zeros((unknown, tall, columns)),
                )
            step = _net_steps(
                grid, mode, a, c, factors, place, unknown, rb, rs, db, ds, per_b, per_s, net
            )
            if not bar(volt, held, limit, net, step, place, barred):
                break
        b_before, b = b, b.copy()
        s_before, s = s, s.copy()
        volt_before[:] = volt
        share = 1.0
        good = False
        moved = 0.0
        for attempt in range(ATTEMPTS):
            if attempt > 0:
                share *= 0.5
            if attempt == 1 and unknown > 0:
                share = min(
                    share, first_stop(volt_before, step, place, held, limit, lowest, highest)
                )
            b[:] = b_before
            s[:] = s_before
            _add(b, db, share)
            _add(s, ds, share)
            moved = 0.0
            for n in range(volt.size):
                if place[n] >= 0:
                    v = min(max(volt_before[n] + share * step[place[n]], lowest), highest)
                    if limit[n] > 0.0 and (v - held[n]) * (volt_before[n] - held[n]) < 0.0:
                        v = held[n]  # a source goes from one limit to the other by way of none
                    volt[n] = v
                    moved = max(moved, abs(v - volt_before[n]))
                    _add(b, per_b[place[n]], v - volt_before[n])
                    _add(s, per_s[place[n]], v - volt_before[n])
            moved = max(moved, _clamp(b, b_before, lowest, highest))
            moved = max(moved, _clamp(s, s_before, lowest, highest))
            now_missed, noise = currents(
                grid, mode, us, gates, volt, held, limit, p, b, s, x, a, c, rb, rs, net
            )
            good = now_missed < (1.0 - 0.1 * share) * missed or now_missed <= noise
            if good or (attempt == 0 and moved < TOLERANCE):
                break
        missed = now_missed
        if share == 1.0 and moved < TOLERANCE:
            break
    _finish(grid, mode, volt, shape, b, s, bit_at, source_at)


@kernel
def _begin(grid, mode, volt, bit_at, source_at, afresh, lowest, highest, b, s, x):
    """Write where the search begins."""
    at, bit_node, source_node = grid[0], grid[1], grid[2]
    for i in range(at.shape[0]):
        for j in range(at.shape[1]):
            e = at[i, j]
            if e < 0 or afresh:
                b[i, j] = volt[bit_node[j]]
                s[i, j] = volt[source_node[j if mode == SOURCE_BY_COLUMN else i]]
            else:
                b[i, j] = min(max(bit_at[e], lowest), highest)
                s[i, j] = min(max(source_at[e], lowest), highest)
            x[i, j] = abs(b[i, j] - s[i, j])


@kernel
def _unknown(grid, volt, held, limit, net, shape, barred, place):
    """Number the nets whose voltage is unknown into ``place``, -1 for others; count them.

    ``barred`` nets stay where they are.
    """
    lines = shape[1] + (shape[1] if shape[2] == SOURCE_BY_COLUMN else shape[0])
    place[:] = -1
    for nodes in (grid[1], grid[2]):
        for n in nodes:
            # a floating line is not unknown as such: it has nodes, but no pad
            soft = n < volt.size - lines and limit[n] < np.inf and not barred[n]
            if soft and (volt[n] != held[n] or limit[n] == 0.0 or net[n] != 0.0):
                place[n] = 0
    unknown = 0
    for n in range(volt.size):
        if place[n] == 0:
            place[n] = unknown
            unknown += 1
    return unknown


@kernel
def _net_steps(grid, mode, a, c, factors, place, unknown, rb, rs, db, ds, per_b, per_s, net):
    """Return the changes (V) of the unknown nets that would balance straight currents.

    ``db``, ``ds`` say what the nodes do by themselves; what they do per volt on each net is
    written to ``per_b``, ``per_s`` (a guess before). ``rb``, ``rs`` are spoilt.
    """
    _, bit_node, source_node, _, bit_pad, _, source_pad = grid
    rows, columns = a.shape
    by_column = mode == SOURCE_BY_COLUMN
    matrix = np.zeros((unknown, unknown))
    step = np.zeros(unknown)
    for n in range(place.size):
        if place[n] >= 0:
            rb[:] = 0.0
            rs[:] = 0.0
            for j in range(columns):
                if bit_node[j] == n:
                    rb[rows - 1, j] = bit_pad[j]
            for k in range(source_node.size):
                if source_node[k] == n:
                    rs[0 if by_column else k, k if by_column else 0] = source_pad[k]
            linear(grid, mode, a, c, factors, rb, rs, per_b[place[n]], per_s[place[n]])
            step[place[n]] = -net[n]
            matrix[place[n], place[n]] = LEAST
    for i in range(rows):
        for j in range(columns):
            n = place[bit_node[j]]
            m = place[source_node[j if by_column else i]]
            if n < 0 and m < 0:
                continue
            flow = a[i, j] * db[i, j] - c[i, j] * ds[i, j]
            if n >= 0:
                step[n] -= flow
            if m >= 0:
                step[m] += flow
            for k in range(unknown):
                flow = a[i, j] * per_b[k, i, j] - c[i, j] * per_s[k, i, j]
                if n >= 0:
                    matrix[n, k] += flow
                if m >= 0:
                    matrix[m, k] -= flow
    eliminate(matrix, step)
    return step


@kernel
def _add(x, d, share):
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] += share * d[i, j]


@kernel
def _clamp(x, before, lowest, highest):
    """Keep ``x`` in the range; return by how much it has moved at most."""
    moved = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[i, j] = min(max(x[i, j], lowest), highest)
            moved = max(moved, abs(x[i, j] - before[i, j]))
    return moved


@kernel
def _finish(grid, mode, volt, shape, b, s, bit_at, source_at):
    """Write the ends of the edges, and the mean of each floating line."""
    at, bit_node, source_node = grid[0], grid[1], grid[2]
    by_column = mode == SOURCE_BY_COLUMN
    rows, columns = at.shape
    nets = volt.size - shape[1] - (shape[1] if by_column else shape[0])
    for i in range(rows):
        for j in range(columns):
            e = at[i, j]
            if e >= 0:
                bit_at[e] = b[i, j]
                source_at[e] = s[i, j]
    if by_column:
        return
    for j in range(columns):
        if bit_node[j] >= nets:
            volt[bit_node[j]] = b[:, j].mean()
    for i in range(rows):
        if source_node[i] >= nets:
            volt[source_node[i]] = s[i].mean()
