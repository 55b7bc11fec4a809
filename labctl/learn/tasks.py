"""Data sets to learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.errors import ProcedureError
from labctl.learn import pour
from labctl.learn.building import with_bias


@dataclass(frozen=True, slots=True)
class Task:
    """A data set of two classes or more, split and scaled.

    Attributes
    ----------
    name
        Of the data set.
    x_train, x_test
        float64, shapes (n, d), (m, d); the first column is ones.
    y_train, y_test
        float64, shapes (n,), (m,): index of the class.
    features
        d names, the first one ``"bias"``.
    classes
        Names of the classes.
    test_index
        int64, shape (m,): rows of the original data set.
    image
        Height and width, where the features after the first are the pixels of a picture.
    """

    name: str
    x_train: NDArray[np.float64]
    y_train: NDArray[np.float64]
    x_test: NDArray[np.float64]
    y_test: NDArray[np.float64]
    features: tuple[str, ...]
    classes: tuple[str, ...]
    test_index: NDArray[np.int64]
    image: tuple[int, int] | None = None


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

    return _standardised("breast_cancer", load_breast_cancer(), split)


def wine(split: int = 0) -> Task:
    """Return the wine data of scikit-learn: three cultivars, 142 + 36 samples, 14 columns."""
    from sklearn.datasets import load_wine

    return _standardised("wine", load_wine(), split)


def digits(split: int = 0) -> Task:
    """Return the handwritten digits of scikit-learn: 8 x 8 pixels from 0 to 1, 1 257 + 540."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    data = load_digits()
    train, test = train_test_split(
        np.arange(len(data.target)), test_size=540, stratify=data.target, random_state=split
    )
    x, y = with_bias(data.data / 16.0), data.target.astype(np.float64)
    return Task(
        name="digits",
        x_train=x[train],
        y_train=y[train],
        x_test=x[test],
        y_test=y[test],
        features=("bias", *(str(name) for name in data.feature_names)),
        classes=tuple(str(k) for k in range(10)),
        test_index=np.asarray(test, dtype=np.int64),
        image=(8, 8),
    )


def pouring(split: int = 0) -> Task:
    """Return ways to pour and whether they succeed, 4 000 + 2 000, made anew for each split.

    See :mod:`labctl.learn.pour`; one in seven succeeds.
    """
    rng = np.random.default_rng(split)
    ways = pour.sample(6000, rng)
    x, y = with_bias(pour.scaled(ways)), pour.succeeds(ways).astype(np.float64)
    return Task(
        name="pour",
        x_train=x[:4000],
        y_train=y[:4000],
        x_test=x[4000:],
        y_test=y[4000:],
        features=("bias", *pour.FEATURES),
        classes=("spilt", "poured"),
        test_index=np.arange(4000, 6000),
    )


def lin2025_pour(file: str | Path, split: int = 0) -> Task:
    """Return the pouring data published with Lin et al. (2025), a third of it for testing.

    Parameters
    ----------
    file
        An npz with ``x``, shape (7582, 11), in -1 to 1, and the score ``y``; above 0 is success.
        The data are theirs and do not come with labctl.
    split
        Seed of the split.

    Raises
    ------
    ProcedureError
        Where the file cannot be read.
    """
    from sklearn.model_selection import train_test_split

    try:
        with np.load(Path(file).expanduser()) as content:
            x = content["x"].astype(np.float64)
            y = (content["y"] > 0).astype(np.float64)
    except (OSError, KeyError, ValueError) as error:
        raise ProcedureError(f"The pouring data {file} cannot be read: {error}") from error
    train, test = train_test_split(
        np.arange(len(y)), test_size=1 / 3, stratify=y, random_state=split
    )
    table = with_bias(x)
    return Task(
        name="lin2025_pour",
        x_train=table[train],
        y_train=y[train],
        x_test=table[test],
        y_test=y[test],
        features=("bias", *(f"x{k}" for k in range(x.shape[1]))),
        classes=("failure", "success"),
        test_index=np.asarray(test, dtype=np.int64),
    )


def _standardised(name: str, data: Any, split: int) -> Task:
    """Return a bundled data set of scikit-learn, scaled on its training part."""
    from sklearn.model_selection import train_test_split

    train, test = train_test_split(
        np.arange(len(data.target)), test_size=0.2, stratify=data.target, random_state=split
    )
    mean, sd = data.data[train].mean(axis=0), data.data[train].std(axis=0)
    x, y = with_bias((data.data - mean) / sd), data.target.astype(np.float64)
    return Task(
        name=name,
        x_train=x[train],
        y_train=y[train],
        x_test=x[test],
        y_test=y[test],
        features=("bias", *(str(name) for name in data.feature_names)),
        classes=tuple(str(name) for name in data.target_names),
        test_index=np.asarray(test, dtype=np.int64),
    )


_TASKS: dict[str, Callable[[], Task]] = {
    "breast_cancer": breast_cancer,
    "wine": wine,
    "digits": digits,
    "pour": pouring,
}
TWO_CLASSES = ("breast_cancer", "pour")
"""Tasks that logistic regression can take."""


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
