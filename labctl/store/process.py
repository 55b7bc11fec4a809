"""Which process writes a run, and whether it is still there."""

from __future__ import annotations

import os
import socket
from typing import Any

import psutil

_SAME = 2.0  # s; a process is the same if it began at the same time, as far as clocks tell


def this_process() -> dict[str, Any]:
    """Return what tells this process from every other: host, number and start."""
    return {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": psutil.Process().create_time(),
    }


def is_alive(process: dict[str, Any]) -> bool | None:
    """Tell whether the process still runs; None where this computer cannot know."""
    try:
        if process["host"] != socket.gethostname():
            return None
        found = psutil.Process(int(process["pid"]))
        alive = found.is_running() and found.status() != psutil.STATUS_ZOMBIE
        return alive and abs(found.create_time() - float(process["started"])) < _SAME
    except psutil.NoSuchProcess:
        return False
    except (KeyError, TypeError, ValueError, psutil.Error):
        return None
