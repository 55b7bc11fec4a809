"""What a run must keep to know by which program it was measured."""

from __future__ import annotations

import getpass
import logging
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import labctl
from labctl.procedure import Procedure
from labctl.sourcefile import source_of

_PACKAGES = (
    "numpy", "scipy", "pandas", "pyarrow", "pymeasure", "pyvisa", "pyvisa-py", "pyzmq", "numba",
    "lupa", "scikit-learn",
)  # fmt: skip
_PATIENCE = 10.0  # s; a version control that hangs must not hold up a measurement
_log = logging.getLogger(__name__)


def environment() -> dict[str, Any]:
    """Return versions of labctl, Python, the system and the packages that matter, and who ran it.

    ``git`` is the state of the checkout that labctl runs from; None where it runs from none.
    """
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "missing"
    return {
        "labctl": labctl.__version__,
        "git": git_state(Path(labctl.__file__).parent),
        "python": sys.version.split()[0],
        "implementation": platform.python_implementation(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "packages": versions,
        "user": _user(),
        "command": sys.argv,
    }


def git_state(folder: Path) -> dict[str, Any] | None:
    """Return ``commit`` and whether files in ``folder`` were ``changed`` since; None without git.

    Files that git does not know count as changed.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    return {"commit": commit, "changed": bool(_git(folder, "status", "--porcelain", "--", "."))}


def measured_by(procedure: Procedure) -> dict[str, Any]:
    """Return what a run must keep of its procedure: parameters with units, and its own code.

    Returns
    -------
    dict
        ``parameters``; ``parameter_units``, None where one has none; ``procedure_code`` with
        ``file``, ``sha256`` and ``text``, None where its source is nowhere (a notebook).
    """
    units = {row["name"]: row["units"] for row in procedure.declaration()}
    return {
        "parameters": procedure.values(),
        "parameter_units": units,
        "procedure_code": source_of(type(procedure)),
    }


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True, text=True, timeout=_PATIENCE, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        return None
    except (OSError, subprocess.SubprocessError) as error:
        _log.warning("The state of git in %s is not known: %s", folder, error)
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no name for this user on this system
        return ""
