"""Encodings: what the conductances of a weight's cells mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labctl.errors import CalibrationError
from labctl.learn.kernels import away_from_even, weigh

Floats = NDArray[np.float64]


class Encoding(Protocol):
    """How a weight is written in conductances: ``w = (sum of sign * G - offset) / kappa``.

    A weight has *slots*, one for each cell it reads. Only some of them may be pulsed; a reference
    cell is read and left alone, and may be shared between weights.
    """

    @property
    def signs(self) -> tuple[int, ...]:
        """1 or -1 for each slot: whether a SET there raises or lowers the weight."""
        ...

    @property
    def pulsed(self) -> tuple[int, ...]:
        """Slots that may be pulsed."""
        ...

    def offset(self, centre: float) -> float:
        """Return the sum of signed conductances (S) of weight 0; cells rest at ``centre``."""
        ...

    def start(self, centre: float, span: float) -> Floats:
        """Return where the cells begin (S), shape (slots,), in a window of width ``span``."""
        ...


@dataclass(frozen=True, slots=True)
class DifferentialPairs:
    """Two cells a weight, plus and minus, pulsed in turn: ``w = (G_plus - G_minus) / kappa``."""

    @property
    def signs(self) -> tuple[int, ...]:
        """Plus, minus."""
        return (1, -1)

    @property
    def pulsed(self) -> tuple[int, ...]:
        """Both."""
        return (0, 1)

    def offset(self, centre: float) -> float:
        """Return 0."""
        return 0.0

    def start(self, centre: float, span: float) -> Floats:
        """Return the centre for both."""
        return np.full(2, centre)


@dataclass(frozen=True, slots=True)
class ReferenceColumn:
    """One cell a weight, against a reference: ``w = (G - G_reference) / kappa``.

    Attributes
    ----------
    cells
        Whether the reference is a cell on the same word line, shared by all weights there, set to
        the middle of the window and never pulsed in learning; else it is a number.
    value
        The number, S; None is the middle of the window. Without meaning where ``cells``.
    """

    cells: bool = False
    value: float | None = None

    @property
    def signs(self) -> tuple[int, ...]:
        """The weight's cell; with ``cells``, then the reference."""
        return (1, -1) if self.cells else (1,)

    @property
    def pulsed(self) -> tuple[int, ...]:
        """The weight's cell."""
        return (0,)

    def offset(self, centre: float) -> float:
        """Return the fixed reference, S; 0 where it is a cell."""
        if self.cells:
            return 0.0
        return centre if self.value is None else self.value

    def start(self, centre: float, span: float) -> Floats:
        """Return the centre."""
        return np.full(1 + self.cells, centre)


@dataclass(frozen=True, slots=True)
class SumOfCells:
    """Several cells a weight, all of one sign: ``w = (G1 + ... + Gn - offset) / kappa``.

    Lin et al., Nat. Comput. Sci. 5, 27 (2025): three cells, ``w = (I1 + I2 + I3 - 6.66) / 1.1``
    with currents in µA at 0.2 V, begun at 1.2, 2.2 and 3.2 µA.

    Attributes
    ----------
    n
        Cells a weight.
    zero
        Sum of conductances of weight 0, S; None is n times the middle of the window.
    begin
        Where the n cells begin, S; None spreads them evenly over half the window, as Lin et al.
        do.
    """

    n: int = 3
    zero: float | None = None
    begin: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.n < 1:
            raise CalibrationError(f"A weight as a sum of {self.n} cells: give 1 or more.")
        if self.begin is not None and len(self.begin) != self.n:
            raise CalibrationError(
                f"{len(self.begin)} conductances to begin with for {self.n} cells a weight; give "
                "one for each."
            )

    @property
    def signs(self) -> tuple[int, ...]:
        """All plus."""
        return (1,) * self.n

    @property
    def pulsed(self) -> tuple[int, ...]:
        """All."""
        return tuple(range(self.n))

    def offset(self, centre: float) -> float:
        """Return the sum of weight 0, S."""
        return self.n * centre if self.zero is None else self.zero

    def start(self, centre: float, span: float) -> Floats:
        """Return where the n cells begin, S."""
        if self.begin is not None:
            return np.array(self.begin)
        return centre + span * (0.5 * np.linspace(-0.5, 0.5, self.n) if self.n > 1 else np.zeros(1))


@dataclass(slots=True)
class Weights:
    """Weights on cells of a chip: an encoding, its cells and its scale.

    Attributes
    ----------
    encoding
        What conductances mean.
    cells
        int64, shape (n, slots, 2): row and column.
    kappa
        float64, shape (n,), S per unit weight: one for each weight.
    centre
        S, the middle of the window, where cells rest.
    """

    encoding: Encoding
    cells: NDArray[np.int64]
    kappa: Floats
    centre: float

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def all_cells(self) -> NDArray[np.int64]:
        """Every cell of every slot, shape (n * slots, 2); shared references occur repeatedly."""
        return self.cells.reshape(-1, 2)

    def weights(self, conductance: Floats) -> Floats:
        """Return weights, shape (..., n), of conductances (S), shape (..., n, slots)."""
        signs = np.array(self.encoding.signs, dtype=np.float64)
        shape = conductance.shape
        flat = np.ascontiguousarray(conductance).reshape(-1, *shape[-2:])
        found = np.empty(flat.shape[:2])
        weigh(flat, signs, self.encoding.offset(self.centre), self.kappa, found)
        return found.reshape(shape[:-1])

    def conductances(self, weights: Floats) -> Floats:
        """Return conductances (S), shape (n, slots), of weights, shape (n,).

        The pulsed cells share the difference evenly, from the centre; references stay there.
        """
        encoding = self.encoding
        signs = np.array(encoding.signs, dtype=np.float64)
        pulsed = list(encoding.pulsed)
        rest = np.full((len(weights), len(signs)), self.centre)
        missing = weights * self.kappa + encoding.offset(self.centre) - rest @ signs
        rest[:, pulsed] += missing[:, None] * signs[pulsed] / len(pulsed)
        return rest

    def common(self, conductance: Floats, slot: NDArray[np.int64]) -> Floats:
        """Return how far one cell of each weight is from an even share of its weight, S.

        That is the part of its conductance which the weight does not see: for a pair, the common
        mode less the centre.

        Parameters
        ----------
        conductance
            S, shape (n, slots).
        slot
            int64, shape (n,): pulsed slots.

        Returns
        -------
        NDArray
            float64, shape (n,).
        """
        pulsed = self.encoding.pulsed
        if len(pulsed) == 1:
            return np.zeros(len(slot))
        signs = np.array(self.encoding.signs, dtype=np.float64)
        shared = np.zeros(len(signs))
        for k in pulsed:
            shared[k] = signs[k] / len(pulsed)
        found = np.empty(len(slot))
        away_from_even(conductance, slot, signs, shared, self.centre, found)
        return found
