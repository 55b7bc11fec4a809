"""The source file of a class: what tells one state of a driver or a procedure from another."""

from __future__ import annotations

import hashlib
import inspect
from functools import cache
from pathlib import Path


def source_of(kind: type) -> dict[str, str] | None:
    """Return ``file``, ``sha256`` and ``text`` of where a class is written; None if nowhere.

    A file is read once, soon after its class was loaded: what is done is what was loaded. A class
    written in a notebook has its own text, and the notebook's name for its cell.
    """
    try:
        file = inspect.getsourcefile(kind) or ""
        text = _read(file) if Path(file).is_file() else inspect.getsource(kind)
    except (TypeError, OSError, UnicodeDecodeError):
        return None  # a class made while a program runs
    return {"file": file, "sha256": hashlib.sha256(text.encode()).hexdigest(), "text": text}


@cache
def _read(file: str) -> str:
    return Path(file).read_text(encoding="utf-8")
