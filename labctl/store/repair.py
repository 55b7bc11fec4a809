"""Mending the folder of a run that a crash or a power cut has left behind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from labctl.errors import StoreError
from labctl.store import journal
from labctl.store.column import columns_of
from labctl.store.files import read_json, write_json
from labctl.store.reader import RunReader
from labctl.store.reserve import RESERVE
from labctl.store.status import Status
from labctl.store.stream import StreamWriter, Whole, measure

_FOLDER = re.compile(r"^(\d{4,})-(.+)$")


@dataclass(frozen=True, slots=True)
class Mended:
    """What was found in one table, and what was done about it.

    Attributes
    ----------
    table
        Its name.
    rows
        How many can be read; all of them stay.
    lost
        bytes behind the last whole batch that were taken off: rows that had not reached the disk.
    note
        What else was done, or nothing.
    """

    table: str
    rows: int
    lost: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Repair:
    """The outcome for a run.

    Attributes
    ----------
    path
        The run folder.
    status
        Of the run now.
    tables
        One entry per table.
    notes
        What was done to ``run.json``.
    """

    path: Path
    status: Status
    tables: list[Mended]
    notes: list[str]

    @property
    def was_whole(self) -> bool:
        """Whether nothing had to be done."""
        return not self.notes and not any(table.lost or table.note for table in self.tables)


def repair(path: str | Path) -> Repair:
    """Bring every file of a run folder back to what is whole in it. May be done again.

    Every whole batch stays. A ``run.json`` that cannot be read is made anew from the tables, as
    far as they tell: their columns with units, number and procedure.

    Raises
    ------
    StoreError
        Where the run is still going on, or the folder holds nothing of a run.
    OSError
        Where the folder cannot be written.
    """
    folder = Path(path)
    meta, notes = _meta(folder)
    if meta is not None:
        status = RunReader(folder).status
        if not status.is_over:
            raise StoreError(f"Run {folder} is {status.value}: somebody is writing it just now.")
    tables = [_mend(file) for file in sorted(folder.glob("*.arrows"))]
    seen = {table.table for table in tables}
    for parquet in sorted(folder.glob("*.parquet")):
        if parquet.stem not in seen:
            tables.append(Mended(parquet.stem, pq.read_metadata(parquet).num_rows, 0))
    if meta is None:
        meta = _made_anew(folder, [table.table for table in tables])
    if not Status(meta["status"]).is_over:
        meta["status"] = Status.INTERRUPTED.value
        meta.setdefault("error", None)
        notes.append("The run was broken off: its status is now interrupted.")
    if notes:
        write_json(folder / "run.json", meta)
    for leftover in [*folder.glob("*.new"), folder / RESERVE]:
        leftover.unlink(missing_ok=True)
    shown = [table for table in tables if table.table != journal.TABLE]
    return Repair(folder, Status(meta["status"]), shown, notes)


def _meta(folder: Path) -> tuple[dict[str, Any] | None, list[str]]:
    if not folder.is_dir() or not any(
        (*folder.glob("run.json"), *folder.glob("*.arrows"), *folder.glob("*.parquet"))
    ):
        raise StoreError(f"{folder} is not the folder of a run.")
    try:
        return read_json(folder / "run.json"), []
    except StoreError as error:
        return None, [f"{error} It was made anew from the tables; parameters are lost."]


def _mend(file: Path) -> Mended:
    whole: Whole = measure(file)
    table = file.stem
    if whole.schema is None:
        if file.with_suffix(".parquet").exists():
            file.unlink()
            return Mended(table, pq.read_metadata(file.with_suffix(".parquet")).num_rows, 0)
        return Mended(table, 0, whole.size, "not even its columns had reached the disk")
    if whole.closed or whole.end == whole.size:
        return Mended(table, whole.rows, 0)
    StreamWriter.go_on(file, whole.schema).close(whole=False)
    return Mended(table, whole.rows, whole.size - whole.end)


def _made_anew(folder: Path, tables: list[str]) -> dict[str, Any]:
    match = _FOLDER.match(folder.name)
    if match is None:
        raise StoreError(
            f"{folder} has no readable run.json, and its name is not that of a run "
            "(NNNN-procedure). Give it its name back."
        )
    columns = {}
    for table in tables:
        stream, parquet = folder / f"{table}.arrows", folder / f"{table}.parquet"
        schema = measure(stream).schema if stream.exists() else pq.read_schema(parquet)
        if schema is not None and table != journal.TABLE:
            columns[table] = {name: c.to_json() for name, c in columns_of(schema).items()}
    return {
        "format": 1,
        "number": int(match[1]),
        "procedure": match[2],
        "status": Status.INTERRUPTED.value,
        "created": "",
        "parameters": {},
        "tables": columns,
        "process": {},
        "remade": True,
        "error": "run.json was lost and has been made anew by labctl data repair.",
    }
