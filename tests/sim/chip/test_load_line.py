"""Cell, transistor and wires in series, against a bracketing root finder."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from labctl.sim.chip.cell import load_line, voltage_scale
from labctl.sim.chip.layout import GAIN, LAMBDA, THRESHOLD
from labctl.sim.chip.packing import packed
from labctl.sim.chip.preset import preset

P = packed(preset("hfox-1t1r"))


def through_transistor(drive: float, over: float) -> float:
    if drive <= 0.0 or over <= 0.0:
        return 0.0
    half = (drive - 0.5 * over) * over if over < drive else 0.5 * drive * drive
    return float(P[GAIN] * half * (1.0 + P[LAMBDA] * over))


def expected(u: float, v: float, gate: float, above: float, below: float) -> tuple[float, float]:
    """Return voltage (V) and current (µA) of the cell, found by bracketing."""
    scale, g, lift = voltage_scale(u, P), math.exp(u), v < 0.0

    def cell(x: float) -> float:
        return g * scale * math.sinh(x / scale)

    def error(x: float) -> float:
        i = cell(x)
        drive = gate - P[THRESHOLD] - (x if lift else 0.0) - below * i
        return i - through_transistor(drive, abs(v) - x - (above + below) * i)

    x = brentq(error, 0.0, abs(v), xtol=1e-15, rtol=1e-14)
    return math.copysign(x, v), math.copysign(cell(x), v)


@pytest.mark.parametrize("wire", [0.0, 5e-4])
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("known", [True, False])
def test_voltage_and_current_are_those_of_a_bracketing_search(wire, sign, known):
    rng = np.random.default_rng(4)
    for _ in range(150):
        u, size = rng.uniform(-3.0, 6.0), rng.uniform(0.01, 4.0)
        gate = rng.uniform(1.05, 5.0)  # from saturated to a switch
        wanted = expected(u, sign * size, gate, wire, 0.3 * wire)
        guess = abs(wanted[0]) * rng.uniform(0.5, 1.2) if known else size
        found = load_line(u, sign * size, gate, P, guess, math.inf, wire, 0.3 * wire)
        np.testing.assert_allclose(found[0], wanted[0], rtol=0.0, atol=1e-9)
        np.testing.assert_allclose(found[1], wanted[1], rtol=1e-8, atol=1e-9)
