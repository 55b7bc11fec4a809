"""Whether cells look as if they had never been formed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

CONDUCTS = 0.3e-6
"""S: what a formed cell is above after a SET; leakage of cells never formed is below."""
_MOST = 0.95


def unformed(conductance: ArrayLike) -> str:
    """Say that cells look unformed, and what to do; an empty text where they do not.

    For where a measurement has failed: cells that were formed and never leave a deep RESET look the
    same, and so may a technology that conducts little.

    Parameters
    ----------
    conductance
        float, any shape, S, read after pulses; NaN counts for nothing.
    """
    known = np.asarray(conductance, dtype=np.float64)
    known = known[np.isfinite(known)]
    dark = known < CONDUCTS
    if not len(known) or dark.mean() < _MOST:
        return ""
    return (
        f"The cells look unformed: {dark.mean():.0%} of the readings are below "
        f"{CONDUCTS * 1e6:.1g} µS, half of them below {np.median(known) * 1e6:.2g} µS. Form them "
        "first (`labctl run form`, or a SET of high voltage to each). If they are formed, no SET "
        "lifted them: raise its voltage."
    )
