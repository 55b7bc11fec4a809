"""What procedures have in common that run chains over one data set, from first step to last."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import FloatParameter, IntegerParameter, ListParameter

from labctl.errors import BudgetSpent, ProcedureError
from labctl.learn.models import PredictiveModel
from labctl.learn.schedule import Constant, Cyclical, Schedule, Tempered
from labctl.learn.step import Step
from labctl.learn.tasks import Task, load_task
from labctl.procedure import Cost
from labctl.store import Column, RunReader
from procedures._chain import _OnChip
from procedures._tables import DRAWS, PLACEMENT, PULSES, TRACE, WEIGHTS

CONSTANT, TEMPERED, CYCLICAL = "constant", "tempered", "cyclical"
_FEWEST = 4
"""Draws of a chain that are anything to go by."""


class _Sampling(_OnChip):
    """Chains over one data set, from their first step to their last.

    What is learned, and what the draws are worth, is the business of the class derived from it.
    """

    steps = IntegerParameter("Steps", default=6000, minimum=100, maximum=10_000_000)
    burn_in = IntegerParameter("Burn-in steps", default=600, minimum=0, maximum=10_000_000)
    thin = IntegerParameter("Steps per draw", default=5, minimum=1, maximum=100_000)
    reads = IntegerParameter(
        "Reads of a draw (0 is the one after the pulse)", default=0, minimum=0, maximum=1000
    )
    schedule = ListParameter(
        "Temperature over the steps", choices=[CONSTANT, TEMPERED, CYCLICAL], default=CONSTANT
    )
    hot = FloatParameter(
        "Temperature it begins at", default=10.0, minimum=0.001, maximum=1e4,
        group_by="schedule", group_condition=lambda schedule: schedule != CONSTANT,
    )  # fmt: skip
    cooling = IntegerParameter(
        "Steps of the cooling", default=400, minimum=1, maximum=10_000_000,
        group_by="schedule", group_condition=TEMPERED,
    )  # fmt: skip
    period = IntegerParameter(
        "Steps of a cycle", default=1000, minimum=2, maximum=10_000_000,
        group_by="schedule", group_condition=CYCLICAL,
    )  # fmt: skip
    explore = FloatParameter(
        "Part of a cycle that is hot", default=0.4, minimum=0.0, maximum=1.0,
        group_by="schedule", group_condition=CYCLICAL,
    )  # fmt: skip
    settle = FloatParameter(
        "Part of a cycle that settles after it", default=0.2, minimum=0.0, maximum=1.0,
        group_by="schedule", group_condition=CYCLICAL,
    )  # fmt: skip

    tables: ClassVar[dict[str, dict[str, Column]]] = {
        "trace": TRACE, "draws": DRAWS, "pulses": PULSES, "weights": WEIGHTS,
        "placement": PLACEMENT,
    }  # fmt: skip
    chunk: ClassVar[int] = 10
    """Steps of one unit."""
    rescale_every: ClassVar[int] = 50
    """Steps between two fits of the weights' scales during the burn-in."""
    task: str

    _task: Task
    _model: PredictiveModel
    _draws: list[NDArray[np.float64]]

    def _make_model(self, task: Task) -> PredictiveModel:
        """Return the posterior of a task."""
        raise NotImplementedError

    def _chain_temperature(self) -> float:
        """Return the temperature of the chain, where the model does not see to it itself."""
        return self.temperature

    def _make_schedule(self, temperature: float) -> Schedule:
        """Return the temperatures of the steps, the last of them being ``temperature``.

        Raises
        ------
        ProcedureError
            Where it begins no hotter than that, or cycles have nothing to sample.
        """
        if self.schedule == CONSTANT:
            return Constant(temperature)
        if self.hot <= self.temperature:
            raise ProcedureError(
                f"A {self.schedule} schedule from a temperature of {self.hot:g} to "
                f"{self.temperature:g} does not cool; raise hot, or take schedule={CONSTANT}."
            )
        # Of the chain: a cold model leaves it the difference only.
        hot = self.hot * temperature / self.temperature
        if self.schedule == TEMPERED:
            return Tempered(hot, temperature, self.cooling)
        return Cyclical(self.period, hot, temperature, self.explore, self.settle)

    def _results(self, draws: NDArray[np.float64]) -> dict[str, Any]:
        """Return what draws, shape (chains, n, weights), are worth; JSON-able."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Calibrate, place the weights, and bring their cells to the middle of the window."""
        self._lay_out(self.calibration)
        self._initial = self._begin()

    def resume(self, state: dict[str, Any]) -> None:
        """Take up the chain where it was; the weights are on the chip."""
        self._lay_out(state["calibration"])
        self._restore_chip(state)
        self._initial, self._count = state["initial"], state["count"]
        self._saturated, self._pulses = state["saturated"], state["pulses"]
        self._taken = state["taken"]
        if (folder := self._folder()) is not None:
            draws = RunReader(folder).frame("draws")
            by = ["draw", "chain", "weight"] if self._names_chains else ["draw", "weight"]
            kept = draws[draws["kept"]].sort_values(by)
            shape = (-1, self.chains, self._model.size)
            self._draws = list(kept["value"].to_numpy().reshape(shape))

    def _lay_out(self, calibration: str) -> None:
        """Calibrate and place the weights; touches no cell."""
        if self.steps // self.thin - self.burn_in // self.thin < _FEWEST:
            raise ProcedureError(
                f"{self.steps} steps with a burn-in of {self.burn_in}, a draw every {self.thin}, "
                "leave fewer than four draws; raise steps, or lower burn_in or thin."
            )
        self._task = load_task(self.task)
        self._model = self._make_model(self._task)
        self._make_chain(calibration, self._model, self._chain_temperature())
        self._refuse_without_draws()
        self._draws = []
        self._count = self._saturated = self._pulses = self._taken = 0

    def _refuse_without_draws(self) -> None:
        """Refuse a schedule that explores nearly all the time."""
        first = self.burn_in // self.thin + 1
        drawn = range(first * self.thin, self.steps + 1, self.thin)
        wanted = self._chain.schedule.draws
        if self.schedule != CONSTANT and sum(wanted(step - 1) for step in drawn) < _FEWEST:
            raise ProcedureError(
                f"The {self.schedule} schedule leaves fewer than four draws of {self.steps} steps "
                f"with a burn-in of {self.burn_in}; raise steps, or let it explore for less."
            )

    def state(self) -> dict[str, Any]:
        """Return the chain, and what was counted."""
        return {
            **self._chip_state(),
            "initial": self._initial,
            "count": self._count,
            "saturated": self._saturated,
            "pulses": self._pulses,
            "taken": self._taken,
        }

    def units(self) -> list[Any]:
        """First and last step of each chunk."""
        starts = range(0, self.steps, self.chunk)
        return [[start, min(start + self.chunk, self.steps)] for start in starts]

    def measure(self, unit: Any) -> None:
        """Take the steps of one chunk; none of them where the budget is spent."""
        steps: list[Step] = []
        trace: dict[str, list[float]] = {name: [] for name in self.tables["trace"]}
        for index in range(*unit):
            step = self._step()
            if step is None:
                break
            steps.append(step)
            self._taken += 1
            self._pulses += len(step.cells)
            self._saturated += step.saturated
            each = step.weights.reshape(self.chains, -1)
            likelihood = np.mean([self._model.log_likelihood(weights) for weights in each])
            density = np.mean([self._model.log_posterior(weights) for weights in each])
            trace["step"].append(index + 1)
            trace["time"].append(self.array.now())
            trace["log_posterior"].append(float(density))
            trace["nll"].append(-float(likelihood) / len(self._model))
            trace["saturated"].append(step.saturated / each.size)
            trace["pulses"].append(self._pulses)
            if (index + 1) % self.thin == 0:
                self._draw(index + 1, step.draw)
            if (index + 1) % self.rescale_every == 0 and index + 1 <= 0.8 * self.burn_in:
                self._chain.rescale(self._chain_temperature())
        if steps:
            self.record("trace", **{name: np.array(values) for name, values in trace.items()})
        self._record_pulses(unit[0], steps)

    def _size(self) -> int:
        """Return how many weights all chains have, before anything is laid out."""
        return self.chains * self._make_model(load_task(self.task)).size

    def _planned_reads(self) -> tuple[int, int]:
        """Return how often all cells are read, for draws and before steps, and how many."""
        passes = self.reads * (self.steps // self.thin) + self._passes() * self.steps
        return passes, len(self._make_encoding().signs) * self._size()

    def _planned_time(self, pulses: float) -> float:
        """Return the bench time of so many pulses, and of the reads of all cells, s."""
        passes, cells = self._planned_reads()
        return super()._planned_time(pulses) + passes * cells * self.array.timing.read

    def _planned_cost(self, steps: int, pulsed: float) -> Cost:
        """Return what steps cost, and the reads of all cells."""
        passes, cells = self._planned_reads()
        each = super()._planned_cost(1, cells).closures  # one way through all of them
        more = Cost(reads=passes * cells, closures=passes * each)
        return super()._planned_cost(steps, pulsed) + more

    def _saturation(self) -> float:
        return self._saturated / (max(self._taken, 1) * len(self._chain.placed))

    def _draw(self, step: int, wanted: bool) -> None:
        kept, chain = wanted and step > self.burn_in, self._chain
        conductance, weights = chain.conductance, chain.cells.weights
        if self.reads:
            conductance = chain.cells.read_passes(self.reads).mean(axis=0)
            weights = chain.placed.weights(conductance)
        self._record_draw(self._count, step, kept, weights, conductance)
        self._count += 1
        if kept:
            self._draws.append(weights.reshape(self.chains, -1))

    def summary(self) -> dict[str, Any]:
        """Return what was learned, and what it cost."""
        self._record_weights()
        if len(self._draws) < _FEWEST:
            raise BudgetSpent(
                f"{self._stopped} That left {len(self._draws)} draws after the burn-in, too few "
                "to learn anything from."
            )
        return {
            **self._results(np.array(self._draws).swapaxes(0, 1)),
            "chains": self.chains,
            "draws": len(self._draws),
            "steps": self._taken,
            "saturated": self._saturation(),
            "initial_pulses": self._initial,
            **self._cost(),
        }
