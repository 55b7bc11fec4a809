"""The latch of a bench that was stopped in an emergency: a file that outlives every process."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from labctl.errors import LatchedError

ACKNOWLEDGE = "Look at the bench, then release it with `labctl bench acknowledge`."


def set_latch(path: Path, reason: str, **more: Any) -> dict[str, Any]:
    """Latch a bench; return the record that was written.

    Raises
    ------
    OSError
        Where the file cannot be written.
    """
    record = {
        "time": datetime.now().astimezone().isoformat(timespec="seconds"),
        "reason": reason,
        **more,
    }
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1)
        fresh.replace(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    return record


def read_latch(path: Path) -> dict[str, Any] | None:
    """Return the record of a latched bench; None where it is not latched."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        record = None
    # A file that cannot be read still says that somebody latched the bench.
    return record if isinstance(record, dict) else {"time": "", "reason": f"{path} is unreadable"}


def release_latch(path: Path) -> dict[str, Any] | None:
    """Release a bench; return the record it was latched with, or None."""
    record = read_latch(path)
    path.unlink(missing_ok=True)
    return record


def check_latch(path: Path, bench: str) -> None:
    """Raise LatchedError where a bench is latched, saying when and why."""
    record = read_latch(path)
    if record is not None:
        raise LatchedError(
            f"Bench {bench} is latched since {record.get('time') or 'an unknown time'}: "
            f"{record.get('reason')}. {ACKNOWLEDGE}"
        )
