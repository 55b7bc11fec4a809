"""``labctl data …``. Every import that costs time happens inside a command."""

from __future__ import annotations

import typer

app = typer.Typer(help="The stored runs: export, import, index.", no_args_is_help=True)
