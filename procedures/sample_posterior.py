"""Learn a Bayesian posterior on the chip, and draw from it by reading the cells."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import FloatParameter, IntegerParameter, ListParameter, Parameter

from labctl.errors import ProcedureError
from labctl.learn.logistic import LogisticRegression
from labctl.learn.reference import reference
from labctl.learn.results import evaluate
from labctl.learn.sampler import Chain, Step
from labctl.learn.source import LAST, measured
from labctl.learn.tasks import load_task, task_names
from labctl.procedure import Procedure
from labctl.store import DATA_ROOT, Column, RunReader

CHUNK = 10
"""Steps of one unit."""
_TYPICAL_WIDTH = 2e-4  # s; the calibration is only read when the run begins
RESCALE_EVERY = 50
"""Steps between two fits of the weights' scales during the burn-in."""


class SamplePosterior(Procedure):
    """Sample the posterior of a Bayesian logistic regression with the cells themselves.

    Every step gives one cell of each differential pair one SET or RESET pulse; which of the two is
    the toss of a coin weighted by the gradient and by the measured step curves, so that the
    randomness of the pulses is what samples the posterior. The weights are what is read back.
    """

    calibration = Parameter("Calibration (run of transitions)", default=LAST)
    task = ListParameter("Data set", choices=task_names(), default="breast_cancer")
    steps = IntegerParameter("Steps", default=6000, minimum=100, maximum=10_000_000)
    burn_in = IntegerParameter("Burn-in steps", default=600, minimum=0, maximum=10_000_000)
    thin = IntegerParameter("Steps per draw", default=5, minimum=1, maximum=100_000)
    temperature = FloatParameter("Temperature", default=1.0, minimum=0.01, maximum=100.0)
    read_voltage = FloatParameter("Read voltage", units="V", default=0.2, minimum=0.01, maximum=0.5)

    tables: ClassVar[dict[str, dict[str, Column]]] = {
        "trace": {
            "step": Column("int64", "", "from 1"),
            "time": Column("float64", "s", "bench time after the step"),
            "log_posterior": Column("float64", "nat", "up to a constant"),
            "nll": Column("float64", "nat", "mean negative log likelihood of the training labels"),
            "saturated": Column("float32", "", "share of coins that could not turn far enough"),
            "pulses": Column("int64", "", "pulses of the learning so far"),
        },
        "draws": {
            "draw": Column("int64", "", "from 0, burn-in included"),
            "step": Column("int64", "", "after which it was read"),
            "kept": Column("bool", "", "false in the burn-in"),
            "weight": Column("int32", "", "index of the weight"),
            "value": Column("float64", "", "the weight, (plus - minus) / kappa"),
            "plus": Column("float64", "S", "conductance of the plus cell as read"),
            "minus": Column("float64", "S", "conductance of the minus cell as read"),
        },
        "pulses": {
            "step": Column("int64", "", "from 1"),
            "row": Column("int16", "", "word line"),
            "col": Column("int16", "", "bit line"),
            "polarity": Column("int8", "", "1 SET, -1 RESET"),
            "before": Column("float64", "S", "read before the pulse"),
            "after": Column("float64", "S", "read after the pulse; NaN where the read failed"),
        },
        "weights": {
            "weight": Column("int32", "", "index of the weight"),
            "plus_row": Column("int16", "", "word line of the plus cell"),
            "plus_col": Column("int16", "", "bit line of the plus cell"),
            "minus_row": Column("int16", "", "word line of the minus cell"),
            "minus_col": Column("int16", "", "bit line of the minus cell"),
            "kappa": Column("float64", "S", "conductance difference per unit of the weight"),
        },
    }

    _draws: list[NDArray[np.float64]]

    def prepare(self) -> None:
        """Calibrate, place the weights, and bring their cells to the middle of the window."""
        self._lay_out(self.calibration)
        self._initial = self._chain.prepare()

    def resume(self, state: dict[str, Any]) -> None:
        """Take up the chain where it was; the weights are on the chip."""
        self._lay_out(state["calibration"])
        self._chain.restore(state["chain"])
        self._initial, self._count = state["initial"], state["count"]
        self._saturated, self._pulses = state["saturated"], state["pulses"]
        self._spent_before = {name: float(value) for name, value in state["spent"].items()}
        self._time_before = state["time"]
        if (folder := self._folder()) is not None:
            draws = RunReader(folder).frame("draws")
            kept = draws[draws["kept"]].sort_values(["draw", "weight"])
            self._draws = list(kept["value"].to_numpy().reshape(-1, self._model.size))

    def _folder(self) -> Path | None:
        """The run folder; None where somebody else than the engine takes the rows."""
        return getattr(self._sink, "path", None)

    def _lay_out(self, calibration: str) -> None:
        """Calibrate and place the weights; touches no cell."""
        if self.burn_in >= self.steps - 4 * self.thin:
            raise ProcedureError(
                f"{self.steps} steps with a burn-in of {self.burn_in} leave fewer than four draws; "
                "raise steps or lower burn_in."
            )
        self._task = load_task(self.task)
        self._model = LogisticRegression(self._task.x_train, self._task.y_train)
        folder = self._folder()
        root = DATA_ROOT if folder is None else folder.parent.parent
        self._measured = measured(calibration, root, self.array.shape)
        self._start = asdict(self.array.counters)
        self._began = self.array.now()
        self._chain = Chain(
            self.array,
            self._model,
            self._measured.calibration,
            self._measured.pulses,
            self.rng,
            temperature=self.temperature,
            read_voltage=self.read_voltage,
        )
        self._draws = []
        self._count = self._saturated = self._pulses = 0
        self._spent_before = dict.fromkeys(self._start, 0.0)
        self._time_before = 0.0

    def state(self) -> dict[str, Any]:
        """Return the chain, and what was counted."""
        return {
            "calibration": str(self._measured.run),
            "chain": self._chain.state(),
            "initial": self._initial,
            "count": self._count,
            "saturated": self._saturated,
            "pulses": self._pulses,
            "spent": self._spent(),
            "time": self._bench_time(),
        }

    def _spent(self) -> dict[str, float]:
        return {
            name: value - self._start[name] + type(value)(self._spent_before[name])
            for name, value in asdict(self.array.counters).items()
        }

    def _bench_time(self) -> float:
        return self.array.now() - self._began + self._time_before

    def units(self) -> list[Any]:
        """First and last step of each chunk."""
        return [[start, min(start + CHUNK, self.steps)] for start in range(0, self.steps, CHUNK)]

    def measure(self, unit: Any) -> None:
        """Take the steps of one chunk."""
        steps: list[Step] = []
        trace: dict[str, list[float]] = {name: [] for name in self.tables["trace"]}
        for index in range(*unit):
            step = self._chain.step()
            steps.append(step)
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
                self._draw(index + 1, step.weights)
            if (index + 1) % RESCALE_EVERY == 0 and index + 1 <= 0.8 * self.burn_in:
                self._chain.rescale()
        self.record("trace", **{name: np.array(values) for name, values in trace.items()})
        self._record_pulses(unit[0], steps)

    def _draw(self, step: int, weights: NDArray[np.float64]) -> None:
        kept = step > self.burn_in
        self.record(
            "draws",
            draw=self._count,
            step=step,
            kept=kept,
            weight=np.arange(len(weights)),
            value=weights,
            plus=self._chain.conductance[:, 0],
            minus=self._chain.conductance[:, 1],
        )
        self._count += 1
        if kept:
            self._draws.append(weights)

    def _record_pulses(self, first: int, steps: list[Step]) -> None:
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

    def estimate(self) -> float:
        """Return the bench time of all pulses with their reads, s."""
        timing, weights = self.array.timing, load_task(self.task).x_train.shape[1]
        return self.steps * weights * timing.pulse_and_read(_TYPICAL_WIDTH)

    def summary(self) -> dict[str, Any]:
        """Return what was learned, and what it cost."""
        chain, task = self._chain, self._task
        calibration, pairs = self._measured.calibration, chain.placed
        self.record(
            "weights",
            weight=np.arange(len(pairs)),
            plus_row=pairs.cells[:, 0, 0],
            plus_col=pairs.cells[:, 0, 1],
            minus_row=pairs.cells[:, 1, 0],
            minus_col=pairs.cells[:, 1, 1],
            kappa=pairs.kappa,
        )
        expected = reference(task.name) if self.temperature == 1.0 else None
        results = evaluate(np.array(self._draws), task, expected)
        return {
            **results.to_json(task),
            "draws": len(self._draws),
            "saturated": self._saturated / (self.steps * self._model.size),
            "initial_pulses": self._initial,
            **self._spent(),
            "bench_time": self._bench_time(),
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
        }
