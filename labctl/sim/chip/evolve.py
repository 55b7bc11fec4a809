"""The chip in time: manufacture, stress, relaxation, reads. Kernels over all cells in question.

Units: V, µA, µS, s; time is the age of the chip.
"""

from __future__ import annotations

import math

import numpy as np

from labctl.sim.chip.cell import advance, load_line, rate
from labctl.sim.chip.circuit import edge_current, solve
from labctl.sim.chip.jit import kernel
from labctl.sim.chip.layout import (
    BARRIER,
    CYCLE,
    CYCLE_SPREAD,
    FORMED,
    FORMING_FAILURES,
    FORMING_SPREAD,
    LAST_PULSE,
    MOVED,
    PRISTINE_SPREAD,
    PROGRAM_DRAWS,
    PULSES,
    QUIET,
    READ_DRAWS,
    READ_WHITE,
    RELAX,
    RELAX_DRAW,
    RELAX_MEAN,
    RELAX_SINCE,
    RELAX_SPREAD,
    RELAX_TIME,
    RESET_TIME,
    SET_TIME,
    SPEED,
    SPEED_SPREAD,
    STREAM_FAB,
    STREAM_PROGRAM,
    STREAM_READ,
    TRAP,
    TRAP_DUTY,
    TRAP_LONGEST,
    TRAP_SHORTEST,
    TRAP_SINCE,
    TRAP_SPREAD,
    TRAP_STATE,
    TRAP_STEP,
    TRAP_TIME,
    TRAPS,
    U_PRISTINE,
    UNSTABLE,
    UNSTABLE_FACTOR,
    U,
)
from labctl.sim.chip.noise import normals, uniforms

_LEAST_MOVE = 1e-3  # of u; a pulse that moves less leaves an earlier relaxation going on
_SHARE = 0.02  # of u; how far a cell may move before the node voltages are solved again
_MOST_ROUNDS = 100_000


@kernel
def manufacture(state, p, seed):
    """Give every cell its fixed properties; all are pristine afterwards."""
    for c in range(state.shape[0]):
        row = state[c]
        z, y = normals(seed, c, STREAM_FAB, 0)
        row[U] = p[U_PRISTINE] + p[PRISTINE_SPREAD] * z
        row[SPEED] = p[SPEED_SPREAD] * y
        z, y = normals(seed, c, STREAM_FAB, 1)
        row[BARRIER] = p[FORMING_SPREAD] * z
        row[CYCLE] = p[CYCLE_SPREAD] * y
        a, b, _, _ = uniforms(seed, c, STREAM_FAB, 2)
        if a < p[FORMING_FAILURES]:
            row[BARRIER] = np.inf
        factor = p[UNSTABLE_FACTOR] if b < p[UNSTABLE] else 1.0
        span = math.log(p[TRAP_LONGEST] / p[TRAP_SHORTEST])
        for k in range(TRAPS):
            z, _ = normals(seed, c, STREAM_FAB, 3 + 2 * k)
            a, b, d, _ = uniforms(seed, c, STREAM_FAB, 4 + 2 * k)
            row[TRAP_STEP + k] = min(factor * p[TRAP] * math.exp(p[TRAP_SPREAD] * z), 0.5)
            row[TRAP_TIME + k] = p[TRAP_SHORTEST] * math.exp(span * a)
            row[TRAP_DUTY + k] = 0.25 + 0.5 * b
            row[TRAP_STATE + k] = 1.0 if d < row[TRAP_DUTY + k] else 0.0


@kernel
def settled(row, p, now):
    """Return u of a cell with its relaxation up to ``now`` (s)."""
    if row[RELAX] == 0.0:
        return row[U]
    return row[U] + row[RELAX] * math.log(1.0 + (now - row[RELAX_SINCE]) / p[RELAX_TIME])


@kernel
def _stress(row, count, cell, v, gate, now, t, limit, p, noise, seed, pulse):
    """Let one cell live through ``t`` seconds of a constant drive, beginning at ``now``."""
    if count[LAST_PULSE] != pulse:
        count[LAST_PULSE] = pulse
        count[PULSES] += 1
        row[MOVED] = 0.0
        row[RELAX_DRAW] = p[RELAX_MEAN]
        if noise:
            z, _ = normals(seed, cell, STREAM_PROGRAM, count[PROGRAM_DRAWS])
            count[PROGRAM_DRAWS] += 1
            row[RELAX_DRAW] += p[RELAX_SPREAD] * z
    row[SET_TIME if v > 0.0 else RESET_TIME] += t
    before = settled(row, p, now)
    after, formed, cycle, moved, draw = advance(
        before, row[FORMED] > 0.0, row[CYCLE], row[SPEED], row[BARRIER], v, gate, t, limit, p,
        noise, seed, cell, count[PROGRAM_DRAWS],
    )  # fmt: skip
    count[PROGRAM_DRAWS] = draw
    row[FORMED] = 1.0 if formed else 0.0
    row[CYCLE] = cycle
    row[MOVED] += moved
    if row[MOVED] < _LEAST_MOVE:
        row[U] += after - before
        return
    row[U] = after
    row[RELAX] = math.copysign(min(row[MOVED], 1.0), -v) * row[RELAX_DRAW] if formed else 0.0
    row[RELAX_SINCE] = now + t


@kernel
def evolve(
    state, counts, p, noise, seed, now, t, pulse, edges, gates, count, held, limit, volt, soft
):
    """Let the stressed cells of a plan live through ``t`` seconds.

    Parameters
    ----------
    state, counts
        All cells; changed.
    p, noise, seed
        Parameter vector, whether programming is noisy, seed of the chip.
    now, t, pulse
        s, s, number of the present drive.
    edges, gates, count, held, limit, volt, soft
        See :func:`labctl.sim.chip.circuit.plan`; ``volt`` is scratch.
    """
    if count == 1 or not soft:
        for e in range(count):
            c, b, s = edges[e]
            v = held[b] - held[s]
            if abs(v) > p[QUIET]:
                gate = gates[e] - min(held[b], held[s])
                most = min(limit[b], limit[s])
                _stress(state[c], counts[c], c, v, gate, now, t, most, p, noise, seed, pulse)
        return
    us = np.empty(count)
    for _ in range(_MOST_ROUNDS):
        for e in range(count):
            us[e] = settled(state[edges[e, 0]], p, now)
        solve(us, edges, gates, count, held, limit, volt, p)
        fastest = 0.0
        for e in range(count):
            c, b, s = edges[e]
            x, current = edge_current(us[e], gates[e], volt[b], volt[s], p, np.inf)
            r = rate(us[e], x, current, state[c, FORMED] > 0.0, state[c, BARRIER], p)
            fastest = max(fastest, abs(r) * math.exp(state[c, SPEED] + state[c, CYCLE]))
        h = t if fastest * t <= _SHARE else _SHARE / fastest
        for e in range(count):
            c, b, s = edges[e]
            v = volt[b] - volt[s]
            if abs(v) > p[QUIET]:
                gate = gates[e] - min(volt[b], volt[s])
                _stress(state[c], counts[c], c, v, gate, now, h, np.inf, p, noise, seed, pulse)
        now += h
        t -= h
        if t <= 0.0:
            return


@kernel
def _read_noise(row, count, cell, p, seed, now):
    """Return the factor by which the conductance of a cell shows up in one reading."""
    a, b, c, d = uniforms(seed, cell, STREAM_READ, count[READ_DRAWS])
    z, _ = normals(seed, cell, STREAM_READ, count[READ_DRAWS] + 1)
    count[READ_DRAWS] += 2
    passed = now - row[TRAP_SINCE]
    row[TRAP_SINCE] = now
    total = 1.0
    for k in range(TRAPS):
        draw = a if k == 0 else b if k == 1 else c if k == 2 else d
        duty = row[TRAP_DUTY + k]
        # Exact for a two-state Markov process, whatever the time between two looks.
        memory = math.exp(-passed / row[TRAP_TIME + k])
        full = duty + (row[TRAP_STATE + k] - duty) * memory
        row[TRAP_STATE + k] = 1.0 if draw < full else 0.0
        total += row[TRAP_STEP + k] * (row[TRAP_STATE + k] - duty)
    return max(total, 0.02) * max(1.0 + p[READ_WHITE] * z, 0.02)


@kernel
def measure(
    state,
    counts,
    p,
    noise,
    seed,
    now,
    edges,
    gates,
    count,
    held,
    limit,
    volt,
    soft,
    current,
    limited,
):
    """Write the current (A) into each net, and whether it is at its limit.

    Parameters
    ----------
    state, counts, p, noise, seed, now, edges, gates, count, held, limit, volt, soft
        As for :func:`evolve`; ``noise`` means that of reading.
    current, limited
        float64 and bool per net; written.
    """
    nets = current.size
    current[:] = 0.0
    limited[:] = False
    us = np.empty(count)
    for e in range(count):
        c = edges[e, 0]
        us[e] = settled(state[c], p, now)
        if noise:
            us[e] += math.log(_read_noise(state[c], counts[c], c, p, seed, now))
    alone = count == 1
    if soft and not alone:
        solve(us, edges, gates, count, held, limit, volt, p)
    for e in range(count):
        b, s = edges[e, 1], edges[e, 2]
        if alone:
            most = min(limit[b], limit[s])
            i = edge_current(us[e], gates[e], held[b], held[s], p, most)[1]
        elif soft:
            i = edge_current(us[e], gates[e], volt[b], volt[s], p, np.inf)[1]
        else:
            i = edge_current(us[e], gates[e], held[b], held[s], p, np.inf)[1]
        if b < nets:
            current[b] += i * 1e-6
        if s < nets:
            current[s] -= i * 1e-6
    for n in range(nets):
        if 0.0 < limit[n] < np.inf:
            limited[n] = abs(current[n]) * 1e6 >= limit[n] * (1.0 - 1e-6)


@kernel
def conductances(state, p, now, voltage, gate, out):
    """Write what a noiseless meter reads of each cell and transistor at ``voltage``, in S."""
    for c in range(out.size):
        u = settled(state[c], p, now)
        out[c] = load_line(u, voltage, gate, p, voltage, np.inf)[1] / voltage * 1e-6


@kernel
def potentials(state, p, now, edges, gates, count, held, limit, volt):
    """Find the node voltages without the noise of reading, into ``volt`` (V)."""
    us = np.empty(count)
    for e in range(count):
        us[e] = settled(state[edges[e, 0]], p, now)
    volt[:] = held
    solve(us, edges, gates, count, held, limit, volt, p)
