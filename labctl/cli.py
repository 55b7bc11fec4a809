"""The command line: ``labctl …``. Every import that costs time happens inside a command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from labctl.errors import AbortedError, LabctlError

app = typer.Typer(
    help="Form, program, read and learn on memristor chips, on a real or a simulated bench.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
bench_commands = typer.Typer(help="The bench: instruments, wiring, chip.", no_args_is_help=True)
engine_commands = typer.Typer(help="The engine process of a bench.", no_args_is_help=True)
app.add_typer(bench_commands, name="bench")
app.add_typer(engine_commands, name="engine")

BenchOption = Annotated[
    Path | None,
    typer.Option(
        "--bench",
        "-b",
        help="Bench file. Default: bench.toml in this folder, else the simulated default bench.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
DataOption = Annotated[
    Path, typer.Option("--data", "-d", help="Folder where runs are kept.", show_default=True)
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
) -> None:
    """Run one procedure in this process; Ctrl-C aborts it with outputs at zero."""
    from labctl.console import run_procedure

    run_procedure(procedure, parameters or [], find_bench(bench), data)


@app.command()
def resume(
    run: Annotated[str, typer.Argument(help="Its number below --data, or its folder.")],
    bench: BenchOption = None,
    data: DataOption = Path("data"),
) -> None:
    """Go on with a run that was broken off, where it stopped and in the same folder."""
    from labctl.console import resume_run

    resume_run(run, find_bench(bench), data)


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
) -> None:
    """List the procedures found here, or the parameters of one."""
    from labctl.console import list_procedures

    list_procedures(name, find_bench(bench))


@app.command("runs")
def list_runs(data: DataOption = Path("data")) -> None:
    """List the runs in a data folder."""
    from labctl.console import list_runs as show

    show(data)


@app.command()
def new(folder: Annotated[Path, typer.Argument(help="Name of the folder to make.")]) -> None:
    """Lay out a workspace: bench.toml, drivers/, procedures/ with an example, data/."""
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


@engine_commands.command("status")
def engine_status(bench: BenchOption = None) -> None:
    """Show what the engine of a bench is doing."""
    from labctl.console import show_engine

    show_engine(find_bench(bench))


@engine_commands.command("stop")
def engine_stop(bench: BenchOption = None) -> None:
    """Stop in an emergency: outputs to zero, relays open, latched."""
    from labctl.engine.client import EngineClient

    EngineClient.connect(find_bench(bench)).stop()
    typer.echo("Stopped. Outputs are at zero, relays open; the bench is latched.")


@engine_commands.command("acknowledge")
def engine_acknowledge(bench: BenchOption = None) -> None:
    """Release the latch after somebody has looked at the bench."""
    from labctl.engine.client import EngineClient

    EngineClient.connect(find_bench(bench)).acknowledge()
    typer.echo("Acknowledged.")


@engine_commands.command("shutdown")
def engine_shutdown(bench: BenchOption = None) -> None:
    """End the engine of a bench, with outputs at zero."""
    from labctl.engine.client import EngineClient

    EngineClient.connect(find_bench(bench)).shutdown()
    typer.echo("The engine has ended; outputs are at zero.")


def find_bench(path: Path | None) -> Path:
    """Return the bench file a command is about.

    Raises
    ------
    BenchFileError
        Where the file named does not exist.
    """
    from labctl.errors import BenchFileError
    from labctl.paths import simulated_bench

    if path is not None:
        if not path.is_file():
            raise BenchFileError(f"There is no bench file {path}. `labctl new NAME` makes one.")
        return path
    here = Path("bench.toml")
    return here if here.is_file() else simulated_bench()


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from labctl import __version__

        typer.echo(f"labctl {__version__}")
        raise typer.Exit
