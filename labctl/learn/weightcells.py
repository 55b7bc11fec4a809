"""The cells that carry the weights: read, pulsed, tracked, and replaced where they fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.array import READ_VOLTAGE, CellArray, read_passes
from labctl.errors import CalibrationError, WiringError
from labctl.learn.analogue import place_layers
from labctl.learn.budget import Budget, Ledger
from labctl.learn.calibration import Calibration
from labctl.learn.initialise import PulsePair, write_verify
from labctl.learn.kernels import average
from labctl.learn.online import Tracker
from labctl.learn.placement import place
from labctl.learn.spares import Replacement, Watch
from labctl.learn.weights import Encoding, Weights

_NONE = (-1, -1)
"""In place of a spare that is none."""


class WeightCells:
    """Cells of an array with weights on them, and what is known of their conductances.

    Parameters
    ----------
    array
        The cells.
    calibration
        Of these cells, with these pulses.
    pulses
        SET and RESET.
    encoding
        What conductances mean.
    kappa
        float64, shape (n,), S per unit weight: as many as there are weights.
    read_voltage
        V.
    budget
        Most that may be spent.
    blocks
        Rows and columns of the tables of weights that are to be blocks of whole lines, in the order
        of the weights (see :func:`labctl.learn.analogue.place_layers`); None places every weight
        for itself.

    Attributes
    ----------
    placed
        The weights on their cells.
    conductance
        float64, shape (n, slots), S, as last read.
    usable
        bool, shape (rows, columns): cells that may carry weights.
    tracker
        Of the cells' steps.
    ledger
        What was spent.
    replaced
        Cells given up in mid-training, in order.
    frozen
        bool, shape (n, slots): cells given up that stay in their places, since a block has no
        spares; they are read, and pulsed no more.

    Raises
    ------
    WiringError
        Where the chip is too small.
    """

    def __init__(
        self,
        array: CellArray,
        calibration: Calibration,
        pulses: PulsePair,
        encoding: Encoding,
        kappa: NDArray[np.float64],
        read_voltage: float = READ_VOLTAGE,
        budget: Budget | None = None,
        blocks: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        self._blocks = blocks
        self.array, self.calibration, self.pulses = array, calibration, pulses
        self.read_voltage = read_voltage
        if calibration.good.shape != array.shape:
            raise CalibrationError(
                f"The calibration is of a chip of {calibration.good.shape[0]} x "
                f"{calibration.good.shape[1]} cells, this one has {array.shape[0]} x "
                f"{array.shape[1]}. Use the calibration of this chip."
            )
        self.usable = calibration.good.copy()
        cells = self._place(len(kappa), encoding)
        self.placed = Weights(encoding, cells, kappa, calibration.centre)
        self.conductance: NDArray[np.float64] = np.full(cells.shape[:2], calibration.centre)
        self.tracker = Tracker(calibration, cells)
        self.ledger = Ledger(Budget() if budget is None else budget, array)
        self.replaced: list[Replacement] = []
        self.frozen = np.zeros(cells.shape[:2], dtype=bool)
        self._watch = Watch((len(self), self.placed.cells.shape[1]), calibration.window)
        self._every = np.arange(len(kappa))
        self._mean = self.conductance
        self._pending: tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.float64]] | None = None

    def _place(self, number: int, encoding: Encoding) -> NDArray[np.int64]:
        if self._blocks is None:
            return place(number, encoding, self.usable, self.calibration.cost)
        return place_layers(self._blocks, encoding, self.usable, self.calibration.cost)

    def __len__(self) -> int:
        return len(self.placed)

    @property
    def weights(self) -> NDArray[np.float64]:
        """Present weights as last read, shape (n,)."""
        return self.placed.weights(self.conductance)

    def at(self, slot: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the conductance (S) of one cell of each weight, shape (n,), as last read."""
        return self.conductance[self._every, slot]

    def working(self, slot: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return slots, shape (n,), with another of the weight's cells where one is frozen.

        Where none is left, the cell stays frozen, and :meth:`resting` says so.
        """
        if not self.frozen.any():
            return slot
        pulsed = np.array(self.placed.encoding.pulsed)
        other = pulsed[np.argmin(self.frozen[:, pulsed], axis=1)]
        return np.where(self.frozen[self._every, slot], other, slot)

    def resting(self, slot: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which of these cells are frozen, bool, shape (n,)."""
        found: NDArray[np.bool_] = self.frozen[self._every, slot]
        return found

    def common(self, slot: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return how far cells are from an even share of their weights, S, shape (n,).

        A weight with a frozen cell has nothing to share: 0, so that no spring holds what is left.
        """
        found = self.placed.common(self.conductance, slot)
        return np.where(self.frozen.any(axis=1), 0.0, found)

    @property
    def tolerance(self) -> float:
        """How near (S) a cell must come to where it is to begin."""
        typical = float(self.calibration.noise.typical(self.calibration.centre))
        return 0.75 * self.calibration.step + 2 * typical**0.5

    def prepare(self) -> int:
        """Bring all cells to where they begin; return the pulses spent.

        Cells that do not get there are given up and the weights placed anew.

        Raises
        ------
        WiringError
            Where not enough cells are left.
        BudgetSpent
            Where the pulses do not suffice.
        """
        encoding = self.placed.encoding
        start = encoding.start(self.calibration.centre, self.calibration.range)
        spent = 0
        while True:
            cells, first, again = np.unique(
                self.placed.all_cells, axis=0, return_index=True, return_inverse=True
            )
            written = write_verify(
                self.array, cells, np.tile(start, len(self))[first], self.tolerance, self.pulses,
                read=self.read_voltage, allow=self.ledger.allow,
            )  # fmt: skip
            spent += written.pulses
            if written.reached.all():
                break
            lost = cells[~written.reached]
            self.usable[lost[:, 0], lost[:, 1]] = False
            self.placed.cells = self._place(len(self), encoding)
        self.conductance = written.conductance[again.ravel()].reshape(self.conductance.shape)
        self.tracker = Tracker(self.calibration, self.placed.cells)
        self._watch = Watch((len(self), self.placed.cells.shape[1]), self.calibration.window)
        return spent

    def read(self) -> NDArray[np.float64]:
        """Read every cell once; return S, shape (n, slots): what was last read where it failed."""
        cells, again = self._to_read()
        fresh = self.array.read(cells, self.read_voltage).conductance
        fresh = fresh[again].reshape(self.conductance.shape)
        return np.where(np.isfinite(fresh), fresh, self.conductance)

    def _to_read(self) -> tuple[NDArray[np.int64], NDArray[np.int64] | slice]:
        """Return the cells to read, and where in them every slot finds its own."""
        cells = self.placed.all_cells
        if len(self.placed.encoding.pulsed) == self.conductance.shape[1]:
            return cells, slice(None)
        once, again = np.unique(cells, axis=0, return_inverse=True)  # shared references
        return once, again.ravel()

    def read_passes(self, n: int) -> NDArray[np.float64]:
        """Read every cell ``n`` times; return S, shape (n, weights, slots)."""
        cells, again = self._to_read()
        found = read_passes(self.array, cells, n, self.read_voltage)[:, again]
        found = found.reshape(n, *self.conductance.shape)
        self._mean = np.empty(self.conductance.shape)
        average(found, self.conductance, self._mean)
        return found

    def refresh(self) -> None:
        """Read all cells again: what they did since their last pulse counts as well."""
        self.conductance = self.read()

    def look(self, passes: int) -> NDArray[np.float64]:
        """Read every cell so many times and take the mean; return the weights of each pass.

        Pulses that were not read back are compared with what they did.
        """
        found = self.read_passes(passes)
        self.conductance = self._mean
        if self._pending is not None:
            slot, polarity, before = self._pending
            self._pending = None
            self._learn(slot, polarity, before, self.at(slot))
        return self.placed.weights(found)

    def pulse(
        self, slot: NDArray[np.int64], polarity: NDArray[np.int8], *, back: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """Pulse one cell of each weight.

        Parameters
        ----------
        slot
            int64, shape (n,): which of its cells.
        polarity
            int8, shape (n,): 1 SET, -1 RESET, 0 no pulse.
        back
            Whether each pulse is read back at once.

        Returns
        -------
        tuple
            Cells pulsed, int64, shape (m, 2), and their conductances (S) before and after, shape
            (m,); NaN after where nothing was read.

        Raises
        ------
        BudgetSpent
            Where these pulses would pass the budget; nothing is pulsed then.
        """
        chosen = np.flatnonzero(polarity)
        before = self.at(slot)
        after = np.full(len(chosen), np.nan)
        cells = self.placed.cells[chosen, slot[chosen]]
        if len(chosen) == 0:
            return cells, before[chosen], after
        self.ledger.allow(cells)
        pulses = self.pulses.of(polarity[chosen])
        if not back:
            self.array.pulse(cells, pulses)
            self._pending = (slot, polarity, before)
            return cells, before[chosen], after
        readings = self.array.pulse(cells, pulses, self.read_voltage)
        assert readings is not None
        after = readings.conductance
        now = before.copy()
        now[chosen] = after
        self._learn(slot, polarity, before, now)
        self.conductance[self._every, slot] = np.where(np.isfinite(now), now, before)
        return cells, before[chosen], after

    def _learn(
        self,
        slot: NDArray[np.int64],
        polarity: NDArray[np.int8],
        before: NDArray[np.float64],
        after: NDArray[np.float64],
    ) -> None:
        seen = self.tracker.update(slot, polarity, before, after)
        self._watch.update(slot, polarity, before, after, seen, self.tracker.factor)

    def replace_lost(self, step: int) -> list[Replacement]:
        """Give up cells that no longer follow, and put spares in their places.

        A spare is brought to the conductance the lost cell was last seen at, or the end of the
        window next to it: the weight goes on where it was. Within a block of lines there are no
        spares: the cell is frozen.

        Raises
        ------
        WiringError
            Where no spare is left.
        BudgetSpent
            Where the pulses do not suffice.
        """
        done = []
        for weight, slot, reason in self._watch.lost():
            row, column = self.placed.cells[weight, slot].tolist()
            self.usable[row, column] = False
            if self._blocks is not None:
                self.frozen[weight, slot] = True
                self._watch.forget(weight, slot)
                done.append(Replacement(step, weight, slot, (row, column), None, reason))
                continue
            low, high = self.calibration.window
            target = float(np.clip(self.conductance[weight, slot], low, high))
            cell, conductance = self._spare(target, (row, column), weight, reason)
            self.placed.cells[weight, slot] = cell
            self.conductance[weight, slot] = conductance
            self.tracker.replace(weight, slot, cell)
            self._watch.forget(weight, slot)
            done.append(Replacement(step, weight, slot, (row, column), cell, reason))
        self.replaced += done
        return done

    def _spare(
        self, target: float, lost: tuple[int, int], weight: int, reason: str
    ) -> tuple[tuple[int, int], float]:
        """Return the best free cell that can be brought to ``target``, and where it came."""
        while True:
            free = self.usable.copy()
            taken = self.placed.all_cells
            free[taken[:, 0], taken[:, 1]] = False
            if not free.any():
                raise WiringError(
                    f"Cell {lost} of weight {weight} {reason}, and no spare cell is left: of the "
                    f"chip's {free.size} cells {int(self.usable.sum())} are usable, and all of "
                    "them carry weights. Form more cells and measure transitions on them, or use "
                    "a smaller model or a larger chip."
                )
            cost = np.where(free, self.calibration.cost, np.inf)
            row, column = (int(k) for k in np.unravel_index(np.argmin(cost), cost.shape))
            written = write_verify(
                self.array, np.array([[row, column]]), target, self.tolerance, self.pulses,
                read=self.read_voltage, allow=self.ledger.allow,
            )  # fmt: skip
            if written.reached[0]:
                return (row, column), float(written.conductance[0])
            self.usable[row, column] = False

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return everything needed to go on later, as arrays."""
        pending = np.empty((0, 3))
        if self._pending is not None:
            pending = np.column_stack([part.astype(np.float64) for part in self._pending])
        lost = [
            [r.step, r.weight, r.slot, *r.lost, *(r.spare or _NONE), "read" in r.reason]
            for r in self.replaced
        ]
        return {
            "cells": self.placed.cells.astype(np.float64),
            "kappa": self.placed.kappa.copy(),
            "conductance": self.conductance.copy(),
            "usable": self.usable.astype(np.float64),
            "pending": pending,
            "replaced": np.array(lost, dtype=np.float64).reshape(-1, 8),
            **self.ledger.state(),
            **self.tracker.state(),
            **self._watch.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state` returned.

        Raises
        ------
        CalibrationError
            Where it belongs to other weights.
        """
        have: tuple[int, ...] = np.shape(state["conductance"])
        if have != self.conductance.shape:
            raise CalibrationError(
                f"The saved chain has {have[0]} weights of {have[-1]} cells, the model "
                f"{len(self)} of {self.conductance.shape[1]} (all chains together). Go on with "
                "the model, encoding and chains it was made with, or start a new chain."
            )
        self.placed.cells = state["cells"].astype(np.int64)
        self.placed.kappa = state["kappa"].copy()
        self.conductance = state["conductance"].copy()
        self.usable = state["usable"] > 0
        self.tracker = Tracker(self.calibration, self.placed.cells)
        self.tracker.restore(state)
        self.ledger.restore(state)
        self._watch.restore(state)
        self.replaced = [
            Replacement(
                a, b, c, (d, e), None if (f, g) == _NONE else (f, g),
                "cannot be read any more" if h else "no longer moves",
            )
            for a, b, c, d, e, f, g, h in state["replaced"].astype(int).tolist()
        ]  # fmt: skip
        self.frozen[:] = False
        for event in self.replaced:
            self.frozen[event.weight, event.slot] = event.spare is None
        slot, polarity, before = state["pending"].T
        self._pending = None
        if len(slot):
            self._pending = (slot.astype(np.int64), polarity.astype(np.int8), before.copy())
