"""What a Keithley 2400 sources at each trigger: fixed level, staircase, list.

Source: *2400 Series SourceMeter User's Manual*, section 10 (sweep operation).
"""

from __future__ import annotations

from labctl.sim.instruments.keithley2400_models import Model2400
from labctl.sim.instruments.keithley2400_settings import Settings
from labctl.sim.status import Refused

MOST_POINTS = 2500
LIST_PER_COMMAND = 100


def levels(settings: Settings, function: int) -> tuple[float, ...]:
    """Return the levels (V or A) of one pass of the sweep of ``function``; one where it is fixed.

    Raises
    ------
    Refused
        -221 for a logarithmic sweep through or to zero.
    """
    mode = settings.mode[function]
    if mode == "LIST":
        listed = settings.listed[function]
        return listed[settings.list_start[function] - 1 :] or listed
    if mode == "SWE":
        return _staircase(settings, function)
    pending = settings.triggered[function]
    return (settings.level[function] if pending is None else pending,)


def _staircase(settings: Settings, function: int) -> tuple[float, ...]:
    start, stop, points = settings.start[function], settings.stop[function], settings.points
    if points == 1:
        return (start,)
    fractions = [k / (points - 1) for k in range(points)]
    if settings.spacing == "LOG":
        if start * stop <= 0.0:
            raise Refused(-221, "Settings conflict")
        made = [start * (stop / start) ** fraction for fraction in fractions]
    else:
        made = [start + (stop - start) * fraction for fraction in fractions]
    made[-1] = stop
    return tuple(made if settings.direction == "UP" else reversed(made))


def range_for(
    model: Model2400, settings: Settings, function: int, points: tuple[float, ...]
) -> float | None:
    """Return the source range that a sweep begins with; None: it follows each level.

    Raises
    ------
    Refused
        -222 where a level does not fit a fixed range.
    """
    largest = max(abs(point) for point in points)
    if settings.mode[function] == "FIX":
        return settings.source_range[function]
    if settings.ranging == "AUTO":
        return None
    if settings.ranging == "BEST":
        return model.fitting(function, largest)
    full = settings.source_range[function]
    if largest > full * (1 + 1e-9):
        raise Refused(-222, "Parameter data out of range")
    return full
