"""The engine: owns a bench, runs one procedure after the other, obeys its clients."""

from __future__ import annotations

import os
import threading
import traceback
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labctl import plugins
from labctl.bench import Bench
from labctl.engine.control import Control, State
from labctl.engine.messages import (
    CurrentRun,
    EndedRun,
    EngineStatus,
    Plain,
    QueuedRun,
    Submit,
)
from labctl.engine.progress import Progress
from labctl.engine.runner import execute
from labctl.errors import EngineError, LabctlError, LatchedError
from labctl.procedure import Procedure
from labctl.store import Status

_WAKE = 0.2  # s; a signal handler may only set a flag, which is looked at this often
_STOP_PATIENCE = 0.25  # s an emergency stop leaves to the measuring thread before it acts itself
_STOP_LIMIT = 8.0  # s it then waits for the measuring thread, where that has begun to stop


@dataclass
class _Job:
    """A run that was asked for."""

    id: int
    procedure: Procedure
    control: Control = field(default_factory=Control)
    folder: Path | None = None
    progress: Progress | None = None


class Engine:
    """Runs procedures on a bench in the thread that calls :meth:`serve`, the main thread.

    :meth:`handle` is called from the thread of the wire. It only looks and asks; whatever speaks
    to an instrument happens in the main thread. The one exception is an emergency stop that the
    main thread does not obey in time.

    Parameters
    ----------
    bench
        Open.
    data_root
        Folder of all runs.
    """

    def __init__(self, bench: Bench, data_root: str | Path) -> None:
        self._bench = bench
        self._data_root = Path(data_root).resolve()
        self._jobs: deque[_Job] = deque()
        self._current: _Job | None = None
        self._last: EndedRun | None = None
        self._count = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._stop_reason: str | None = None
        self._stopped = threading.Event()
        self._stop_fault: Exception | None = None

    def serve(self) -> None:
        """Run what is submitted until told to end by a client or :meth:`end`."""
        while not self._closing:
            self._wake.wait(_WAKE)
            self._wake.clear()
            self._stop_if_asked()
            while not self._closing and (job := self._next()) is not None:
                self._run(job)
                self._stop_if_asked()

    def end(self) -> None:
        """Let :meth:`serve` return after the present run; takes no lock (for signal handlers)."""
        self._closing = True
        self._jobs.clear()

    def handle(self, request: Submit | Plain) -> dict[str, Any]:
        """Answer one request.

        Raises
        ------
        LabctlError
            Where it is refused.
        """
        if isinstance(request, Submit):
            return self._submit(request)
        action = {
            "status": self._status,
            "procedures": self._procedures,
            "pause": lambda: self._rein("pause"),
            "resume": lambda: self._rein("resume"),
            "abort": lambda: self._rein("abort"),
            "stop": self._stop,
            "acknowledge": self._acknowledge,
            "shutdown": self._shutdown,
        }[request.command]
        return action()

    def _submit(self, request: Submit) -> dict[str, Any]:
        if self._closing:
            raise EngineError("The engine is ending; start a new one.")
        if self._bench.latched is not None:
            raise LatchedError(
                f"The bench is latched ({self._bench.latched}). Look at it, then acknowledge."
            )
        procedure: Procedure = plugins.procedure(request.procedure)()
        procedure.configure(request.parameters)
        procedure.check(self._bench.array.shape)
        with self._lock:
            self._count += 1
            job = _Job(self._count, procedure)
            self._jobs.append(job)
        self._wake.set()
        return {"id": job.id}

    def _status(self) -> dict[str, Any]:
        file = self._bench.file
        with self._lock:
            current, last, waiting = self._current, self._last, list(self._jobs)
        status = EngineStatus(
            state=self._state(current),
            bench=file.bench.name,
            bench_file=str(file.path),
            chip=file.chip.name,
            shape=file.shape,
            data_root=str(self._data_root),
            pid=os.getpid(),
            latched=self._bench.latched,
            queue=[
                QueuedRun(
                    id=job.id, procedure=job.procedure.name, parameters=job.procedure.values()
                )
                for job in waiting
            ],
            current=None if current is None else _describe(current),
            last=last,
            last_run=None if last is None else last.run,
        )
        return status.model_dump(mode="json")

    def _state(self, current: _Job | None) -> str:
        if current is None:
            return "closing" if self._closing else "idle"
        state = current.control.state
        # Between being taken from the queue and the first unit, and between the last unit and
        # the final status, a run counts as running.
        return State.RUNNING if state in (State.QUEUED, State.ENDED) else state

    def _procedures(self) -> dict[str, Any]:
        listed = [
            {"name": name, "text": kind.about(), "parameters": kind.declaration()}
            for name, kind in plugins.procedures().items()
        ]
        return {"procedures": listed, "broken": plugins.broken()}

    def _rein(self, verb: str) -> dict[str, Any]:
        current = self._current
        if current is None:
            raise EngineError(f"There is no run to {verb}.")
        getattr(current.control, verb)()
        return {"id": current.id, "state": current.control.state}

    def _stop(self) -> dict[str, Any]:
        with self._lock:
            self._jobs.clear()
            self._stopped.clear()
            self._stop_fault = None
            self._stop_reason = "emergency stop"
            current = self._current
        if current is not None:
            with suppress(EngineError):  # it has just ended: the main thread stops the bench then
                current.control.abort("Emergency stop.")
        self._wake.set()
        if not self._stopped.wait(_STOP_PATIENCE):
            # The measuring thread is in a long query, or hangs. A stop uses sessions of its own,
            # and so brings the outputs to zero from here.
            self._stop_if_asked()
            self._stopped.wait(_STOP_LIMIT)
        if self._stop_fault is not None:
            raise EngineError(str(self._stop_fault)) from self._stop_fault
        return {"latched": self._bench.latched}

    def _stop_if_asked(self) -> bool:
        """Stop the bench where a client asked for it and nobody has done it yet."""
        with self._lock:
            reason, self._stop_reason = self._stop_reason, None
        if reason is None:
            return False
        try:
            self._bench.stop(reason)
        except Exception as error:  # noqa: BLE001 - told to the client that waits for the stop
            self._stop_fault = error
        self._stopped.set()
        return True

    def _acknowledge(self) -> dict[str, Any]:
        self._bench.acknowledge()
        return {"latched": self._bench.latched}

    def _shutdown(self) -> dict[str, Any]:
        self.end()
        current = self._current
        if current is not None:
            with suppress(EngineError):  # it has just ended by itself
                current.control.abort("The engine was told to end.")
        self._wake.set()
        return {"pid": os.getpid()}

    def _next(self) -> _Job | None:
        with self._lock:
            self._current = self._jobs.popleft() if self._jobs else None
            return self._current

    def _to_zero(self) -> None:
        """Bring the outputs to zero after a run, and latch where a stop was asked for."""
        if not self._stop_if_asked():
            self._bench.off()
        elif self._stop_fault is not None:
            raise self._stop_fault

    def _began(self, job: _Job, folder: Path) -> None:
        job.folder = folder
        self._bench.run_began(folder)

    def _run(self, job: _Job) -> None:
        status, error = Status.FAILED, None
        try:
            run = execute(
                job.procedure,
                array=self._bench.array,
                data_root=self._data_root,
                meta=self._bench.metadata(),
                control=job.control,
                on_progress=lambda progress: setattr(job, "progress", progress),
                on_start=lambda folder: self._began(job, folder),
                on_exit=self._to_zero,
            )
            status, error = run.status, run.error
        except LabctlError as problem:
            error = str(problem)
        except Exception as problem:  # noqa: BLE001 - the engine outlives whatever a run does
            traceback.print_exc()
            error = f"{type(problem).__name__}: {problem}"
        self._bench.run_began(None)
        if job.control.by_signal:
            self.end()
        ended = EndedRun(
            id=job.id,
            procedure=job.procedure.name,
            run=None if job.folder is None else str(job.folder),
            status=status.value,
            error=error,
        )
        with self._lock:
            self._last, self._current = ended, None


def _describe(job: _Job) -> CurrentRun:
    look = job.progress
    return CurrentRun(
        id=job.id,
        procedure=job.procedure.name,
        run=None if job.folder is None else str(job.folder),
        done=0 if look is None else look.done,
        total=0 if look is None else look.total,
        pace=None if look is None else look.pace,
        eta_s=None if look is None else look.eta_s,
        bench_eta_s=None if look is None else look.bench_eta_s,
    )
