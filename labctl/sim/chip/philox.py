"""Counter-based normal numbers: Philox 4x32-10 (Salmon et al., SC 2011)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, uint32, uint64


@njit(cache=True)
def uniforms(k0, k1, stream, count):
    """Return two uniforms in (0, 1) for key (k0, k1), a stream number and a count."""
    c0 = uint32(count & 0xFFFFFFFF)
    c1 = uint32((count >> 32) & 0xFFFFFFFF)
    c2 = uint32(stream & 0xFFFFFFFF)
    c3 = uint32(0)
    a, b = uint32(k0), uint32(k1)
    for _ in range(10):
        p0 = uint64(c0) * uint64(0xD2511F53)
        p1 = uint64(c2) * uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (
            uint32(uint32(p1 >> uint64(32)) ^ c1 ^ a),
            uint32(p1),
            uint32(uint32(p0 >> uint64(32)) ^ c3 ^ b),
            uint32(p0),
        )
        a = uint32(a + uint32(0x9E3779B9))
        b = uint32(b + uint32(0xBB67AE85))
    return (float(c0) + 0.5) / 4294967296.0, (float(c1) + 0.5) / 4294967296.0


@njit(cache=True)
def normal(k0, k1, stream, count):
    """Return one N(0, 1) number (Box-Muller)."""
    x, y = uniforms(k0, k1, stream, count)
    return math.sqrt(-2.0 * math.log(x)) * math.cos(2.0 * math.pi * y)
