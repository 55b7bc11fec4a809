"""What `labctl bench check` and `labctl bench wear` do and print."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from labctl.benchfile import load_bench_file
from labctl.cells import parse_cells
from labctl.console import console
from labctl.errors import WiringError
from labctl.preflight import Finding, Outcome, Report, Wishes, preflight
from labctl.preflight.flight import ZERO
from labctl.preflight.flight import Progress as Tell
from labctl.quantity import show_duration
from labctl.wearbook import Worn, worn

STYLES = {
    Outcome.PASS: "green",
    Outcome.WARNING: "yellow",
    Outcome.UNDECIDED: "yellow",
    Outcome.SKIPPED: "dim",
    Outcome.FAIL: "bold red",
}
MOST_ROWS = 15
"""Relays, and cells, that the table of wear shows."""


def check_bench(bench_file: Path, cell: str | None, gate: bool, as_json: bool) -> bool:
    """Do the pre-flight of a bench and print it; tell whether nothing failed.

    Raises
    ------
    WiringError
        Where ``cell`` names no cell, or several.
    """
    wishes = Wishes(None if cell is None else _cell(bench_file, cell), gate)
    if as_json:
        report = preflight(bench_file, wishes)
        print(json.dumps(report.as_json(), indent=1))
        return report.ok
    with _bar() as tell:
        report = preflight(bench_file, wishes, tell)
    print_report(report)
    return report.ok


def _cell(bench_file: Path, text: str) -> tuple[int, int]:
    cells = parse_cells(text, load_bench_file(bench_file).shape).tolist()
    if len(cells) != 1:
        raise WiringError(f"{text!r} names {len(cells)} cells; name one: row,column.")
    return cells[0][0], cells[0][1]


def print_report(report: Report) -> None:
    """Print a pre-flight: one line for what is alike, one for each fault, then what to do."""
    console.print(f"{report.bench}  ({report.bench_file})", soft_wrap=True, markup=False)
    rows, columns = report.shape
    console.print(f"chip {report.chip}: {rows} x {columns} cells\n", markup=False)
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("check", no_wrap=True)
    table.add_column("what", max_width=26)
    table.add_column("")
    table.add_column("seen")
    for subject, finding in _lines(report.findings):
        outcome = Text(finding.outcome.value, STYLES[finding.outcome])
        table.add_row(finding.check, Text(subject), outcome, Text(finding.seen))
    console.print(table)
    todo = list(dict.fromkeys((f.subject, f.cure) for f in report.failed if f.cure))
    if todo:
        console.print("\nWhat to do:")
        for subject, cure in todo:
            console.print(f"  {subject}: {cure}", markup=False)
    end = "Nothing failed." if report.ok else f"{len(report.failed)} checks failed."
    console.print(f"\n{end} {_left(report)}")


def _left(report: Report) -> str:
    """Say how the bench was left, and how long it took."""
    if not report.of(ZERO):
        return "Nothing was switched; `labctl bench off` makes safe what answers."
    if report.failed_of(ZERO):
        return "The bench may NOT be at zero: see above."
    took = show_duration(report.bench_time)
    return f"Outputs are at zero, relays open; this took {took} of bench time."


def _lines(findings: Sequence[Finding]) -> Iterator[tuple[str, Finding]]:
    """Return what goes on one line each: like findings that follow each other are one."""
    for _, group in groupby(findings, lambda f: (f.check, f.outcome, f.seen)):
        alike = list(group)
        subjects = [finding.subject for finding in alike]
        if len(alike) > 3:
            yield f"{subjects[0]} .. {subjects[-1]} ({len(alike)})", alike[0]
        else:
            yield ", ".join(subjects), alike[0]


@contextmanager
def _bar() -> Iterator[Tell]:
    """Show one progress bar that says what is being checked; yield what moves it."""
    columns = TextColumn("{task.description:<22}"), BarColumn(bar_width=30)
    shown = console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not shown) as bar:
        task = bar.add_task("", total=1)

        def tell(check: str, done: int, total: int) -> None:
            bar.update(task, description=check, completed=done, total=total)

        yield tell


def show_wear(bench_file: Path, as_json: bool) -> None:
    """Print what the wear book says of the relays of a workspace and of the chip of a bench."""
    file = load_bench_file(bench_file)
    book = worn(file)
    if as_json:
        print(json.dumps(_as_json(book), indent=1))
        return
    if book.folder is None:
        console.print(
            "Nothing is kept: this simulated bench has another chip and other relays each time. "
            "Give it a [simulation] state.",
            markup=False,
        )
        return
    console.print(f"wear kept in {book.folder}\n", soft_wrap=True, markup=False)
    _print_parts("relay", "closures", "of rated life", book.relays)
    console.print()
    _print_parts("cell", "pulses", "of pulses_per_cell", book.cells)


def _print_parts(kind: str, counted: str, limit: str, parts: Sequence[Any]) -> None:
    """Print the most worn relays or cells, and how many more there are."""
    own = any(part.own is not None for part in parts)
    heads = [kind, "of", counted, limit, *(["counted by itself"] if own else [])]
    table = Table(*heads, box=None, padding=(0, 2, 0, 0))
    for part in parts[:MOST_ROWS]:
        style = "bold red" if part.share >= 1 else "yellow" if part.worn else ""
        told = [] if not own else ["" if part.own is None else f"{part.own}"]
        share = Text(f"{100 * part.share:.3g} %", style)
        table.add_row(part.part, Text(part.of), f"{part.count}", share, *told)
    if not parts:
        console.print(f"No {counted} yet.")
        return
    console.print(table)
    if len(parts) > MOST_ROWS:
        console.print(f"and {len(parts) - MOST_ROWS} less worn (all: --json)")
    if worn_ones := sum(part.worn for part in parts):
        console.print(f"{worn_ones} at 80 % or more: plan to replace.", style="yellow")


def _as_json(book: Worn) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "folder": None if book.folder is None else str(book.folder),
        "relays": [asdict(part) for part in book.relays],
        "cells": [asdict(part) for part in book.cells],
    }
