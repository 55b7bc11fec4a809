"""Node voltages of an array whose wires have no resistance: one unknown per soft node.

A node is soft if it floats or its source has a limit. Newton's method with all soft nodes at once;
a step that brings the currents no nearer to balance is cut where the first source goes into or out
of its limit, and if that does not help either, every node is balanced by itself. Units: V, µA, µS.
"""

from __future__ import annotations

import math

import numpy as np

from labctl.sim.chip.circuit import edge_slope
from labctl.sim.chip.jit import kernel
from labctl.sim.chip.sparse import iterate

TOLERANCE = 1e-10  # V
ROUNDS = 200
ATTEMPTS = 6
NOISE = 1e-15  # of the sum of all currents: what rounding leaves of a balance
_MANY = 200  # unknown nodes; more of them are iterated for, if that succeeds
LEAST = 1e-9  # µS; slope of a node whose cells all are shut


@kernel
def excess(current, v, held, limit):
    """Return by how much (µA) a node at ``v`` misses what its source would deliver there.

    A source below its set voltage delivers its limit, above it minus its limit, at it anything
    between.
    """
    if v < held:
        return current - limit
    if v > held:
        return current + limit
    return current - min(max(current, -limit), limit)


@kernel
def _balance(us, edges, gates, count, held, limit, volt, p, soft, xs, bit_slope, source_slope, net):
    """Look at all edges of soft nodes.

    Written: voltage over each cell and both slopes per edge; ``net``, what each node misses.
    Returns the sum of what all miss, and the sum of the currents of all edges.
    """
    net[:] = 0.0
    total = 0.0
    for e in range(count):
        b, s = edges[e, 1], edges[e, 2]
        if not (soft[b] or soft[s]):
            continue
        x, i, bit_slope[e], source_slope[e] = edge_slope(
            us[e], gates[e], volt[b], volt[s], p, xs[e]
        )
        xs[e] = abs(x)
        net[b] += i
        net[s] -= i
        total += abs(i)
    missed = 0.0
    for n in range(volt.size):
        if soft[n]:
            if limit[n] > 0.0:
                net[n] = excess(net[n], volt[n], held[n], limit[n])
            missed += abs(net[n])
    return missed, total


@kernel
def solve_ideal(us, edges, gates, count, held, limit, volt, p, lowest, highest):
    """Do :func:`labctl.sim.chip.network.solve_network` where wires have no resistance.

    ``volt`` lies between ``lowest`` and ``highest``.
    """
    nodes = volt.size
    soft = np.zeros(nodes, dtype=np.bool_)
    for e in range(count):
        for a in range(1, 3):
            soft[edges[e, a]] = limit[edges[e, a]] < np.inf
    if not soft.any():
        return
    xs = np.empty(count)
    for e in range(count):
        xs[e] = abs(volt[edges[e, 1]] - volt[edges[e, 2]])
    bit_slope, source_slope = np.zeros(count), np.zeros(count)
    net = np.empty(nodes)
    place = np.empty(nodes, dtype=np.int64)
    barred = np.empty(nodes, dtype=np.bool_)
    before = np.empty(nodes)
    missed, total = _balance(
        us, edges, gates, count, held, limit, volt, p, soft, xs, bit_slope, source_slope, net
    )
    for _ in range(ROUNDS):
        if missed <= NOISE * total:
            return
        barred[:] = False
        while True:
            unknown = 0
            for n in range(nodes):
                place[n] = -1
                loose = volt[n] != held[n] or limit[n] == 0.0 or net[n] != 0.0
                if soft[n] and loose and not barred[n]:
                    place[n] = unknown
                    unknown += 1
            step = _newton_step(edges, count, bit_slope, source_slope, net, place, unknown)
            if not bar(volt, held, limit, net, step, place, barred):
                break
        before[:] = volt
        share = 1.0
        good = False
        for attempt in range(ATTEMPTS):
            if attempt > 0:
                share *= 0.5
            if attempt == 1:
                share = min(share, first_stop(before, step, place, held, limit, lowest, highest))
            moved = 0.0
            for n in range(nodes):
                if place[n] >= 0:
                    v = min(max(before[n] + share * step[place[n]], lowest), highest)
                    if limit[n] > 0.0 and (v - held[n]) * (before[n] - held[n]) < 0.0:
                        v = held[n]  # a source goes from one limit to the other by way of none
                    moved = max(moved, abs(v - before[n]))
                    volt[n] = v
            now_missed, total = _balance(
                us, edges, gates, count, held, limit, volt, p, soft, xs, bit_slope, source_slope,
                net,
            )  # fmt: skip
            good = now_missed < (1.0 - 0.1 * share) * missed or now_missed <= NOISE * total
            if good or (attempt == 0 and moved < TOLERANCE):
                break
        if share == 1.0 and moved < TOLERANCE:
            return
        if not good:
            # Some source goes into or out of its limit: one node after the other finds out.
            volt[:] = before
            relax(us, edges, gates, count, held, limit, volt, p, soft, lowest, highest)
            now_missed, total = _balance(
                us, edges, gates, count, held, limit, volt, p, soft, xs, bit_slope, source_slope,
                net,
            )  # fmt: skip
        missed = now_missed


@kernel
def bar(volt, held, limit, net, step, place, barred):
    """Bar the nodes at their set voltage that a step would take to the wrong side; tell of any.

    More than the limit is delivered only until the voltage falls, never until it rises.
    """
    wrong = False
    for n in range(volt.size):
        at_set = place[n] >= 0 and limit[n] > 0.0 and volt[n] == held[n]
        if at_set and step[place[n]] * net[n] > 0.0:
            barred[n] = True
            wrong = True
    return wrong


@kernel
def first_stop(volt, step, place, held, limit, lowest, highest):
    """Return the share of a step at which the first node meets its set voltage or the range."""
    share = 1.0
    for n in range(volt.size):
        if place[n] < 0:
            continue
        d = step[place[n]]
        room = (highest if d > 0.0 else lowest) - volt[n]
        if limit[n] > 0.0 and (held[n] - volt[n]) * d > 0.0:
            room = held[n] - volt[n]
        if 0.0 < abs(room) < share * abs(d):
            share = room / d
    return share


@kernel
def relax(us, edges, gates, count, held, limit, volt, p, soft, lowest, highest):
    """Bring every soft node into balance once, one after the other.

    No step of this makes all together miss more, and repeated often enough it ends at the solution,
    if slowly.
    """
    nodes = volt.size
    first = np.zeros(nodes + 1, dtype=np.int64)
    for e in range(count):
        first[edges[e, 1] + 1] += 1
        first[edges[e, 2] + 1] += 1
    first = np.cumsum(first)
    fill = first.copy()
    mine = np.empty(2 * count, dtype=np.int64)
    for e in range(count):
        for a in range(1, 3):
            mine[fill[edges[e, a]]] = e
            fill[edges[e, a]] += 1
    for n in range(nodes):
        if soft[n]:
            around = mine[first[n] : first[n + 1]]
            volt[n] = _node_voltage(
                n, around, us, edges, gates, held[n], limit[n], volt, p, lowest, highest
            )


@kernel
def _fed(n, v, around, us, edges, gates, volt, p):
    """Return the current (µA) that node ``n`` at ``v`` feeds its edges, and its slope (µS)."""
    current, slope = 0.0, 0.0
    for e in around:
        b, s = edges[e, 1], edges[e, 2]
        other = volt[s] if b == n else volt[b]
        if b == n:
            _, i, g, _ = edge_slope(us[e], gates[e], v, other, p, abs(v - other))
            current += i
        else:
            _, i, _, g = edge_slope(us[e], gates[e], other, v, p, abs(v - other))
            current -= i
        slope += g
    return current, slope


@kernel
def _node_voltage(n, around, us, edges, gates, held, limit, volt, p, lowest, highest):
    """Return the voltage at which node ``n`` is in balance with all others as they are."""
    low, high = lowest, highest
    target = 0.0
    v = volt[n]
    if limit > 0.0:
        current, _ = _fed(n, held, around, us, edges, gates, volt, p)
        if abs(current) <= limit:
            return held
        target = math.copysign(limit, current)
        if current > 0.0:
            high = held
        else:
            low = held
        v = min(max(v, low), high)
    for _ in range(100):
        current, slope = _fed(n, v, around, us, edges, gates, volt, p)
        wrong = current - target
        if wrong > 0.0:
            high = v
        elif wrong < 0.0:
            low = v
        else:
            return v
        after = v - wrong / max(slope, LEAST)
        if not low < after < high:
            after = 0.5 * (low + high)
        if abs(after - v) < 0.01 * TOLERANCE:
            return after
        v = after
    return v


@kernel
def _newton_step(edges, count, bit_slope, source_slope, net, place, unknown):
    """Return the changes (V) of the unknown nodes that would balance straight currents."""
    current, step = np.empty(unknown), np.empty(unknown)
    for n in range(place.size):
        if place[n] >= 0:
            current[place[n]] = -net[n]
    if unknown > _MANY and iterate(
        edges, count, bit_slope, source_slope, place, LEAST, current, step
    ):
        return step
    step[:] = current
    matrix = np.zeros((unknown, unknown))
    for k in range(unknown):
        matrix[k, k] = LEAST
    for e in range(count):
        b, s = place[edges[e, 1]], place[edges[e, 2]]
        if b >= 0:
            matrix[b, b] += bit_slope[e]
            if s >= 0:
                matrix[s, b] -= bit_slope[e]
        if s >= 0:
            matrix[s, s] += source_slope[e]
            if b >= 0:
                matrix[b, s] -= source_slope[e]
    eliminate(matrix, step)
    return step


@kernel
def eliminate(matrix, x):
    """Replace ``x`` by the solution of ``matrix y = x``; ``matrix`` is spoilt.

    Without pivoting: the diagonal of each column outweighs the rest of it.
    """
    n = x.size
    for k in range(n):
        for i in range(k + 1, n):
            factor = matrix[i, k] / matrix[k, k]
            if factor == 0.0:
                continue
            for j in range(k + 1, n):
                matrix[i, j] -= factor * matrix[k, j]
            x[i] -= factor * x[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            x[k] -= matrix[k, j] * x[j]
        x[k] /= matrix[k, k]
