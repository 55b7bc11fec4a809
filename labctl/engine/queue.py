"""The runs that wait on a bench: listed, edited, moved, held, and kept over restarts.

The states are drawn in ``docs/engine.md``.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from labctl.engine.messages import EndedRun, QueuedRun
from labctl.errors import EngineError, StoreError
from labctl.store.files import read_json, write_json

FOLDER = ".engine"
"""Folder below the data folder in which engines keep their queues."""
BY_USER = "It was held by a user."
RESTARTED = "The engine was started anew with runs waiting."

_log = logging.getLogger(__name__)
Place = int | Literal["up", "down", "first", "last"]
Check = Callable[[QueuedRun], QueuedRun]


class _Hold(BaseModel):
    """Why no further run begins; one that is not a user's ends with the last run waiting."""

    model_config = ConfigDict(frozen=True)
    reason: str
    by_user: bool = False


class _Begun(BaseModel):
    """The run that was taken off the queue, and its folder once there is one."""

    model_config = ConfigDict(frozen=True)
    entry: QueuedRun
    run: str | None = None


class _Content(BaseModel):
    """All that is kept of a queue."""

    model_config = ConfigDict(frozen=True)
    format: Literal[1] = 1
    bench: str
    count: int = 0
    hold: _Hold | None = None
    queue: tuple[QueuedRun, ...] = ()
    current: _Begun | None = None
    last: EndedRun | None = None
    unfinished: EndedRun | None = None


def queue_file(data_root: Path, bench: Path) -> Path:
    """Return where the engine of a bench file keeps its queue, below its data folder."""
    key = hashlib.sha256(str(bench).encode()).hexdigest()[:8]
    return data_root / FOLDER / f"{bench.stem}-{key}.json"


class Queue:
    """What waits, what is on, and what was last; every change is on the disk before it counts.

    All methods may be called from any thread.

    Parameters
    ----------
    file
        Where it is kept. What is there already is taken up.
    bench
        The bench file.

    Attributes
    ----------
    notices
        What people ought to know of it: a file that could not be read or written.
    """

    def __init__(self, file: Path, bench: Path) -> None:
        self._file = file
        self._lock = threading.RLock()
        self.notices: list[str] = []
        self._content = self._read(_Content(bench=str(bench)))

    @property
    def waiting(self) -> tuple[QueuedRun, ...]:
        """The runs that wait, the next one first."""
        return self._content.queue

    @property
    def held(self) -> str | None:
        """Why no further run begins; None where the next one may."""
        hold = self._content.hold
        return None if hold is None else hold.reason

    @property
    def taken(self) -> QueuedRun | None:
        """The run that was taken off the queue and has not ended."""
        current = self._content.current
        return None if current is None else current.entry

    @property
    def last(self) -> EndedRun | None:
        """The run that ended last."""
        return self._content.last

    @property
    def unfinished(self) -> EndedRun | None:
        """The run that the end of an engine has cut short, as long as nobody decided on it."""
        return self._content.unfinished

    def add(self, procedure: str, parameters: dict[str, Any], resumes: str | None = None) -> int:
        """Put a run behind all others and return its id.

        Raises
        ------
        EngineError
            Where the queue cannot be written (here and below); nothing was changed then.
        """
        with self._lock:
            old, number = self._content, self._content.count + 1
            entry = QueuedRun(
                id=number, procedure=procedure, parameters=parameters, resumes=resumes
            )
            unfinished = old.unfinished
            if unfinished is not None and resumes is not None and unfinished.run == resumes:
                unfinished = None
            self._change(count=number, queue=(*old.queue, entry), unfinished=unfinished)
            return number

    def edit(self, number: int, parameters: dict[str, Any], check: Check) -> QueuedRun:
        """Give a queued run other parameters.

        Parameters
        ----------
        parameters
            Those that change.
        check
            Returns the entry with its values as the procedure takes them, or raises.
        """
        with self._lock:
            place = self._place(number)
            old = self._content.queue[place]
            if old.resumes is not None:
                raise EngineError(
                    f"Job {number} is the rest of {old.resumes}: it goes on with the parameters it "
                    "began with. Remove it, and add a new run."
                )
            fresh = old.model_copy(update={"parameters": {**old.parameters, **parameters}})
            fresh = check(fresh).model_copy(update={"problem": None})
            queue = list(self._content.queue)
            queue[place] = fresh
            self._change(queue=tuple(queue))
            return fresh

    def move(self, number: int, to: Place) -> int:
        """Bring a queued run to place ``to`` (0: next), one up or down, or to an end; return it."""
        with self._lock:
            place, last = self._place(number), len(self._content.queue) - 1
            named = {"up": place - 1, "down": place + 1, "first": 0, "last": last}
            wanted = named[to] if isinstance(to, str) else to
            wanted = min(max(wanted, 0), last)
            queue = list(self._content.queue)
            queue.insert(wanted, queue.pop(place))
            self._change(queue=tuple(queue))
            return wanted

    def remove(self, number: int) -> None:
        """Take a run off the queue."""
        with self._lock:
            place, queue = self._place(number), list(self._content.queue)
            del queue[place]
            hold = self._content.hold
            if not queue and hold is not None and not hold.by_user:
                hold = None
            self._change(queue=tuple(queue), hold=hold)

    def hold(self, reason: str = BY_USER, *, by_user: bool = True) -> None:
        """Let no further run begin until :meth:`release`.

        Parameters
        ----------
        by_user
            False holds only what waits at the moment: where nothing does, nothing is held. It
            holds also where it cannot be kept.
        """
        with self._lock:
            if by_user:
                self._change(hold=_Hold(reason=reason, by_user=True))
            elif self._content.queue and self._content.hold is None:
                self._note(hold=_Hold(reason=reason))

    def release(self) -> None:
        """Let the next run begin."""
        with self._lock:
            if self._content.hold is None:
                raise EngineError("The queue is not held.")
            self._change(hold=None)

    def dismiss(self) -> None:
        """Offer the unfinished run no more."""
        with self._lock:
            if self._content.unfinished is None:
                raise EngineError("There is no unfinished run to dismiss.")
            self._change(unfinished=None)

    def take(self) -> QueuedRun | None:
        """Take the next run to be run; None where none waits or the queue is held."""
        with self._lock:
            queue = self._content.queue
            if self._content.hold is not None or not queue:
                return None
            self._note(queue=queue[1:], current=_Begun(entry=queue[0]))
            return queue[0]

    def began(self, folder: Path) -> None:
        """Note the folder of the run that was taken."""
        with self._lock:
            current = self._content.current
            if current is not None:
                self._note(current=current.model_copy(update={"run": str(folder)}))

    def over(self, ended: EndedRun, *, cut_short: bool) -> None:
        """Note how the run that was taken ended, and whether by the end of the engine."""
        with self._lock:
            unfinished = self._content.unfinished
            if cut_short and ended.run is not None:
                unfinished = ended
            self._note(current=None, last=ended, unfinished=unfinished)

    def restore(self, check: Check, look: Callable[[str], tuple[str, str | None]]) -> None:
        """Take up what an engine before has left: what waited waits, held until it is released.

        Parameters
        ----------
        check
            As for :meth:`edit`. An entry that it refuses stays, with the reason.
        look
            Returns status and error of a run folder.
        """
        with self._lock:
            old = self._content
            queue, unfinished, last = list(old.queue), old.unfinished, old.last
            if old.current is not None:
                entry, run = old.current.entry, old.current.run
                if run is None:  # not begun yet
                    queue.insert(0, entry)
                else:
                    status, error = look(run)
                    last = EndedRun(
                        id=entry.id, procedure=entry.procedure, run=run, status=status, error=error
                    )
                    unfinished = unfinished if status == "finished" else last
            queue = [_rechecked(entry, check) for entry in queue]
            hold = old.hold
            if queue and hold is None:
                hold = _Hold(reason=RESTARTED)
            changed = {
                "queue": tuple(queue), "current": None, "last": last, "unfinished": unfinished,
                "hold": hold,
            }  # fmt: skip
            if any(getattr(old, name) != value for name, value in changed.items()):
                self._note(**changed)

    def show_last(self, ended: EndedRun) -> None:
        """Name a run that no engine has noted as the last one."""
        with self._lock:
            self._content = self._content.model_copy(update={"last": ended})

    def _place(self, number: int) -> int:
        for place, entry in enumerate(self._content.queue):
            if entry.id == number:
                return place
        waiting = ", ".join(str(entry.id) for entry in self._content.queue) or "none"
        raise EngineError(
            f"Job {number} is not in the queue (any more); waiting: {waiting}. "
            "`labctl engine queue list` shows them."
        )

    def _change(self, **changes: Any) -> None:
        """Make a change that a client asked for: on the disk, or not at all."""
        fresh = self._content.model_copy(update=changes)
        try:
            self._write(fresh)
        except OSError as error:
            raise EngineError(
                f"The queue was not changed, for it cannot be kept in {self._file}: {error}. Free "
                "some space, or make the folder writable."
            ) from error
        self._content = fresh

    def _note(self, **changes: Any) -> None:
        """Note what has happened, also where it cannot be kept."""
        self._content = self._content.model_copy(update=changes)
        try:
            self._write(self._content)
            self.notices[:] = [text for text in self.notices if not text.startswith(_UNKEPT)]
        except OSError as error:
            text = f"{_UNKEPT} {self._file}: {error}. It would not survive the end of this engine."
            _log.warning("%s", text)
            self.notices[:] = [text]

    def _write(self, content: _Content) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_json(self._file, content.model_dump(mode="json"))

    def _read(self, empty: _Content) -> _Content:
        if not self._file.exists():
            return empty
        try:
            return _Content.model_validate(read_json(self._file))
        except (StoreError, ValidationError) as error:
            aside = self._file.with_suffix(".unreadable")
            self._file.replace(aside)
            self.notices.append(
                f"The queue of the engine before cannot be read; it was put aside as {aside}. "
                f"{error}"
            )
            return empty


_UNKEPT = "The queue cannot be kept in"


def _rechecked(entry: QueuedRun, check: Check) -> QueuedRun:
    try:
        return check(entry).model_copy(update={"problem": None})
    except Exception as error:  # noqa: BLE001 - whatever a procedure file does meanwhile
        return entry.model_copy(update={"problem": str(error) or type(error).__name__})
