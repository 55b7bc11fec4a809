"""Data sets to learn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from labctl.errors import ProcedureError


@dataclass(frozen=True, slots=True)
class Task:
    """A data set of two classes, split and scaled.

    Attributes
    ----------
    name
        Of the data set.
    x_train, x_test
        float64, shapes (n, d), (m, d); the first column is ones.
    y_train, y_test
        float64, shapes (n,), (m,): 0 or 1.
    features
        d names.
    classes
        Names of classes 0 and 1.
    test_index
        int64, shape (m,): rows of the original data set.
    """

    name: str
    x_train: NDArray[np.float64]
    y_train: NDArray[np.float64]
    x_test: NDArray[np.float64]
    y_test: NDArray[np.float64]
    features: tuple[str, ...]
    classes: tuple[str, str]
    test_index: NDArray[np.int64]


def breast_cancer(split: int = 0) -> Task:
    """Return the Wisconsin breast-cancer data of scikit-learn: 455 + 114 samples, 31 columns.

    A stratified fifth is for testing; features are standardised on the training part and led by
    a column of ones.

    Parameters
    ----------
    split
        Seed of the split. The reference posterior belongs to split 0.
    """
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split

    data = load_breast_cancer()
    train, test = train_test_split(
        np.arange(len(data.target)), test_size=0.2, stratify=data.target, random_state=split
    )
    mean, sd = data.data[train].mean(axis=0), data.data[train].std(axis=0)

    def columns(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        scaled = (data.data[rows] - mean) / sd
        return np.hstack([np.ones((len(rows), 1)), scaled])

    return Task(
        name="breast_cancer",
        x_train=columns(train),
        y_train=data.target[train].astype(np.float64),
        x_test=columns(test),
        y_test=data.target[test].astype(np.float64),
        features=("bias", *(str(name) for name in data.feature_names)),
        classes=(str(data.target_names[0]), str(data.target_names[1])),
        test_index=np.asarray(test, dtype=np.int64),
    )


_TASKS = {"breast_cancer": breast_cancer}


def task_names() -> list[str]:
    """Return the names :func:`load_task` takes."""
    return list(_TASKS)


@cache
def load_task(name: str) -> Task:
    """Return a data set by name, split 0.

    Raises
    ------
    ProcedureError
        For an unknown one.
    """
    if name not in _TASKS:
        raise ProcedureError(f"There is no data set {name!r}; there is {', '.join(_TASKS)}.")
    return _TASKS[name]()
