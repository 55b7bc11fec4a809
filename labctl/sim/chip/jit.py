"""How the kernels of the chip are compiled: lazily, and kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit


def _digest() -> str:
    folder = Path(__file__).parent
    text = "".join(f"{p.name}{p.stat().st_mtime_ns}" for p in sorted(folder.glob("*.py")))
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


_STAMP = _digest()


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` at its first call and keep the machine code beside the source.

    Numba keeps machine code per source file; a kernel holds the code and the constants of those it
    calls in other files, so its stamp here covers the whole folder.
    """
    dispatcher: Any = njit(function, cache=True)
    dispatcher._cache._cache_file._source_stamp = _STAMP
    return dispatcher
