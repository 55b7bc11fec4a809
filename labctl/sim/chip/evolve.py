"""Stress: what a drive does to the cells it reaches.

Units: V, µA, µS, s; time is the age of the chip.
"""

from __future__ import annotations

import math

import numpy as np

from labctl.sim.chip.cell import advance, rate, shrinkage
from labctl.sim.chip.circuit import edge_current
from labctl.sim.chip.jit import bare, kernel
from labctl.sim.chip.layout import (
    BARRIER,
    BIT_WIRE,
    CYCLE,
    END,
    FATE,
    FORMED,
    KEPT_SINCE,
    LAST_PULSE,
    LIFE,
    MOVED,
    PROGRAM_DRAWS,
    PULSES,
    QUIET,
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
    SOURCE_BY_COLUMN,
    SOURCE_WIRE,
    SPEED,
    STREAM_PROGRAM,
    U_REFERENCE,
    UNSTABLE,
    WEAR,
    U,
)
from labctl.sim.chip.network import solve_network
from labctl.sim.chip.noise import normals
from labctl.sim.chip.rest import settled

LEAST_MOVE = 1e-3  # of u; a pulse that moves less leaves an earlier relaxation going on
RELAX_SPAN = 1.0  # factors of e from the reference, beyond which relaxation changes no more
_SHARE = 0.02  # of u; how far a cell may move before the node voltages are solved again
_MOST_ROUNDS = 100_000


@bare
def begin(state, counts, c, v, t, p, noise, seed, pulse):
    """Count a stress of ``t`` seconds; at the first of a drive, draw how the cell will relax."""
    if counts[LAST_PULSE, c] != pulse:
        counts[LAST_PULSE, c] = pulse
        counts[PULSES, c] += 1
        state[MOVED, c] = 0.0
        state[RELAX_DRAW, c] = p[RELAX_MEAN]
        if noise:
            z, _ = normals(seed, c, STREAM_PROGRAM, counts[PROGRAM_DRAWS, c])
            counts[PROGRAM_DRAWS, c] += 1
            state[RELAX_DRAW, c] += p[RELAX_SPREAD] * state[UNSTABLE, c] * z
    state[SET_TIME if v > 0.0 else RESET_TIME, c] += t


@bare
def finish(state, c, v, before, after, moved, now, t, p):
    """Write where a stress that began at ``now`` brought a cell, and let it relax from there."""
    if state[WEAR, c] >= state[LIFE, c]:
        state[FATE, c] = 1.0
        state[U, c] = state[END, c]
        state[RELAX, c] = 0.0
        return
    state[MOVED, c] += moved
    if state[MOVED, c] < LEAST_MOVE:
        state[U, c] += after - before
        return
    state[U, c] = after
    # Retention at ambient goes on during a stress; only what heat adds is in the march.
    state[KEPT_SINCE, c] = now
    state[RELAX, c] = 0.0
    if state[FORMED, c] != 0.0:
        back = math.copysign(state[RELAX_DRAW, c], -v * state[RELAX_DRAW, c])
        share = min(state[MOVED, c] / p[RELAX_REACH], 1.0)
        scale = math.exp(p[RELAX_SLOPE] * min(max(p[U_REFERENCE] - after, -RELAX_SPAN), RELAX_SPAN))
        drop = p[RELAX_DROP] * (1.0 + scale * (state[UNSTABLE, c] - 1.0))
        state[RELAX, c] = share * (scale * back - drop)
        state[RELAX_SINCE, c] = now + t


@bare
def stress(
    state, counts, c, v, gate, above, below, now, t, limit, slack, p, noise, seed, pulse
):  # fmt: skip
    """Let one cell live through a constant drive.

    Parameters
    ----------
    state, counts, c
        All cells, changed; which one.
    v, gate, above, below, limit
        V, V, V/µA, V/µA, µA: see :func:`labctl.sim.chip.cell.load_line`.
    now, t
        s; when it begins and how long it lasts.
    slack
        s that the source still needs to react once the current is beyond ``limit``.
    p, noise, seed, pulse
        Parameter vector, whether programming is random, seed of the chip, number of the drive.

    Returns
    -------
    float
        What is left of ``slack``, s.
    """
    begin(state, counts, c, v, t, p, noise, seed, pulse)
    if state[FATE, c] != 0.0:
        return slack
    before = settled(state, c, p, now)
    u, formed, cycle, wear = before, state[FORMED, c] > 0.0, state[CYCLE, c], state[WEAR, c]
    draw = counts[PROGRAM_DRAWS, c]
    moved, left = 0.0, t
    # Until the source reacts nothing limits the current: up to the limit, then for ``slack``.
    for phase in range(3):
        if left <= 0.0 or (phase < 2 and (slack <= 0.0 or limit == np.inf)):
            continue
        span = min(slack, left) if phase == 1 else left
        u, formed, cycle, wear, way, rest, draw = advance(
            u, formed, cycle, wear, state[SPEED, c], state[BARRIER, c], v, gate, above, below, span,
            limit if phase == 2 else np.inf, limit if phase == 0 else np.inf, p, noise, seed, c,
            draw,
        )  # fmt: skip
        moved += way
        left -= span - rest
        if phase == 1:
            slack -= span
    counts[PROGRAM_DRAWS, c] = draw
    state[FORMED, c] = 1.0 if formed else 0.0
    state[CYCLE, c] = cycle
    state[WEAR, c] = wear
    finish(state, c, v, before, u, moved, now, t, p)
    return slack


@bare
def wires(c, v, p, shape):
    """Return the wire resistance (V/µA) of the higher and the lower line up to cell ``c``."""
    rows, columns, mode = shape
    i, j = c // columns, c % columns
    bit = p[BIT_WIRE] * (rows - i) * 1e-6
    source = p[SOURCE_WIRE] * (i + 1 if mode == SOURCE_BY_COLUMN else j + 1) * 1e-6
    return (bit, source) if v > 0.0 else (source, bit)


@bare
def evolve_alone(
    state, counts, p, noise, seed, now, t, pulse, edges, gates, held, limit, slack, shape
):  # fmt: skip
    """Let the only stressed cell of a plan live through ``t`` seconds: all is in closed form."""
    c, b, s = edges[0]
    v = held[b] - held[s]
    if abs(v) > p[QUIET]:
        above, below = wires(c, v, p, shape)
        tightest = b if limit[b] <= limit[s] else s
        slack[tightest] = stress(
            state, counts, c, v, gates[0] - min(held[b], held[s]), above, below, now, t,
            limit[tightest], slack[tightest], p, noise, seed, pulse,
        )  # fmt: skip


@bare
def evolve_held(
    state, counts, p, noise, seed, now, t, pulse, edges, gates, count, held
):  # fmt: skip
    """Let cells between stiff nets on ideal wires live through ``t`` seconds, each for itself."""
    for e in range(count):
        c, b, s = edges[e]
        v = held[b] - held[s]
        if abs(v) > p[QUIET]:
            gate = gates[e] - min(held[b], held[s])
            stress(state, counts, c, v, gate, 0.0, 0.0, now, t, np.inf, 0.0, p, noise, seed, pulse)


@kernel
def evolve_network(
    state, counts, p, noise, seed, now, t, pulse, edges, gates, count, held, limit, slack, volt,
    bit_at, source_at, shape,
):  # fmt: skip
    """Let cells that share lines, wires and limited sources live through ``t`` seconds.

    Node voltages are solved again whenever a cell has moved by ``_SHARE``, or a source reacts.

    Parameters
    ----------
    state, counts, p, noise, seed, now, t, pulse
        As for :func:`stress`.
    edges, gates, count, held, limit
        See :func:`labctl.sim.chip.circuit.plan`.
    slack
        s per node, changed.
    volt, bit_at, source_at, shape
        See :func:`labctl.sim.chip.network.solve_network`.
    """
    us = np.empty(count)
    most = np.empty(limit.size)
    into = np.empty(limit.size)
    for _ in range(_MOST_ROUNDS):
        for e in range(count):
            us[e] = settled(state, edges[e, 0], p, now)
        for n in range(limit.size):
            most[n] = np.inf if slack[n] > 0.0 and limit[n] > 0.0 else limit[n]
        solve_network(us, edges, gates, count, held, most, volt, bit_at, source_at, p, shape)
        fastest = 0.0
        into[:] = 0.0
        for e in range(count):
            c, b, s = edges[e]
            x, current = edge_current(us[e], gates[e], bit_at[e], source_at[e], p, np.inf)
            into[b] += current
            into[s] -= current
            if state[FATE, c] != 0.0:
                continue
            speed = math.exp(state[SPEED, c] + state[CYCLE, c])
            shrink = shrinkage(state[WEAR, c], p)
            hops, share, away = rate(
                us[e], x, current, state[FORMED, c] > 0.0, state[BARRIER, c], shrink, speed, p
            )
            fastest = max(fastest, abs(hops * share + away))
        h = t if fastest * t <= _SHARE else _SHARE / fastest
        for n in range(limit.size):
            if slack[n] > 0.0 and 0.0 < limit[n] < abs(into[n]):
                h = min(h, slack[n])
        for n in range(limit.size):
            if slack[n] > 0.0 and 0.0 < limit[n] < abs(into[n]):
                slack[n] -= h
        for e in range(count):
            c, v = edges[e, 0], bit_at[e] - source_at[e]
            if abs(v) > p[QUIET]:
                gate = gates[e] - min(bit_at[e], source_at[e])
                stress(
                    state, counts, c, v, gate, 0.0, 0.0, now, h, np.inf, 0.0, p, noise, seed, pulse
                )
        now += h
        t -= h
        if t <= 0.0:
            return
