"""labctl: form, program, read and learn on memristor chips.

The names below are loaded at first use, so that ``import labctl`` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Bench": "labctl.bench",
    "Pulse": "labctl.array",
    "LabctlError": "labctl.errors",
    "load": "labctl.store",
    "runs": "labctl.store",
    "run": "labctl.engine.local",
    "plot": "labctl.analysis.plot",
    "parse_cells": "labctl.cells",
}
__all__ = [
    "Bench", "LabctlError", "Pulse", "__version__", "load", "parse_cells", "plot", "run", "runs",
]  # fmt: skip

if TYPE_CHECKING:
    from labctl.array import Pulse
    from labctl.analysis.plot import plot_run as plot
    from labctl.bench import Bench
    from labctl.cells import parse_cells
    from labctl.engine.local import run
    from labctl.errors import LabctlError
    from labctl.store import load, runs


def __getattr__(name: str) -> Any:
    if name == "plot":
        return importlib.import_module(_HOME[name]).plot_run
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'labctl' has no attribute {name!r}")
