"""What engines and programs before have left in the data folder of a bench."""

from __future__ import annotations

import logging
from pathlib import Path

from labctl.benchfile import BenchFile
from labctl.engine.messages import EndedRun
from labctl.errors import StoreError
from labctl.store import Run
from labctl.store.files import run_folders
from labctl.store.repair import repair

_log = logging.getLogger(__name__)
_LOOKS = 200  # folders looked into, newest first


def left_behind(run: str) -> tuple[str, str | None]:
    """Return status and error of a run whose engine is gone, its folder brought in order.

    A run that calls itself running is interrupted; from now on its ``run.json`` says so.
    """
    try:
        status = repair(run).status
        return status.value, Run(run).error
    except (StoreError, OSError) as error:
        _log.warning("%s could not be looked through: %s", run, error)
        return "interrupted", str(error)


def latest_run(data_root: Path, file: BenchFile) -> EndedRun | None:
    """Return the newest run of the chip that a bench file names; None where there is none."""
    for run in recent_runs(data_root, file.chip.name, file.shape, most=1, rows=None):
        return EndedRun(
            id=0, procedure=run.procedure, run=str(run.path.resolve()), status=run.status.value,
            error=run.error,
        )  # fmt: skip
    return None


def recent_runs(
    data_root: Path, chip: str, shape: tuple[int, int], most: int = 8, rows: int | None = 1_000_000
) -> list[Run]:
    """Return runs of a chip that are over, newest first.

    Parameters
    ----------
    chip, shape
        Name of the chip, and its rows and columns.
    most
        How many runs at most.
    rows
        Leaves out runs with more rows than that.
    """
    found: list[Run] = []
    for _, folder in reversed(run_folders(data_root)[-_LOOKS:]):
        if len(found) == most:
            break
        try:
            run = Run(folder)
            fits = run.meta.get("chip") == chip and run.meta.get("shape") == list(shape)
            if not fits or not run.status.is_over:
                continue
            if rows is None or sum(run.count(table) for table in run.tables) <= rows:
                found.append(run)
        except (StoreError, OSError, KeyError, ValueError) as error:
            _log.info("%s is passed over: %s", folder, error)
    return found
