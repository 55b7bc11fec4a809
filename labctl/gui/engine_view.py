"""What the window knows of the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that is over.

    Attributes
    ----------
    id
        Number the engine gave it.
    name
        Name of its folder, or of its procedure where it has none.
    folder
        None where not even the folder could be made.
    status, error
        How it ended, and why; ``error`` is empty where there was none.
    """

    id: int
    name: str
    folder: Path | None
    status: str
    error: str


@dataclass(frozen=True, slots=True)
class EngineView:
    """What the engine said of itself.

    Attributes
    ----------
    bench, chip, shape
        Names, and (rows, columns).
    state
        ``idle``, ``running``, ``paused``, ``aborting`` or ``closing``.
    latched
        Why the bench is latched; empty where it is not.
    waiting
        Runs in the queue.
    run, run_name
        Folder and name of the present run; None where there is none (yet).
    done, total
        Units of the present run.
    eta, bench_eta
        s left of it, by the wall clock and by the clock of the bench; None where unknown.
    last
        The run that ended last.
    """

    bench: str
    chip: str
    shape: tuple[int, int]
    state: str = "idle"
    latched: str = ""
    waiting: int = 0
    run: Path | None = None
    run_name: str | None = None
    done: int = 0
    total: int = 0
    eta: float | None = None
    bench_eta: float | None = None
    last: EndedRun | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something is measured, or will be as soon as the run before is over."""
        return self.state in ("running", "paused", "aborting") or self.waiting > 0

    @classmethod
    def of(cls, status: Mapping[str, Any]) -> EngineView:
        """Read the engine's answer to ``status`` (see :mod:`labctl.engine.messages`)."""
        current, last = status["current"] or {}, status["last"]
        folder = _path(current.get("run"))
        rows, columns = status["shape"]
        return cls(
            bench=status["bench"],
            chip=status["chip"],
            shape=(int(rows), int(columns)),
            state=status["state"],
            latched=status["latched"] or "",
            waiting=len(status["queue"]),
            run=folder,
            run_name=folder.name if folder else current.get("procedure"),
            done=current.get("done", 0),
            total=current.get("total", 0),
            eta=current.get("eta_s"),
            bench_eta=current.get("bench_eta_s"),
            last=None if last is None else _ended(last),
        )


def _ended(last: Mapping[str, Any]) -> EndedRun:
    folder = _path(last["run"])
    name = folder.name if folder else last["procedure"]
    return EndedRun(last["id"], name, folder, last["status"], last["error"] or "")


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
