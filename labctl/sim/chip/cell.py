"""One 1T1R cell: load line of cell and transistor, switching rate, march through a pulse.

Inside this module: V, µA, µS, s, K, eV. Positive voltage is bit line over source line (SET).
"""

from __future__ import annotations

import math

from numba import njit

from labctl.sim.chip.philox import normal

BOLTZMANN = 8.617333e-5  # eV/K
# order of Preset.vector()
(
    NU, ES, ER, EF, AS, AR, KAP, RTH, GTH, TMX, TAMB, UMX, UMN, VH, VL, UM, UW, KT, VT, LAM, GQ, DMX,
) = range(22)  # fmt: skip


@njit(cache=True, fastmath=True)
def curvature(u, p):
    return p[VH] + (p[VL] - p[VH]) / (1.0 + math.exp(-(u - p[UM]) / p[UW]))


@njit(cache=True, fastmath=True)
def fet(drop, over, p):
    if over <= 0.0:
        return 0.0, 1e-9
    if drop < over:
        c = p[KT] * (1.0 + p[LAM] * drop)
        return c * (over - 0.5 * drop) * drop, c * (over - drop) + 1e-9
    c = 0.5 * p[KT] * over * over
    return c * (1.0 + p[LAM] * drop), c * p[LAM] + 1e-9


@njit(cache=True, fastmath=True)
def solve(u, v, vg, p, limit):
    """Return voltage over the cell (V) and current (µA), signed; vg over the lower line."""
    if v == 0.0:
        return 0.0, 0.0
    g = math.exp(u)
    v0 = curvature(u, p)
    a = abs(v)
    lo, hi = 0.0, a
    over = vg - p[VT]
    x = min(a, 0.5 * a)
    for _ in range(60):
        e = math.exp(x / v0)
        i = g * v0 * 0.5 * (e - 1.0 / e)
        di = g * 0.5 * (e + 1.0 / e)
        if v > 0:
            it, dit = fet(a - x, over, p)
            slope = di + dit
        else:  # in RESET the cell sits at the transistor's source
            it, dit = fet(a - x, over - x, p)
            slope = di + dit + (p[KT] * min(a - x, max(over - x, 0.0)))
        f = i - it
        if f > 0.0:
            hi = x
        else:
            lo = x
        n = x - f / slope
        if not (lo < n < hi):
            n = 0.5 * (lo + hi)
        if abs(n - x) < 1e-9:
            x = n
            break
        x = n
    e = math.exp(x / v0)
    i = g * v0 * 0.5 * (e - 1.0 / e)
    if i > limit:
        x = v0 * math.asinh(limit / (g * v0))
        i = limit
    return (x, i) if v > 0 else (-x, -i)


@njit(cache=True, fastmath=True)
def rate(u, x, i, formed, extra, p):
    t = p[TAMB] + p[RTH] * abs(x * i) / (1.0 + math.exp(u) / p[GTH])
    t = p[TAMB] + (t - p[TAMB]) / (1.0 + (t - p[TAMB]) / p[TMX])
    kt = BOLTZMANN * t
    if x > 0.0:
        barrier = p[ES] + (0.0 if formed else p[EF] + extra)
        return (
            p[NU]
            * math.exp(-max(barrier - p[AS] * x, 0.0) / kt)
            * (1.0 - math.exp(4.0 * min(u - p[UMX], 0.0)))
        )
    if not formed:
        return 0.0
    field = 1.0 / (1.0 + p[KAP] * max(p[UMX] - u - 1.0, 0.0))
    return (
        -p[NU]
        * math.exp(-max(p[ER] + p[AR] * x * field, 0.0) / kt)
        * (1.0 - math.exp(4.0 * min(p[UMN] - u, 0.0)))
    )


@njit(cache=True, fastmath=True)
def advance(u, formed, extra, v, vg, seconds, speed, p, noise, limit, k0, k1, cell, count):
    """March through a constant voltage; return u, formed, next draw."""
    du = 0.05
    left = seconds
    for _ in range(4000):
        if left <= 0.0:
            break
        x, i = solve(u, v, vg, p, limit)
        r = speed * rate(u, x, i, formed, extra, p)
        if abs(r) * left < 1e-7:
            break
        h = min(left, du / abs(r))
        um = u + 0.5 * r * h
        xm, im = solve(um, v, vg, p, limit)
        rm = speed * rate(um, xm, im, formed, extra, p)
        d = rm * h
        if abs(d) > 2.0 * abs(r) * h:
            d = math.copysign(2.0 * abs(r) * h, r)
        u += d
        if noise:
            u += math.sqrt(min(p[GQ] * math.exp(-u), p[DMX]) * abs(d)) * normal(k0, k1, cell, count)
            count += 1
        u = min(max(u, p[UMN] - 4.0), p[UMX] + 0.2)
        left -= h
        if not formed and u > 0.0:
            formed = True
    return u, formed, count
