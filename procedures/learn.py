"""Learn a data set on the chip: regression or a network of any widths."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import BooleanParameter, FloatParameter, ListParameter, Parameter

from labctl.errors import ProcedureError
from labctl.learn import building, lin2025, scores
from labctl.learn.diagnostics import diagnose
from labctl.learn.evaluation import evaluate_classes
from labctl.learn.models import PredictiveModel
from labctl.learn.rule import Rule
from labctl.learn.schedule import Schedule
from labctl.learn.tasks import Task, load_task, task_names
from labctl.learn.uncertainty import split
from labctl.learn.weights import Encoding, SumOfCells
from labctl.procedure import Cost
from labctl.store import Column
from procedures._chain import COIN, KAPPA
from procedures._sampling import CONSTANT, _Sampling

LIN2025 = "lin2025"
_RECENT = 20
"""Draws of the running prediction."""
_DIAGNOSED = 8
"""Fewest draws that are diagnosed."""


def widths(text: str) -> tuple[int, ...]:
    """Return the widths of hidden layers that a text names, such as ``"50, 50"``; empty is none.

    Raises
    ------
    ProcedureError
        Where it names something else.
    """
    parts = str(text).replace(",", " ").replace("none", " ").split()
    if any(not part.isdecimal() or int(part) == 0 for part in parts):
        raise ProcedureError(
            f"Hidden layers {text!r}: give their widths, such as '32' or '50, 50', or 'none'."
        )
    return tuple(int(part) for part in parts)


def _knows_temperature(rule: str) -> bool:
    """Tell whether a rule goes by a temperature."""
    return rule != LIN2025


class Learn(_Sampling):
    """Learn a data set on the chip with a Bayesian regression or network.

    Weights are differential pairs; each step gives a share of them one pulse. Without hidden
    layers it is logistic or softmax regression. Networks predict best cold, at temperatures of 0.03
    to 0.3. With the published rule of Lin et al. (2025) weights are sums of three cells, pulses are
    not read back, and all cells are read ten times before each step.
    """

    task = ListParameter("Data set", choices=task_names(), default="digits")
    hidden = Parameter("Hidden layers (widths)", default="32")
    activation = ListParameter("Activation", choices=["relu", "sigmoid", "tanh"], default="relu")
    rule = ListParameter("Rule of the pulses", choices=[COIN, KAPPA, LIN2025], default=COIN)
    restarted = BooleanParameter(
        "Shares of the published rule begin anew every 120 steps", default=False,
        group_by="rule", group_condition=LIN2025,
    )  # fmt: skip
    temperature = FloatParameter(
        "Temperature", default=0.1, minimum=0.001, maximum=100.0,
        group_by="rule", group_condition=_knows_temperature,
    )  # fmt: skip
    hot = FloatParameter(
        "Temperature it begins at", default=1.0, minimum=0.001, maximum=1e4,
        group_by="schedule", group_condition=lambda schedule: schedule != CONSTANT,
    )  # fmt: skip
    prior_sd = FloatParameter("Prior sd of a weight", default=1.0, minimum=1e-3, maximum=1e3)
    share = FloatParameter(
        "Share of weights (0 is chosen)", default=0.0, minimum=0, maximum=1,
        group_by="rule", group_condition=COIN,
    )  # fmt: skip

    tables: ClassVar[dict[str, dict[str, Column]]] = {
        **_Sampling.tables,
        "progress": {
            "step": Column("int64", "", "after which the test samples were predicted"),
            "time": Column("float64", "s", "bench time"),
            "pulses": Column("int64", "", "pulses of the learning so far"),
            "accuracy": Column("float64", "", "of the test samples, mean of the last draws"),
            "nll": Column("float64", "nat", "of the test samples"),
            "aleatoric": Column("float64", "nat", "mean over the test samples"),
            "epistemic": Column("float64", "nat", "mean over the test samples"),
        },
    }
    chunk: ClassVar[int] = 50

    def _make_model(self, task: Task) -> PredictiveModel:
        return building.classifier(
            task.x_train[:, 1:], task.y_train.astype(np.int64), len(task.classes),
            widths(self.hidden), self.activation, self.prior_sd,
            1.0 if self.rule == LIN2025 else self.temperature,
        )  # fmt: skip

    def _chain_temperature(self) -> float:
        return 1.0  # the model is cold itself

    def _share(self, model: PredictiveModel) -> float:
        return self.share or building.share_for(model)

    def _make_rule(self, model: PredictiveModel) -> Rule | None:
        return self._published(model) if self.rule == LIN2025 else super()._make_rule(model)

    def _published(self, model: PredictiveModel) -> lin2025.Lin2025:
        """Return the published rule, its scale that of the chip's window.

        Raises
        ------
        ProcedureError
            Where it would move no weight.
        """
        layers = [rows * columns for rows, columns in model.shapes]
        schedule: lin2025.Schedule = "restarted" if self.restarted else "published"
        rule = lin2025.Lin2025(layers, schedule, kappa=None)
        if not rule.pulsed(1):
            raise ProcedureError(
                f"The published rule moves {rule.share(0):.1%} of each layer, rounded down, and "
                f"layers of {', '.join(map(str, layers))} weights are too small for one. Take "
                "wider layers, or another rule."
            )
        return rule

    def _make_encoding(self) -> Encoding:
        return SumOfCells(3) if self.rule == LIN2025 else super()._make_encoding()

    def _make_schedule(self, temperature: float) -> Schedule:
        if self.rule == LIN2025 and self.schedule != CONSTANT:
            raise ProcedureError(
                f"The published rule goes by no temperature, so that a {self.schedule} schedule "
                "does nothing. Leave schedule out, or take another rule."
            )
        return super()._make_schedule(temperature)

    def _passes(self) -> int:
        return lin2025.READS if self.rule == LIN2025 else 0

    def _predicted(self, draws: NDArray[np.float64]) -> NDArray[np.float64]:
        x = building.inputs(self._task.x_test[:, 1:], widths(self.hidden))
        return self._model.predict(draws, x)

    def measure(self, unit: Any) -> None:
        """Take the steps of one chunk, and predict the test samples with the last draws."""
        before = self._taken
        super().measure(unit)
        if self._taken == before:
            return
        draws = np.array(self._draws[-_RECENT:] or [self._chain.weights])
        predicted, label = self._predicted(draws.reshape(-1, self._model.size)), self._task.y_test
        mean, doubt = predicted.mean(axis=0), split(predicted)
        self.record(
            "progress",
            step=unit[1],
            time=self.array.now(),
            pulses=self._pulses,
            accuracy=scores.accuracy(mean, label),
            nll=scores.nll(mean, label),
            aleatoric=float(doubt.aleatoric.mean()),
            epistemic=float(doubt.epistemic.mean()),
        )

    def _results(self, draws: NDArray[np.float64]) -> dict[str, Any]:
        found = evaluate_classes(self._predicted(draws.reshape(-1, self._model.size)), self._task)
        found["weights"] = [f"w{k}" for k in range(self._model.size)]
        if draws.shape[1] >= _DIAGNOSED:
            found |= diagnose(draws).to_json()
        return found

    def _pulsed(self) -> float:
        """Return how many cells a step pulses, in the mean."""
        model = self._make_model(load_task(self.task))
        if self.rule == LIN2025:
            return self.chains * self._published(model).pulsed(self.steps) / self.steps
        share = self._share(model) if self.rule == COIN else 1.0
        return float(self.chains * model.size * share)

    def estimate(self) -> float:
        """Return the bench time of all pulses with their reads, s."""
        return self._planned_time(self.steps * self._pulsed())

    def cost(self) -> Cost:
        """Return pulses, reads and relay closures of all steps."""
        return self._planned_cost(self.steps, self._pulsed())
