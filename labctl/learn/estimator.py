"""scikit-learn estimators whose weights are cells of a chip.

Examples
--------
>>> import numpy as np
>>> from labctl.learn.estimator import MemristorClassifier
>>> from labctl.sim import SimulatedArray                   # or: bench.array
>>> from labctl.sim.chip import Chip, preset
>>> chip = Chip(8, 8, preset("hfox-1t1r"), seed=1)
>>> MemristorClassifier(SimulatedArray(chip), steps=500).get_params()["steps"]
500
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from labctl.array import READ_GATE, READ_VOLTAGE, CellArray
from labctl.errors import BudgetSpent, ProcedureError
from labctl.learn import building
from labctl.learn.budget import Budget, Spent
from labctl.learn.cost import cost
from labctl.learn.initialise import PulsePair
from labctl.learn.measuring import measure_transitions
from labctl.learn.metrics import Uncertainty
from labctl.learn.models import PredictiveModel
from labctl.learn.models.network import Activation
from labctl.learn.sampler import Chain
from labctl.learn.source import Measured
from labctl.learn.training import saturation_warnings, train
from labctl.learn.uncertainty import split

_NO_ARRAY = (
    "There is no array to learn on: {name}(array) takes the array of a bench (bench.array), a "
    "simulated one (labctl.sim.SimulatedArray), or a function that returns one."
)


class _OnCells(BaseEstimator):
    """What classifier and regressor have in common: an array, a calibration, a chain."""

    def _keep(self, given: dict[str, Any]) -> None:
        """Keep what ``__init__`` was given, each under its own name, as scikit-learn wants it."""
        # By what was given: a subclass names other parameters, and keeps those of its own itself.
        for name, value in given.items():
            if name != "self":
                setattr(self, name, value)

    def __sklearn_clone__(self) -> Any:
        # A chip cannot be copied: clones share it, one after the other.
        parameters = self.get_params(deep=False)
        shared = ("array", "calibration")
        return type(self)(**{
            name: value if name in shared else clone(value, safe=False)
            for name, value in parameters.items()
        })  # fmt: skip

    def _learn(self, model: PredictiveModel, go_on: bool) -> None:
        """Sample the posterior of ``model``; leaves ``draws_`` and the account of it."""
        if self.steps <= self.burn_in or self.burn_in < 0 or self.thin < 1:
            raise ProcedureError(
                f"{self.steps} steps with a burn-in of {self.burn_in}, thinned by {self.thin}, "
                "leave nothing to draw; raise steps or lower burn_in."
            )
        chain: Chain | None = getattr(self, "chain_", None)
        going_on = go_on and chain is not None and chain.model.size == model.size
        if going_on:
            assert chain is not None
            chain.with_model(model)
        else:
            chain = self._chain(model)
            chain.prepare()
        done = train(chain, self.steps, self.burn_in, self.thin, rescale=not going_on)
        if not len(done.draws):
            raise BudgetSpent(f"{done.stopped} Nothing was drawn before, so nothing was learned.")
        if done.stopped:
            warnings.warn(
                f"The training ended after {done.steps} of {self.steps} steps. {done.stopped}",
                ConvergenceWarning,
                stacklevel=4,
            )
        self.chain_, self.draws_, self._model = chain, done.draws, model
        self.n_iter_, self.stopped_ = done.steps, done.stopped
        self.saturated_ = done.saturated
        self.warnings_ = chain.tracker.warnings() + saturation_warnings(done.saturated)

    def _chain(self, model: PredictiveModel) -> Chain:
        array = self.array
        if callable(array) and not isinstance(array, CellArray):
            array = array()
        if not isinstance(array, CellArray):
            raise ProcedureError(_NO_ARRAY.format(name=type(self).__name__))
        rng = np.random.default_rng(self.random_state)
        measured = self.calibration
        if measured is None:
            if self.pulses is None:
                raise ProcedureError(
                    f"{type(self).__name__} needs to know its pulses: pulses=PulsePair(SET, RESET) "
                    "measures the chip first; calibration=measured('last', 'data', array.shape) "
                    "takes a run of transitions."
                )
            measured = measure_transitions(array, self.pulses, rng)
        self.calibration_ = measured
        return Chain(
            array,
            model,
            measured.calibration,
            measured.pulses,
            rng,
            rule=building.rule_for(model, self.share),
            chains=self.chains,
            budget=self.budget,
            analogue=self.analogue,
        )

    @property
    def spent_(self) -> Spent:
        """Pulses, reads, energy in the cells and bench time of all trainings of this chain."""
        check_is_fitted(self, "chain_")
        return self.chain_.spent

    @property
    def cost_(self) -> dict[str, Any]:
        """What all trainings of this chain cost (see :func:`labctl.learn.cost.cost`)."""
        check_is_fitted(self, "chain_")
        return cost(
            self.chain_.spent, self.chain_.cells.ledger.counts, self.chain_.placed.all_cells,
            self.calibration_.pulses, READ_VOLTAGE, READ_GATE,
        )  # fmt: skip

    def _sampled(self, X: ArrayLike, n_samples: int | None) -> NDArray[np.float64]:
        """Return predictions of draws, spread evenly where fewer are wanted."""
        check_is_fitted(self, "draws_")
        x = validate_data(self, X, reset=False, dtype=np.float64)
        count = len(self.draws_)
        wanted = count if n_samples is None else n_samples
        if not 1 <= wanted <= count:
            raise ProcedureError(f"{wanted} draws are wanted; there are 1 to {count}.")
        chosen = np.linspace(0, count - 1, wanted).round().astype(np.int64)
        return self._model.predict(self.draws_[chosen], building.inputs(x, self.hidden))

    def _now(self, X: ArrayLike, n_samples: int) -> NDArray[np.float64]:
        """Return what the weights on the chip predict now, by its products where it gives them."""
        check_is_fitted(self, "chain_")
        x = validate_data(self, X, reset=False, dtype=np.float64)
        return self.chain_.predict(building.inputs(x, self.hidden), n_samples)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True  # the chip remembers what was done to it before
        return tags


class MemristorClassifier(ClassifierMixin, _OnCells):
    """A Bayesian classifier whose posterior is sampled by the cells of a chip.

    Features should be standardised (``make_pipeline(StandardScaler(), MemristorClassifier(...))``):
    the prior takes all weights for equally large.

    Parameters
    ----------
    array
        The cells (a :class:`labctl.array.CellArray` with formed cells), or a function that returns
        them at each fit. Clones share it: a chip cannot be copied.
    hidden
        Widths of hidden layers, a number for a single one; ``()`` is logistic or softmax
        regression.
    activation
        Of hidden layers: ``"relu"``, ``"sigmoid"``, ``"tanh"``.
    pulses
        SET and RESET; with them the chip's transitions are measured before the first training.
    calibration
        What was measured before instead (:func:`labctl.learn.measured`).
    classes
        All classes there may be, where the training labels may lack some; None takes those seen.
    prior_sd
        Of every weight.
    temperature
        1 is Bayes; networks predict better colder, at 0.03 to 0.3.
    steps, burn_in, thin
        Steps of one training, those not kept, and every how many one is a draw.
    share
        Of the weights moved in one step; None chooses (see :class:`labctl.learn.RandomScan`).
    chains
        How many run on the chip side by side, each on cells of its own.
    warm_start
        Whether ``fit`` goes on from the weights that are on the chip.
    budget
        Most that may be spent; a training that comes to its end warns and keeps its draws.
    analogue
        Whether forward products of the training are those of the array (see
        :class:`labctl.learn.Chain`); draws are what was read all the same.
    random_state
        Seed of the coins.

    Attributes
    ----------
    classes_
        Labels.
    draws_
        float64, shape (draws, n_weights).
    chain_, calibration_, spent_, cost_
        The chain on the chip, what it was calibrated with, what was spent, and the same with
        pulses per cell and the energy of device and periphery.
    saturated_
        Share of coins that could not turn as far as the gradient asked.
    warnings_
        Where the calibration no longer holds, or the pulses are too coarse for the posterior.
    """

    def __init__(
        self,
        array: CellArray | Callable[[], CellArray] | None = None,
        *,
        hidden: int | Sequence[int] = (),
        activation: Activation = "relu",
        pulses: PulsePair | None = None,
        calibration: Measured | None = None,
        classes: Sequence[Any] | None = None,
        prior_sd: float = 1.0,
        temperature: float = 1.0,
        steps: int = 2000,
        burn_in: int = 500,
        thin: int = 10,
        share: float | None = None,
        chains: int = 1,
        warm_start: bool = False,
        budget: Budget | None = None,
        analogue: bool = False,
        random_state: int | None = None,
    ) -> None:
        self._keep(locals())

    def fit(self, X: ArrayLike, y: ArrayLike) -> MemristorClassifier:
        """Sample the posterior of the weights given data.

        Parameters
        ----------
        X
            float, shape (n, d).
        y
            Labels, shape (n,), of two classes at least.

        Raises
        ------
        ProcedureError, CalibrationError, WiringError
            Where data, chip or calibration do not do; says what is needed.
        BudgetSpent
            Where the budget did not last for a single draw.
        """
        x, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        known = np.unique(labels)
        self.classes_ = known if self.classes is None else np.sort(np.asarray(self.classes))
        return self._fit(x, labels, self.warm_start)

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None
    ) -> MemristorClassifier:
        """Take more data in and go on from the weights that are on the chip.

        Parameters
        ----------
        X, y
            Only the new ones.
        classes
            All classes there may be; needed at the first call where it lacks some. With them, as
            with those of the estimator, labels may be of a single class so far.
        """
        first = not hasattr(self, "chain_")
        x, labels = validate_data(self, X, y, dtype=np.float64, reset=first)
        check_classification_targets(labels)
        if first:
            given = self.classes if classes is None else classes
            self.classes_ = np.unique(labels if given is None else np.asarray(given))
        else:
            x = np.vstack([self._x, x])
            labels = np.concatenate([self.classes_[self._y], labels])
        return self._fit(x, labels, True, several=False)

    def _fit(
        self, x: NDArray[np.float64], labels: Any, go_on: bool, several: bool = True
    ) -> MemristorClassifier:
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise ProcedureError(f"Labels {unknown.tolist()} are none of {list(self.classes_)}.")
        if len(self.classes_) < 2:
            raise ValueError(
                f"Classifier can't train when only one class is present: "
                f"{self.classes_.tolist()[0]!r}. Add samples of another class, or name all classes "
                "there may be and use partial_fit."
            )
        y = np.searchsorted(self.classes_, labels).astype(np.int64)
        model = building.classifier(
            x, y, len(self.classes_), self.hidden, self.activation, self.prior_sd,
            self.temperature, several=several,
        )  # fmt: skip
        self._learn(model, go_on)
        self._x, self._y = x, y
        return self

    def sample_proba(self, X: ArrayLike, n_samples: int | None = None) -> NDArray[np.float64]:
        """Return class probabilities by draws of the posterior, shape (draws, n, classes).

        Parameters
        ----------
        X
            float, shape (n, d).
        n_samples
            How many draws; None gives all.
        """
        return self._sampled(X, n_samples)

    def proba_now(self, X: ArrayLike, n_samples: int = 1) -> NDArray[np.float64]:
        """Return class probabilities of the weights that are on the chip now.

        With ``analogue`` the array works them out; else the cells are read anew.

        Returns
        -------
        NDArray
            float64, shape (n_samples * chains, n, classes): passes differ by the noise of reading.
        """
        return self._now(X, n_samples)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return posterior mean probabilities of the classes, shape (n, classes)."""
        found: NDArray[np.float64] = self._sampled(X, None).mean(axis=0)
        return found

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each sample, shape (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        chosen: NDArray[Any] = self.classes_[best]
        return chosen

    def uncertainty(self, X: ArrayLike) -> Uncertainty:
        """Return total, aleatoric and epistemic uncertainty of each sample, nat."""
        return split(self._sampled(X, None))


class MemristorRegressor(RegressorMixin, _OnCells):
    """A Bayesian regressor whose posterior is sampled by the cells of a chip.

    Targets are standardised inside; ``noise_sd`` is in units of their standard deviation. The
    other parameters are those of :class:`MemristorClassifier`.

    Parameters
    ----------
    noise_sd
        Standard deviation of the noise over that of the targets.

    Attributes
    ----------
    draws_, chain_, calibration_, spent_, cost_, saturated_, warnings_
        See :class:`MemristorClassifier`.
    """

    def __init__(
        self,
        array: CellArray | Callable[[], CellArray] | None = None,
        *,
        hidden: int | Sequence[int] = (),
        activation: Activation = "relu",
        pulses: PulsePair | None = None,
        calibration: Measured | None = None,
        noise_sd: float = 0.3,
        prior_sd: float = 1.0,
        temperature: float = 1.0,
        steps: int = 2000,
        burn_in: int = 500,
        thin: int = 10,
        share: float | None = None,
        chains: int = 1,
        warm_start: bool = False,
        budget: Budget | None = None,
        analogue: bool = False,
        random_state: int | None = None,
    ) -> None:
        self._keep(locals())

    def fit(self, X: ArrayLike, y: ArrayLike) -> MemristorRegressor:
        """Sample the posterior of the weights; y is float, shape (n,)."""
        x, targets = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        return self._fit(x, targets.astype(np.float64), self.warm_start)

    def partial_fit(self, X: ArrayLike, y: ArrayLike) -> MemristorRegressor:
        """Take more data in and go on from the weights that are on the chip."""
        first = not hasattr(self, "chain_")
        x, targets = validate_data(self, X, y, dtype=np.float64, y_numeric=True, reset=first)
        if not first:
            x, targets = np.vstack([self._x, x]), np.concatenate([self._y, targets])
        return self._fit(x, targets.astype(np.float64), True)

    def _fit(
        self, x: NDArray[np.float64], y: NDArray[np.float64], go_on: bool
    ) -> MemristorRegressor:
        if not (go_on and hasattr(self, "chain_")):
            # Kept from the first data on: weights on the chip are in these units.
            self._centre, self._scale = float(y.mean()), float(y.std()) or 1.0
        model = building.regressor(
            x, (y - self._centre) / self._scale, self.hidden, self.activation, self.noise_sd,
            self.prior_sd, self.temperature,
        )  # fmt: skip
        self._learn(model, go_on)
        self._x, self._y = x, y
        return self

    def sample_predict(self, X: ArrayLike, n_samples: int | None = None) -> NDArray[np.float64]:
        """Return the means that draws of the posterior predict, shape (draws, n)."""
        found: NDArray[np.float64] = (
            self._centre + self._scale * self._sampled(X, n_samples)[..., 0]
        )
        return found

    def means_now(self, X: ArrayLike, n_samples: int = 1) -> NDArray[np.float64]:
        """Return the means that the weights on the chip now predict, shape (n_samples * chains, n).

        See :meth:`MemristorClassifier.proba_now`.
        """
        found: NDArray[np.float64] = self._centre + self._scale * self._now(X, n_samples)[..., 0]
        return found

    def predict(self, X: ArrayLike, return_std: bool = False) -> Any:
        """Return the predictive mean, shape (n,), and with ``return_std`` its deviation too.

        The deviation holds the doubt about the weights and the noise of an observation.
        """
        means = self.sample_predict(X) if hasattr(self, "draws_") else self._sampled(X, None)
        if not return_std:
            return means.mean(axis=0)
        noise = self.noise_sd * self._scale
        return means.mean(axis=0), np.sqrt(means.var(axis=0) + noise**2)
