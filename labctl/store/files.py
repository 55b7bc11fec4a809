"""Small files that are always whole, and folders that carry a number of their own."""

from __future__ import annotations

import json
import os
import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from labctl.errors import StoreError

_NUMBERED = re.compile(r"^(\d{4,})-")
_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}(?!\d)")  # people write words behind a date
_ATTEMPTS = 50
_PATIENCE = 0.02  # s; Windows refuses to replace or read a file that another has open just now


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace ``path`` by ``content`` such that a reader sees the old or the new, never a part.

    Raises
    ------
    OSError
        Where the folder cannot be written; the old file is still there.
    """
    text = json.dumps(content, indent=1, default=_jsonable, allow_nan=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        for attempt in range(_ATTEMPTS):
            try:
                fresh.replace(path)
                return
            except PermissionError:
                if attempt == _ATTEMPTS - 1:
                    raise
                threading.Event().wait(_PATIENCE)
    except OSError:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in ``path``.

    Raises
    ------
    StoreError
        Where the file is missing, unreadable or no JSON object.
    """
    for attempt in range(_ATTEMPTS):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            break
        except PermissionError as error:
            if attempt == _ATTEMPTS - 1:
                raise StoreError(f"Cannot read {path}: {error}.") from error
            threading.Event().wait(_PATIENCE)
        except (OSError, ValueError) as error:
            raise StoreError(
                f"Cannot read {path}: {error}. Is {path.parent} the folder of a run?"
            ) from error
    if not isinstance(content, dict):
        raise StoreError(f"{path} does not describe a run; restore it from a copy.")
    return content


def run_folders(data_root: Path) -> list[tuple[int, Path]]:
    """Return number and folder of every run below ``data_root``, by number."""
    return sorted(run for day in day_folders(data_root) for run in runs_of_day(day))


def day_folders(data_root: Path) -> list[Path]:
    """Return the folders of single days below ``data_root``."""
    if not data_root.is_dir():
        return []
    with os.scandir(data_root) as items:
        return [data_root / i.name for i in items if _DAY.match(i.name) and i.is_dir()]


def runs_of_day(day: Path) -> list[tuple[int, Path]]:
    """Return number and folder of every run of one day."""
    with os.scandir(day) as items:
        return [(int(m[1]), day / i.name) for i in items if (m := _NUMBERED.match(i.name))]


def new_run_folder(data_root: Path, day: str, procedure: str) -> tuple[int, Path]:
    """Make ``data_root/day/NNNN-procedure`` with a number that no other run has.

    Several processes may do so at once: a number is claimed by creating a file exclusively, and
    looked for again once claimed. A claim left behind by a crash only skips a number.

    Raises
    ------
    OSError
        Where the folder cannot be made.
    """
    data_root.mkdir(parents=True, exist_ok=True)
    number = _last_number(data_root)
    while True:
        number += 1
        claim = data_root / f".claim-{number:04d}"
        try:
            os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            continue
        try:
            last = _last_number(data_root)
            if last >= number:
                number = last
                continue
            folder = data_root / day / f"{number:04d}-{procedure}"
            folder.mkdir(parents=True)
            return number, folder
        finally:
            claim.unlink(missing_ok=True)


def _last_number(data_root: Path) -> int:
    return max((number for number, _ in run_folders(data_root)), default=0)


def _jsonable(value: Any) -> Any:
    """Turn NumPy scalars and arrays into what JSON has; anything else is written as text."""
    for method in ("tolist", "item"):
        if hasattr(value, method):
            return getattr(value, method)()
    return str(value)
