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
class WaitingRun:
    """A run that waits.

    Attributes
    ----------
    id
        Number the engine gave it.
    procedure
        Its name.
    text
        Its parameters, or of which run it is the rest.
    problem
        Why it could not be run as things are; empty where it could.
    """

    id: int
    procedure: str
    text: str
    problem: str


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
    data_root
        Folder of all runs.
    queue
        The runs that wait, the next one first.
    held
        Why none of them begins; empty where the next one may.
    unfinished
        The run that the end of an engine cut short; None where there is none to decide on.
    notices
        What people ought to know.
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
    data_root: Path | None = None
    queue: tuple[WaitingRun, ...] = ()
    held: str = ""
    unfinished: EndedRun | None = None
    notices: tuple[str, ...] = ()
    run: Path | None = None
    run_name: str | None = None
    done: int = 0
    total: int = 0
    eta: float | None = None
    bench_eta: float | None = None
    last: EndedRun | None = None

    @property
    def waiting(self) -> int:
        """How many runs wait."""
        return len(self.queue)

    @property
    def is_busy(self) -> bool:
        """Whether something is measured, or will be as soon as the run before is over."""
        measures = self.state in ("running", "paused", "aborting")
        return measures or (self.waiting > 0 and not self.held)

    @classmethod
    def of(cls, status: Mapping[str, Any]) -> EngineView:
        """Read the engine's answer to ``status`` (see :mod:`labctl.engine.messages`)."""
        current, last, cut = status["current"] or {}, status["last"], status["unfinished"]
        folder = _path(current.get("run"))
        rows, columns = status["shape"]
        return cls(
            bench=status["bench"],
            chip=status["chip"],
            shape=(int(rows), int(columns)),
            state=status["state"],
            latched=status["latched"] or "",
            data_root=Path(status["data_root"]),
            queue=tuple(_waiting(entry) for entry in status["queue"]),
            held=status["held"] or "",
            unfinished=None if cut is None else _ended(cut),
            notices=tuple(status["notices"]),
            run=folder,
            run_name=folder.name if folder else current.get("procedure"),
            done=current.get("done", 0),
            total=current.get("total", 0),
            eta=current.get("eta_s"),
            bench_eta=current.get("bench_eta_s"),
            last=None if last is None else _ended(last),
        )


def _waiting(entry: Mapping[str, Any]) -> WaitingRun:
    text = ", ".join(f"{name} {value}" for name, value in entry["parameters"].items())
    if entry["resumes"]:
        text = f"rest of {Path(entry['resumes']).name}"
    return WaitingRun(entry["id"], entry["procedure"], text, entry["problem"] or "")


def _ended(last: Mapping[str, Any]) -> EndedRun:
    folder = _path(last["run"])
    name = folder.name if folder else last["procedure"]
    return EndedRun(last["id"], name, folder, last["status"], last["error"] or "")


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
