"""Active learning and unseen classes on a realistic simulated chip, beside a float ensemble.

Part of the group ``learn``; alone: ``python -m tests.benchmarks.learn_active``. ``LABCTL_SEEDS=10``
runs ten seeds in place of two. Chips are formed, and their transitions measured with the pulses
that learn; nothing is told to the calibration. Model, first labels and test samples are the same
for every acquisition and for the ensemble: figures are paired.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.array import Pulse
from labctl.learn import scores
from labctl.learn.active import ActiveLearner
from labctl.learn.estimator import MemristorClassifier
from labctl.learn.initialise import PulsePair
from labctl.learn.measuring import measure_transitions
from labctl.learn.oracles import TableOracle
from labctl.learn.pool import Pool
from labctl.learn.source import Measured
from labctl.learn.tasks import Task, breast_cancer, digits, lin2025_pour, pouring
from labctl.learn.uncertainty import epistemic
from labctl.sim import SimulatedArray
from labctl.sim.chip import Chip, preset
from tests.benchmarks.figure import Figure
from tests.benchmarks.learn_ensemble import FloatEnsemble

SEEDS = int(os.environ.get("LABCTL_SEEDS", "2"))
PULSES = PulsePair(Pulse.set(1.11, 3.2, 2e-5), Pulse.reset(1.33, 4.75, 2e-5))
"""A tenth of the usual width: some thirty steps to the window."""
FORMING = np.arange(1.5, 3.55, 0.1)
LIN_POUR = Path(
    os.environ.get("LABCTL_LIN2025_POUR")
    or Path(__file__).parents[3] / "shared" / "reference" / "lin2025_pour.npz"
)
"""Not part of the project: beside the checkout, or where the environment says."""


@dataclass(frozen=True)
class Setting:
    """One task, its network and its chip.

    Attributes
    ----------
    name
        In the names of figures.
    task
        Makes it from a seed.
    side
        Rows and columns of the chip.
    hidden, activation, prior_sd, temperature, share
        Of the network and its chain.
    initial, batch, most
        Labels at first, asked for in a round, and at the end.
    first, steps
        Steps of the first round and of a later one.
    balanced
        Whether balanced accuracy is what counts.
    acquisitions
        That the chip tries.
    """

    name: str
    task: Callable[[int], Task]
    side: int
    hidden: tuple[int, ...] = ()
    activation: Any = "relu"
    prior_sd: float = 1.0
    temperature: float = 1.0
    share: float | None = None
    initial: int = 20
    batch: int = 10
    most: int = 300
    first: int = 480
    steps: int = 120
    balanced: bool = False
    acquisitions: tuple[str, ...] = ("random", "margin")


DIGITS = Setting(
    "digits, 64-32-10", digits, 76, (32,), prior_sd=0.85, temperature=0.01, share=0.15,
    first=1200, steps=360,
)  # fmt: skip
CANCER = Setting(
    "breast cancer", breast_cancer, 16, initial=10, batch=4, most=58, first=600, steps=300,
    acquisitions=("random", "margin", "bald"),
)  # fmt: skip
POUR = Setting(
    "pour, regenerated, 8-32-2", pouring, 32, (32,), temperature=0.05, share=0.15, initial=25,
    batch=10, most=205, first=600, steps=200, balanced=True,
    acquisitions=("random", "margin", "straddle"),
)  # fmt: skip
LIN = Setting(
    "pour of Lin 2025, 11-50-50-2", lambda seed: lin2025_pour(LIN_POUR, seed), 88, (50, 50),
    prior_sd=0.6, temperature=0.05, share=0.1, initial=64, batch=16, most=192, first=2400,
    steps=1200,
    balanced=True, acquisitions=("random", "margin", "straddle"),
)  # fmt: skip


def chip(side: int, seed: int) -> tuple[SimulatedArray, Measured]:
    """Return a formed chip of preset hfox-1t1r, and what was measured of it."""
    array = SimulatedArray(Chip(side, side, preset("hfox-1t1r"), seed=seed))
    cells = array.all_cells
    for height in FORMING:
        conductance = array.read(cells).conductance
        cells = cells[~(conductance >= 5e-6)]
        if not len(cells):
            break
        array.pulse(cells, Pulse.set(round(float(height), 2), 1.5, 1e-3))
    return array, measure_transitions(array, PULSES, np.random.default_rng(seed), passes=20)


def on_chip(setting: Setting, classes: int, seed: int) -> MemristorClassifier:
    """Return an untrained classifier on a chip of its own."""
    array, measured = chip(setting.side, seed)
    return MemristorClassifier(
        array,
        hidden=setting.hidden,
        activation=setting.activation,
        calibration=measured,
        classes=range(classes),
        prior_sd=setting.prior_sd,
        temperature=setting.temperature,
        share=setting.share,
        steps=setting.steps,
        burn_in=setting.steps // 3,
        thin=max(1, setting.steps // 30),
        warm_start=True,
        random_state=seed,
    )


def learning_curve(
    setting: Setting, task: Task, estimator: Any, acquisition: str, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return numbers of labels and (balanced) accuracies on the test samples, shape (rounds,)."""
    judge = scores.balanced_accuracy if setting.balanced else scores.accuracy
    learner = ActiveLearner(
        estimator,
        Pool.of(task.x_train[:, 1:], classes=task.classes),
        TableOracle(task.y_train),
        acquisition=acquisition,
        batch=setting.batch,
        initial=setting.initial,
        rng=np.random.default_rng(1000 + seed),
    )
    labels, found = [], []
    while len(learner.order) < setting.most:
        done = learner.step()
        if done.number == 0 and isinstance(estimator, MemristorClassifier):
            for _ in range(setting.first // setting.steps - 1):
                learner.learn()  # goes on from the weights that are on the chip
        mean = estimator.sample_proba(task.x_test[:, 1:]).mean(axis=0)
        labels.append(done.labelled)
        found.append(judge(mean, task.y_test))
    return np.array(labels), np.array(found)


def area(labels: NDArray[np.int64], curve: NDArray[np.float64]) -> float:
    """Return the mean height of a learning curve."""
    return float(np.trapezoid(curve, labels) / (labels[-1] - labels[0]))


def curves(setting: Setting) -> tuple[dict[str, NDArray[np.float64]], list[int]]:
    """Return learning curves, shape (seeds, rounds), by learner and acquisition; cells replaced."""
    found: dict[str, list[NDArray[np.float64]]] = {}
    replaced: list[int] = []
    for seed in range(SEEDS):
        task = setting.task(seed)
        classes = len(task.classes)
        for acquisition in ("random", "margin"):
            ensemble = FloatEnsemble(
                classes, setting.hidden, setting.activation, setting.prior_sd, seed
            )
            _, curve = learning_curve(setting, task, ensemble, acquisition, seed)
            found.setdefault(f"ensemble, {acquisition}", []).append(curve)
        for acquisition in setting.acquisitions:
            learner = on_chip(setting, classes, seed)
            _, curve = learning_curve(setting, task, learner, acquisition, seed)
            found.setdefault(f"chip, {acquisition}", []).append(curve)
            replaced.append(len(learner.chain_.replaced))
    length = min(len(curve) for group in found.values() for curve in group)
    cut = {name: np.array([c[:length] for c in group]) for name, group in found.items()}
    return cut, replaced


def figures(setting: Setting) -> Iterator[Figure]:
    """Yield areas under the curves, and the best acquisition beside the ensemble's margin."""
    found, replaced = curves(setting)
    rounds = next(iter(found.values())).shape[1]
    labels = setting.initial + setting.batch * np.arange(rounds)
    areas = {name: np.array([area(labels, c) for c in group]) for name, group in found.items()}
    for name, values in areas.items():
        yield Figure(f"{setting.name}: area, {name}", float(values.mean()), "fraction")
        yield Figure(f"{setting.name}: its standard error", _error(values), "fraction")
    yield Figure(f"{setting.name}: cells replaced in a run, most", max(replaced), "cells")
    on_chips = [name for name in areas if name.startswith("chip") and "random" not in name]
    best = max(on_chips, key=lambda name: areas[name].mean())
    gain = areas[best] - areas["chip, random"]
    yield Figure(f"{setting.name}: {best} less random, errors", _in_errors(gain), "errors", low=0.0)
    short = areas["ensemble, margin"] - areas[best]
    bound = 1.0 if setting is DIGITS else None
    yield Figure(
        f"{setting.name}: {best} behind the ensemble's margin", _in_errors(short), "errors", bound
    )
    if setting is LIN:
        last = found[best][:, -1]
        yield Figure(
            f"{setting.name}: {best}, 192 labels", float(last.mean()), "fraction", low=0.75
        )
        last = found["ensemble, margin"][:, -1]
        yield Figure(
            f"{setting.name}: ensemble, margin, 192 labels", float(last.mean()), "fraction"
        )


def _error(values: NDArray[np.float64]) -> float:
    """Return the standard error of the mean of seeds."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def _in_errors(difference: NDArray[np.float64]) -> float:
    """Return the mean of a paired difference over its standard error."""
    error = _error(difference)
    return float(difference.mean() / error) if error > 0 else float("nan")


def unseen() -> Iterator[Figure]:
    """Yield how well mutual information tells digits 8 and 9, never seen, from the others."""
    areas = []
    for seed in range(SEEDS):
        task = digits(seed)
        seen = task.y_train < 8
        learner = on_chip(OOD, 8, seed)
        learner.warm_start = False
        learner.set_params(steps=OOD.first, burn_in=OOD.first // 2, thin=OOD.first // 100)
        learner.fit(task.x_train[seen, 1:], task.y_train[seen].astype(np.int64))
        doubt = epistemic(learner.sample_proba(task.x_test[:, 1:]))
        areas.append(scores.auroc(doubt, task.y_test >= 8))
    values = np.array(areas)
    yield Figure("unseen digits 8, 9: AUROC of mutual information", values.mean(), "", low=0.93)
    yield Figure("unseen digits 8, 9: its standard error", _error(values), "")


OOD = Setting(
    "unseen digits", digits, 76, (32,), temperature=0.1, share=0.3, first=1000, steps=1000,
)  # fmt: skip


PARTS: dict[str, Callable[[], Iterator[Figure]]] = {
    "cancer": lambda: figures(CANCER),
    "pour": lambda: figures(POUR),
    "digits": lambda: figures(DIGITS),
    "unseen": unseen,
    "lin2025": lambda: figures(LIN),
}
"""What can be run alone: ``python -m tests.benchmarks.learn_active digits unseen``."""


def measure(parts: tuple[str, ...] = tuple(PARTS)) -> Iterator[Figure]:
    """Yield every figure of active learning and of unseen classes."""
    for part in parts:
        if part == "lin2025" and not LIN_POUR.exists():
            print(f"  {LIN_POUR} is absent: the pouring data of Lin et al. are not compared")
            continue
        yield from PARTS[part]()


if __name__ == "__main__":
    print(f"{SEEDS} seeds")
    for figure in measure(tuple(sys.argv[1:]) or tuple(PARTS)):
        verdict = "holds" if figure.holds else "does not hold"
        line = f"{figure.name:<62} {figure.value:>10.4f} {figure.unit:<9} {figure.bound:>10}"
        print(f"  {line}  {verdict}", flush=True)
