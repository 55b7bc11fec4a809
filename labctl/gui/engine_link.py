"""The wire between the window and the engine, in threads of its own.

The window must stay smooth while the engine is slow to answer, and STOP must not wait for a
request that hangs. So there are two threads with a connection each: one asks for the status and
carries requests, the other does nothing but stop.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from PyQt6.QtCore import QObject, pyqtSignal

from labctl.engine.client import EngineClient
from labctl.errors import EngineError, LabctlError
from labctl.gui.engine_view import EngineView

STATUS_INTERVAL = 0.1
"""s between two questions for the status."""
_STATUS_TIMEOUT = 1.0  # s
_PATIENCE = 6  # questions without an answer; an emergency stop may silence the engine for 4 s


class EngineLink(QObject):
    """Requests to the engine, and what it answers, as signals.

    Every method returns at once. What fails is told by :attr:`failed`, in the words of the
    engine.

    Parameters
    ----------
    bench_path
        The bench file that names the engine.
    data_root
        Where an engine started by this window stores runs.

    Signals
    -------
    status(EngineView)
        About ten times a second.
    procedures(list)
        Names and parameter declarations, once per connection.
    said(str), failed(str)
        For the log.
    lost(str)
        There is no engine to talk to, and why; nothing is asked until :meth:`reconnect`.
    """

    status = pyqtSignal(object)
    procedures = pyqtSignal(object)
    said = pyqtSignal(str)
    failed = pyqtSignal(str)
    lost = pyqtSignal(str)

    def __init__(self, bench_path: Path, data_root: Path) -> None:
        super().__init__()
        self._bench_path = bench_path
        self._data_root = data_root
        self._requests: queue.Queue[Callable[[], None]] = queue.Queue()
        self._stops: queue.SimpleQueue[bool] = queue.SimpleQueue()  # False ends the thread
        self._closing = threading.Event()
        self._client: EngineClient | None = None
        self._watch: EngineClient | None = None
        self._process: psutil.Process | None = None
        self._owns_engine = False
        self._misses = 0
        self._asking = threading.Thread(target=self._ask, name="labctl-gui-link", daemon=True)
        self._stopping = threading.Thread(
            target=self._watch_stop, name="labctl-gui-stop", daemon=True
        )

    @property
    def is_lost(self) -> bool:
        """Whether there is no engine on the line."""
        return self._client is None

    def open(self) -> None:
        """Attach to the engine of the bench, or start one, and begin to ask for its status."""
        self._requests.put(self._attach)
        self._asking.start()
        self._stopping.start()

    def reconnect(self) -> None:
        """Attach again after :attr:`lost`, starting an engine where none is left."""
        self._requests.put(self._attach)

    def submit(self, procedure: str, parameters: dict[str, Any]) -> None:
        """Queue a run."""
        self._request(f"start {procedure}", lambda client: client.submit(procedure, parameters))

    def pause(self) -> None:
        """Pause the run after its present step."""
        self._request("pause the run", lambda client: client.pause())

    def resume(self) -> None:
        """Go on with a paused run."""
        self._request("resume the run", lambda client: client.resume())

    def abort(self) -> None:
        """End the run; what was measured is kept."""
        self._request("abort the run", lambda client: client.abort())

    def move(self, number: int, to: str) -> None:
        """Move a run in the queue, ``up`` or ``down``."""
        self._request(f"move job {number} {to}", lambda client: client.move(number, to))

    def remove(self, number: int) -> None:
        """Take a run off the queue."""
        self._request(f"remove job {number}", lambda client: client.remove(number))

    def hold(self) -> None:
        """Let no further run begin."""
        self._request("hold the queue", lambda client: client.hold())

    def release(self) -> None:
        """Let the queue go on."""
        self._request("release the queue", lambda client: client.release())

    def resume_run(self, run: str) -> None:
        """Queue the rest of a run that was cut short."""
        self._request(f"resume {Path(run).name}", lambda client: client.resume_run(run))

    def dismiss(self) -> None:
        """Offer the run that was cut short no more."""
        self._request("leave the run as it is", lambda client: client.dismiss())

    def acknowledge(self) -> None:
        """Release the latch after an emergency stop."""
        self._request("acknowledge the stop", lambda client: client.acknowledge())

    def stop(self) -> None:
        """Stop the bench at once, past every request that is still waiting."""
        self._stops.put(True)

    def close(self, end_engine: bool) -> None:
        """End the threads; end the engine too where this window started it and it may go.

        Parameters
        ----------
        end_engine
            Whether an engine started here is to end. One that was found running never is.
        """
        if end_engine and self._owns_engine:
            self._requests.put(self._shut_down)
        self._requests.put(self._closing.set)
        self._stops.put(False)
        for thread in (self._asking, self._stopping):
            if thread.is_alive():
                thread.join(timeout=5.0)

    def _request(self, what: str, call: Callable[[EngineClient], Any]) -> None:
        def carry_out() -> None:
            if self._client is None:
                self.failed.emit(f"Cannot {what}: there is no engine. Start it again first.")
                return
            try:
                call(self._client)
            except LabctlError as error:
                self.failed.emit(f"Cannot {what}: {error}")
                return
            self.said.emit(f"{what[0].upper()}{what[1:]}.")
            self._poll()

        self._requests.put(carry_out)

    def _ask(self) -> None:
        while not self._closing.is_set():
            try:
                request = self._requests.get(timeout=STATUS_INTERVAL)
            except queue.Empty:
                self._poll()
            else:
                request()
        self._drop()

    def _attach(self) -> None:
        self._drop()
        try:
            try:
                self._client = EngineClient.connect(self._bench_path)
                self._owns_engine = False
                how = "Attached to the engine that runs"
            except EngineError:
                self.said.emit(f"Starting the engine on {self._bench_path.name} …")
                self._client = EngineClient.start(self._bench_path, self._data_root)
                self._owns_engine = True
                how = "Engine started"
            self._watch = EngineClient.connect(self._bench_path, timeout=_STATUS_TIMEOUT)
            self._process = psutil.Process(self._client.pid)
            procedures, broken = self._client.procedures(), self._client.broken()
        except (LabctlError, psutil.Error) as error:
            self._drop()
            self.lost.emit(str(error))
            return
        self._misses = 0
        self.said.emit(f"{how} on {self._bench_path.name} (process {self._process.pid}).")
        for name, reason in broken.items():
            self.failed.emit(f"The procedure file {name} cannot be used: {reason}")
        self.procedures.emit(procedures)
        self._poll()

    def _shut_down(self) -> None:
        if self._client is not None:
            with suppress(LabctlError):  # nobody is left to be told; the engine's log says it
                self._client.shutdown()
        self._drop()

    def _poll(self) -> None:
        if self._watch is None:
            return
        try:
            view = EngineView.of(self._watch.status())
        except LabctlError:
            self._misses += 1
            if not self._engine_runs():
                self._lose("The engine has ended unexpectedly.")
            elif self._misses >= _PATIENCE:
                self._lose("The engine does not answer.")
            return
        self._misses = 0
        self.status.emit(view)

    def _engine_runs(self) -> bool:
        try:
            return (
                self._process is not None
                and self._process.is_running()
                and self._process.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return False

    def _lose(self, what: str) -> None:
        self._drop()
        self.lost.emit(
            f"{what} What was measured is in the run file. Look at the instruments: where an "
            "output is still on, switch it off at the front panel. Then start the engine again."
        )

    def _drop(self) -> None:
        for client in (self._client, self._watch):
            if client is not None:
                client.close()
        self._client = self._watch = None

    def _watch_stop(self) -> None:
        while self._stops.get():
            try:
                with EngineClient.connect(self._bench_path) as client:
                    client.stop()
            except LabctlError as error:
                self.failed.emit(
                    f"STOP did not go through: {error} Switch the outputs off at the front panels."
                )
            else:
                self.said.emit("The bench is stopped: outputs at zero, relays open.")
