"""Writing a run: its folder, its tables while they grow, its status."""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from labctl.errors import DiskFullError, StoreError
from labctl.store import journal
from labctl.store.column import Columns
from labctl.store.compact import compact
from labctl.store.files import new_run_folder, write_json
from labctl.store.format import FORMAT
from labctl.store.journal import Done
from labctl.store.process import this_process
from labctl.store.reopening import reopen
from labctl.store.reserve import Reserve
from labctl.store.rowbuffer import RowBuffer
from labctl.store.stamp import Stamps
from labctl.store.status import Status
from labctl.store.stream import StreamWriter

_log = logging.getLogger(__name__)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
FLUSH_INTERVAL = 0.25
"""s between two hand-overs of rows to the operating system."""
FLUSH_ROWS = 100_000
"""Rows in blocks that are handed over without waiting for that, so that memory stays small."""
HEARTBEAT_INTERVAL = 1.0
"""s between two heartbeats; rows are forced onto the disk as often."""


class RunWriter:
    """The one writer of a run folder. Make one with :meth:`create`; end it with :meth:`finish`.

    Rows are flushed while they come in, and a thread of this object (``labctl-store``) flushes
    what is left when none come, so that a process that dies loses less than a second of rows. The
    same thread keeps the heartbeat. All methods may be called from any thread.

    Attributes
    ----------
    path
        The run folder.
    number
        The number of the run, its own below one data root.
    done
        What was done already when this writer was made: nothing, but for a run that is resumed.
    """

    def __init__(
        self,
        path: Path,
        meta: dict[str, Any],
        tables: _Tables,
        streams: dict[str, StreamWriter] | None = None,
        done: Done | None = None,
        stamps: Stamps | None = None,
    ) -> None:
        self.path, self.number = path, int(meta["number"])
        self.done = done or Done()
        self._meta = meta
        self._stamps = stamps or Stamps()
        self._reserve = Reserve(path)
        self._lock = threading.Lock()  # buffers and streams
        self._meta_lock = threading.Lock()  # run.json; never taken while holding _lock
        self._tables = list(tables)
        # The journal comes last, so that it never counts rows that were not written before it.
        self._buffers = {
            name: RowBuffer(name, columns)
            for name, columns in {**tables, journal.TABLE: journal.COLUMNS}.items()
        }
        for buffer in self._buffers.values():
            buffer.warm_up()
        self._streams = streams or {
            name: StreamWriter(path / f"{name}.arrows", buffer.schema)
            for name, buffer in self._buffers.items()
        }
        self._before = {name: stream.rows for name, stream in self._streams.items()}
        self._state = ""
        self._loose: set[str] = set()
        self._due = time.monotonic() + FLUSH_INTERVAL
        self._beaten = 0.0
        self._fault: StoreError | None = None
        self._is_patient = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="labctl-store", daemon=True)

    @classmethod
    def create(
        cls,
        data_root: str | Path,
        procedure: str,
        meta: dict[str, Any],
        tables: Mapping[str, Columns],
    ) -> Self:
        """Make the folder of a new run, status ``running``, tables empty.

        Parameters
        ----------
        data_root
            Folder of all runs; made where it is missing.
        procedure
            Name of the procedure, part of the folder's name.
        meta
            JSON-able; goes into ``run.json`` beside the keys of the run itself.
        tables
            Table name -> column name -> :class:`Column`.

        Raises
        ------
        StoreError
            Where the folder or its files cannot be made.
        """
        if journal.TABLE in tables:
            raise StoreError(f"No table of a run may be called {journal.TABLE!r}.")
        stamps = Stamps()
        created = stamps.text()
        try:
            number, path = new_run_folder(Path(data_root), created[:10], procedure)
            own = {
                "format": FORMAT,
                "number": number,
                "procedure": procedure,
                "status": Status.RUNNING.value,
                "created": created,
                "tables": {
                    table: {name: column.to_json() for name, column in columns.items()}
                    for table, columns in tables.items()
                },
                "process": this_process(),
            }
            writer = cls(path, {**meta, **own}, tables, stamps=stamps)
            writer._write_meta()
        except OSError as error:
            raise StoreError(
                f"Cannot make a run folder in {data_root}: {error}. Free some space, or choose "
                "another data folder."
            ) from error
        writer._thread.start()
        return writer

    @classmethod
    def reopen(cls, path: str | Path) -> Self:
        """Go on in the folder of a run that has ended without being finished.

        ``run.json`` gets a seam (:class:`labctl.store.Seam`); :attr:`done` says how far it was.

        Raises
        ------
        StoreError
            Where the run is going on or finished, kept no journal, or cannot be written.
        """
        found = reopen(Path(path))
        seams = [*found.meta.get("seams", []), found.seam.to_json()]
        gone = {"ended", "rows", "error", "summary", "traceback"}
        meta = {key: value for key, value in found.meta.items() if key not in gone}
        meta |= {"status": Status.RUNNING.value, "seams": seams, "process": this_process()}
        writer = cls(Path(path), meta, found.tables, found.streams, found.done, found.stamps)
        try:
            writer._write_meta()
        except OSError as error:
            for stream in found.streams.values():
                stream.close(whole=False)
            raise writer._disk_error(error) from error
        writer._thread.start()
        return writer

    def append(self, table: str, **columns: Any) -> None:
        """Add one row (scalars) or a block of rows (1-D arrays) to ``table``.

        Raises
        ------
        StoreError
            For an unknown table, columns that do not match it, or a disk that takes no more.
        """
        try:
            buffer = self._buffers[table]
        except KeyError:
            raise StoreError(
                f"Run {self.path.name} has no table {table!r}; declared are "
                f"{', '.join(self._buffers)}."
            ) from None
        if not buffer.add_row(columns):
            with self._lock:
                buffer.add_block(columns)
            if buffer.loose >= FLUSH_ROWS:
                self._due = 0.0
        self._look()

    def unit_done(self, unit: int, time: float, state: str = "") -> None:
        """Note in the journal that all rows of ``unit`` have been appended.

        Parameters
        ----------
        unit
            Its index in the list of units.
        time
            Bench time, s.
        state
            JSON: what is needed to go on with the unit after it.
        """
        with self._lock:
            rows = [self._before[name] + self._buffers[name].rows for name in self._tables]
        if state == self._state:
            state = ""
        else:
            self._state = state
        self.append(journal.TABLE, **journal.entry(unit, time, rows, state))

    def tick(self) -> None:
        """Flush and write the heartbeat where they are due. Cheap where they are not.

        Raises
        ------
        StoreError
            Where the disk takes no more, now or since the last call; see :meth:`be_patient`.
        """
        self._look()

    def be_patient(self) -> None:
        """From now on keep rows in memory while the disk is full, instead of raising.

        Whoever asks for this looks at :attr:`full` between units, and measures nothing as long
        as it is not None.
        """
        self._is_patient = True

    def settle(self) -> bool:
        """Hand all rows to the operating system; return False where there is no space for them."""
        try:
            self.flush()
        except DiskFullError as error:
            self._fault = error
        return self.full is None

    def stamp(self) -> str:
        """Return the time of day for this run, ISO 8601; see :class:`labctl.store.stamp.Stamps`."""
        return self._stamps.text()

    @property
    def meta(self) -> dict[str, Any]:
        """What ``run.json`` says, or will with the next heartbeat."""
        with self._meta_lock:
            return dict(self._meta)

    @property
    def full(self) -> DiskFullError | None:
        """What keeps rows from the disk, where that is a lack of space."""
        fault = self._fault
        return fault if isinstance(fault, DiskFullError) else None

    def flush(self) -> None:
        """Hand all rows to the operating system now.

        Raises
        ------
        StoreError
            Naming the folder, where the disk takes no more. The rows are kept and tried again.
        """
        with self._lock:
            self._flush()

    def progress(self, progress: dict[str, Any]) -> None:
        """Note how far the run is; written with the next heartbeat."""
        self.keep(progress=progress)

    def keep(self, **meta: Any) -> None:
        """Add or replace keys of ``run.json``, written with the next heartbeat."""
        with self._meta_lock:
            self._meta.update(meta)

    def status(self, status: Status) -> None:
        """Write a new status that does not end the run (``running``, ``paused``) at once."""
        if status.is_over:
            raise StoreError(f"A run is ended with finish(), not by setting {status.value!r}.")
        self._update(status=status.value)

    def note(self, **meta: Any) -> None:
        """Add or replace keys of ``run.json``, at once."""
        self._update(**meta)

    def finish(
        self,
        status: Status | str,
        error: str | None = None,
        summary: dict[str, Any] | None = None,
        **meta: Any,
    ) -> None:
        """Flush, compact every table to Parquet, and write the final status.

        Does nothing a second time. Whatever fails on the way, the status is still written.

        Parameters
        ----------
        status
            ``finished``, ``aborted`` or ``failed``.
        error
            What went wrong, for people.
        summary
            Results, JSON-able.
        meta
            Further keys for ``run.json``.

        Raises
        ------
        StoreError
            Where not all could be written; the streams stay as they are.
        """
        if self._closing.is_set():
            return
        self._closing.set()
        self._thread.join()
        self._reserve.give()
        faults = self._close_streams()
        if faults:
            status = Status.FAILED
            error = "; ".join([error, *faults] if error else faults)
        final: dict[str, Any] = {
            "status": Status(status).value,
            "ended": self._stamps.text(),
            "rows": {name: self._streams[name].rows for name in self._tables},
            "error": error,
            "summary": summary or {},
        }
        self._update(**final, **meta)
        if faults:
            raise StoreError("; ".join(faults))
        for name, stream in self._streams.items():
            if name in self._loose:
                continue
            try:
                stream.path.unlink(missing_ok=True)
            except PermissionError:
                # Windows: somebody reads it just now. It holds the same rows; let it be.
                continue

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.finish(Status.FINISHED)
        else:
            self.finish(Status.FAILED, error=f"{type(error).__name__}: {error}")

    def _look(self) -> None:
        """Flush where that is due, and raise what is wrong with the disk."""
        if time.monotonic() >= self._due:
            try:
                self.flush()
            except DiskFullError as error:
                self._fault = error
        if self._fault is not None and not (self._is_patient and self.full is not None):
            raise self._fault

    def _flush(self) -> None:
        """Write what the buffers hold; the caller has the lock."""
        self._due = time.monotonic() + FLUSH_INTERVAL
        try:
            for name, buffer in self._buffers.items():
                stream = self._streams[name]
                stream.flush()
                if buffer and (batch := buffer.take()) is not None:
                    stream.write(batch)
        except OSError as error:
            raise self._disk_error(error) from error

    def _keep(self) -> None:
        """Flush and keep the heartbeat until the run ends; body of the thread."""
        while not self._closing.wait(FLUSH_INTERVAL):
            fault: StoreError | None = None
            try:
                self.flush()
            except StoreError as error:
                fault = error
            # A disk without room for rows may have room for the word that the run is paused.
            try:
                if time.monotonic() - self._beaten >= HEARTBEAT_INTERVAL:
                    self._beat()
            except StoreError as error:
                fault = fault or error
            if fault is None and self._fault is not None:
                self._reserve.take()
            self._fault = fault  # raised to the measurement by its next append or tick

    def _beat(self) -> None:
        try:
            for stream in self._streams.values():
                stream.sync()
        except OSError as error:
            raise self._disk_error(error) from error
        self._update()

    def _close_streams(self) -> list[str]:
        """Close and compact all tables; return what failed."""
        faults: list[str] = []
        try:
            self.flush()
        except StoreError as error:
            faults.append(str(error))
        for name, stream in self._streams.items():
            try:
                stream.close(whole=not faults)
                if not faults:
                    compact(stream.path, self.path / f"{name}.parquet")
            except OSError as error:
                problem = self._disk_error(error)
                if stream.is_whole and isinstance(problem, DiskFullError):
                    # Every row is in the stream, which is read as well as a Parquet file.
                    _log.warning("%s stays a stream: %s", stream.path, problem)
                    self._loose.add(name)
                else:
                    faults.append(str(problem))
        return faults

    def _update(self, **changes: Any) -> None:
        with self._meta_lock:
            self._meta.update(changes)
        try:
            self._write_meta()
        except OSError as error:
            raise self._disk_error(error) from error

    def _write_meta(self) -> None:
        with self._meta_lock:
            self._meta["heartbeat"] = time.time()
            try:
                write_json(self.path / "run.json", self._meta)
            except OSError as error:
                if error.errno not in _FULL or not self._reserve.give():
                    raise
                write_json(self.path / "run.json", self._meta)
        self._beaten = time.monotonic()

    def _disk_error(self, error: OSError) -> StoreError:
        kind = DiskFullError if error.errno in _FULL else StoreError
        return kind(
            f"Cannot write to {self.path}: {error}. Rows stored so far are kept; free some space "
            "or make the folder writable."
        )


_Tables = Mapping[str, Columns]
