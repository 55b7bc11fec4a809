"""The physics of one cell: a filament in series with its transistor, and how the filament moves.

Sign: a positive voltage is bit line above source line, the SET direction. The cell lies at the bit
line, the transistor at the source line. Units: V, µA, µS, K, s; ``u = ln(G / 1 µS)``.

The state equation is ``du/dt = s hop(x, T, u) room(u) + drift(T, u)``: field-lowered, Joule-heated
ion hopping, the same for forming, sweeps and pulses of any length, and thermally activated drift,
which is retention when the cell is cold.
"""

from __future__ import annotations

import math

from labctl.sim.chip.jit import bare
from labctl.sim.chip.layout import (
    AMBIENT,
    ATTEMPT_RATE,
    CYCLE_MEMORY,
    CYCLE_SPREAD,
    FORMING_BARRIER,
    GAIN,
    HEAT_DAMPING,
    HOP,
    HOP_MAXIMUM,
    LAMBDA,
    RESET_BARRIER,
    RESET_LOWERING,
    RESET_SLOPE,
    RETENTION,
    SET_BARRIER,
    SET_LOWERING,
    SET_SLOPE,
    STREAM_PROGRAM,
    THERMAL_CONDUCTANCE,
    THERMAL_RESISTANCE,
    THRESHOLD,
    U_CROSSOVER,
    U_FORMED,
    U_MAXIMUM,
    U_MINIMUM,
    U_PRISTINE,
    U_REFERENCE,
    U_RETENTION,
    VOLTAGE_HIGH,
    VOLTAGE_LOW,
    VOLTAGE_WIDTH,
    WEAR_ACTIVITY,
    WEAR_FUTILE,
    WEAR_LOSS,
)
from labctl.sim.chip.noise import normals

BOLTZMANN = 8.617333e-5  # eV/K
STEP = 0.02  # of u; splitting a pulse then shows by a KS distance below 0.007
_STRIDE = 1.5 * STEP
_STEADY = 0.1  # of the rate; one that changes more from step to step is found anew at each
_CREEP = 1e-4  # of u; a move so small does not change its own rate
_MOST_STEPS = 100_000
_CLOSE = 3e-6  # V; the last step of Newton's method, which squares the error
_LN2 = math.log(2.0)
_COLD = 50.0  # barriers over kT: a drift slower than e^-50 of the attempt rate is none


@bare
def voltage_scale(u, p):
    """Return the scale (V) of the sinh law: ohmic when conducting well, strongly bent when not."""
    span = p[VOLTAGE_HIGH] - p[VOLTAGE_LOW]
    return p[VOLTAGE_LOW] + span / (1.0 + math.exp((p[U_CROSSOVER] - u) / p[VOLTAGE_WIDTH]))


@bare
def channel(drive, over, p):
    """Return current (µA) of the transistor and its slopes (µA/V) against ``drive`` and ``over``.

    ``drive`` (V) is the gate above source and threshold, ``over`` (V) drain above source. Square
    law with channel-length modulation.
    """
    gain = p[GAIN]
    if drive <= 0.0:
        return 0.0, 0.0, 0.0
    if over <= 0.0:
        return 0.0, 0.0, gain * drive
    length = 1.0 + p[LAMBDA] * over
    if over < drive:
        half = (drive - 0.5 * over) * over
        return (
            gain * half * length,
            gain * over * length,
            gain * ((drive - over) * length + half * p[LAMBDA]),
        )
    half = 0.5 * drive * drive
    return gain * half * length, gain * drive * length, gain * half * p[LAMBDA]


@bare
def load_line(u, v, gate, p, guess, limit, above=0.0, below=0.0):
    """Solve cell, transistor and lines in series.

    Parameters
    ----------
    u
        ln(G / 1 µS).
    v
        V, bit line against source line.
    gate
        V, word line against the lower of both; infinite where there is no transistor.
    guess
        V, voltage over the cell to begin with (magnitude); all of ``v`` where nothing is known.
    limit
        µA, at most so much current flows; the voltage over the cell then follows from it.
    above, below
        V/µA, resistance of the higher and the lower line up to the cell.

    Returns
    -------
    float, float
        Voltage over the cell (V) and current (µA), both with the sign of ``v``.
    """
    size = abs(v)
    if size == 0.0 or gate <= p[THRESHOLD]:
        return 0.0, 0.0
    v0 = voltage_scale(u, p)
    g = math.exp(u)
    bare = gate == math.inf
    lift = 0.0 if v > 0.0 else 1.0  # in RESET the cell lifts the transistor's source
    wires = above + below
    low, high = 0.0, size
    x = max(guess, 0.0)
    if x >= size:  # no better guess: the transistor as a resistor
        x = size
        if not bare:
            on = p[GAIN] * (gate - p[THRESHOLD])
            x *= on / (on + g)
    for _ in range(60):
        e = math.exp(x / v0)
        current = 0.5 * g * v0 * (e - 1.0 / e)
        slope = 0.5 * g * (e + 1.0 / e)
        over = size - x - wires * current  # V left over the transistor
        if bare:
            if wires == 0.0:
                x = size
                break
            error, fall = -over / wires, 1.0 / wires
        else:
            drive = gate - p[THRESHOLD] - lift * x - below * current
            through, by_drive, by_over = channel(drive, over, p)
            error = current - through
            fall = by_drive * (lift + below * slope) + by_over * (1.0 + wires * slope)
        if error > 0.0:
            high = x
        else:
            low = x
        step = x - error / (slope + fall)
        away = step - x
        if abs(away) < _CLOSE:
            x = step
            current += slope * away  # what is left is of the order of the square
            break
        x = step if low < step < high else 0.5 * (low + high)
    if bare and wires == 0.0:
        current = g * v0 * math.sinh(x / v0)
    if current > limit:
        x = v0 * math.asinh(limit / (g * v0))
        current = limit
    return (x, current) if v > 0.0 else (-x, -current)


@bare
def hopping(u, x, kt, formed, barrier, p):
    """Return the rate (1/s) at which hops change u, signed, as if the window had no ends.

    Forward minus backward hops over a barrier that ``x`` (V) lowers; ``kt`` in eV. ``barrier`` (eV)
    is what this cell needs on top of the forming barrier while not ``formed``.
    """
    away = min(max(u - p[U_REFERENCE], -1.5), 1.5)
    if x >= 0.0:
        energy = p[SET_BARRIER] + p[SET_SLOPE] * away
        lowering = p[SET_LOWERING] * x
        if not formed:
            energy += p[FORMING_BARRIER] + barrier
        sign = 1.0
    elif formed:
        energy = p[RESET_BARRIER] + p[RESET_SLOPE] * away
        lowering = -p[RESET_LOWERING] * x
        sign = -1.0
    else:
        return 0.0
    forward = p[ATTEMPT_RATE] * math.exp(-max(energy - lowering, 0.0) / kt)
    back = 2.0 * lowering / kt
    if back < 36.0:
        forward *= -math.expm1(-back)
    return sign * forward


@bare
def room(u, polarity, shrink, p):
    """Return the share of hops that still find a place; wear has moved both ends by ``shrink``."""
    if polarity >= 0.0:
        return 1.0 - math.exp(2.0 * min(u - p[U_MAXIMUM] + shrink, 0.0))
    return 1.0 - math.exp(2.0 * min(p[U_MINIMUM] + shrink - u, 0.0))


@bare
def shrinkage(wear, p):
    """Return by how many factors of e ``wear`` has moved each end of the window inwards."""
    share = wear / p[WEAR_ACTIVITY]
    grown = math.log1p(share) if share > 1e-4 else share * (1.0 - 0.5 * share)
    return p[WEAR_LOSS] * grown / _LN2


@bare
def heated(u, x, current, p):
    """Return kT (eV) of the filament with ``x`` (V) over it and ``current`` (µA) through it."""
    heat = p[THERMAL_RESISTANCE] * abs(x * current) / (1.0 + math.exp(u) / p[THERMAL_CONDUCTANCE])
    return BOLTZMANN * (p[AMBIENT] + heat / (1.0 + heat / p[HEAT_DAMPING]))


@bare
def drift(u, kt, formed, p):
    """Return du/dt (1/s) by which a filament hotter than ambient dissolves faster than at rest.

    What it does at rest is retention, which has a closed form and is not counted twice.
    """
    cold = BOLTZMANN * p[AMBIENT]
    if not formed or kt <= cold or p[RETENTION] > _COLD * kt:
        return 0.0
    hot = math.exp(-p[RETENTION] / kt) - math.exp(-p[RETENTION] / cold)
    return p[ATTEMPT_RATE] * hot * (p[U_RETENTION] - u)


@bare
def rate(u, x, current, formed, barrier, shrink, speed, p):
    """Return how fast a cell moves at ``x`` (V) over it.

    Returns
    -------
    float, float, float
        Signed hopping as if the window had no ends, share of it that finds a place, and drift; all
        but the share in 1/s. ``du/dt = hops * share + drift``.
    """
    kt = heated(u, x, current, p)
    hops = speed * hopping(u, x, kt, formed, barrier, p)
    return hops, room(u, hops, shrink, p), drift(u, kt, formed, p)


@bare
def wearing(hops, share, p):
    """Return the hopping per second that wears the cell.

    Hops that find no place, at an end of the window, are taken back and wear little.
    """
    return abs(hops) * (share + p[WEAR_FUTILE] * (1.0 - share))


@bare
def displaced(hops, share, t):
    """Return by how much hops change u within ``t`` seconds, while the window fills up.

    Exact for a constant rate of attempts, however fast: at the end of its window a cell stops.
    """
    tries = abs(hops) * t
    if tries * (1.0 - share) < 1e-5:
        return hops * share * t
    return math.copysign(0.5 * math.log1p(share * math.expm1(-2.0 * tries)), hops)


@bare
def advance(
    u, formed, cycle, wear, speed, barrier, v, gate, above, below, t, limit, stop, p, noise, seed,
    cell, draw,
):  # fmt: skip
    """March a cell through a constant drive.

    Each hop changes u by ``d = min(hop/G, d_max)``, so that the variance of u is ``d |du|``, which
    is infinitely divisible: splitting a pulse leaves its law unchanged. The speed of the cell
    forgets itself with the way travelled in u, for the same reason. Steps are in u, not in time, so
    that nanoseconds and seconds cost the same.

    Parameters
    ----------
    u, formed, cycle, wear
        State: ln(G / 1 µS), whether formed, ln of the present speed, hopping endured.
    speed, barrier
        ln of the fixed speed; forming barrier of this cell (eV).
    v, gate, above, below, limit
        Drive as for :func:`load_line`.
    t
        s.
    stop
        µA; the march ends where the current goes beyond.
    noise
        Whether hops and speed are random.
    seed, cell, draw
        Of the random numbers; one draw per step.

    Returns
    -------
    tuple
        New u, formed, cycle, wear; way travelled in u, time left (s), next draw.
    """
    moved = 0.0
    x = abs(v)
    r, hops, share, away, known = 0.0, 0.0, 0.0, 0.0, False
    for _ in range(_MOST_STEPS):
        if t <= 0.0:
            break
        s = math.exp(speed + cycle)
        shrink = shrinkage(wear, p)
        if not known:
            x, current = load_line(u, v, gate, p, abs(x), limit, above, below)
            if abs(current) > stop:
                break
            hops, share, away = rate(u, x, current, formed, barrier, shrink, s, p)
            r = hops * share + away
            if abs(r) * t < 1e-15:
                wear += wearing(hops, share, p) * t
                t = 0.0
                break
        h = min(t, STEP / abs(r))
        before = r
        if known or abs(r) * h > _CREEP:
            # The rate half a step ahead, found with the rate half a step behind.
            middle = u + displaced(hops, share, 0.5 * h) + 0.5 * away * h
            x, current = load_line(middle, v, gate, p, abs(x), limit, above, below)
            if known and abs(current) > stop:
                known = False  # it may still be below where the step begins: look there
                continue
            hops, _, away = rate(middle, x, current, formed, barrier, shrink, s, p)
        share = room(u, hops, shrink, p)
        r = hops * share + away
        if abs(r) * h > _STRIDE:
            h = STEP / abs(r)
        d = displaced(hops, share, h) + away * h
        way = abs(d)
        if noise:
            z, y = normals(seed, cell, STREAM_PROGRAM, draw)
            draw += 1
            hop = min(p[HOP] * math.exp(-u), p[HOP_MAXIMUM])
            d += math.sqrt(hop * way) * z
            keep = math.exp(-way / p[CYCLE_MEMORY])
            cycle = keep * cycle + p[CYCLE_SPREAD] * math.sqrt(1.0 - keep * keep) * y
        moved += way
        wear += wearing(hops, share, p) * h
        u = min(max(u + d, p[U_PRISTINE] - 3.0), p[U_MAXIMUM] + 0.2)
        t -= h
        known = r != 0.0 and abs(r - before) < _STEADY * abs(r)
        if not formed and u > p[U_FORMED]:
            formed, known = True, False
    return u, formed, cycle, wear, moved, t, draw
