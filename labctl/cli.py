"""The command line: ``labctl …``. Every import that costs time happens inside a command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from labctl import runscommands
from labctl.campaigncommands import app as campaign_commands
from labctl.dataconsole import app as data_commands
from labctl.enginecommands import app as engine_commands
from labctl.errors import AbortedError, LabctlError
from labctl.options import BenchOption, DataOption, JsonOption, find_bench

app = typer.Typer(
    help="Form, program, read and learn on memristor chips, on a real or a simulated bench.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
bench_commands = typer.Typer(help="The bench: instruments, wiring, chip.", no_args_is_help=True)
app.add_typer(bench_commands, name="bench")
app.add_typer(engine_commands, name="engine")
app.add_typer(campaign_commands, name="campaign")
app.add_typer(data_commands, name="data")
runscommands.add_to(app, data_commands)

DetachOption = Annotated[
    bool, typer.Option("--detach", help="With a running engine: queue it there and return.")
]


def main() -> None:
    """Run the command line; a user's mistake ends with one message and exit status 1."""
    try:
        app()
    except AbortedError as error:
        _complain(error, "aborted: ")
        sys.exit(130)
    except LabctlError as error:
        _complain(error)
        sys.exit(1)
    except KeyboardInterrupt:
        print("labctl: interrupted.", file=sys.stderr)
        sys.exit(130)


def _complain(error: LabctlError, kind: str = "") -> None:
    """Print an error and what was noted with it."""
    print(f"labctl: {kind}{error}", file=sys.stderr)
    for note in getattr(error, "__notes__", ()):
        print(f"        {note}", file=sys.stderr)


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the runs and the report.")
    ] = Path("data/demo"),
    steps: Annotated[
        int | None,
        typer.Option(help="Learning steps; more of them take longer and come closer.", min=200),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the chip and of the learning.")] = 7,
) -> None:
    """Go the whole road on the simulated bench: form, measure, learn a posterior, report."""
    from labctl.demo.road import run_demo

    run_demo(out, steps=steps, seed=seed)


@app.command()
def gui(bench: BenchOption = None, data: DataOption = Path("data")) -> None:
    """Open the window: chip map, live histogram, start, abort, STOP."""
    from labctl.gui.app import run

    raise typer.Exit(run(find_bench(bench), data))


@app.command()
def run(
    procedure: Annotated[str, typer.Argument(help="Its name; see `labctl procedures`.")],
    parameters: Annotated[
        list[str] | None, typer.Argument(help="name=value ..., for example cells=0..3,0..7")
    ] = None,
    bench: BenchOption = None,
    data: DataOption = Path("data"),
    detach: DetachOption = False,
) -> None:
    """Run one procedure; Ctrl-C aborts it with outputs at zero.

    Where an engine has the bench, the run is queued there and followed from here. Otherwise it
    is measured in this process.
    """
    from labctl.console import run_procedure

    run_procedure(procedure, parameters or [], find_bench(bench), data, detach)


@app.command()
def resume(
    run: Annotated[str, typer.Argument(help="Its number below --data, or its folder.")],
    bench: BenchOption = None,
    data: DataOption = Path("data"),
    detach: DetachOption = False,
) -> None:
    """Go on with a run that was broken off, where it stopped and in the same folder."""
    from labctl.console import resume_run

    resume_run(run, find_bench(bench), data, detach)


@app.command()
def label(
    run: Annotated[str, typer.Argument(help="Its number below --data, or its folder.")],
    data: DataOption = Path("data"),
) -> None:
    """Label, at this terminal, the samples that a run of active_learn waits for."""
    from labctl.learn.oracles import answer_at_terminal
    from labctl.store import find

    given = answer_at_terminal(find(run, data).path)
    print(f"{given} answers given." if given else "The run waits for no answers.")


@app.command()
def estimate(
    procedure: Annotated[str, typer.Argument(help="Its name; see `labctl procedures`.")],
    parameters: Annotated[list[str] | None, typer.Argument(help="name=value ...")] = None,
    bench: BenchOption = None,
) -> None:
    """Print the bench time one procedure would take; measures nothing."""
    from labctl.console import estimate_procedure

    estimate_procedure(procedure, parameters or [], find_bench(bench))


@app.command()
def procedures(
    name: Annotated[str | None, typer.Argument(help="One procedure, with its parameters.")] = None,
    bench: BenchOption = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of the parameters.")
    ] = False,
) -> None:
    """List the procedures found here, or the parameters of one."""
    from labctl.console import list_procedures

    list_procedures(name, find_bench(bench), schema)


@app.command()
def new(folder: Annotated[Path, typer.Argument(help="Name of the folder to make.")]) -> None:
    """Lay out a workspace: bench.toml, drivers/, procedures/, campaigns/ with examples, data/."""
    from labctl.workspace import new_workspace

    made = new_workspace(folder)
    typer.echo(f"{made} is ready. Next:\n    cd {made}\n    labctl procedures\n    labctl gui")


@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def sim(context: typer.Context) -> None:
    """The simulated bench: its chip, and its instruments on the network."""
    # Handed on unread: what the words mean is known there, and the simulator is slow to load.
    from labctl.sim.console import app as commands

    commands(context.args, prog_name="labctl sim")


@bench_commands.command("check")
def bench_check(
    bench: BenchOption = None,
    as_json: JsonOption = False,
    cell: Annotated[
        str | None, typer.Option("--cell", "-c", help="A cell known to conduct: row,column.")
    ] = None,
    gate: Annotated[
        bool,
        typer.Option(
            "--gate",
            help="Open the gate of one cell at a time, to tell the contact of each pad; bit and "
            "source lines stay at 0.1 V.",
        ),
    ] = False,
) -> None:
    """Check instruments, relays and pads, nothing above 0.1 V; exit status 1 if one fails."""
    from labctl.benchconsole import check_bench

    if not check_bench(find_bench(bench), cell, gate, as_json):
        raise typer.Exit(1)


@bench_commands.command("wear")
def bench_wear(bench: BenchOption = None, as_json: JsonOption = False) -> None:
    """Show the most worn relays and the most pulsed cells; connects to nothing."""
    from labctl.benchconsole import show_wear

    show_wear(find_bench(bench), as_json)


@bench_commands.command("off")
def bench_off(bench: BenchOption = None) -> None:
    """Make everything safe at once, also while another program hangs, and latch the bench."""
    from labctl.emergency import switch_off

    if not switch_off(find_bench(bench), typer.echo):
        raise typer.Exit(1)


@bench_commands.command("acknowledge")
def bench_acknowledge(bench: BenchOption = None) -> None:
    """Release a latched bench after somebody has looked at it."""
    from labctl.emergency import acknowledge

    acknowledge(find_bench(bench), typer.echo)


@bench_commands.command("schema")
def bench_schema() -> None:
    """Print the JSON schema of bench files, for an editor."""
    import json

    from labctl.benchfile import BenchFile

    schema = BenchFile.model_json_schema()
    schema["properties"].pop("path", None)
    typer.echo(json.dumps(schema, indent=2))


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from labctl import __version__

        typer.echo(f"labctl {__version__}")
        raise typer.Exit
