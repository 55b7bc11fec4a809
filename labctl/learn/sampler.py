"""The chain: cells that wander over the posterior, one pulse per weight and step."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labctl.array import READ_VOLTAGE, CellArray
from labctl.errors import CalibrationError
from labctl.learn.calibration import Calibration
from labctl.learn.coin import Rule, StateAwareCoin, View
from labctl.learn.initialise import PulsePair, write_verify
from labctl.learn.online import Tracker
from labctl.learn.scale import check_levels, fitted_kappa, start_kappa
from labctl.learn.weights import DifferentialPairs, place_pairs

_CURVATURE_EVERY = 8
_STIFFNESS_MEMORY = 200.0
_REFRESH_EVERY = 50


class Model(Protocol):
    """A posterior over weights, as the chain needs it."""

    size: int
    prior_sd: float

    def gradient(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gradient of minus the log posterior, shape (size,)."""
        ...

    def curvature(self, weights: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Return its second derivatives, shape (size, size); None where they are too dear."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did.

    Attributes
    ----------
    weights
        float64, shape (n,): after the step.
    cells
        int64, shape (m, 2): cells pulsed.
    polarity
        int8, shape (m,): 1 SET, -1 RESET.
    before, after
        float64, shape (m,), S, as read.
    saturated
        How many coins could not give the drift that was wanted.
    """

    weights: NDArray[np.float64]
    cells: NDArray[np.int64]
    polarity: NDArray[np.int8]
    before: NDArray[np.float64]
    after: NDArray[np.float64]
    saturated: int


class Chain:
    """Samples a posterior with the cells of an array.

    Parameters
    ----------
    array
        The cells.
    model
        The posterior.
    calibration
        Of these cells, with these pulses.
    pulses
        SET and RESET.
    rng
        Tosses the coins.
    rule
        Decides on the pulses.
    temperature
        1 samples the posterior, less a narrower density.
    read_voltage
        V.
    """

    def __init__(
        self,
        array: CellArray,
        model: Model,
        calibration: Calibration,
        pulses: PulsePair,
        rng: np.random.Generator,
        *,
        rule: Rule | None = None,
        temperature: float = 1.0,
        read_voltage: float = READ_VOLTAGE,
    ) -> None:
        check_levels(calibration)
        self.array, self.model, self.calibration = array, model, calibration
        self.pulses, self.rng, self.temperature = pulses, rng, temperature
        self.rule: Rule = StateAwareCoin() if rule is None else rule
        self.read_voltage = read_voltage
        kappa = start_kappa(calibration, model.size, model.prior_sd)
        self._usable = calibration.good.copy()
        self.pairs = DifferentialPairs(
            place_pairs(model.size, self._usable, calibration.cost), kappa, calibration.centre
        )
        self.conductance = np.full((model.size, 2), calibration.centre)
        self.tracker = Tracker(calibration, self.pairs.cells)
        self.steps = 0
        self._stiffness = np.zeros(model.size)
        self._stiffness_weight = 0.0
        self._curvature: NDArray[np.float64] | None = None

    @property
    def weights(self) -> NDArray[np.float64]:
        """Present weights as last read, shape (n,)."""
        return self.pairs.weights(self.conductance)

    def prepare(self) -> int:
        """Bring all cells to the middle of the window; return the pulses spent.

        Cells that do not get there are given up and the pairs placed anew.

        Raises
        ------
        WiringError
            Where not enough cells are left.
        """
        typical = float(self.calibration.noise.typical(self.calibration.centre))
        tolerance = 0.75 * self.calibration.step + 2 * typical**0.5
        spent = 0
        while True:
            cells = self.pairs.all_cells
            written = write_verify(
                self.array, cells, self.calibration.centre, tolerance, self.pulses,
                read=self.read_voltage,
            )  # fmt: skip
            spent += written.pulses
            if written.reached.all():
                break
            lost = cells[~written.reached]
            self._usable[lost[:, 0], lost[:, 1]] = False
            self.pairs.cells = place_pairs(len(self.pairs), self._usable, self.calibration.cost)
        self.conductance = written.conductance.reshape(-1, 2)
        self.tracker = Tracker(self.calibration, self.pairs.cells)
        return spent

    def refresh(self) -> None:
        """Read all cells again: what they did since their last pulse counts as well."""
        readings = self.array.read(self.pairs.all_cells, self.read_voltage)
        fresh = readings.conductance.reshape(-1, 2)
        self.conductance = np.where(np.isfinite(fresh), fresh, self.conductance)

    def step(self) -> Step:
        """Give one cell of every pair one pulse, plus and minus cells in turn."""
        side = self.steps & 1
        if self.steps % _REFRESH_EVERY == 0 and self.steps:
            self.refresh()
        weights = self.weights
        gradient = self.model.gradient(weights)
        if self.steps % _CURVATURE_EVERY == 0:
            self._curvature = self.model.curvature(weights)
        self._watch_stiffness(gradient)
        before = self.conductance[:, side].copy()
        view = View(
            sign=1 - 2 * side,
            gradient=gradient,
            curvature=self._curvature,
            stiffness=self.stiffness if self._curvature is None else self._curvature.diagonal(),
            kappa=self.pairs.kappa,
            moments=self.tracker.moments(side, before),
            common=self.conductance.mean(axis=1) - self.pairs.centre,
            range=self.calibration.range,
            temperature=self.temperature,
        )
        polarity, saturated = self.rule.decide(view, self.rng)
        after = before.copy()
        chosen = np.flatnonzero(polarity)
        cells = self.pairs.cells[chosen, side]
        if len(chosen):
            readings = self.array.pulse(cells, self.pulses.of(polarity[chosen]), self.read_voltage)
            assert readings is not None
            after[chosen] = readings.conductance
        self.tracker.update(side, polarity, before, after)
        self.conductance[:, side] = np.where(np.isfinite(after), after, before)
        self.steps += 1
        return Step(self.weights, cells, polarity[chosen], before[chosen], after[chosen], saturated)

    @property
    def stiffness(self) -> NDArray[np.float64]:
        """Running mean of the inverse conditional variances of the weights, shape (n,)."""
        if self._stiffness_weight == 0.0:
            return np.full(self.model.size, self.model.prior_sd**-2.0)
        found: NDArray[np.float64] = self._stiffness / self._stiffness_weight
        return np.maximum(found, self.model.prior_sd**-2.0)

    def rescale(self) -> None:
        """Fit the scale of each weight to the stiffness seen so far; for the burn-in only.

        The conductances stay and the weights move, so what was sampled before no longer counts.
        """
        self.pairs.kappa = fitted_kappa(
            self.calibration, self.stiffness / self.temperature, self.model.prior_sd
        )

    def _watch_stiffness(self, gradient: NDArray[np.float64]) -> None:
        # Without a curvature: the mean square of the gradient is its mean under the posterior.
        seen = (
            gradient**2 / self.temperature
            if self._curvature is None
            else self._curvature.diagonal()
        )
        keep = 1.0 - 1.0 / _STIFFNESS_MEMORY
        self._stiffness = keep * self._stiffness + seen
        self._stiffness_weight = keep * self._stiffness_weight + 1.0

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return everything needed to go on later, as arrays."""
        rng = json.dumps(self.rng.bit_generator.state).encode()
        return {
            "cells": self.pairs.cells.astype(np.float64),
            "kappa": self.pairs.kappa.copy(),
            "conductance": self.conductance.copy(),
            "stiffness": self._stiffness.copy(),
            "counts": np.array([float(self.steps), self._stiffness_weight]),
            "usable": self._usable.astype(np.float64),
            "curvature": np.empty((0, 0)) if self._curvature is None else self._curvature.copy(),
            "rng": np.frombuffer(rng, dtype=np.uint8).astype(np.float64),
            **self.tracker.state(),
        }

    def restore(self, state: dict[str, NDArray[np.float64]]) -> None:
        """Go on from what :meth:`state` returned.

        Raises
        ------
        CalibrationError
            Where it belongs to another model.
        """
        if state["kappa"].shape != (self.model.size,):
            raise CalibrationError(
                f"The saved chain has {len(state['kappa'])} weights, the model {self.model.size}. "
                "Go on with the model it was made with, or start a new chain."
            )
        self.pairs.cells = state["cells"].astype(np.int64)
        self.pairs.kappa = state["kappa"].copy()
        self.conductance = state["conductance"].copy()
        self._stiffness = state["stiffness"].copy()
        self.steps, self._stiffness_weight = int(state["counts"][0]), float(state["counts"][1])
        self._usable = state["usable"] > 0
        self.tracker = Tracker(self.calibration, self.pairs.cells)
        self.tracker.restore(state)
        self._curvature = state["curvature"].copy() if state["curvature"].size else None
        text = bytes(state["rng"].astype(np.uint8)).decode()
        self.rng.bit_generator.state = json.loads(text)
