"""The guard: a process of its own that makes the bench safe when the one that owns it dies.

It holds connections of its own to every instrument and watches a pipe. Whoever opens a bench
calls :func:`watch`; a farewell ends the guard, and the end of the pipe without one makes it act.
The order it keeps is in ``docs/safety.md``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import warnings
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from labctl.errors import InstrumentError

if TYPE_CHECKING:
    from labctl.guard.zero import Plan

START = 60.0
"""s a guard may take to connect to all instruments."""
_END = 20.0  # s it may take to end


class GuardWarning(UserWarning):
    """What the guard cannot watch over."""


class Guard:
    """The end of the pipe that the guard process watches, as its bench sees it.

    Made by :func:`watch`. Losing this object without :meth:`close` counts as the death of the
    program.

    Attributes
    ----------
    unguarded
        Why an instrument cannot be watched over, by its name in the bench file.
    """

    def __init__(self, plan: Plan, latch: Path) -> None:
        self._plan, self._latch = plan, latch
        self._kept = _plan_file(latch)
        self._run: str | None = None
        self._lock = threading.Lock()
        self._closed = False
        self.unguarded: dict[str, str] = {}
        with suppress(OSError):  # `labctl bench off` then goes by the bench file
            self._kept.write_text(json.dumps(plan), encoding="utf-8")
        self._start()

    @property
    def pid(self) -> int:
        """Process number of the guard."""
        return self._process.pid

    def run_began(self, folder: Path | None) -> None:
        """Tell which run would be cut short by a death of this process; None: none any more."""
        self._run = None if folder is None else str(Path(folder).resolve())
        self._tell(run=self._run)

    def check(self) -> None:
        """Start another guard where this one has died; called before every batch of cells.

        Raises
        ------
        InstrumentError
            Where none can be started.
        """
        if self._closed or self._process.poll() is None:
            return
        with self._lock:
            self._drop()
            self._start()
        if self._run is not None:
            self._tell(run=self._run)

    def act(self, reason: str) -> None:
        """Have the guard make the bench safe now and latch it, and wait until it has."""
        self._end(act=reason)

    def close(self) -> None:
        """Say farewell: the outputs are at zero, and the guard is not needed any more."""
        self._end(farewell=True)

    def _start(self) -> None:
        began: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
            began = {"creationflags": flags}
        # Not the terminal or pipe of this program: whoever reads that waits for our end, not for
        # the guard's.
        with self._latch.with_suffix(".guard.log").open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "labctl.guard"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                text=True,
                encoding="utf-8",
                **began,
            )
        self._tell(plan=self._plan, latch=str(self._latch), parent=os.getpid())
        answer = self._first_line()
        if answer is None:
            self._drop()
            raise InstrumentError(
                "The guard process, which brings the outputs to zero should this program die, "
                f"could not be started within {START:g} s. Look for {sys.executable} and memory."
            )
        self.unguarded = dict(answer["unguarded"])
        for name, why in self.unguarded.items():
            warnings.warn(
                f"Instrument {name!r} takes no second connection ({why}). Should this program be "
                "killed, the guard will try again, but may not reach it: its output could stay on.",
                GuardWarning,
                stacklevel=3,
            )

    def _first_line(self) -> dict[str, Any] | None:
        """Return what the guard says when it is connected; None where it says nothing."""
        said: SimpleQueue[str] = SimpleQueue()
        stdout = self._process.stdout
        assert stdout is not None
        reader = threading.Thread(
            target=lambda: said.put(stdout.readline()), name="labctl-guard-start", daemon=True
        )
        reader.start()
        try:
            line = said.get(timeout=START)
            found: dict[str, Any] = json.loads(line)
        except (Empty, ValueError):
            return None
        reader.join()
        return found

    def _tell(self, **message: Any) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        # A guard that has died is found, and replaced, by check().
        with suppress(OSError, ValueError):
            stdin.write(json.dumps(message) + "\n")
            stdin.flush()

    def _end(self, **message: Any) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._tell(**message)
            self._drop()
            with suppress(OSError):
                self._kept.unlink(missing_ok=True)

    def _drop(self) -> None:
        """Close the pipe and wait for the end of the process."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def watch(plan: Plan, latch: str | Path) -> Guard:
    """Start a guard over the instruments of a plan, and wait until it is connected.

    Parameters
    ----------
    plan
        What makes the bench safe; see :data:`labctl.guard.zero.Plan`.
    latch
        File that latches the bench once the guard has acted.

    Returns
    -------
    Guard
        To be closed once the outputs are at zero.

    Raises
    ------
    InstrumentError
        Where the process cannot be started.
    """
    return Guard(plan, Path(latch))


def read_plan(latch: Path) -> Plan | None:
    """Return the plan of a bench as it was opened; None where it is not known.

    Parameters
    ----------
    latch
        The file that would latch the bench.
    """
    try:
        plan = json.loads(_plan_file(latch).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return plan if isinstance(plan, dict) and "stages" in plan else None


def _plan_file(latch: Path) -> Path:
    return latch.with_suffix(".plan.json")
