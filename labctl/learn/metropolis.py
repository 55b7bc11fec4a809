"""Metropolis-Hastings in rows of cells, after Dalgaty et al., Nat. Electron. 4, 151 (2021).

A row of differential pairs holds one sample of the weights. The next one is proposed in the row
after it: every cell is RESET, then SET at the gate whose median is what its forerunner conducts, so
that the scatter of the SET is the random step. The proposal is accepted with the probability
``p(new) / p(old)``; where it is not, the same row is written again, and a counter tells how often
the old sample counts.

The step is not symmetric: a cell scatters in proportion to its conductance, and ends lower more
easily than it comes back. Without the factor ``q(old | new) / q(new | old)`` of Hastings
(Biometrika 57, 97 (1970)), as published, the chain samples another density than the posterior. With
it goes a second one: pairs of cells that may conduct anything between two bounds hold small weights
in more ways than large ones, a triangular prior nobody asked for, which is divided out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labctl.array import READ_VOLTAGE, CellArray, Pulse
from labctl.errors import ProcedureError, WiringError
from labctl.learn.gatecurve import GateCurve

_CYCLES = 12
"""Writes that the measured offset of a cell counts for."""
_FORGET = 0.05
"""Least weight of a write in it: the speed of a cell wanders."""
_OUTLIER = 4.0


class Density(Protocol):
    """What the chain needs of a model: see :class:`labctl.learn.models.PredictiveModel`."""

    @property
    def size(self) -> int:
        """Number of weights."""
        ...

    def log_posterior(self, weights: NDArray[np.float64]) -> float:
        """Return the log posterior, nat, up to a constant."""
        ...


@dataclass(frozen=True, slots=True)
class Samples:
    """Rows and their counters.

    Attributes
    ----------
    weights
        float64, shape (rows, size): what each row held, in order.
    counts
        int64, shape (rows,): for how many proposals it counted.
    accepted
        Share of the proposals.
    pulses
        RESET and SET pulses given.
    """

    weights: NDArray[np.float64]
    counts: NDArray[np.int64]
    accepted: float
    pulses: int

    def draws(self) -> NDArray[np.float64]:
        """Return each row as often as it counts, shape (proposals, size)."""
        return np.repeat(self.weights, self.counts, axis=0)


def sample_rows(usable: NDArray[np.bool_], size: int) -> NDArray[np.int64]:
    """Lay samples of ``size`` pairs on a chip, each on as few word lines of its own as it needs.

    Parameters
    ----------
    usable
        bool, shape (rows, columns).
    size
        Weights of a sample.

    Returns
    -------
    NDArray
        int64, shape (samples, size, 2, 2): sample; weight; plus or minus cell; row or column.

    Raises
    ------
    WiringError
        Where there is no room for two samples.
    """
    found, block = [], np.empty((0, 2), dtype=np.int64)
    for row in range(usable.shape[0]):
        free = np.flatnonzero(usable[row])
        block = np.vstack([block, np.column_stack([np.full(len(free), row), free])])
        if len(block) >= 2 * size:
            found.append(block[: 2 * size].reshape(size, 2, 2))
            block = np.empty((0, 2), dtype=np.int64)
    if len(found) < 2:
        raise WiringError(
            f"Samples of {size} weights need {2 * size} cells each, and two samples at least; the "
            f"{int(usable.sum())} usable cells of this chip hold {len(found)}."
        )
    return np.stack(found)


class Metropolis:
    """The chain.

    Parameters
    ----------
    array
        The cells, formed.
    model
        With ``log_posterior``: logistic regression, a network.
    curve
        Of these cells.
    rng
        Accepts and rejects.
    kappa
        S per unit weight.
    hastings
        Whether the proposal's asymmetry, and the bounds of the pairs, are made up for; False as
        published.
    same_row
        Whether a rejected row is written again, as published; else the proposals go round the
        rows. What a cell keeps from one write to the next (a trap, a speed of its own) leans all
        proposals in a row the same way, and going round makes it random.
    rows
        int64, shape (samples, size, 2, 2), see :func:`sample_rows`; None uses the whole chip. The
        chain goes round them, and what a row held is kept in the result.
    read_voltage
        V.

    Raises
    ------
    ProcedureError
        Where rows and model do not fit each other, or ``kappa`` is not positive.
    """

    def __init__(
        self,
        array: CellArray,
        model: Density,
        curve: GateCurve,
        rng: np.random.Generator,
        *,
        kappa: float,
        hastings: bool = True,
        same_row: bool = True,
        rows: NDArray[np.int64] | None = None,
        read_voltage: float = READ_VOLTAGE,
    ) -> None:
        if not 0.0 < kappa < np.inf:
            raise ProcedureError(f"kappa is {kappa} S per unit weight; give a number above 0.")
        usable = np.isfinite(curve.offset)
        self.rows = sample_rows(usable, model.size) if rows is None else rows
        if self.rows.shape[1:] != (model.size, 2, 2) or len(self.rows) < 2:
            raise ProcedureError(
                f"Rows of shape {self.rows.shape} for {model.size} weights; give (2 or more, "
                f"{model.size}, 2, 2)."
            )
        self.array, self.model, self.curve, self.rng = array, model, curve, rng
        self.scale, self.hastings, self.same_row = kappa, hastings, same_row
        self.read_voltage = read_voltage
        self._offset = curve.offset.copy()
        self._writes = np.full(curve.offset.shape, _CYCLES)
        low, high = curve.range
        self._bounds = low, high
        self.pulses = 0
        self.conductance = np.full((model.size, 2), np.sqrt(low * high))
        self._at, self._last, self._log = 0, 0, -np.inf

    def weights(self, conductance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weights, shape (size,), of conductances (S), shape (size, 2)."""
        found: NDArray[np.float64] = (conductance[:, 0] - conductance[:, 1]) / self.scale
        return found

    def start(self, weights: NDArray[np.float64]) -> None:
        """Write the first row about weights, shape (size,), as near as one SET comes.

        Raises
        ------
        ProcedureError
            Where the cells could not be read.
        """
        low, high = self._bounds
        half = 0.5 * self.scale * weights
        middle = np.sqrt(low * high)
        aim = np.column_stack([middle + half, middle - half])
        written = self._write(0, np.clip(aim, 1.05 * low, 0.95 * high))
        if not (written > 0).all():
            raise ProcedureError("The first row could not be read back; look at its cells.")
        self._at, self._last, self.conductance = 0, 0, written
        self._log = self._density(written)

    def _density(self, conductance: NDArray[np.float64]) -> float:
        """Return the log density to sample, nat, in the conductances."""
        log = self.model.log_posterior(self.weights(conductance))
        if not self.hastings:
            return log
        low, high = self._bounds
        room = high - low - np.abs(conductance[:, 0] - conductance[:, 1])
        return log - float(np.log(room).sum())

    def _write(self, row: int, aim: NDArray[np.float64]) -> NDArray[np.float64]:
        """RESET and SET the cells of a row; return what they conduct, shape (size, 2)."""
        cells = self.rows[row].reshape(-1, 2)
        where = cells[:, 0], cells[:, 1]
        gates = self.curve.gate(aim.ravel(), self._offset[where])
        pulses: list[Pulse] = [replace(self.curve.set, gate=g) for g in gates.tolist()]
        self.array.pulse(cells, self.curve.reset)
        readings = self.array.pulse(cells, pulses, self.read_voltage)
        assert readings is not None
        self.pulses += 2 * len(cells)
        self._follow(where, readings.conductance, aim.ravel())
        return readings.conductance.reshape(-1, 2)

    def _follow(
        self,
        where: tuple[NDArray[np.int64], NDArray[np.int64]],
        reached: NDArray[np.float64],
        aim: NDArray[np.float64],
    ) -> None:
        """Learn from a write how far its cells end above the typical one.

        A row is written again after a rejection, so what its cells do off the curve does not
        average out: it would lean every proposal there the same way.
        """
        self._writes[where] += 1
        miss = np.log(np.where(reached > 0, reached, aim) / aim)
        far = _OUTLIER * float(self.curve.spread.max())
        gain = np.maximum(1.0 / self._writes[where], _FORGET)
        self._offset[where] += gain * np.clip(miss, -far, far)

    def propose(self) -> bool:
        """Write the next row and tell whether it was accepted."""
        row = ((self._at if self.same_row else self._last) + 1) % len(self.rows)
        if row == self._at:
            row = (row + 1) % len(self.rows)
        self._last = row
        new = self._write(row, self.conductance)
        low, high = self._bounds
        if not ((new > low) & (new < high)).all():  # a failed read as well
            return False
        log = self._density(new)
        ratio = log - self._log
        if self.hastings:
            there = self.curve.log_density(new, self.conductance).sum()
            back = self.curve.log_density(self.conductance, new).sum()
            ratio += float(back - there)
        if np.log(self.rng.random()) >= ratio:
            return False
        self._at, self.conductance, self._log = row, new, log
        return True

    def run(self, rows: int, *, burn_in: int = 0, every: int = 1) -> Samples:
        """Fill rows with samples.

        Parameters
        ----------
        rows
            Samples wanted.
        burn_in
            Proposals before the first one counts.
        every
            Proposals to a sample: with 1 every accepted row is one, weighted by its counter; with
            more, a row is kept after so many proposals, with the counter 1, and those between are
            written over.
        """
        if rows < 1 or burn_in < 0 or every < 1:
            raise ProcedureError(
                f"{rows} rows, a burn-in of {burn_in}, one of {every} proposals: give 1 or more, "
                "0 or more, 1 or more."
            )
        if not np.isfinite(self._log):
            self.start(np.zeros(self.model.size))
        for _ in range(burn_in):
            self.propose()
        kept: list[NDArray[np.float64]] = []
        counts: list[int] = []
        accepted = proposals = 0
        count = 1
        while len(kept) < rows:
            old = self.weights(self.conductance)
            moved = self.propose()
            accepted += moved
            proposals += 1
            if every > 1:
                if proposals % every == 0:
                    kept.append(self.weights(self.conductance))
                    counts.append(1)
            elif moved:
                kept.append(old)
                counts.append(count)
                count = 1
            else:
                count += 1
        return Samples(np.array(kept), np.array(counts), accepted / proposals, self.pulses)
