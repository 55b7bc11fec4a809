"""A cell left alone: relaxation after programming, and retention, from minutes to decades.

Both have closed forms, so that a year costs as much as a microsecond, and a read need not be
preceded by anything.
"""

from __future__ import annotations

import math

from labctl.sim.chip.cell import BOLTZMANN
from labctl.sim.chip.jit import bare
from labctl.sim.chip.layout import (
    AMBIENT,
    ATTEMPT_RATE,
    FATE,
    FORMED,
    KEEP,
    KEEP_SPREAD,
    KEPT_SINCE,
    RELAX,
    RELAX_SINCE,
    RELAX_TIME,
    RETENTION,
    U_RETENTION,
    U,
)

_NOTHING = 1e-14  # of u


@bare
def kept(state, c, p, now):
    """Return u of a cell at ``now`` (s) with what retention took of it, without relaxation."""
    if state[FORMED, c] == 0.0 or state[FATE, c] != 0.0:
        return state[U, c]
    passed = state[KEEP, c] * (now - state[KEPT_SINCE, c])
    if passed < _NOTHING:
        return state[U, c]
    return p[U_RETENTION] + (state[U, c] - p[U_RETENTION]) * math.exp(-passed)


@bare
def settled(state, c, p, now):
    """Return u of a cell at ``now`` (s): what was programmed, relaxed and kept since."""
    u = kept(state, c, p, now)
    if state[RELAX, c] == 0.0:
        return u
    since = max(now - state[RELAX_SINCE, c], 0.0)
    return u + state[RELAX, c] * math.log1p(since / p[RELAX_TIME])


@bare
def acclimatise(state, p, now):
    """Settle all cells at ``now`` (s) and let them go on at the ambient temperature in ``p``."""
    for c in range(state.shape[1]):
        state[U, c] = kept(state, c, p, now)
        state[KEPT_SINCE, c] = now
        barrier = p[RETENTION] + state[KEEP_SPREAD, c]
        state[KEEP, c] = p[ATTEMPT_RATE] * math.exp(-barrier / (BOLTZMANN * p[AMBIENT]))
