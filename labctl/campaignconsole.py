"""What `labctl campaign ...` does and prints."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from labctl import plugins
from labctl.bench import Bench
from labctl.campaign import (
    Checked,
    PaperArray,
    Plan,
    Record,
    Row,
    check_file,
    folders,
    resume_campaign,
    run_campaign,
    total,
)
from labctl.campaign.advance import CampaignProgress
from labctl.campaign.running import OnProgress
from labctl.console import console
from labctl.errors import CampaignError, EngineError
from labctl.paths import data_file
from labctl.quantity import show_duration

EXAMPLE = "fresh-chip"


def check(file: Path, bench_file: Path, as_json: bool) -> bool:
    """Check a campaign and print what it will do and cost; tell whether it is free of faults.

    Nothing is connected to: bench file and drivers tell limits and times.
    """
    plugins.add_workspace(Path.cwd())
    found = check_file(file, PaperArray.of(bench_file))
    if as_json:
        print(json.dumps(_as_json(found), indent=1))
        return not found.faults
    found.raise_faults()
    _print_forecast(found)
    return True


def run(file: Path, bench_file: Path, data: Path) -> None:
    """Check a campaign, run it with a progress bar, and print how it ended."""
    plugins.add_workspace(Path.cwd())
    found = check_file(file, PaperArray.of(bench_file))
    plan = found.raise_faults()
    expected = total(found.rows).seconds
    console.print(f"{plan.campaign.name}: about {show_duration(expected)} of bench time")
    with _open(bench_file) as bench, _bar(plan.campaign.name) as on_progress:
        record = run_campaign(plan, bench, data=data, on_progress=on_progress)
    print_end(record)


def resume(which: str | None, bench_file: Path, data: Path) -> None:
    """Go on with a campaign, the last one where none is named, and print how it ended."""
    plugins.add_workspace(Path.cwd())
    record = Record.open(which if which is not None else _last(data), data)
    console.print(f"{record.path}: {record.status}, {_counts(record)}", soft_wrap=True)
    with _open(bench_file) as bench, _bar(record.state["name"]) as on_progress:
        record = resume_campaign(record, bench, on_progress=on_progress)
    print_end(record)


def status(which: str | None, data: Path, as_json: bool) -> None:
    """Print one campaign, or a line for each; also while it goes on in another process."""
    if which is None:
        _list(data, as_json)
        return
    record = Record.open(which, data)
    if as_json:
        print(json.dumps({**record.state, "status": record.status, "folder": str(record.path)}))
        return
    state = record.state
    console.print(f"{record.path}: {record.status}, {_counts(record)}", soft_wrap=True)
    if state.get("error"):
        console.print(f"  {state['error']}", markup=False)
    progress = state.get("progress") or {}
    if record.status == "running" and progress:
        console.print(f"  now: {_now(progress)}", markup=False)
        console.print(f"  {_percent(progress)}, {_left(progress)}")
    table = Table("step", "status", "bench time", "run", box=None)
    for key, entry in record.entries.items():
        spent = entry.get("ended", state["time"]) - entry["began"]
        table.add_row(key, entry["status"], show_duration(max(spent, 0.0)), entry["run"] or "")
    console.print(table)
    for note in state["notes"]:
        console.print(f"{note['step']}: {note['text']}", markup=False)
    _say_next(record)


def new(file: Path) -> None:
    """Write the example campaign to a new file.

    Raises
    ------
    CampaignError
        Where there is something of that name.
    """
    if file.exists():
        raise CampaignError(f"{file} is there already; nothing was touched.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(data_file("campaigns", f"{EXAMPLE}.toml"), file)
    except OSError as error:
        raise CampaignError(f"Cannot write {file}: {error}.") from error
    console.print(f"{file} is ready. Next:\n    labctl campaign check {file}", soft_wrap=True)


def schema() -> None:
    """Print the JSON schema of campaign files."""
    print(json.dumps(Plan.model_json_schema(by_alias=True), indent=1))


def print_end(record: Record) -> None:
    """Print how a campaign ended, and what it left."""
    state = record.state
    spent = show_duration(state["time"])
    console.print(f"{state['name']}: {record.status}, {_counts(record)}, {spent} of bench time")
    if state.get("error"):
        console.print(f"  {state['error']}", markup=False)
    for note in state["notes"]:
        console.print(f"  {note['step']}: {note['text']}", markup=False)
    for entry in record.entries.values():
        if entry.get("report"):
            console.print(f"  data sheet: {record.path / entry['report']}", soft_wrap=True)
    console.print(f"  all of it: {record.path}", soft_wrap=True)


@contextmanager
def _open(bench_file: Path) -> Iterator[Bench]:
    try:
        bench = Bench.open(bench_file)
    except EngineError as error:
        error.add_note(
            "A campaign opens the bench itself: end the engine first, and close its windows."
        )
        raise
    with bench:
        yield bench


@contextmanager
def _bar(title: str) -> Iterator[OnProgress]:
    """Show one bar for the whole campaign, with the step that is on and the time left."""
    with Progress(
        TextColumn(title),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.fields[now]}", markup=False),
        console=console,
    ) as bar:
        task = bar.add_task(title, total=1.0, left="", now="")

        def move(progress: CampaignProgress) -> None:
            look = progress.to_json()
            bar.update(task, completed=progress.fraction, left=_left(look), now=_now(look))

        yield move


def _left(progress: dict[str, Any]) -> str:
    eta = progress["eta_s"]
    here = "" if eta is None else f"{show_duration(eta)} left, "
    return f"{here}bench time left {show_duration(progress['bench_eta_s'])}"


def _now(progress: dict[str, Any]) -> str:
    variables = progress["variables"]
    return progress["step"] + (f" ({variables})" if variables else "")


def _percent(progress: dict[str, Any]) -> str:
    return f"{100 * progress['fraction']:.0f} %"


def _counts(record: Record) -> str:
    found = Counter(entry["status"] for entry in record.entries.values())
    return ", ".join(f"{count} steps {name}" for name, count in found.items()) or "nothing begun"


def _last(data: Path) -> Path:
    known = folders(data)
    if not known:
        raise CampaignError(f"There are no campaigns in {data}. Name another folder with --data.")
    return known[-1]


def _list(data: Path, as_json: bool) -> None:
    records = [Record.open(folder, data) for folder in folders(data)]
    if as_json:
        listed = [
            {key: record.state[key] for key in ("number", "name", "created", "chip")}
            | {"status": record.status, "folder": str(record.path)}
            for record in records
        ]
        print(json.dumps(listed, indent=1))
        return
    table = Table("campaign", "status", "chip", "begun", "steps", box=None)
    for record in records:
        state = record.state
        begun = state["created"][:16].replace("T", " ")
        table.add_row(record.path.name, record.status, state["chip"], begun, _counts(record))
    console.print(table if records else f"There are no campaigns in {data}.")


def _say_next(record: Record) -> None:
    if record.status in ("aborted", "failed", "interrupted"):
        console.print(f"`labctl campaign resume {record.state['number']}` goes on.")


def _as_json(found: Checked) -> dict[str, Any]:
    plan = found.plan
    return {
        "file": found.path,
        "campaign": None if plan is None else plan.campaign.name,
        "faults": [fault.to_json() for fault in found.faults],
        "steps": [row.to_json() for row in found.rows],
        "total": total(found.rows).to_json() if found.rows else None,
    }


def _print_forecast(found: Checked) -> None:
    plan = found.plan
    assert plan is not None
    console.print(f"{plan.campaign.name}  ({found.path})", soft_wrap=True, markup=False)
    table = Table(box=None)
    table.add_column("step", no_wrap=True)
    table.add_column("what", no_wrap=True, max_width=24)
    for heading in ("times", "bench time", "pulses", "relays"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in found.rows:
        table.add_row(*_line(row))
    summed = total(found.rows)
    table.add_row(*_line(summed), style="bold")
    console.print(table)
    console.print("\nAt most, as if every condition let its step run. Relays: their closures.")
    for row in (*found.rows, summed):
        for remark in row.remarks:
            console.print(f"  {row.name}: {remark}", markup=False)
    console.print("No fault found; no instrument was touched.")


def _line(row: Row) -> list[str]:
    name = "  " * row.depth + row.name
    if row.action in ("stop", "skip", "note", "report"):
        return [name, row.action, str(row.count), "", "", ""]
    cost = row.cost
    spent = ["?", "?"] if cost is None else [_round(cost.pulses), _round(cost.closures)]
    return [name, row.what, str(row.count), show_duration(row.seconds), *spent]


def _round(count: float) -> str:
    return f"{round(count):,}".replace(",", " ") if count else ""
