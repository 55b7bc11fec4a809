"""Which process writes a run, and whether it is still there."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import psutil

_SAME = 2.0  # s; a process is the same if it began at the same time, as far as clocks tell


def this_process() -> dict[str, Any]:
    """Return what tells this process from every other: host, number and start."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": psutil.Process().create_time(),
        **_since_boot(os.getpid()),
    }


def is_alive(process: dict[str, Any]) -> bool | None:
    """Tell whether the process still runs; None where this computer cannot know."""
    try:
        if process["host"] != socket.gethostname():
            return None
        found = psutil.Process(int(process["pid"]))
        alive = found.is_running() and found.status() != psutil.STATUS_ZOMBIE
        if alive and "boot" in process and (known := _since_boot(found.pid)):
            return known == {"boot": process["boot"], "ticks": process["ticks"]}
        return alive and abs(found.create_time() - float(process["started"])) < _SAME
    except psutil.NoSuchProcess:
        return False
    except (KeyError, TypeError, ValueError, psutil.Error):
        return None


def _since_boot(pid: int) -> dict[str, Any]:
    """Return the start of a process as Linux counts it; nothing on other systems.

    Linux tells the time of day at which a process began by way of the clock as it is now, so that
    a clock which is put right would make it another process. Clock ticks since a start of the
    computer that has a name of its own are the same for ever.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        # Behind the name in brackets, which may hold anything; field 22 of proc(5).
        return {"boot": boot, "ticks": int(stat.rpartition(")")[2].split()[19])}
    except (OSError, ValueError, IndexError):
        return {}
