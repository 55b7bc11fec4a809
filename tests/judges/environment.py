"""Throw-away virtual environments that hold a client, and what the project has installed."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FETCH_SECONDS = 300


class NotFetchedError(Exception):
    """The package index did not give a package; the text is pip's own last line."""


def make(folder: Path, packages: Sequence[str], bare: Sequence[str] = ()) -> Path:
    """Make an environment and return its interpreter.

    Its own packages come first; behind them stand those of the running interpreter, so that the
    simulator need not be installed twice.

    Parameters
    ----------
    packages
        Requirements to install with what they depend on.
    bare
        Requirements to install without.

    Raises
    ------
    NotFetchedError
        Where the package index cannot be reached or does not have one of them.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    scheme = {"base": str(folder), "platbase": str(folder)}
    own = Path(sysconfig.get_path("purelib", "venv", vars=scheme))
    (own / "zz_behind.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    python = Path(sysconfig.get_path("scripts", "venv", vars=scheme)) / "python"
    for requirements, options in ((packages, ()), (bare, ("--no-deps",))):
        if requirements:
            _pip("--python", str(python), "install", *options, *requirements)
    return python


def download(folder: Path, requirement: str, name: str) -> Path:
    """Fetch the source distribution of a package and return its file.

    Raises
    ------
    NotFetchedError
        As :func:`make` does.
    """
    _pip("download", "--no-deps", "--no-binary", name, "--dest", str(folder), requirement)
    return next(folder.glob("*.tar.gz"))


def environment(**more: str) -> dict[str, str]:
    """Return the variables of a child process that imports this tree."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, **more}


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise NotFetchedError(f"no answer within {FETCH_SECONDS} s") from error
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise NotFetchedError((said or done.stderr.splitlines() or ["pip failed"])[-1])
