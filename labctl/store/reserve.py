"""A little room on the disk that is kept for the word that there is no more."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

RESERVE = ".reserve"
SIZE = 1 << 17
"""bytes; run.json is written beside the old one before it replaces it."""


class Reserve:
    """A file that only takes up room, in the folder of a run while it is written.

    Where the disk is full, it is given up so that ``run.json`` can say that the run waits.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / RESERVE
        self.take()

    def take(self) -> None:
        """Take up the room; a disk without room for that has it not."""
        try:
            self._file.write_bytes(bytes(SIZE))
        except OSError:
            self.give()

    def give(self) -> bool:
        """Give it up; tell whether there was anything to give."""
        there = self._file.exists()
        with suppress(OSError):
            self._file.unlink(missing_ok=True)
        return there
