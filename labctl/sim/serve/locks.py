"""Who may use an instrument: the exclusive and the shared lock of VISA and HiSLIP.

Sources: IVI-6.1 *High-Speed LAN Instrument Protocol*, locking; VPP-4.3 *The VISA Library*, 3.6.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import IntEnum
from threading import Condition
from time import monotonic


class Granted(IntEnum):
    """What became of a request or a release; the numbers are those of AsyncLockResponse."""

    NO = 0
    """Somebody else holds the lock."""
    YES = 1
    """The lock was granted, or the exclusive lock released."""
    SHARED = 2
    """The shared lock was released."""
    MISTAKE = 3
    """It is held already, or was never held: waiting does not help."""


class Locks:
    """The locks of one instrument.

    At most one holds the exclusive lock; any number with the same key hold the shared one, and one
    of those may take the exclusive lock on top. Nobody else may use the instrument meanwhile.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._exclusive: Hashable | None = None
        self._shared: set[Hashable] = set()
        self.key = ""
        """Key of the shared lock; empty where nobody holds it."""

    @property
    def held(self) -> bool:
        """Whether anybody holds a lock."""
        return self._exclusive is not None or bool(self._shared)

    @property
    def exclusive(self) -> Hashable | None:
        """Who holds the exclusive lock, or None."""
        return self._exclusive

    @property
    def holders(self) -> set[Hashable]:
        """All who hold a lock, each once."""
        return self._shared | ({self._exclusive} if self._exclusive is not None else set())

    def shares(self, who: Hashable) -> bool:
        """Tell whether somebody holds the shared lock."""
        return who in self._shared

    def admits(self, who: Hashable) -> bool:
        """Tell whether somebody may use the instrument."""
        if self._exclusive is not None:
            return self._exclusive == who
        return not self._shared or who in self._shared

    def request(self, who: Hashable, key: str = "") -> Granted:
        """Ask for the shared lock with this key, or the exclusive lock without; do not wait."""
        with self._changed:
            if key:
                return self._share(who, key)
            if self._exclusive == who:
                return Granted.MISTAKE
            if self._exclusive is not None or (self._shared and who not in self._shared):
                return Granted.NO
            self._exclusive = who
            return Granted.YES

    def wait(
        self,
        who: Hashable,
        key: str,
        seconds: float,
        given_up: Callable[[], bool] = lambda: False,
    ) -> Granted:
        """Ask as :meth:`request` does, and wait for the lock up to ``seconds`` of real time."""
        end = monotonic() + seconds
        while (granted := self.request(who, key)) is Granted.NO:
            rest = end - monotonic()
            if rest <= 0.0 or given_up():
                break
            with self._changed:
                self._changed.wait(min(rest, _LOOK))
        return granted

    def wait_to_use(self, who: Hashable, given_up: Callable[[], bool]) -> bool:
        """Wait until somebody may use the instrument; False if that was given up first."""
        while not self.admits(who):
            if given_up():
                return False
            with self._changed:
                self._changed.wait(_LOOK)
        return True

    def release(self, who: Hashable) -> Granted:
        """Give the exclusive lock back, or the shared one."""
        with self._changed:
            if self._exclusive == who:
                self._exclusive = None
                found = Granted.YES
            elif who in self._shared:
                self._unshare(who)
                found = Granted.SHARED
            else:
                return Granted.MISTAKE
            self._changed.notify_all()
            return found

    def leave(self, who: Hashable) -> None:
        """Give back all that somebody holds, because he is gone."""
        while self.release(who) is not Granted.MISTAKE:
            pass

    def _share(self, who: Hashable, key: str) -> Granted:
        if who in self._shared or self._exclusive == who:
            return Granted.MISTAKE
        if self._exclusive is not None and not self._shared:
            return Granted.NO
        if self._shared and key != self.key:
            return Granted.NO
        self._shared.add(who)
        self.key = key
        return Granted.YES

    def _unshare(self, who: Hashable) -> None:
        self._shared.discard(who)
        if not self._shared:
            self.key = ""


_LOOK = 0.1
"""Longest wait before looking whether the request was given up, s."""
