"""The engine: owns a bench, runs one procedure after the other, obeys its clients."""

from __future__ import annotations

import os
import threading
import traceback
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labctl import plugins
from labctl.bench import Bench
from labctl.engine.control import Control, State
from labctl.engine.leftover import latest_run, left_behind
from labctl.engine.local import resumable
from labctl.engine.messages import (
    CurrentRun,
    Edit,
    EndedRun,
    EngineStatus,
    Found,
    Move,
    One,
    QueuedRun,
    Request,
    ResumeRun,
    Submit,
)
from labctl.engine.progress import Progress
from labctl.engine.queue import Queue, queue_file
from labctl.engine.runner import execute
from labctl.errors import EngineError, InstrumentError, LabctlError, LatchedError
from labctl.procedure import Procedure
from labctl.store import RunReader, Status, find

_WAKE = 0.2  # s; a signal handler may only set a flag, which is looked at this often
_STOP_PATIENCE = 0.25  # s an emergency stop leaves to the measuring thread before it acts itself
_STOP_LIMIT = 8.0  # s it then waits for the measuring thread, where that has begun to stop
_REMEMBERED = 10_000  # ends of runs that clients may still ask for
_ENDING = "The engine was told to end."
_STOPPED = "The bench was stopped in an emergency with runs waiting."


@dataclass
class _Job:
    """A run that was taken off the queue."""

    entry: QueuedRun
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
        self._queue = Queue(queue_file(self._data_root, bench.file.path), bench.file.path)
        self._queue.restore(self._checked, left_behind)
        if self._queue.last is None and (run := latest_run(self._data_root, bench.file)):
            self._queue.show_last(run)
        self._current: _Job | None = None
        self._ended: OrderedDict[int, EndedRun] = OrderedDict()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._stopping = False  # no run may begin
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
        """Let :meth:`serve` return after the present run; takes no lock (for signal handlers).

        What waits is kept for the next engine.
        """
        self._closing = True

    def handle(self, request: Request) -> dict[str, Any]:
        """Answer one request.

        Raises
        ------
        LabctlError
            Where it is refused.
        """
        match request:
            case Submit() | ResumeRun():
                return self._submit(request)
            case Edit():
                entry = self._queue.edit(
                    request.id, request.parameters, lambda fresh: self._edited(fresh, request)
                )
                return entry.model_dump(mode="json")
            case Move():
                return {"place": self._queue.move(request.id, request.to)}
            case One(command="remove"):
                self._queue.remove(request.id)
                return {"id": request.id}
            case One(command="withdraw"):
                return self._withdraw(request.id)
            case One():
                return self._find(request.id).model_dump(mode="json")
        action = {
            "status": self._status,
            "procedures": self._procedures,
            "pause": lambda: self._rein("pause"),
            "resume": lambda: self._rein("resume"),
            "abort": lambda: self._rein("abort"),
            "hold": self._hold,
            "release": self._release,
            "dismiss": self._dismiss,
            "stop": self._stop,
            "acknowledge": self._acknowledge,
            "shutdown": self._shutdown,
        }[request.command]
        return action()

    def _submit(self, request: Submit | ResumeRun) -> dict[str, Any]:
        if self._closing:
            raise EngineError("The engine is ending; start a new one.")
        self._refuse_latched()
        if isinstance(request, ResumeRun):
            number = self._queue_rest(find(request.run, self._data_root))
        else:
            entry = QueuedRun(id=0, procedure=request.procedure, parameters=request.parameters)
            self._procedure(entry).refuse_idle(request.parameters)
            number = self._queue.add(request.procedure, self._checked(entry).parameters)
        self._wake.set()
        waiting = [entry.id for entry in self._queue.waiting]
        place = waiting.index(number) if number in waiting else 0
        return {"id": number, "place": place, "held": self._queue.held}

    def _refuse_latched(self) -> None:
        if self._bench.latched is not None:
            raise LatchedError(
                f"The bench is latched ({self._bench.latched}). Look at it, then acknowledge."
            )

    def _queue_rest(self, run: RunReader) -> int:
        folder = str(run.path.resolve())
        if any(entry.resumes == folder for entry in self._queue.waiting):
            raise EngineError(f"The rest of run {folder} is in the queue already.")
        procedure = resumable(run, self._bench)
        return self._queue.add(procedure.name, procedure.values(), folder)

    def _checked(self, entry: QueuedRun) -> QueuedRun:
        """Return an entry with its parameters as the procedure takes them, or raise."""
        values = self._procedure(entry).values()
        return entry.model_copy(update={"parameters": values})

    def _edited(self, entry: QueuedRun, request: Edit) -> QueuedRun:
        self._procedure(entry).refuse_idle(request.parameters)
        return self._checked(entry)

    def _procedure(self, entry: QueuedRun) -> Procedure:
        if entry.resumes is not None:
            return resumable(RunReader(entry.resumes), self._bench)
        procedure: Procedure = plugins.procedure(entry.procedure)()
        procedure.configure(entry.parameters)
        procedure.check(self._bench.array.shape)
        return procedure

    def _find(self, number: int) -> Found:
        # In the order in which a run comes by these places, so that none is overlooked.
        if any(entry.id == number for entry in self._queue.waiting):
            return Found(place="queued")
        taken = self._queue.taken
        if taken is not None and taken.id == number:
            return Found(place="current")
        ended = self._ended.get(number)
        return Found(place="gone" if ended is None else "ended", ended=ended)

    def _withdraw(self, number: int) -> dict[str, Any]:
        if any(entry.id == number for entry in self._queue.waiting):
            with suppress(EngineError):  # it is taken just now: it is aborted below then
                self._queue.remove(number)
        current = self._current
        if current is not None and current.entry.id == number:
            with suppress(EngineError):  # it has just ended by itself
                current.control.abort()
        return {"id": number}

    def _hold(self) -> dict[str, Any]:
        self._queue.hold()
        return {"held": self._queue.held}

    def _release(self) -> dict[str, Any]:
        self._refuse_latched()
        self._queue.release()
        self._wake.set()
        return {"held": None}

    def _dismiss(self) -> dict[str, Any]:
        self._queue.dismiss()
        return {}

    def _status(self) -> dict[str, Any]:
        file = self._bench.file
        with self._lock:
            current, last = self._current, self._queue.last
            waiting, held = self._queue.waiting, self._queue.held
            unfinished, notices = self._queue.unfinished, list(self._queue.notices)
        if current is not None and last is not None and last.id == current.entry.id:
            current = None  # it has just ended
        status = EngineStatus(
            state=self._state(current),
            bench=file.bench.name,
            bench_file=str(file.path),
            chip=file.chip.name,
            shape=file.shape,
            data_root=str(self._data_root),
            pid=os.getpid(),
            latched=self._bench.latched,
            queue=list(waiting),
            held=held,
            current=None if current is None else _describe(current),
            last=last,
            last_run=None if last is None else last.run,
            unfinished=unfinished,
            notices=notices,
        )
        return status.model_dump(mode="json")

    def _state(self, current: _Job | None) -> str:
        if current is None and self._queue.taken is not None:
            return State.RUNNING  # it is about to begin
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
        return {"id": current.entry.id, "state": current.control.state}

    def _stop(self) -> dict[str, Any]:
        try:
            return self._stop_now()
        finally:
            # Only now, for a disk that hangs must not keep a stop waiting.
            self._queue.hold(_STOPPED, by_user=False)
            self._stopping = False

    def _stop_now(self) -> dict[str, Any]:
        with self._lock:
            self._stopping = True
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
                current.control.abort(_ENDING)
        self._wake.set()
        return {"pid": os.getpid()}

    def _next(self) -> _Job | None:
        if self._stopping or (entry := self._queue.take()) is None:
            return None
        job = _Job(entry)
        with self._lock:
            self._current, stopping = job, self._stopping
        if stopping or self._closing:  # who asked for it has not seen this run
            job.control.abort("Emergency stop." if stopping else _ENDING)
        return job

    def _to_zero(self) -> None:
        """Bring the outputs to zero after a run, and latch where a stop was asked for."""
        if not self._stop_if_asked():
            self._bench.off()
        elif self._stop_fault is not None:
            raise self._stop_fault

    def _began(self, job: _Job, folder: Path) -> None:
        job.folder = folder
        self._queue.began(folder)
        self._bench.run_began(folder)

    def _run(self, job: _Job) -> None:
        entry = job.entry
        status, error = Status.FAILED, None
        try:
            run = execute(
                self._procedure(entry),
                array=self._bench.array,
                data_root=self._data_root,
                meta={} if entry.resumes else self._bench.metadata(),
                control=job.control,
                on_progress=lambda progress: setattr(job, "progress", progress),
                on_start=lambda folder: self._began(job, folder),
                on_exit=self._to_zero,
                resume=entry.resumes,
            )
            status, error = run.status, run.error
            if status is Status.FAILED and isinstance(run.exception, InstrumentError):
                # Whatever comes next would most likely fail as well, or do harm.
                self._queue.hold(f"{job.folder} failed on the bench: {error}", by_user=False)
        except LabctlError as problem:
            error = str(problem)
        except Exception as problem:  # noqa: BLE001 - the engine outlives whatever a run does
            traceback.print_exc()
            error = f"{type(problem).__name__}: {problem}"
        self._bench.run_began(None)
        if job.control.by_signal:
            self.end()
        ended = EndedRun(
            id=entry.id,
            procedure=entry.procedure,
            run=None if job.folder is None else str(job.folder),
            status=status.value,
            error=error,
        )
        with self._lock:
            self._ended[entry.id] = ended
            while len(self._ended) > _REMEMBERED:
                self._ended.popitem(last=False)
        self._queue.over(ended, cut_short=self._closing and status is not Status.FINISHED)
        with self._lock:
            self._current = None


def _describe(job: _Job) -> CurrentRun:
    look = job.progress
    return CurrentRun(
        id=job.entry.id,
        procedure=job.entry.procedure,
        parameters=job.entry.parameters,
        run=None if job.folder is None else str(job.folder),
        waiting=job.control.waiting,
        done=0 if look is None else look.done,
        total=0 if look is None else look.total,
        pace=None if look is None else look.pace,
        eta_s=None if look is None else look.eta_s,
        bench_eta_s=None if look is None else look.bench_eta_s,
    )
