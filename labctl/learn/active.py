"""Active learning: train, ask for the labels that teach most, train again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from labctl.errors import ProcedureError
from labctl.learn.acquisition import Acquisition, acquisition, best
from labctl.learn.pool import Pool


class Learns(Protocol):
    """What an :class:`ActiveLearner` trains."""

    def fit(self, X: Any, y: Any) -> Any:
        """Learn from features, shape (n, d), and class indices, shape (n,)."""
        ...

    def sample_proba(self, X: Any) -> NDArray[np.float64]:
        """Return class probabilities by draws of the posterior, shape (draws, n, classes)."""
        ...


class Oracle(Protocol):
    """Who knows the labels; see :mod:`labctl.learn.oracles`."""

    def __call__(self, index: NDArray[np.int64], x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return labels of samples.

        Parameters
        ----------
        index
            int64, shape (n,): places in the pool.
        x
            float64, shape (n, d): their features.

        Returns
        -------
        NDArray
            float64, shape (n,): class indices; NaN where it cannot tell.
        """
        ...


@runtime_checkable
class Strategy(Protocol):
    """Something that chooses samples by itself, as the adapters of other libraries do."""

    def choose(
        self,
        estimator: Learns,
        x: NDArray[np.float64],
        labels: NDArray[np.float64],
        candidates: NDArray[np.int64],
        batch: int,
    ) -> NDArray[np.int64]:
        """Return which of ``candidates`` to ask for; ``labels`` are NaN where unknown."""
        ...


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of asking and learning did.

    Attributes
    ----------
    number
        From 0, the first being the random one before anything is known.
    asked
        int64, shape (m,): places in the pool.
    labels
        float64, shape (m,): what the oracle said; NaN where it could not tell.
    labelled
        Labels known after it.
    """

    number: int
    asked: NDArray[np.int64]
    labels: NDArray[np.float64]
    labelled: int


class ActiveLearner:
    """Chooses which samples of a pool to have labelled, and learns from them.

    Parameters
    ----------
    estimator
        Anything with ``fit`` and ``sample_proba``; a
        :class:`labctl.learn.MemristorClassifier` with ``warm_start=True`` goes on from the weights
        that are on the chip.
    pool
        Samples to choose from. Labels it knows beforehand count as labelled.
    oracle
        Gives labels.
    acquisition
        Name of one of :data:`labctl.learn.acquisition.ACQUISITIONS`, a function like those, or a
        :class:`Strategy`.
    batch
        Samples asked for in one round.
    initial
        Samples asked for at random in the first round.
    rng
        Chooses the first samples and breaks ties.

    Raises
    ------
    ProcedureError
        For an unknown acquisition, or batches of less than one sample.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> class OneDraw(GaussianNB):
    ...     def sample_proba(self, X):
    ...         return self.predict_proba(X)[None]
    >>> x = np.linspace(-1, 1, 101)[:, None]
    >>> learner = ActiveLearner(
    ...     OneDraw(), Pool.of(x), lambda index, x: (x[:, 0] > 0.3) * 1.0,
    ...     acquisition="margin", batch=5, initial=10, rng=np.random.default_rng(0),
    ... )
    >>> for _ in range(4):
    ...     done = learner.step()
    >>> done.labelled
    25
    >>> float(learner.estimator.score(x, x[:, 0] > 0.3)) > 0.9
    True
    """

    def __init__(
        self,
        estimator: Learns,
        pool: Pool,
        oracle: Oracle,
        *,
        acquisition: str | Acquisition | Strategy = "margin",
        batch: int = 10,
        initial: int = 20,
        rng: np.random.Generator | None = None,
    ) -> None:
        if batch < 1 or initial < 1:
            raise ProcedureError(
                f"A round asks for one sample at least; got batch {batch}, initial {initial}."
            )
        self.estimator, self.pool, self.oracle = estimator, pool, oracle
        self.acquisition = _resolved(acquisition)
        self.batch, self.initial = batch, initial
        self.rng = rng or np.random.default_rng()
        self.labels = pool.labels.copy()
        self.order = np.flatnonzero(np.isfinite(pool.labels)).tolist()
        self.skipped: list[int] = []
        self.rounds = 0

    @property
    def labelled(self) -> NDArray[np.int64]:
        """Places in the pool of the samples with a label, in the order they were given."""
        return np.array(self.order, dtype=np.int64)

    @property
    def candidates(self) -> NDArray[np.int64]:
        """Places in the pool of the samples that may still be asked for."""
        open_ = ~np.isfinite(self.labels)
        open_[self.skipped] = False
        return np.flatnonzero(open_).astype(np.int64)

    @property
    def can_learn(self) -> bool:
        """Whether labels of two classes at least are known."""
        known = self.labels[self.order]
        return len(known) > 0 and bool((known != known[0]).any())

    def step(self) -> Round:
        """Ask for one batch and learn from all labels.

        While only one class is known, batches are asked for at random until a second one shows.

        Raises
        ------
        ProcedureError
            Where nothing is left to ask for, or the whole pool is of one class.
        """
        asked = self.query()
        answers = self.ask(asked)
        while not self.can_learn:
            if not len(self.candidates):
                if not self.order:
                    raise ProcedureError(
                        f"None of the {len(self.skipped)} samples asked for could be labelled: the "
                        "oracle gave NaN for each. Ask who can tell, or label some beforehand."
                    )
                raise ProcedureError(
                    f"All {len(self.order)} labels are of one class: there is nothing to tell "
                    "apart. Add samples of another class to the pool."
                )
            more = self._any(self.batch)
            answers = np.concatenate([answers, self.ask(more)])
            asked = np.concatenate([asked, more])
        self.learn()
        done = Round(self.rounds, asked, answers, len(self.order))
        self.rounds += 1
        return done

    def query(self) -> NDArray[np.int64]:
        """Return the places in the pool of the samples to ask for next.

        Raises
        ------
        ProcedureError
            Where nothing is left to ask for.
        """
        candidates = self.candidates
        if not len(candidates):
            raise ProcedureError(
                f"Nothing is left to ask for: {len(self.order)} samples are labelled, "
                f"{len(self.skipped)} could not be. Enlarge the pool or ask for fewer rounds."
            )
        if self.rounds == 0:
            return self._any(max(self.initial - len(self.order), 1))
        if isinstance(self.acquisition, Strategy):
            chosen = self.acquisition.choose(
                self.estimator, self.pool.x, self.labels, candidates, self.batch
            )
            return np.asarray(chosen, dtype=np.int64)
        draws = self.estimator.sample_proba(self.pool.x[candidates])
        return candidates[best(self.acquisition(draws, self.rng), self.batch)]

    def ask(self, index: NDArray[np.int64]) -> NDArray[np.float64]:
        """Have samples labelled; one that cannot be labelled is not asked for again.

        Raises
        ------
        ProcedureError
            Where the oracle gives another number of labels, or one that is no class.
        """
        given = self.oracle(index, self.pool.x[index])
        try:
            if np.asarray(given).dtype.kind in "US":  # "1" may be a name
                raise TypeError("text")
            answers = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ProcedureError(
                f"The oracle gave {given!r}; it must give class indices, numbers from 0 on, and "
                "NaN where it cannot tell. Number the classes by their place in the pool's."
            ) from error
        known = np.isfinite(answers)
        if answers.shape != index.shape or (answers[known] != answers[known].round()).any():
            raise ProcedureError(
                f"The oracle was asked for {len(index)} labels and gave {answers!r}; it must give "
                "one class index each, NaN where it cannot tell."
            )
        if (count := len(self.pool.classes)) and (
            (answers[known] < 0).any() or (answers[known] >= count).any()
        ):
            raise ProcedureError(
                f"The oracle gave {answers!r}; classes are 0 to {count - 1} "
                f"({', '.join(self.pool.classes)})."
            )
        self.labels[index] = answers
        self.order += index[known].tolist()
        self.skipped += index[~known].tolist()
        return answers

    def learn(self) -> None:
        """Train the estimator on all labels known so far."""
        self.estimator.fit(self.pool.x[self.order], self.labels[self.order].astype(np.int64))

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` needs; JSON-able but for NumPy arrays."""
        return {
            "order": self.labelled,
            "labels": self.labels[self.order],
            "skipped": np.array(self.skipped, dtype=np.int64),
            "rounds": self.rounds,
            "rng": json.dumps(self.rng.bit_generator.state),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`state` returned; the estimator is the caller's to restore.

        Raises
        ------
        ProcedureError
            Where it belongs to a larger pool.
        """
        order = np.asarray(state["order"], dtype=np.int64)
        if len(order) and order.max() >= len(self.pool):
            raise ProcedureError(
                f"The saved learner has labelled sample {order.max()}; this pool ends at "
                f"{len(self.pool) - 1}. Go on with the pool it began with."
            )
        self.order = order.tolist()
        self.labels = self.pool.labels.copy()
        self.labels[order] = np.asarray(state["labels"], dtype=np.float64)
        self.skipped = np.asarray(state["skipped"], dtype=np.int64).tolist()
        self.rounds = int(state["rounds"])
        self.rng.bit_generator.state = json.loads(state["rng"])

    def _any(self, count: int) -> NDArray[np.int64]:
        candidates = self.candidates
        return self.rng.permutation(candidates)[:count]


def _resolved(wanted: str | Acquisition | Strategy) -> Acquisition | Strategy:
    return acquisition(wanted) if isinstance(wanted, str) else wanted
