"""``labctl engine …``. Every import that costs time happens inside a command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labctl.options import BenchOption, DataOption, JsonOption, find_bench

if TYPE_CHECKING:
    from labctl.engine.client import EngineClient

app = typer.Typer(
    help="The engine process of a bench: what it runs, and what waits.", no_args_is_help=True
)
queue = typer.Typer(
    help="The runs that wait, as jobs with numbers of their own.",
    no_args_is_help=True,
)
app.add_typer(queue, name="queue")

Number = Annotated[int, typer.Argument(help="Number of the job, as `queue list` shows it.")]
Words = Annotated[list[str], typer.Argument(help="name=value ...")]


@app.command("start")
def start(
    bench: BenchOption = None, data: DataOption = Path("data"), as_json: JsonOption = False
) -> None:
    """Start an engine where none is running; what waited in its queue is held until released."""
    from labctl.engine.client import EngineClient
    from labctl.engineconsole import show_status

    with EngineClient.start(find_bench(bench), data) as client:
        show_status(client.status(), as_json)


@app.command("status")
def status(bench: BenchOption = None, as_json: JsonOption = False) -> None:
    """Show what the engine of a bench is doing, and what waits."""
    from labctl.engineconsole import show_status

    with _client(bench) as client:
        show_status(client.status(), as_json)


@app.command("pause")
def pause(bench: BenchOption = None, as_json: JsonOption = False) -> None:
    """Pause the present run after the unit that is on."""
    with _client(bench) as client:
        _say(client.pause(), as_json, "Paused job {id}. `labctl engine resume` goes on.")


@app.command("resume")
def resume(bench: BenchOption = None, as_json: JsonOption = False) -> None:
    """Go on with the paused run; `labctl resume RUN` is for one that was broken off."""
    with _client(bench) as client:
        _say(client.resume(), as_json, "Job {id} goes on.")


@app.command("abort")
def abort(bench: BenchOption = None, as_json: JsonOption = False) -> None:
    """End the present run within one cell; what was measured is kept, the queue goes on."""
    with _client(bench) as client:
        _say(client.abort(), as_json, "Job {id} is told to end; outputs go to zero.")


@app.command("stop")
def stop(bench: BenchOption = None) -> None:
    """Stop in an emergency: outputs to zero, relays open, latched; what waits is held."""
    with _client(bench) as client:
        client.stop()
    typer.echo("Stopped. Outputs are at zero, relays open; the bench is latched.")


@app.command("acknowledge")
def acknowledge(bench: BenchOption = None) -> None:
    """Release the latch after somebody has looked at the bench."""
    with _client(bench) as client:
        client.acknowledge()
        held = client.status()["held"]
    typer.echo("Acknowledged.")
    if held:
        typer.echo(f"The queue is held: {held} `labctl engine queue release` lets it go on.")


@app.command("shutdown")
def shutdown(bench: BenchOption = None) -> None:
    """End the engine of a bench, with outputs at zero; what waits is kept for the next one."""
    with _client(bench) as client:
        client.shutdown()
    typer.echo("The engine has ended; outputs are at zero.")


@queue.command("list")
def queue_list(bench: BenchOption = None, as_json: JsonOption = False) -> None:
    """List the runs that wait, the next one first."""
    from labctl.engineconsole import show_queue

    with _client(bench) as client:
        show_queue(client.status(), as_json)


@queue.command("add")
def queue_add(
    procedure: Annotated[
        str | None, typer.Argument(help="Its name; see `labctl procedures`.")
    ] = None,
    parameters: Annotated[
        list[str] | None, typer.Argument(help="name=value ..., for example cells=0..3,0..7")
    ] = None,
    rest_of: Annotated[
        str | None,
        typer.Option("--resume", help="Instead of a procedure: a run that was broken off."),
    ] = None,
    bench: BenchOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a run behind all others, or the rest of one that was broken off."""
    from labctl.console import parse_words
    from labctl.errors import ProcedureError

    if (procedure is None) == (rest_of is None):
        raise ProcedureError("Name a procedure, or a run with --resume.")
    with _client(bench) as client:
        if rest_of is not None:
            number = client.resume_run(rest_of)
        else:
            number = client.submit(str(procedure), parse_words(parameters or []))
        held = client.status()["held"]
        hint = f" The queue is held: {held} `labctl engine queue release`." if held else ""
        _say({"id": number, "held": held}, as_json, f"Queued as job {number}.{hint}")


@queue.command("edit")
def queue_edit(
    number: Number, parameters: Words, bench: BenchOption = None, as_json: JsonOption = False
) -> None:
    """Give parameters of a run that waits other values; those not named stay."""
    from labctl.console import parse_words
    from labctl.engineconsole import words_of

    with _client(bench) as client:
        entry = client.edit(number, parse_words(parameters))
    _say(entry, as_json, f"Job {number}: {entry['procedure']} {words_of(entry)}")


@queue.command("move")
def queue_move(
    number: Number,
    place: Annotated[
        str, typer.Argument(help="1 for the next to be run, or up, down, first, last.")
    ],
    bench: BenchOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a run to another place in the queue."""
    from labctl.engineconsole import place_of

    with _client(bench) as client:
        got = client.move(number, place_of(place))
    _say({"place": got + 1}, as_json, f"Job {number} is at place {got + 1}.")


@queue.command("remove")
def queue_remove(
    numbers: Annotated[list[int], typer.Argument(help="As `queue list` shows them.")],
    bench: BenchOption = None,
) -> None:
    """Take runs off the queue."""
    with _client(bench) as client:
        for number in numbers:
            client.remove(number)
            typer.echo(f"Job {number} is off the queue.")


@queue.command("hold")
def queue_hold(bench: BenchOption = None) -> None:
    """Let no further run begin; the one that is on goes on."""
    with _client(bench) as client:
        client.hold()
    typer.echo("The queue is held. `labctl engine queue release` lets it go on.")


@queue.command("release")
def queue_release(bench: BenchOption = None) -> None:
    """Let the queue go on."""
    with _client(bench) as client:
        client.release()
    typer.echo("The queue goes on.")


@queue.command("dismiss")
def queue_dismiss(bench: BenchOption = None) -> None:
    """Offer the unfinished run no more. It stays as it is, and can be resumed later."""
    with _client(bench) as client:
        client.dismiss()
    typer.echo("Dismissed.")


def _client(bench: Path | None) -> EngineClient:
    from labctl.engine.client import EngineClient

    return EngineClient.connect(find_bench(bench))


def _say(reply: dict[str, Any], as_json: bool, text: str) -> None:
    if as_json:
        import json

        typer.echo(json.dumps(reply))
    else:
        typer.echo(text.format(**reply) if text.count("{id}") else text)
