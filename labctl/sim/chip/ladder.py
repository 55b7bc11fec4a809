"""The grid of two crossing sets of resistive lines: what a linear solve of it is made of.

Row lines carry their pad left of column 0, column lines below their last row; a cell joins both at
every crossing. Elimination of the column lines, exact for each by itself, leaves the Schur
complement ``S = T_row - c T_col^-1 a`` on the row nodes. It is never formed: applying it is one
sweep down and up the columns. Its diagonal block of each row line is a tridiagonal matrix too, and
solving with that is the preconditioner.

A cell sends ``a v_col - c v_row`` from its column to its row line; with a transistor in the cell
``a`` and ``c`` differ. All pivots are sums of positive conductances: nothing cancels, however
small the resistance of the wire. Units: any that fit together.

Arrays of the row lines have their number of rows rounded up to a multiple of four (see
:func:`padded`): four recurrences run side by side, which hides the latency of each.
"""

from __future__ import annotations

from labctl.sim.chip.jit import kernel


@kernel
def padded(rows):
    """Return ``rows`` rounded up to a multiple of four."""
    return (rows + 3) // 4 * 4


@kernel
def factor_columns(a, c, vseg, vpad, icol, diag, own):
    """Factor every column line and find what is left of each cell seen from its row line.

    Parameters
    ----------
    a, c
        Slopes of the cells, (rows, columns).
    vseg
        Conductance of the segments between row i and i + 1, (rows - 1,).
    vpad
        Conductance from the last row to the pad of each column, (columns,); 0 where it floats.
    icol
        Written: inverse pivots, (rows, columns).
    diag
        Written: conductance of each cell in series with its column line, (padded rows, columns).
    own
        Written: ``c - diag``, (rows, columns).
    """
    rows, columns = a.shape
    for j in range(columns):
        diag[0, j] = a[0, j]  # conductance from a node upwards, its cell included
    for i in range(rows - 1):
        g = vseg[i]
        for j in range(columns):
            icol[i, j] = 1.0 / (g + diag[i, j])
            diag[i + 1, j] = a[i + 1, j] + g * diag[i, j] * icol[i, j]
    below = vpad.copy()
    for j in range(columns):
        icol[rows - 1, j] = 1.0 / (diag[rows - 1, j] + vpad[j])
    for i in range(rows - 1, -1, -1):
        for j in range(columns):
            up, down = diag[i, j], below[j]
            share = a[i, j] / (up + down)
            own[i, j] = c[i, j] * share
            diag[i, j] = c[i, j] * (up - a[i, j] + down) / (up + down)
        if i > 0:
            g = vseg[i - 1]
            for j in range(columns):
                full = a[i, j] + below[j]
                below[j] = g * full / (g + full)
    diag[rows:] = 1.0


@kernel
def factor_rows(diag, hseg, hpad, irow):
    """Factor every row line: ``diag`` on its nodes, ``hseg`` between them, ``hpad`` at its left.

    ``irow``, (padded rows, columns), is written: inverse pivots. Rows beyond ``hpad`` are padding.
    """
    columns = diag.shape[1]
    for i in range(diag.shape[0]):
        s = diag[i, 0] + (hpad[i] if i < hpad.size else 0.0)
        for j in range(columns - 1):
            inverse = 1.0 / (s + hseg[j])
            irow[i, j] = inverse
            s = diag[i, j + 1] + hseg[j] * s * inverse
        irow[i, columns - 1] = 1.0 / s


@kernel
def columns_solve(icol, vseg, x, out):
    """Write ``T_col^-1 x`` into ``out``, both (rows, columns); may be the same array."""
    rows, columns = icol.shape
    for j in range(columns):
        out[0, j] = x[0, j]
    for i in range(1, rows):
        g = vseg[i - 1]
        for j in range(columns):
            out[i, j] = x[i, j] + g * icol[i - 1, j] * out[i - 1, j]
    for j in range(columns):
        out[rows - 1, j] *= icol[rows - 1, j]
    for i in range(rows - 2, -1, -1):
        g = vseg[i]
        for j in range(columns):
            out[i, j] = icol[i, j] * (out[i, j] + g * out[i + 1, j])


@kernel
def rows_solve(irow, hseg, w, r, p, s, z, alpha):
    """Take a step and precondition: ``w += alpha p``, ``r -= alpha s``, ``z = M^-1 r``.

    All (padded rows, columns). Returns ``r . z``.
    """
    rows, columns = irow.shape
    total = 0.0
    for i in range(0, rows, 4):
        c0, c1, c2, c3 = 0.0, 0.0, 0.0, 0.0
        g = 0.0
        for j in range(columns):
            w[i, j] += alpha * p[i, j]
            w[i + 1, j] += alpha * p[i + 1, j]
            w[i + 2, j] += alpha * p[i + 2, j]
            w[i + 3, j] += alpha * p[i + 3, j]
            x0 = r[i, j] - alpha * s[i, j]
            x1 = r[i + 1, j] - alpha * s[i + 1, j]
            x2 = r[i + 2, j] - alpha * s[i + 2, j]
            x3 = r[i + 3, j] - alpha * s[i + 3, j]
            r[i, j] = x0
            r[i + 1, j] = x1
            r[i + 2, j] = x2
            r[i + 3, j] = x3
            c0 = x0 + g * c0
            c1 = x1 + g * c1
            c2 = x2 + g * c2
            c3 = x3 + g * c3
            # what stays behind is already multiplied by the pivot of its node
            c0 *= irow[i, j]
            c1 *= irow[i + 1, j]
            c2 *= irow[i + 2, j]
            c3 *= irow[i + 3, j]
            z[i, j] = c0
            z[i + 1, j] = c1
            z[i + 2, j] = c2
            z[i + 3, j] = c3
            if j < columns - 1:
                g = hseg[j]
        c0, c1, c2, c3 = 0.0, 0.0, 0.0, 0.0
        t0, t1, t2, t3 = 0.0, 0.0, 0.0, 0.0
        for j in range(columns - 1, -1, -1):
            g = hseg[j] if j < columns - 1 else 0.0
            c0 = z[i, j] + irow[i, j] * g * c0
            c1 = z[i + 1, j] + irow[i + 1, j] * g * c1
            c2 = z[i + 2, j] + irow[i + 2, j] * g * c2
            c3 = z[i + 3, j] + irow[i + 3, j] * g * c3
            z[i, j] = c0
            z[i + 1, j] = c1
            z[i + 2, j] = c2
            z[i + 3, j] = c3
            t0 += c0 * r[i, j]
            t1 += c1 * r[i + 1, j]
            t2 += c2 * r[i + 2, j]
            t3 += c3 * r[i + 3, j]
        total += (t0 + t1) + (t2 + t3)
    return total


@kernel
def schur(a, c, hseg, hpad, vseg, icol, w, out, scratch):
    """Write ``S w`` into ``out``; ``scratch`` then holds the columns driven by ``w`` alone.

    ``w`` and ``out`` have at least as many rows as ``a``; rows beyond are left alone.
    """
    rows, columns = a.shape
    for i in range(rows):
        for j in range(columns):
            scratch[i, j] = c[i, j] * w[i, j]
    columns_solve(icol, vseg, scratch, scratch)
    for i in range(rows):
        for j in range(columns):
            out[i, j] = c[i, j] * w[i, j] - a[i, j] * scratch[i, j]
        out[i, 0] += hpad[i] * w[i, 0]
        for j in range(columns - 1):
            flow = hseg[j] * (w[i, j] - w[i, j + 1])
            out[i, j] += flow
            out[i, j + 1] -= flow
    out[rows:] = 0.0
