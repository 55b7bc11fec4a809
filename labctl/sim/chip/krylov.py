"""Solving the Schur complement of a grid of crossing lines, preconditioned by its row lines.

``S``, its factors and the padded arrays are those of :mod:`labctl.sim.chip.ladder`.
"""

from __future__ import annotations

import numpy as np

from labctl.sim.chip.jit import kernel
from labctl.sim.chip.ladder import rows_solve, schur


@kernel
def conjugate_gradients(a, own, hseg, vseg, icol, irow, w, r, tolerance, reference, most):
    """Solve ``S w = b`` of a grid with ``a == c``.

    Parameters
    ----------
    a, own, hseg, vseg, icol, irow
        Slopes and factors, see :mod:`labctl.sim.chip.ladder`.
    w
        (padded rows, columns): the guess; becomes the solution.
    r
        (padded rows, columns): residual ``b - S w`` of the guess; spoilt.
    tolerance
        Of the error against ``reference``, both in the norm of the preconditioner.
    reference
        Square of that norm to compare with; 0: that of the first residual.
    most
        Most iterations.

    Returns
    -------
    int
        Iterations.
    """
    rows, columns = a.shape
    z = np.zeros_like(r)
    u = np.zeros_like(r)
    p = np.zeros_like(r)
    q = np.zeros_like(r)
    left = rows_solve(irow, hseg, w, r, p, u, z, 0.0)
    if reference == 0.0:
        reference = left
    stop = tolerance * tolerance * reference
    beta = 0.0
    above = np.empty(columns)
    sums = np.empty(columns)
    for iteration in range(most):
        if not left > stop:
            return iteration
        # the three passes over memory of one iteration: down, up, along the rows
        above[:] = 0.0
        for i in range(rows):
            g = vseg[i - 1] if i > 0 else 0.0
            k = max(i - 1, 0)
            for j in range(columns):
                x = z[i, j] + beta * p[i, j]
                p[i, j] = x
                q[i, j] = r[i, j] + beta * q[i, j]
                x = a[i, j] * x + g * icol[k, j] * above[j]
                above[j] = x
                u[i, j] = x
        above[:] = 0.0
        sums[:] = 0.0
        for i in range(rows - 1, -1, -1):
            g = vseg[i] if i < rows - 1 else 0.0
            for j in range(columns):
                v = icol[i, j] * (u[i, j] + g * above[j])
                above[j] = v
                s = q[i, j] + own[i, j] * p[i, j] - a[i, j] * v
                u[i, j] = s
                sums[j] += s * p[i, j]
        bend = 0.0
        for j in range(columns):
            bend += sums[j]
        if not bend > 0.0:
            return iteration
        before = left
        left = rows_solve(irow, hseg, w, r, p, u, z, left / bend)
        beta = left / before
    return most


@kernel
def _dot(x, y):
    total = 0.0
    for i in range(x.shape[0]):
        line = 0.0
        for j in range(x.shape[1]):
            line += x[i, j] * y[i, j]
        total += line
    return total


@kernel
def stabilised_gradients(a, c, hseg, hpad, vseg, icol, irow, w, r, tolerance, most):
    """Solve ``S w = b`` of a grid with ``a != c``, by the biconjugate method of van der Vorst.

    Parameters
    ----------
    a, c, hseg, hpad, vseg, icol, irow
        Slopes, segments and factors, see :mod:`labctl.sim.chip.ladder`.
    w, r
        As for :func:`conjugate_gradients`.
    tolerance
        Of the residual against the first one.
    most
        Most iterations.

    Source: SIAM J. Sci. Stat. Comput. 13, 631 (1992).
    """
    idle = np.zeros_like(r)
    y = np.zeros_like(r)
    v = np.zeros_like(r)
    t = np.zeros_like(r)
    scratch = np.empty_like(a)
    shadow = r.copy()
    p = r.copy()
    rho = _dot(shadow, r)
    stop = tolerance * tolerance * rho
    for _ in range(most):
        if rho == 0.0:
            return
        rows_solve(irow, hseg, idle, p, idle, idle, y, 0.0)
        schur(a, c, hseg, hpad, vseg, icol, y, v, scratch)
        across = _dot(shadow, v)
        if across == 0.0:
            return
        alpha = rho / across
        for i in range(r.shape[0]):
            for j in range(r.shape[1]):
                w[i, j] += alpha * y[i, j]
                r[i, j] -= alpha * v[i, j]
        if _dot(r, r) <= stop:
            return
        rows_solve(irow, hseg, idle, r, idle, idle, y, 0.0)
        schur(a, c, hseg, hpad, vseg, icol, y, t, scratch)
        size = _dot(t, t)
        if size == 0.0:
            return
        omega = _dot(t, r) / size
        for i in range(r.shape[0]):
            for j in range(r.shape[1]):
                w[i, j] += omega * y[i, j]
                r[i, j] -= omega * t[i, j]
        if _dot(r, r) <= stop:
            return
        before = rho
        rho = _dot(shadow, r)
        beta = rho / before * alpha / omega if omega != 0.0 else 0.0
        for i in range(r.shape[0]):
            for j in range(r.shape[1]):
                p[i, j] = r[i, j] + beta * (p[i, j] - omega * v[i, j])
