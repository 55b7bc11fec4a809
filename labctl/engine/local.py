"""Running a procedure in this very process: for scripts, the command line and the demo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labctl import plugins
from labctl.bench import Bench
from labctl.engine.runner import OnProgress, execute
from labctl.errors import LabctlError
from labctl.store import Run


def run(
    procedure: str,
    bench: Bench,
    *,
    data: str | Path = "data",
    seed: int | None = None,
    on_progress: OnProgress | None = None,
    **parameters: Any,
) -> Run:
    """Run a procedure on an open bench, in this process.

    Parameters
    ----------
    procedure
        Its name; see ``labctl procedures``.
    bench
        Its array is used, and it is brought to zero at the end.
    data
        Folder of all runs.
    seed
        Of the procedure's own randomness; drawn where None.
    on_progress
        Called with a :class:`labctl.engine.progress.Progress` at most ten times a second.
    parameters
        By name, in the unit each declares; text may carry a unit (``"200 mV"``).

    Returns
    -------
    Run
        A finished one.

    Raises
    ------
    ProcedureError
        For an unknown procedure or a parameter out of bounds; nothing was done.
    LabctlError
        What ended the run. Its folder keeps everything measured before.
    """
    unit = plugins.procedure(procedure)(**parameters)
    meta = bench.metadata() | ({} if seed is None else {"seed": seed})
    try:
        done = execute(
            unit,
            array=bench.array,
            data_root=data,
            meta=meta,
            on_progress=on_progress,
            on_start=bench.run_began,
            on_exit=bench.off,
        )
    finally:
        bench.run_began(None)
    try:
        return done.raise_unless_finished()
    except LabctlError as error:
        error.add_note(f"What was measured before is in {done.path}.")
        raise
