"""Turning the stream of a finished run into Parquet, and reading Parquet from a row on."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from labctl.store.stream import StreamReader

_GROUP_ROWS = 1_000_000


def compact(stream: Path, parquet: Path) -> int:
    """Write all whole batches of ``stream`` to ``parquet`` and return the number of rows.

    The Parquet file appears under its name only when it is complete and on the disk; the stream
    stays. Batches are gathered into row groups, so memory does not grow with the run.

    Raises
    ------
    OSError
        Where the folder cannot take the file; nothing of it is left.
    """
    reader = pa.ipc.open_stream(pa.memory_map(str(stream)))
    fresh = parquet.with_name(f"{parquet.name}.new")
    rows = 0
    try:
        with pq.ParquetWriter(fresh, reader.schema) as writer:
            group: list[pa.RecordBatch] = []
            waiting = 0
            for batch in reader:
                group.append(batch)
                waiting += batch.num_rows
                if waiting >= _GROUP_ROWS:
                    writer.write_table(pa.Table.from_batches(group))
                    rows, group, waiting = rows + waiting, [], 0
            if group:
                writer.write_table(pa.Table.from_batches(group))
                rows += waiting
        with fresh.open("rb+") as file:
            os.fsync(file.fileno())
        fresh.replace(parquet)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    return rows


def read_parquet(path: Path, first_row: int) -> list[pa.RecordBatch]:
    """Return the rows from ``first_row`` on; row groups before it are not read."""
    with pq.ParquetFile(path) as file:
        begin = 0
        wanted: list[int] = []
        skip = 0
        for group in range(file.num_row_groups):
            end = begin + file.metadata.row_group(group).num_rows
            if end > first_row:
                if not wanted:
                    skip = first_row - begin
                wanted.append(group)
            begin = end
        if not wanted:
            return []
        batches: list[pa.RecordBatch] = file.read_row_groups(wanted).slice(skip).to_batches()
        return batches


def read_stream(path: Path) -> pa.Table | None:
    """Return all whole batches of a stream as one table; None where not even the schema is."""
    reader = StreamReader(path)
    batches = reader.read_new()
    return None if reader.schema is None else pa.Table.from_batches(batches, reader.schema)
