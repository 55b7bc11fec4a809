"""The chain: cells that wander over the posterior, one pulse per weight and step."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.array import READ_VOLTAGE, CellArray
from labctl.errors import ProcedureError
from labctl.learn.analogue import AnalogueProducts, layers_of, share_kappa
from labctl.learn.budget import Budget, Spent
from labctl.learn.calibration import Calibration
from labctl.learn.coin import StateAwareCoin
from labctl.learn.initialise import PulsePair
from labctl.learn.models.model import Model, PredictiveModel, prior_precision
from labctl.learn.online import Tracker
from labctl.learn.placement import placement_map
from labctl.learn.rule import ChoosesCells, OwnScale, Remembers, Rule, View
from labctl.learn.scale import check_levels, fitted_kappa, most_kappa, start_kappa
from labctl.learn.schedule import Constant, Schedule
from labctl.learn.spares import Replacement
from labctl.learn.step import Step
from labctl.learn.stiffness import Stiffness
from labctl.learn.weightcells import WeightCells
from labctl.learn.weights import DifferentialPairs, Encoding, Weights
from labctl.learn.whereabouts import Whereabouts

_CURVATURE_EVERY = 8
_REFRESH_EVERY = 50
_LOOK_EVERY = 5


class Chain:
    """Samples a posterior with the cells of an array.

    Parameters
    ----------
    array
        The cells.
    model
        The posterior; n weights.
    calibration
        Of these cells, with these pulses.
    pulses
        SET and RESET.
    rng
        Tosses the coins.
    rule
        Decides on the pulses; by default the state-aware coin.
    encoding
        What conductances mean; by default differential pairs.
    temperature
        1 samples the posterior, less a narrower density.
    schedule
        Temperatures that change; instead of ``temperature``.
    read_voltage
        V.
    chains
        How many chains run on the chip side by side, each with cells of its own.
    passes
        0: every pulse is read back, and the weights are what was read last. More: pulses are not
        read back; before each step all cells are read so many times, and the gradient is the mean
        over the passes (Lin et al. 2025: 10).
    batch
        How many data each step's gradient is taken on, drawn at random; None takes all.
    budget
        Most that may be spent; the step that would pass it is not taken.
    analogue
        Whether the forward products of gradients and of :meth:`predict` are those of the array (see
        :class:`labctl.array.AnalogueArray`): every layer is then placed as a block of whole lines,
        and the weights of an output have one scale.

    Attributes
    ----------
    cells
        What carries the weights, those of the first chain first.
    steps
        How many were taken.

    Raises
    ------
    CalibrationError
        Where the window holds too few steps.
    WiringError
        Where the chip is too small, or ``analogue`` is asked of an array that offers no products.
    LimitError
        Where the lines of the chip allow no products.
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
        encoding: Encoding | None = None,
        temperature: float = 1.0,
        schedule: Schedule | None = None,
        read_voltage: float = READ_VOLTAGE,
        chains: int = 1,
        passes: int = 0,
        batch: int | None = None,
        budget: Budget | None = None,
        analogue: bool = False,
    ) -> None:
        check_levels(calibration)
        if chains < 1 or passes < 0 or (batch is not None and batch < 1):
            raise ProcedureError(
                f"{chains} chains, {passes} read passes, batches of {batch}: give 1 chain or more, "
                "0 passes or more, and batches of 1 or more."
            )
        self.model, self.calibration, self.rng = model, calibration, rng
        self.rule: Rule = StateAwareCoin() if rule is None else rule
        self.schedule: Schedule = Constant(temperature) if schedule is None else schedule
        self.chains, self.passes, self.batch = chains, passes, batch
        self._shapes = layers_of(array, model) if analogue else None
        self._take_prior(model)
        encoding = DifferentialPairs() if encoding is None else encoding
        self._signs = np.array(encoding.signs, dtype=np.float64)
        self._pulsed = np.array(encoding.pulsed, dtype=np.int64)
        self._turns = [np.full(len(self._prior), slot) for slot in self._pulsed]
        self._chooser = self.rule if isinstance(self.rule, ChoosesCells) else None
        self.cells = WeightCells(
            array, calibration, pulses, encoding, self._shared(self._first_kappa()), read_voltage,
            budget, None if self._shapes is None else self._shapes * chains,
        )  # fmt: skip
        self._products = self._wired()
        self.steps = 0
        self._stiffness = Stiffness(model.size, chains)
        self._curvature: NDArray[np.float64] | None = None
        self._whereabouts = Whereabouts(model.size)

    def _wired(self) -> list[AnalogueProducts]:
        """Return the products of each chain, as its weights are placed now."""
        if self._shapes is None:
            return []
        return [
            AnalogueProducts(
                self.cells.array, self.placed, self._shapes, self.cells.read_voltage, chain
            )
            for chain in range(self.chains)
        ]

    def _shared(self, kappa: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return scales that weights of an output share, where products need it."""
        if self._shapes is None:
            return kappa
        most = most_kappa(self.calibration, self._prior_sd, len(self._pulsed))
        own = isinstance(self.rule, OwnScale)
        shared = share_kappa(kappa, kappa if own else most, self._shapes, self.chains)
        if own and not np.allclose(shared, kappa):
            raise ProcedureError(
                "This rule asks for another scale for each weight, but an analogue product adds up "
                "before it is scaled. Give all weights of an output one prior_sd, or leave "
                "analogue out."
            )
        return shared

    def _first_kappa(self) -> NDArray[np.float64]:
        if isinstance(self.rule, OwnScale):
            return self.rule.kappa(self.calibration, self._prior_sd, len(self._pulsed))
        return start_kappa(self.calibration, self._prior_sd, len(self._pulsed))

    @property
    def placed(self) -> Weights:
        """The weights on their cells, those of the first chain first."""
        return self.cells.placed

    @property
    def conductance(self) -> NDArray[np.float64]:
        """Conductances as last read, S, shape (chains * n, slots)."""
        return self.cells.conductance

    @property
    def tracker(self) -> Tracker:
        """Of the cells' steps."""
        return self.cells.tracker

    @property
    def replaced(self) -> list[Replacement]:
        """Cells that were given up in mid-training, and the spares in their places."""
        return self.cells.replaced

    @property
    def weights(self) -> NDArray[np.float64]:
        """Present weights as last read, shape (n,), or (chains, n) where there are several."""
        return self._shaped(self.cells.weights)

    @property
    def spent(self) -> Spent:
        """What the learning has spent so far, the preparing included."""
        return self.cells.ledger.spent

    @property
    def placement(self) -> NDArray[np.int64]:
        """Which weight sits where, shape (rows, columns): -1 free, -2 dead."""
        return placement_map(self.placed.cells, self.cells.usable, self.model.size)

    def with_model(self, model: Model) -> None:
        """Go on with other data: the weights stay where they are.

        Raises
        ------
        ProcedureError
            Where the model has another number of weights.
        """
        if model.size != self.model.size:
            raise ProcedureError(
                f"The chain has {self.model.size} weights, the new model {model.size}. Give a "
                "model of the same weights (extend, with_data), or start a new chain."
            )
        if self._shapes is not None and layers_of(self.cells.array, model) != self._shapes:
            raise ProcedureError(
                f"The chain has blocks for layers of {self._shapes}, the new model other ones. "
                "Give a model of the same layers, or start a new chain."
            )
        self._take_prior(model)
        self.model, self._curvature = model, None

    def _take_prior(self, model: Model) -> None:
        self._prior = np.tile(prior_precision(model.prior_sd, model.size), self.chains)
        self._prior_sd = self._prior**-0.5

    def _shaped(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values of weights, shape (..., chains * n), as (..., n) or (..., chains, n)."""
        if self.chains == 1:
            return values
        return values.reshape(*values.shape[:-1], self.chains, self.model.size)

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
        spent = self.cells.prepare()
        self._products = self._wired()
        return spent

    def refresh(self) -> None:
        """Read all cells again: what they did since their last pulse counts as well."""
        self.cells.refresh()

    def verify(self) -> NDArray[np.float64]:
        """Read all cells back and return the weights they carry, shaped as :attr:`weights`.

        The chain itself goes on with what it knew; see :meth:`refresh`.
        """
        return self.read_draws(1)[0]

    def read_draws(self, n: int) -> NDArray[np.float64]:
        """Return the weights of ``n`` fresh passes of reads: their read noise is the spread.

        Returns
        -------
        NDArray
            float64, shape (n, weights), or (n, chains, weights) where there are several chains.
        """
        return self._shaped(self.placed.weights(self.cells.read_passes(n)))

    def predict(self, x: ArrayLike, n: int = 1) -> NDArray[np.float64]:
        """Return predictions of the weights on the chip, shape (n * chains, m, outputs).

        With ``analogue`` the products are those of the array, which are noisy anew each time;
        else the cells are read anew each time.

        Parameters
        ----------
        x
            float, shape (m, d): as the model takes it.
        n
            How many passes.

        Raises
        ------
        ProcedureError
            Where the model predicts nothing.
        """
        predict = getattr(self.model, "predict", None)
        if predict is None:
            raise ProcedureError(f"{type(self.model).__name__} predicts nothing.")
        if not self._products:
            found: NDArray[np.float64] = predict(self.read_draws(n).reshape(-1, self.model.size), x)
            return found
        weights = self.cells.weights.reshape(self.chains, -1)
        return np.concatenate([
            predict(weights[k], x, self._products[k])
            for _ in range(n)
            for k in range(self.chains)
        ])  # fmt: skip

    def draw(self, reads: int) -> NDArray[np.float64]:
        """Return the weights that the cells carry: the mean of so many fresh reads of each.

        The weights of a step have the noise of one read in them, which widens what is drawn of a
        cell that reads badly: its posterior is that of the weight it carries and of the noise
        together. The noise falls with the root of the number of reads; what a trap adds for longer
        than they take stays. The chain itself goes on with what it knew, as it does without.

        Parameters
        ----------
        reads
            1 or more. They cost energy and bench time, and are counted.

        Returns
        -------
        NDArray
            float64, shaped as :attr:`weights`.
        """
        if reads < 1:
            raise ProcedureError(f"A draw of {reads} reads: give 1 or more.")
        mean: NDArray[np.float64] = self.read_draws(reads).mean(axis=0)
        return mean

    def step(self) -> Step:
        """Give one cell of every weight at most one pulse, as the rule decides.

        Cells that no longer follow their pulses are replaced by spares after the step (see
        :attr:`replaced`).

        Raises
        ------
        BudgetSpent
            Where the pulses of the step would pass the budget; nothing is pulsed then.
        WiringError
            Where a cell failed and there is no spare.
        """
        samples = self.cells.look(self.passes) if self.passes else None
        if samples is None and self.steps % _REFRESH_EVERY == 0 and self.steps:
            self.refresh()
        view = self._view(samples)
        resting = self.cells.resting(view.slot)
        polarity, saturated = self.rule.decide(view.without(resting), self.rng)
        polarity = np.where(resting, 0, polarity).astype(np.int8)
        cells, before, after = self.cells.pulse(view.slot, polarity, back=not self.passes)
        draw = self.schedule.draws(self.steps)
        self.steps += 1
        self.cells.replace_lost(self.steps)
        kinds = polarity[polarity != 0]
        return Step(self.weights, cells, kinds, before, after, saturated, draw)

    def _view(self, samples: NDArray[np.float64] | None) -> View:
        weights = self.cells.weights
        gradient = self._gradient(weights if samples is None else samples)
        if self.steps % _CURVATURE_EVERY == 0 or self.steps == 0:
            self._curve(weights)
        self._watch_stiffness(gradient)
        if self.steps % _LOOK_EVERY == 0:
            self._whereabouts.see(weights)
        slot = self._slots()
        return View(
            step=self.steps,
            sign=self._signs[slot],
            slot=slot,
            weights=weights,
            samples=samples,
            gradient=gradient,
            prior=self._prior * weights,
            prior_sd=self._prior_sd,
            curvature=self._curvature,
            stiffness=self.stiffness if self._curvature is None else self._diagonal,
            kappa=self.placed.kappa,
            conductance=self.conductance,
            moments=self.tracker.moments(slot, self.cells.at(slot)),
            common=self.cells.common(slot),
            sharing=len(self._pulsed),
            range=self.calibration.range,
            temperature=self.temperature,
        )

    @property
    def temperature(self) -> float:
        """Temperature of the next step."""
        return self.schedule.temperature(self.steps)

    def _slots(self) -> NDArray[np.int64]:
        if self._chooser is not None:
            of = tuple(self._pulsed.tolist())
            return self.cells.working(
                self._chooser.slots(self.steps, len(self.placed), of, self.rng)
            )
        return self.cells.working(self._turns[self.steps % len(self._turns)])

    def _gradient(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gradient at weights, shape (..., chains * n); the mean over passes."""
        points = weights.reshape(-1, self.model.size)
        asked = points[0] if len(points) == 1 else points
        rows = None
        if self.batch is not None:
            data = len(self.model)  # type: ignore[arg-type]
            rows = self.rng.choice(data, min(self.batch, data), replace=False)
        if self._products:
            assert isinstance(self.model, PredictiveModel)
            found = np.stack([
                self.model.gradient(point, rows, self._products[k % self.chains])
                for k, point in enumerate(points)
            ])  # fmt: skip
        elif rows is None:
            found = self.model.gradient(asked)
        else:
            found = self.model.gradient(asked, rows)
        gradient: NDArray[np.float64] = found.reshape(weights.shape)
        return gradient.mean(axis=0) if weights.ndim == 2 else gradient

    def _curve(self, weights: NDArray[np.float64]) -> None:
        found = [self.model.curvature(w) for w in weights.reshape(-1, self.model.size)]
        known = [c for c in found if c is not None]
        self._curved(np.stack(known) if len(known) == self.chains else None)

    def _curved(self, curvature: NDArray[np.float64] | None) -> None:
        self._curvature = curvature
        if curvature is not None:
            self._diagonal = np.diagonal(curvature, axis1=1, axis2=2).ravel()

    @property
    def stiffness(self) -> NDArray[np.float64]:
        """Inverse conditional variances as seen on the way, shape (chains * n,)."""
        return self._stiffness.mean(self._prior)

    def rescale(self, temperature: float | None = None) -> None:
        """Fit the scale of each weight to the stiffness seen so far; for the burn-in only.

        Where the model gives its curvature, so that it has one mode, a weight gets no more of the
        window than it has made use of so far: a narrow posterior is not left with pulses and reads
        that are as coarse as its prior. The conductances stay and the weights move, so what was
        sampled before no longer counts. A rule with a scale of its own decides what becomes of it.

        Parameters
        ----------
        temperature
            Of the density that will be drawn from; None is that of the next step. Where a schedule
            explores hot, pulses that suit the heat would be too coarse for what comes after.
        """
        own = self.rule if isinstance(self.rule, OwnScale) else None
        if own is not None and self._shapes is not None:
            return
        reach: NDArray[np.float64] | float = np.inf
        if self._curvature is not None and self._shapes is None:
            reach = np.tile(self._whereabouts.reach(), self.chains)
        stiffness = self.stiffness / (self.temperature if temperature is None else temperature)
        fitted = fitted_kappa(self.calibration, stiffness, self._prior_sd, len(self._pulsed), reach)
        if own is not None:
            fitted = own.rescaled(self._first_kappa(), fitted)
        self.placed.kappa = self._shared(fitted)

    def _watch_stiffness(self, gradient: NDArray[np.float64]) -> None:
        # Without a curvature: the mean square of the gradient is its mean under the posterior.
        seen = gradient**2 / self.temperature if self._curvature is None else self._diagonal
        self._stiffness.see(seen)

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return everything needed to go on later, as arrays."""
        rng = json.dumps(self.rng.bit_generator.state).encode()
        return {
            "stiffness": self._stiffness.total.copy(),
            "counts": np.array([float(self.steps), self._stiffness.weight]),
            "curvature": np.empty(0) if self._curvature is None else self._curvature.copy(),
            "rng": np.frombuffer(rng, dtype=np.uint8).astype(np.float64),
            **self._whereabouts.state(),
            **self.cells.state(),
            **(self.rule.state() if isinstance(self.rule, Remembers) else {}),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state` returned, with conductances as they were read then.

        No cell is read. Where the cells may have moved since (time went by, or steps were taken
        that the state does not know), call :meth:`refresh` before the next step; without it the
        first pulses are compared with, and decided on, what is no longer there.

        Raises
        ------
        CalibrationError
            Where it belongs to another model, encoding or number of chains.
        """
        self.cells.restore(state)
        self._products = self._wired()
        self._stiffness.total = state["stiffness"].copy()
        self.steps, self._stiffness.weight = int(state["counts"][0]), float(state["counts"][1])
        self._whereabouts.restore(state)
        if isinstance(self.rule, Remembers):
            self.rule.restore(state)
        self._curved(state["curvature"].copy() if state["curvature"].size else None)
        text = bytes(state["rng"].astype(np.uint8)).decode()
        self.rng.bit_generator.state = json.loads(text)
