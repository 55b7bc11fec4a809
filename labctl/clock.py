"""Bench time: real on a real bench, virtual on a simulated one.

Nobody else in labctl sleeps or asks for the time of a measurement. A simulated bench and the
program that drives it share one :class:`VirtualClock`, found by the name of the VISA library.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
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

    def catch_up(self, now: float) -> None:
        """Have bench time be at least ``now``, at once."""
        ...


class RealClock:
    """Bench time passes as on the wall, and nobody sets it."""

    def __init__(self) -> None:
        self._shift = 0.0

    def now(self) -> float:
        """Return seconds of the monotonic system clock, moved by :meth:`catch_up`."""
        return time.monotonic() + self._shift

    def catch_up(self, now: float) -> None:
        """Have bench time be at least ``now``, as where a run goes on after a restart."""
        self._shift += max(0.0, now - self.now())

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

    def catch_up(self, now: float) -> None:
        """Let bench time pass at once until it is ``now``."""
        self._now = max(self._now, now)


class PacedClock(VirtualClock):
    """Bench time that passes as fast as the time on the wall.

    Between two messages it runs on; a sleep really lasts, and gives the bench to others meanwhile.
    Inside a message it is as exact as a virtual clock: only a lead on the wall is waited for. Where
    the computer is slower than the bench, bench time lags; :meth:`behind` tells how far.

    Parameters
    ----------
    lock
        What whoever sleeps here holds, any number of times; given up while it waits.
    """

    GRAIN = 5e-4
    """Lead on the wall that is not waited for, s: what waking up is uncertain by."""
    LOOK = 0.05
    """How often, s, whoever sleeps asks whether to stop."""

    def __init__(self, lock: threading.RLock | None = None) -> None:
        super().__init__()
        self._changed = threading.Condition(lock)
        self._start = time.monotonic()
        self._hurried: set[int] = set()
        self._stops: dict[int, Callable[[], bool]] = {}

    def share(self, lock: threading.RLock) -> None:
        """Have ``lock`` be the one that is given up while somebody waits."""
        self._changed = threading.Condition(lock)

    def behind(self) -> float:
        """Return how far the time on the wall is ahead, s: nothing was asked of the bench then."""
        return max(0.0, time.monotonic() - self._start - self._now)

    def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` (negative counts as zero); no time passes for a hurried thread."""
        if not seconds > 0.0:
            return
        me, end = threading.get_ident(), self._now + seconds
        with self._changed:
            while me not in self._hurried:
                lead = end - (time.monotonic() - self._start)
                if lead <= self.GRAIN:
                    self._now = max(self._now, end)
                    return
                stop = self._stops.get(me)
                if stop is not None and stop():
                    self._hurried.add(me)
                    return
                self._changed.wait(lead if stop is None else min(lead, self.LOOK))

    def stop_when(self, thread: int, stop: Callable[[], bool]) -> None:
        """Have a thread that sleeps ask ``stop`` now and then whether to hurry."""
        self._stops[thread] = stop

    def hurry(self, thread: int) -> None:
        """Wake the thread with this identity; its sleeps end at once until :meth:`calm`."""
        with self._changed:
            self._hurried.add(thread)
            self._changed.notify_all()

    def calm(self, thread: int) -> None:
        """Let the sleeps of a thread last again."""
        self._hurried.discard(thread)
        self._stops.pop(thread, None)


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
