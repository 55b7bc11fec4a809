"""How a sweep is cut into messages, as the driver of the simulated bench's source meters cuts it.

An array that is driven directly spends the same times as one behind instruments; see
:mod:`labctl.sim.timeline`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl.sim.chip.visit import BEGIN, CALL, END, RETURN
from labctl.sim.timeline import Timeline

_LONGEST_PART = 1.0  # s from 0 V to 0 V; in between a sweep can be broken off
_LONGEST_BLOCK, _MOST_POINTS = 0.5, 100  # of one message


def marks(voltages: NDArray[np.float64], dwell: float, times: Timeline) -> NDArray[np.uint8]:
    """Return what happens around each point of a sweep.

    Parameters
    ----------
    voltages
        V, shape (n,): from zero on the bit line, below on the source line.
    dwell
        s, of each point.
    times
        Of the bench.

    Returns
    -------
    NDArray
        uint8, shape (n,): bits of :data:`~labctl.sim.chip.visit.BEGIN` (the buffer is cleared),
        ``CALL`` (a message begins), ``RETURN`` (it ends), ``END`` (back to 0 V, readings sent).
    """
    found = np.zeros(len(voltages), dtype=np.uint8)
    turns = np.flatnonzero(np.diff(voltages < 0.0)) + 1
    most = max(1, int(_LONGEST_PART / (dwell + times.bit_integration + times.bit_settle)))
    for group in np.split(np.arange(len(voltages)), turns):
        for start in range(0, len(group), most):
            part = group[start : start + most]
            reading = times.source_integration if voltages[part[0]] < 0 else times.bit_integration
            block = max(1, min(_MOST_POINTS, int(_LONGEST_BLOCK / max(dwell + reading, 1e-6))))
            found[part[0]] |= BEGIN
            found[part[::block]] |= CALL
            found[part[block - 1 :: block]] |= RETURN
            found[part[-1]] |= RETURN | END
    return found
