"""The status of a run."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """What became of a run. Only the first two change again.

    ``interrupted`` is never written by the run itself: it is what a reader says of a run that
    calls itself running while its process is gone.
    """

    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    ABORTED = "aborted"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def is_over(self) -> bool:
        """Whether no more rows will come."""
        return self not in (Status.RUNNING, Status.PAUSED)
