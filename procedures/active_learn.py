"""Active learning on the chip: train, ask for the labels that teach most, train again."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import FloatParameter, IntegerParameter, ListParameter, Parameter

from labctl.clock import RealClock
from labctl.errors import BudgetSpent, ProcedureError
from labctl.learn import building, scores
from labctl.learn.acquisition import ACQUISITIONS, check_classes
from labctl.learn.active import ActiveLearner, Oracle
from labctl.learn.models import PredictiveModel
from labctl.learn.oracles import ANSWERS, FileOracle, TableOracle
from labctl.learn.pool import Pool
from labctl.learn.step import Step
from labctl.learn.tasks import Task, load_task, task_names
from labctl.learn.training import train
from labctl.learn.uncertainty import split
from labctl.procedure import Cost
from labctl.store import Column
from procedures._chain import COIN, _OnChip
from procedures._tables import DRAWS, PLACEMENT, PULSES, WEIGHTS
from procedures.learn import widths

KNOWN, PERSON = "known labels", "person"
_LOOK = 0.2
"""s between two looks for a person's answers."""


class ActiveLearn(_OnChip):
    """Ask for the labels that teach most, and learn from them on the chip.

    Each round asks for a batch of labels, chosen by the acquisition from the draws of the present
    posterior, and goes on with the weights that are on the chip. Labels are known beforehand, or a
    person gives them, at the window or with a file in the run folder.
    """

    task = ListParameter("Data set", choices=task_names(), default="digits")
    pool = Parameter("Pool (CSV file, in place of the data set)", default="")
    label = Parameter("Column of labels in the pool", default="label")
    oracle = ListParameter("Who labels", choices=[KNOWN, PERSON], default=KNOWN)
    acquisition = ListParameter("Acquisition", choices=list(ACQUISITIONS), default="margin")
    initial = IntegerParameter("Labels of the first round", default=20, minimum=2, maximum=10**6)
    batch = IntegerParameter("Labels of a later round", default=10, minimum=1, maximum=10**6)
    rounds = IntegerParameter("Rounds", default=10, minimum=1, maximum=100_000)
    hidden = Parameter("Hidden layers (widths)", default="32")
    activation = ListParameter("Activation", choices=["relu", "sigmoid", "tanh"], default="relu")
    temperature = FloatParameter("Temperature", default=0.02, minimum=0.001, maximum=100.0)
    prior_sd = FloatParameter("Prior sd of a weight", default=1.0, minimum=1e-3, maximum=1e3)
    share = FloatParameter(
        "Share of weights (0 is chosen)", default=0.0, minimum=0, maximum=1,
        group_by="rule", group_condition=COIN,
    )  # fmt: skip
    first = IntegerParameter("Steps of the first round", default=450, minimum=10, maximum=10**7)
    steps = IntegerParameter("Steps of a later round", default=150, minimum=10, maximum=10**7)
    draws = IntegerParameter("Draws of a round", default=20, minimum=2, maximum=100_000)

    tables: ClassVar[dict[str, dict[str, Column]]] = {
        "rounds": {
            "round": Column("int32", "", "from 0"),
            "labelled": Column("int32", "", "labels known"),
            "time": Column("float64", "s", "bench time"),
            "pulses": Column("int64", "", "pulses of the learning so far"),
            "accuracy": Column("float64", "", "of the test samples; NaN where there are none"),
            "balanced_accuracy": Column("float64", "", "likewise, mean over the classes"),
            "nll": Column("float64", "nat", "of the test samples"),
            "ece": Column("float64", "", "of the test samples, 15 bins"),
            "aleatoric": Column("float64", "nat", "mean over the samples of the pool"),
            "epistemic": Column("float64", "nat", "mean over the samples of the pool"),
        },
        "asked": {
            "round": Column("int32", "", "from 0"),
            "sample": Column("int32", "", "place in the pool"),
            "label": Column("float64", "", "index of the class; NaN where nobody could tell"),
        },
        "draws": {"round": Column("int32", "", "from 0"), **DRAWS},
        "pulses": PULSES,
        "weights": WEIGHTS,
        "placement": PLACEMENT,
    }

    _learner: ActiveLearner
    _present: PredictiveModel

    def prepare(self) -> None:
        """Calibrate, place the weights, and bring their cells to the middle of the window."""
        self._lay_out(self.calibration)
        self._initial = self._begin()

    def resume(self, state: dict[str, Any]) -> None:
        """Take up labels, draws and the chain where they were; the weights are on the chip."""
        self._lay_out(state["calibration"])
        self._learner.restore(state["learner"])
        self._present = self._model(*self._known())
        self._chain.with_model(self._present)
        self._restore_chip(state)
        self._initial, self._kept = state["initial"], state["kept"]
        self._saturated = state.get("saturated", 0.0)  # runs that began before have none

    def state(self) -> dict[str, Any]:
        """Return labels, draws and the chain."""
        return {
            **self._chip_state(),
            "learner": self._learner.state(),
            "initial": self._initial,
            "kept": self._kept,
            "saturated": self._saturated,
        }

    def _lay_out(self, calibration: str) -> None:
        """Load the data, calibrate and place the weights; touches no cell."""
        known = self._load()
        check_classes(self.acquisition, len(self._pool.classes))
        # The chain needs a model before the first label is known; only its size counts.
        self._present = self._blank()
        self._make_chain(calibration, self._present, temperature=1.0)
        self._kept, self._saturated = np.empty((0, self._present.size)), 0.0
        self._learner = ActiveLearner(
            self, self._pool, self._make_oracle(known), acquisition=self.acquisition,
            batch=self.batch, initial=self.initial, rng=self.rng,
        )  # fmt: skip

    def _load(self) -> NDArray[np.float64]:
        """Load pool and test samples; return the labels that an oracle may know."""
        self._task: Task | None = None
        if self.pool:
            pool = Pool.from_csv(self.pool, self.label)
            known = pool.labels
            if self.oracle == KNOWN:
                pool = Pool.of(pool.x, None, pool.features, pool.classes)
        else:
            self._task = task = load_task(self.task)
            known = task.y_train
            pool = Pool.of(task.x_train[:, 1:], None, task.features[1:], task.classes)
        if len(pool.classes) < 2 or len(pool) < len(pool.classes):
            raise ProcedureError(
                f"The pool names {len(pool.classes)} classes for {len(pool)} samples; two at least "
                "are needed. Label one sample of each class in the file, to name them."
            )
        self._pool = pool
        return known

    def _blank(self) -> PredictiveModel:
        """Return a model of the right size, for before any label is known."""
        classes = len(self._pool.classes)
        return self._model(self._pool.x[:classes], np.arange(classes))

    def _make_oracle(self, known: NDArray[np.float64]) -> Oracle:
        folder = self._folder()
        if self.oracle == KNOWN:
            return TableOracle(known)
        if folder is None:
            raise ProcedureError("A person can only be asked by a run that has a folder.")
        image = None if self._task is None else self._task.image
        return FileOracle(
            folder, self._pool.classes, self._pool.features, image, wait=self._wait_for_a_person
        )

    def _wait_for_a_person(self) -> None:
        """Wait a little; the lines of the bench are at 0 V between blocks of cells."""
        if (interrupt := getattr(self.array, "interrupt", None)) is not None:
            interrupt()
        RealClock().sleep(_LOOK)

    def _share(self, model: PredictiveModel) -> float:
        return self.share or building.share_for(model)

    def _model(self, x: NDArray[np.float64], y: NDArray[np.int64]) -> PredictiveModel:
        return building.classifier(
            x, y, len(self._pool.classes), widths(self.hidden), self.activation, self.prior_sd,
            self.temperature,
        )  # fmt: skip

    def _known(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        order = self._learner.labelled
        return self._pool.x[order], self._learner.labels[order].astype(np.int64)

    def fit(self, X: NDArray[np.float64], y: NDArray[np.int64]) -> None:
        """Go on with the chain on these data, for the active learner."""
        chain, steps = self._chain, self.first if self._learner.rounds == 0 else self.steps
        self._present = self._model(X, y)
        chain.with_model(self._present)
        thin = max(1, steps // (2 * self.draws))
        taken: list[Step] = []
        begun = chain.steps

        def follow(step: Step) -> None:
            taken.append(step)
            self._follow_placement()

        # The first round fits the scales of the weights; later ones go on from what they hold.
        done = train(
            chain, steps, steps - thin * self.draws, thin, rescale=begun == 0, on_step=follow
        )
        self._record_pulses(begun, taken)
        self._stopped = done.stopped
        if len(done.draws):
            self._kept, self._saturated = done.draws, done.saturated

    def sample_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return class probabilities by draws, shape (draws, n, classes), for the learner."""
        draws = (
            self._kept if len(self._kept) else self._chain.weights.reshape(-1, self._present.size)
        )
        return self._present.predict(draws, building.inputs(X, widths(self.hidden)))

    def _saturation(self) -> float:
        return self._saturated

    def units(self) -> list[Any]:
        """One round each."""
        return list(range(self.rounds))

    def measure(self, unit: Any) -> None:
        """Ask for one batch of labels, and learn; nothing where the budget is spent."""
        if self._stopped or not len(self._learner.candidates):
            return
        done = self._learner.step()
        self.record("asked", round=unit, sample=done.asked, label=done.labels)
        doubt = split(self.sample_proba(self._pool.x))
        self.record(
            "rounds",
            round=unit,
            labelled=done.labelled,
            time=self.array.now(),
            pulses=self._chain.spent.pulses,
            aleatoric=float(doubt.aleatoric.mean()),
            epistemic=float(doubt.epistemic.mean()),
            **self._scores(),
        )

    def _scores(self) -> dict[str, float]:
        if self._task is None:
            return dict.fromkeys(("accuracy", "balanced_accuracy", "nll", "ece"), float("nan"))
        mean = self.sample_proba(self._task.x_test[:, 1:]).mean(axis=0)
        label = self._task.y_test
        return {
            "accuracy": scores.accuracy(mean, label),
            "balanced_accuracy": scores.balanced_accuracy(mean, label),
            "nll": scores.nll(mean, label),
            "ece": scores.ece(mean, label),
        }

    def _planned(self) -> tuple[int, float]:
        """Return how many steps all rounds take, and how many cells each pulses in the mean."""
        self._load()
        model = self._blank()
        share = self._share(model) if self.rule == COIN else 1.0
        pulsed = self.chains * model.size * share
        return self.first + (self.rounds - 1) * self.steps, float(pulsed)

    def estimate(self) -> float:
        """Return the bench time of all pulses with their reads, s; a person's time not counted."""
        steps, pulsed = self._planned()
        return self._planned_time(steps * pulsed)

    def cost(self) -> Cost:
        """Return pulses, reads and relay closures of all rounds."""
        return self._planned_cost(*self._planned())

    def summary(self) -> dict[str, Any]:
        """Return what was learned from how many labels, and what it cost."""
        self._record_weights()
        if not len(self._kept):
            raise BudgetSpent(f"{self._stopped} Not one round was learned.")
        conductance = self._chain.conductance
        each = self._kept.reshape(-1, len(conductance))  # of all chains, draw by draw
        for k, weights in enumerate(each):
            # Only the last draw's conductances are still there to be told.
            here = conductance if k == len(each) - 1 else np.full_like(conductance, np.nan)
            self._record_draw(
                k, self._chain.steps, True, weights, here, round=self._learner.rounds - 1
            )
        return {
            "labelled": len(self._learner.order),
            "could_not_be_labelled": len(self._learner.skipped),
            "rounds": self._learner.rounds,
            "chains": self.chains,
            **self._scores(),
            "saturated": self._saturation(),
            "initial_pulses": self._initial,
            "answers": ANSWERS if self.oracle == PERSON else KNOWN,
            **self._cost(),
        }
