"""Reading a run: finished, running, or left behind by a crash."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from labctl.errors import StoreError
from labctl.store.column import Column, schema_of
from labctl.store.compact import read_parquet, read_stream
from labctl.store.files import read_json
from labctl.store.format import check_format
from labctl.store.process import is_alive
from labctl.store.runlog import log_lines
from labctl.store.seam import Seam, kept, seams_of, without
from labctl.store.status import Status
from labctl.store.stream import StreamReader, measure

if TYPE_CHECKING:
    import pandas as pd

STALE = 30.0
"""s without a heartbeat after which a run on another computer counts as interrupted."""


class RunReader:
    """Looks into a run folder, also while it grows. Never writes to it.

    Parameters
    ----------
    path
        The run folder.

    Raises
    ------
    StoreError
        Where ``path`` is no run folder, or that of a later labctl.
    """

    def __init__(self, path: str | Path) -> None:
        self._set_up(path)
        _ = self.meta  # whether it is a run is to be known here

    def _set_up(self, path: str | Path) -> None:
        self.path = Path(path)
        self._stamp: tuple[int, int] | None = None
        self._meta: dict[str, Any] = {}
        self._streams: dict[tuple[str, int], StreamReader] = {}
        self._seen: dict[str, int] = {}

    @cached_property
    def tables(self) -> dict[str, dict[str, Column]]:
        """Table -> column -> type, unit and meaning; the main table first."""
        return {
            table: {name: Column(**column) for name, column in columns.items()}
            for table, columns in self.meta.get("tables", {}).items()
        }

    @property
    def meta(self) -> dict[str, Any]:
        """What ``run.json`` says now. Read again only where the file has changed."""
        file = self.path / "run.json"
        try:
            stat = file.stat()
        except OSError as error:
            raise StoreError(f"{self.path} is not the folder of a run: {error}.") from error
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp != self._stamp:
            meta = read_json(file)
            check_format(self.path, meta)
            self._meta, self._stamp = meta, stamp
        return self._meta

    @property
    def status(self) -> Status:
        """The status, which is ``interrupted`` where the run's process is gone."""
        status = Status(self.meta["status"])
        if status.is_over:
            return status
        alive = is_alive(self.meta.get("process", {}))
        if alive is None:
            alive = time.time() - float(self.meta.get("heartbeat", 0.0)) < STALE
        return status if alive else self._status_of_the_dead()

    @property
    def seams(self) -> list[Seam]:
        """Where the run was broken off and went on later, oldest first."""
        return seams_of(self.meta)

    @property
    def log(self) -> list[str]:
        """The lines that were logged during the run, oldest first."""
        return log_lines(self.path)

    def count(self, table: str) -> int:
        """Return how many rows of ``table`` the files hold, those of broken-off units included.

        Raises
        ------
        StoreError
            For a table the run does not have.
        """
        self._columns(table)
        try:
            return measure(self._stream_path(table)).rows
        except FileNotFoundError:
            parquet = self._parquet_path(table)
            return int(pq.read_metadata(parquet).num_rows) if parquet.exists() else 0

    def tail(self, table: str) -> dict[str, NDArray[Any]]:
        """Return the rows of ``table`` that are new since the last call.

        The cost does not depend on how many rows there are already.

        Returns
        -------
        dict
            Column name -> array, shape (new rows,); all of length 0 where nothing is new.

        Raises
        ------
        StoreError
            For a table the run does not have.
        """
        columns = self._columns(table)
        batches = self._new_batches(table)
        cuts, parts = self._cuts(table), []
        for batch in batches:
            first = self._seen.get(table, 0)
            self._seen[table] = first + batch.num_rows
            parts += [batch.slice(*part) for part in kept(first, batch.num_rows, cuts)]
        return {
            name: _joined([part.column(name) for part in parts], column)
            for name, column in columns.items()
        }

    def frame(self, table: str | None = None, *, cut: bool = False) -> pd.DataFrame:
        """Return all rows of ``table`` so far; ``attrs["units"]`` has the unit of each column.

        Parameters
        ----------
        table
            Name of a table; None takes the first one declared.
        cut
            True keeps the rows of units that were broken off and begun again when the run was
            resumed (see :attr:`seams`).

        Raises
        ------
        StoreError
            For a table the run does not have.
        """
        name = table if table is not None else next(iter(self.tables), "")
        frame: pd.DataFrame = self.arrow(name, cut=cut).to_pandas()
        frame.attrs.update(self._attrs(name))
        return frame

    def arrow(self, table: str, *, cut: bool = False) -> pa.Table:
        """Return all rows of ``table`` so far as an Arrow table; see :meth:`frame`."""
        columns = self._columns(table)
        content = self._read(table)
        if content is None:
            return schema_of(table, columns).empty_table()
        return content if cut else without(content, self._cuts(table))

    def follow(self, table: str | None = None, interval: float = 0.5) -> Iterator[pd.DataFrame]:
        """Yield the rows of ``table`` as they come, until the run is over.

        Parameters
        ----------
        table
            Name of a table; None takes the first one declared.
        interval
            s between two looks at the files.

        Yields
        ------
        DataFrame
            New rows only, at least one, as :meth:`frame` returns them. The first one holds all
            rows so far that :meth:`tail` has not returned yet.

        Raises
        ------
        StoreError
            For a table the run does not have.
        """
        import pandas as pd

        name = table if table is not None else next(iter(self.tables), "")
        waiting = threading.Event()
        while True:
            is_over = self.status.is_over  # asked first: what was written before it is read below
            new = pd.DataFrame(self.tail(name))
            if len(new):
                new.attrs.update(self._attrs(name))
                yield new
            elif is_over:
                return
            else:
                waiting.wait(interval)

    def _attrs(self, table: str) -> dict[str, Any]:
        units = {key: column.unit for key, column in self._columns(table).items()}
        return {"units": units, "table": table, "run": str(self.path)}

    def _new_batches(self, table: str) -> list[pa.RecordBatch]:
        """Return the rows past those counted in ``_seen``."""
        seen, seams = self._seen.get(table, 0), len(self.meta.get("seams", ()))
        key = (table, seams)  # a run that goes on after its end begins a file of its own
        stream = self._streams.setdefault(key, StreamReader(self._stream_path(table)))
        first = stream.rows
        try:
            batches = stream.read_new()
        except FileNotFoundError:
            # Compacted since: the Parquet file holds the same rows in the same order.
            parquet = self._parquet_path(table)
            return read_parquet(parquet, seen) if parquet.exists() else []
        fresh = []
        for batch in batches:
            known = min(max(seen - first, 0), batch.num_rows)
            if known < batch.num_rows:
                fresh.append(batch.slice(known))
            first += batch.num_rows
        return fresh

    def _read(self, table: str) -> pa.Table | None:
        # A stream that is there is as complete as the Parquet file made of it, or more so.
        try:
            return read_stream(self._stream_path(table))
        except FileNotFoundError:
            parquet = self._parquet_path(table)
            return pq.read_table(parquet) if parquet.exists() else None

    def _cuts(self, table: str) -> list[tuple[int, int]]:
        """Rows that were measured again: first row, row behind the last."""
        return [seam.rows[table] for seam in self.seams]

    def _columns(self, table: str) -> dict[str, Column]:
        if table not in self.tables:
            raise StoreError(
                f"Run {self.path.name} has no table {table!r}; it has {', '.join(self.tables)}."
            )
        return self.tables[table]

    def _stream_path(self, table: str) -> Path:
        return self.path / f"{table}.arrows"

    def _parquet_path(self, table: str) -> Path:
        return self.path / f"{table}.parquet"

    def _status_of_the_dead(self) -> Status:
        # It may have ended properly between the look at its status and the look for it.
        self._stamp = None
        status = Status(self.meta["status"])
        return status if status.is_over else Status.INTERRUPTED


def _joined(parts: list[pa.Array], column: Column) -> NDArray[Any]:
    if not parts:
        return np.empty(0, column.numpy)
    # As one chunked array: a run of a week has hundreds of thousands of small batches.
    joined: NDArray[Any] = pa.chunked_array(parts).to_numpy(zero_copy_only=False)
    return joined if joined.flags.writeable else joined.copy()
