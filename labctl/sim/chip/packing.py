"""A preset in the units of the kernels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.sim.chip import layout
from labctl.sim.chip.preset import Preset

_MICRO = (layout.THERMAL_CONDUCTANCE, layout.HOP, layout.GAIN, layout.LAPLACE_OFFSET)
_PER_MICRO = (layout.THERMAL_RESISTANCE, layout.LAPLACE_CURVATURE)


def packed(preset: Preset) -> NDArray[np.float64]:
    """Return the parameters as :mod:`labctl.sim.chip.layout` orders them, in µA, µS, K/µW, ln."""
    p = preset.vector()
    for k in layout.LOGARITHMS:
        p[k] = np.log(p[k] * 1e6)
    for k in _MICRO:
        p[k] *= 1e6
    for k in _PER_MICRO:
        p[k] *= 1e-6
    return p
