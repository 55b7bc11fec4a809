"""Counter-based random numbers: what a cell draws depends on chip, cell and count alone.

Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11 (2011). The
counter is (cell, stream, draw low, draw high), the key the seed of the chip, so results do not
depend on the order of calls across cells, on threads, or on saving and restoring in between.
"""

from __future__ import annotations

import math

import numpy as np

from labctl.sim.chip.jit import kernel

_MASK = np.uint64(0xFFFFFFFF)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_SHIFT = np.uint64(32)
_ROUNDS = 10


@kernel
def philox(c0, c1, c2, c3, k0, k1):
    """Return four independent 32-bit numbers (as uint64) of a 128-bit counter and 64-bit key."""
    for _ in range(_ROUNDS):
        p0 = c0 * _M0
        p1 = c2 * _M1
        c0, c1, c2, c3 = (
            (p1 >> _SHIFT) ^ c1 ^ k0,
            p1 & _MASK,
            (p0 >> _SHIFT) ^ c3 ^ k1,
            p0 & _MASK,
        )
        k0 = (k0 + _W0) & _MASK
        k1 = (k1 + _W1) & _MASK
    return c0, c1, c2, c3


@kernel
def uniforms(seed, cell, stream, draw):
    """Return four uniform numbers in (0, 1)."""
    s, d = np.uint64(seed), np.uint64(draw)
    a, b, c, e = philox(
        np.uint64(cell), np.uint64(stream), d & _MASK, d >> _SHIFT, s & _MASK, s >> _SHIFT
    )
    f = 1.0 / 4294967296.0
    return (a + 0.5) * f, (b + 0.5) * f, (c + 0.5) * f, (e + 0.5) * f


@kernel
def normals(seed, cell, stream, draw):
    """Return two independent standard normal numbers (Box and Muller)."""
    a, b, _, _ = uniforms(seed, cell, stream, draw)
    r = math.sqrt(-2.0 * math.log(a))
    return r * math.cos(2.0 * math.pi * b), r * math.sin(2.0 * math.pi * b)
