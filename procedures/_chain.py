"""What procedures that run a chain on the chip have in common."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import FloatParameter, IntegerParameter, Parameter

from labctl.array import READ_GATE
from labctl.errors import BudgetSpent, ProcedureError
from labctl.learn.budget import Budget
from labctl.learn.cost import cost
from labctl.learn.models import PredictiveModel
from labctl.learn.placementlog import PlacementLog
from labctl.learn.rule import Rule
from labctl.learn.sampler import Chain
from labctl.learn.source import LAST, Measured, measured
from labctl.learn.step import Step
from labctl.learn.tasks import Task, load_task
from labctl.procedure import Cost, Procedure
from labctl.store import DATA_ROOT, Column, RunReader

_TYPICAL_WIDTH = 2e-4  # s; the calibration is only read when the run begins

PULSES = {
    "step": Column("int64", "", "from 1"),
    "row": Column("int16", "", "word line"),
    "col": Column("int16", "", "bit line"),
    "polarity": Column("int8", "", "1 SET, -1 RESET"),
    "before": Column("float64", "S", "read before the pulse"),
    "after": Column("float64", "S", "read after the pulse; NaN where the read failed"),
}
WEIGHTS = {
    "weight": Column("int32", "", "index of the weight"),
    "plus_row": Column("int16", "", "word line of the plus cell"),
    "plus_col": Column("int16", "", "bit line of the plus cell"),
    "minus_row": Column("int16", "", "word line of the minus cell"),
    "minus_col": Column("int16", "", "bit line of the minus cell"),
    "kappa": Column("float64", "S", "conductance difference per unit of the weight"),
}
PLACEMENT = {
    "step": Column("int64", "", "after which it is so; 0 is before the first"),
    "row": Column("int16", "", "word line"),
    "col": Column("int16", "", "bit line"),
    "weight": Column("int32", "", "index of the weight on the cell; -1 free, -2 not usable"),
    "chain": Column("int16", "", "of the weight, from 0; -1 where there is none"),
    "layer": Column("int16", "", "likewise"),
    "input": Column("int32", "", "row of the layer's table, likewise"),
    "output": Column("int32", "", "column of the layer's table, likewise"),
    "slot": Column("int8", "", "which of the weight's cells, likewise"),
    "sign": Column("int8", "", "1 adds to the weight, -1 takes from it, 0 carries none"),
    "frozen": Column(
        "int8", "", "1 where the cell was given up in its place, and is pulsed no more"
    ),
    "lost_row": Column("int16", "", "word line of the cell whose place it took; -1 is none"),
    "lost_col": Column("int16", "", "bit line of that cell"),
}
TRACE = {
    "step": Column("int64", "", "from 1"),
    "time": Column("float64", "s", "bench time after the step"),
    "log_posterior": Column("float64", "nat", "up to a constant"),
    "nll": Column("float64", "nat", "mean negative log likelihood of the training labels"),
    "saturated": Column("float32", "", "share of coins that could not turn far enough"),
    "pulses": Column("int64", "", "pulses of the learning so far"),
}
DRAWS = {
    "draw": Column("int64", "", "from 0, burn-in included"),
    "step": Column("int64", "", "after which it was read"),
    "kept": Column("bool", "", "false in the burn-in"),
    "weight": Column("int32", "", "index of the weight"),
    "value": Column("float64", "", "the weight, (plus - minus) / kappa"),
    "plus": Column("float64", "S", "conductance of the plus cell as read, mean of its reads"),
    "minus": Column("float64", "S", "conductance of the minus cell as read, mean of its reads"),
}


class _OnChip(Procedure):
    """A chain on the chip: its calibration, its budget, and what it has spent."""

    calibration = Parameter("Calibration (run of transitions)", default=LAST)
    temperature = FloatParameter("Temperature", default=1.0, minimum=0.001, maximum=100.0)
    read_voltage = FloatParameter("Read voltage", units="V", default=0.2, minimum=0.01, maximum=0.5)
    most_pulses = IntegerParameter(
        "Most pulses (0 is no bound)", default=0, minimum=0, maximum=10**15
    )
    most_energy = FloatParameter(
        "Most energy (0 is no bound)", units="J", default=0.0, minimum=0.0, maximum=1e6
    )
    most_wear = IntegerParameter(
        "Most pulses of a cell (0 is no bound)", default=0, minimum=0, maximum=10**12
    )

    _chain: Chain
    _measured: Measured
    _stopped: str

    def _folder(self) -> Path | None:
        """The run folder; None where somebody else than the engine takes the rows."""
        return getattr(self._sink, "path", None)

    def _make_rule(self, model: PredictiveModel) -> Rule | None:
        """Return what decides on the pulses; None is the state-aware coin."""
        return None

    def _make_chain(self, calibration: str, model: PredictiveModel, temperature: float) -> None:
        """Calibrate and place the weights; touches no cell."""
        folder = self._folder()
        root = DATA_ROOT if folder is None else folder.parent.parent
        self._measured = measured(calibration, root, self.array.shape)
        self._start = asdict(self.array.counters)
        self._spent_before = dict.fromkeys(self._start, 0.0)
        self._stopped = ""
        self._placement: PlacementLog | None = PlacementLog(self.array.shape)
        self._chain = Chain(
            self.array,
            model,
            self._measured.calibration,
            self._measured.pulses,
            self.rng,
            rule=self._make_rule(model),
            temperature=temperature,
            read_voltage=self.read_voltage,
            budget=Budget(
                pulses=self.most_pulses or None,
                energy=self.most_energy or None,
                endurance=self.most_wear or None,
            ),
        )

    def _begin(self) -> int:
        """Bring the cells to where they begin; return the pulses spent.

        The placement is told before, to be seen meanwhile, and again where cells did not get there.
        """
        self._record_placement()
        spent = self._chain.prepare()
        self._record_placement()
        return spent

    def _step(self) -> Step | None:
        """Take a step; None where the budget is spent, which ends the learning, not the run."""
        if self._stopped:
            return None
        try:
            step = self._chain.step()
            self._follow_placement()
            return step
        except BudgetSpent as error:
            self._stopped = str(error)
            return None

    def _planned_time(self, pulses: float) -> float:
        """Return the bench time of so many pulses with their reads, s."""
        return pulses * self.array.timing.pulse_and_read(_TYPICAL_WIDTH)

    def _planned_cost(self, steps: int, pulsed: float) -> Cost:
        """Return what steps cost that pulse and read so many cells each, spread over the chip."""
        rows, columns = self.array.shape
        flat = np.arange(0, rows * columns, 2)[: round(pulsed)]
        each = self.relays(np.stack([flat // columns, flat % columns], axis=1))
        count = round(steps * pulsed)
        return Cost(count, count, steps * each)

    def _chip_state(self) -> dict[str, Any]:
        return {
            "calibration": str(self._measured.run),
            "chain": self._chain.state(),
            "spent": self._spent(),
            "stopped": self._stopped,
        }

    def _restore_chip(self, state: dict[str, Any]) -> None:
        """Take up the chain where it was; the weights are on the chip, and are read anew."""
        self._chain.restore(state["chain"])
        self._spent_before = {name: float(value) for name, value in state["spent"].items()}
        self._stopped = state["stopped"]
        # A unit that was broken off may have moved cells since.
        self._chain.refresh()
        if (folder := self._folder()) is not None:
            run = RunReader(folder)
            if "placement" in run.tables:
                assert self._placement is not None
                frame = run.frame("placement")
                self._placement.take({str(name): frame[name].to_numpy() for name in frame})
            else:  # begun by a labctl that did not tell
                self._placement = None
        self._record_placement()

    def _spent(self) -> dict[str, float]:
        return {
            name: value - self._start[name] + type(value)(self._spent_before[name])
            for name, value in asdict(self.array.counters).items()
        }

    def _cost(self) -> dict[str, Any]:
        """Return what the learning cost, and what it was done with."""
        chain, calibration = self._chain, self._measured.calibration
        counters = self._spent()
        return {
            **counters,
            **cost(
                chain.spent, chain.cells.ledger.counts, chain.placed.all_cells,
                self._measured.pulses, self.read_voltage, READ_GATE,
            ),
            "stopped": self._stopped,
            "replaced_cells": len(chain.cells.replaced),
            "calibration_run": str(self._measured.run),
            "calibration": {
                "pulses": calibration.pulses,
                "window": list(calibration.window),
                "step": calibration.step,
                "spread": calibration.spread,
                "levels": calibration.levels,
                "good_cells": int(calibration.good.sum()),
            },
            "warnings": chain.tracker.warnings(),
        }  # fmt: skip

    def _record_pulses(self, first: int, steps: list[Step]) -> None:
        if not steps:
            return
        cells = np.concatenate([step.cells for step in steps])
        self.record(
            "pulses",
            step=np.repeat(np.arange(len(steps)) + first + 1, [len(s.cells) for s in steps]),
            row=cells[:, 0],
            col=cells[:, 1],
            polarity=np.concatenate([step.polarity for step in steps]),
            before=np.concatenate([step.before for step in steps]),
            after=np.concatenate([step.after for step in steps]),
        )

    def _follow_placement(self) -> None:
        """Tell of the placement where the step has replaced cells."""
        if len(self._chain.replaced) > self._replaced:
            self._record_placement()

    def _record_placement(self) -> None:
        """Tell of the cells whose use is another than was told last."""
        self._replaced = len(self._chain.replaced)
        if self._placement is None:
            return
        changed = self._placement.changes(self._chain)
        count = len(changed["row"])
        if count:
            self.record("placement", step=np.full(count, self._chain.steps), **changed)

    def _record_weights(self) -> None:
        pairs = self._chain.placed
        self.record(
            "weights",
            weight=np.arange(len(pairs)),
            plus_row=pairs.cells[:, 0, 0],
            plus_col=pairs.cells[:, 0, 1],
            minus_row=pairs.cells[:, 1, 0],
            minus_col=pairs.cells[:, 1, 1],
            kappa=pairs.kappa,
        )


class _Sampling(_OnChip):
    """One chain over one data set, from its first step to its last.

    What is learned, and what the draws are worth, is the business of the class derived from it.
    """

    steps = IntegerParameter("Steps", default=6000, minimum=100, maximum=10_000_000)
    burn_in = IntegerParameter("Burn-in steps", default=600, minimum=0, maximum=10_000_000)
    thin = IntegerParameter("Steps per draw", default=5, minimum=1, maximum=100_000)
    reads = IntegerParameter(
        "Reads of a draw (0 is the one after the pulse)", default=0, minimum=0, maximum=1000
    )

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

    def _results(self, draws: NDArray[np.float64]) -> dict[str, Any]:
        """Return what draws, shape (n, weights), are worth; JSON-able."""
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
            kept = draws[draws["kept"]].sort_values(["draw", "weight"])
            self._draws = list(kept["value"].to_numpy().reshape(-1, self._model.size))

    def _lay_out(self, calibration: str) -> None:
        """Calibrate and place the weights; touches no cell."""
        if self.burn_in >= self.steps - 4 * self.thin:
            raise ProcedureError(
                f"{self.steps} steps with a burn-in of {self.burn_in} leave fewer than four draws; "
                "raise steps or lower burn_in."
            )
        self._task = load_task(self.task)
        self._model = self._make_model(self._task)
        self._make_chain(calibration, self._model, self._chain_temperature())
        self._draws = []
        self._count = self._saturated = self._pulses = self._taken = 0

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
            likelihood = self._model.log_likelihood(step.weights)
            trace["step"].append(index + 1)
            trace["time"].append(self.array.now())
            trace["log_posterior"].append(self._model.log_posterior(step.weights))
            trace["nll"].append(-likelihood / len(self._model))
            trace["saturated"].append(step.saturated / self._model.size)
            trace["pulses"].append(self._pulses)
            if (index + 1) % self.thin == 0:
                self._draw(index + 1)
            if (index + 1) % self.rescale_every == 0 and index + 1 <= 0.8 * self.burn_in:
                self._chain.rescale()
        if steps:
            self.record("trace", **{name: np.array(values) for name, values in trace.items()})
        self._record_pulses(unit[0], steps)

    def _size(self) -> int:
        """Return how many weights there are, before anything is laid out."""
        return self._make_model(load_task(self.task)).size

    def _planned_time(self, pulses: float) -> float:
        """Return the bench time of so many pulses, and of the reads of all draws, s."""
        more = 2 * self._size() * self.reads * (self.steps // self.thin)
        return super()._planned_time(pulses) + more * self.array.timing.read

    def _planned_cost(self, steps: int, pulsed: float) -> Cost:
        """Return what steps cost, and the reads of all draws."""
        passes, cells = self.reads * (self.steps // self.thin), 2 * self._size()
        each = super()._planned_cost(1, cells).closures
        more = Cost(reads=passes * cells, closures=passes * each)
        return super()._planned_cost(steps, pulsed) + more

    def _draw(self, step: int) -> None:
        kept, chain = step > self.burn_in, self._chain
        conductance, weights = chain.conductance, chain.weights
        if self.reads:
            conductance = chain.cells.read_passes(self.reads).mean(axis=0)
            weights = chain.placed.weights(conductance)
        self.record(
            "draws",
            draw=self._count,
            step=step,
            kept=kept,
            weight=np.arange(len(weights)),
            value=weights,
            plus=conductance[:, 0],
            minus=conductance[:, 1],
        )
        self._count += 1
        if kept:
            self._draws.append(weights)

    def summary(self) -> dict[str, Any]:
        """Return what was learned, and what it cost."""
        self._record_weights()
        if len(self._draws) < 4:
            raise BudgetSpent(
                f"{self._stopped} That left {len(self._draws)} draws after the burn-in, too few "
                "to learn anything from."
            )
        return {
            **self._results(np.array(self._draws)),
            "draws": len(self._draws),
            "steps": self._taken,
            "saturated": self._saturated / (max(self._taken, 1) * self._model.size),
            "initial_pulses": self._initial,
            **self._cost(),
        }
