"""Newton steps with many unknown nodes: by iteration over the edges, without a matrix."""

from __future__ import annotations

import numpy as np

from labctl.sim.chip.jit import kernel

_PRECISION = 1e-7  # of the residual; the next step of Newton's method mends the rest
_MOST = 300


@kernel
def _apply(edges, count, bit_slope, source_slope, place, least, x, out):
    """Write the currents (µA) into ``out`` that changes ``x`` (V) of the unknown nodes make."""
    for k in range(x.size):
        out[k] = least * x[k]
    for e in range(count):
        b, s = place[edges[e, 1]], place[edges[e, 2]]
        flow = 0.0
        if b >= 0:
            flow += bit_slope[e] * x[b]
        if s >= 0:
            flow -= source_slope[e] * x[s]
        if b >= 0:
            out[b] += flow
        if s >= 0:
            out[s] -= flow


@kernel
def iterate(edges, count, bit_slope, source_slope, place, least, current, step):
    """Find the changes of the unknown nodes that make given currents.

    Parameters
    ----------
    edges, count
        See :func:`labctl.sim.chip.network.solve_network`.
    bit_slope, source_slope
        µS per edge, see :func:`labctl.sim.chip.circuit.edge_slope`.
    place
        int64 per node: number of an unknown node, else -1.
    least
        µS, added at every node.
    current
        µA into each unknown node.
    step
        Written: V.

    Returns
    -------
    bool
        Whether ``step`` is good; otherwise solve directly.

    Source: SIAM J. Sci. Stat. Comput. 13, 631 (1992), scaled by the diagonal.
    """
    size = current.size
    scale = np.full(size, least)
    for e in range(count):
        b, s = place[edges[e, 1]], place[edges[e, 2]]
        if b >= 0:
            scale[b] += bit_slope[e]
        if s >= 0:
            scale[s] += source_slope[e]
    step[:] = 0.0
    r = current.copy()
    shadow, p = r / scale, r.copy()
    v, t = np.empty(size), np.empty(size)
    rho = np.sum(shadow * r)
    stop = _PRECISION * np.sum(np.abs(r))
    for _ in range(_MOST):
        y = p / scale
        _apply(edges, count, bit_slope, source_slope, place, least, y, v)
        across = np.sum(shadow * v)
        if across == 0.0:
            return False
        alpha = rho / across
        step += alpha * y
        r -= alpha * v
        if np.sum(np.abs(r)) <= stop:
            return True
        y = r / scale
        _apply(edges, count, bit_slope, source_slope, place, least, y, t)
        bend = np.sum(t * t)
        omega = np.sum(t * r) / bend if bend > 0.0 else 0.0
        step += omega * y
        r -= omega * t
        if np.sum(np.abs(r)) <= stop:
            return True
        before = rho
        rho = np.sum(shadow * r)
        if rho == 0.0 or omega == 0.0:
            return False
        p = r + rho / before * alpha / omega * (p - omega * v)
    return False
