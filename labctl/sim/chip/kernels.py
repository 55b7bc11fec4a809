"""The whole chip at once: which cells are connected, stressed and read.

The state of the cells lives in plain arrays with one row a cell; the columns are named below.
Units as in :mod:`labctl.sim.chip.cell`: V, µA, µS, s.
"""

from __future__ import annotations

import math

from numba import njit

from labctl.sim.chip.cell import VT, advance
from labctl.sim.chip.circuit import operate
from labctl.sim.chip.philox import normal, uniforms

# columns of ``fixed``, drawn once for each cell; four traps
FORMING, SPEED, DEAD, AMPLITUDE, LOG_TAU = 0, 1, 2, 3, 7
FIXED = 11
# columns of ``moving``
U, FORMED, CYCLE, RHO, SINCE, PULSES, TRAP, TRAP_TIME = 0, 1, 2, 3, 4, 5, 6, 10
MOVING = 11
TRAPS = 4
# random streams of a cell, and columns of ``counts``
SWITCHING, READING, CYCLING, TRAPPING = 0, 1, 2, 3
STREAMS = 4
# noise parameters ``q``
CYCLE_SPREAD, CYCLE_MEMORY, RELAX_MEAN, RELAX_SPREAD, RELAX_START, WHITE = range(6)

QUIET = 0.3
"""V over a cell below which its state stays as it is: years at the rates of the presets."""


@njit(cache=True)
def connected(word, bit_net, source_net, by_column, p, cells):
    """List the cells that can carry current; return how many.

    Columns of ``cells``: row, column, source line, number of the cell.
    """
    rows_on = 0
    for i in range(word.size):
        if word[i] > p[VT]:
            rows_on += 1
    count = 0
    for i in range(word.size):
        if not word[i] > p[VT]:
            continue
        for j in range(bit_net.size):
            line = j if by_column else i
            if rows_on == 1:  # a floating line with one cell on it carries nothing
                if bit_net[j] < 0 or (by_column and source_net[line] < 0):
                    continue
            cells[count, 0], cells[count, 1] = i, j
            cells[count, 2], cells[count, 3] = line, i * bit_net.size + j
            count += 1
    return count


@njit(cache=True)
def place(nets, voltage, out):
    """Write the voltage of each line: that of its net; 0 V where floating or not driven."""
    for k in range(nets.size):
        n = nets[k]
        out[k] = voltage[n] if n >= 0 and not math.isnan(voltage[n]) else 0.0


@njit(cache=True)
def driven(nets, voltage, out):
    """Write the net of each line, -1 where nothing drives it."""
    for k in range(nets.size):
        n = nets[k]
        out[k] = n if n >= 0 and not math.isnan(voltage[n]) else -1


@njit(cache=True)
def calm(bit_net, source_net, voltage):
    """Tell whether no bit line and source line are far enough apart to move a cell."""
    low, high = 0.0, 0.0
    for nets in (bit_net, source_net):
        for k in range(nets.size):
            if nets[k] >= 0 and not math.isnan(voltage[nets[k]]):
                low, high = min(low, voltage[nets[k]]), max(high, voltage[nets[k]])
    return high - low < QUIET


@njit(cache=True)
def relaxed(m, now, start):
    """Return u as it conducts now, drifted since the last pulse."""
    return m[U] + m[RHO] * math.log1p(max(now - m[SINCE], 0.0) / start)


@njit(cache=True)
def prepare(moving, cells, count, now, q, us):
    """Write u of each connected cell."""
    for n in range(count):
        us[n] = relaxed(moving[cells[n, 3]], now, q[RELAX_START])


@njit(cache=True)
def stress(
    moving, fixed, counts, cells, count, bit, source, word, bit_net, source_net, limit, at,
    seconds, now, p, q, noise, k0, k1,
):  # fmt: skip
    """March every stressed cell through ``seconds`` from ``now``."""
    on_net = 0
    for n in range(count):
        if abs(bit[cells[n, 1]] - source[cells[n, 2]]) >= QUIET:
            on_net += 1
    for n in range(count):
        j, line, c = cells[n, 1], cells[n, 2], cells[n, 3]
        v = bit[j] - source[line]
        if abs(v) < QUIET:
            continue
        m, f = moving[c], fixed[c]
        gate = word[cells[n, 0]] - min(bit[j], source[line])
        if gate <= p[VT] or (f[DEAD] > 0.0 and m[FORMED] == 0.0):
            continue
        # One cell alone keeps its meter's limit while it switches; several share what is settled.
        most = 1e30
        if on_net == 1:
            if bit_net[j] >= 0:
                most = min(most, limit[bit_net[j]])
            if source_net[line] >= 0:
                most = min(most, limit[source_net[line]])
        base = c * STREAMS
        if noise:
            z = normal(k0, k1, base + CYCLING, counts[c, CYCLING])
            counts[c, CYCLING] += 1
            a = q[CYCLE_MEMORY]
            m[CYCLE] = a * m[CYCLE] + math.sqrt(1.0 - a * a) * q[CYCLE_SPREAD] * z
        before = relaxed(m, now, q[RELAX_START])
        u, formed, draws = advance(
            before, m[FORMED] > 0.0, f[FORMING], v, gate, seconds, f[SPEED] * math.exp(m[CYCLE]),
            p, noise, most, k0, k1, base + SWITCHING, counts[c, SWITCHING],
        )  # fmt: skip
        counts[c, SWITCHING] = draws
        m[U], m[FORMED], m[SINCE] = u, 1.0 if formed else 0.0, now + seconds
        m[PULSES] += 1.0
        m[RHO] = 0.0
        if noise:
            z = normal(k0, k1, base + CYCLING, counts[c, CYCLING])
            counts[c, CYCLING] += 1
            m[RHO] = min(abs(u - before), 1.0) * (q[RELAX_MEAN] + q[RELAX_SPREAD] * z)


@njit(cache=True)
def look(moving, fixed, counts, cells, count, now, q, k0, k1, us):
    """Add read noise to u of each connected cell: traps that hop in time, and white noise."""
    for n in range(count):
        c = cells[n, 3]
        m, f = moving[c], fixed[c]
        base = c * STREAMS
        shift = 0.0
        past = now - m[TRAP_TIME]
        for t in range(TRAPS):
            tau = 10.0 ** f[LOG_TAU + t]
            x, _ = uniforms(k0, k1, base + TRAPPING, counts[c, TRAPPING])
            counts[c, TRAPPING] += 1
            # A symmetric two-state trap has turned after ``past`` with this probability.
            if x < 0.5 * (1.0 - math.exp(-2.0 * past / tau)):
                m[TRAP + t] = -m[TRAP + t]
            shift += 0.5 * f[AMPLITUDE + t] * m[TRAP + t]
        m[TRAP_TIME] = now
        z = normal(k0, k1, base + READING, counts[c, READING])
        counts[c, READING] += 1
        us[n] += shift + q[WHITE] * z
