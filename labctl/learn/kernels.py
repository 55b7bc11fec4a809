"""What is done for every pulse of the learning, compiled: a step of a chain costs microseconds.

Called by the classes that own the arrays; what the numbers mean is told there.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def look_up(table, rise, low, spacing, conductance, out):
    """Interpolate the rows of ``table``, shape (m, 8), at conductances; ``out`` is (n, 8)."""
    last = rise.shape[0] - 1
    for k in range(conductance.size):
        place = (conductance[k] - low) / spacing
        if not place > 0.0:
            place = 0.0
        elif place > last + 1.0:
            place = last + 1.0
        cell = min(int(place), last)
        for j in range(8):
            out[k, j] = table[cell, j] + (place - cell) * rise[cell, j]


@njit(cache=True)
def mixed(looked, up_factor, down_factor, noise, out):
    """Write the six rows of :class:`labctl.learn.curves.Moments` for looked-up curves (n, 8)."""
    for k in range(looked.shape[0]):
        f, g = up_factor[k], down_factor[k]
        u, d = looked[k, 0] * f, looked[k, 1] * g
        du, dd = looked[k, 4] * f, looked[k, 5] * g
        vu, vd = looked[k, 2] * noise, looked[k, 3] * noise
        share = d / (u + d)
        bend = (dd * u - d * du) / (u + d) ** 2
        out[0, k], out[1, k] = u, d
        out[2, k] = share * vu + (1 - share) * vd
        out[3, k], out[4, k] = du, dd
        out[5, k] = (share * looked[k, 6] + (1 - share) * looked[k, 7]) * noise + bend * (vu - vd)


@njit(cache=True)
def moments_at(
    table, rise, low, spacing, conductance, slot, factor, noise, looked, out
):  # fmt: skip
    """Do :func:`look_up` and :func:`mixed` for cells with factors of shape (n, slots, 2)."""
    look_up(table, rise, low, spacing, conductance, looked)
    up, down = np.empty(slot.size), np.empty(slot.size)
    for k in range(slot.size):
        up[k], down[k] = factor[k, slot[k], 0], factor[k, slot[k], 1]
    mixed(looked, up, down, noise, out)


@njit(cache=True)
def weigh(conductance, signs, offset, kappa, out):
    """Write weights, shape (k, n), of conductances (S), shape (k, n, slots)."""
    for i in range(conductance.shape[0]):
        for k in range(conductance.shape[1]):
            total = -offset
            for j in range(signs.size):
                total += conductance[i, k, j] * signs[j]
            out[i, k] = total / kappa[k]


@njit(cache=True)
def average(passes, fallback, mean):
    """Put what was known in the place of reads that failed; write the mean over passes.

    ``passes`` is of shape (k, n, slots), changed; ``fallback`` and ``mean`` are (n, slots).
    """
    mean[:] = 0.0
    for i in range(passes.shape[0]):
        for k in range(mean.shape[0]):
            for j in range(mean.shape[1]):
                if not np.isfinite(passes[i, k, j]):
                    passes[i, k, j] = fallback[k, j]
                mean[k, j] += passes[i, k, j] / passes.shape[0]


@njit(cache=True)
def away_from_even(conductance, slot, signs, shared, centre, out):
    """Write how far one cell of each weight is from an even share of its weight, S.

    ``shared`` has, for each slot, its sign over the number of pulsed slots; 0 where it is not one.
    """
    for k in range(slot.size):
        even = 0.0
        for j in range(signs.size):
            even += (conductance[k, j] - centre) * shared[j]
        out[k] = conductance[k, slot[k]] - centre - even * signs[slot[k]]


@njit(cache=True)
def track(
    slot, polarity, before, after, looked, read_floor, read_relative, read_factor, noise_factor,
    prior, known, information, moment, factor, keep, prior_pulses, outlier, low, high, seen,
):  # fmt: skip
    """Take the pulses of one step into a tracker's sums; return how many there were.

    ``seen``, shape (4, n), gets step, expected step, variance of the pulse and of its two reads;
    NaN where nothing was pulsed or read.
    """
    count = 0
    for k in range(slot.size):
        if polarity[k] == 0 or not np.isfinite(after[k]):
            seen[0, k] = np.nan
            continue
        count += 1
        j = slot[k]
        kind = 0 if polarity[k] > 0 else 1
        typical, spread = looked[k, kind], looked[k, 2 + kind]
        level = before[k]
        read = 2.0 * (read_floor + read_relative * level * level) * read_factor[k, j]
        step = polarity[k] * (after[k] - level)
        expected = factor[k, j, kind] * typical
        scatter = spread * noise_factor
        total = scatter + read
        limit = outlier * np.sqrt(total)
        residual = min(max(step - expected, -limit), limit)
        weight = typical / total
        information[k, j, kind] = keep * information[k, j, kind] + weight * typical
        moment[k, j, kind] = keep * moment[k, j, kind] + weight * (expected + residual)
        trust = min(known[k, j, kind], prior_pulses * weight * typical)
        fresh = (moment[k, j, kind] + trust * prior[k, j, kind]) / (information[k, j, kind] + trust)
        factor[k, j, kind] = min(max(fresh, low), high)
        seen[0, k], seen[1, k], seen[2, k], seen[3, k] = step, expected, scatter, read
    return count


@njit(cache=True)
def diffuse(
    slot, polarity, before, after, seen, noise_factor, start, expected, variance, count, noise,
    block, memory, outlier,
):  # fmt: skip
    """Add pulses to the blocks of their cells, and take the blocks that are full into ``noise``."""
    squares, full = 0.0, 0
    for k in range(slot.size):
        if np.isnan(seen[0, k]):
            continue
        j = slot[k]
        if count[k, j] == 0:
            start[k, j] = before[k]
        expected[k, j] += polarity[k] * seen[1, k]
        variance[k, j] += seen[2, k] / noise_factor
        count[k, j] += 1
        if count[k, j] >= block:
            strayed = after[k] - start[k, j] - expected[k, j]
            square = (strayed * strayed - seen[3, k]) / variance[k, j]
            squares += min(square, outlier * outlier * noise_factor)
            full += 1
            expected[k, j] = variance[k, j] = 0.0
            count[k, j] = 0
    if full:
        fade = (1.0 - 1.0 / memory) ** full
        noise[0] = fade * noise[0] + squares
        noise[1] = fade * noise[1] + full


@njit(cache=True)
def absorb(here, read, noise):
    """Take a read into what is thought of a cell; return by how much it speaks for stuck."""
    moved, stayed = read - here[0], read - here[2]
    spread, narrow = here[1] + noise, here[3] + noise
    gain = 0.5 * (moved * moved / spread - stayed * stayed / narrow + np.log(spread / narrow))
    here[0] += here[1] / spread * moved
    here[2] += here[3] / narrow * stayed
    here[1] *= noise / spread
    here[3] *= noise / narrow
    here[4] = read
    return gain


@njit(cache=True)
def suspect(
    slot, polarity, before, after, seen, factor, room, reach, score, silent, belief, most, still,
    share, walk, lost,
):  # fmt: skip
    """Add up how much likelier each pulsed cell is stuck than working (log ratio).

    ``belief``, shape (5, n, slots), is what is thought of each cell (S, S^2): mean and variance
    where it works, mean and variance where it is stuck, last read; NaN where nothing is. RESET
    below and SET above ``room`` (S) are no proof that a cell is stuck. Beyond ``reach`` (S) each
    pulse towards the window that leaves the cell there adds ``lost`` at least.
    """
    for k in range(slot.size):
        j = slot[k]
        if polarity[k] == 0:
            continue
        if np.isnan(seen[0, k]):
            silent[k, j] += 1
            continue
        silent[k, j] = 0
        here = belief[:, k, j]
        noise, expected = 0.5 * seen[3, k], seen[1, k]
        if np.isnan(here[4]):
            here[0], here[2] = before[k], before[k]
            here[1], here[3] = noise, noise
        gain = 0.0
        if not np.isnan(here[4]) and before[k] != here[4]:  # it was read anew since
            gain = absorb(here, before[k], noise)
        tracked = factor[k, j, 0 if polarity[k] > 0 else 1]
        own = min(tracked, 1.0)
        expected *= own / tracked  # noise alone can make a cell look fast
        here[0] += polarity[k] * share * expected
        here[1] += walk * own * seen[2, k]
        here[3] += min((still * expected) ** 2, walk * own * seen[2, k])
        gain += absorb(here, after[k], noise)
        if polarity[k] > 0:
            has_room, is_out = before[k] < room[1], before[k] < reach[0] and after[k] < reach[0]
        else:
            has_room, is_out = before[k] > room[0], before[k] > reach[1] and after[k] > reach[1]
        if is_out:
            gain = max(gain, lost)
        if gain < 0.0 or has_room:
            score[k, j] = max(score[k, j] + min(max(gain, -most), most), 0.0)
        if score[k, j] == 0.0:
            here[2], here[3] = after[k], noise  # it may have stuck here


@njit(cache=True)
def toss_in_turn(order, toss, first, second, c0, c1, c2, up, down, curvature, lean, heat, polarity):
    """Decide on one weight after the other, each knowing the moves before it; count saturations.

    Parameters
    ----------
    order
        int64, shape (n,): the weights, in the order they are decided.
    toss
        float64, shape (n,): uniform in 0 to 1.
    first
        float64, shape (n,): dV/dx (1/S); changed.
    second
        float64, shape (n,): d2V/dx2 (1/S^2).
    c0, c1, c2
        float64, shape (n,): of the wanted mean move ``c0 + c1 V' + c2 (V'^2 - V'')``.
    up, down
        float64, shape (n,), S: mean steps.
    curvature, lean, heat
        float64, shape (n, n); (n,), sign / kappa (1/S); the temperature: a move ``dx`` of one cell
        changes the force on another by ``lean curvature lean dx / heat``.
    polarity
        int8, shape (n,): written.
    """
    saturated = 0
    for j in order:
        x, v = first[j], second[j]
        drift = c0[j] + c1[j] * x
        if c2[j] != 0.0:
            drift += c2[j] * min(max(x * x - v, -2.0 * v), 4.0 * v)
        chance = (drift + down[j]) / (up[j] + down[j])
        if not 0.0 <= chance <= 1.0:
            saturated += 1
        if toss[j] < chance:
            polarity[j] = 1
            move = up[j] * lean[j] / heat
        else:
            polarity[j] = -1
            move = -down[j] * lean[j] / heat
        for k in range(first.size):
            first[k] += curvature[j, k] * lean[k] * move
    return saturated


@njit(cache=True)
def polynomial(up, down, variance, up_slope, down_slope, variance_slope, ito, second, out):
    """Write c0, c1, c2 of :meth:`labctl.learn.coin.StateAwareCoin.polynomial`, (3, n)."""
    for k in range(up.size):
        u, d, du, dd = up[k], down[k], up_slope[k], down_slope[k]
        a = u * d
        b = a + variance[k]
        a_slope = du * d + u * dd
        b_slope = a_slope + variance_slope[k]
        c0 = 0.5 * b_slope if ito else 0.0
        c1 = -0.5 * b
        c2 = 0.0
        if second:
            skew, skew_slope = u - d, du - dd
            a_bend = 2.0 * du * dd
            third_slope = a_slope * skew + a * skew_slope
            third_bend = a_bend * skew + 2.0 * a_slope * skew_slope
            c0 += 0.25 * (skew_slope * b_slope + skew * a_bend) - third_bend / 6.0
            c1 += -0.25 * (skew_slope * b + 2.0 * skew * b_slope) + third_slope / 3.0
            c2 = 0.25 * skew * b - a * skew / 6.0
        out[0, k], out[1, k], out[2, k] = c0, c1, c2
