"""Time stamps of a run that never run backwards, whatever is done to the clock of the computer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any


def _steady() -> float:
    """Return s since the computer was started, sleep included where the system counts it."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Stamps:
    """The time of day as it was when this object was made, carried on by a clock nobody sets.

    A clock that is put right (by hand, by the network) or a change to or from daylight saving
    thus neither reverses the order of two stamps nor changes what lies between them. Text
    carries the offset from UTC that holds at its instant.

    Parameters
    ----------
    after
        s since the epoch: no stamp lies before it.
    wall, steady
        Return s of the clock on the wall and of one that nobody sets.
    """

    def __init__(
        self,
        after: float = 0.0,
        wall: Callable[[], float] | None = None,
        steady: Callable[[], float] | None = None,
    ) -> None:
        self._steady = steady or _steady
        self._shift = max((wall or time.time)(), after) - self._steady()

    def now(self) -> float:
        """Return s since the epoch."""
        return self._shift + self._steady()

    def text(self) -> str:
        """Return ISO 8601 with the offset from UTC."""
        return written(self.now())


def written(seconds: float) -> str:
    """Return s since the epoch as ISO 8601 with the offset from UTC of this place."""
    return datetime.fromtimestamp(seconds).astimezone().isoformat()


def last_stamp(meta: Mapping[str, Any]) -> float:
    """Return the latest instant that ``run.json`` names, s since the epoch; 0 where none."""
    seams = [seam.get(key) for seam in meta.get("seams", []) for key in ("ended", "resumed")]
    known = [_seconds(text) for text in (meta.get("created"), meta.get("ended"), *seams)]
    heartbeat = meta.get("heartbeat")
    return max([*known, heartbeat if isinstance(heartbeat, int | float) else 0.0])


def _seconds(text: Any) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError):
        return 0.0
