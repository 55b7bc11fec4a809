"""Seams: where a run was broken off and went on later, and the rows that were measured again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Seam:
    """One place where a run went on after it had ended.

    Attributes
    ----------
    ended, resumed
        ISO 8601 with time zone; ``ended`` is that of the last sign of life.
    status, error
        What the run was called in between, and why.
    units
        How many units were done before.
    rows
        Table -> first row of the unit that was broken off, and the row behind its last. They
        stay in the file; :meth:`labctl.store.RunReader.frame` leaves them out unless it is asked
        for them, for the unit was begun again.
    """

    ended: str
    resumed: str
    status: str
    error: str
    units: int
    rows: dict[str, tuple[int, int]]

    def to_json(self) -> dict[str, Any]:
        """Return the seam as ``run.json`` keeps it."""
        return asdict(self)


def seams_of(meta: dict[str, Any]) -> list[Seam]:
    """Return the seams of a run, oldest first."""
    return [
        Seam(**{**seam, "rows": {name: (rows[0], rows[1]) for name, rows in seam["rows"].items()}})
        for seam in meta.get("seams", [])
    ]


def kept(first: int, count: int, cuts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return what is left of the rows from ``first`` on when ``cuts`` are taken out.

    Parameters
    ----------
    first, count
        A stretch of rows, counted from the begin of the table.
    cuts
        First row and row behind the last, rising and apart.

    Returns
    -------
    list of (offset, length)
        Offsets count from ``first``.
    """
    parts = []
    position, end = first, first + count
    for begin, behind in cuts:
        if begin >= end or behind <= position:
            continue
        if begin > position:
            parts.append((position - first, begin - position))
        position = min(behind, end)
    if position < end:
        parts.append((position - first, end - position))
    return parts


def without(table: pa.Table, cuts: list[tuple[int, int]]) -> pa.Table:
    """Return ``table`` without the rows of ``cuts``."""
    if not any(begin < behind for begin, behind in cuts):
        return table
    parts = [table.slice(offset, length) for offset, length in kept(0, table.num_rows, cuts)]
    return pa.concat_tables(parts) if parts else table.slice(0, 0)
