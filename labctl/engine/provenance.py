"""What a run must keep to know by which program it was measured."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from typing import Any

import labctl

_PACKAGES = ("numpy", "pandas", "pyarrow", "pymeasure", "pyvisa", "pyvisa-py", "numba", "lupa")


def environment() -> dict[str, Any]:
    """Return versions of labctl, Python, the system and the packages that matter."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "missing"
    return {
        "labctl": labctl.__version__,
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "packages": versions,
    }
