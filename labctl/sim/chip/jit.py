"""How the kernels of the chip are compiled: lazily, and kept on disk.

Where the processor has AVX-512, vectors of all 512 bits are asked for: LLVM's own choice there is
half of it, out of care for programs that use them now and then, and bulk kernels then take half as
long again. ``NUMBA_CPU_FEATURES`` in the environment overrides this.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import llvmlite.binding
from numba import config, njit


def _digest() -> str:
    folder = Path(__file__).parent
    text = "".join(f"{p.name}{p.stat().st_mtime_ns}" for p in sorted(folder.glob("*.py")))
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


_STAMP = _digest()


def _prefer_wide_vectors() -> None:
    """Ask for 512-bit vectors; has an effect as long as nothing has been compiled yet."""
    features, settings = llvmlite.binding.get_host_cpu_features(), cast(Any, config)
    if features.get("avx512f") and not settings.CPU_FEATURES:
        settings.CPU_NAME = settings.CPU_NAME or llvmlite.binding.get_host_cpu_name()
        settings.CPU_FEATURES = f"{features.flatten()},-prefer-256-bit"


_prefer_wide_vectors()

_UNCOUNTED: dict[str, Any] = {"_nrt": False}
"""Numba's own option for code that counts no references to arrays, and so can make none."""


def kernel(function: Callable[..., Any]) -> Any:
    """Compile ``function`` at its first call and keep the machine code beside the source.

    Numba keeps machine code per source file; a kernel holds the code and the constants of those it
    calls in other files, so its stamp here covers the whole folder.
    """
    return _stamped(njit(function, cache=True))


def bare(function: Callable[..., Any]) -> Any:
    """Compile as :func:`kernel` does, for what makes no array: references are not counted.

    Counting the references of the arrays of a chip takes a fifth of the time of an I-V loop.
    """
    return _stamped(njit(function, cache=True, **_UNCOUNTED))


def inlined(function: Callable[..., Any]) -> Any:
    """Compile as :func:`kernel` does, and put the code into whoever calls it.

    For short functions of plain loops that must vectorise: a call left in the loop forbids it, and
    so does the test for a divisor of zero, which gives infinity here instead of an exception.
    """
    options: dict[str, Any] = {"forceinline": True, "error_model": "numpy", **_UNCOUNTED}
    return _stamped(njit(function, cache=True, **options))


def loose(function: Callable[..., Any], *, into_caller: bool = False) -> Any:
    """Compile as :func:`kernel` does, with sums and products in whatever order is fastest.

    For single precision, where speed is the purpose and the last bit means nothing.
    """
    options: dict[str, Any] = {"fastmath": True, "error_model": "numpy", "forceinline": into_caller}
    return _stamped(njit(function, cache=True, **options))


def _stamped(dispatcher: Any) -> Any:
    dispatcher._cache._cache_file._source_stamp = _STAMP
    return dispatcher
