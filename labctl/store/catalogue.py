"""The catalogue: an SQLite index of the runs below a data folder.

It holds nothing that the run folders do not hold, and is made again from them where it is missing,
damaged or of another version. Looking for news is cheap: a day's folder is read again only where
it has changed, and of the runs known only those that may still change are looked at.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from labctl.errors import StoreError
from labctl.store.condition import Clause, conditions, equals, moment
from labctl.store.entry import Entry
from labctl.store.index import FILE, Index
from labctl.store.reader import RunReader
from labctl.store.status import Status
from labctl.store.tags import change_tags

__all__ = ["FILE", "Catalogue", "Entry"]
_COLUMNS = (
    "folder, number, procedure, chip, bench, created, ended, state, rows, error, words"  # of Entry
)
_GOES_ON = frozenset({Status.RUNNING.value, Status.PAUSED.value})


class Catalogue:
    """The runs below one data folder; every method looks for news first.

    Several processes may use it at once. Where the folder cannot be written, the index lives in
    memory.

    Parameters
    ----------
    data_root
        Folder of all runs.

    Raises
    ------
    StoreError
        Where there is no such folder.
    """

    def __init__(self, data_root: str | Path) -> None:
        self.root = Path(data_root)
        if not self.root.is_dir():
            raise StoreError(f"There is no data folder {self.root}. Name one with --data.")
        self._index = Index(self.root)

    def entries(
        self,
        *,
        chip: str | None = None,
        procedure: str | None = None,
        status: Status | str | None = None,
        tag: str | None = None,
        since: str | date | None = None,
        until: str | date | None = None,
        where: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        last: int | None = None,
    ) -> list[Entry]:
        """Return the runs that match everything given, by number.

        Parameters
        ----------
        chip, procedure
            As they are in the run; with ``*`` and ``?`` for any letters.
        status, tag
            As they are in the run.
        since, until
            Days or times, see :func:`labctl.store.condition.moment`; a day counts as a whole.
        where
            Conditions on parameters and results: ``"target > 20e-6 and yield >= 0.9"``; see
            :func:`labctl.store.condition.conditions`.
        parameters
            Parameter values as they are in the run, in the unit that the procedure declares.
        last
            Only so many, the newest.

        Raises
        ------
        StoreError
            For a status, a time or a condition that cannot be understood.
        """
        wanted = _status(status)
        clauses = [_like("chip", chip), _like("procedure", procedure)]
        if tag is not None:
            clauses.append(("folder IN (SELECT folder FROM tags WHERE tag = ?)", [tag]))
        if since is not None:
            clauses.append(("moment >= ?", [moment(since)]))
        if until is not None:
            clauses.append(("moment <= ?", [moment(until, last=True)]))
        clauses += conditions(where) if where is not None else ()
        clauses += [equals(name, value) for name, value in (parameters or {}).items()]
        text, values = _joined([clause for clause in clauses if clause is not None])
        query = f"SELECT ?, {_COLUMNS} FROM runs {text} ORDER BY number, moment"
        found = self._index.ask(lambda index: self._entries(index, query, values))
        if wanted is not None:
            found = [entry for entry in found if entry.state == wanted.value]
        return found[-last:] if last else found

    def find(self, run: str | int | Path) -> Entry:
        """Return the run with a number, or in a folder.

        Raises
        ------
        StoreError
            Where there is none, or several runs carry the number.
        """
        key, value = ("folder", self._relative(Path(str(run))))
        if str(run).isdecimal():
            key, value = "number", str(int(str(run)))
        query = f"SELECT ?, {_COLUMNS} FROM runs WHERE {key} = ?"
        found = self._index.ask(lambda index: self._entries(index, query, [value]))
        if not found:
            raise StoreError(f"There is no run {run} in {self.root.resolve()}; see `labctl ls`.")
        if len(found) > 1:
            places = ", ".join(str(entry.path) for entry in found)
            raise StoreError(f"Several runs are called {run}: {places}. Name the folder.")
        return found[0]

    def tag(self, run: str | int | Path, *words: str) -> Entry:
        """Add tags to a run (``good`` or ``+good``), take others off (``-bad``); return it then.

        Raises
        ------
        StoreError
            For a run that is not there, or a tag that is no word.
        """
        entry = self.find(run)
        change_tags(entry.path, words)
        self._index.ask(lambda index: self._index.enter(index, entry.folder))
        return self.find(entry.path)

    def reindex(self) -> int:
        """Make the index again from the run folders; return how many runs there are."""
        self._index.drop()
        count = self._index.ask(lambda index: index.execute("SELECT count(*) FROM runs").fetchone())
        return int(count[0])

    def _entries(self, index: sqlite3.Connection, query: str, values: list[Any]) -> list[Entry]:
        rows = index.execute(query, [str(self.root), *values]).fetchall()
        found = list(map(Entry._make, rows))
        for position, entry in enumerate(found):
            if entry.state in _GOES_ON:
                with suppress(StoreError):  # moved away just now: what was known last is shown
                    found[position] = entry._replace(state=RunReader(entry.path).status.value)
        return found

    def _relative(self, path: Path) -> str:
        """Return how the index names a run folder, given as such or below the data folder."""
        path = path.resolve() if path.exists() else (self.root / path).resolve()
        root = self.root.resolve()
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _status(status: Status | str | None) -> Status | None:
    try:
        return None if status is None else Status(status)
    except ValueError:
        known = ", ".join(each.value for each in Status)
        raise StoreError(f"There is no status {status!r}; take one of {known}.") from None


def _like(column: str, value: str | None) -> Clause | None:
    if value is None:
        return None
    return f"{column} {'GLOB' if set(value) & set('*?') else '='} ?", [value]


def _joined(clauses: list[Clause]) -> Clause:
    """Return one WHERE clause for all."""
    text = " AND ".join(clause for clause, _ in clauses)
    return (f"WHERE {text}" if text else ""), [value for _, own in clauses for value in own]
