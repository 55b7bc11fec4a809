"""Bench time: real on a real bench, virtual on a simulated one.

Nobody else in labctl sleeps or asks for the time of a measurement. A simulated bench and the
program that drives it share one :class:`VirtualClock`, found by the name of the VISA library.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

SIMULATED_SUFFIX = "@labsim"


class Clock(Protocol):
    """What tells the bench time and waits in it."""

    def now(self) -> float:
        """Return the bench time in seconds since an arbitrary start; never runs backwards."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` of bench time."""
        ...


class RealClock:
    """Bench time is wall-clock time."""

    def now(self) -> float:
        """Return seconds of the monotonic system clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` (negative counts as zero)."""
        time.sleep(max(0.0, seconds))


class VirtualClock:
    """Bench time that passes only when somebody spends it.

    Examples
    --------
    >>> clock = VirtualClock()
    >>> clock.sleep(3600.0)
    >>> clock.now()
    3600.0
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start

    def now(self) -> float:
        """Return the bench time in seconds."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` of bench time pass at once (negative counts as zero)."""
        if seconds > 0.0:
            self._now += seconds


_virtual: dict[str, VirtualClock] = {}
_lock = threading.Lock()


def is_simulated(visa_library: str) -> bool:
    """Tell whether a VISA library name means the simulated bench."""
    return visa_library.endswith(SIMULATED_SUFFIX)


def for_visa(visa_library: str) -> Clock:
    """Return the clock of the bench behind ``visa_library``.

    Parameters
    ----------
    visa_library
        As pyvisa takes it: ``""``, ``"@py"``, or ``"<bench file>@labsim"``. Only the simulated
        library has virtual time, and every caller with the same name gets the same clock.
    """
    if not is_simulated(visa_library):
        return RealClock()
    return virtual(visa_library.removesuffix(SIMULATED_SUFFIX))


def virtual(name: str) -> VirtualClock:
    """Return the virtual clock called ``name``, made at the first call."""
    with _lock:
        return _virtual.setdefault(name, VirtualClock())


def forget(name: str) -> None:
    """Drop the virtual clock called ``name``; the next :func:`virtual` starts at zero."""
    with _lock:
        _virtual.pop(name, None)
