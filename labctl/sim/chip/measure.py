"""Looking at the chip: what a reading shows of a cell, and the currents of all nets."""

from __future__ import annotations

import math

import numpy as np

from labctl.sim.chip.cell import load_line
from labctl.sim.chip.circuit import edge_current
from labctl.sim.chip.evolve import wires
from labctl.sim.chip.jit import bare, kernel
from labctl.sim.chip.layout import (
    LAPLACE_CURVATURE,
    LAPLACE_OFFSET,
    LAPLACE_SLOPE,
    READ_DRAWS,
    READ_WHITE,
    STREAM_READ,
    TRAP_DUTY,
    TRAP_SINCE,
    TRAP_STATE,
    TRAP_STEP,
    TRAP_TIME,
    TRAPS,
)
from labctl.sim.chip.network import solve_network
from labctl.sim.chip.noise import normals, uniforms
from labctl.sim.chip.rest import settled

LEAST_LEFT = 0.02  # of the conductance; noise takes away no more than the rest
LAPLACE_VOLTAGE = 0.2  # V; where the Laplace law was measured


@bare
def laplace_scale(u, p):
    """Return the scale of the relative Laplace noise of one reading of a cell at ``u``."""
    current = math.exp(u) * LAPLACE_VOLTAGE
    b = p[LAPLACE_OFFSET] + p[LAPLACE_SLOPE] * current + p[LAPLACE_CURVATURE] * current * current
    return max(b, 0.0) / current


@bare
def seen(state, counts, c, u, p, seed, now):
    """Return ``u`` of a cell as one reading at ``now`` (s) sees it; its traps have moved on."""
    draw = counts[READ_DRAWS, c]
    counts[READ_DRAWS, c] = draw + 2
    a, b, d, e = uniforms(seed, c, STREAM_READ, draw)
    z, _ = normals(seed, c, STREAM_READ, draw + 1)
    passed = now - state[TRAP_SINCE, c]
    state[TRAP_SINCE, c] = now
    total = 1.0
    for k in range(TRAPS):
        drawn = a if k == 0 else b if k == 1 else d if k == 2 else e
        duty = state[TRAP_DUTY + k, c]
        # Exact for a two-state Markov process, whatever the time between two looks.
        memory = math.exp(-passed / state[TRAP_TIME + k, c])
        full = duty + (state[TRAP_STATE + k, c] - duty) * memory
        state[TRAP_STATE + k, c] = 1.0 if drawn < full else 0.0
        total += state[TRAP_STEP + k, c] * (state[TRAP_STATE + k, c] - duty)
    factor = max(total, LEAST_LEFT) * max(1.0 + p[READ_WHITE] * z, LEAST_LEFT)
    scale = laplace_scale(u, p)
    if scale > 0.0:
        half = uniforms(seed, c, STREAM_READ, draw + 1)[2] - 0.5
        factor *= max(1.0 - math.copysign(scale, half) * math.log1p(-2.0 * abs(half)), LEAST_LEFT)
    return u + math.log(factor)


@kernel
def measure(
    state, counts, p, noise, seed, now, edges, gates, count, held, limit, soft, volt, bit_at,
    source_at, shape, current, limited,
):  # fmt: skip
    """Write the current (A) into each net, and whether it is at its limit.

    Parameters
    ----------
    state, counts, p, noise, seed, now, edges, gates, count, held, limit, volt, bit_at, source_at
        As for :func:`labctl.sim.chip.evolve.evolve_network`; ``noise`` means that of reading.
    soft
        Whether node voltages have to be solved for.
    current, limited
        float64 and bool per net; written.
    """
    nets = current.size
    current[:] = 0.0
    limited[:] = False
    us = np.empty(count)
    for e in range(count):
        c = edges[e, 0]
        us[e] = settled(state, c, p, now)
        if noise:
            us[e] = seen(state, counts, c, us[e], p, seed, now)
    alone = count == 1
    if soft and not alone:
        solve_network(us, edges, gates, count, held, limit, volt, bit_at, source_at, p, shape)
    for e in range(count):
        c, b, s = edges[e]
        if alone:
            v = held[b] - held[s]
            above, below = wires(c, v, p, shape)
            most = min(limit[b], limit[s])
            gate = gates[e] - min(held[b], held[s])
            i = load_line(us[e], v, gate, p, abs(v), most, above, below)[1]
        elif soft:
            i = edge_current(us[e], gates[e], bit_at[e], source_at[e], p, np.inf)[1]
        else:
            i = edge_current(us[e], gates[e], held[b], held[s], p, np.inf)[1]
        if b < nets:
            current[b] += i * 1e-6
        if s < nets:
            current[s] -= i * 1e-6
    for n in range(nets):
        if 0.0 < limit[n] < np.inf:
            limited[n] = abs(current[n]) * 1e6 >= limit[n] * (1.0 - 1e-6)


@bare
def conductances(state, p, now, voltage, gate, out):
    """Write what a noiseless meter reads of each cell and transistor at ``voltage``, in S."""
    for c in range(out.size):
        u = settled(state, c, p, now)
        out[c] = load_line(u, voltage, gate, p, voltage, np.inf)[1] / voltage * 1e-6


@kernel
def potentials(
    state, p, now, edges, gates, count, held, limit, volt, bit_at, source_at, shape
):  # fmt: skip
    """Find the node voltages (V) without the noise of reading, starting from those given."""
    us = np.empty(count)
    for e in range(count):
        us[e] = settled(state, edges[e, 0], p, now)
    solve_network(us, edges, gates, count, held, limit, volt, bit_at, source_at, p, shape)
