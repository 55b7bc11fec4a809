"""Learn a Bayesian posterior on the chip, and draw from it by reading the cells."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import ListParameter

from labctl.learn.models import LogisticRegression, PredictiveModel
from labctl.learn.models.cold import ColdPosterior
from labctl.learn.reference import has_reference, reference
from labctl.learn.results import evaluate
from labctl.learn.tasks import TWO_CLASSES, Task
from labctl.procedure import Cost
from procedures._chain import KAPPA
from procedures._sampling import _Sampling


class SamplePosterior(_Sampling):
    """Sample the posterior of a Bayesian logistic regression with the cells themselves.

    Every step gives one cell of each differential pair one SET or RESET pulse; which of the two is
    the toss of a coin weighted by the gradient and by the measured step curves, so that the
    randomness of the pulses is what samples the posterior. The weights are what is read back.
    Several chains run side by side, each on cells of its own.
    """

    task = ListParameter("Data set", choices=list(TWO_CLASSES), default="breast_cancer")

    def _make_model(self, task: Task) -> PredictiveModel:
        model = LogisticRegression(task.x_train, task.y_train)
        # The prior of the kappa rule is in the cells: it has to be as cold as the rest.
        return ColdPosterior(model, self.temperature) if self._is_cold() else model

    def _is_cold(self) -> bool:
        """Tell whether the model sees to the temperature, and not the chain."""
        return bool(self.rule == KAPPA and self.temperature != 1.0)

    def _chain_temperature(self) -> float:
        return 1.0 if self._is_cold() else self.temperature

    def _results(self, draws: NDArray[np.float64]) -> dict[str, Any]:
        task = self._task
        known = self.temperature == 1.0 and has_reference(task.name)
        return evaluate(draws, task, reference(task.name) if known else None).to_json(task)

    def estimate(self) -> float:
        """Return the bench time of all pulses with their reads, s."""
        return self._planned_time(self.steps * self._size())

    def cost(self) -> Cost:
        """Return pulses, reads and relay closures of all steps; one cell of each pair a step."""
        return self._planned_cost(self.steps, self._size())
