"""Query strategies of scikit-activeml for the :class:`labctl.learn.active.ActiveLearner`.

Needs the extra ``active`` (``pip install 'labctl[active]'``); Kottke et al., scikit-activeml.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.errors import ProcedureError
from labctl.learn.active import Learns

SAMPLES = "sample_proba"


def committee(estimator: Learns, classes: int) -> Any:
    """Return a trained estimator as a classifier of scikit-activeml.

    It predicts and samples what the estimator does, and does not train it: the active learner does
    that, on the chip, once a round.

    Parameters
    ----------
    estimator
        Trained.
    classes
        How many it predicts.

    Raises
    ------
    ProcedureError
        Where scikit-activeml is not installed.
    """
    base = _skactiveml("base").SkactivemlClassifier

    class Committee(base):  # type: ignore[misc, valid-type]
        def __init__(self, classes: Any = None, random_state: Any = None) -> None:
            super().__init__(classes=classes, random_state=random_state)

        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            self.classes_ = np.asarray(self.classes)
            return self

        def predict_proba(self, X: Any) -> NDArray[np.float64]:
            found: NDArray[np.float64] = estimator.sample_proba(X).mean(axis=0)
            return found

        def predict(self, X: Any) -> NDArray[Any]:
            best: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
            return best

        def sample_proba(self, X: Any) -> NDArray[np.float64]:
            return estimator.sample_proba(X)

    return Committee(classes=np.arange(classes)).fit(None, None)


class SkactivemlStrategy:
    """A pool-based query strategy of scikit-activeml as an acquisition.

    Parameters
    ----------
    strategy
        One that asks a committee (``GreedyBALD``, ``BatchBALD``, ``QueryByCommittee``; made with
        ``sample_predictions_method_name="sample_proba"``), one that asks a classifier
        (``UncertaintySampling``), or one that looks at the features only (``CoreSet``,
        ``RandomSampling``).

    Examples
    --------
    ``ActiveLearner(estimator, pool, oracle, acquisition=SkactivemlStrategy(GreedyBALD(
    sample_predictions_method_name="sample_proba", sample_predictions_dict={})))``
    """

    def __init__(self, strategy: Any) -> None:
        self.strategy = strategy
        accepted = set(inspect.signature(strategy.query).parameters)
        self._role = next((role for role in ("ensemble", "clf") if role in accepted), None)
        if not {"X", "y", "batch_size"} <= accepted:
            raise ProcedureError(
                f"{type(strategy).__name__}.query takes {', '.join(sorted(accepted))}; a "
                "pool-based strategy of one annotator (X, y, batch_size) is needed."
            )

    def choose(
        self,
        estimator: Learns,
        x: NDArray[np.float64],
        labels: NDArray[np.float64],
        candidates: NDArray[np.int64],
        batch: int,
    ) -> NDArray[np.int64]:
        """Return which candidates to ask for (see :class:`labctl.learn.active.Strategy`)."""
        asked: dict[str, Any] = {}
        if self._role is not None:
            classes = estimator.sample_proba(x[:1]).shape[2]
            asked = {self._role: committee(estimator, classes), f"fit_{self._role}": False}
        chosen = self.strategy.query(
            X=x, y=labels, candidates=candidates, batch_size=min(batch, len(candidates)), **asked
        )
        # Where several samples are alike, BatchBALD may name one of them twice.
        return np.array(list(dict.fromkeys(np.asarray(chosen).tolist())), dtype=np.int64)


def _skactiveml(part: str) -> Any:
    import importlib

    try:
        return importlib.import_module(f"skactiveml.{part}")
    except ImportError as error:
        raise ProcedureError(
            "Strategies of scikit-activeml need it: python -m pip install 'labctl[active]'."
        ) from error
