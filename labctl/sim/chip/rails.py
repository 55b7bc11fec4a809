"""Bit and source line of a column side by side: a ladder of two rails, solved directly.

Pads of bit lines lie below the last row, of source lines above the first. Node by node from the
top, everything above is kept as a 2 x 2 admittance. Units: any that fit together.
"""

from __future__ import annotations

from labctl.sim.chip.jit import kernel


@kernel
def factor_rails(a, c, bit_seg, bit_pad, source_seg, source_pad, inverse):
    """Factor the ladders of all columns.

    Parameters
    ----------
    a, c
        Slopes of the cells against bit and source node, (rows, columns).
    bit_seg, source_seg
        Segments between row i and i + 1, (rows - 1,).
    bit_pad, source_pad
        From the pads to the nodes next to them, (columns,).
    inverse
        Written: inverse pivots, (rows, columns, 4).
    """
    rows, columns = a.shape
    for j in range(columns):
        e0, e1, e2, e3 = a[0, j], -c[0, j], -a[0, j], c[0, j] + source_pad[j]
        for i in range(rows):
            last = i == rows - 1
            g = bit_pad[j] if last else bit_seg[i]
            h = 0.0 if last else source_seg[i]
            # determinant of admittance and segments together, term by term: it does not cancel
            det = g * h + g * e3 + h * e0 + (e0 * e3 - e1 * e2)
            i0, i1, i2, i3 = (h + e3) / det, -e1 / det, -e2 / det, (g + e0) / det
            inverse[i, j, 0], inverse[i, j, 1] = i0, i1
            inverse[i, j, 2], inverse[i, j, 3] = i2, i3
            if not last:
                # seen from below through the segments: G (E + G)^-1 E
                f0, f1 = g * (i0 * e0 + i1 * e2), g * (i0 * e1 + i1 * e3)
                f2, f3 = h * (i2 * e0 + i3 * e2), h * (i2 * e1 + i3 * e3)
                e0, e1 = f0 + a[i + 1, j], f1 - c[i + 1, j]
                e2, e3 = f2 - a[i + 1, j], f3 + c[i + 1, j]


@kernel
def rails_solve(inverse, bit_seg, source_seg, bit, source):
    """Replace currents into the nodes, (rows, columns) at least, by their voltages."""
    rows, columns = inverse.shape[:2]
    for i in range(rows):
        for j in range(columns):
            x, y = bit[i, j], source[i, j]
            if i > 0:
                x += bit_seg[i - 1] * bit[i - 1, j]
                y += source_seg[i - 1] * source[i - 1, j]
            bit[i, j] = inverse[i, j, 0] * x + inverse[i, j, 1] * y
            source[i, j] = inverse[i, j, 2] * x + inverse[i, j, 3] * y
    for i in range(rows - 2, -1, -1):
        for j in range(columns):
            x = bit_seg[i] * bit[i + 1, j]
            y = source_seg[i] * source[i + 1, j]
            bit[i, j] += inverse[i, j, 0] * x + inverse[i, j, 1] * y
            source[i, j] += inverse[i, j, 2] * x + inverse[i, j, 3] * y
