"""Rows of one table on their way to the file."""

from __future__ import annotations

import struct
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from labctl.errors import StoreError
from labctl.store.column import Columns, schema_of

_BLOCKS = frozenset({np.ndarray, list, tuple})
_CODES = {
    "float64": "d",
    "float32": "f",
    "int64": "q",
    "int32": "i",
    "int16": "h",
    "int8": "b",
    "uint64": "Q",
    "uint32": "I",
    "uint16": "H",
    "uint8": "B",
}
"""Letters of :mod:`struct`, which checks kind and range of a value as it packs it."""


class RowBuffer:
    """Takes rows one by one or in blocks, gives them back as one Arrow record batch.

    Rows of numbers that come one by one are packed into bytes, which are taken apart into columns
    all at once when the batch is asked for; other rows are put aside, value after value in one
    flat list. That makes more than 500 000 rows of numbers a second possible.

    Attributes
    ----------
    loose
        Rows that came in blocks and wait.
    """

    def __init__(self, table: str, columns: Columns) -> None:
        self.table = table
        self.schema = schema_of(table, columns)
        self._columns = columns
        self._names = tuple(columns)
        self._flat: list[Any] = []
        self._packed = bytearray()
        self._blocks: list[dict[str, NDArray[Any]]] = []
        self._taken = 0
        self.loose = 0
        self._pack: Callable[..., bytes] | None = None
        if len(columns) > 1 and all(column.dtype in _CODES for column in columns.values()):
            code = struct.Struct("<" + "".join(_CODES[c.dtype] for c in columns.values()))
            self._pack, self._in_order = code.pack, itemgetter(*self._names)
            self._record = np.dtype(
                [(n, np.dtype(c.dtype).newbyteorder("<")) for n, c in columns.items()]
            )

    def warm_up(self) -> None:
        """Pay now for what the first batch costs: pyarrow loads pandas with the first array."""
        columns = [np.empty(0, c.numpy) for c in self._columns.values()]
        pa.record_batch(
            [pa.array(a, f.type) for a, f in zip(columns, self.schema, strict=True)], self.schema
        )

    def __bool__(self) -> bool:
        return bool(self._packed or self._flat or self._blocks)

    @property
    def rows(self) -> int:
        """How many rows were put in so far, those already taken included.

        Not to be asked while another thread is in :meth:`take`.
        """
        waiting = len(self._flat) // len(self._names)
        if self._packed:
            waiting += len(self._packed) // self._record.itemsize
        for block in self._blocks:
            waiting += len(block[self._names[0]])
        return self._taken + waiting

    def add_row(self, values: dict[str, Any]) -> bool:
        """Take one row of scalars; return False, taking nothing, where it is a block.

        May be called while another thread is in :meth:`take`.

        Raises
        ------
        StoreError
            For a missing or unknown column. A scalar that does not fit is found here or, in a
            table with text or truth values, by :meth:`take`.
        """
        if self._pack is not None:
            if len(values) == len(self._names):
                try:
                    self._packed += self._pack(*self._in_order(values))
                    return True
                except (KeyError, TypeError, ValueError, OverflowError, struct.error):
                    pass  # a block, or a mistake, which the lines below or add_block find
            self._ordered(values)
            return False
        if tuple(values) != self._names:
            values = self._ordered(values)
        if _BLOCKS.isdisjoint(map(type, values.values())):
            self._flat.extend(values.values())
            return True
        return False

    def add_block(self, values: dict[str, Any]) -> None:
        """Take a block of rows: 1-D arrays; a scalar among them stands for all rows.

        Raises
        ------
        StoreError
            For a column that does not fit, or columns that differ in length.
        """
        block = self._checked(values)
        lengths = {name: len(array) for name, array in block.items() if array.ndim}
        if len(set(lengths.values())) > 1:
            raise StoreError(
                f"Table {self.table!r}: the columns of one block differ in length: {lengths}."
            )
        length = next(iter(lengths.values()), 1)
        self._close_rows()
        self.loose += length
        # A copy, for the caller may use its arrays again before the batch is written.
        self._blocks.append(
            {name: np.array(np.broadcast_to(array, length)) for name, array in block.items()}
        )

    def take(self) -> pa.RecordBatch | None:
        """Return everything put in so far as one batch and forget it; None if there is nothing.

        Raises
        ------
        StoreError
            For a value that does not fit its column. The row is left out; all others come with
            the next call.
        """
        self._close_rows()
        blocks, self._blocks, self.loose = self._blocks, [], 0
        if not blocks:
            return None
        arrays = [np.concatenate([block[name] for block in blocks]) for name in self._names]
        self._taken += len(arrays[0])
        return pa.record_batch(
            [pa.array(a, f.type) for a, f in zip(arrays, self.schema, strict=True)], self.schema
        )

    def _close_rows(self) -> None:
        """Turn the rows put aside into a block."""
        width = len(self._names)
        if size := len(self._packed):
            rows = np.frombuffer(bytes(self._packed[:size]), self._record)
            del self._packed[:size]
            self._blocks.append({name: rows[name] for name in self._names})
        # The list stays the same object, so that a row added meanwhile is never lost; it holds
        # whole rows at any time, for extending a list is not interrupted.
        count = len(self._flat)
        if not count:
            return
        values = self._flat[:count]
        del self._flat[:count]
        try:
            self._blocks.append(self._columnise(values))
        except (ValueError, TypeError, OverflowError):
            self._keep_good([values[k : k + width] for k in range(0, count, width)])

    def _columnise(self, values: list[Any]) -> dict[str, NDArray[Any]]:
        width = len(self._names)
        return {
            name: column.convert(values[position::width])
            for position, (name, column) in enumerate(self._columns.items())
        }

    def _keep_good(self, rows: list[list[Any]]) -> None:
        wrong = ""
        for row in rows:
            try:
                self._blocks.append(self._columnise(row))
            except (ValueError, TypeError, OverflowError):
                wrong = wrong or self._misfit(row)
        if wrong:
            raise StoreError(wrong)

    def _checked(self, values: dict[str, Any]) -> dict[str, NDArray[Any]]:
        block: dict[str, NDArray[Any]] = {}
        for name, column in self._columns.items():
            try:
                array = column.convert(values[name])
            except (ValueError, TypeError, OverflowError) as error:
                raise StoreError(f"Table {self.table!r}, column {name!r}: {error}.") from error
            if array.ndim > 1:
                raise StoreError(
                    f"Table {self.table!r}, column {name!r}: record scalars or 1-D arrays, not "
                    f"an array of shape {array.shape}."
                )
            block[name] = array
        return block

    def _misfit(self, row: list[Any]) -> str:
        for value, (name, column) in zip(row, self._columns.items(), strict=True):
            try:
                column.convert([value])
            except (ValueError, TypeError, OverflowError) as error:
                return f"Table {self.table!r}, column {name!r}: {error}."
        return f"Table {self.table!r}: a row does not fit."

    def _ordered(self, values: dict[str, Any]) -> dict[str, Any]:
        if values.keys() != self._columns.keys():
            raise StoreError(self._misnamed(values))
        return {name: values[name] for name in self._names}

    def _misnamed(self, values: dict[str, Any]) -> str:
        missing = [name for name in self._names if name not in values]
        unknown = [name for name in values if name not in self._names]
        parts = []
        if missing:
            parts.append(f"missing {', '.join(missing)}")
        if unknown:
            parts.append(f"not declared {', '.join(unknown)}")
        return (
            f"A row for table {self.table!r} does not match its columns: {'; '.join(parts)}. "
            f"Declared are {', '.join(self._names)}."
        )
