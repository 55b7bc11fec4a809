"""Which cells carry current, and how much at given voltages.

A *node* is a net, or a floating line. Nets come first, then bit lines, then source lines (in a
passive array: word lines). A node is held at its voltage as long as its current stays below its
limit; a floating node is one of limit zero. An *edge* is a cell between two nodes. Units: V, µA.
"""

from __future__ import annotations

import math

import numpy as np

from labctl.sim.chip.cell import channel, load_line, voltage_scale
from labctl.sim.chip.jit import kernel
from labctl.sim.chip.layout import (
    BIT_WIRE,
    PASSIVE,
    QUIET,
    SOURCE_BY_COLUMN,
    SOURCE_WIRE,
    THRESHOLD,
)


@kernel
def plan(word, bit, source, mode, volt, limit, p, edges, gates, node_volt, node_limit, degree):
    """List the edges that can carry current under the present connection and drive.

    Parameters
    ----------
    word, bit, source
        int8: net of each line, -1 where floating.
    mode
        How source lines run: ``SOURCE_BY_COLUMN``, ``SOURCE_BY_ROW``, or ``PASSIVE`` (there are
        none: cells lie between bit and word lines, without transistor, and ``source`` is unused).
    volt, limit
        float64 per net: V, NaN where not driven; A.
    p
        Parameter vector.
    edges, gates
        Written: int64 (cell, bit node, source node), in the order of the cells; V of the word
        line, infinite in a passive array.
    node_volt, node_limit
        Written: V, µA.
    degree
        int64 per node, scratch.

    Returns
    -------
    int, bool, bool
        Number of edges; whether some edge may be stressed; whether some node may not be held.
    """
    nets = volt.size
    columns = bit.size
    by_row = mode != SOURCE_BY_COLUMN
    low_side = word if mode == PASSIVE else source
    wired = p[BIT_WIRE] > 0.0 or p[SOURCE_WIRE] > 0.0
    lowest, highest = np.inf, -np.inf
    for n in range(nets):
        if np.isnan(volt[n]):
            node_volt[n] = 0.0
            node_limit[n] = 0.0
        else:
            node_volt[n] = volt[n]
            node_limit[n] = limit[n] * 1e6
    for n in range(nets, node_volt.size):
        node_volt[n] = 0.0
        node_limit[n] = 0.0
    for line in (bit, low_side):
        for k in range(line.size):
            if line[k] >= 0 and node_limit[line[k]] > 0.0:
                lowest = min(lowest, volt[line[k]])
                highest = max(highest, volt[line[k]])
    if highest < lowest:
        return 0, False, False
    bit_node, low_node = np.empty(columns, dtype=np.int64), np.empty(low_side.size, dtype=np.int64)
    floating = False
    for j in range(columns):
        bit_node[j] = bit[j] if bit[j] >= 0 else nets + j
        floating = floating or node_limit[bit_node[j]] == 0.0
    for k in range(low_side.size):
        low_node[k] = low_side[k] if low_side[k] >= 0 else nets + columns + k
        floating = floating or node_limit[low_node[k]] == 0.0
    count = 0
    for i in range(word.size):
        gate = 0.0
        if mode == PASSIVE:
            gate = np.inf
        elif word[i] >= 0 and not np.isnan(volt[word[i]]):
            gate = volt[word[i]]
        if gate - lowest <= p[THRESHOLD]:
            continue
        for j in range(columns):
            b, s = bit_node[j], low_node[i if by_row else j]
            # Between two lines of one net flows only what their wires make flow.
            if b == s and not (wired and by_row):
                continue
            if b >= nets and s >= nets and not by_row:
                continue
            edges[count, 0] = i * columns + j
            edges[count, 1] = b
            edges[count, 2] = s
            gates[count] = gate
            count += 1
    if floating:
        count = _prune(edges, gates, count, node_limit, degree, wired and by_row)
    soft = False
    stressed = (wired and by_row) and count > 0 and highest - lowest > p[QUIET]
    for e in range(count):
        b, s = edges[e, 1], edges[e, 2]
        least = min(node_limit[b], node_limit[s])
        soft = soft or least < np.inf
        across = highest - lowest if least == 0.0 else abs(node_volt[b] - node_volt[s])
        stressed = stressed or across > p[QUIET]
    return count, stressed, soft


@kernel
def _prune(edges, gates, count, node_limit, degree, ends):
    """Drop edges to floating nodes with a single neighbour: nothing flows there.

    ``ends``: only those with a single edge. With resistive wires the lines of one neighbour differ
    in voltage, and current flows through a floating node from one to the other.
    """
    while True:
        # degree: -1 no neighbour (edge) yet, -2 several, else the only one
        degree[:] = -1
        for e in range(count):
            b, s = edges[e, 1], edges[e, 2]
            one, other = (e, e) if ends else (s, b)
            if degree[b] != one:
                degree[b] = one if degree[b] == -1 else -2
            if degree[s] != other:
                degree[s] = other if degree[s] == -1 else -2
        leaf = False
        for n in range(degree.size):
            leaf = leaf or (node_limit[n] == 0.0 and degree[n] >= 0)
        if not leaf:
            return count
        count = _keep(edges, gates, count, node_limit, degree)


@kernel
def _keep(edges, gates, count, node_limit, degree):
    """Move the edges to the front that touch no floating node of ``degree >= 0``; count them."""
    kept = 0
    for e in range(count):
        b, s = edges[e, 1], edges[e, 2]
        leaf = (node_limit[b] == 0.0 and degree[b] >= 0) or (
            node_limit[s] == 0.0 and degree[s] >= 0
        )
        if not leaf:
            edges[kept, 0], edges[kept, 1], edges[kept, 2] = edges[e, 0], b, s
            gates[kept] = gates[e]
            kept += 1
    return kept


@kernel
def edge_current(u, gate, bit_volt, source_volt, p, limit):
    """Return voltage over the cell (V) and current (µA) from bit to source node."""
    v = bit_volt - source_volt
    return load_line(u, v, gate - min(bit_volt, source_volt), p, abs(v), limit)


@kernel
def edge_slope(u, gate, bit_volt, source_volt, p, guess):
    """Return what Newton's method wants to know of an edge.

    Parameters
    ----------
    u, gate, bit_volt, source_volt, p
        As for :func:`edge_current`.
    guess
        V, voltage over the cell to begin with (magnitude).

    Returns
    -------
    float, float, float, float
        Voltage over the cell (V), current (µA), its slope (µS) against the voltage of the bit node,
        and minus its slope against that of the source node, which also moves the transistor.
    """
    v = bit_volt - source_volt
    v0 = voltage_scale(u, p)
    g = math.exp(u)
    if gate == np.inf:
        e = math.expm1(abs(v) / v0)
        current = math.copysign(0.5 * g * v0 * (e + e / (e + 1.0)), v)
        slope = 0.5 * g * (e + 1.0 + 1.0 / (e + 1.0))
        return v, current, slope, slope
    lower = min(bit_volt, source_volt)
    drive = gate - lower - p[THRESHOLD]
    if drive <= 0.0:
        return 0.0, 0.0, 0.0, 0.0
    x, current = load_line(u, v, gate - lower, p, guess, np.inf)
    e = math.expm1(abs(x) / v0)
    slope = 0.5 * g * (e + 1.0 + 1.0 / (e + 1.0))
    over = max(abs(v - x), 1e-12)
    if v >= 0.0:
        _, by_drive, by_over = channel(drive, over, p)
        share = slope / (slope + by_over)
        return x, current, share * by_over, share * (by_over + by_drive)
    _, by_drive, by_over = channel(drive - abs(x), over, p)
    share = slope / (slope + by_over + by_drive)
    return x, current, share * (by_over + by_drive), share * by_over
