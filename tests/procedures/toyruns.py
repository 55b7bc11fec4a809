"""Runs on a toy chip whose transitions were measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labctl.engine.runner import execute
from labctl.procedure import Procedure
from labctl.store import Run
from procedures.transitions import Transitions
from tests.learn.toy import ToyArray


def calibrated(root: Path, seed: int = 0) -> ToyArray:
    """Return a chip; its run of transitions is below ``root``."""
    array = ToyArray(seed=seed)
    measure = Transitions(passes=30, repeats=6)
    execute(measure, array=array, data_root=root, meta={"seed": 1}).raise_unless_finished()
    return array


def run(procedure: Procedure, bench: tuple[ToyArray, Path], **how: Any) -> Run:
    """Run a procedure on a chip of :func:`calibrated`."""
    return execute(procedure, array=bench[0], data_root=bench[1], **{"meta": {"seed": 2}, **how})
