"""Columns of a run's tables: type, unit and meaning, and the Arrow schema made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from labctl.errors import StoreError

_TYPES = {
    "float64": pa.float64(),
    "float32": pa.float32(),
    "int64": pa.int64(),
    "int32": pa.int32(),
    "int16": pa.int16(),
    "int8": pa.int8(),
    "uint64": pa.uint64(),
    "uint32": pa.uint32(),
    "uint16": pa.uint16(),
    "uint8": pa.uint8(),
    "bool": pa.bool_(),
    "str": pa.string(),
}
_KINDS = {"f": "biuf", "i": "biu", "u": "biu", "b": "b", "U": "U"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    dtype
        ``float64``, ``float32``, ``int8`` to ``int64``, ``uint8`` to ``uint64``, ``bool`` or
        ``str``.
    unit
        Unit of the stored numbers (SI: ``"S"``, ``"V"``); empty for counts and indices.
    text
        What the column holds, in a few words.

    Raises
    ------
    StoreError
        For a type that tables do not have.
    """

    dtype: str
    unit: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        if self.dtype not in _TYPES:
            raise StoreError(
                f"A column cannot be of type {self.dtype!r}; take one of {', '.join(_TYPES)}."
            )

    @property
    def numpy(self) -> np.dtype[Any]:
        """The NumPy type of the column; text is of type object."""
        return np.dtype(object if self.dtype == "str" else self.dtype)

    def convert(self, values: ArrayLike) -> NDArray[Any]:
        """Return ``values`` as an array of this column's type.

        Raises
        ------
        ValueError
            Where a value is of another kind (text for a number, 1.5 for an integer) or out of
            the range of the type. Nothing is rounded or wrapped silently.
        """
        if self.dtype == "str":
            texts = np.asarray(values, dtype=object)  # NumPy would turn numbers among them to text
            for item in texts.flat:
                if not isinstance(item, str):
                    raise ValueError(f"{item!r} is not text")
            return texts
        array = np.asarray(values)
        wanted = np.dtype(self.dtype)
        if array.dtype == wanted:
            return array
        if not array.size:
            return np.empty(array.shape, wanted)
        if array.dtype.kind not in _KINDS[wanted.kind]:
            raise ValueError(f"{_first(array)!r} is not of type {self.dtype}")
        if wanted.kind in "iu" and array.size:
            bounds = np.iinfo(wanted)
            if int(array.min()) < bounds.min or int(array.max()) > bounds.max:
                raise ValueError(
                    f"values from {array.min()} to {array.max()} do not fit into {self.dtype} "
                    f"({bounds.min} to {bounds.max})"
                )
        return array.astype(wanted)

    def to_json(self) -> dict[str, str]:
        """Return the column as JSON keeps it."""
        return asdict(self)


Columns = Mapping[str, Column]


def schema_of(table: str, columns: Columns) -> pa.Schema:
    """Return the Arrow schema of a table, with unit and text in the field metadata."""
    fields = [
        pa.field(name, _TYPES[c.dtype], metadata={"unit": c.unit, "text": c.text})
        for name, c in columns.items()
    ]
    return pa.schema(fields, metadata={"table": table})


def columns_of(schema: pa.Schema) -> dict[str, Column]:
    """Return the columns that a schema made by :func:`schema_of` describes."""
    names = {arrow: name for name, arrow in _TYPES.items()}
    columns = {}
    for field in schema:
        notes = field.metadata or {}
        unit, text = notes.get(b"unit", b"").decode(), notes.get(b"text", b"").decode()
        columns[field.name] = Column(names[field.type], unit, text)
    return columns


def _first(array: NDArray[Any]) -> Any:
    return array.flat[0] if array.size else array
