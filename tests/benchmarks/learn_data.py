"""Two-class data for the posterior gate, each with a reference posterior in floating point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.learn.models import LogisticRegression
from labctl.learn.posterior import Moments
from labctl.learn.reference import reference
from labctl.learn.tasks import Task, breast_cancer, digits, wine
from tests.learn.hamiltonian import posterior


@dataclass(frozen=True)
class Data:
    """A logistic regression to sample.

    Attributes
    ----------
    name
        As the command line has it, and the split.
    model
        Prior N(0, 1) on every weight.
    known
        What its posterior is.
    """

    name: str
    model: LogisticRegression
    known: Moments


def load(name: str = "cancer", split: int = 0) -> Data:
    """Return one of :data:`SETS`, split by a seed.

    The reference of breast cancer, split 0, is the NUTS draws that come with labctl; any other is
    8 000 draws of :func:`tests.learn.hamiltonian.posterior`.
    """
    x, y = SETS[name](split)
    model = LogisticRegression(x, y)
    known = reference("breast_cancer") if (name, split) == ("cancer", 0) else posterior(model)
    return Data(f"{name} {split}", model, known)


def _training(task: Task) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return task.x_train, task.y_train


def _wine(split: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One cultivar against the two others: 142 data, 14 weights."""
    x, y = _training(wine(split))
    return x, (y == 1).astype(np.float64)


def _digits(split: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Threes and eights, pixels from 0 to 1: 250 data, 65 weights, some of dark pixels."""
    x, y = _training(digits(split))
    some = (y == 3) | (y == 8)
    return x[some], (y[some] == 8).astype(np.float64)


def _correlated(split: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """200 data of 16 features, neighbours correlated by 0.8, labels drawn from known weights."""
    rng = np.random.default_rng(split)
    apart = np.abs(np.subtract.outer(np.arange(15), np.arange(15)))
    x = rng.multivariate_normal(np.zeros(15), 0.8**apart, 200)
    x = np.column_stack([np.ones(200), x])
    chance = 1 / (1 + np.exp(-x @ rng.normal(size=16)))
    return x, (rng.random(200) < chance).astype(np.float64)


SETS: dict[str, Callable[[int], tuple[NDArray[np.float64], NDArray[np.float64]]]] = {
    "cancer": lambda split: _training(breast_cancer(split)),
    "wine": _wine,
    "digits": _digits,
    "correlated": _correlated,
}
"""By name: what makes features and labels (0 and 1) from a split."""
