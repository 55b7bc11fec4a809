"""Numbers as people read them: SI prefixes and durations."""

from __future__ import annotations

from math import floor, isfinite, log10

_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}


def show(value: float, unit: str, digits: int = 3) -> str:
    """Write a value with the SI prefix that suits it.

    Examples
    --------
    >>> show(1e-5, "A")
    '10 µA'
    >>> show(0.0, "V")
    '0 V'
    """
    if value == 0.0 or not isfinite(value):
        return f"{value:g} {unit}"
    power = min(max(3 * floor(log10(abs(value)) / 3 + 1e-12), -15), 9)
    scaled = float(f"{value / 10.0**power:.{digits}g}")
    if abs(scaled) >= 1000 and power < 9:  # 999.9 rounds up to the next prefix
        power, scaled = power + 3, scaled / 1000
    return f"{scaled:g} {_PREFIXES[power]}{unit}"


def show_duration(seconds: float) -> str:
    """Write a time span.

    Examples
    --------
    >>> show_duration(42.0), show_duration(200.0), show_duration(7300.0), show_duration(2e5)
    ('42 s', '3 min 20 s', '2 h 1 min', '2 d 7 h')
    """
    if not isfinite(seconds):
        return "unknown"
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else show(seconds, "s", 2)
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"
