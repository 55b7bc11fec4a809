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

_ROUNDS = 2000
_TOLERANCE = 1e-10  # V


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
    count = 0
    if highest < lowest:
        return 0, False, False
    for i in range(word.size):
        gate = 0.0
        if mode == PASSIVE:
            gate = np.inf
        elif word[i] >= 0 and not np.isnan(volt[word[i]]):
            gate = volt[word[i]]
        if gate - lowest <= p[THRESHOLD]:
            continue
        for j in range(columns):
            k = i if by_row else j
            b = bit[j] if bit[j] >= 0 else nets + j
            s = low_side[k] if low_side[k] >= 0 else nets + columns + k
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
    if wired and by_row:
        count = _prune_ends(edges, gates, count, node_limit, degree)
    else:
        count = _prune(edges, gates, count, node_limit, degree)
    soft = False
    stressed = False
    for e in range(count):
        b, s = edges[e, 1], edges[e, 2]
        if node_limit[b] < np.inf or node_limit[s] < np.inf:
            soft = True
        if node_limit[b] == 0.0 or node_limit[s] == 0.0 or (wired and by_row):
            stressed = stressed or highest - lowest > p[QUIET]
        elif abs(node_volt[b] - node_volt[s]) > p[QUIET]:
            stressed = True
    return count, stressed, soft


@kernel
def _prune(edges, gates, count, node_limit, degree):
    """Drop edges to floating nodes with a single neighbour: nothing flows there."""
    while True:
        # degree: -1 no neighbour yet, -2 several, else the only neighbour
        degree[:] = -1
        for e in range(count):
            for a in range(2):
                n, other = edges[e, 1 + a], edges[e, 2 - a]
                if degree[n] == -1:
                    degree[n] = other
                elif degree[n] != other:
                    degree[n] = -2
        kept = _keep(edges, gates, count, node_limit, degree)
        if kept == count:
            return count
        count = kept


@kernel
def _prune_ends(edges, gates, count, node_limit, degree):
    """Drop the only edges of floating nodes.

    With resistive wires the lines of one neighbour differ in voltage, and current flows through a
    floating node from one to the other.
    """
    while True:
        # degree: 1 for a single edge, else -2
        degree[:] = -1
        for e in range(count):
            for a in range(1, 3):
                n = edges[e, a]
                degree[n] = 1 if degree[n] == -1 else -2
        kept = _keep(edges, gates, count, node_limit, degree)
        if kept == count:
            return count
        count = kept


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


@kernel
def _balance(n, v, us, edges, gates, count, volt, p):
    """Return the current (µA) that node ``n`` would feed into its edges at ``v``."""
    total = 0.0
    for e in range(count):
        b, s = edges[e, 1], edges[e, 2]
        if b == n:
            total += edge_current(us[e], gates[e], v, volt[s], p, np.inf)[1]
        elif s == n:
            total -= edge_current(us[e], gates[e], volt[b], v, p, np.inf)[1]
    return total


@kernel
def _node_voltage(n, us, edges, gates, count, held, limit, volt, p, lowest, highest):
    """Return the voltage of node ``n`` with all others as they are.

    The current grows with the voltage of the node, so it is found by bracketing.
    """
    target = 0.0
    low, high = lowest, highest
    if limit > 0.0:
        current = _balance(n, held, us, edges, gates, count, volt, p)
        if abs(current) <= limit:
            return held
        target = limit if current > 0.0 else -limit
        if current > 0.0:
            high = held
        else:
            low = held
    f_low = _balance(n, low, us, edges, gates, count, volt, p) - target
    f_high = _balance(n, high, us, edges, gates, count, volt, p) - target
    if f_low >= 0.0:
        return low
    if f_high <= 0.0:
        return high
    side = 0
    x = low
    for _ in range(200):  # Illinois
        x = (low * f_high - high * f_low) / (f_high - f_low)
        if not low < x < high:
            x = 0.5 * (low + high)
        f = _balance(n, x, us, edges, gates, count, volt, p) - target
        if high - low < _TOLERANCE or f == 0.0:
            break
        if f > 0.0:
            if high - x < _TOLERANCE:
                break
            high, f_high = x, f
            if side == 1:
                f_low *= 0.5
            side = 1
        else:
            if x - low < _TOLERANCE:
                break
            low, f_low = x, f
            if side == -1:
                f_high *= 0.5
            side = -1
    return x


@kernel
def solve(us, edges, gates, count, held, limit, volt, p):
    """Find the node voltages at which every node obeys its limit.

    Parameters
    ----------
    us
        float64 per edge, ln(G / 1 µS).
    edges, gates, count
        As :func:`plan` lists them.
    held, limit
        Per node: V, µA.
    volt
        Per node, V: where the search begins, and what it finds.
    p
        Parameter vector.
    """
    lowest, highest = np.inf, -np.inf
    for e in range(count):
        for a in range(1, 3):
            n = edges[e, a]
            if limit[n] > 0.0:
                lowest = min(lowest, held[n])
                highest = max(highest, held[n])
    for e in range(count):
        for a in range(1, 3):
            n = edges[e, a]
            if limit[n] == np.inf:
                volt[n] = held[n]
            else:
                volt[n] = min(max(volt[n], lowest), highest)
    for _ in range(_ROUNDS):
        change = 0.0
        for n in range(volt.size):
            if limit[n] == np.inf:
                continue
            used = False
            for e in range(count):
                if edges[e, 1] == n or edges[e, 2] == n:
                    used = True
                    break
            if not used:
                continue
            v = _node_voltage(
                n, us, edges, gates, count, held[n], limit[n], volt, p, lowest, highest
            )
            change = max(change, abs(v - volt[n]))
            volt[n] = v
        if change < 10.0 * _TOLERANCE:
            break
