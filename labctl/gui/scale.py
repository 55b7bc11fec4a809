"""Linear and logarithmic conductance scales shared by the map and the histogram. Unit: µS."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

MICRO = 1e6
"""µS in one S."""

_FLOOR_DECADES = 5.0
_NARROW = 0.45  # decades; below, digits of one decade are too few to label an axis


def to_scale(values: NDArray[np.float64], logarithmic: bool) -> NDArray[np.float64]:
    """Return ``values`` (µS) as drawn: themselves, or their decimal logarithm.

    A value that has no logarithm (zero, or below zero from noise) becomes -inf and is drawn at
    the low end; NaN stays NaN.
    """
    if not logarithmic:
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        logs: NDArray[np.float64] = np.log10(np.where(values < 0.0, 0.0, values))
    return logs


def limits(values: NDArray[np.float64], logarithmic: bool) -> tuple[float, float]:
    """Return low and high end, on the scale, of an axis that shows ``values`` (µS).

    Parameters
    ----------
    values
        float64, any shape; what is not finite is left out.
    logarithmic
        Whether the ends are decimal logarithms. At most five decades are shown.
    """
    finite = values[np.isfinite(values)]
    if logarithmic:
        finite = finite[finite > 0.0]
        if not len(finite):
            return -1.0, 2.0
        logs = np.log10(finite)
        high = float(logs.max())
        low = max(float(logs.min()), high - _FLOOR_DECADES)
        margin = max(0.02 * (high - low), 0.02)
        return low - margin, high + margin
    if not len(finite):
        return 0.0, 100.0
    low, high = float(finite.min()), float(finite.max())
    # Conductance begins at zero: a bar that starts elsewhere would exaggerate small differences.
    low = min(low, 0.0) if low < 0.5 * high else low
    margin = max(0.02 * (high - low), 1e-6, 1e-3 * abs(high))
    return (low if low == 0.0 else low - margin), high + margin


def log_ticks(low: float, high: float) -> list[list[tuple[float, str]]]:
    """Return labelled and unlabelled ticks between two decimal logarithms.

    Returns
    -------
    list
        Two levels as ``AxisItem.setTicks`` takes them: (position, text), text in µS.

    Examples
    --------
    >>> log_ticks(0.0, 1.0)[0]
    [(0.0, '1'), (0.3010299956639812, '2'), (0.6989700043360189, '5'), (1.0, '10')]
    """
    span = high - low
    if span < _NARROW:
        return _linear_ticks(10.0**low, 10.0**high)
    labelled = (1,) if span > 2.2 else (1, 2, 5) if span > 0.9 else (1, 2, 3, 4, 5, 6, 8)
    major, minor = [], []
    for decade in range(math.floor(low), math.ceil(high) + 1):
        for digit in range(1, 10):
            position = decade + math.log10(digit)
            if not low - 1e-9 <= position <= high + 1e-9:
                continue
            if digit in labelled:
                major.append((position, f"{digit * 10.0**decade:g}"))
            else:
                minor.append((position, ""))
    return [major, minor]


def _linear_ticks(low: float, high: float) -> list[list[tuple[float, str]]]:
    """Return about four round values between ``low`` and ``high`` (µS) at their logarithms."""
    rough = (high - low) / 4.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * digit for digit in (1, 2, 5, 10) if power * digit >= rough)
    values = step * np.arange(math.ceil(low / step), math.floor(high / step) + 1)
    return [[(math.log10(value), f"{value:.12g}") for value in values if value > 0.0], []]


def format_conductance(siemens: float) -> str:
    """Return a conductance (S) as text in µS with three digits.

    Examples
    --------
    >>> format_conductance(45.678e-6)
    '45.7 µS'
    """
    value = siemens * MICRO
    if not math.isfinite(value):
        return "–"
    if abs(value) >= 100.0:
        return f"{value:.0f} µS"
    return f"{value:.3g} µS"


def cell_ticks(count: int) -> list[list[tuple[float, str]]]:
    """Return ticks in the middle of at most eight cells, so that the numbers never touch."""
    step = next(s for s in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024) if count / s <= 8)
    return [[(i + 0.5, str(i)) for i in range(0, count, step)]]
