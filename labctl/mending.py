"""What ``labctl data repair`` does and prints."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from labctl.console import console
from labctl.errors import StoreError
from labctl.store.files import run_folders
from labctl.store.reopening import look
from labctl.store.repair import Repair, repair


def mend(run: str, data: Path, as_json: bool) -> None:
    """Mend one run, named by number or folder, and print what was found.

    Raises
    ------
    StoreError
        Where there is no such run, it goes on just now, or its folder cannot be written.
    """
    folder = _folder(run, data)
    try:
        outcome = repair(folder)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(
            f"{folder} cannot be mended: {error}. Free some space, or make it writable."
        ) from error
    if as_json:
        shown = asdict(outcome) | {"path": str(outcome.path), "was_whole": outcome.was_whole}
        print(json.dumps(shown))
    else:
        _show(outcome)


def _folder(run: str, data: Path) -> Path:
    # Not by way of its run.json, which may be what is broken.
    if not run.isdecimal():
        return Path(run)
    for number, folder in run_folders(data):
        if number == int(run):
            return folder
    raise StoreError(f"There is no run {run} in {data.resolve()}. Name its folder, or use --data.")


def _show(outcome: Repair) -> None:
    def say(text: str) -> None:
        console.print(text, markup=False, soft_wrap=True)

    say(f"{outcome.path}: {outcome.status.value}")
    for table in outcome.tables:
        text = f"  {table.table}: {table.rows} rows"
        if table.lost:
            text += f"; {table.lost} bytes behind the last whole batch taken off"
        say(f"{text}; {table.note}" if table.note else text)
    for note in outcome.notes:
        say(f"  {note}")
    if outcome.was_whole:
        say("  Everything was in order; nothing was changed.")
    if _is_resumable(outcome.path):
        say(f"  `labctl resume {outcome.path}` goes on with it.")


def _is_resumable(folder: Path) -> bool:
    try:
        look(folder)
    except StoreError:
        return False
    return True
