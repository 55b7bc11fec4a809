"""How fast every state moves under one drive: a table instead of load lines, for many cells.

Without a current limit all formed cells under one voltage and gate follow one law,
``|du/dt| = speed * hops(u) * room(u)``: hopping as a function of u alone, computed once, times the
room that the worn window of each cell leaves. Along it a cell moves in substeps of limited |du|:

- The way is that of a third-order rule (Kutta); its stages also give the other integrals.
- Noise in u grows by ``hop |du|`` and is stretched by the flow as distances are, by
  ``rate(u') / rate(u)``; so its variance after a substep is
  ``rate(u')^2 * integral of hop du / rate^2`` (linear-noise approximation; van Kampen, "Stochastic
  Processes in Physics and Chemistry", ch. X).
- The next order moves the mean, by ``hop/4 (rate(u')/rate(u) - 1)^2`` for a rate that is
  exponential in u over the substep.
- Wear is the integral of the hopping.

Substeps are so short that the rate changes little over them, and over the noise of one, and that
noise does not carry a cell over the end of its window. Where that would need steps shorter than
those of the march (:func:`labctl.sim.chip.cell.advance`), they are plain ones as there.
"""

from __future__ import annotations

import math

import numpy as np

from labctl.sim.chip.cell import STEP, drift, heated, hopping, load_line
from labctl.sim.chip.elementary import exp, log, small_exp
from labctl.sim.chip.jit import inlined, kernel
from labctl.sim.chip.layout import (
    CYCLE_MEMORY,
    CYCLE_SPREAD,
    HOP,
    HOP_MAXIMUM,
    U_MAXIMUM,
    U_MINIMUM,
    U_PRISTINE,
    WEAR_FUTILE,
)

_GRID = 1.0 / 128.0  # of u
_BELOW, _ABOVE = 3.0, 0.2  # factors of e beyond pristine and maximum; cells get no further
_BEND = 0.35  # largest change of ln(rate) in a substep
_SWAY = 0.10  # largest square of the change of ln(rate) by the noise of a substep
_MARGIN = 4.0  # sds of the noise of a substep that the end of the window is away, at least
_LANDING = 0.86  # of STEP; the march, too, comes to the end of the window in shorter steps
_LONGEST = 0.3  # of u
_AHEAD = 77  # grid points on either side that a substep and its noise may reach
_DRIFT = 1e-3  # of the rate; a drift that does not follow the speed of the cell may be so large
_LEAST = 1e-200  # 1/s

(
    U, CYCLE, MOVED, WEAR, LEFT, SPEED, FILL, Z, Y, NOW, BEFORE, _S, _HOP, _FULL, _RATE, _PART,
    _X, _HOPS, _STEEP, _MIDDLE, _END, _WAY, _PLAIN, _HOPS_MIDDLE, _HOPS_END,
) = range(25)  # fmt: skip
SCRATCH = 25
"""Rows of the scratch array of a block: the state of the cells on their way; seconds left; ln of
the fixed speed; by which factor wear has filled the window, exp(2 shrink); two normal numbers; what
:mod:`labctl.sim.chip.common` keeps there; and what one stage leaves for the next: speed, hop,
filled share of the window, rate, time at unit speed, way to the next stage, hopping, steepness,
rates in the middle and at the end, way, whether the substep is a plain one, hopping at both."""


@kernel
def flow_table(v, gate, p):
    """Return the hopping (1/s) of formed cells of unit speed against u, for :func:`substeps`.

    Parameters
    ----------
    v, gate
        V over cell and transistor, without limit of current; V, infinite without transistor.
    p
        Parameter vector.

    Returns
    -------
    array
        float64, (2, n): hopping at ``p[U_PRISTINE] - 3 + k/128``, and the largest ``|d ln hopping /
        du|`` in reach of it. Of shape (2, 0) if heat makes filaments drift so much that one table
        cannot tell.
    """
    low = p[U_PRISTINE] - _BELOW
    n = int((p[U_MAXIMUM] + _ABOVE - low) / _GRID) + 2
    table, steep = np.empty((2, n)), np.zeros(n)
    x = abs(v)
    for k in range(n):
        u = low + k * _GRID
        x, current = load_line(u, v, gate, p, abs(x), np.inf)
        kt = heated(u, x, current, p)
        table[0, k] = max(abs(hopping(u, x, kt, True, 0.0, p)), _LEAST)
        inside = p[U_MINIMUM] + 0.1 < u < p[U_MAXIMUM] - 0.1
        if inside and abs(drift(u, kt, True, p)) > _DRIFT * table[0, k]:
            return np.empty((2, 0))
        if k > 0:
            steep[k] = abs(math.log(table[0, k] / table[0, k - 1])) / _GRID
    for k in range(n):
        table[1, k] = steep[max(k - _AHEAD, 0) : k + _AHEAD].max()
    return table


@inlined
def _look_up(u, ahead, low, values, out):
    """Write the value of the table at ``u + ahead``; a loop of its own, since it cannot vectorise.

    Nobody can tell beforehand that ``values`` and ``out`` do not overlap where they are looked up.
    """
    last = values.size - 1.001
    for e in range(u.size):
        at = min(max((u[e] + ahead[e] - low) / _GRID, 0.0), last)
        k = int(at)
        out[e] = values[k] + (at - k) * (values[k + 1] - values[k])


@inlined
def _look_up_both(u, low, values, steepness, out, steep):
    """Write the value of the table and its steepness at ``u``."""
    last = values.size - 1.001
    for e in range(u.size):
        at = min(max((u[e] - low) / _GRID, 0.0), last)
        k = int(at)
        out[e] = values[k] + (at - k) * (values[k + 1] - values[k])
        steep[e] = steepness[k]


@inlined
def _start(u, fill, sign, edge, p, hop, full):
    """Write the size of a hop, and the share of the window that is full."""
    at_edge = exp(-2.0 * sign * edge)
    for e in range(u.size):
        g = exp(-u[e])
        square = g * g
        hop[e] = p[HOP] * g
        full[e] = at_edge * fill[e] * (square if sign < 0.0 else 1.0 / square)


@inlined
def _speed(speed, cycle, out):
    for e in range(out.size):
        out[e] = exp(speed[e] + cycle[e])


@inlined
def _reach(hop, full, hops, steep, s, left, sign, noise, hop_maximum, rate, part, x, plain):
    """Choose how far the substep goes; write rate, time at unit speed, way to its middle."""
    for e in range(rate.size):
        free = max(1.0 - full[e], 0.0)
        bend = steep[e] + 2.0 * min(full[e], 1.0) / max(free, 1e-9) + 1e-3
        size = noise * min(hop[e], hop_maximum) + 1e-3
        reach = min(_BEND / bend, _SWAY / (bend * bend * size))
        # The end of the window is further than this: four terms of -ln(1 - free) / 2.
        far = free * (0.5 + free * (0.25 + free * (1 / 6 + free * 0.125)))
        reach = min(reach, 0.5 * far, far * far / (_MARGIN * _MARGIN * size))
        plain[e] = 1.0 if reach <= STEP else 0.0
        least = min(STEP, max(0.25 * far, _LANDING * STEP))
        reach = min(max(reach, least), _LONGEST)
        rate[e] = hops[e] * free
        part[e] = min(s[e] * left[e], reach / max(rate[e], _LEAST))
        x[e] = 0.5 * sign * rate[e] * part[e]


@inlined
def _middle(full, hops, x, rate, part, sign, middle, end):
    """Write the rate in the middle, and the way to the end as seen from there."""
    for e in range(x.size):
        free = max(1.0 - full[e] * small_exp(2.0 * sign * x[e]), 0.0)
        middle[e] = hops[e] * free
        end[e] = sign * part[e] * (2.0 * middle[e] - rate[e])


@inlined
def _finish(full, hops, x, rate, middle, part, sign, end, way):
    """Write the rate at the end, and the way."""
    for e in range(x.size):
        far = min(max(x[e], -1.0), 1.0)
        end[e] = hops[e] * max(1.0 - full[e] * small_exp(2.0 * sign * far), 0.0)
        simpson = max(rate[e] + 4.0 * middle[e] + end[e], 0.0) / 6.0
        way[e] = min(part[e] * simpson, 2.0 * _LONGEST)


@inlined
def _stop_at_end(full, hops, plain, part, way):
    """Correct the way of plain substeps: the window fills up on it, as ``displaced`` has it."""
    any_plain = 0.0
    for e in range(way.size):
        any_plain = max(any_plain, plain[e])
    if any_plain == 0.0:
        return
    for e in range(way.size):  # few: one by one costs less than all together
        if plain[e] > 0.0:
            free = max(1.0 - full[e], 0.0)
            way[e] = -0.5 * log(1.0 - free * (1.0 - exp(-2.0 * hops[e] * part[e])))


@inlined
def _scatter(hop, rate, middle, end, plain, part, way, sign, noise, hop_maximum, z, u):
    """Move u on, with the noise of the hops."""
    for e in range(u.size):
        h0 = min(hop[e], hop_maximum)
        h1 = min(hop[e] * small_exp(-sign * way[e]), hop_maximum)
        r0 = rate[e] + _LEAST
        r1 = end[e]
        h = 0.5 * (h0 + h1)
        inverse = h0 / r0 + 4.0 * h / max(middle[e], 1e-3 * r0) + h1 / max(r1, 1e-3 * r0)
        stretched = r1 * r1 * part[e] * inverse / 6.0
        pull = r1 / r0 - 1.0
        mean = min(0.25 * h * pull * pull, 0.25 * _SWAY * way[e])
        bare = plain[e] > 0.0
        spread = math.sqrt(noise * (h0 * way[e] if bare else stretched))
        u[e] += sign * (way[e] + noise * (0.0 if bare else mean)) + spread * z[e]


@inlined
def _forget(way, end, part, plain, sign, noise, p, y, cycle, u):
    """Let the speed forget itself; it has changed steadily on the way, which ends elsewhere."""
    for e in range(u.size):
        keep = small_exp(-noise * way[e] / p[CYCLE_MEMORY])
        new = keep * cycle[e] + noise * p[CYCLE_SPREAD] * math.sqrt(1.0 - keep * keep) * y[e]
        more = 0.5 * sign * end[e] * part[e] * (new - cycle[e])
        u[e] += more if plain[e] == 0.0 else 0.0
        cycle[e] = new


@inlined
def _count(s, part, way, hops, hops_middle, hops_end, futile, left, moved, wear):
    """Count time, way and wear; hops that found no place wear little."""
    for e in range(left.size):
        spent = part[e] / s[e]
        left[e] = left[e] - spent if spent < left[e] * (1.0 - 1e-12) else 0.0
    for e in range(left.size):
        moved[e] += way[e]
    for e in range(left.size):
        all_hops = part[e] * (hops[e] + 4.0 * hops_middle[e] + hops_end[e]) / 6.0
        wear[e] += way[e] + futile * max(all_hops - way[e], 0.0)


@inlined
def _keep_inside(u, low, high):
    for e in range(u.size):
        u[e] = min(max(u[e], low), high)


@inlined
def substeps(m, table, sign, noise, p, w):
    """Move the first ``m`` cells of a block on, for the time left or as far as one substep goes.

    Parameters
    ----------
    m
        Number of cells.
    table
        Of :func:`flow_table`.
    sign
        1.0 for SET, -1.0 for RESET.
    noise
        1.0 or 0.0.
    p
        Parameter vector.
    w
        float64, (SCRATCH, BLOCK): rows U to FILL hold the cells, Z and Y normal numbers. Changed.
    """
    low = p[U_PRISTINE] - _BELOW
    edge = p[U_MAXIMUM] if sign > 0.0 else p[U_MINIMUM]
    u, cycle, x = w[U, :m], w[CYCLE, :m], w[_X, :m]
    s, hop, full, plain = w[_S, :m], w[_HOP, :m], w[_FULL, :m], w[_PLAIN, :m]
    rate, part, way, hops = w[_RATE, :m], w[_PART, :m], w[_WAY, :m], w[_HOPS, :m]
    middle, end = w[_MIDDLE, :m], w[_END, :m]
    hops_middle, hops_end = w[_HOPS_MIDDLE, :m], w[_HOPS_END, :m]
    _look_up_both(u, low, table[0], table[1], hops, w[_STEEP, :m])
    _speed(w[SPEED, :m], cycle, s)
    _start(u, w[FILL, :m], sign, edge, p, hop, full)
    _reach(
        hop, full, hops, w[_STEEP, :m], s, w[LEFT, :m], sign, noise, p[HOP_MAXIMUM], rate, part, x,
        plain,
    )  # fmt: skip
    _look_up(u, x, low, table[0], hops_middle)
    _middle(full, hops_middle, x, rate, part, sign, middle, end)
    for e in range(m):
        x[e] = end[e]
    _look_up(u, x, low, table[0], hops_end)
    _finish(full, hops_end, x, rate, middle, part, sign, end, way)
    _stop_at_end(full, hops_middle, plain, part, way)
    _scatter(hop, rate, middle, end, plain, part, way, sign, noise, p[HOP_MAXIMUM], w[Z, :m], u)
    _forget(way, end, part, plain, sign, noise, p, w[Y, :m], cycle, u)
    _count(
        s, part, way, hops, hops_middle, hops_end, p[WEAR_FUTILE], w[LEFT, :m], w[MOVED, :m],
        w[WEAR, :m],
    )  # fmt: skip
    _keep_inside(u, low, p[U_MAXIMUM] + _ABOVE)
