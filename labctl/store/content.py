"""The whole content of a run, as it goes into one file of another kind and comes back."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa

from labctl.errors import StoreError
from labctl.store.column import Column, Columns, schema_of
from labctl.store.reader import RunReader

TEXT = "run_json"
"""What exports call the content of ``run.json``."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a run has to say.

    Attributes
    ----------
    meta
        As in ``run.json``, the status as it is now, ``tables`` only those that are here.
    tables
        Table -> rows, with units in the schema.
    """

    meta: dict[str, Any]
    tables: dict[str, pa.Table]

    @classmethod
    def of(cls, run: RunReader, tables: Iterable[str] | None = None) -> Content:
        """Read a run, all tables or some.

        Raises
        ------
        StoreError
            For a table the run does not have.
        """
        names = list(run.tables) if tables is None else list(tables)
        content = {name: run.arrow(name) for name in names}
        meta = dict(run.meta) | {"status": run.status.value}
        meta["tables"] = {name: run.meta["tables"][name] for name in names}
        return cls(meta, content)

    @classmethod
    def from_json(cls, text: str, place: Path) -> tuple[dict[str, Any], dict[str, Columns]]:
        """Return metadata and columns of what an export keeps of ``run.json``.

        Raises
        ------
        StoreError
            Where ``place`` was not written by labctl.
        """
        try:
            meta = json.loads(text)
            columns: dict[str, Columns] = {
                table: {name: Column(**column) for name, column in own.items()}
                for table, own in meta["tables"].items()
            }
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(f"{place} is no export of labctl: {error!r}.") from error
        return meta, columns

    @property
    def text(self) -> str:
        """The metadata as JSON."""
        return json.dumps(self.meta, indent=1, ensure_ascii=False)


def arrays_of(table: pa.Table) -> dict[str, np.ndarray[Any, Any]]:
    """Return column name -> array, shape (rows,); text as objects."""
    return {
        name: table.column(name).combine_chunks().to_numpy(zero_copy_only=False)
        for name in table.column_names
    }


def table_of(table: str, columns: Columns, arrays: dict[str, Any]) -> pa.Table:
    """Return the Arrow table of some arrays, shape (rows,)."""
    schema = schema_of(table, columns)
    made = [
        pa.array(np.asarray(arrays[name], column.numpy), schema.field(name).type)
        for name, column in columns.items()
    ]
    return pa.Table.from_arrays(made, schema=schema)


def need(package: str, purpose: str) -> ModuleType:
    """Return a package that is not always installed.

    Raises
    ------
    StoreError
        Saying how to install it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise StoreError(
            f"{purpose} needs the Python package {package}, which is not installed here: "
            f"pip install 'labctl[export]' ({error})."
        ) from error
