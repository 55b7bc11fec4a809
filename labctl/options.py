"""Options that many commands share, and the bench file they are about."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
