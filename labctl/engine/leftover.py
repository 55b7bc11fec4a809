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
    for _, folder in reversed(run_folders(data_root)[-_LOOKS:]):
        try:
            run = Run(folder)
            if run.meta.get("chip") != file.chip.name or run.meta.get("shape") != list(file.shape):
                continue
            status = run.status
            if status.is_over:
                return EndedRun(
                    id=0, procedure=run.procedure, run=str(folder.resolve()),
                    status=status.value, error=run.error,
                )  # fmt: skip
        except (StoreError, KeyError, ValueError) as error:
            _log.info("%s is passed over: %s", folder, error)
    return None
