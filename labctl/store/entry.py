"""One run as the catalogue knows it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from labctl.store.status import Status


class Entry(NamedTuple):
    """One run as the catalogue knows it.

    Attributes
    ----------
    root, folder
        The data folder, and where the run is below it.
    number, procedure, chip, bench
        As in ``run.json``.
    created, ended
        ISO 8601 with time zone; ``ended`` is empty as long as the run goes on.
    state
        The status as text.
    rows
        Rows of all tables; 0 as long as the run goes on.
    error
        What went wrong, or nothing.
    words
        The tags in alphabetical order, with a space between two.
    """

    # A tuple, for ten thousand of them must be made in some hundredths of a second.
    root: str
    folder: str
    number: int
    procedure: str
    chip: str
    bench: str
    created: str
    ended: str
    state: str
    rows: int
    error: str
    words: str

    @property
    def path(self) -> Path:
        """The run folder."""
        return Path(self.root, self.folder)

    @property
    def status(self) -> Status:
        """The status; ``interrupted`` where the process of the run is gone."""
        return Status(self.state)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags in alphabetical order."""
        return tuple(self.words.split())
