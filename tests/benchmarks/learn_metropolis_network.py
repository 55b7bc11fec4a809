"""A small network sampled by Metropolis-Hastings on the chip, beside Hamiltonian chains in float.

Weights of a network may be swapped and change sign without a change of what it predicts, so the two
posteriors are compared by their predictions of data that were not learned from.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from labctl.learn.gatecurve import measure_gate_curve
from labctl.learn.metropolis import Metropolis
from labctl.learn.models import Network
from labctl.learn.posterior import effective_sample_size, r_hat
from labctl.learn.tasks import breast_cancer
from tests.benchmarks import learn_metropolis
from tests.benchmarks.figure import Figure
from tests.benchmarks.learn_chips import SIDE, formed

LAYERS, DATA = (2, 4, 1), 60
CHAINS, BURN_IN, SAMPLES, KAPPA = 4, 300, 1_200, 8e-6
HMC_CHAINS, HMC_BURN_IN, HMC_DRAWS, THIN = 100, 80, 160, 4
LEAPS, LEAP = 10, 0.22
"""Leapfrog steps of a trajectory, and the length of one in prior sds, 30 % shorter or longer."""


def task() -> tuple[Network, NDArray[np.float64], NDArray[np.int64]]:
    """Return a network on the two strongest features of breast cancer, and the test data."""
    data = breast_cancer()
    strength = np.abs(np.corrcoef(data.x_train[:, 1:].T, data.y_train)[-1, :-1])
    kept = np.sort(np.argsort(-strength)[: LAYERS[0]]) + 1
    model = Network(data.x_train[:DATA][:, kept], data.y_train[:DATA], LAYERS, "tanh", "binary")
    return model, data.x_test[:, kept], data.y_test


def hamiltonian(model: Network, seed: int = 0) -> NDArray[np.float64]:
    """Return draws of the posterior in float, shape (draws, size).

    Hamiltonian Monte Carlo (Neal, Handbook of Markov Chain Monte Carlo, ch. 5 (2011)).
    """
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(HMC_CHAINS, model.size))
    now, kept = model.log_posteriors(w), []
    for k in range(HMC_BURN_IN + HMC_DRAWS):
        momentum = rng.normal(size=w.shape)
        leap = LEAP * rng.uniform(0.7, 1.3)
        new, push = w, momentum - 0.5 * leap * model.gradient(w)
        for _ in range(LEAPS):
            new = new + leap * push
            slope = model.gradient(new)
            push = push - leap * slope
        push = push + 0.5 * leap * slope
        there = model.log_posteriors(new)
        kinetic = 0.5 * np.square(momentum).sum(axis=1) - 0.5 * np.square(push).sum(axis=1)
        better = np.log(rng.random(len(w))) < there - now + kinetic
        w, now = np.where(better[:, None], new, w), np.where(better, there, now)
        if k >= HMC_BURN_IN and k % THIN == 0:
            kept.append(w)
    return np.concatenate(kept)


def measure() -> Iterator[Figure]:
    """Compare predictions: their means, their spreads, likelihood and accuracy."""
    model, x, y = task()
    array = formed("hfox-1t1r", SIDE, SIDE, 1)
    reset, up, gates = learn_metropolis.RESET, learn_metropolis.SET, learn_metropolis.GATES
    curve = measure_gate_curve(array, array.all_cells, reset, up, gates)
    rng = np.random.default_rng(3)
    chain = Metropolis(array, model, curve, rng, kappa=KAPPA, chains=CHAINS, block=1)
    samples = chain.run(SAMPLES, burn_in=BURN_IN)
    label = "Metropolis of network {}-{}-{}".format(*LAYERS)
    seen, known = (
        model.predict(draws, x)[..., 1] for draws in (samples.draws(), hamiltonian(model))
    )
    error = (seen.mean(axis=0) - known.mean(axis=0)) / known.std(axis=0)
    ratio = seen.std(axis=0) / known.std(axis=0)
    yield Figure(
        f"{label}: error of mean predictions", float(np.sqrt((error**2).mean())), "sd", 0.1
    )
    yield Figure(f"{label}: sd ratio of predictions", float(np.median(ratio)), "ratio", 1.05, 0.95)
    by_chain = seen.reshape(CHAINS, SAMPLES, -1)
    yield Figure(f"{label}: R-hat of predictions", float(r_hat(by_chain).max()), "ratio", 1.02)
    size = float(effective_sample_size(by_chain).min())
    yield Figure(f"{label}: effective samples, worst", size, "draws")
    for name, found in ((label, seen), ("the same network by HMC in float", known)):
        p = found.mean(axis=0)
        nll = -np.mean(np.log(np.where(y == 1, p, 1 - p)))
        yield Figure(f"{name}: NLL", float(nll), "nat")
        yield Figure(f"{name}: accuracy", float(np.mean((p > 0.5) == (y == 1))), "fraction")
