"""Taking over what the instruments put on the pads: all of it, or nothing."""

from __future__ import annotations

import numpy as np

from labctl.sim.chip.jit import kernel


@kernel
def take_drive(voltage, limit, into_voltage, into_limit):
    """Copy a drive if every voltage (NaN: not driven) and limit makes sense; tell whether so."""
    for n in range(voltage.size):
        if np.isinf(voltage[n]) or not limit[n] >= 0.0:
            return False
    for n in range(voltage.size):
        into_voltage[n] = voltage[n]
        into_limit[n] = limit[n]
    return True


@kernel
def take_lines(word, bit, source, nets, into_word, into_bit, into_source):
    """Copy a connection if every line is on a net there is, or floats; tell whether so."""
    for lines in (word, bit, source):
        for net in lines:
            if net < -1 or net >= nets:
                return False
    into_word[:] = word
    into_bit[:] = bit
    into_source[:] = source
    return True
