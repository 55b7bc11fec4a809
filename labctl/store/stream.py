"""Append-only Arrow IPC streams: one file per table while a run goes on.

The messages are those of the Arrow IPC streaming format (schema, record batches, end marker), so
any Arrow library opens the file. They are written and read one by one here, because a stream
that still grows, or was cut short by a power failure, must give back every whole batch.
"""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa

END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
"""End-of-stream marker of the Arrow IPC streaming format."""


class StreamWriter:
    """Writes whole messages to the end of a file.

    A message that could not be written completely (full disk) is taken back from the file and
    kept; the next :meth:`flush` tries again.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self.rows = 0
        self._file = path.open("xb", buffering=0)
        self._end = 0
        self._waiting: list[tuple[memoryview, int]] = []
        self._put(schema.serialize(), 0)
        self.flush()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append one record batch.

        Raises
        ------
        OSError
            Where the file cannot take it; it is kept for the next :meth:`flush`.
        """
        self._put(batch.serialize(), batch.num_rows)
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


class StreamReader:
    """Reads the batches that were added since the last time.

    Attributes
    ----------
    schema
        Schema of the stream, None as long as it is not complete in the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.schema: pa.Schema | None = None
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
        while True:
            try:
                message = pa.ipc.read_message(source)
            except (EOFError, OSError, pa.ArrowInvalid):
                # The end marker, the end of the file, or a message that is not complete: what
                # is left is looked at again the next time.
                break
            if self.schema is None:
                self.schema = pa.ipc.read_schema(message)
            else:
                batches.append(pa.ipc.read_record_batch(message, self.schema))
            whole = source.tell()
        self._offset += whole
        return batches
