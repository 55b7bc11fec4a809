"""Reference posteriors that come with labctl, drawn in floating point by NUTS."""

from __future__ import annotations

from functools import cache

import numpy as np

from labctl.errors import ProcedureError
from labctl.learn.posterior import Moments
from labctl.paths import data_file

_FILES = {"breast_cancer": "nuts_breast_cancer.npz"}


def has_reference(task: str) -> bool:
    """Tell whether a reference posterior of a task comes with labctl."""
    return task in _FILES


@cache
def reference(task: str) -> Moments:
    """Return the reference posterior of a task, in a checkout or an installed package.

    Raises
    ------
    ProcedureError
        Where there is none for the task.
    """
    if task not in _FILES:
        raise ProcedureError(
            f"There is no reference posterior for {task!r}; there is one for {', '.join(_FILES)}."
        )
    with np.load(data_file("reference", _FILES[task])) as file:
        return Moments(
            file["mean"].astype(np.float64),
            file["sd"].astype(np.float64),
            file["samples"].astype(np.float64),
        )
