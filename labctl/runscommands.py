"""``labctl ls``, ``show``, ``tag`` and ``labctl data reindex|export|import``.

Every import that costs time happens inside a command.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.options import DataOption, JsonOption

RunArgument = Annotated[str, typer.Argument(help="Its number below --data, or its folder.")]


def list_runs(
    chip: Annotated[str | None, typer.Option(help="Chip; * and ? stand for any letters.")] = None,
    procedure: Annotated[
        str | None, typer.Option("--procedure", "-p", help="Procedure; * and ? as well.")
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(help="running, paused, finished, aborted, failed or interrupted."),
    ] = None,
    tag: Annotated[str | None, typer.Option(help="A tag; see `labctl tag`.")] = None,
    since: Annotated[
        str | None, typer.Option(help="2026-11-24, 2026-11-24T18:00, today, yesterday or 7d.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="As --since; a day counts as a whole.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            "-w",
            help="A condition on parameters and results, in SI units or with a unit of its own: "
            "'target > 20e-6', 'target > 20 µS and within_tolerance >= 9', 'cells = all'. May be "
            "given several times.",
        ),
    ] = None,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="Only the newest.")] = 40,
    every: Annotated[bool, typer.Option("--all", "-a", help="All of them.")] = False,
    data: DataOption = Path("data"),
    as_json: JsonOption = False,
) -> None:
    """List runs, the newest last; all conditions given must hold."""
    from labctl.runsconsole import list_runs as show

    wanted = {
        "chip": chip, "procedure": procedure, "status": status, "tag": tag, "since": since,
        "until": until,
    }  # fmt: skip
    show(data, wanted, where or [], 0 if every else last, as_json)


def show_run(
    run: RunArgument, data: DataOption = Path("data"), as_json: JsonOption = False
) -> None:
    """Show what is known of a run: parameters, results, tables, instruments."""
    from labctl.runsconsole import show_run as show

    show(run, data, as_json)


def tag_run(
    run: RunArgument,
    tags: Annotated[
        list[str] | None, typer.Argument(help="+good -bad: to add, to take off.")
    ] = None,
    data: Annotated[Path, typer.Option("--data", help="Folder where runs are kept.")] = Path(
        "data"
    ),
) -> None:
    """Give a run tags, or take them off: `labctl tag 17 +good -bad`; without any, show them."""
    from labctl.runsconsole import tag_run as tag

    tag(run, tags or [], data)


def reindex(data: DataOption = Path("data")) -> None:
    """Make the catalogue again from the run folders, after files were changed by hand."""
    from labctl.runsconsole import reindex as make

    make(data)


def export_runs(
    runs: Annotated[list[str], typer.Argument(help="Number below --data, or folder, of each run.")],
    to: Annotated[
        Path | None,
        typer.Option("--to", "-o", help="File or folder to make. Default: named after the run."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            "-k",
            help="csv (a folder), mat (HDF5, MATLAB's load reads it), netcdf, or arviz (draws of a "
            "posterior). Default: by the ending of --to: .mat .h5 .nc, none for CSV.",
        ),
    ] = None,
    table: Annotated[
        list[str] | None, typer.Option("--table", "-t", help="Only this table; may be repeated.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    data: DataOption = Path("data"),
) -> None:
    """Write runs to CSV, HDF5 or netCDF, with units and everything that run.json says.

    Examples: `labctl data export 17 --to loop.mat`, `labctl data export 17 18 --kind netcdf`.
    """
    from labctl.errors import StoreError
    from labctl.store.exchange import export

    if to is not None and len(runs) > 1:
        raise StoreError("--to is for one run; --kind exports several, each named after its run.")
    for run in runs:
        if kind == "arviz":
            typer.echo(_export_draws(run, to, force, data))
        else:
            typer.echo(export(run, to, kind, tables=table, force=force, data_root=data))


def _export_draws(run: str, to: Path | None, force: bool, data: Path) -> Path:
    """Write the draws of a run for ArviZ; return the file."""
    from labctl.errors import StoreError
    from labctl.learn.rundraws import export_arviz
    from labctl.store.run import find

    found = find(run, data)
    target = to if to is not None else Path(f"{found.path.name}.arviz.nc")
    if target.exists() and not force:
        raise StoreError(f"{target} is there already; name another file, or say --force.")
    return export_arviz(found, target)


def import_runs(
    files: Annotated[list[Path], typer.Argument(help="What `labctl data export` has written.")],
    data: DataOption = Path("data"),
) -> None:
    """Make runs of exports; numbers, units and metadata are those of the runs exported."""
    from labctl.store.exchange import import_run

    for file in files:
        typer.echo(import_run(file, data).path)


def add_to(app: typer.Typer, data_commands: typer.Typer) -> None:
    """Add the commands to ``labctl`` and to ``labctl data``."""
    app.command("ls")(list_runs)
    app.command("show")(show_run)
    # -bad is no option: no short one may be known here, or its letters would be taken for it.
    app.command("tag", context_settings={"ignore_unknown_options": True})(tag_run)
    data_commands.command("reindex")(reindex)
    data_commands.command("export")(export_runs)
    data_commands.command("import")(import_runs)
