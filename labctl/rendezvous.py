"""How clients find the engine of a bench, and how a second program is kept away.

Per bench file there is a lock that lives and dies with the process that has the bench open, and a
file (0600) with that process and, where it is an engine, its address and token. Both are in the
user's runtime folder (0700), or in the folder that the environment variable
``LABCTL_RUNTIME_DIR`` names.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import platformdirs

from labctl.errors import EngineError
from labctl.store.process import is_alive, this_process

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


ENGINE = "an engine"
PROGRAM = "a program that measures without an engine"


class StartingError(EngineError):
    """There is an engine, but it is still opening its bench."""


@dataclass(frozen=True, slots=True)
class Rendezvous:
    """Who has a bench open, and where an engine is to be found.

    Attributes
    ----------
    address
        ZeroMQ endpoint; empty while the engine is starting.
    token
        What a client must show.
    process
        Host, number and start of the engine's process.
    bench
        The bench file.
    role
        What has the bench open: an engine, or a program that measures without one.
    """

    address: str
    token: str
    process: dict[str, object]
    bench: str
    role: str = ENGINE

    @property
    def pid(self) -> int:
        """Process number of the engine."""
        return int(str(self.process["pid"]))


class Claim:
    """The right to a bench, from :func:`claim` until :meth:`release`."""

    def __init__(self, bench: Path, lock: IO[str], role: str) -> None:
        self._bench, self._lock, self._role = bench, lock, role

    def publish(self, address: str, token: str) -> None:
        """Tell clients of this user where the engine is; readable by nobody else."""
        content = Rendezvous(address, token, this_process(), str(self._bench), self._role)
        path = _file(self._bench, "json")
        fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(content), file)
        fresh.replace(path)

    def release(self) -> None:
        """Give the bench free."""
        if not self._lock.closed:
            _file(self._bench, "json").unlink(missing_ok=True)
            self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def claim(bench_path: str | Path, role: str = ENGINE) -> Claim:
    """Become the one program on a bench; the right ends with the process at the latest.

    Raises
    ------
    EngineError
        Naming the process that has the bench already.
    """
    bench = Path(bench_path).resolve()
    lock = _file(bench, "lock").open("a+", encoding="utf-8")
    try:
        lock_now(lock)
    except OSError:
        lock.close()
        first = _read(bench)
        raise EngineError(_in_use(bench, first)) from None
    holder = Claim(bench, lock, role)
    holder.publish("", "")
    return holder


def lock_now(lock: IO[str]) -> None:
    """Lock an open file until it is closed; raise OSError where another has locked it."""
    if sys.platform == "win32":
        lock.seek(0)
        msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def look_up(bench_path: str | Path) -> Rendezvous:
    """Return where the engine of a bench is.

    Raises
    ------
    EngineError
        Where there is none.
    StartingError
        Where it does not answer yet.
    """
    bench = Path(bench_path).resolve()
    found = _read(bench)
    if found is None or is_alive(dict(found.process)) is False:
        raise EngineError(
            f"No engine is running on bench {bench}. `labctl engine start` starts one, and so does "
            "`labctl gui`."
        )
    if found.role != ENGINE:
        raise EngineError(_in_use(bench, found))
    if not found.address:
        raise StartingError(f"The engine of bench {bench} (process {found.pid}) is still starting.")
    return found


def _in_use(bench: Path, first: Rendezvous | None) -> str:
    if first is None:
        return f"Bench {bench} is already in use by a process that is just starting; try again."
    cure = (
        "Use it (`labctl gui`, `labctl engine status`), or end it (`labctl engine shutdown`)."
        if first.role == ENGINE
        else "Wait until it is done, or end it; Ctrl-C there leaves outputs at zero."
    )
    return f"Bench {bench} is already in use by process {first.pid}, {first.role}. {cure}"


def log_file(bench_path: str | Path) -> Path:
    """Return where an engine started by a client writes what it has to say."""
    return _file(Path(bench_path).resolve(), "log")


def latch_file(bench_path: str | Path) -> Path:
    """Return the file that latches a bench after an emergency; see labctl.guard.latch."""
    return _file(Path(bench_path).resolve(), "latch")


def who_has(bench_path: str | Path) -> Rendezvous | None:
    """Return what has a bench open, as far as its process is alive; None where nobody has."""
    found = _read(Path(bench_path).resolve())
    return None if found is None or is_alive(dict(found.process)) is False else found


def _read(bench: Path) -> Rendezvous | None:
    try:
        found = Rendezvous(**json.loads(_file(bench, "json").read_text(encoding="utf-8")))
        return found if isinstance(found.process, dict) and found.pid else None
    except (OSError, ValueError, TypeError, KeyError):
        return None  # no file, or not one of ours


def _file(bench: Path, suffix: str) -> Path:
    key = hashlib.sha256(os.path.normcase(str(bench)).encode()).hexdigest()[:16]
    return runtime_folder() / f"{bench.stem}-{key}.{suffix}"


def runtime_folder() -> Path:
    """Return the folder for locks and addresses, this user's alone; made where it is absent."""
    named = os.environ.get("LABCTL_RUNTIME_DIR")
    if named:
        folder = Path(named)
    else:
        with warnings.catch_warnings():
            # platformdirs warns where it falls back to the folder for temporary files; ownership
            # and mode of that one are checked below.
            warnings.simplefilter("ignore")
            folder = Path(platformdirs.user_runtime_dir("labctl", appauthor=False))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform != "win32":
        stat = folder.stat()
        if stat.st_uid != os.getuid():
            raise EngineError(
                f"The runtime folder {folder} belongs to somebody else; set LABCTL_RUNTIME_DIR to "
                "a folder of your own."
            )
        if stat.st_mode & 0o077:
            folder.chmod(0o700)
    return folder
