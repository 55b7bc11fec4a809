"""Samples that may be labelled: from arrays, or from a CSV file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import ProcedureError


@dataclass(frozen=True, slots=True)
class Pool:
    """Samples, and what is known of their labels.

    Attributes
    ----------
    x
        float64, shape (n, d), finite.
    labels
        float64, shape (n,): index of the class, NaN where it is not known.
    features
        d names.
    classes
        Names of the classes; empty where nobody named any.
    """

    x: NDArray[np.float64]
    labels: NDArray[np.float64]
    features: tuple[str, ...]
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.x)

    @classmethod
    def of(
        cls,
        x: ArrayLike,
        labels: ArrayLike | None = None,
        features: tuple[str, ...] | None = None,
        classes: tuple[str, ...] = (),
    ) -> Pool:
        """Make a pool from arrays.

        Parameters
        ----------
        x
            float, shape (n, d).
        labels
            Shape (n,), class indices, NaN where unknown; None knows none.
        features, classes
            Names.

        Raises
        ------
        ProcedureError
            Where features are not finite, or the shapes do not go together.
        """
        table = np.asarray(x, dtype=np.float64)
        if table.ndim != 2 or len(table) == 0:
            raise ProcedureError(f"A pool has shape (samples, features); this is {table.shape}.")
        names = features or tuple(f"x{k}" for k in range(table.shape[1]))
        if len(names) != table.shape[1]:
            raise ProcedureError(f"{len(names)} names for {table.shape[1]} features.")
        bad = np.argwhere(~np.isfinite(table))
        if len(bad):
            row, column = bad[0].tolist()
            raise ProcedureError(
                f"{len(bad)} features of the pool are missing or not finite, the first in sample "
                f"{row}, {names[column]}. Fill them in or drop these samples."
            )
        known = np.full(len(table), np.nan)
        if labels is not None:
            known = np.asarray(labels, dtype=np.float64)
            if known.shape != (len(table),):
                raise ProcedureError(
                    f"{known.shape} labels for {len(table)} samples; give one each, NaN where "
                    "unknown."
                )
        return cls(table, known, names, classes)

    @classmethod
    def from_csv(cls, path: str | Path, label: str | None = None) -> Pool:
        """Read a pool from a CSV file with a header line.

        Parameters
        ----------
        path
            Every column but ``label`` is a feature and must be a number.
        label
            Column of the labels, of any type, empty where unknown; None where there is none. The
            classes are its values in sorted order, whole numbers as ``1``, ``2``, ``3``.

        Raises
        ------
        ProcedureError
            Naming file, line and column of what is wrong.
        """
        import pandas as pd

        file = Path(path).expanduser()
        try:
            frame = pd.read_csv(file)
        except (OSError, ValueError) as error:
            raise ProcedureError(f"The pool {file} cannot be read: {error}") from error
        if frame.empty:
            raise ProcedureError(
                f"The pool {file} has no sample: below the header line it is empty."
            )
        labels: NDArray[np.float64] | None = None
        classes: tuple[str, ...] = ()
        if label is not None:
            if label not in frame:
                raise ProcedureError(
                    f"The pool {file} has no column {label!r}; it has {', '.join(frame.columns)}."
                )
            column = frame.pop(label)
            kinds = sorted(column.dropna().unique().tolist())
            place = {kind: k for k, kind in enumerate(kinds)}
            labels = np.array([place.get(value, np.nan) for value in column.tolist()], dtype=float)
            classes = tuple(map(_name, kinds))
        for name in frame:
            values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float)
            bad = np.flatnonzero(~np.isfinite(values))
            if len(bad):
                raise ProcedureError(
                    f"{file}, line {bad[0] + 2}, column {name}: {_wrong(frame[name].iloc[bad[0]])}."
                    " Fill it in, drop the line, or name the column as label."
                )
        return cls.of(frame.to_numpy(dtype=float), labels, tuple(map(str, frame)), classes)


def _name(kind: object) -> str:
    """Return what a class is called: labels with gaps come as floats, 1 as 1.0."""
    return str(int(kind)) if isinstance(kind, float) and kind.is_integer() else str(kind)


def _wrong(cell: object) -> str:
    """Say what keeps a cell of a table from being a feature."""
    if isinstance(cell, float):
        return "there is nothing, or NaN" if np.isnan(cell) else f"{float(cell)} is not finite"
    return f"{cell!r} is no number"
