"""Pause, resume and abort of one run: the states and who may change them.

The diagram is in ``docs/engine.md``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum

from labctl.errors import AbortedError, EngineError

_WAKE = 0.2  # s; waiting in slices lets signals through on every system


class State(StrEnum):
    """Where a run is between being asked for and being over."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    ABORTING = "aborting"
    ENDED = "ended"


class Control:
    """The reins of one run. Any thread may pull them; the measuring thread feels them.

    :meth:`pause`, :meth:`resume` and :meth:`abort` only ask. A pause is felt at the next
    :meth:`checkpoint` (between units), an abort at the next :meth:`interrupt` (between cells).

    Attributes
    ----------
    by_signal
        Whether the process was told to end (SIGINT, SIGTERM) during this run.
    waiting
        What the run waits for by itself (space on the disk), or None.
    """

    def __init__(self) -> None:
        self._step = State.QUEUED  # never ABORTING: that is the flag below
        # An abort only ever sets this flag, takes no lock, and nothing takes it back. So a
        # signal handler may abort whatever the code below it was doing.
        self._aborting = False
        self._reason = ""
        self.by_signal = False
        self.waiting: str | None = None
        self._changed = threading.Condition()

    @property
    def state(self) -> State:
        """The present state."""
        if self._aborting and self._step is not State.ENDED:
            return State.ABORTING
        return self._step

    @property
    def reason(self) -> str:
        """Why the run is aborted; empty where it is not."""
        return self._reason

    def begin(self) -> None:
        """Start a queued run.

        Raises
        ------
        AbortedError
            Where it was aborted while it was queued.
        """
        with self._changed:
            self.interrupt()
            self._go("start", State.QUEUED, State.RUNNING)

    def pause(self) -> None:
        """Ask the run to begin no further unit."""
        with self._changed:
            self._go("pause", State.RUNNING, State.PAUSED)

    def resume(self) -> None:
        """Let a paused run go on."""
        with self._changed:
            self._go("resume", State.PAUSED, State.RUNNING)

    def abort(self, reason: str = "Aborted by the user.") -> None:
        """Ask for the end of the run within one cell. Asking again changes nothing.

        Raises
        ------
        EngineError
            Where it has ended already.
        """
        if self._step is State.ENDED:
            raise EngineError("Cannot abort a run that is ended.")
        self._set_abort(reason)
        with self._changed:
            self._changed.notify_all()

    def abort_from_signal(self, reason: str) -> None:
        """Abort without taking the lock, which the interrupted code may be holding."""
        self.by_signal = True
        self._set_abort(reason)

    def end(self) -> None:
        """Note that the run is over, however it ended."""
        with self._changed:
            self._step = State.ENDED
            self._changed.notify_all()

    def interrupt(self) -> None:
        """Raise AbortedError where the run is to end; called between cells."""
        if self._aborting:
            raise AbortedError(self._reason)

    def wait_for(self, condition: Callable[[], bool], reason: str) -> None:
        """Wait until ``condition`` holds; :attr:`waiting` says why as long as it does not.

        Raises
        ------
        AbortedError
            Where the run is to end.
        """
        self.waiting = reason
        try:
            while not condition():
                self.interrupt()
                with self._changed:
                    self._changed.wait(_WAKE)
        finally:
            self.waiting = None

    def checkpoint(self) -> bool:
        """Tell between units whether the next may begin, waiting a moment where it may not.

        Returns
        -------
        bool
            False while paused: call again.

        Raises
        ------
        AbortedError
            Where the run is to end.
        """
        if self._step is State.PAUSED and not self._aborting:
            with self._changed:
                if self._step is State.PAUSED and not self._aborting:
                    self._changed.wait(_WAKE)
        self.interrupt()
        return self._step is not State.PAUSED

    def _set_abort(self, reason: str) -> None:
        if not self._aborting:
            self._reason = reason
            self._aborting = True

    def _go(self, verb: str, before: State, after: State) -> None:
        if self.state is not before:
            raise EngineError(
                f"Cannot {verb} a run that is {self.state}; it would have to be {before}."
            )
        self._step = after
        self._changed.notify_all()
