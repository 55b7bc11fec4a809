"""Learn a data set on the chip: regression or a network of any widths."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import FloatParameter, ListParameter, Parameter

from labctl.errors import ProcedureError
from labctl.learn import building, scores
from labctl.learn.diagnostics import diagnose
from labctl.learn.evaluation import evaluate_classes
from labctl.learn.models import PredictiveModel
from labctl.learn.tasks import Task, load_task, task_names
from labctl.learn.uncertainty import split
from labctl.procedure import Cost
from labctl.store import Column
from procedures._chain import COIN
from procedures._sampling import CONSTANT, _Sampling

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


class Learn(_Sampling):
    """Learn a data set on the chip with a Bayesian regression or network.

    Weights are differential pairs; each step gives a share of them one pulse. Without hidden
    layers it is logistic or softmax regression. Networks predict best cold, at temperatures of 0.03
    to 0.3.
    """

    task = ListParameter("Data set", choices=task_names(), default="digits")
    hidden = Parameter("Hidden layers (widths)", default="32")
    activation = ListParameter("Activation", choices=["relu", "sigmoid", "tanh"], default="relu")
    temperature = FloatParameter("Temperature", default=0.1, minimum=0.001, maximum=100.0)
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
            widths(self.hidden), self.activation, self.prior_sd, self.temperature,
        )  # fmt: skip

    def _chain_temperature(self) -> float:
        return 1.0  # the model is cold itself

    def _share(self, model: PredictiveModel) -> float:
        return self.share or building.share_for(model)

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
        share = self._share(model) if self.rule == COIN else 1.0
        return float(self.chains * model.size * share)

    def estimate(self) -> float:
        """Return the bench time of all pulses with their reads, s."""
        return self._planned_time(self.steps * self._pulsed())

    def cost(self) -> Cost:
        """Return pulses, reads and relay closures of all steps."""
        return self._planned_cost(self.steps, self._pulsed())
