"""The physics of one cell: a filament in series with its transistor, and how the filament moves.

Sign: a positive voltage is bit line above source line, the SET direction. The cell lies at the bit
line, the transistor at the source line. Units: V, µA, µS, K, s; ``u = ln(G / 1 µS)``.
"""

from __future__ import annotations

import math

from labctl.sim.chip.jit import kernel
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
    VOLTAGE_HIGH,
    VOLTAGE_LOW,
    VOLTAGE_WIDTH,
)
from labctl.sim.chip.noise import normals

_BOLTZMANN = 8.617333e-5  # eV/K
_STEP = 0.02  # of u; splitting a pulse then shows by a KS distance below 0.007
_MOST_STEPS = 100_000


@kernel
def voltage_scale(u, p):
    """Return the scale (V) of the sinh law: ohmic when conducting well, strongly bent when not."""
    span = p[VOLTAGE_HIGH] - p[VOLTAGE_LOW]
    return p[VOLTAGE_LOW] + span / (1.0 + math.exp((p[U_CROSSOVER] - u) / p[VOLTAGE_WIDTH]))


@kernel
def load_line(u, v, gate, p, guess, limit):
    """Solve cell and transistor in series.

    Parameters
    ----------
    u
        ln(G / 1 µS).
    v
        V, bit line against source line.
    gate
        V, word line against the lower of both.
    guess
        V, voltage over the cell to begin with (magnitude).
    limit
        µA, at most so much current flows; the voltage over the cell then follows from it.

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
    gain = p[GAIN]
    low, high = 0.0, size
    x = min(max(guess, 0.0), size)
    for _ in range(60):
        e = math.exp(x / v0)
        current = 0.5 * g * v0 * (e - 1.0 / e)
        slope = 0.5 * g * (e + 1.0 / e)
        over = size - x  # V left over the transistor
        # In RESET the cell sits between the transistor's source and ground and lifts it.
        drive = gate - p[THRESHOLD] - (0.0 if v > 0.0 else x)
        lift = 0.0 if v > 0.0 else 1.0
        length = 1.0 + p[LAMBDA] * over
        if drive <= 0.0:
            channel, fall = 0.0, 0.0
        elif over < drive:
            half = (drive - 0.5 * over) * over
            channel = gain * half * length
            fall = gain * ((drive - over + lift * over) * length + half * p[LAMBDA])
        else:
            half = 0.5 * drive * drive
            channel = gain * half * length
            fall = gain * (lift * drive * length + half * p[LAMBDA])
        error = current - channel
        if error > 0.0:
            high = x
        else:
            low = x
        step = x - error / (slope + fall)
        if not low < step < high:
            step = 0.5 * (low + high)
        done = abs(step - x) < 1e-10
        x = step
        if done:
            break
    current = g * v0 * math.sinh(x / v0)
    if current > limit:
        x = v0 * math.asinh(limit / (g * v0))
        current = limit
    return (x, current) if v > 0.0 else (-x, -current)


@kernel
def rate(u, x, current, formed, barrier, p):
    """Return du/dt (1/s) of a cell of unit speed with ``x`` (V) over it.

    ``barrier`` (eV) is what this cell needs on top of the forming barrier while not ``formed``.
    """
    heat = p[THERMAL_RESISTANCE] * abs(x * current) / (1.0 + math.exp(u) / p[THERMAL_CONDUCTANCE])
    kt = _BOLTZMANN * (p[AMBIENT] + heat / (1.0 + heat / p[HEAT_DAMPING]))
    away = min(max(u - p[U_REFERENCE], -1.5), 1.5)
    if x > 0.0:
        energy = p[SET_BARRIER] + p[SET_SLOPE] * away - p[SET_LOWERING] * x
        if not formed:
            energy += p[FORMING_BARRIER] + barrier
        room = 1.0 - math.exp(2.0 * min(u - p[U_MAXIMUM], 0.0))
        return p[ATTEMPT_RATE] * math.exp(-max(energy, 0.0) / kt) * room
    if not formed:
        return 0.0
    energy = p[RESET_BARRIER] + p[RESET_SLOPE] * away + p[RESET_LOWERING] * x
    room = 1.0 - math.exp(2.0 * min(p[U_MINIMUM] - u, 0.0))
    return -p[ATTEMPT_RATE] * math.exp(-max(energy, 0.0) / kt) * room


@kernel
def advance(u, formed, cycle, speed, barrier, v, gate, t, limit, p, noise, seed, cell, draw):
    """March a cell through a constant drive.

    Each hop changes u by ``d = min(hop/G, d_max)``, so that the variance of u is ``d |du|``, which
    is infinitely divisible: splitting a pulse leaves its law unchanged. The speed of the cell
    forgets itself with the way travelled in u, for the same reason.

    Parameters
    ----------
    u, formed, cycle
        State: ln(G / 1 µS), whether formed, ln of the present speed.
    speed, barrier
        ln of the fixed speed; forming barrier of this cell (eV).
    v, gate, t, limit
        Drive as for :func:`load_line`, for ``t`` seconds.
    noise
        Whether hops and speed are random.
    seed, cell, draw
        Of the random numbers; one draw per step.

    Returns
    -------
    tuple
        New u, formed, cycle, way travelled in u, next draw.
    """
    moved = 0.0
    x = abs(v)
    for _ in range(_MOST_STEPS):
        if t <= 0.0:
            break
        s = math.exp(speed + cycle)
        x, current = load_line(u, v, gate, p, abs(x), limit)
        r = s * rate(u, x, current, formed, barrier, p)
        if abs(r) * t < 1e-15:
            break
        h = min(t, _STEP / abs(r))
        middle = u + 0.5 * r * h
        xm, current = load_line(middle, v, gate, p, abs(x), limit)
        d = s * rate(middle, xm, current, formed, barrier, p) * h
        if abs(d) > 2.0 * _STEP:
            d = math.copysign(2.0 * _STEP, r)
        way = abs(d)
        if noise:
            z, y = normals(seed, cell, STREAM_PROGRAM, draw)
            draw += 1
            hop = min(p[HOP] * math.exp(-u), p[HOP_MAXIMUM])
            d += math.sqrt(hop * way) * z
            keep = math.exp(-way / p[CYCLE_MEMORY])
            cycle = keep * cycle + p[CYCLE_SPREAD] * math.sqrt(1.0 - keep * keep) * y
        moved += way
        u = min(max(u + d, p[U_PRISTINE] - 3.0), p[U_MAXIMUM] + 0.2)
        t -= h
        if not formed and u > p[U_FORMED]:
            formed = True
    return u, formed, cycle, moved, draw
