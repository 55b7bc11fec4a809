"""One file of the wear book: counts that are only ever added to.

A matrix mainframe has one such file for the closures of its relays, a chip one for the pulses of
its cells. SQLite keeps them: an addition is in the file as a whole or not at all, whatever kills
the program, and several programs may add to one file.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Literal

from labctl.errors import StoreError

FORMAT = 1
"""Format of the files, in SQLite's ``user_version``."""
MARK = 0x6C776561
"""What tells our files from other SQLite files (``application_id``)."""
PATIENCE = 10.0
"""s to wait while another program adds to the same file."""
Kind = Literal["matrix", "chip"]
_PLAIN = re.compile(r"^[a-z0-9][a-z0-9._-]{0,60}$")
_TABLES = f"""
PRAGMA application_id = {MARK};
PRAGMA user_version = {FORMAT};
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE wear (
    part TEXT PRIMARY KEY, count INTEGER NOT NULL DEFAULT 0 CHECK (count >= 0), own INTEGER
) WITHOUT ROWID;
"""


def file_name(kind: Kind, name: str) -> str:
    """Return the file name for what is called ``name``; another name, another file.

    Examples
    --------
    >>> file_name("chip", "die-7")
    'chip-die-7.sqlite'
    >>> file_name("chip", "Die 7")
    'chip-die-7-ebfc74aa.sqlite'
    """
    if not _PLAIN.match(name):
        # Some file systems do not tell capitals apart, and a name may hold any sign.
        plain = re.sub(r"[^a-z0-9._]+", "-", name.lower()).strip("-.")[:40]
        name = f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}".lstrip("-")
    return f"{kind}-{name}.sqlite"


class WearFile:
    """The counts of one matrix or of one chip.

    A part is a crosspoint in the matrix's own notation (``"1A01"``), or a cell (``"3,5"``: row,
    column).

    Parameters
    ----------
    path
        The file; made, empty, where there is none and ``name`` is given.
    kind, name
        What the counts are of. A file that says something else is refused.

    Raises
    ------
    StoreError
        Where the file is damaged, of a later format, of something else, or cannot be made. Counts
        never begin again at zero by themselves.
    """

    def __init__(self, path: Path, kind: Kind | None = None, name: str | None = None) -> None:
        self.path = path
        if kind is not None and name is not None and not path.exists():
            self._make(kind, name)
        with self._open() as base:
            self._check(base)
        about = self.about()
        self.kind, self.name = about.get("kind", ""), about.get("name", "")
        if (kind or self.kind, name if name is not None else self.name) != (self.kind, self.name):
            raise StoreError(
                f"{path} keeps the wear of {self.kind} {self.name!r}, not of {kind} {name!r}. Move "
                "it out of the folder, or give back its own name."
            )

    def counts(self) -> dict[str, int]:
        """Return the count of every part that has one."""
        with self._open() as base:
            return dict(base.execute("SELECT part, count FROM wear WHERE count > 0"))

    def own(self) -> dict[str, int]:
        """Return what the instrument itself has counted, when it was asked last."""
        with self._open() as base:
            return dict(base.execute("SELECT part, own FROM wear WHERE own IS NOT NULL"))

    def about(self) -> dict[str, str]:
        """Return ``kind``, ``name``, and what :meth:`note` has kept."""
        with self._open() as base:
            return dict(base.execute("SELECT key, value FROM about"))

    def add(self, counts: Mapping[str, int]) -> None:
        """Add to the counts, all of them or none."""
        rows = [(part, int(count)) for part, count in counts.items() if count]
        if not rows:
            return
        with self._open() as base, base:
            base.executemany(
                "INSERT INTO wear (part, count) VALUES (?, ?) "
                "ON CONFLICT (part) DO UPDATE SET count = count + excluded.count",
                rows,
            )

    def put_own(self, counts: Mapping[str, int]) -> None:
        """Keep what the instrument itself has counted."""
        with self._open() as base, base:
            base.executemany(
                "INSERT INTO wear (part, own) VALUES (?, ?) "
                "ON CONFLICT (part) DO UPDATE SET own = excluded.own",
                [(part, int(count)) for part, count in counts.items()],
            )

    def note(self, **about: str) -> None:
        """Keep a few words beside the counts, where they have changed."""
        if about.items() <= self.about().items():
            return
        with self._open() as base, base:
            base.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", list(about.items()))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the file that is there, and never make one."""
        try:
            # A connection for each use: it belongs to one thread, and holds no lock in between.
            with closing(
                sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=rw", PATIENCE, uri=True)
            ) as base:
                yield base
        except sqlite3.Error as error:
            raise self._error(error) from error

    def _check(self, base: sqlite3.Connection) -> None:
        [mark] = base.execute("PRAGMA application_id").fetchone()
        [version] = base.execute("PRAGMA user_version").fetchone()
        if mark != MARK:
            raise sqlite3.DatabaseError("it is no wear file of labctl")
        if version > FORMAT:
            raise StoreError(
                f"{self.path} is of format {version}; this labctl knows up to {FORMAT}. Use the "
                "labctl that wrote it, or a later one."
            )
        [verdict] = base.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)

    def _make(self, kind: Kind, name: str) -> None:
        """Make the file as a whole, or find that somebody else just has."""
        fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fresh.unlink(missing_ok=True)
            with closing(sqlite3.connect(fresh)) as base:
                base.executescript(_TABLES)
                base.execute("INSERT INTO about VALUES ('kind', ?), ('name', ?)", (kind, name))
                base.commit()
            with suppress(FileExistsError):
                os.link(fresh, self.path)  # unlike a renaming, never replaces counts
            fresh.unlink(missing_ok=True)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"Cannot make {self.path}, which keeps the wear of {kind} {name!r}: {error}. Give "
                "the folder room and the right to write, or move the bench file elsewhere."
            ) from error

    def _error(self, error: sqlite3.Error) -> StoreError:
        """Say what is wrong with the file, and what to do."""
        if isinstance(error, sqlite3.OperationalError):
            cure = (
                "Another program holds it; wait for it, or end it"
                if "locked" in str(error)
                else "Look for a full disk, a missing file or a folder that may not be written"
            )
            return StoreError(f"Cannot use {self.path} (wear): {error}. {cure}.")
        return StoreError(
            f"{self.path} (wear) is damaged: {error}. Put a copy of it back from before; without "
            "one move it out of the folder, and its counts begin again at zero."
        )
