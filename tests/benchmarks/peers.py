"""Other programs that solve the same problem, for comparison in the same run."""

from __future__ import annotations

import logging
import shutil
import time

import numpy as np
from numpy.typing import NDArray


def badcrossbar_seconds(
    conductance: NDArray[np.float64], voltages: NDArray[np.float64], ohm: float
) -> float | None:
    """Return the processor time of badcrossbar for one vector, s; None where it is absent."""
    try:
        import badcrossbar
    except ImportError:
        return None
    logging.getLogger().setLevel(logging.WARNING)  # it reports every stage to the root logger
    start = time.process_time()
    badcrossbar.compute(voltages[:, None], 1.0 / conductance, ohm, node_voltages=False)
    return time.process_time() - start


def has_ngspice() -> bool:
    """Return whether ngspice can be run."""
    return shutil.which("ngspice") is not None
