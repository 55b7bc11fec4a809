"""Visits to single cells in one go: pulses, reads and sweeps, with the bench time between them.

Where the selected cell is the only one that carries current, nothing has to be planned or solved:
what :class:`labctl.sim.chip.Chip` does for every level and every reading comes down to the few
kernels here, with the same result to the last bit. Units: V, µA, µS, s.

All kernels take the chip as ``state, counts, p, noise, seed, shape`` (see
:func:`labctl.sim.chip.evolve.stress`), then three vectors with the columns below: the ``bench``,
the times ``t`` and the ``place``; the last two are changed.
"""

from __future__ import annotations

import numpy as np

from labctl.sim.chip.cell import load_line
from labctl.sim.chip.evolve import stress, wires
from labctl.sim.chip.jit import bare, inlined
from labctl.sim.chip.layout import QUIET, THRESHOLD
from labctl.sim.chip.measure import seen
from labctl.sim.chip.rest import settled

(
    MESSAGE, ANSWER, RELAYS, LEVEL, WORD_SETTLE, BIT_SETTLE, BIT_READING, SOURCE_READING,
    BIT_LIMIT, SOURCE_LIMIT, BIT_RANGE, SOURCE_RANGE, REACTION,
) = range(13)  # fmt: skip
"""Of a bench: durations (s), compliances and readable currents (µA), and how late (s) the line of
the smaller compliance limits."""
NOW, AT, AGE, SLACK, BIT, SOURCE, GATE = range(7)
"""Bench time; bench time up to which the chip has lived; age of the chip; what is left of the
reaction time (s); levels of bit line, source line and gate (V)."""
TIMES = 7
DRIVES, MOVED, ROW, COLUMN = range(4)
"""Number of the present drive; whether the chip has yet to be told of relays; the cell selected."""
COMPLIANCE, OVERFLOW = 1, 2
"""Flags of a reading: the source was at its limit; the current was beyond the range."""
BEGIN, CALL, RETURN, END = 1, 2, 4, 8
"""Around a point of a sweep: the buffer is cleared before it; a message begins with it, ends with
it; the line goes back to zero after it and the readings are sent."""


@inlined
def _live(state, counts, p, noise, seed, shape, bench, t, place):
    """Let the chip live up to now; only the selected cell may be stressed."""
    passed = t[NOW] - t[AT]
    if passed <= 0.0:
        return
    t[AT] = t[NOW]
    v = t[BIT] - t[SOURCE]
    gate = t[GATE] - min(t[BIT], t[SOURCE])
    if abs(v) > p[QUIET] and gate > p[THRESHOLD]:
        c = place[ROW] * shape[1] + place[COLUMN]
        above, below = wires(c, v, p, shape)
        limit = min(bench[BIT_LIMIT], bench[SOURCE_LIMIT])
        t[SLACK] = stress(
            state, counts, c, v, gate, above, below, t[AGE], passed, limit, t[SLACK], p, noise,
            seed, place[DRIVES],
        )  # fmt: skip
    t[AGE] += passed


@inlined
def tell(bench, t, place, bit, source):
    """Tell the chip of new levels (V), and of relays that have moved.

    A source that has reacted goes on limiting while its level keeps its sign.
    """
    by_bit = bench[BIT_LIMIT] <= bench[SOURCE_LIMIT]
    old, new = (t[BIT], bit) if by_bit else (t[SOURCE], source)
    if not (old * new > 0.0 and (t[SLACK] == 0.0 or old == new)):
        t[SLACK] = bench[REACTION]
    t[BIT], t[SOURCE] = bit, source
    place[DRIVES] += 1 + place[MOVED]
    place[MOVED] = 0


@inlined
def _set(state, counts, p, noise, seed, shape, bench, t, place, bit, source):
    """Bring bit line and source line to their levels (V)."""
    if t[BIT] == bit and t[SOURCE] == source:
        return
    _live(state, counts, p, noise, seed, shape, bench, t, place)
    tell(bench, t, place, bit, source)


@inlined
def set_gate(bench, t, voltage):
    """Bring the word line to a level (V) while the other lines are at zero."""
    t[GATE] = voltage
    t[NOW] += bench[MESSAGE]
    t[NOW] += bench[LEVEL]
    t[NOW] += bench[WORD_SETTLE]
    t[NOW] += bench[ANSWER]


@inlined
def _current(state, counts, p, noise, seed, shape, bench, t, place, wanted):
    """Look at the selected cell; return its current (µA), or 0 where it is not ``wanted``."""
    if t[BIT] == 0.0 and t[SOURCE] == 0.0:
        return 0.0
    _live(state, counts, p, noise, seed, shape, bench, t, place)
    v = t[BIT] - t[SOURCE]
    gate = t[GATE] - min(t[BIT], t[SOURCE])
    if gate <= p[THRESHOLD]:
        return 0.0
    c = place[ROW] * shape[1] + place[COLUMN]
    u = settled(state, c, p, t[AGE])
    if noise:
        u = seen(state, counts, c, u, p, seed, t[AGE])
    if not wanted:
        return 0.0
    above, below = wires(c, v, p, shape)
    limit = min(bench[BIT_LIMIT], bench[SOURCE_LIMIT])
    return load_line(u, v, gate, p, abs(v), limit, above, below)[1]


@inlined
def _measure(state, counts, p, noise, seed, shape, bench, t, place, line):
    """Return current (A) and flag of a reading on the bit line (0) or the source line (1)."""
    i = _current(state, counts, p, noise, seed, shape, bench, t, place, True) * 1e-6
    limit, most = bench[BIT_LIMIT + line], bench[BIT_RANGE + line]
    flag = 0
    if 0.0 < limit < np.inf and abs(i) * 1e6 >= limit * (1.0 - 1e-6):
        flag = COMPLIANCE
        tell(
            bench, t, place, t[BIT], t[SOURCE]
        )  # a meter at its limit looks for its voltage too, which is a new drive
    if abs(i) * 1e6 > most:
        return np.nan, flag | OVERFLOW
    return i, flag


@inlined
def go(bench, t, place, row, column):
    """Move the relays to another cell."""
    place[ROW], place[COLUMN], place[MOVED] = row, column, 1
    t[NOW] += bench[MESSAGE]
    t[NOW] += bench[RELAYS]
    t[NOW] += bench[RELAYS]
    t[NOW] += bench[ANSWER]


@bare
def visit(
    state, counts, p, noise, seed, shape, bench, t, place, cells, order, pulses, read, gate,
    current, flag, time,
):  # fmt: skip
    """Do :meth:`labctl.sim.chip.visits.Visits.visit`.

    Durations are added one by one, as a bench spends them: bench times are the same to the bit.
    """
    for k in order:
        if cells[k, 0] != place[ROW] or cells[k, 1] != place[COLUMN]:
            go(bench, t, place, cells[k, 0], cells[k, 1])
        if pulses.shape[0] > 0:
            bit, source, word, width = pulses[k]
            set_gate(bench, t, word)
            t[NOW] += bench[MESSAGE]
            t[NOW] += bench[LEVEL]
            _set(state, counts, p, noise, seed, shape, bench, t, place, bit, source)
            t[NOW] += width
            # the source meter looks whether it is at its limit
            _current(state, counts, p, noise, seed, shape, bench, t, place, False)
            t[NOW] += bench[LEVEL]
            _set(state, counts, p, noise, seed, shape, bench, t, place, 0.0, 0.0)
            t[NOW] += bench[ANSWER]
        if read != 0.0:
            set_gate(bench, t, gate)
            t[NOW] += bench[MESSAGE]
            t[NOW] += bench[LEVEL]
            _set(state, counts, p, noise, seed, shape, bench, t, place, read, 0.0)
            t[NOW] += bench[BIT_SETTLE]
            t[NOW] += bench[BIT_READING]
            current[k], flag[k] = _measure(state, counts, p, noise, seed, shape, bench, t, place, 0)
            t[NOW] += bench[LEVEL]
            _set(state, counts, p, noise, seed, shape, bench, t, place, 0.0, 0.0)
            t[NOW] += bench[ANSWER]
            time[k] = t[NOW]
        set_gate(bench, t, 0.0)


@bare
def sweep(
    state, counts, p, noise, seed, shape, bench, t, place, voltages, marks, gate, dwell, current,
    flag,
):  # fmt: skip
    """Do :meth:`labctl.sim.chip.visits.Visits.sweep`.

    Bit line and source line take turns, each from zero and back to zero.
    """
    set_gate(bench, t, gate)
    for k in range(voltages.size):
        v, mark = voltages[k], marks[k]
        line = 1 if v < 0.0 else 0
        bit, source = (0.0, -v) if line == 1 else (abs(v), 0.0)
        if mark & BEGIN:
            t[NOW] += bench[MESSAGE]
        if mark & CALL:
            t[NOW] += bench[MESSAGE]
        t[NOW] += bench[LEVEL]
        _set(state, counts, p, noise, seed, shape, bench, t, place, bit, source)
        t[NOW] += dwell
        t[NOW] += bench[BIT_READING + line]
        current[k], flag[k] = _measure(state, counts, p, noise, seed, shape, bench, t, place, line)
        if mark & RETURN:
            t[NOW] += bench[ANSWER]
        if mark & END:
            t[NOW] += bench[MESSAGE]
            t[NOW] += bench[LEVEL]
            _set(state, counts, p, noise, seed, shape, bench, t, place, 0.0, 0.0)
            t[NOW] += bench[ANSWER]
            t[NOW] += bench[MESSAGE]
            t[NOW] += bench[ANSWER]
    set_gate(bench, t, 0.0)


@bare
def account(cells, order, pulses, read, duration, current, flag, last, counts):
    """Add up what visits spent in the cells.

    Parameters
    ----------
    cells, order, pulses, read
        As for :meth:`labctl.sim.chip.visits.Visits.visit`.
    duration
        s, of a read.
    current, flag
        What the visits gave.
    last
        float64, (rows, columns), changed: conductance last read, S, or NaN.
    counts
        int64, (rows, columns), changed: pulses applied.

    Returns
    -------
    float, float
        J spent by reads and by pulses; a pulse takes V^2 (G_before + G_after)/2 t, as far as G
        is known.
    """
    reading, writing = 0.0, 0.0
    for k in order:
        i, j = cells[k]
        total, known = 0.0, 0
        if last[i, j] == last[i, j]:
            total, known = last[i, j], 1
        if read != 0.0 and flag[k] == 0:
            last[i, j] = abs(current[k] / read)
            reading += abs(current[k] * read) * duration
        if pulses.shape[0] > 0:
            counts[i, j] += 1
            if last[i, j] == last[i, j]:
                total, known = total + last[i, j], known + 1
            if known > 0:
                v = pulses[k, 0] + pulses[k, 1]
                writing += v * v * (total / known) * pulses[k, 3]
    return reading, writing
