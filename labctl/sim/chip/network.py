"""The voltages at both ends of every cell: lines that nobody holds, limited sources, wires.

Currents only grow with the voltage that drives them, so there is one solution (up to nodes behind
transistors that are all shut). Units: V, µA.
"""

from __future__ import annotations

import math

import numpy as np

from labctl.sim.chip.ideal import solve_ideal
from labctl.sim.chip.jit import kernel
from labctl.sim.chip.layout import BIT_WIRE, SOURCE_WIRE
from labctl.sim.chip.wired import solve_wired

_FEW = 200
"""Soft nodes; the wires of so many are first taken for ideal ones, which sorts out the limits."""


@kernel
def solve_network(us, edges, gates, count, held, limit, volt, bit_at, source_at, p, shape):
    """Find the voltages at which every node obeys its limit and all currents balance.

    Parameters
    ----------
    us
        float64 per edge, ln(G / 1 µS).
    edges, gates, count
        As :func:`labctl.sim.chip.circuit.plan` lists them.
    held, limit
        Per node: V, µA.
    volt
        Per node, V: where the search begins, and what it finds. Of a floating line with resistive
        wires: its mean over the cells.
    bit_at, source_at
        Per edge, V at both ends of cell and transistor: where the search begins, and what it
        finds. If ``bit_at[0]`` is not a number, the search begins afresh.
    p
        Parameter vector.
    shape
        Rows, columns, and how source lines run.
    """
    if count == 0:
        return
    lowest, highest = _range(edges, count, held, limit)
    if highest < lowest:  # nothing drives these cells
        for e in range(count):
            volt[edges[e, 1]], volt[edges[e, 2]] = 0.0, 0.0
            bit_at[e], source_at[e] = 0.0, 0.0
        return
    wired = p[BIT_WIRE] > 0.0 or p[SOURCE_WIRE] > 0.0
    afresh = math.isnan(bit_at[0])
    if afresh:
        for n in range(volt.size):
            volt[n] = held[n] if limit[n] > 0.0 else 0.5 * (lowest + highest)
    for e in range(count):
        for a in range(1, 3):
            n = edges[e, a]
            volt[n] = held[n] if limit[n] == np.inf else min(max(volt[n], lowest), highest)
    if not wired or (afresh and np.sum(limit < np.inf) <= _FEW):
        solve_ideal(us, edges, gates, count, held, limit, volt, p, lowest, highest)
    if wired:
        solve_wired(
            us, edges, gates, count, held, limit, volt, bit_at, source_at, p, shape, afresh, lowest,
            highest,
        )  # fmt: skip
        return
    for e in range(count):
        bit_at[e] = volt[edges[e, 1]]
        source_at[e] = volt[edges[e, 2]]


@kernel
def _range(edges, count, held, limit):
    """Return lowest and highest voltage that a source offers: no node can leave this range."""
    lowest, highest = np.inf, -np.inf
    for e in range(count):
        for a in range(1, 3):
            n = edges[e, a]
            if limit[n] > 0.0:
                lowest = min(lowest, held[n])
                highest = max(highest, held[n])
    return lowest, highest
