"""What the commands of ``labctl`` do and print."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from labctl import plugins
from labctl.errors import EngineError, ProcedureError
from labctl.quantity import show, show_duration
from labctl.visibility import in_words

if TYPE_CHECKING:
    from labctl.bench import Bench
    from labctl.engine.runner import OnProgress
    from labctl.store import Run

console = Console(highlight=False)


def run_procedure(
    name: str, words: list[str], bench_file: Path, data: Path, detach: bool = False
) -> None:
    """Run one procedure with a progress bar; print where its run is and what it found.

    Where an engine has the bench, it is asked to do so.
    """
    from labctl.bench import Bench
    from labctl.engine.local import run
    from labctl.following import ask_for, engine_of

    plugins.add_workspace(Path.cwd())
    parameters: dict[str, Any] = dict(parse_words(words))
    if (client := engine_of(bench_file)) is not None:
        with client:
            ask_for(client, name, lambda: client.submit(name, parameters), data, detach)
        return
    _refuse(detach)
    with Bench.open(bench_file) as bench:
        wanted = plugins.procedure(name)(**parameters)  # before a bar is drawn
        wanted.refuse_idle(parameters)
        wanted.check(bench.array.shape)
        with progress_bar(name) as on_progress:
            done = run(name, bench, data=data, on_progress=on_progress, **parameters)
        print_end(done)


def resume_run(which: str, bench_file: Path, data: Path, detach: bool = False) -> None:
    """Go on with a run that was broken off; print where it is and what it found."""
    from labctl.bench import Bench
    from labctl.engine.local import resume
    from labctl.following import ask_for, engine_of
    from labctl.store import find
    from labctl.store.reopening import look

    plugins.add_workspace(Path.cwd())
    run = find(which, data)
    _, before = look(run.path)  # before the bench is touched
    console.print(f"{run.path}: {run.status.value}, {before.units} units done", soft_wrap=True)
    if (client := engine_of(bench_file)) is not None:
        procedure = str(run.meta["procedure"])
        with client:
            ask_for(client, procedure, lambda: client.resume_run(run.path), data, detach)
        return
    _refuse(detach)
    with Bench.open(bench_file) as bench, progress_bar(run.meta["procedure"]) as on_progress:
        done = resume(run, bench, on_progress=on_progress)
    print_end(done)


def _refuse(detach: bool) -> None:
    if detach:
        raise EngineError(
            "--detach leaves a run to an engine, and none is running on this bench. "
            "`labctl engine start` starts one."
        )


def print_end(run: Run) -> None:
    """Print where a run is and what it found."""
    console.print(f"{run.procedure}: {run.status.value} in {run.path}", soft_wrap=True)
    for key, value in run.summary.items():
        if isinstance(value, str | int | float | bool):
            text = f"{value:.6g}" if isinstance(value, float) else str(value)
            console.print(f"  {key}: {text}")


def estimate_procedure(name: str, words: list[str], bench_file: Path) -> None:
    """Print the bench time of one procedure."""
    from labctl.bench import Bench

    plugins.add_workspace(Path.cwd())
    parameters: dict[str, Any] = dict(parse_words(words))
    procedure = plugins.procedure(name)(**parameters)
    procedure.refuse_idle(parameters)
    with Bench.open(bench_file) as bench:
        procedure.check(bench.array.shape)
        procedure.bind(bench.array)
        seconds = procedure.estimate()
    console.print(f"{name} would take about {show_duration(seconds)} of bench time.")


def list_procedures(name: str | None, bench_file: Path, schema: bool = False) -> None:
    """Print all procedures, or the parameters of one; or as JSON schema what they take."""
    plugins.add_workspace(bench_file.resolve().parent)
    plugins.add_workspace(Path.cwd())
    if schema:
        from labctl.schema import schema_of

        wanted = plugins.procedures() if name is None else {name: plugins.procedure(name)}
        schemas = {key: schema_of(each) for key, each in wanted.items()}
        print(json.dumps(schemas if name is None else schemas[name], indent=2))
        return
    if name is not None:
        found = plugins.procedure(name)
        console.print(f"{name}: {found.about()}\n")
        table = Table("parameter", "default", "unit", "allowed", "meaning", box=None)
        for row in found.declaration():
            table.add_row(row["name"], str(row["default"]), row["units"] or "", *_bounds(row))
        console.print(table)
        for row in found.declaration():
            if "visible_when" in row:
                console.print(f"{row['name']} counts only where {in_words(row['visible_when'])}.")
        console.print(f"\nRun it: labctl run {name} name=value ...")
        return
    table = Table("procedure", "what it does", box=None)
    for key, found in plugins.procedures().items():
        table.add_row(key, found.about())
    console.print(table)
    for key, error in plugins.broken().items():
        console.print(f"{key} cannot be used: {error}", style="red", markup=False)


def print_bench(bench: Bench) -> None:
    """Print instruments, terminals and chip of an open bench."""
    file = bench.file
    console.print(f"{file.bench.name}  ({file.path})", soft_wrap=True)
    rows, columns = file.shape
    console.print(f"chip {file.chip.name}: {rows} x {columns} cells\n")
    table = Table("instrument", "identity", "address", box=None)
    for name, identity in bench.identities.items():
        table.add_row(name, str(identity), file.instruments[name].address)
    console.print(table)
    console.print()
    table = Table("terminal", "source", "row", "limits", "compliance", "NPLC", box=None)
    for name, terminal in file.terminals.items():
        table.add_row(
            name,
            f"{terminal.instrument} {terminal.channel}",
            terminal.row,
            f"{show(terminal.max_voltage, 'V')}, {show(terminal.max_current, 'A')}",
            show(terminal.compliance, "A"),
            f"{terminal.nplc:g}",
        )
    console.print(table)


def parse_words(words: list[str]) -> dict[str, str]:
    """Turn ``name=value`` words into parameters.

    Raises
    ------
    ProcedureError
        For a word without ``=`` or a parameter given twice.
    """
    parameters: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise ProcedureError(f"{word!r} is no parameter; write name=value, as in cells=0,0.")
        if name in parameters:
            raise ProcedureError(f"Parameter {name!r} is given twice.")
        parameters[name] = value
    return parameters


@contextmanager
def progress_bar(title: str, width: int = 0) -> Iterator[OnProgress]:
    """Show one progress bar, with time left here and on a bench; yield what moves it."""
    with Progress(
        TextColumn(f"{{task.description:<{width}}}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.fields[clock]}"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("{task.fields[bench]}"),
        console=console,
    ) as bar:
        task = bar.add_task(title, total=None, bench="", clock="left")

        def move(progress: Any) -> None:
            left = progress.bench_eta_s
            finished = progress.done == progress.total
            if finished:
                bench = f"bench time {show_duration(progress.bench_elapsed_s)}"
            else:
                bench = "" if left is None else f"bench time left {show_duration(left)}"
            bar.update(
                task,
                completed=progress.done,
                total=progress.total,
                bench=bench,
                clock="took" if finished else "left",
            )

        yield move


def _bounds(row: dict[str, Any]) -> tuple[str, str]:
    """Return what a parameter may be, and what it means."""
    if row.get("choices"):
        return ", ".join(map(str, row["choices"])), row["label"]
    low, high = row.get("minimum"), row.get("maximum")
    if low is None and high is None:
        return row["type"], row["label"]
    return f"{'' if low is None else low} .. {'' if high is None else high}", row["label"]
