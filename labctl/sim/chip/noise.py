"""Counter-based random numbers: what a cell draws depends on chip, cell and count alone.

Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11 (2011). The
counter is (cell, stream, draw low, draw high), the key the seed of the chip, so results do not
depend on the order of calls across cells, on threads, or on saving and restoring in between.

One cell at a time or many in a row, the numbers are the same to the last bit.
"""

from __future__ import annotations

import math

import numpy as np

from labctl.sim.chip.elementary import cos_sin, log
from labctl.sim.chip.jit import inlined

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_SHIFT = np.uint64(32)
_ROUNDS = 10
_SCALE = 1.0 / 4294967296.0


@inlined
def philox(c0, c1, c2, c3, k0, k1, rounds=_ROUNDS):
    """Return four independent uint32 of a counter of four and a key of two uint32."""
    # Numbers are cast at every step: numba would widen them to 64 bit, and half the lanes are lost.
    c0, c1, c2, c3 = np.uint32(c0), np.uint32(c1), np.uint32(c2), np.uint32(c3)
    k0, k1 = np.uint32(k0), np.uint32(k1)
    for _ in range(rounds):
        p0 = np.uint64(c0) * _M0
        p1 = np.uint64(c2) * _M1
        c0 = np.uint32(np.uint32(np.uint32(p1 >> _SHIFT) ^ c1) ^ k0)
        c2 = np.uint32(np.uint32(np.uint32(p0 >> _SHIFT) ^ c3) ^ k1)
        c1, c3 = np.uint32(p1), np.uint32(p0)
        k0 = np.uint32(k0 + _W0)
        k1 = np.uint32(k1 + _W1)
    return c0, c1, c2, c3


@inlined
def words(seed, cell, stream, draw):
    """Return the four uint32 of one draw of one cell."""
    s, d = np.uint64(seed), np.uint64(draw)
    return philox(
        np.uint32(cell), np.uint32(stream), np.uint32(d), np.uint32(d >> _SHIFT), np.uint32(s),
        np.uint32(s >> _SHIFT),
    )  # fmt: skip


@inlined
def uniform(word):
    """Return a uint32 as a number in (0, 1)."""
    return (np.float64(word) + 0.5) * _SCALE


@inlined
def gaussian(a, b):
    """Return two independent standard normal numbers of two uint32 (Box and Muller)."""
    r = math.sqrt(-2.0 * log(uniform(a)))
    c, s = cos_sin(b)
    return r * c, r * s


@inlined
def uniforms(seed, cell, stream, draw):
    """Return four uniform numbers in (0, 1)."""
    a, b, c, d = words(seed, cell, stream, draw)
    return uniform(a), uniform(b), uniform(c), uniform(d)


@inlined
def normals(seed, cell, stream, draw):
    """Return two independent standard normal numbers."""
    a, b, _, _ = words(seed, cell, stream, draw)
    return gaussian(a, b)
