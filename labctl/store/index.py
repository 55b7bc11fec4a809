"""The SQLite file of the catalogue: kept up to date, and made again where it is damaged."""

from __future__ import annotations

import json
import logging
import math
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from labctl.errors import StoreError
from labctl.quantity import to_si
from labctl.store.condition import as_text
from labctl.store.files import day_folders, read_json, runs_of_day
from labctl.store.status import Status
from labctl.store.tags import FILE as TAGS
from labctl.store.tags import read_tags

FILE = ".catalogue.sqlite"
VERSION = 2
_FRESH = 2.0
"""A folder changed so few seconds ago may change again without its time stamp showing it."""
_BUSY = 20.0
_DAMAGED = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""What SQLite says of a file that is none of its own, or has not the tables it should have."""
_TABLES = """
CREATE TABLE days (day TEXT PRIMARY KEY, stamp INTEGER NOT NULL);
CREATE TABLE runs (
    folder TEXT PRIMARY KEY, number INTEGER NOT NULL, procedure TEXT NOT NULL,
    chip TEXT NOT NULL, bench TEXT NOT NULL, created TEXT NOT NULL, ended TEXT NOT NULL,
    state TEXT NOT NULL, rows INTEGER NOT NULL, error TEXT NOT NULL, words TEXT NOT NULL,
    day TEXT NOT NULL, moment REAL NOT NULL, changes INTEGER NOT NULL, stamp INTEGER NOT NULL);
CREATE INDEX runs_number ON runs (number);
CREATE INDEX runs_day ON runs (day);
CREATE INDEX runs_changes ON runs (changes) WHERE changes;
CREATE TABLE tags (
    folder TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, tag TEXT NOT NULL,
    PRIMARY KEY (folder, tag)) WITHOUT ROWID;
CREATE INDEX tags_tag ON tags (tag);
CREATE TABLE facts (
    folder TEXT NOT NULL REFERENCES runs ON DELETE CASCADE, name TEXT NOT NULL,
    text TEXT NOT NULL, number REAL, PRIMARY KEY (folder, name)) WITHOUT ROWID;
CREATE INDEX facts_name ON facts (name, number);
"""
_log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")


class Index:
    """The index of one data folder; every question looks for news in the folder first.

    Several processes may ask at once. Where the folder cannot be written, the index lives in
    memory.

    Parameters
    ----------
    root
        Folder of all runs.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._memory: sqlite3.Connection | None = None

    def ask(self, question: Callable[[sqlite3.Connection], _Answer]) -> _Answer:
        """Return the answer to a question, in one transaction.

        Raises
        ------
        StoreError
            Where SQLite fails although the index was made again.
        """
        try:
            return self._ask(question)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF in _DAMAGED:
                _log.warning(
                    "The catalogue of %s was damaged (%s); it was made again from the run folders.",
                    self.root,
                    error,
                )
                self.drop()
            else:
                _log.info("The catalogue of %s is kept in memory: %s", self.root, error)
                self._to_memory()
        try:
            return self._ask(question)
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"The catalogue of {self.root} cannot be used: {error}. Delete {FILE} there."
            ) from error

    def drop(self) -> None:
        """Forget everything; the next question makes the index again."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        try:
            for suffix in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    os.unlink(f"{self.root / FILE}{suffix}")  # noqa: PTH108 - names with a suffix
        except OSError as error:  # Windows: another program has it open
            _log.info("The catalogue of %s is kept in memory: %s", self.root, error)
            self._to_memory()

    def enter(self, index: sqlite3.Connection, folder: str) -> bool:
        """Enter a run where its files have changed since the last time; False where it is none.

        Parameters
        ----------
        folder
            Of the run, below the data folder, with ``/``.
        """
        path = self.root / folder
        try:
            stamp = _stamp(str(path))
        except OSError:  # no run: its very beginning failed, or somebody moves it just now
            index.execute("DELETE FROM runs WHERE folder = ?", (folder,))
            return False
        known = index.execute("SELECT stamp FROM runs WHERE folder = ?", (folder,)).fetchone()
        if known is not None and known[0] == stamp:
            return True
        index.execute("DELETE FROM runs WHERE folder = ?", (folder,))
        try:
            meta, tags = read_json(path / "run.json"), read_tags(path)
            row, facts = _row(folder, meta, tags, stamp), _facts(folder, meta)
        except (StoreError, KeyError, TypeError, ValueError, AttributeError) as error:
            _log.warning("%s is not in the catalogue: %s", path, error)
            return False
        index.execute(f"INSERT INTO runs VALUES ({', '.join('?' * len(row))})", row)
        index.executemany("INSERT INTO tags VALUES (?, ?)", [(folder, tag) for tag in tags])
        index.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?, ?, ?)", facts)
        return True

    def _ask(self, question: Callable[[sqlite3.Connection], _Answer]) -> _Answer:
        with self._opened() as index, index:
            self._refresh(index)
            return question(index)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        if self._memory is not None:
            yield self._memory
            return
        with closing(sqlite3.connect(self.root / FILE, timeout=_BUSY)) as index:
            index.execute("PRAGMA foreign_keys = ON")
            if index.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                index.execute("PRAGMA journal_mode = WAL")
                _make_tables(index)
            index.execute("PRAGMA synchronous = NORMAL")
            yield index

    def _to_memory(self) -> None:
        if self._memory is None:
            self._memory = sqlite3.connect(":memory:")
            self._memory.execute("PRAGMA foreign_keys = ON")
            _make_tables(self._memory)

    def _refresh(self, index: sqlite3.Connection) -> None:
        """Enter what is new, and forget what is gone."""
        known = dict(index.execute("SELECT day, stamp FROM days").fetchall())
        days = dict(_days(self.root))
        for gone in known.keys() - days.keys():
            index.execute("DELETE FROM runs WHERE day = ?", (gone,))
            index.execute("DELETE FROM days WHERE day = ?", (gone,))
        for name, stamp in days.items():
            if known.get(name) != stamp:
                self._read_day(index, name, stamp)
        root = str(self.root)
        changing = index.execute("SELECT folder, stamp FROM runs WHERE changes").fetchall()
        for folder, stamp in changing:
            try:
                same = _stamp(f"{root}/{folder}") == stamp
            except OSError:  # gone, which enter() finds too
                same = False
            if not same:
                self.enter(index, folder)

    def _read_day(self, index: sqlite3.Connection, name: str, stamp: int) -> None:
        """Enter what is new in the folder of one day, and forget what is gone."""
        try:
            here = {f"{name}/{folder.name}" for _, folder in runs_of_day(self.root / name)}
        except OSError:  # moved away just now: the next look finds it gone
            return
        rows = index.execute("SELECT folder FROM runs WHERE day = ?", (name,)).fetchall()
        for (folder,) in rows:
            if folder not in here:
                index.execute("DELETE FROM runs WHERE folder = ?", (folder,))
        entered = [self.enter(index, folder) for folder in sorted(here)]
        # A folder that is no run yet may become one without the day's folder changing.
        if all(entered) and time.time() - stamp / 1e9 > _FRESH:
            index.execute("INSERT OR REPLACE INTO days VALUES (?, ?)", (name, stamp))


def _days(root: Path) -> Iterator[tuple[str, int]]:
    """Yield the folders of single days, and when each was changed last, ns."""
    for day in day_folders(root):
        try:
            yield day.name, day.stat().st_mtime_ns
        except OSError:  # moved away just now
            continue


def _make_tables(index: sqlite3.Connection) -> None:
    """Make the tables empty; several processes may do so at once."""
    with index:
        index.execute("BEGIN IMMEDIATE")
        if index.execute("PRAGMA user_version").fetchone()[0] == VERSION:
            return  # somebody else was first
        for table in ("parameters", "facts", "tags", "runs", "days"):
            index.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in _TABLES.strip().split(";\n"):
            index.execute(statement)
        index.execute(f"PRAGMA user_version = {VERSION}")


def _stamp(path: str) -> int:
    """Return a number that changes when ``run.json`` or the tags do."""
    # No Path: this is done thousands of times for one list.
    stamp = os.stat(f"{path}/run.json").st_mtime_ns  # noqa: PTH116
    try:
        return stamp ^ os.stat(f"{path}/{TAGS}").st_mtime_ns << 1  # noqa: PTH116
    except OSError:
        return stamp


def _row(folder: str, meta: dict[str, Any], tags: list[str], stamp: int) -> tuple[Any, ...]:
    status = Status(meta["status"])
    return (
        folder,
        int(meta["number"]),
        str(meta["procedure"]),
        str(meta.get("chip") or ""),
        str(meta.get("bench") or ""),
        str(meta.get("created") or ""),
        str(meta.get("ended") or ""),
        status.value,
        sum((meta.get("rows") or {}).values()),
        str(meta.get("error") or ""),
        " ".join(tags),
        folder.partition("/")[0],
        _moment(meta),
        int(status is not Status.FINISHED),  # one that ended otherwise may be resumed
        stamp,
    )


def _moment(meta: dict[str, Any]) -> float:
    """Return when a run was made, s since 1970; 0 where that is lost."""
    created = str(meta.get("created") or "")
    return datetime.fromisoformat(created).timestamp() if created else 0.0


def _facts(folder: str, meta: dict[str, Any]) -> list[tuple[str, str, str, float | None]]:
    """Return parameters and results of a run: name, text, number in SI units."""
    units = meta.get("parameter_units") or {}
    facts = []
    for name, value in (meta.get("parameters") or {}).items():
        facts.append((folder, name, _text(value), _number(value, units.get(name) or "")))
    for name, value in (meta.get("summary") or {}).items():
        if isinstance(value, str | int | float | bool):
            facts.append((folder, f"summary.{name}", _text(value), _number(value, "")))
    return facts


def _text(value: Any) -> str:
    return json.dumps(value, default=str) if isinstance(value, list | dict) else as_text(value)


def _number(value: Any, unit: str) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    try:
        return to_si(float(value), unit)
    except ValueError:
        return float(value)
