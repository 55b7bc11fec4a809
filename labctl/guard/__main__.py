"""``python -m labctl.guard``: the guard process. It takes its orders from its standard input.

Each line is a JSON object: first ``plan``, ``latch`` and ``parent``; then ``run`` (a folder, or
null) as often as that changes; at last ``farewell`` or ``act``. The end of the input without a
farewell, or the end of the parent process, is the death of the program that owns the bench.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

# pyvisa takes numpy where it finds it, and a guard that takes 0.1 s longer to start has no use
# for it.
sys.modules.setdefault("numpy", None)  # type: ignore[arg-type]

from labctl.guard.latch import set_latch  # noqa: E402
from labctl.guard.zero import hold, insist, make_safe, sessions_of  # noqa: E402

_IGNORED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK", "SIGPIPE")
_CHUNK = 1 << 16


class Orders:
    """What the parent says, and its death."""

    def __init__(self) -> None:
        self._waiting = b""
        self._parent = -1
        self._gone = False

    def watch(self, parent: int) -> None:
        """Notice the end of the parent itself too: a child it forked may hold the pipe open."""
        if not hasattr(os, "pidfd_open"):
            return
        try:
            self._parent = os.pidfd_open(parent)
        except ProcessLookupError:
            self._gone = True
        except OSError:  # an old kernel: the end of the pipe is all there is
            self._parent = -1
        else:
            # The number may have been given to another process in the meantime.
            self._gone = os.getppid() != parent

    def next(self) -> dict[str, Any] | None:
        """Wait for the next order; None is the death of the parent."""
        while b"\n" not in self._waiting:
            if self._parent >= 0 and not self._gone:
                ready, _, _ = select.select([0, self._parent], [], [])
                self._gone = self._parent in ready
            if self._gone and not self._pending():
                return None
            data = os.read(0, _CHUNK)
            if not data:
                return None
            self._waiting += data
        line, _, self._waiting = self._waiting.partition(b"\n")
        order: dict[str, Any] = json.loads(line)
        return order

    @staticmethod
    def _pending() -> bool:
        """Tell whether the parent said something before it died."""
        return bool(select.select([0], [], [], 0)[0])


def main() -> int:
    """Watch over a bench until its owner says farewell or dies; return the exit status."""
    for name in _IGNORED:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    orders = Orders()
    first = orders.next()
    if first is None:
        return 0
    plan, latch = first["plan"], Path(first["latch"])
    orders.watch(int(first["parent"]))
    sessions = sessions_of(plan)
    unguarded = hold(sessions)
    with suppress(OSError):  # the parent may be dead by now: that is seen below
        print(json.dumps({"unguarded": unguarded}), flush=True)
    run: str | None = None
    died: str | None = None
    while True:
        order = orders.next()
        if order is None:
            died = f"process {first['parent']} ended without leaving the bench (killed, or crashed)"
            break
        if order.get("farewell"):
            for session in sessions.values():
                session.close()
            return 0
        if "act" in order:
            break
        run = order.get("run", run)
    outcomes, seconds = make_safe(plan, sessions)
    if died is not None:
        outcomes, seconds = insist(plan, sessions, outcomes, seconds, unguarded)
    safe = all(outcome.safe for outcome in outcomes)
    reason = died if order is None else str(order["act"])
    text = (
        f"{reason}; the guard brought the outputs to zero in {seconds:.2f} s"
        if safe
        else f"{reason}; the guard could NOT make everything safe: "
        + "; ".join(f"{o.name}: {', '.join(o.faults)}" for o in outcomes if o.faults)
    )
    with suppress(OSError):  # a full disk: the outputs are at zero all the same
        set_latch(
            latch,
            text,
            bench=plan["bench"],
            by="guard",
            run=run,
            seconds=seconds,
            safe=safe,
            instruments=[outcome.as_json() for outcome in outcomes],
        )
    if died is not None and run is not None:
        mark_run(Path(run), text)
    return 0 if safe else 1


def mark_run(folder: Path, reason: str) -> None:
    """Write into ``run.json`` that a run was cut short, and why; its process is dead."""
    path = folder / "run.json"
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
        if meta.get("status") not in ("running", "paused"):
            return  # it came to its end before its process did
        meta |= {
            "status": "interrupted",
            "error": f"Interrupted: {reason}.",
            "ended": datetime.now().astimezone().isoformat(),
            "heartbeat": time.time(),
        }
        fresh.write_text(json.dumps(meta, indent=1), encoding="utf-8")
        fresh.replace(path)
    except (OSError, ValueError):
        with suppress(OSError):
            fresh.unlink(missing_ok=True)


if __name__ == "__main__":
    status = main()
    # Not sys.exit: a thread may still wait for an instrument that never answers.
    os._exit(status)
