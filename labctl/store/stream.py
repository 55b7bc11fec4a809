"""Append-only Arrow IPC streams: one file per table while a run goes on.

The messages are those of the Arrow IPC streaming format (schema, record batches, end marker), so
any Arrow library opens the file. They are written and read one by one here, because a stream
that still grows, or was cut short by a power failure, must give back every whole batch. After a
power failure a file may also have its full length with zeros at its end, so schema and batches
carry checksums in their metadata. Streams without, as labctl wrote them at first, are read as well.
"""

from __future__ import annotations

import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa

from labctl.errors import StoreError

END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
"""End-of-stream marker of the Arrow IPC streaming format."""
_CHECKED = b"labctl.crc32"
_UNKNOWN = b"crc32=00000000"
_CHECKSUM = re.compile(rb"crc32=([0-9a-f]{8})")


class StreamWriter:
    """Writes whole messages to the end of a file.

    A message that could not be written completely (full disk) is taken back from the file and
    kept; the next :meth:`flush` tries again.

    Attributes
    ----------
    rows
        In the file.
    is_whole
        Whether it was closed with its end marker, all rows before it.
    """

    is_whole = False

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self.rows = 0
        self._file = path.open("xb", buffering=0)
        self._end = 0
        self._waiting: list[tuple[memoryview, int]] = []
        self._put(_schema_message(schema), 0)
        self.flush()

    @classmethod
    def go_on(cls, path: Path, schema: pa.Schema) -> Self:
        """Open a stream that is there, to write behind its last whole batch.

        What follows that batch (an end marker, a batch that a crash or a power cut has left
        half written) is taken off the file.

        Raises
        ------
        FileNotFoundError
            Where there is none.
        OSError
            Where it cannot be written.
        StoreError
            Where it is that of another table.
        """
        whole = measure(path)
        fits = whole.schema is not None and whole.schema.equals(schema)
        if whole.schema is None or not (fits or whole.rows or whole.closed):
            path.unlink()  # not even the schema has reached the disk: there are no rows
            return cls(path, schema)
        if not whole.schema.equals(schema):
            raise StoreError(f"{path} holds other columns than the table has: {whole.schema}.")
        self = cls.__new__(cls)
        self.path, self.rows = path, whole.rows
        self._file = path.open("r+b", buffering=0)
        self._end = whole.end
        self._waiting = []
        self._file.truncate(whole.end)
        self._file.seek(whole.end)
        return self

    def write(self, batch: pa.RecordBatch) -> None:
        """Append one record batch.

        Raises
        ------
        OSError
            Where the file cannot take it; it is kept for the next :meth:`flush`.
        """
        self._put(_with_checksum(batch), batch.num_rows)
        self.flush()

    def flush(self) -> None:
        """Hand every message that still waits to the operating system."""
        while self._waiting:
            message, rows = self._waiting[0]
            self._append(message)
            self._waiting.pop(0)
            self.rows += rows

    def sync(self) -> None:
        """Ask the operating system to have the file on the disk."""
        os.fsync(self._file.fileno())

    def close(self, whole: bool = True) -> None:
        """Close the file; ``whole`` writes the end marker first."""
        try:
            if whole:
                self.flush()
                self._append(memoryview(END))
                self.sync()
                self.is_whole = True
        finally:
            self._file.close()

    def _put(self, buffer: pa.Buffer, rows: int) -> None:
        self._waiting.append((memoryview(buffer), rows))

    def _append(self, message: memoryview) -> None:
        sent = 0
        try:
            while sent < len(message):
                sent += self._file.write(message[sent:]) or 0
        except OSError:
            # Leave no half message behind: what follows would be lost to every reader.
            os.ftruncate(self._file.fileno(), self._end)
            self._file.seek(self._end)
            raise
        self._end += sent


@dataclass(frozen=True, slots=True)
class Whole:
    """What of a stream is whole.

    Attributes
    ----------
    schema
        None where not even that is.
    rows, batches
        In whole batches.
    end
        bytes up to the end of the last whole message.
    size
        bytes of the file.
    closed
        Whether the end marker follows, and nothing else.
    """

    schema: pa.Schema | None
    rows: int
    batches: int
    end: int
    size: int
    closed: bool


def measure(path: Path) -> Whole:
    """Look through a stream for what of it is whole; memory does not grow with the file."""
    size = path.stat().st_size
    schema: pa.Schema | None = None
    rows = batches = end = 0
    if not size:
        return Whole(None, 0, 0, 0, 0, False)
    with pa.memory_map(str(path)) as source:
        schema = _next_schema(source)
        if schema is not None:
            end = source.tell()
            while (batch := _next_batch(source, schema)) is not None:
                rows += batch.num_rows
                batches += 1
                end = source.tell()
        source.seek(end)
        closed = bool(source.read() == END)
    if not (batches or closed or _is_checked(schema)):
        schema, end = None, 0  # nothing bears it out
    return Whole(schema, rows, batches, end, size, closed)


def _with_checksum(batch: pa.RecordBatch) -> pa.Buffer:
    """Return a batch as one message that carries the checksum of its body."""
    body = pa.ipc.read_message(pa.BufferReader(batch.serialize())).body
    text = f"crc32={zlib.crc32(body or b''):08x}"
    sink = pa.BufferOutputStream()
    # pyarrow puts metadata of a batch into whole streams only: one is made, its schema cut off.
    stream = pa.ipc.new_stream(sink, batch.schema)
    stream.write_batch(batch, custom_metadata={_CHECKED.decode(): text})
    return sink.getvalue()[batch.schema.serialize().size :]


def _schema_message(schema: pa.Schema) -> pa.Buffer:
    """Return a schema as one message that carries the checksum of itself."""
    metadata = {**(schema.metadata or {}), _CHECKED: _UNKNOWN}
    message: bytes = schema.with_metadata(metadata).serialize().to_pybytes()
    content = pa.ipc.read_message(pa.BufferReader(message)).metadata.to_pybytes()
    return pa.py_buffer(message.replace(_UNKNOWN, f"crc32={zlib.crc32(content):08x}".encode()))


def _is_checked(schema: pa.Schema | None) -> bool:
    return schema is not None and _CHECKED in (schema.metadata or {})


def _next_schema(source: pa.NativeFile) -> pa.Schema | None:
    """Return the schema at the begin of a stream; None where it is not whole."""
    try:
        message = pa.ipc.read_message(source)
        schema = pa.ipc.read_schema(message)
    except (EOFError, OSError, pa.ArrowException):
        return None
    if _is_checked(schema):
        kept: bytes = schema.metadata[_CHECKED]
        content = message.metadata.to_pybytes().replace(kept, _UNKNOWN)
        if kept != f"crc32={zlib.crc32(content):08x}".encode():
            return None
    return schema


def _next_batch(source: pa.NativeFile, schema: pa.Schema) -> pa.RecordBatch | None:
    """Return the next batch; None at the end marker, the end, or a batch that is not whole."""
    try:
        message = pa.ipc.read_message(source)
        if _is_checked(schema):
            kept = _CHECKSUM.search(message.metadata)
            if kept is None or int(kept[1], 16) != zlib.crc32(message.body or b""):
                return None
        return pa.ipc.read_record_batch(message, schema)
    except (EOFError, OSError, pa.ArrowException):
        return None


class StreamReader:
    """Reads the batches that were added since the last time.

    Attributes
    ----------
    schema
        Schema of the stream, None as long as it is not complete in the file.
    rows
        How many were returned so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.schema: pa.Schema | None = None
        self.rows = 0
        self._offset = 0

    def read_new(self) -> list[pa.RecordBatch]:
        """Return every whole batch past those already returned; the cost is that of the news.

        Raises
        ------
        FileNotFoundError
            Where the stream is not there (yet, or any more).
        """
        with self.path.open("rb") as file:
            file.seek(self._offset)
            source = pa.BufferReader(file.read())
        batches: list[pa.RecordBatch] = []
        whole = 0
        # What is not complete yet is looked at again the next time.
        schema = self.schema or _next_schema(source)
        if schema is not None:
            if self.schema is None and _is_checked(schema):
                whole = source.tell()
            while (batch := _next_batch(source, schema)) is not None:
                batches.append(batch)
                whole = source.tell()
            if batches or _is_checked(schema):
                self.schema = schema
        self._offset += whole
        self.rows += sum(batch.num_rows for batch in batches)
        return batches
