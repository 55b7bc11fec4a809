"""Measured transitions: single pulses, and where the cells were before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import CalibrationError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Transitions:
    """Single pulses: where a cell was before and after.

    Attributes
    ----------
    row, col
        int64, shape (n,).
    polarity
        int64, shape (n,): 1 a SET, -1 a RESET.
    before, after
        float64, shape (n,), S, as read.
    """

    row: NDArray[np.int64]
    col: NDArray[np.int64]
    polarity: NDArray[np.int64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        row: ArrayLike,
        col: ArrayLike,
        polarity: ArrayLike,
        before: ArrayLike,
        after: ArrayLike,
        flag: ArrayLike | None = None,
    ) -> Transitions:
        """Take measured arrays, shape (n,) each; flagged and not finite ones are left out."""
        start, end = np.asarray(before, np.float64), np.asarray(after, np.float64)
        good = np.isfinite(start) & np.isfinite(end)
        if flag is not None:
            good &= np.asarray(flag) == 0
        whole = [np.asarray(a, np.int64)[good] for a in (row, col, polarity)]
        return cls(whole[0], whole[1], whole[2], start[good], end[good])

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Transitions:
        """Take the table ``transitions`` of a run of the procedure of that name.

        Raises
        ------
        CalibrationError
            Where columns are missing.
        """
        needed = ("row", "col", "polarity", "before", "after")
        missing = [name for name in needed if name not in frame.columns]
        if missing:
            raise CalibrationError(
                f"The table of transitions lacks {', '.join(missing)}. Use a run of the "
                "procedure transitions."
            )
        row, col, polarity, before, after = (frame[name].to_numpy() for name in needed)
        flag = frame["flag"].to_numpy() if "flag" in frame.columns else None
        return cls.of(row, col, polarity, before, after, flag)

    def __len__(self) -> int:
        return len(self.before)

    def take(self, chosen: NDArray[np.bool_]) -> Transitions:
        """Return those where ``chosen``, bool, shape (n,)."""
        return Transitions(
            self.row[chosen],
            self.col[chosen],
            self.polarity[chosen],
            self.before[chosen],
            self.after[chosen],
        )
