"""The catalogue: an SQLite index of the runs below a data folder.

It holds nothing that the run folders do not hold, and is made again from them where it is missing,
damaged or of another version. Looking for news is cheap: a day's folder is read again only where
it has changed, and of the runs known only those that were not over are looked at.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labctl.errors import StoreError
from labctl.store.files import day_folders, read_json, runs_of_day
from labctl.store.reader import RunReader
from labctl.store.status import Status
from labctl.store.tags import read_tags, write_tags

FILE = ".catalogue.sqlite"
VERSION = 1
_FRESH = 2.0
"""A folder changed so few seconds ago may change again without its time stamp showing it."""
_BUSY = 20.0
_TABLES = """
CREATE TABLE days (day TEXT PRIMARY KEY, stamp INTEGER NOT NULL);
CREATE TABLE runs (
    folder TEXT PRIMARY KEY, day TEXT NOT NULL, number INTEGER NOT NULL, procedure TEXT NOT NULL,
    chip TEXT NOT NULL, bench TEXT NOT NULL, created TEXT NOT NULL, ended TEXT NOT NULL,
    status TEXT NOT NULL, is_over INTEGER NOT NULL, rows INTEGER NOT NULL, error TEXT NOT NULL,
    tags TEXT NOT NULL, stamp INTEGER NOT NULL);
CREATE INDEX runs_number ON runs (number);
CREATE TABLE tags (
    folder TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, tag TEXT NOT NULL,
    PRIMARY KEY (folder, tag)) WITHOUT ROWID;
CREATE TABLE parameters (
    folder TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, name TEXT NOT NULL,
    value TEXT NOT NULL, PRIMARY KEY (folder, name)) WITHOUT ROWID;
"""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One run as the catalogue knows it.

    Attributes
    ----------
    path
        The run folder.
    number, procedure, chip, bench
        As in ``run.json``.
    created, ended
        ISO 8601 with time zone; ``ended`` is empty as long as the run goes on.
    status
        ``interrupted`` where the process of the run is gone.
    rows
        Rows of all tables; 0 as long as the run goes on.
    error
        What went wrong, or nothing.
    tags
        In alphabetical order.
    """

    path: Path
    number: int
    procedure: str
    chip: str
    bench: str
    created: str
    ended: str
    status: Status
    rows: int
    error: str
    tags: tuple[str, ...]


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
        self._memory: sqlite3.Connection | None = None

    def entries(
        self,
        *,
        chip: str | None = None,
        procedure: str | None = None,
        status: Status | None = None,
        tag: str | None = None,
        since: str | None = None,
        until: str | None = None,
        parameters: Mapping[str, str] | None = None,
        last: int | None = None,
    ) -> list[Entry]:
        """Return the runs that match everything given, oldest first.

        Parameters
        ----------
        chip, procedure, status, tag
            As they are in the run.
        since, until
            Days, ``2026-11-24``, both included.
        parameters
            Parameter values, as text.
        last
            Only so many, the newest.
        """
        where, values = _conditions(chip, procedure, tag, since, until, parameters or {})
        query = f"SELECT * FROM runs {where} ORDER BY created, number"
        with self._index() as index:
            found = [self._entry(row) for row in index.execute(query, values)]
        if status is not None:
            found = [entry for entry in found if entry.status is status]
        return found[-last:] if last else found

    def find(self, run: str | int | Path) -> Entry:
        """Return the run with a number, or in a folder.

        Raises
        ------
        StoreError
            Where there is none, or several runs carry the number.
        """
        with self._index() as index:
            if str(run).isdecimal():
                query, value = "SELECT * FROM runs WHERE number = ?", str(int(str(run)))
            else:
                query, value = "SELECT * FROM runs WHERE folder = ?", self._relative(Path(str(run)))
            found = [self._entry(row) for row in index.execute(query, (value,))]
        if not found:
            raise StoreError(f"There is no run {run} in {self.root.resolve()}; see `labctl ls`.")
        if len(found) > 1:
            places = ", ".join(str(entry.path) for entry in found)
            raise StoreError(f"Several runs are called {run}: {places}. Name the folder.")
        return found[0]

    def tag(self, run: str | int | Path, add: tuple[str, ...], remove: tuple[str, ...]) -> Entry:
        """Add tags to a run and take others off; return the run as it is then.

        Raises
        ------
        StoreError
            For a run that is not there, or a tag that is no word.
        """
        entry = self.find(run)
        write_tags(entry.path, sorted({*entry.tags, *add} - {*remove}))
        with self._index() as index:
            self._enter(index, entry.path, force=True)
        return self.find(entry.path)

    def reindex(self) -> int:
        """Make the index again from the run folders; return how many runs there are."""
        self._drop()
        with self._index() as index:
            return int(index.execute("SELECT count(*) FROM runs").fetchone()[0])

    # -- the index -----------------------------------------------------------------------------

    @contextmanager
    def _index(self) -> Iterator[sqlite3.Connection]:
        """Open the index with all news in it; a damaged one is made again first."""
        try:
            index = self._open()
            try:
                with index:
                    self._refresh(index)
            except sqlite3.DatabaseError:
                index.close()
                raise
        except sqlite3.OperationalError as error:
            _log.info("The catalogue of %s is kept in memory: %s", self.root, error)
            index = self._in_memory()
            with index:
                self._refresh(index)
        except sqlite3.DatabaseError as error:
            _log.warning("The catalogue of %s was damaged (%s); made again.", self.root, error)
            self._drop()
            index = self._open()
            with index:
                self._refresh(index)
        if index is self._memory:
            with index:
                yield index
            return
        with closing(index), index:
            yield index

    def _open(self) -> sqlite3.Connection:
        if self._memory is not None:
            return self._memory
        index = sqlite3.connect(self.root / FILE, timeout=_BUSY)
        try:
            index.execute("PRAGMA foreign_keys = ON")
            version = index.execute("PRAGMA user_version").fetchone()[0]
            if version != VERSION:
                index.execute("PRAGMA journal_mode = WAL")
                _make_tables(index)
        except BaseException:
            index.close()
            raise
        return index

    def _in_memory(self) -> sqlite3.Connection:
        if self._memory is None:
            self._memory = sqlite3.connect(":memory:")
            self._memory.execute("PRAGMA foreign_keys = ON")
            _make_tables(self._memory)
        return self._memory

    def _drop(self) -> None:
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.unlink(f"{self.root / FILE}{suffix}")  # noqa: PTH108 - names with a suffix

    def _refresh(self, index: sqlite3.Connection) -> None:
        """Enter what is new, and forget what is gone."""
        known = dict(index.execute("SELECT day, stamp FROM days").fetchall())
        days = {day.name: day for day in day_folders(self.root)}
        for gone in known.keys() - days.keys():
            index.execute("DELETE FROM runs WHERE day = ?", (gone,))
            index.execute("DELETE FROM days WHERE day = ?", (gone,))
        for name, day in days.items():
            stamp = day.stat().st_mtime_ns
            if known.get(name) == stamp:
                continue
            here = {self._relative(folder): folder for _, folder in runs_of_day(day)}
            rows = index.execute("SELECT folder FROM runs WHERE day = ?", (name,)).fetchall()
            for (folder,) in rows:
                if folder not in here:
                    index.execute("DELETE FROM runs WHERE folder = ?", (folder,))
            for folder in here.values():
                self._enter(index, folder)
            if time.time() - stamp / 1e9 > _FRESH:
                index.execute("INSERT OR REPLACE INTO days VALUES (?, ?)", (name, stamp))
        for (folder,) in index.execute("SELECT folder FROM runs WHERE NOT is_over").fetchall():
            self._enter(index, self.root / folder)

    def _enter(self, index: sqlite3.Connection, path: Path, force: bool = False) -> None:
        """Enter a run where its ``run.json`` is new or has changed."""
        folder = self._relative(path)
        try:
            stamp = (path / "run.json").stat().st_mtime_ns
        except OSError:  # no run: its very beginning failed, or somebody moves it just now
            index.execute("DELETE FROM runs WHERE folder = ?", (folder,))
            return
        known = index.execute("SELECT stamp FROM runs WHERE folder = ?", (folder,)).fetchone()
        if known is not None and known[0] == stamp and not force:
            return
        try:
            meta, tags = read_json(path / "run.json"), read_tags(path)
            row = _row(folder, path, meta, tags, stamp)
        except (StoreError, KeyError, TypeError, ValueError) as error:
            _log.warning("%s is not in the catalogue: %s", path, error)
            index.execute("DELETE FROM runs WHERE folder = ?", (folder,))
            return
        index.execute("DELETE FROM runs WHERE folder = ?", (folder,))
        index.execute(f"INSERT INTO runs VALUES ({', '.join('?' * len(row))})", row)
        index.executemany("INSERT INTO tags VALUES (?, ?)", [(folder, tag) for tag in tags])
        values = [(folder, name, _text(v)) for name, v in meta.get("parameters", {}).items()]
        index.executemany("INSERT INTO parameters VALUES (?, ?, ?)", values)

    def _entry(self, row: tuple[Any, ...]) -> Entry:
        folder, _, number, procedure, chip, bench, created, ended, status, over = row[:10]
        path = self.root / folder
        known = Status(status)
        if not over:
            with suppress(StoreError):  # moved away just now: what was known last is shown
                known = RunReader(path).status
        tags = tuple(row[12].split())
        return Entry(
            path, number, procedure, chip, bench, created, ended, known, row[10], row[11], tags
        )

    def _relative(self, path: Path) -> str:
        """Return how the index names a run folder, given as such or below the data folder."""
        path = path.resolve() if path.exists() else (self.root / path).resolve()
        root = self.root.resolve()
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _make_tables(index: sqlite3.Connection) -> None:
    """Make the tables empty; several processes may do so at once."""
    with index:
        index.execute("BEGIN IMMEDIATE")
        if index.execute("PRAGMA user_version").fetchone()[0] == VERSION:
            return  # somebody else was first
        for table in ("parameters", "tags", "runs", "days"):
            index.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in _TABLES.strip().split(";\n"):
            index.execute(statement)
        index.execute(f"PRAGMA user_version = {VERSION}")


def _conditions(
    chip: str | None,
    procedure: str | None,
    tag: str | None,
    since: str | None,
    until: str | None,
    parameters: Mapping[str, str],
) -> tuple[str, list[str]]:
    """Return the WHERE clause and its values."""
    parts: list[str] = []
    values: list[str] = []
    for text, value in (
        ("chip = ?", chip),
        ("procedure = ?", procedure),
        ("folder IN (SELECT folder FROM tags WHERE tag = ?)", tag),
        ("substr(created, 1, 10) >= ?", since),
        ("substr(created, 1, 10) <= ?", until),
    ):
        if value is not None:
            parts.append(text)
            values.append(value)
    for name, value in parameters.items():
        parts.append("folder IN (SELECT folder FROM parameters WHERE name = ? AND value = ?)")
        values += [name, _text(value)]
    return (f"WHERE {' AND '.join(parts)}" if parts else ""), values


def _row(
    folder: str, path: Path, meta: dict[str, Any], tags: list[str], stamp: int
) -> tuple[Any, ...]:
    status = Status(meta["status"])
    return (
        folder,
        path.parent.name,
        int(meta["number"]),
        str(meta["procedure"]),
        str(meta.get("chip") or ""),
        str(meta.get("bench") or ""),
        str(meta.get("created") or ""),
        str(meta.get("ended") or ""),
        status.value,
        int(status.is_over),
        sum((meta.get("rows") or {}).values()),
        str(meta.get("error") or ""),
        " ".join(tags),
        stamp,
    )


def _text(value: Any) -> str:
    """Return a parameter value as people write it: 0.2 and "0.20" are the same."""
    if isinstance(value, str):
        try:
            return f"{float(value):.12g}"
        except ValueError:
            return value
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int | float):
        return f"{value:.12g}"
    return json.dumps(value, default=str)
