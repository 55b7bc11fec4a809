"""The commands ``labctl campaign …``. Every import that costs time happens inside a command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.options import BenchOption, DataOption, JsonOption, find_bench

app = typer.Typer(
    help="Campaigns: many procedures in order, with loops, conditions and waits.",
    no_args_is_help=True,
)
CampaignFile = Annotated[Path, typer.Argument(help="Campaign file (.toml) or script (.py).")]


@app.command("check")
def campaign_check(
    file: CampaignFile, bench: BenchOption = None, as_json: JsonOption = False
) -> None:
    """Find every fault at once, with its line; print steps, bench time and wear; touch nothing."""
    from labctl.campaignconsole import check

    if not check(file, find_bench(bench), as_json):
        raise typer.Exit(1)


@app.command("run")
def campaign_run(
    file: CampaignFile, bench: BenchOption = None, data: DataOption = Path("data")
) -> None:
    """Check a campaign and run it; Ctrl-C leaves outputs at zero, and `resume` goes on."""
    from labctl.campaignconsole import run

    run(file, find_bench(bench), data)


CampaignWord = Annotated[
    str | None, typer.Argument(help="Its number or name below --data, or its folder.")
]


@app.command("resume")
def campaign_resume(
    campaign: CampaignWord = None, bench: BenchOption = None, data: DataOption = Path("data")
) -> None:
    """Go on with a campaign that was broken off: the last one where none is named."""
    from labctl.campaignconsole import resume

    resume(campaign, find_bench(bench), data)


@app.command("status")
def campaign_status(
    campaign: CampaignWord = None, data: DataOption = Path("data"), as_json: JsonOption = False
) -> None:
    """List the campaigns, or show how far one is, also while it goes on."""
    from labctl.campaignconsole import status

    status(campaign, data, as_json)


@app.command("new")
def campaign_new(
    file: Annotated[Path, typer.Argument(help="File to write.")] = Path(
        "campaigns/fresh-chip.toml"
    ),
) -> None:
    """Write an example: a fresh chip from forming to data sheet."""
    from labctl.campaignconsole import new

    new(file)


@app.command("schema")
def campaign_schema() -> None:
    """Print the JSON schema of campaign files, for an editor."""
    from labctl.campaignconsole import schema

    schema()
