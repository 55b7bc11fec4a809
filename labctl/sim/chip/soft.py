"""The kernel of :class:`labctl.sim.softbounds.SoftBounds`, in single precision throughout."""

from __future__ import annotations

import functools
import math

import numpy as np

from labctl.sim.chip.jit import loose
from labctl.sim.chip.noise import philox

BLOCK = 1024
"""Devices treated together: their arrays stay in the first-level cache over many pulses."""
_QUARTER = BLOCK // 4
_ROUNDS = 7  # the fewest that pass the tests of the paper (see noise.py), with margin
_STREAM = np.uint32(0x50F7)
_SHIFT = np.uint64(32)

_F = np.float32
_ZERO, _HALF, _ONE, _TWO = _F(0.0), _F(0.5), _F(1.0), _F(2.0)
_LN2 = _F(math.log(2.0))
_L3, _L5, _L7, _L9 = _F(1 / 3), _F(1 / 5), _F(1 / 7), _F(1 / 9)
_S3, _S5, _S7, _S9 = _F(-1 / 6), _F(1 / 120), _F(-1 / 5040), _F(1 / 362880)
_C4, _C6, _C8 = _F(1 / 24), _F(-1 / 720), _F(1 / 40320)
_ROOT_HALF = np.int32(0x3F3504F3)  # the bits of sqrt(1/2)
_MANTISSA = np.int32(23)
_DROP = np.uint32(9)
_UNIT = _F(2.0**-23)
_TURN = _F(2.0 * math.pi / 2.0**32)
_EIGHTH = np.uint32(1 << 29)
_SECTOR = np.uint32(30)
_BIT, _BITS = np.uint32(1), np.uint32(2)

_inlined = functools.partial(loose, into_caller=True)


@_inlined
def _gaussian(a, b):
    """Return two independent standard normal float32 of two uint32, none beyond 5.8."""
    # 23 bits and a half: exact in single precision, and never zero
    x = (_F(np.int32(np.uint32(a >> _DROP))) + _HALF) * _UNIT
    bits = _F(x).view(np.int32)
    k = np.int32(np.int32(bits - _ROOT_HALF) >> _MANTISSA)
    m = np.int32(bits - np.int32(k << _MANTISSA)).view(np.float32)
    s = (m - _ONE) / (m + _ONE)
    z = s * s
    log = _F(k) * _LN2 + _TWO * s * (_ONE + z * (_L3 + z * (_L5 + z * (_L7 + z * _L9))))
    r = np.sqrt(-_TWO * log)
    quarter = np.uint32(np.uint32(b + _EIGHTH) >> _SECTOR)
    x = _F(np.int32(np.uint32(b - np.uint32(quarter << _SECTOR)))) * _TURN
    z = x * x
    sine = x * (_ONE + z * (_S3 + z * (_S5 + z * (_S7 + z * _S9))))
    cosine = _ONE + z * (-_HALF + z * (_C4 + z * (_C6 + z * _C8)))
    odd = np.uint32(quarter & _BIT) != 0
    first, second = (sine, cosine) if odd else (cosine, sine)
    first = -first if np.uint32(np.uint32(quarter + _BIT) & _BITS) != 0 else first
    second = -second if np.uint32(quarter & _BITS) != 0 else second
    return r * first, r * second


@_inlined
def _fill(block, pulse, seed, z0, z1, z2, z3):
    """Write the normal numbers of one block and pulse, four per counter."""
    base = np.uint32(block * _QUARTER)
    for q in range(z0.size):
        a, b, c, d = philox(
            np.uint32(base + np.uint32(q)), np.uint32(pulse), np.uint32(pulse >> _SHIFT), _STREAM,
            np.uint32(seed), np.uint32(seed >> _SHIFT), _ROUNDS,
        )  # fmt: skip
        z0[q], z1[q] = _gaussian(a, b)
        z2[q], z3[q] = _gaussian(c, d)


@_inlined
def _prepare(up, down, low, high, direction, step, keep):
    """Write step and factor of a pulse, ``w -> step + keep * w``: 0 and 1 without a direction."""
    # Two loops: with more arrays in one, the compiler gives up proving that they do not overlap.
    for j in range(direction.size):
        rise, fall = direction[j] > 0, direction[j] < 0
        step[j] = (up[j] if rise else _ZERO) - (down[j] if fall else _ZERO)
    for j in range(direction.size):
        rise = direction[j] > 0
        a, b = high[j], low[j]
        keep[j] = _ONE - step[j] / (a if rise else b)


@_inlined
def _step(w, step, keep, low, high, sigma, z):
    """Give each device of a block one pulse."""
    for j in range(w.size):
        new = keep[j] * w[j] + step[j] * (_ONE + sigma * z[j])
        w[j] = min(max(new, low[j]), high[j])


@loose
def soft_pulses(w, up, down, low, high, direction, sigma, seed, first, count):
    """Give each device ``count`` pulses in its direction.

    Parameters
    ----------
    w, up, down, low, high
        float32, shape (n,): weights (changed), steps at w = 0 (both positive), bounds.
    direction
        int8, shape (n,): -1, 0 or 1.
    sigma
        float32: standard deviation of a step, in units of the step at w = 0.
    seed, first, count
        uint64 seed, number of the first pulse of these, number of pulses.
    """
    z = np.zeros(BLOCK, dtype=np.float32)
    step, keep = np.empty(BLOCK, dtype=np.float32), np.empty(BLOCK, dtype=np.float32)
    for block in range((w.size + BLOCK - 1) // BLOCK):
        start = block * BLOCK
        stop = min(start + BLOCK, w.size)
        x, lo, hi = w[start:stop], low[start:stop], high[start:stop]
        _prepare(up[start:stop], down[start:stop], lo, hi, direction[start:stop], step, keep)
        for k in range(count):
            if sigma > _ZERO:
                pulse = np.uint64(first) + np.uint64(k)
                _fill(
                    np.uint64(block), pulse, np.uint64(seed), z[:_QUARTER],
                    z[_QUARTER : 2 * _QUARTER], z[2 * _QUARTER : 3 * _QUARTER], z[3 * _QUARTER :],
                )  # fmt: skip
            _step(x, step, keep, lo, hi, sigma, z)
