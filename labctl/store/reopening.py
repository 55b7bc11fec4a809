"""Opening the folder of a run that is over, to write behind what it holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from labctl.errors import StoreError
from labctl.store import journal
from labctl.store.column import Column, schema_of
from labctl.store.files import read_json
from labctl.store.journal import Done
from labctl.store.reader import RunReader
from labctl.store.seam import Seam
from labctl.store.stamp import Stamps, last_stamp, written
from labctl.store.status import Status
from labctl.store.stream import StreamWriter

_BATCH_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Reopened:
    """A run folder open for writing again.

    Attributes
    ----------
    meta
        ``run.json`` as it was.
    tables
        Table -> columns, the journal left out.
    streams
        Table -> stream, the journal included.
    done
        What is done.
    seam
        The break, as ``run.json`` will keep it.
    stamps
        For what follows; none of them lies before one that the run has already.
    """

    meta: dict[str, Any]
    tables: dict[str, dict[str, Column]]
    streams: dict[str, StreamWriter]
    done: Done
    seam: Seam
    stamps: Stamps


def look(path: Path) -> tuple[RunReader, Done]:
    """Return a run that may be resumed, and how far it has come; writes nothing.

    Raises
    ------
    StoreError
        Saying why, where it cannot be resumed.
    """
    run = RunReader(path)
    status = run.status
    if not status.is_over:
        raise StoreError(f"Run {path} is {status.value}: somebody is writing it just now.")
    if status is Status.FINISHED:
        raise StoreError(f"Run {path} is finished; nothing of it is left to do.")
    if run.meta.get("remade"):
        raise StoreError(
            f"Run {path} cannot be resumed: its run.json was lost, and with it what it was run "
            "with. Start a new run; what this one measured stays."
        )
    there = {name: run.count(name) for name in run.tables}
    done = journal.read_done(path, list(run.tables), there)
    if done is None:
        raise StoreError(
            f"Run {path} kept no journal of its units (an older labctl wrote it): it cannot be "
            "resumed. Start a new run; what this one measured stays."
        )
    return run, done


def reopen(path: Path) -> Reopened:
    """Open the streams of a run at the end of what is whole in them.

    Raises
    ------
    StoreError
        Where the run cannot be resumed, or its files cannot be written.
    """
    run, done = look(path)
    last = last_stamp(run.meta)
    stamps = Stamps(after=last)
    streams: dict[str, StreamWriter] = {}
    try:
        for name, columns in {**run.tables, journal.TABLE: journal.COLUMNS}.items():
            streams[name] = _open(path, name, schema_of(name, columns))
    except (OSError, pa.ArrowException) as error:
        for stream in streams.values():
            stream.close(whole=False)
        raise StoreError(f"Run {path} cannot be written: {error}.") from error
    seam = Seam(
        ended=written(last) if last else "",
        resumed=stamps.text(),
        status=run.status.value,
        error=str(run.meta.get("error") or ""),
        units=done.units,
        rows={name: (done.rows[name], streams[name].rows) for name in run.tables},
    )
    return Reopened(read_json(path / "run.json"), run.tables, streams, done, seam, stamps)


def _open(path: Path, table: str, schema: pa.Schema) -> StreamWriter:
    stream, parquet = path / f"{table}.arrows", path / f"{table}.parquet"
    if not stream.exists():
        if not parquet.exists():  # it ended before the table was begun
            return StreamWriter(stream, schema)
        _expand(parquet, stream, schema)
    # A stream that is there is as complete as the Parquet file made of it, or more so.
    writer = StreamWriter.go_on(stream, schema)
    parquet.unlink(missing_ok=True)
    return writer


def _expand(parquet: Path, stream: Path, schema: pa.Schema) -> None:
    """Turn the Parquet file of a run that had ended back into a stream."""
    fresh = stream.with_name(f"{stream.name}.new")
    fresh.unlink(missing_ok=True)
    writer = StreamWriter(fresh, schema)
    try:
        with pq.ParquetFile(parquet) as file:
            for batch in file.iter_batches(_BATCH_ROWS):
                writer.write(pa.record_batch(batch.columns, schema))
        writer.sync()
    finally:
        writer.close(whole=False)
    fresh.replace(stream)
