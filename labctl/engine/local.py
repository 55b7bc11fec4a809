"""Running a procedure in this very process: for scripts, the command line and the demo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labctl import plugins
from labctl.bench import Bench
from labctl.engine.runner import OnProgress, execute
from labctl.errors import BudgetSpent, LabctlError, StoreError
from labctl.procedure import Procedure
from labctl.store import DATA_ROOT, Run, RunReader, find
from labctl.store.reopening import look


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
    unit.refuse_idle(parameters)
    meta = bench.metadata() | ({} if seed is None else {"seed": seed})
    return _execute(unit, bench, data_root=data, meta=meta, on_progress=on_progress)


def resume(
    run: str | Path | int | RunReader,
    bench: Bench,
    *,
    data: str | Path = DATA_ROOT,
    on_progress: OnProgress | None = None,
) -> Run:
    """Go on with a run that was broken off, on an open bench with the same chip, in this process.

    The units that are left are done, and their rows go into the same run; the seam between is
    kept in ``run.json`` (:attr:`labctl.store.Run.seams`).

    Parameters
    ----------
    run
        A run, its folder, or its number below ``data``.

    Returns
    -------
    Run
        A finished one.

    Raises
    ------
    StoreError
        Where it is finished, still going on, or was measured on another chip; nothing was done.
    LabctlError
        What ended the run. Its folder keeps everything measured before.
    """
    found = find(run, data)
    procedure = resumable(found, bench)
    return _execute(
        procedure, bench, data_root=found.path.parent.parent, meta={}, on_progress=on_progress,
        resume=found.path,
    )  # fmt: skip


def resumable(run: RunReader, bench: Bench) -> Procedure:
    """Return the procedure of a run that can be resumed on ``bench``, its parameters set.

    Raises
    ------
    StoreError
        Saying why, where it cannot.
    """
    look(run.path)
    chip, shape = run.meta.get("chip"), run.meta.get("shape")
    if chip != bench.file.chip.name or shape != list(bench.file.shape):
        raise StoreError(
            f"Run {run.path} was measured on chip {chip!r} ({shape}), and on this bench is "
            f"{bench.file.chip.name!r} ({list(bench.file.shape)}). Name the bench of that chip "
            "with --bench."
        )
    return plugins.procedure(run.meta["procedure"])(**run.meta["parameters"])


def _execute(procedure: Procedure, bench: Bench, **how: Any) -> Run:
    try:
        done = execute(
            procedure,
            array=bench.array,
            on_start=bench.run_began,
            on_exit=bench.off,
            **how,
        )
    finally:
        bench.run_began(None)
    try:
        return done.raise_unless_finished()
    except LabctlError as error:
        note = f"What was measured before is in {done.path}"
        # Resumed, it would have the same budget, and end the same way.
        ended = isinstance(error, BudgetSpent)
        error.add_note(f"{note}." if ended else f"{note}; `labctl resume {done.path}` goes on.")
        raise
