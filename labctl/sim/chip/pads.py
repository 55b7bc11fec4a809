"""Taking over what the instruments put on the pads: all of it, or nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.sim.chip.jit import kernel


@kernel
def take_drive(
    voltage: NDArray[Any],
    limit: NDArray[Any],
    reaction: NDArray[Any],
    into_voltage: NDArray[Any],
    into_limit: NDArray[Any],
    into_slack: NDArray[Any],
) -> bool:
    """Copy a drive if every voltage (NaN: not driven), limit and reaction makes sense; tell.

    A source that has reacted (no slack left) goes on limiting as long as its level keeps its sign
    and its limit stays.
    """
    for n in range(voltage.size):
        if np.isinf(voltage[n]) or not limit[n] >= 0.0 or not 0.0 <= reaction[n] < np.inf:
            return False
    for n in range(voltage.size):
        on = into_limit[n] == limit[n] and into_voltage[n] * voltage[n] > 0.0
        if not (on and (into_slack[n] == 0.0 or into_voltage[n] == voltage[n])):
            into_slack[n] = reaction[n]
        into_voltage[n] = voltage[n]
        into_limit[n] = limit[n]
    return True


@kernel
def take_lines(
    word: NDArray[Any],
    bit: NDArray[Any],
    source: NDArray[Any],
    nets: int,
    into_word: NDArray[Any],
    into_bit: NDArray[Any],
    into_source: NDArray[Any],
) -> int:
    """Copy a connection if every line is on a net there is, or floats.

    Returns
    -------
    int
        Number of bit lines on a net; -1 where a line is on a net there is not.
    """
    for lines in (word, bit, source):
        for net in lines:
            if net < -1 or net >= nets:
                return -1
    into_word[:] = word
    into_bit[:] = bit
    into_source[:] = source
    count = 0
    for net in bit:
        count += net >= 0
    return count
