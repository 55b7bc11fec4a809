"""The command ``labctl sim serve``."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from labctl.sim.serve.bench import Address

_MOST_PORT = 65535


def serve(
    bench: Annotated[Path, typer.Argument(help="The bench file whose instruments to serve.")],
    bind: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Address of this computer to listen on; one that is not loopback lets other "
            "computers in, without a password.  [127.0.0.1]",
        ),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            help="Port of the first instrument; each takes two. 0: any free ones.",
            min=0,
            max=_MOST_PORT,
            metavar="FIRST",
        ),
    ] = 14880,
    real_time: Annotated[
        bool,
        typer.Option("--real-time", help="Let bench time pass at true speed, not at once."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the addresses as one line of JSON.")
    ] = False,
) -> None:
    """Serve the instruments of a simulated bench on TCP ports, for programs of any kind.

    Each instrument has a HiSLIP port and the raw socket port after it. The addresses are printed,
    then a line that begins with "Ready"; Ctrl-C or SIGTERM ends it and keeps the chip. Time-outs
    last for real there: a box that has nothing to say keeps a client waiting. For example:

        labctl sim serve bench.toml

        labctl sim serve bench.toml --port 0 --json

        labctl sim serve bench.toml --real-time
    """
    from labctl.sim.serve.bench import LOOPBACK, ServedBench

    with _end_signals() as ended:
        served = ServedBench(bench, bind or LOOPBACK, port, real_time, exposed=bind is not None)
        with served:
            if as_json:
                typer.echo(json.dumps([asdict(address) for address in served.addresses]))
            else:
                _print_table(served.addresses)
                typer.echo(f"Ready: {len(served.addresses)} instruments. Ctrl-C ends.")
            ended.wait()
    if not as_json:
        typer.echo("Ended.")


@contextmanager
def _end_signals() -> Iterator[threading.Event]:
    """Give an event that is set by Ctrl-C and by SIGTERM; afterwards both do what they did."""
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_table(addresses: list[Address]) -> None:
    rows = [("name", "model", "HiSLIP", "socket")]
    rows += [(each.name, each.model, each.hislip, each.socket) for each in addresses]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(map(str.ljust, row, widths)).rstrip())
