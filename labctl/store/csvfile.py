"""A run as a folder of CSV files, one per table, with ``run.json`` beside them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from labctl.errors import StoreError
from labctl.store.column import Columns, schema_of
from labctl.store.content import Content

META = "run.json"


def write(path: Path, content: Content) -> None:
    """Make the folder ``path``; the first line of a file has names and units.

    Numbers have as many digits as are needed to read the same number again.
    """
    path.mkdir()
    (path / META).write_text(content.text, encoding="utf-8")
    for name, table in content.tables.items():
        with (path / f"{name}.csv").open("wb") as file:
            names = (_heading(field) for field in table.schema)
            file.write((",".join(names) + "\n").encode())
            options = pa.csv.WriteOptions(include_header=False)
            pa.csv.write_csv(table, file, options)


def read(path: Path) -> Content:
    """Read what :func:`write` has written.

    Raises
    ------
    StoreError
        Where it is something else, or a file was changed so that it does not fit its columns.
    """
    if not (path / META).is_file():
        raise StoreError(f"{path} is no export of labctl: it has no {META}.")
    text = (path / META).read_text(encoding="utf-8")
    meta, columns = Content.from_json(text, path)
    return Content(meta, {name: _read(path, name, own) for name, own in columns.items()})


def _read(path: Path, name: str, columns: Columns) -> pa.Table:
    file = path / f"{name}.csv"
    schema = schema_of(name, columns)
    if not file.is_file():
        raise StoreError(f"{file} is missing.")
    if file.read_bytes().count(b"\n", 0, 1 << 20) == 1:  # pyarrow calls a file without rows empty
        return schema.empty_table()
    try:
        found = pa.csv.read_csv(
            file,
            pa.csv.ReadOptions(column_names=list(columns), skip_rows=1),
            pa.csv.ParseOptions(newlines_in_values=True),
            pa.csv.ConvertOptions(
                column_types=schema, null_values=[], strings_can_be_null=False,
                true_values=["true"], false_values=["false"],
            ),
        )  # fmt: skip
    except pa.ArrowInvalid as error:
        raise StoreError(f"{file} cannot be read: {error}.") from error
    return found.cast(schema)


def _heading(field: pa.Field) -> str:
    unit = (field.metadata or {}).get(b"unit", b"").decode()
    text = f"{field.name} ({unit})" if unit else field.name
    return '"' + " ".join(text.split()).replace('"', '""') + '"'
