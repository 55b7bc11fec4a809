"""What ``labctl ls``, ``labctl show`` and ``labctl tag`` do and print."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from labctl.console import console
from labctl.quantity import show_duration
from labctl.store import Run
from labctl.store.catalogue import Catalogue, Entry

_WIDTHS = (("run", 4), ("procedure", 9), ("status", 6), ("chip", 4), ("began", 16), ("rows", 4))
_ERROR = 60
"""Letters of an error that a list shows."""


def list_runs(
    data: Path, wanted: dict[str, Any], conditions: list[str], last: int, as_json: bool
) -> None:
    """Print the runs that match, the newest last.

    Raises
    ------
    StoreError
        For a data folder that is not there, or a condition that cannot be understood.
    """
    catalogue = _catalogue(data)
    where = " and ".join(conditions) or None
    found = catalogue.entries(**wanted, where=where)
    shown = found[-last:] if last else found
    if as_json:
        print(json.dumps([_as_json(entry) for entry in shown], indent=1))
        return
    if not found:
        asked = where or any(value is not None for value in wanted.values())
        console.print(f"There are no {'such ' if asked else ''}runs in {data}.", soft_wrap=True)
        return
    for line in _lines(shown):
        print(line)
    if len(shown) < len(found):
        console.print(f"The newest {len(shown)} of {len(found)} runs; --all lists all.")


def show_run(which: str, data: Path, as_json: bool) -> None:
    """Print what is known of one run.

    Raises
    ------
    StoreError
        Where there is none.
    """
    run = _run(which, data)
    if as_json:
        print(json.dumps({**run.meta, "status": run.status.value, "tags": run.tags}, indent=1))
        return
    meta = run.meta
    lines = [
        ("procedure", run.procedure),
        ("status", run.status.value),
        ("error", run.error),
        ("waiting", meta.get("waiting")),
        ("tags", " ".join(run.tags)),
        ("chip", run.chip),
        ("bench", meta.get("bench")),
        *_times(meta),
        ("seed", meta.get("seed")),
    ]
    console.print(str(run.path), soft_wrap=True, markup=False)
    _table((name, str(text)) for name, text in lines if text not in (None, ""))
    units = meta.get("parameter_units") or {}
    _section("parameters", ((k, f"{v} {units.get(k) or ''}") for k, v in run.parameters.items()))
    _section("summary", ((k, _short(v)) for k, v in run.summary.items()))
    _section("identities", ((k, str(v)) for k, v in (meta.get("identities") or {}).items()))
    _section("tables", _tables(run))
    _section("seams", ((seam.resumed, f"{seam.status}; went on") for seam in run.seams))
    environment = meta.get("environment") or {}
    git = environment.get("git") or {}
    code = f"{git['commit'][:12]}{' and changes' if git.get('changed') else ''}" if git else ""
    _section("measured by", [("labctl", f"{environment.get('labctl', '?')} {code}")])


def tag_run(which: str, words: Sequence[str], data: Path) -> None:
    """Change the tags of a run, and print what it has now.

    Raises
    ------
    StoreError
        Where there is no such run, or a word cannot be a tag.
    """
    run = _run(which, data)
    tags = run.tag(*words)
    console.print(f"{run.path}: {' '.join(tags) or 'no tags'}", soft_wrap=True, markup=False)


def reindex(data: Path) -> None:
    """Make the catalogue again from the run folders."""
    count = _catalogue(data).reindex()
    console.print(f"The catalogue of {data} has {count} runs.", soft_wrap=True)


def _catalogue(data: Path) -> Catalogue:
    logging.basicConfig(format="labctl: %(message)s")  # what is wrong with a folder is to be seen
    return Catalogue(data)


def _run(which: str, data: Path) -> Run:
    """Return the run with a number below ``data``, or in a folder."""
    if which.isdecimal():
        return Run.of(_catalogue(data).find(which))
    return Run(which if Path(which).exists() else data / which)


def _as_json(entry: Entry) -> dict[str, Any]:
    shown = entry._asdict()
    for name in ("root", "folder", "state", "words"):
        del shown[name]
    return {**shown, "path": str(entry.path), "status": entry.state, "tags": list(entry.tags)}


def _lines(entries: list[Entry]) -> Iterator[str]:
    """Yield the lines of a list; by hand, for rich takes seconds for ten thousand of them."""
    rows = [
        (
            f"{e.number:04d}", e.procedure, e.state, e.chip, e.created[:16].replace("T", " "),
            str(e.rows), e.words + ("  " if e.words and e.error else "") + e.error[:_ERROR],
        )
        for e in entries
    ]  # fmt: skip
    names = (*(name for name, _ in _WIDTHS), "tags, error")
    widths = [max(low, *(len(row[k]) for row in rows)) for k, (_, low) in enumerate(_WIDTHS)]
    for row in [names, *rows]:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
        cells[-1] = row[len(_WIDTHS) - 1].rjust(widths[-1])
        yield "  ".join([*cells, row[-1]]).rstrip()


def _times(meta: dict[str, Any]) -> Iterator[tuple[str, str]]:
    created, ended = meta.get("created"), meta.get("ended")
    if created:
        yield "began", created[:19].replace("T", " ")
    if created and ended:
        took = datetime.fromisoformat(ended) - datetime.fromisoformat(created)
        yield "took", show_duration(took.total_seconds())
    if (progress := meta.get("progress")) and not ended:
        yield "progress", f"{progress.get('done')} of {progress.get('total')} units"


def _tables(run: Run) -> Iterator[tuple[str, str]]:
    for name, columns in run.tables.items():
        units = (f"{key} ({c.unit})" if c.unit else key for key, c in columns.items())
        yield name, f"{run.count(name)} rows: {', '.join(units)}"


def _section(title: str, lines: Iterable[tuple[str, str]]) -> None:
    lines = list(lines)
    if lines:
        console.print(f"\n{title}")
        _table(lines)


def _table(lines: Iterable[tuple[str, str]]) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2))
    for name, text in lines:
        table.add_row(name, text)
    console.print(table, markup=False)


def _short(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 200 else f"{text[:197]}..."
