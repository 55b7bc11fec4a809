"""labctl: form, program, read and learn on memristor chips.

The names below are loaded at first use, so that ``import labctl`` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Bench": ("labctl.bench", "Bench"),
    "Campaign": ("labctl.campaign", "Campaign"),
    "LabctlError": ("labctl.errors", "LabctlError"),
    "Pulse": ("labctl.array", "Pulse"),
    "export": ("labctl.store.exchange", "export"),
    "import_run": ("labctl.store.exchange", "import_run"),
    "load": ("labctl.store", "load"),
    "parse_cells": ("labctl.cells", "parse_cells"),
    "resume": ("labctl.engine.local", "resume"),
    "resume_campaign": ("labctl.campaign", "resume_campaign"),
    "run": ("labctl.engine.local", "run"),
    "run_campaign": ("labctl.campaign", "run_campaign"),
    "runs": ("labctl.store", "runs"),
}
__all__ = [
    "Bench", "Campaign", "LabctlError", "Pulse", "__version__", "export", "import_run", "load",
    "parse_cells", "resume", "resume_campaign", "run", "run_campaign", "runs",
]  # fmt: skip

if TYPE_CHECKING:
    from labctl.array import Pulse
    from labctl.bench import Bench
    from labctl.campaign import Campaign, resume_campaign, run_campaign
    from labctl.cells import parse_cells
    from labctl.engine.local import resume, run
    from labctl.errors import LabctlError
    from labctl.store import load, runs
    from labctl.store.exchange import export, import_run


def __getattr__(name: str) -> Any:
    if name in _HOME:
        module, attribute = _HOME[name]
        return getattr(importlib.import_module(module), attribute)
    raise AttributeError(f"module 'labctl' has no attribute {name!r}")
