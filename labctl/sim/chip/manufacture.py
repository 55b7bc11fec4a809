"""How cells leave the fab: what differs from cell to cell, drawn once per chip."""

from __future__ import annotations

import math

import numpy as np

from labctl.sim.chip.jit import kernel
from labctl.sim.chip.layout import (
    BARRIER,
    CYCLE,
    CYCLE_SPREAD,
    END,
    FAILURE_ACTIVITY,
    FAILURE_SHAPE,
    FAILURE_SHORT,
    FATE,
    FORMED,
    FORMING_FAILURES,
    FORMING_SPREAD,
    KEEP_SPREAD,
    LIFE,
    PRISTINE_SPREAD,
    RETENTION_SPREAD,
    SPEED,
    SPEED_SPREAD,
    STREAM_FAB,
    STUCK_HIGH,
    STUCK_LOW,
    TRAP,
    TRAP_DUTY,
    TRAP_LONGEST,
    TRAP_SHORTEST,
    TRAP_SPREAD,
    TRAP_STATE,
    TRAP_STEP,
    TRAP_TIME,
    TRAPS,
    U_MAXIMUM,
    U_MINIMUM,
    U_PRISTINE,
    UNSTABLE,
    UNSTABLE_CELLS,
    UNSTABLE_FACTOR,
    UNSTABLE_RELAX,
    U,
)
from labctl.sim.chip.noise import normals, uniforms

_AFTER_TRAPS = 3 + 2 * TRAPS


@kernel
def manufacture(state, p, seed):
    """Give every cell its fixed properties; all but the stuck ones are pristine afterwards."""
    span = math.log(p[TRAP_LONGEST] / p[TRAP_SHORTEST])
    for c in range(state.shape[1]):
        z, y = normals(seed, c, STREAM_FAB, 0)
        state[U, c] = p[U_PRISTINE] + p[PRISTINE_SPREAD] * z
        state[SPEED, c] = p[SPEED_SPREAD] * y
        z, y = normals(seed, c, STREAM_FAB, 1)
        state[BARRIER, c] = p[FORMING_SPREAD] * z
        state[CYCLE, c] = p[CYCLE_SPREAD] * y
        a, b, _, _ = uniforms(seed, c, STREAM_FAB, 2)
        if a < p[FORMING_FAILURES]:
            state[BARRIER, c] = np.inf
        unstable = b < p[UNSTABLE_CELLS]
        state[UNSTABLE, c] = p[UNSTABLE_RELAX] if unstable else 1.0
        factor = p[UNSTABLE_FACTOR] if unstable else 1.0
        for k in range(TRAPS):
            z, _ = normals(seed, c, STREAM_FAB, 3 + 2 * k)
            a, b, d, _ = uniforms(seed, c, STREAM_FAB, 4 + 2 * k)
            state[TRAP_STEP + k, c] = min(factor * p[TRAP] * math.exp(p[TRAP_SPREAD] * z), 0.5)
            state[TRAP_TIME + k, c] = p[TRAP_SHORTEST] * math.exp(span * a)
            state[TRAP_DUTY + k, c] = 0.25 + 0.5 * b
            state[TRAP_STATE + k, c] = 1.0 if d < state[TRAP_DUTY + k, c] else 0.0
        _fate(state, c, p, seed)


@kernel
def _fate(state, c, p, seed):
    """Draw how long the cell keeps and lives, and whether it was ever alive."""
    z, _ = normals(seed, c, STREAM_FAB, _AFTER_TRAPS)
    state[KEEP_SPREAD, c] = p[RETENTION_SPREAD] * z
    a, b, d, _ = uniforms(seed, c, STREAM_FAB, _AFTER_TRAPS + 1)
    state[LIFE, c] = p[FAILURE_ACTIVITY] * (-math.log(a)) ** (1.0 / p[FAILURE_SHAPE])  # Weibull
    state[END, c] = p[U_MAXIMUM] if b < p[FAILURE_SHORT] else p[U_PRISTINE]
    if d < p[STUCK_LOW] + p[STUCK_HIGH]:
        state[U, c] = p[U_MINIMUM] if d < p[STUCK_LOW] else p[U_MAXIMUM]
        state[FORMED, c] = 1.0
        state[FATE, c] = 1.0
