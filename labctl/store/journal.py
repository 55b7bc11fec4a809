"""The journal of a run: which units are done, and how many rows each table had by then.

It is one more table of the run, kept beside the others and not listed among them. Its rows are
written after those they count, so what it calls done is on the disk.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from labctl.store.column import Column, Columns, schema_of
from labctl.store.compact import read_stream

TABLE = "_units"
COLUMNS: Columns = {
    "unit": Column("int64", "", "index in the list of units"),
    "time": Column("float64", "s", "bench time at the end of the unit"),
    "rows": Column("str", "", "rows of each table by then; JSON"),
    "state": Column("str", "", "what the procedure needs to go on, where it has changed; JSON"),
}


@dataclass(frozen=True, slots=True)
class Done:
    """How far a run has come.

    Attributes
    ----------
    units
        How many are done.
    time
        Bench time at the end of the last of them, s; 0 where there is none.
    rows
        Table -> rows that belong to units done.
    state
        What the procedure said of itself after the last unit done.
    """

    units: int = 0
    time: float = 0.0
    rows: dict[str, int] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)


def entry(unit: int, time: float, rows: list[int], state: str) -> dict[str, Any]:
    """Return the row of the journal that says that ``unit`` is done."""
    return {"unit": unit, "time": time, "rows": str(rows), "state": state}


def read_done(folder: Path, tables: list[str], there: dict[str, int]) -> Done | None:
    """Return how far the run in ``folder`` has come; None where it kept no journal.

    Parameters
    ----------
    tables
        The tables of the run, in the order in which they were declared.
    there
        Table -> rows that can be read. A unit whose rows are not all there is not done: after a
        power cut, files may have lost ends of different length.
    """
    content = _read(folder)
    if content is None:
        return None
    units, times = content["unit"].to_pylist(), content["time"].to_pylist()
    counts, states = content["rows"], content["state"]
    for last in range(len(units) - 1, -1, -1):
        rows = dict(zip(tables, json.loads(counts[last].as_py()), strict=True))
        if all(rows[name] <= there[name] for name in tables):
            return Done(units[last] + 1, times[last], rows, _state(states, last))
    return Done(rows=dict.fromkeys(tables, 0))


def _state(states: pa.ChunkedArray, last: int) -> dict[str, Any]:
    for position in range(last, -1, -1):
        if text := states[position].as_py():
            found: dict[str, Any] = json.loads(text)
            return found
    return {}


def _read(folder: Path) -> pa.Table | None:
    try:
        found = read_stream(folder / f"{TABLE}.arrows")
        # A power cut may leave nothing of a file but its name.
        return schema_of(TABLE, COLUMNS).empty_table() if found is None else found
    except FileNotFoundError:
        parquet = folder / f"{TABLE}.parquet"
        return pq.read_table(parquet) if parquet.exists() else None
