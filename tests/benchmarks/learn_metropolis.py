"""Metropolis-Hastings in rows of cells, with and without the factor of Hastings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from labctl.array import Pulse
from labctl.learn.gatecurve import measure_gate_curve
from labctl.learn.metropolis import Metropolis
from labctl.learn.models import LogisticRegression
from labctl.learn.posterior import Moments, compare
from labctl.learn.tasks import breast_cancer
from tests.benchmarks.figure import Figure
from tests.benchmarks.learn_chips import formed

FEATURES, DATA = 3, 60
ROWS, EVERY, BURN_IN = 4_000, 4, 500
KAPPA = 20e-6
RESET, SET = Pulse.reset(1.6, 4.75, 2e-4), Pulse.set(1.6, 1.5, 2e-4)
GATES = np.arange(1.4, 1.86, 0.05)


def small() -> LogisticRegression:
    """Return breast cancer on its three strongest features and a bias, sixty samples."""
    task = breast_cancer()
    strength = np.abs(np.corrcoef(task.x_train[:, 1:].T, task.y_train)[-1, :-1])
    kept = [0, *(np.sort(np.argsort(-strength)[:FEATURES]) + 1).tolist()]
    return LogisticRegression(task.x_train[:DATA][:, kept], task.y_train[:DATA])


def exact(model: LogisticRegression, seed: int = 0) -> Moments:
    """Return the posterior by 400 float Metropolis chains; means are good to 0.02 sd."""
    rng = np.random.default_rng(seed)
    w = np.zeros((400, model.size))

    def log(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([model.log_posterior(point) for point in points])

    now, root, kept = log(w), 0.3 * np.eye(model.size), []
    for k in range(1200):
        if k == 300:
            root = 2.38 / model.size**0.5 * np.linalg.cholesky(np.cov(w.T))
        new = w + rng.normal(size=w.shape) @ root.T
        there = log(new)
        better = np.log(rng.random(len(w))) < there - now
        w, now = np.where(better[:, None], new, w), np.where(better, there, now)
        if k >= 400 and k % 20 == 0:
            kept.append(w)
    draws = np.concatenate(kept)
    return Moments(draws.mean(axis=0), draws.std(axis=0), draws)


def measure() -> Iterator[Figure]:
    """Run the chain as published, then with the factor, then going round the rows as well."""
    model = small()
    known = exact(model)
    for name, hastings, same_row in (
        ("as published", False, True),
        ("with Hastings", True, True),
        ("with Hastings, going round", True, False),
    ):
        array = formed("hfox-1t1r", 32, 2 * model.size, seed=1)
        curve = measure_gate_curve(array, array.all_cells, RESET, SET, GATES)
        rng = np.random.default_rng(3)
        chain = Metropolis(
            array, model, curve, rng, kappa=KAPPA, hastings=hastings, same_row=same_row
        )
        chain.start(known.mean)
        samples = chain.run(ROWS, burn_in=BURN_IN, every=EVERY)
        found = compare(samples.weights, known)
        label = f"Metropolis {name}"
        bounds = (0.10, 1.05, 0.95) if hastings and not same_row else (None, None, None)
        yield Figure(f"{label}: mean error", found.mean_error, "sd", bounds[0])
        yield Figure(f"{label}: sd ratio", found.sd_ratio, "ratio", *bounds[1:])
        writes = chain.pulses / array.shape[0] / array.shape[1]
        yield Figure(f"{label}: writes a cell", writes, "pulses")
        yield Figure(f"{label}: accepted", samples.accepted, "fraction")
