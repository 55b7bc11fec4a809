"""The loop of the coin that looks ahead, compiled: a toss changes the force on those after it."""

from __future__ import annotations

from numba import njit


@njit(cache=True)
def toss_in_turn(order, toss, first, second, c0, c1, c2, up, down, coupling, polarity):
    """Decide on one weight after the other; return how many coins were saturated.

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
    coupling
        float64, shape (n, n): derivative of the force on one weight's cell to the conductance of
        another's (1/S^2).
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
            move = up[j]
        else:
            polarity[j] = -1
            move = -down[j]
        for k in range(len(first)):
            first[k] += coupling[j, k] * move
    return saturated
