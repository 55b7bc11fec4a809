"""``labctl data …``. Every import that costs time happens inside a command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.options import DataOption, JsonOption

app = typer.Typer(help="The stored runs: mending, export, import, index.", no_args_is_help=True)


@app.command("repair")
def repair(
    runs: Annotated[list[str], typer.Argument(help="Number below --data, or folder, of each run.")],
    data: DataOption = Path("data"),
    as_json: JsonOption = False,
) -> None:
    """Mend the folder of a run after a crash or a power cut: keep whatever is whole in it.

    Every batch of rows that reached the disk whole stays; a half one at the end of a file is
    taken off. A run that still calls itself running is called interrupted. `labctl resume RUN`
    goes on with it then. Doing it again, or to a run that is in order, changes nothing.
    """
    from labctl.mending import mend

    for run in runs:
        mend(run, data, as_json)
