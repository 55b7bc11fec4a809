"""Elementary functions without branches or calls, so that a plain loop over cells vectorises.

They use nothing but additions, products, quotients and bits, in one order: the same argument gives
the same result alone or in bulk, and on every machine. Errors are below 4e-16 relative.
"""

from __future__ import annotations

import numpy as np

from labctl.sim.chip.jit import inlined

_LN2 = 0.6931471805599453
_LN2_HIGH = 6.93147180369123816490e-01  # 33 bits, so that its product with an exponent is exact
_LN2_LOW = 1.90821492927058770002e-10
_ROOT_HALF = np.int64(0x3FE6A09E667F3BCD)  # the bits of sqrt(1/2)
_ROUND = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to an integer, found in the low bits
_BIAS = np.int64(1023)
_MANTISSA = np.int64(52)
_TURN = 2.0 * np.pi / 4294967296.0
_EIGHTH = np.uint32(1 << 29)
_QUARTER = np.uint32(30)
_ONE, _TWO = np.uint32(1), np.uint32(2)


@inlined
def log(x):
    """Return the natural logarithm of a positive, finite, normal number."""
    bits = np.float64(x).view(np.int64)
    k = (bits - _ROOT_HALF) >> _MANTISSA
    m = np.int64(bits - (k << _MANTISSA)).view(np.float64)  # from sqrt(1/2) to sqrt(2)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    # 2 artanh(s) = 2 s + s z (2/3 + 2 z/5 + ...); |s| < 0.172, the first term left out is 1e-18
    t = 2.0 / 21.0
    t = t * z + 2.0 / 19.0
    t = t * z + 2.0 / 17.0
    t = t * z + 2.0 / 15.0
    t = t * z + 2.0 / 13.0
    t = t * z + 2.0 / 11.0
    t = t * z + 2.0 / 9.0
    t = t * z + 2.0 / 7.0
    t = t * z + 2.0 / 5.0
    t = t * z + 2.0 / 3.0
    half = 0.5 * f * f
    n = np.float64(k)
    return n * _LN2_HIGH - ((half - (s * (half + z * t) + n * _LN2_LOW)) - f)


@inlined
def exp(x):
    """Return e to the power ``x``; beyond -708 and 709 that of the nearest of both."""
    x = min(max(x, -708.0), 709.0)
    shifted = x / _LN2 + _ROUND
    k = shifted - _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW  # |r| < 0.347
    t = 1.0 / 6227020800.0
    t = t * r + 1.0 / 479001600.0
    t = t * r + 1.0 / 39916800.0
    t = t * r + 1.0 / 3628800.0
    t = t * r + 1.0 / 362880.0
    t = t * r + 1.0 / 40320.0
    t = t * r + 1.0 / 5040.0
    t = t * r + 1.0 / 720.0
    t = t * r + 1.0 / 120.0
    t = t * r + 1.0 / 24.0
    t = t * r + 1.0 / 6.0
    t = t * r + 0.5
    t = t * r * r + r + 1.0
    scale = (np.float64(shifted).view(np.int64) + _BIAS) << _MANTISSA
    return t * np.int64(scale).view(np.float64)


@inlined
def small_exp(x):
    """Return e to a small power: to 1e-17 for |x| below 0.01, 2e-6 below 0.5, 2e-4 below 1."""
    return 1.0 + x * (1.0 + x * (0.5 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x * (1 / 720))))))


@inlined
def cos_sin(n):
    """Return cosine and sine of (n + 1/2) / 2^32 turns, ``n`` uint32."""
    quarter = np.uint32(np.uint32(n + _EIGHTH) >> _QUARTER)
    x = (np.float64(np.int32(np.uint32(n - np.uint32(quarter << _QUARTER)))) + 0.5) * _TURN
    z = x * x  # x within a quarter of pi
    s = -1.0 / 1307674368000.0
    s = s * z + 1.0 / 6227020800.0
    s = s * z - 1.0 / 39916800.0
    s = s * z + 1.0 / 362880.0
    s = s * z - 1.0 / 5040.0
    s = s * z + 1.0 / 120.0
    s = s * z - 1.0 / 6.0
    s = s * z * x + x
    c = 1.0 / 20922789888000.0
    c = c * z - 1.0 / 87178291200.0
    c = c * z + 1.0 / 479001600.0
    c = c * z - 1.0 / 3628800.0
    c = c * z + 1.0 / 40320.0
    c = c * z - 1.0 / 720.0
    c = c * z + 1.0 / 24.0
    c = c * z * z - 0.5 * z + 1.0
    odd = np.uint32(quarter & _ONE) != 0
    first, second = (s, c) if odd else (c, s)
    a = -first if np.uint32((quarter + _ONE) & _TWO) != 0 else first
    b = -second if np.uint32(quarter & _TWO) != 0 else second
    return a, b
