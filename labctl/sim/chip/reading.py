"""One noisy reading of many cells: the numbers of ``settled``, ``seen`` and ``load_line``, faster.

Cells are taken in blocks, and a block step by step, so that every step is a plain loop that
vectorises. The current at a given voltage and gate is a function of ln G alone: cubic Hermite
pieces of a table give it to 1e-11. Units: V, µA, µS, s.
"""

from __future__ import annotations

import numpy as np

from labctl.sim.chip.bulk import BLOCK, consecutive, draw_words, gather, scatter, settle
from labctl.sim.chip.cell import load_line
from labctl.sim.chip.elementary import exp, log
from labctl.sim.chip.jit import inlined, kernel
from labctl.sim.chip.layout import (
    FATE,
    FORMED,
    KEEP,
    KEPT_SINCE,
    LAPLACE_CURVATURE,
    LAPLACE_OFFSET,
    LAPLACE_SLOPE,
    READ_DRAWS,
    READ_WHITE,
    RELAX,
    RELAX_SINCE,
    STATE_ROWS,
    STREAM_READ,
    THRESHOLD,
    TRAP_DUTY,
    TRAP_SINCE,
    TRAP_STATE,
    TRAP_STEP,
    TRAP_TIME,
    TRAPS,
    U_MAXIMUM,
    U_PRISTINE,
    U,
)
from labctl.sim.chip.measure import LAPLACE_VOLTAGE, LEAST_LEFT
from labctl.sim.chip.noise import gaussian, uniform

_STEP = 1.0 / 256.0  # of u; the fourth power of it over 384 is the error of a Hermite piece
_BELOW, _ABOVE = 3.0, 1.5  # factors of e from the pristine cell, and beyond the maximum
_ALONE = (U, FORMED, FATE, KEEP, KEPT_SINCE, RELAX, RELAX_SINCE, TRAP_SINCE)
_NEEDED = np.array([*_ALONE, *range(TRAP_STEP, TRAP_STATE + TRAPS)])
_CHANGED = np.array([TRAP_SINCE, *range(TRAP_STATE, TRAP_STATE + TRAPS)])
"""Rows of the state that a reading needs, and those it changes."""


@kernel
def current_table(voltage, gate, p):
    """Return the current (µA) against ln G at a fixed voltage, for :func:`read_many`.

    Parameters
    ----------
    voltage, gate
        V over cell and transistor; V, infinite without transistor.
    p
        Parameter vector.

    Returns
    -------
    array
        float64, (2, n): current at ``p[U_PRISTINE] - _BELOW + k * _STEP``, and what its slope adds
        in one step; NaN where the transistor goes over into saturation, which no cubic follows.
    """
    low = p[U_PRISTINE] - _BELOW
    n = int((p[U_MAXIMUM] + _ABOVE - low) / _STEP) + 1
    values = np.empty(n + 4)  # two more at each end, for the slopes
    bent = np.zeros(n + 4, dtype=np.bool_)
    saturated, x = False, abs(voltage)
    for k in range(n + 4):
        x, values[k] = load_line(low + (k - 2) * _STEP, voltage, gate, p, abs(x), np.inf)
        lift = 0.0 if voltage > 0.0 else abs(x)
        before, saturated = saturated, abs(voltage) - abs(x) >= gate - p[THRESHOLD] - lift
        if k > 0 and saturated != before:
            bent[max(k - 3, 0) : k + 3] = True
    table = np.empty((2, n))
    for k in range(n):
        near, far = values[k + 3] - values[k + 1], values[k + 4] - values[k]
        table[0, k] = values[k + 2]
        table[1, k] = np.nan if bent[k + 2] else (8.0 * near - far) / 12.0
    return table


@inlined
def _trap(step, time, duty, trap, passed, drawn, total):
    """Let one trap per cell move on, and add what it does to the conductance."""
    for e in range(total.size):
        # e^-80 is nothing beside the duty, and no denormal number, which would be slow.
        full = duty[e] + (trap[e] - duty[e]) * exp(-min(passed[e] / time[e], 80.0))
        now = 1.0 if uniform(drawn[e]) < full else 0.0
        trap[e] = now
        total[e] += step[e] * (now - duty[e])


@inlined
def _white(a, b, white, total):
    for e in range(total.size):
        z, _ = gaussian(a[e], b[e])
        total[e] = max(total[e], LEAST_LEFT) * max(1.0 + white * z, LEAST_LEFT)


@inlined
def _laplace(u, drawn, p, total):
    offset, slope, curvature = p[LAPLACE_OFFSET], p[LAPLACE_SLOPE], p[LAPLACE_CURVATURE]
    for e in range(total.size):
        current = exp(u[e]) * LAPLACE_VOLTAGE
        scale = max(offset + slope * current + curvature * current * current, 0.0) / current
        half = uniform(drawn[e]) - 0.5
        away = -scale * log(1.0 - 2.0 * abs(half))
        total[e] *= max(1.0 + (away if half >= 0.0 else -away), LEAST_LEFT)


@inlined
def _shift(u, total):
    for e in range(u.size):
        u[e] += log(total[e])


@inlined
def _look_up(u, low, values, slopes, out):
    """Write the current at each ``u``; NaN where the table does not say."""
    last = values.size - 2
    for e in range(u.size):
        at = (u[e] - low) / _STEP
        k = int(min(max(at, 0.0), float(last)))
        t = at - k
        y0, y1, s0, s1 = values[k], values[k + 1], slopes[k], slopes[k + 1]
        rise = y1 - y0
        inner = (s0 - rise) * (1.0 - t) + (rise - s1) * t
        out[e] = y0 + t * (rise + (1.0 - t) * inner)
        out[e] = out[e] if 0.0 <= t <= 1.0 else np.nan


@kernel
def trapped(state, a, m):
    """Tell whether any trap of the cells in ``m`` columns from ``a`` on does anything."""
    most = 0.0
    for row in range(TRAP_STEP, TRAP_STEP + TRAPS):
        for c in range(a, a + m):
            most = max(most, abs(state[row, c]))
    return most > 0.0


@kernel
def read_block(
    state, a, traps, cells, draws, now, table, voltage, gate, p, noise, seed, out, work, bits
):  # fmt: skip
    """Read the cells whose state stands in columns from ``a`` on.

    What is drawn for traps and for white noise that do nothing is not worked out.
    """
    m = cells.size
    b = a + m
    u, total, passed = work[0, :m], work[1, :m], work[2, :m]
    w0, w1, w2, w3 = bits[0, :m], bits[1, :m], bits[2, :m], bits[3, :m]
    settle(state, a, b, now, p, u)
    white = p[READ_WHITE] != 0.0
    if noise:
        for e in range(m):
            total[e] = 1.0
    if noise and traps:
        draw_words(seed, cells, STREAM_READ, draws, w0, w1, w2, w3)
        since = state[TRAP_SINCE, a:b]
        for e in range(m):
            passed[e] = now[e] - since[e]
            since[e] = now[e]
        for k in range(TRAPS):
            _trap(
                state[TRAP_STEP + k, a:b], state[TRAP_TIME + k, a:b], state[TRAP_DUTY + k, a:b],
                state[TRAP_STATE + k, a:b], passed, bits[k, :m], total,
            )  # fmt: skip
    if noise:
        for e in range(m):
            draws[e] += 1
        draw_words(seed, cells, STREAM_READ, draws, w0, w1, w2, w3)
        for e in range(m):
            draws[e] += 1
        if traps or white:
            _white(w0, w1, p[READ_WHITE], total)
        if p[LAPLACE_OFFSET] != 0.0 or p[LAPLACE_SLOPE] != 0.0 or p[LAPLACE_CURVATURE] != 0.0:
            _laplace(u, w2, p, total)
        _shift(u, total)
    if table.shape[1] > 0:
        _look_up(u, p[U_PRISTINE] - _BELOW, table[0], table[1], out)
    else:
        for e in range(m):
            out[e] = np.nan
    for e in range(m):
        if np.isnan(out[e]):
            out[e] = load_line(u[e], voltage, gate, p, abs(voltage), np.inf)[1]


@kernel
def read_many(state, counts, cells, times, voltage, gate, p, noise, seed, table, current):
    """Write one reading of each of many cells.

    Parameters
    ----------
    state, counts
        All cells; traps and counters change as by ``seen``, one cell after the other.
    cells
        int64, (n,): which ones, each once.
    times
        s, float64, (n,) or (1,): when each is read.
    voltage, gate
        V over cell and transistor; V, infinite without transistor.
    p, noise, seed
        Parameter vector, whether readings are noisy, seed of the chip.
    table
        Of :func:`current_table` for this voltage and gate, or of shape (2, 0): then the load line
        is solved cell by cell, which for few cells is quicker.
    current
        µA, float64, (n,); written.
    """
    work, bits = np.empty((3, BLOCK)), np.empty((4, BLOCK), dtype=np.uint32)
    draws, now = np.empty(BLOCK, dtype=np.int64), np.empty(BLOCK)
    beside = np.empty((STATE_ROWS, 0))
    for start in range(0, cells.size, BLOCK):
        stop = min(start + BLOCK, cells.size)
        m = stop - start
        mine, out, drawn = cells[start:stop], current[start:stop], draws[:m]
        for e in range(m):
            now[e] = times[0] if times.size == 1 else times[start + e]
            drawn[e] = counts[READ_DRAWS, mine[e]]
        in_order = consecutive(mine)
        if not in_order:
            if beside.size == 0:
                beside = np.empty((STATE_ROWS, BLOCK))
            gather(state, mine, _NEEDED, beside)
        here, a = (state, mine[0]) if in_order else (beside, 0)
        read_block(
            here, a, trapped(here, a, m), mine, drawn, now[:m], table, voltage, gate, p, noise,
            seed, out, work, bits,
        )  # fmt: skip
        if not in_order:
            scatter(beside, mine, _CHANGED, state)
        for e in range(m):
            counts[READ_DRAWS, mine[e]] = drawn[e]


@kernel
def read_passes(
    state, counts, cells, starts, ages, ways, voltage, gate, p, noise, seed, table, current
):  # fmt: skip
    """Write several readings of each of many cells: what :func:`read_many` gives pass by pass.

    Parameters
    ----------
    state, counts, cells, voltage, gate, p, noise, seed, table
        As for :func:`read_many`.
    starts
        s, float64, (passes,): age of the chip when each pass begins.
    ages
        s, float64, (m, n): how much later each cell is read, on each of m ways.
    ways
        int64, (passes,): which way each pass takes.
    current
        µA, float64, (passes, n); written.
    """
    work, bits = np.empty((3, BLOCK)), np.empty((4, BLOCK), dtype=np.uint32)
    draws, now = np.empty(BLOCK, dtype=np.int64), np.empty(BLOCK)
    beside = np.empty((STATE_ROWS, BLOCK))
    for start in range(0, cells.size, BLOCK):
        stop = min(start + BLOCK, cells.size)
        m = stop - start
        mine, drawn = cells[start:stop], draws[:m]
        for e in range(m):
            drawn[e] = counts[READ_DRAWS, mine[e]]
        in_order = consecutive(mine)
        if not in_order:
            gather(state, mine, _NEEDED, beside)
        here, a = (state, mine[0]) if in_order else (beside, 0)
        traps = trapped(here, a, m)
        for k in range(starts.size):
            for e in range(m):
                now[e] = starts[k] + ages[ways[k], start + e]
            read_block(
                here, a, traps, mine, drawn, now[:m], table, voltage, gate, p, noise, seed,
                current[k, start:stop], work, bits,
            )  # fmt: skip
        if not in_order:
            scatter(beside, mine, _CHANGED, state)
        for e in range(m):
            counts[READ_DRAWS, mine[e]] = drawn[e]
