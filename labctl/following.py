"""Runs asked of an engine that has the bench, followed until they end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from labctl import rendezvous
from labctl.console import console, print_end, progress_bar
from labctl.engine.client import EngineClient
from labctl.engine.progress import Progress
from labctl.errors import AbortedError, EngineError, LabctlError
from labctl.store import Run


def engine_of(bench_file: Path) -> EngineClient | None:
    """Return a client of the engine that has a bench; None where no engine has it."""
    holder = rendezvous.who_has(bench_file)
    if holder is None or holder.role != rendezvous.ENGINE:
        return None
    return EngineClient.connect(bench_file)


def ask_for(
    client: EngineClient, what: str, submit: Callable[[], int], data: Path, detach: bool
) -> None:
    """Queue a run in an engine, show how it goes on, and print what it found.

    The first Ctrl-C takes it off the queue, or aborts it within one cell; the second one leaves.

    Parameters
    ----------
    what
        Name of the procedure.
    submit
        Queues it and returns its number.
    data
        Where the user expects the run.
    detach
        True leaves as soon as it is queued.

    Raises
    ------
    LabctlError
        What ended the run, or kept it from the queue.
    """
    number = submit()
    try:
        _tell(number, client.status(), data, "" if detach else " Ctrl-C ends this run.")
        if detach:
            return
        ended = _follow(client, what, number)
    except KeyboardInterrupt:
        client.withdraw(number)
        ended = _last_look(client, number)
    if ended["run"] is None:
        raise LabctlError(ended["error"] or f"Job {number} is {ended['status']}.")
    run = Run(ended["run"])
    if ended["status"] == "finished":
        print_end(run)
        return
    error = AbortedError if ended["status"] == "aborted" else LabctlError
    problem = error(ended["error"] or f"Job {number} is {ended['status']}.")
    problem.add_note(
        f"What was measured before is in {run.path}; `labctl resume {run.path}` goes on."
    )
    raise problem


def _tell(number: int, status: Mapping[str, Any], data: Path, more: str) -> None:
    """Say where the run was put."""
    waiting = [entry["id"] for entry in status["queue"]]
    before = waiting.index(number) if number in waiting else 0
    before += status["current"] is not None and status["current"]["id"] != number
    behind = f", behind {before} other{'s' if before > 1 else ''}" if before else ""
    _say(f"Queued in the engine of {status['bench']} (process {status['pid']}) as job "
         f"{number}{behind}.{more}")  # fmt: skip
    if Path(status["data_root"]) != data.resolve():
        _say(f"This engine keeps its runs in {status['data_root']}.")
    if status["held"]:
        _say(f"The queue is held: {status['held']} `labctl engine queue release` lets it go on.")


def _follow(client: EngineClient, what: str, number: int) -> dict[str, Any]:
    with progress_bar(what) as move:

        def look(status: dict[str, Any]) -> None:
            current = status["current"]
            if current is not None and current["id"] == number and current["total"]:
                move(
                    Progress(
                        current["done"], current["total"], 0.0, current["pace"],
                        current["eta_s"], 0.0, current["bench_eta_s"],
                    )
                )  # fmt: skip

        ended = client.wait(number, on_status=look)
        if ended["run"] and (progress := Run(ended["run"]).meta.get("progress")):
            move(Progress(**progress))
        return ended


def _last_look(client: EngineClient, number: int) -> dict[str, Any]:
    try:
        return client.wait(number)
    except KeyboardInterrupt:
        raise AbortedError(
            f"Job {number} was told to end; the engine sees to that. `labctl engine status` shows "
            "it."
        ) from None
    except EngineError as error:
        if "not in the queue" not in str(error):
            raise
        raise AbortedError(f"Job {number} was taken off the queue before it began.") from None


def _say(text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)
