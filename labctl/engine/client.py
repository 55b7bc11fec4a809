"""Talking to the engine of a bench: from the window, the command line, a script."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import zmq

from labctl import errors
from labctl.engine.messages import Reply
from labctl.errors import EngineError
from labctl.rendezvous import Rendezvous, StartingError, log_file, look_up
from labctl.store import DATA_ROOT
from labctl.store.process import is_alive

TIMEOUT = 10.0
"""s to wait for an answer; an emergency stop may use most of it."""
START_TIMEOUT = 120.0
"""s an engine may take to open its bench."""
_WAKE = 0.05  # s between looks while waiting for a process
_LOOK = 500  # ms between looks at whether the engine is still there


class EngineClient:
    """A line to a running engine. Use :meth:`connect` or :meth:`start`; close it in the end.

    The engine goes on when its clients go. Every method raises the engine's own error (a
    :class:`labctl.errors.LabctlError`) where it refuses, and EngineError where it does not
    answer. One client may be used by several threads; they take turns.
    """

    def __init__(self, found: Rendezvous, timeout: float = TIMEOUT) -> None:
        self._found, self._timeout = found, timeout
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None
        self._lock = threading.Lock()

    @classmethod
    def connect(cls, bench_path: str | Path, timeout: float = TIMEOUT) -> Self:
        """Return a client of the engine that runs on a bench.

        Parameters
        ----------
        bench_path
            The bench file.
        timeout
            s to wait for each answer.

        Raises
        ------
        EngineError
            Where there is no engine, or it does not answer.
        """
        client = cls(look_up(bench_path), timeout)
        try:
            client.status()
        except EngineError:
            client.close()
            raise
        return client

    @classmethod
    def start(
        cls,
        bench_path: str | Path,
        data_root: str | Path = DATA_ROOT,
        timeout: float = START_TIMEOUT,
    ) -> Self:
        """Return a client of the engine on a bench, starting the engine where there is none.

        The engine is a process of its own: it does not end with this one.

        Parameters
        ----------
        bench_path
            The bench file.
        data_root
            Where a new engine stores runs; an engine that runs already keeps its own.
        timeout
            s a new engine may take until it answers.

        Raises
        ------
        EngineError
            In the engine's own words where it cannot start.
        """
        log = log_file(bench_path)
        process: subprocess.Popen[bytes] | None = None
        deadline = time.monotonic() + timeout
        pause = threading.Event()
        while True:
            over = process is not None and process.poll() is not None
            try:
                return cls.connect(bench_path)
            except StartingError:
                pass  # this engine or another one that was quicker: wait for it
            except EngineError as error:
                if over:
                    said = _last_words(log) or str(error)
                    raise EngineError(f"The engine could not start. {said}") from None
                if process is None:
                    process = _spawn(Path(bench_path).resolve(), Path(data_root).resolve(), log)
            if time.monotonic() > deadline:
                if process is not None:
                    process.terminate()
                raise EngineError(
                    f"The engine did not answer within {timeout:g} s; its log is {log}."
                )
            pause.wait(_WAKE)

    @property
    def pid(self) -> int:
        """Process number of the engine."""
        return self._found.pid

    def status(self) -> dict[str, Any]:
        """Return what the engine is doing; see :class:`labctl.engine.messages.EngineStatus`."""
        return self._ask("status")

    def procedures(self) -> list[dict[str, Any]]:
        """Return each procedure's ``name``, ``text`` and ``parameters`` (declarations)."""
        found: list[dict[str, Any]] = self._ask("procedures")["procedures"]
        return found

    def broken(self) -> dict[str, str]:
        """Return the procedure plug-ins that cannot be used, each with the reason."""
        found: dict[str, str] = self._ask("procedures")["broken"]
        return found

    def submit(self, procedure: str, parameters: Mapping[str, Any] | None = None) -> int:
        """Queue a run and return its id.

        Raises
        ------
        ProcedureError
            For an unknown procedure or parameter, or a value that is not possible.
        LatchedError
            Where the bench was stopped and nobody has acknowledged it.
        """
        reply = self._ask("submit", procedure=procedure, parameters=dict(parameters or {}))
        return int(reply["id"])

    def resume_run(self, run: str | Path | int) -> int:
        """Queue the rest of a run that was broken off (folder or number) and return its id.

        Raises
        ------
        StoreError
            Where it cannot be resumed on this bench.
        """
        named = str(run)
        folder = Path(named)
        if not named.isdecimal() or folder.is_dir():
            named = str(folder.resolve())  # the engine works in a folder of its own
        return int(self._ask("resume_run", run=named)["id"])

    def queue(self) -> list[dict[str, Any]]:
        """Return the runs that wait, the next one first; see ``QueuedRun``."""
        found: list[dict[str, Any]] = self.status()["queue"]
        return found

    def edit(self, run_id: int, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Give parameters of a queued run other values; those not named stay."""
        return self._ask("edit", id=run_id, parameters=dict(parameters))

    def move(self, run_id: int, to: int | str) -> int:
        """Bring a queued run to place ``to`` (0: next; or up, down, first, last); return it."""
        return int(self._ask("move", id=run_id, to=to)["place"])

    def remove(self, run_id: int) -> None:
        """Take a run off the queue."""
        self._ask("remove", id=run_id)

    def hold(self) -> None:
        """Let no further run begin until :meth:`release`; the present one goes on."""
        self._ask("hold")

    def release(self) -> None:
        """Let the queue go on."""
        self._ask("release")

    def dismiss(self) -> None:
        """Offer the unfinished run no more; it can be resumed all the same."""
        self._ask("dismiss")

    def wait(
        self,
        run_id: int,
        on_status: Callable[[dict[str, Any]], None] | None = None,
        interval: float = 0.1,
    ) -> dict[str, Any]:
        """Wait until the run ``run_id`` is over.

        Parameters
        ----------
        run_id
            As :meth:`submit` gave it.
        on_status
            Called with every status on the way.
        interval
            s between two questions.

        Returns
        -------
        dict
            ``id``, ``procedure``, ``run`` (folder), ``status``, ``error``.

        Raises
        ------
        EngineError
            Where the run was taken off the queue, or the engine does not answer any more.
        """
        pause = threading.Event()
        while True:
            found = self._ask("find", id=run_id)
            if on_status is not None:
                on_status(self.status())
            if found["place"] == "ended":
                ended: dict[str, Any] = found["ended"]
                return ended
            if found["place"] == "gone":
                raise EngineError(f"Job {run_id} is not in the queue of the engine any more.")
            pause.wait(interval)

    def pause(self) -> dict[str, Any]:
        """Begin no further unit of the present run until :meth:`resume`; return its id, state."""
        return self._ask("pause")

    def resume(self) -> dict[str, Any]:
        """Go on with a paused run; return its id and state."""
        return self._ask("resume")

    def abort(self) -> dict[str, Any]:
        """End the present run within one cell; return its id and state. The data is kept."""
        return self._ask("abort")

    def withdraw(self, run_id: int) -> None:
        """Take a run off the queue, or abort it where it is on; let it be where it is over."""
        self._ask("withdraw", id=run_id)

    def stop(self) -> None:
        """Stop in an emergency: outputs to zero, relays open, latched; the queue is emptied.

        Raises
        ------
        EngineError
            Naming each output that could not be brought to zero.
        """
        self._ask("stop")

    def acknowledge(self) -> None:
        """Release the latch after somebody has looked at the bench."""
        self._ask("acknowledge")

    def shutdown(self, timeout: float = 60.0) -> None:
        """End the engine, aborting its run, and wait (s) until its process is gone.

        Raises
        ------
        EngineError
            Where the process is still there after ``timeout``.
        """
        pid = int(self._ask("shutdown")["pid"])
        try:
            psutil.Process(pid).wait(timeout)
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            raise EngineError(
                f"The engine (process {pid}) has not ended within {timeout:g} s; outputs may not "
                "be at zero yet. Look at the instruments."
            ) from None

    def close(self) -> None:
        """Close the line; the engine goes on."""
        with self._lock:
            self._drop()
            self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(self, command: str, **content: Any) -> dict[str, Any]:
        message = {"command": command, "token": self._found.token, **content}
        with self._lock:
            socket = self._open()
            try:
                socket.send(json.dumps(message).encode())
                if not self._answers(socket):
                    raise EngineError(
                        f"The engine of {self._found.bench} (process {self.pid}) does not answer "
                        f"{command!r}. It may have ended; see `labctl engine status`."
                    )
                reply = Reply.model_validate_json(socket.recv())
            except BaseException:
                self._drop()  # a socket with a question open takes no other
                raise
        if reply.fault is not None:
            kind = getattr(errors, reply.fault.type, EngineError)
            raise kind(reply.fault.message)
        return reply.result or {}

    def _answers(self, socket: zmq.Socket[bytes]) -> bool:
        """Wait for an answer; raise EngineError where none can come any more."""
        left = round(self._timeout * 1000)
        while left > 0:
            if socket.poll(min(left, _LOOK)):
                return True
            left -= _LOOK
            if left > 0 and is_alive(dict(self._found.process)) is False:
                raise EngineError(
                    f"The engine of {self._found.bench} (process {self.pid}) has ended. What was "
                    "measured is kept; `labctl engine start` starts it again and shows how far it "
                    "had come."
                )
        return False

    def _open(self) -> zmq.Socket[bytes]:
        if self._socket is None:
            self._socket = self._context.socket(zmq.REQ)
            self._socket.setsockopt(zmq.LINGER, 0)
            self._socket.connect(self._found.address)
        return self._socket

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _spawn(bench: Path, data_root: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start an engine that no Ctrl-C in this terminal reaches."""
    command = [sys.executable, "-m", "labctl.engine", str(bench), "--data", str(data_root)]
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        detached = {"creationflags": flags}
    log.touch(mode=0o600)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **detached
        )
    # It may outlive this process; if not, somebody has to take note of its end.
    threading.Thread(target=process.wait, name="labctl-engine-child", daemon=True).start()
    return process


def _last_words(log: Path, lines: int = 20) -> str:
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.strip().splitlines()[-lines:])
